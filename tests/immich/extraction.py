"""Reading a photo and its sidecar into the tables: whatever was there before gives way, except what is locked."""

# ruff: noqa: ASYNC240 - files are small
# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.immich import importing, tagging
from tests.immich.jobs import Job
from tests.immich.world import World

_WANTED = """
SELECT a.*, (SELECT path FROM asset_file f WHERE f."assetId" = a.id AND f.type = 'sidecar' AND NOT f."isEdited") AS sidecar
FROM asset a WHERE a.id = %s"""

_LOCKABLE = ("description", "dateTimeOriginal", "latitude", "longitude", "rating", "tags", "timeZone")


class Extraction:
    """The job of the queue `metadataExtraction`."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.jobs.handlers.update(AssetExtractMetadata=self.extract, AssetExtractMetadataQueueAll=self.queue_all)

    async def queue_all(self, job: Job) -> None:
        """One for every asset, or for every one that never had one."""
        never = 'LEFT JOIN asset_job_status s ON s."assetId" = a.id WHERE s."metadataExtractedAt" IS NULL'
        for row in await self.world.db.rows(f"SELECT a.id FROM asset a {'' if job.data.get('force') else never}"):
            self.world.jobs.add("metadataExtraction", "AssetExtractMetadata", {"id": row["id"]})

    async def extract(self, job: Job) -> None:
        """Read, replace, say when, and go on to the storage template."""
        asset = job.data["id"]
        row = await self.world.db.row(_WANTED, asset)
        if row is None:
            return
        await self.world.jobs.point("extraction", asset=asset)
        place = self.world.host(row["originalPath"])
        about = place.stat()  # a missing original fails the job and changes nothing
        read = await self._read(place, row["sidecar"])
        self.world.count("extraction", asset)
        await self.world.jobs.point("extraction-read", asset=asset)
        await self._store(row, read, about)
        await self._tags(row)
        await self._done(asset, job.data.get("source"))

    async def _read(self, place: Path, sidecar: str | None) -> dict[str, Any]:
        paths = [str(place)]
        if sidecar and os.path.exists(self.world.host(sidecar)):
            paths.append(str(self.world.host(sidecar)))
        found = await self.world.exiftool.read(*paths)
        return importing.merged(found[0], found[1] if len(found) > 1 else {}) | {"_photo": found[0]}

    async def _store(self, row: dict[str, Any], read: dict[str, Any], about: os.stat_result) -> None:
        values = _exif(read, row, about, old=self.world.old)
        names = ", ".join(f'"{name}"' for name in values)
        kept = ", ".join(_keep(name) for name in values)
        holes = ", ".join(["%s"] * len(values))
        await self.world.db.run(
            f'INSERT INTO asset_exif ("assetId", {names}) VALUES (%s, {holes}) ON CONFLICT ("assetId") DO UPDATE SET {kept}',
            row["id"], *values.values(),
        )  # fmt: skip
        when = values["dateTimeOriginal"]
        local = when.replace(tzinfo=UTC) if when.tzinfo else when
        await self.world.db.run(
            'UPDATE asset SET "localDateTime" = %s, "fileCreatedAt" = %s, width = coalesce(width, %s),'
            " height = coalesce(height, %s) WHERE id = %s",
            local, when, values["exifImageWidth"], values["exifImageHeight"], row["id"],
        )  # fmt: skip

    async def _tags(self, row: dict[str, Any]) -> None:
        tags = await self.world.db.value('SELECT tags FROM asset_exif WHERE "assetId" = %s', row["id"])
        await self.world.jobs.point("extraction-tags", asset=row["id"])
        leaves = await tagging.upsert(self.world, row["ownerId"], tags or [])
        await tagging.replace(self.world, row["id"], [leaf["id"] for leaf in leaves])

    async def _done(self, asset: str, source: str | None) -> None:
        await self.world.db.run(
            'INSERT INTO asset_job_status ("assetId", "metadataExtractedAt") VALUES (%s, %s) ON CONFLICT ("assetId")'
            ' DO UPDATE SET "metadataExtractedAt" = excluded."metadataExtractedAt"',
            asset, _now(),
        )  # fmt: skip
        data = ({"source": source} if source else {}) | {"id": asset}
        self.world.jobs.add("storageTemplateMigration", "StorageTemplateMigrationSingle", data, job_id=asset)


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _keep(name: str) -> str:
    new = f'"{name}" = excluded."{name}"'
    if name not in _LOCKABLE:
        return new
    return f'"{name}" = CASE WHEN \'{name}\' = ANY (asset_exif."lockedProperties") THEN asset_exif."{name}" ELSE excluded."{name}" END'


def _exif(read: dict[str, Any], row: dict[str, Any], about: os.stat_result, *, old: bool) -> dict[str, Any]:
    photo = read["_photo"]
    place = importing.place(read)
    when, zone = importing.taken(read) or (min(row["fileCreatedAt"], row["fileModifiedAt"]), None)
    return {
        "make": _text(read.get("Make")), "model": _text(read.get("Model")), "lensModel": _text(read.get("LensModel")),
        "fNumber": read.get("FNumber"), "focalLength": read.get("FocalLength"), "iso": read.get("ISO"),
        "exifImageWidth": photo.get("ImageWidth"), "exifImageHeight": photo.get("ImageHeight"),
        "fileSizeInByte": about.st_size, "orientation": _text(read.get("Orientation")),
        "dateTimeOriginal": when,
        "timeZone": zone, "modifyDate": datetime.fromtimestamp(int(about.st_mtime), UTC),
        "latitude": place[0] if place else None, "longitude": place[1] if place else None,
        "description": importing.description(read), "rating": importing.rating(read, old=old),
        "tags": importing.tags(read) or None,
    }  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
