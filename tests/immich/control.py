"""What the owner of a stand-in may ask beside the API: POST /stand-in/{name}, a JSON object in, JSON out."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import json
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.immich.storage import _small as small_pictures
from tests.immich.web import Site
from tests.immich.world import Faults, World

_SEED = """
INSERT INTO asset (id, "ownerId", type, "originalPath", "originalFileName", checksum, "checksumAlgorithm", "fileCreatedAt",
  "fileModifiedAt", "localDateTime", width, height) VALUES (%s, %s, 'IMAGE', %s, %s, %s, 'sha1', %s, %s, %s, 24, 16)"""


class Control:
    """The calls, by their names."""

    def __init__(self, world: World, site: Site) -> None:
        self.world, self.site = world, site

    def add_to(self, app: web.Application) -> None:
        """Serve them."""
        app.router.add_post("/stand-in/{name}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        work = getattr(self, f"do_{request.match_info['name']}")
        try:
            return web.json_response(await work(**await request.json()))
        except TimeoutError:
            lines = {
                name: line.counts() for name, line in self.world.jobs.queues.items() if self.world.jobs.busy(name)
            }
            return web.json_response({"timeout": lines}, status=504)

    async def do_idle(self, seconds: float) -> Any:
        await asyncio.wait_for(self.world.jobs.idle(), seconds)

    async def do_next_ids(self, ids: list[str]) -> Any:
        self.world.next_ids.extend(ids)

    async def do_hold(self, point: str) -> Any:
        self.world.jobs.hold(point)

    async def do_held(self, point: str, count: int, seconds: float) -> Any:
        await asyncio.wait_for(self.world.jobs.held(point, count), seconds)

    async def do_release(self, point: str) -> Any:
        self.world.jobs.release(point)

    async def do_delay(self, point: str, low: float, high: float) -> Any:
        self.world.jobs.delays[point] = (low, high)

    async def do_pause(self, queue: str) -> Any:
        self.world.jobs.pause(queue)

    async def do_resume(self, queue: str) -> Any:
        self.world.jobs.resume(queue)

    async def do_faults(self, **told: Any) -> Any:
        self.site.set_faults(Faults(**told))

    async def do_options(self, **told: Any) -> Any:
        for name, value in told.items():
            assert hasattr(self.world.options, name), name
            setattr(self.world.options, name, value)

    async def do_read_only(self, paths: list[str]) -> Any:
        self.world.read_only = set(paths)

    async def do_counts(self) -> Any:
        return {"calls": self.world.calls, "events": self.world.counts, "jobs": self.world.jobs.done}

    async def do_per_asset(self) -> Any:
        return self.world.per_asset

    async def do_reset_counts(self) -> Any:
        for each in (self.world.calls, self.world.counts, self.world.jobs.done, self.world.per_asset):
            each.clear()

    async def do_record(self) -> Any:
        return self.world.jobs.record

    async def do_errors(self) -> Any:
        return self.world.jobs.errors

    async def do_user(self, name: str, admin: bool, label: str | None) -> Any:
        sql = 'INSERT INTO "user" (email, name, "isAdmin", "storageLabel") VALUES (%s, %s, %s, %s) RETURNING id'
        return await self.world.db.value(sql, f"{name.lower()}@example.com", name, admin, label)

    async def do_key(self, user: str, permissions: list[str], name: str) -> Any:
        key = secrets.token_urlsafe(32)
        sql = 'INSERT INTO api_key (name, key, "userId", permissions) VALUES (%s, %s, %s, %s::varchar[])'
        await self.world.db.run(sql, name, hashlib.sha256(key.encode()).digest(), user, permissions)
        return key

    async def do_seed(self, user: str, count: int, files: bool, visibility: str) -> Any:
        """Assets that are as after a finished upload, all at once: rows, and with `files` a picture, a preview, a thumbnail."""
        known = [self._new(user, number) for number in range(count)]
        if files:
            await self.world.aside(self._write, user, known)
        async with self.world.db.whole() as door, door.cursor() as cursor:
            await cursor.executemany(_SEED, [each["row"] for each in known])
            ids = [each["id"] for each in known]
            now = datetime.now(UTC)
            await cursor.execute("UPDATE asset SET visibility = %s WHERE id = ANY (%s::uuid[])", (visibility, ids))
            await cursor.executemany('INSERT INTO asset_exif ("assetId") VALUES (%s)', [(each,) for each in ids])
            await cursor.executemany(
                'INSERT INTO asset_job_status ("assetId", "metadataExtractedAt") VALUES (%s, %s)',
                [(each, now) for each in ids],
            )
            rows = [
                (each, kind, self.world.thumb_path(user, each, kind))
                for each in ids
                for kind in ("preview", "thumbnail")
            ]
            await cursor.executemany('INSERT INTO asset_file ("assetId", type, path) VALUES (%s, %s, %s)', rows)
        return ids

    def _new(self, user: str, number: int) -> dict[str, Any]:
        asset, path = str(uuid.uuid4()), self.world.upload_path(user, ".jpg")
        when = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        digest = hashlib.sha1(path.encode()).digest()
        return {
            "id": asset,
            "path": path,
            "row": (asset, user, path, f"photo{number:06}.jpg", digest, when, when, when),
        }

    def _write(self, user: str, known: list[dict[str, Any]]) -> None:
        picture = self.world.folder_for("/data/seed.jpg")
        _paint(picture)
        small, data = small_pictures(picture), picture.read_bytes()
        picture.unlink()
        many = itertools.repeat((data, small["preview"])) if self.world.options.exiftool else _others()
        for each, (shot, preview) in zip(known, many, strict=False):
            self.world.folder_for(each["path"]).write_bytes(shot)
            for kind, shown in {**small, "preview": preview}.items():
                self.world.folder_for(self.world.thumb_path(user, each["id"], kind)).write_bytes(shown)

    async def do_system(self, **told: Any) -> Any:
        """What the admin's settings say, here the name of the CLIP model."""
        self.world.system |= told
        value = json.dumps({"machineLearning": {"clip": {"modelName": told["model"]}}})
        sql = "INSERT INTO system_metadata VALUES ('system-config', %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        await self.world.db.run(sql, value)


def _others() -> Iterator[tuple[bytes, bytes]]:
    """Pictures that no other file shows, each of one of some places, with their previews."""
    from PIL import Image

    from watcher.sample import SHOTS, exif

    for shot in itertools.cycle([exif(shot) for name, shot in SHOTS.items() if name != "ocean"]):
        file = io.BytesIO()
        image = Image.new("RGB", (24, 16), tuple(secrets.token_bytes(3)))
        image.paste(Image.frombytes("RGB", (8, 8), secrets.token_bytes(192)), (8, 4))
        image.save(file, "JPEG", quality=90, exif=shot)
        yield file.getvalue(), file.getvalue()


def _paint(path: Any) -> None:
    from PIL import Image

    Image.new("RGB", (24, 16), (200, 20, 20)).save(path, "JPEG")
