"""The HTTP side: routes, keys and permissions, faults, and how an answer is put."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from psycopg import errors as sql_errors

from tests.immich.checking import Refused
from tests.immich.world import Faults, World

Handler = Callable[["Call"], Awaitable[Any]]


@dataclass
class Route:
    """One call that is known; `permission` empty: no key is asked for, `*`: any key will do."""

    method: str
    path: str
    permission: str
    handler: Handler
    status: int
    admin: bool = False


ROUTES: list[Route] = []


def route(
    method: str, path: str, permission: str, *, status: int = 200, admin: bool = False
) -> Callable[[Handler], Handler]:
    """Make this function the answer to a call."""

    def known(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, permission, handler, status, admin))
        return handler

    return known


@dataclass
class Call:
    """One request under way."""

    world: World
    request: web.Request
    user: dict[str, Any] = field(default_factory=dict)
    key: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def query(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return dict(self.request.query)

    def part(self, name: str) -> str:
        """A piece of the path."""
        return self.request.match_info[name]


class Site:
    """The application: everything under /api, and /stand-in for the test that owns it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self._die = random.Random(1)
        self._given = 0
        self.app = web.Application(client_max_size=10 * 1024 * 1024)
        for each in ROUTES:
            self.app.router.add_route(each.method, f"/api{each.path}", self._answering(each))
        self.app.router.add_route("*", "/api/{rest:.*}", self._unknown)

    def set_faults(self, faults: Faults) -> None:
        """Answer wrongly from now on, as told."""
        self.faults, self._die, self._given = faults, random.Random(faults.seed), 0

    def _answering(self, known: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            name = f"{known.method} {known.path}"
            self.world.calls[name] += 1
            fault = self._fault(request)
            if fault in ("429", "500", "400", "reset"):
                self.world.counts[f"fault {fault}"] += 1
                return await self._wrong(request, fault)
            if fault == "slow":
                self.world.counts["fault slow"] += 1
                await asyncio.sleep(self.faults.slow)
            response = await asyncio.shield(self._right(known, request))
            if fault == "lost":  # done, but nobody hears of it
                self.world.counts["fault lost"] += 1
                return await self._wrong(request, "reset")
            return response

        return answer

    def _fault(self, request: web.Request) -> str | None:
        told = self.faults
        if (
            not told.rate
            or self._given >= told.most
            or not re.match(told.paths, f"{request.method} {request.path}")
        ):
            return None
        if self._die.random() >= told.rate:
            return None
        self._given += 1
        return self._die.choice(told.kinds)

    async def _wrong(self, request: web.Request, fault: str) -> web.StreamResponse:
        if fault == "reset":
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        headers = {"Retry-After": self.faults.retry_after} if fault == "429" else {}
        said = {
            "429": "ThrottlerException: Too Many Requests",
            "500": "Internal server error",
            "400": "Bad Request",
        }
        return self._put(int(fault), {"message": said[fault]}, headers)

    async def _right(self, known: Route, request: web.Request) -> web.StreamResponse:
        try:
            call = Call(self.world, request)
            if known.permission:
                await self._admit(call, known)
            call.body = await _body(request)
            found = await known.handler(call)
        except Refused as refused:
            return self._put(refused.status, refused.body)
        except web.HTTPException:
            raise
        except (sql_errors.Error, Exception) as error:  # noqa: BLE001 - as Immich: the log knows more
            self.world.jobs.errors.append(f"{known.method} {known.path}: {error!r}")
            return self._put(500, {"message": "Internal server error"})
        if isinstance(found, web.StreamResponse):
            return found
        return self._put(known.status, found)

    async def _admit(self, call: Call, known: Route) -> None:
        given = call.request.headers.get("x-api-key") or call.request.query.get("apiKey")
        if not given:
            raise self._refused(401, "Authentication required")
        digest = hashlib.sha256(given.encode()).digest()
        found = await self.world.db.row(
            'SELECT k.*, u.id AS uid FROM api_key k JOIN "user" u ON u.id = k."userId" WHERE key = %s', digest
        )
        if not found:
            raise self._refused(401, "Invalid API key")
        user = await self.world.db.row('SELECT * FROM "user" WHERE id = %s', found["uid"])
        assert user
        call.key, call.user = found, user
        if known.admin and not user["isAdmin"]:
            raise self._refused(403, "Forbidden")
        if known.permission not in ("*", *found["permissions"]) and "all" not in found["permissions"]:
            raise self._refused(403, f"Missing required permission: {known.permission}")

    def _refused(self, status: int, message: str) -> Refused:
        return Refused(status, message)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return self._put(404, {"message": f"Cannot {request.method} {request.path}"})

    def _put(self, status: int, found: Any, headers: dict[str, str] | None = None) -> web.Response:
        mark = secrets.token_hex(4)
        headers = {**(headers or {}), "X-Correlation-ID": mark}
        if status == 204 or (found is None and status != 200):
            return web.Response(status=status, headers=headers)
        if self.world.old and status >= 400 and isinstance(found, dict):
            words = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
            message = [each["message"] for each in found["errors"]] if "errors" in found else found["message"]
            found = {
                "message": message,
                "error": words.get(status, "Internal Server Error"),
                "statusCode": status,
                "correlationId": mark,
            }
        return web.json_response(found, status=status, headers=headers)


async def _body(request: web.Request) -> Any:
    if request.content_type.startswith("multipart/"):
        return None
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(await request.post())
    raw = await request.read()
    if not raw:
        return {}
    with contextlib.suppress(ValueError):
        return json.loads(raw)
    if request.content_type != "application/json":
        return {}
    raise Refused(400, "Unexpected end of JSON input")


async def owned(call: Call, ids: list[str], permission: str) -> None:
    """Raise Refused (400) unless every one of these assets is the caller's and no locked one is among them."""
    if len(await permitted(call, ids)) < len(set(ids)):
        raise Refused(400, f"Not found or no {permission} access")


async def permitted(call: Call, ids: list[str]) -> set[str]:
    """Those of these assets that the caller may touch."""
    rows = await call.world.db.rows(
        "SELECT id FROM asset WHERE id = ANY (%s::uuid[]) AND \"ownerId\" = %s AND visibility <> 'locked'",
        ids,
        call.user["id"],
    )
    return {row["id"] for row in rows}
