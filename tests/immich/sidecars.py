"""The sidecar queue: writing what was edited, looking for sidecars, and the jobs for all assets."""

from __future__ import annotations

import logging
import os
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.immich.jobs import Job
from tests.immich.program import WriteFailed
from tests.immich.world import World

_LOG = logging.getLogger(__name__)

_FOR_WRITE = """
SELECT a."originalPath", e.*, (SELECT path FROM asset_file f WHERE f."assetId" = a.id AND f.type = 'sidecar'
  AND NOT f."isEdited") AS sidecar
FROM asset a LEFT JOIN asset_exif e ON e."assetId" = a.id WHERE a.id = %s"""

_REGISTER = """
INSERT INTO asset_file ("assetId", type, path) VALUES (%s, 'sidecar', %s)
ON CONFLICT ("assetId", type, "isEdited") DO UPDATE SET path = excluded.path"""

UNLOCK = """
UPDATE asset_exif SET "lockedProperties" = nullif(ARRAY(SELECT each FROM unnest("lockedProperties") each
  WHERE NOT each = ANY (%s::varchar[])), '{}') WHERE "assetId" = %s"""


class Sidecars:
    """The jobs of the queue `sidecar`."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.jobs.handlers.update(
            SidecarWrite=self.write, SidecarCheck=self.check, SidecarQueueAll=self.queue_all
        )

    async def write(self, job: Job) -> None:
        """Write the edited fields, forget the locks whether or not that worked, and have the files read again."""
        asset = job.data["id"]
        row = await self.world.db.row(_FOR_WRITE, asset)
        if row is None:
            return
        locked = list(row["lockedProperties"] or [])
        values = _values(row, locked)
        path = row["sidecar"] or f"{row['originalPath']}.xmp"
        if values:
            await self._write(asset, path, values)
            await self.world.db.run(UNLOCK, locked, asset)
            if row["sidecar"] is None:
                await self.world.db.run(_REGISTER, asset, path)
        self.extract(asset, "sidecar-write")

    async def _write(self, asset: str, path: str, values: dict[str, Any]) -> None:
        await self.world.jobs.point("sidecar-write", asset=asset)
        try:
            if not self.world.writable(path):
                raise WriteFailed(f"Error opening file - {path} (read-only file system)")  # noqa: TRY301 - as if exiftool had
            await self.world.exiftool.write(str(self.world.host(path)), values)
        except (WriteFailed, OSError) as error:  # only a warning in the log, which is how tags get lost
            _LOG.warning("writing %s: %s", path, error)
            self.world.count("sidecar write failed", asset)
        else:
            self.world.count("sidecar write", asset)
        await self.world.jobs.point("sidecar-written", asset=asset)

    def extract(self, asset: str, source: str | None = None) -> None:
        """Queue a reading of the files."""
        data = {"id": asset} | ({"source": source} if source else {})
        self.world.jobs.add("metadataExtraction", "AssetExtractMetadata", data)

    async def check(self, job: Job) -> None:
        """Look where the sidecar is: registered, beside with both endings, beside with one; then read."""
        asset = job.data["id"]
        row = await self.world.db.row(_FOR_WRITE, asset)
        if row is None:
            return
        found = self._look(row["originalPath"], row["sidecar"])
        if found and found != row["sidecar"]:
            await self.world.db.run(_REGISTER, asset, found)
        elif row["sidecar"] and not found:
            await self.world.db.run("DELETE FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'", asset)
        self.extract(asset, job.data.get("source"))

    def _look(self, original: str, registered: str | None) -> str | None:
        beside = [f"{original}.xmp", os.path.splitext(original)[0] + ".xmp"]
        places = [registered, *beside] if registered else beside
        return next((each for each in places if os.access(self.world.host(each), os.R_OK)), None)

    async def queue_all(self, job: Job) -> None:
        """A check for every asset, or for every one without a sidecar."""
        known = "SELECT 1 FROM asset_file f WHERE f.\"assetId\" = a.id AND f.type = 'sidecar'"
        only = "" if job.data.get("force") else f"WHERE NOT EXISTS ({known})"
        for row in await self.world.db.rows(f"SELECT a.id FROM asset a {only} ORDER BY a.id"):
            self.world.jobs.add("sidecar", "SidecarCheck", {"id": row["id"]})


def _values(row: dict[str, Any], locked: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "description" in locked:
        values |= {"Description": row["description"], "ImageDescription": row["description"]}
    if "dateTimeOriginal" in locked and row["dateTimeOriginal"]:
        values["DateTimeOriginal"] = _iso(row["dateTimeOriginal"], row["timeZone"])
    if "latitude" in locked and row["latitude"] is not None:
        values |= {"GPSLatitude": row["latitude"], "GPSLatitudeRef": "N" if row["latitude"] >= 0 else "S"}
        values |= {"GPSLongitude": row["longitude"], "GPSLongitudeRef": "E" if row["longitude"] >= 0 else "W"}
    if "rating" in locked:
        values["Rating"] = row["rating"] or 0
    if "tags" in locked:
        values["TagsList"] = list(row["tags"] or [])
    return values


def _iso(when: datetime, zone: str | None) -> str:
    found = re.fullmatch(r"UTC([+-])(\d+)(?::(\d\d))?", zone or "")
    if found:
        minutes = (int(found[2]) * 60 + int(found[3] or 0)) * (-1 if found[1] == "-" else 1)
        when = when.astimezone(timezone(timedelta(minutes=minutes)))
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
