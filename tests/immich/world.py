"""What one stand-in is made of: its tables, its folders, its queues, its exiftool, and how it was asked to behave."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.immich.database import Database
from tests.immich.jobs import Jobs
from tests.immich.program import Exiftool
from tests.immich.quick import Quick

OLD = {
    "2.7": "ALTER TABLE asset ADD \"deviceAssetId\" varchar NOT NULL DEFAULT '', ADD \"deviceId\" varchar NOT NULL DEFAULT '',"
    " ALTER duration TYPE varchar",
}
"""What turns the tables of 3.1 into those of another version."""

VERSIONS = {"3.1": (3, 1, 0), "2.7": (2, 7, 5), "2.5": (2, 5, 0), "2.4": (2, 4, 1)}


@dataclass
class Options:
    """How this Immich is set up; all of it can be given when it starts."""

    version: str = "3.1"
    template: bool = False
    """Whether the storage template moves files."""
    vectors: bool = False
    """Whether smart search is on: then a vector follows each thumbnail."""
    import_faces: bool = False
    seed: int = 1
    exiftools: int = 2
    exiftool: bool = True
    """Whether files are written and read by the real one; without it far quicker, and nothing is kept of the jobs."""
    loop_debug: bool = False


@dataclass
class Faults:
    """Answers that go wrong: `rate` of those to `paths` (a pattern for method and path), by a seeded die."""

    rate: float = 0.0
    kinds: list[str] = field(default_factory=lambda: ["429", "500", "400", "reset", "lost", "slow"])
    paths: str = r".* /api/(?!server/)"
    seed: int = 1
    retry_after: str = "0"
    slow: float = 0.05
    most: int = 1_000_000


class World:
    """Everything that handlers and jobs share."""

    def __init__(self, db: Database, media: Path, external: Path, options: Options) -> None:
        self.db, self.options = db, options
        self.maps = {"/data": media, "/external": external}
        self.jobs = Jobs(options.seed, keeps=options.exiftool)
        self.exiftool = Exiftool(options.exiftools) if options.exiftool else Quick()
        self.threads = ThreadPoolExecutor(2, thread_name_prefix="stand-in")
        self.read_only: set[str] = set()
        self.system: dict[str, Any] = {}
        self.calls: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.per_asset: dict[str, Counter[str]] = {}
        self.tags: dict[tuple[str, str], dict[str, Any]] = {}
        """Tags that need not be looked up again, by user and value, where only speed counts and nobody deletes any."""
        self.next_ids: deque[str] = deque()
        """The ids of the assets that come next; new ones where it is empty."""

    @property
    def old(self) -> bool:
        """Whether this is a 2.x."""
        return self.version[0] < 3

    @property
    def version(self) -> tuple[int, int, int]:
        """Major, minor, patch."""
        return VERSIONS[self.options.version]

    def host(self, path: str) -> Path:
        """Where a path inside the container lies outside."""
        for prefix, folder in self.maps.items():
            if path == prefix or path.startswith(prefix + "/"):
                return folder / path[len(prefix) :].lstrip("/")
        raise FileNotFoundError(path)

    def writable(self, path: str) -> bool:
        """Whether Immich may write there (a mount may be read-only to it)."""
        return not any(path == each or path.startswith(each.rstrip("/") + "/") for each in self.read_only)

    def count(self, what: str, asset: str) -> None:
        """Keep figures, over all and per asset."""
        self.counts[what] += 1
        self.per_asset.setdefault(asset, Counter())[what] += 1

    async def aside(self, work: Any, *values: Any) -> Any:
        """Do something that would hold up the server, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *values)

    def upload_path(self, owner: str, extension: str) -> str:
        """A new name for an upload: a uuid of its own, in the folders that it names."""
        name = str(uuid.uuid4())
        return f"/data/upload/{owner}/{name[:2]}/{name[2:4]}/{name}{extension}"

    def thumb_path(self, owner: str, asset: str, kind: str) -> str:
        """Where a preview or thumbnail of this version lies."""
        mark = "_" if self.version >= (2, 5, 0) else "-"
        ending = "jpeg" if kind == "preview" else "webp"
        return f"/data/thumbs/{owner}/{asset[:2]}/{asset[2:4]}/{asset}{mark}{kind}.{ending}"

    def prepare(self) -> None:
        """Make the six folders with their markers."""
        for name in ("upload", "library", "thumbs", "encoded-video", "profile", "backups"):
            folder = self.maps["/data"] / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".immich").write_text("0")
        self.maps["/external"].mkdir(parents=True, exist_ok=True)

    def folder_for(self, path: str) -> Path:
        """The file's place outside, its folders made."""
        place = self.host(path)
        os.makedirs(place.parent, exist_ok=True)
        return place


def path_checksum(path: str) -> bytes:
    """The checksum of a file of an external library: of its path, not of what it holds."""
    return hashlib.sha1(f"path:{path}".encode()).digest()
