"""Uploads: the file grows under its final name, and only then there is a row."""

# ruff: noqa: ASYNC230 - files are small, and the real one blocks too
# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from datetime import datetime
from typing import Any

import aiohttp
from psycopg import errors as sql_errors

from tests.immich.checking import Refused, hold, maybe, moment, one_of
from tests.immich.shapes import IMAGES, VIDEOS
from tests.immich.web import Call, route
from tests.immich.web_search import _digest as digest_of

_INSERT = """
INSERT INTO asset (id, "ownerId", type, "originalPath", "originalFileName", checksum, "checksumAlgorithm", "fileCreatedAt",
  "fileModifiedAt", "localDateTime", visibility) VALUES (%s, %s, %s, %s, %s, %s, 'sha1', %s, %s, %s, %s) RETURNING id"""


class _Parts:
    """What came so far."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.files: dict[str, tuple[str, str, bytes, int]] = {}


@route("POST", "/assets", "asset.upload", status=201)
async def upload(call: Call) -> Any:
    if not call.request.content_type.startswith("multipart/"):
        hold({}, fileCreatedAt=moment, fileModifiedAt=moment)
    had = await _known(call, digest_of(call.request.headers.get("x-immich-checksum", "")))
    if had:
        await _drain(call)
        return _duplicate(had)
    parts = _Parts()
    try:
        await _receive(call, parts)
        if "assetData" not in parts.files:
            raise Refused(400, "Missing required file assetData")  # noqa: TRY301 - cleaned up below
        hold(
            parts.fields,
            fileCreatedAt=moment,
            fileModifiedAt=moment,
            visibility=maybe(one_of("archive", "timeline", "hidden", "locked")),
        )
    except (ConnectionError, aiohttp.ClientError, asyncio.CancelledError):
        _drop(call, parts)
        raise
    except (Refused, ValueError):
        for path, *_ in parts.files.values():
            call.world.host(path).unlink(missing_ok=True)
        raise
    return await _keep(call, parts)


async def _known(call: Call, digest: bytes) -> str | None:
    sql = 'SELECT id FROM asset WHERE "ownerId" = %s AND checksum = %s AND "libraryId" IS NULL'
    found: str | None = await call.world.db.value(sql, call.user["id"], digest) if digest else None
    return found


def _duplicate(asset: str) -> Any:
    return aiohttp.web.json_response({"status": "duplicate", "id": asset}, status=200)


async def _drain(call: Call) -> None:
    async for _ in call.request.content.iter_chunked(1 << 16):
        pass


async def _receive(call: Call, parts: _Parts) -> None:
    async for part in await call.request.multipart():
        assert isinstance(part, aiohttp.BodyPartReader)
        name = part.name or ""
        if part.filename is None:
            parts.fields[name] = await part.text()
        else:
            await _file(call, parts, name, part)


async def _file(call: Call, parts: _Parts, name: str, part: aiohttp.BodyPartReader) -> None:
    given = (
        parts.fields.get("filename") or part.filename or ""
    )  # the form field stands for every file, sidecars too
    ending = os.path.splitext(given)[1]
    fits = ending.lower() == ".xmp" if name == "sidecarData" else ending.lower() in IMAGES | VIDEOS
    if not fits:
        raise Refused(400, f"Unsupported file type {given}")
    path = call.world.upload_path(call.user["id"], ending)
    digest, size = hashlib.sha1(), 0
    with open(call.world.folder_for(path), "wb") as file:
        parts.files[name] = (path, given, b"", 0)
        while data := await part.read_chunk(1 << 16):
            file.write(data)
            file.flush()
            digest.update(data)
            size += len(data)
    parts.files[name] = (path, given, digest.digest(), size)


def _drop(call: Call, parts: _Parts) -> None:
    call.world.jobs.add("backgroundTask", "FileDelete", {"files": [each[0] for each in parts.files.values()]})


async def _keep(call: Call, parts: _Parts) -> Any:
    path, name, digest, size = parts.files["assetData"]
    made, modified = (datetime.fromisoformat(parts.fields[each]) for each in ("fileCreatedAt", "fileModifiedAt"))
    kind = "VIDEO" if os.path.splitext(path)[1].lower() in VIDEOS else "IMAGE"
    try:
        asset = await call.world.db.value(
            _INSERT,
            call.world.next_ids.popleft() if call.world.next_ids else str(uuid.uuid4()),
            call.user["id"],
            kind,
            path,
            name,
            digest,
            made,
            modified,
            made,
            parts.fields.get("visibility", "timeline"),
        )
    except sql_errors.UniqueViolation:
        _drop(call, parts)
        return _duplicate(await _known(call, digest) or "")
    if "sidecarData" in parts.files:
        place = parts.files["sidecarData"][0]
        await call.world.db.run(
            "INSERT INTO asset_file (\"assetId\", type, path) VALUES (%s, 'sidecar', %s)", asset, place
        )
        os.utime(call.world.host(place), (modified.timestamp(), modified.timestamp()))
    os.utime(call.world.host(path), (modified.timestamp(), modified.timestamp()))
    await call.world.db.run('INSERT INTO asset_exif ("assetId", "fileSizeInByte") VALUES (%s, %s)', asset, size)
    call.world.jobs.add("metadataExtraction", "AssetExtractMetadata", {"id": asset, "source": "upload"})
    return {"id": asset, "status": "created"}
