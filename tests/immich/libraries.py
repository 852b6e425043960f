"""External libraries: what a scan takes in, and what it leaves."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import fnmatch
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.immich.jobs import Job
from tests.immich.shapes import IMAGES, VIDEOS
from tests.immich.world import World, path_checksum

EXCLUDED = ["**/@eaDir/**", "**/._*", "**/#recycle/**", "**/#snapshot/**", "**/.stversions/**", "**/.stfolder/**"]

_INSERT = """
INSERT INTO asset ("ownerId", "libraryId", type, "originalPath", "originalFileName", checksum, "checksumAlgorithm",
  "fileCreatedAt", "fileModifiedAt", "localDateTime", "isExternal")
VALUES (%s, %s, %s, %s, %s, %s, 'sha1-path', %s, %s, %s, true) RETURNING id"""


class Libraries:
    """The jobs of the queue `library`."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.jobs.handlers.update(
            LibrarySyncFilesQueueAll=self.find_new, LibraryScanAssetsQueueAll=self.find_known,
            LibrarySyncFiles=self.take_in, LibrarySyncAssets=self.look_again,
        )  # fmt: skip

    def scan(self, library: str) -> None:
        """Queue both halves of a scan."""
        self.world.jobs.add("library", "LibrarySyncFilesQueueAll", {"id": library})
        self.world.jobs.add("library", "LibraryScanAssetsQueueAll", {"id": library})

    async def find_new(self, job: Job) -> None:
        """Files that no asset has."""
        library = await self._library(job.data["id"])
        found = [
            path for each in library["importPaths"] for path in self._walk(each, library["exclusionPatterns"])
        ]
        known = await self.world.db.rows(
            'SELECT "originalPath" AS path FROM asset WHERE "libraryId" = %s', library["id"]
        )
        new = sorted(set(found) - {row["path"] for row in known})
        if new:
            data = {"libraryId": library["id"], "paths": new, "progressCounter": len(new)}
            self.world.jobs.add("library", "LibrarySyncFiles", data)
        await self.world.db.run('UPDATE library SET "refreshedAt" = now() WHERE id = %s', library["id"])

    async def _library(self, library: str) -> dict[str, Any]:
        row = await self.world.db.row("SELECT * FROM library WHERE id = %s", library)
        assert row
        return row

    def _walk(self, top: str, excluded: list[str]) -> list[str]:
        found = []
        root = self.world.host(top)
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            inside = top + folder[len(str(root)) :]
            found += [f"{inside}/{name}" for name in sorted(names) if _media(name)]
        return [path for path in found if not any(fnmatch.fnmatch(path, each) for each in excluded)]

    async def take_in(self, job: Job) -> None:
        """A row for each, then its sidecar is looked for, then it is read."""
        library = await self._library(job.data["libraryId"])
        new = [await self._insert(library, path) for path in job.data["paths"]]
        for asset in new:
            self.world.jobs.add("sidecar", "SidecarCheck", {"id": asset, "source": "upload"})

    async def _insert(self, library: dict[str, Any], path: str) -> str:
        modified = _when(self.world.host(path))
        kind = "VIDEO" if os.path.splitext(path)[1].lower() in VIDEOS else "IMAGE"
        return await self.world.db.value(
            _INSERT, library["ownerId"], library["id"], kind, path, os.path.basename(path), path_checksum(path),
            modified, modified, modified,
        )  # fmt: skip

    async def find_known(self, job: Job) -> None:
        """Those that there are, in one job."""
        rows = await self.world.db.rows('SELECT id FROM asset WHERE "libraryId" = %s', job.data["id"])
        if rows:
            library = await self._library(job.data["id"])
            names = ("importPaths", "exclusionPatterns")
            data = {"libraryId": library["id"], **{name: library[name] for name in names}}
            data |= {
                "assetIds": [row["id"] for row in rows],
                "progressCounter": len(rows),
                "totalAssets": len(rows),
            }
            self.world.jobs.add("library", "LibrarySyncAssets", data)

    async def look_again(self, job: Job) -> None:
        """Gone files go offline; those whose own time changed are read anew; a sidecar's change is not seen."""
        for asset in job.data["assetIds"]:
            row = await self.world.db.row("SELECT * FROM asset WHERE id = %s", asset)
            if row:
                await self._look(row)

    async def _look(self, row: dict[str, Any]) -> None:
        try:
            modified = _when(self.world.host(row["originalPath"]))
        except FileNotFoundError:
            await self.world.db.run(
                'UPDATE asset SET "isOffline" = true, status = \'trashed\', "deletedAt" = now() WHERE id = %s AND NOT "isOffline"',
                row["id"],
            )
            return
        if row["isOffline"]:
            await self.world.db.run(
                'UPDATE asset SET "isOffline" = false, status = \'active\', "deletedAt" = NULL WHERE id = %s',
                row["id"],
            )
        elif abs((modified - row["fileModifiedAt"]).total_seconds()) < 0.001:
            return
        await self.world.db.run('UPDATE asset SET "fileModifiedAt" = %s WHERE id = %s', modified, row["id"])
        self.world.jobs.add("sidecar", "SidecarCheck", {"id": row["id"], "source": "upload"})


def _when(path: Path) -> datetime:
    """When the file was changed, in whole milliseconds."""
    return datetime.fromtimestamp(path.stat().st_mtime_ns // 1_000_000 / 1000, UTC)


def _media(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGES | VIDEOS
