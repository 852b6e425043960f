"""Vectors that looks have made, compared with words as Immich's are: the ledger has them, by picture and model."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metadata.immich.shapes import Space
from models import making
from watcher.ledger import store, vectors
from watcher.ledger.files import marks
from watcher.vectors import SOURCE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.taggers.zero_shot import ZeroShot


@dataclass(frozen=True, slots=True)
class Made:
    """Vectors of photos."""

    ids: list[str]
    values: NDArray[np.float32]


class Kept:
    """Photos by their numbers (`watcher.vectors.Shown`), and their vectors (`Source`) by a reader of its own."""

    def __init__(self, state: Path, tagger: Callable[[], ZeroShot]) -> None:
        """The `tagger` is asked for in the thread that compares."""
        self._state, self.tagger, self._model = state, tagger, ""

    # In the ledger's thread

    def open(self, db: sqlite3.Connection, version: str) -> Iterator[str]:
        """See `Shown`."""
        model = vectors.current(db)
        if model.partition(":")[2] not in version:
            version = ""  # it was another model that said this
        rows = db.execute(
            "SELECT photos.id FROM photos JOIN vectors ON vectors.digest = photos.digest WHERE vectors.model = ? "
            "AND photos.gone IS NULL AND NOT EXISTS (SELECT 1 FROM evidence "
            "WHERE evidence.digest = photos.digest AND source = ? AND version = ?)",
            (model, SOURCE, version),
        )
        return (str(row[0]) for row in rows)

    def every(self, db: sqlite3.Connection) -> list[str]:
        """See `Shown`."""
        return [str(number) for number in vectors.photos(db, vectors.current(db))]

    def photos(self, db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """See `Shown`."""
        query = f"SELECT id, digest FROM photos WHERE id IN ({marks(ids)}) AND digest IS NOT NULL"  # noqa: S608 - question marks
        return {str(photo): (photo, digest) for photo, digest in db.execute(query, [int(one) for one in ids])}

    # In another

    def space(self, *, model: str = "") -> Space:
        """Which model there is."""
        self._model = self.tagger().model
        return Space(model or self._model, 0)

    def vectors(self, *, ids: Sequence[str] | None = None) -> Made:
        """Those of these photos."""
        ledger = store.open_for_reading(self._state)
        try:
            rows = vectors.rows(ledger.db, self._model, [int(one) for one in ids or ()])
        finally:
            ledger.close()
        return Made([str(photo) for photo, _ in rows], making.unpacked([kept for _, kept in rows]))
