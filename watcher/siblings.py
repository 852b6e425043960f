"""A RAW and the JPEG or HEIC that the camera wrote beside it are one picture: what is said of one holds for both.

They lie in one folder and differ in their suffix alone. Words that a person refused for one are refused for the
other in any case (the ledger keeps refusals by folder and name without suffix).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from watcher.ledger.files import marks

_RAW = frozenset(
    b"." + suffix
    for suffix in (
        b"dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw 3fr erf kdc mrw rwl iiq mef mos x3f"
    ).split()
)


def of(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, list[tuple[int, bytes]]]:
    """The other halves of these photos that were looked at: number and digest, by the photo's number."""
    rows = db.execute(
        "SELECT mine.id, mine.name, other.id, other.name, other.digest FROM photos AS mine "  # noqa: S608 - question marks
        "JOIN photos AS other ON other.folder = mine.folder AND other.stem = mine.stem AND other.id != mine.id "
        f"WHERE mine.id IN ({marks(photos)}) AND other.gone IS NULL AND other.digest IS NOT NULL",
        photos,
    )
    found: dict[int, list[tuple[int, bytes]]] = {}
    for mine, name, other, its, digest in rows:
        if _raw(name) != _raw(its):
            found.setdefault(mine, []).append((other, digest))
    return found


def wake(db: sqlite3.Connection, photo: int, now: float) -> None:
    """Something new was said of a photo: its other half is decided anew."""
    for other, _ in of(db, [photo]).get(photo, ()):
        db.execute(
            "UPDATE photos SET due = ? WHERE id = ? AND due IS NULL AND gate = '' "
            "AND (state = 'delivered' OR booked IS NOT NULL)",
            (now, other),
        )


def _raw(name: bytes) -> bool:
    return os.path.splitext(name)[1].lower() in _RAW
