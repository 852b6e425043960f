"""One server and one key: asks, waits and asks again where that can help, and says in our words what went wrong.

    passes      connection refused or reset, a time-out, 408, 429, 5xx      asked again, then TryAgain
    a person's  401, 403 (with the missing permission), certificate, no JSON, a redirect   PlaceClosed
    this call   400 and all else: an id that is unknown, foreign or locked   Refused

The key goes to the server that was named and to no other: redirects are followed within it alone.
"""

from __future__ import annotations

import random
import re
import socket
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx

from metadata.errors import PlaceClosed, Refused, TryAgain, UserError
from metadata.web import PASSES, pause, retry_after, trust
from metadata.web import server_time as server_time  # noqa: PLC0414 - what the client takes from here

TRIES = 6
PATIENT = 300.0
"""The longest `Retry-After`, in seconds, that is sat out; a longer one is the caller's."""
HANGS = 60.0
"""Seconds spent on one question without an answer after which it is not asked again: the server hangs."""

_PERMISSION = re.compile(r"[Mm]issing required permission:? ?([a-zA-Z.]+)")

Wait = Callable[[float], None]
Form = tuple[Mapping[str, str], Mapping[str, tuple[str, bytes]]]
"""What goes as a form: fields, and files with their names."""


class Wire:
    """Asks Immich. Opens nothing before the first question; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        ca_file: str | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 60.0,
        wait: Wait = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """Raises UserError where `url` is none, or `ca_file` cannot be used."""
        self._bases = candidates(url)
        self._wait = wait
        self._rng = rng or random.Random()  # noqa: S311 - spreads waits, keeps no secret
        self.connections = 0
        self.calls = {"answered": 0, "failed": 0}
        """Questions so far, those that were asked again counted each time."""
        self._open: dict[int, float] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._ended = False
        self._client = httpx.Client(
            headers={"x-api-key": key, "accept": "application/json"},
            verify=trust(
                ca_file,
                encrypted=any(base.startswith("https") for base in self._bases),
                setting="immich.ca_file",
            ),
            trust_env=False,  # the key goes to Immich and through nobody else's proxy
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

    def abort(self) -> None:
        """Ends what is under way, from another thread: it raises TryAgain there, as all that is asked later."""
        self._ended = True
        for each in [*self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # closing alone wakes nobody who waits for an answer

    @property
    def place(self) -> bytes:
        """The server, as errors name it."""
        return self._bases[0].encode()

    def silent(self) -> float:
        """Seconds for which the oldest question that is under way has had no answer; 0 where none is."""
        began = min((*self._open.values(),), default=None)
        return 0.0 if began is None else time.monotonic() - began

    def json(self, method: str, path: str, body: object = None, *, among: frozenset[int] = frozenset()) -> Any:
        """The answer's JSON; None for an empty answer or a status of `among`. Raises as the module says."""
        response = self.ask(method, path, body=body, among=among)
        return None if response.status_code in among else self.parsed(method, path, response)

    def parsed(self, method: str, path: str, response: httpx.Response) -> Any:
        """The JSON of an answer, None of an empty one. Raises PlaceClosed where it is none."""
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            reason = (
                f"{method} {path} was answered with something that is no JSON; does `immich.url` lead to Immich?"
            )
            raise PlaceClosed(self.place, reason) from None

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Mapping[str, str] | None = None,
        form: Form | None = None,
        among: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """The answer, if it is good or its status is one of `among`. Raises as the module says."""
        reason, after, spent = "", None, 0.0
        for attempt in range(TRIES):
            if self._ended:
                raise TryAgain(self.place, "tagwright is ending")
            if attempt:
                self._wait(pause(attempt, after, self._rng))
            began = time.monotonic()
            try:
                response = self._once(method, path, body, params, form)
            except httpx.TransportError as error:
                self.calls["failed"] += 1
                reason, after = self._broken(error), None
                spent += time.monotonic() - began
                if spent >= HANGS:
                    break
                continue
            self.calls["answered"] += 1
            if response.status_code in among or response.is_success:
                return response
            if response.status_code not in PASSES:
                raise self._refused(method, path, response)
            reason, after = f"{method} {path}: {response.status_code} {_message(response)}", retry_after(response)
            if after is not None and after > PATIENT:
                break
        raise TryAgain(self.place, reason)

    def _once(
        self, method: str, path: str, body: object, params: Mapping[str, str] | None, form: Form | None
    ) -> httpx.Response:
        """One question, at the first of the addresses that answers, followed within the server."""
        response = self._send(method, self._base() + path, body, params, form)
        for _ in range(3):
            target = response.next_request
            if not response.has_redirect_location or target is None or method != "GET":
                break
            if _origin(target.url) != _origin(response.url):
                break
            response = self._send(method, str(target.url), None, None)
        return response

    def _send(
        self,
        method: str,
        url: str,
        body: object,
        params: Mapping[str, str] | None,
        form: Form | None = None,
    ) -> httpx.Response:
        fields, files = form if form is not None else (None, None)
        request = self._client.build_request(
            method,
            url,
            json=body,
            params=params,
            data=fields,
            files=files,
            extensions={"trace": self._traced},
        )
        mark = id(request)
        self._open[mark] = time.monotonic()
        try:
            return self._client.send(request)
        finally:
            del self._open[mark]

    def _base(self) -> str:
        """The address, `/api` included; where no scheme was given, the one that Immich answers at."""
        if len(self._bases) > 1:
            self._bases = [self._answering(self._bases)]
        return self._bases[0]

    def _answering(self, bases: list[str]) -> str:
        """The first of them that tells Immich's version. It is asked without the key."""
        failed: httpx.TransportError = httpx.ConnectError("nothing that answers like Immich")
        for base in bases:
            request = self._client.build_request("GET", f"{base}/server/version")
            del request.headers["x-api-key"]
            try:
                response = self._client.send(request)
            except httpx.TransportError as error:
                failed = error
                continue
            if response.is_success and b'"major"' in response.content:
                return base
        raise failed

    def _traced(self, event: str, told: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self.connections += 1
        made = event in ("connection.connect_tcp.complete", "connection.start_tls.complete")
        if made and "return_value" in told:
            self._sockets.add(told["return_value"].get_extra_info("socket"))
            if self._ended:
                self.abort()

    def _broken(self, error: httpx.TransportError) -> str:
        """Why there was no answer. Raises PlaceClosed where asking again cannot help."""
        text = str(error) or type(error).__name__
        if isinstance(error, httpx.UnsupportedProtocol):
            raise UserError(f"immich.url: {text}") from error
        if "CERTIFICATE_VERIFY_FAILED" in text:
            reason = f"its certificate is not trusted ({text}); name the authority's file as `immich.ca_file`"
            raise PlaceClosed(self.place, reason) from error
        return f"does not answer: {text}"

    def _refused(self, method: str, path: str, response: httpx.Response) -> PlaceClosed | Refused:
        status, said = response.status_code, _message(response)
        if status == 401:
            return PlaceClosed(self.place, f"{method} {path}: the key is refused ({said})")
        if status == 403:
            found = _PERMISSION.search(said)
            lacks = f"the key lacks the permission {found[1]}" if found else f"the key may not do this ({said})"
            return PlaceClosed(self.place, f"{method} {path}: {lacks}")
        if response.has_redirect_location:
            target = response.headers["location"]
            return PlaceClosed(
                self.place, f"{method} {path} is sent on to {target}; set `immich.url` to where Immich is"
            )
        return Refused(self.place, f"{method} {path}: {status} {said}")


def candidates(url: str) -> list[str]:
    """The addresses of the API that a person may have meant, `/api` included and no slash at the end.

    With a scheme there is one. Without, https is tried before http. Raises UserError where there is no host.
    """
    scheme, mark, rest = url.strip().partition("://")
    if not mark:
        scheme, rest = "", scheme
    rest = rest.rstrip("/").removesuffix("/api").rstrip("/")
    try:
        parsed = httpx.URL(f"{scheme or 'https'}://{rest}")
    except httpx.InvalidURL as error:
        raise UserError(f"immich.url: {url!r} is no address: {error}") from None
    if not parsed.host or scheme.lower() not in ("", "http", "https"):
        raise UserError(f"immich.url: {url!r} is no address such as https://photos.example.org or immich:2283")
    return [f"{each}://{rest}/api" for each in ([scheme.lower()] if scheme else ["https", "http"])]


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _message(response: httpx.Response) -> str:
    """What Immich says of an error, shortened: `message` (a list before 3.0), and what was invalid."""
    try:
        told = response.json()
    except ValueError:
        return response.reason_phrase
    if not isinstance(told, dict):
        return response.reason_phrase
    said = told.get("message", "")
    text = "; ".join(map(str, said)) if isinstance(said, list) else str(said)
    if errors := told.get("errors"):
        text += f": {errors}"
    return text[:500]
