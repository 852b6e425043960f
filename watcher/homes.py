"""Which asset a photo is, as the ledger has it from the last look at Immich; else as Immich itself answers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from metadata.errors import AtWork
from metadata.photo import Photo
from metadata.sinks.immich import Fault, Find, Home
from watcher.ledger import assets, store
from watcher.ledger.assets import Kept


class Finder:
    """Looks in the ledger on a connection of its own, which only reads; any thread may ask."""

    def __init__(self, state: Path) -> None:
        """`state` is the ledger's folder. Nothing is opened yet."""
        self._path = state / store.NAME
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def around(self, otherwise: Find) -> Find:
        """Asks the ledger first, and `otherwise` about photos whose assets it does not know."""

        def find(photos: Sequence[Photo]) -> list[Home | Fault | None]:
            known = self._known([photo.id for photo in photos])
            rest = [photo for photo in photos if photo.id not in known]
            others = dict(zip((photo.file for photo in rest), otherwise(rest) if rest else (), strict=True))
            return [_home(photo, known[photo.id]) if photo.id in known else others[photo.file] for photo in photos]

        return find

    def _known(self, photos: Sequence[int]) -> dict[int, Kept]:
        with self._lock:
            if self._db is None:
                self._db = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
                )
                self._db.execute("PRAGMA busy_timeout = 10000")
            return assets.of_photos(self._db, photos)

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None


def _home(photo: Photo, kept: Kept) -> Home | AtWork | None:
    """A photo that is not to be touched in Immich has no place there; one that it is still reading waits."""
    if kept.verdict == "ready":
        return Home(kept.id, kept.owner)
    return AtWork(photo.file, kept.reason) if kept.verdict == "wait" else None
