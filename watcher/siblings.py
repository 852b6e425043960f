"""Files that are one picture: what is said of one holds for all of them.

A RAW and the JPEG or HEIC that the camera wrote beside it, and the still and the film of a Live Photo, lie in one
folder and differ in their suffix alone; the latter were taken within seconds, or carry Apple's name of the moment.
What Immich stacks is a set whatever it is called. Words that a person refused for one are refused for the others
in any case (the ledger keeps refusals by folder and name without suffix, and knows the sets).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from watcher.ignore import is_film
from watcher.ledger import kin
from watcher.ledger.files import marks

ZONES = 14 * 3600.0
"""Seconds that zones lie apart from UTC at most, and in which steps nearly all do."""
STEP = 1800.0

_RAW = frozenset(
    b"." + suffix
    for suffix in (
        b"dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw 3fr erf kdc mrw rwl iiq mef mos x3f"
    ).split()
)


NEAR = 10.0
"""Seconds between a Live Photo's still and its film, at most: the film begins and ends 1.5 s from it."""

Others = kin.Others


def of(db: sqlite3.Connection, photos: Sequence[int]) -> Others:
    """The other files of these pictures that were looked at: number and digest, by the photo's number."""
    rows = db.execute(
        "SELECT mine.id, mine.name, mine.taken, mine.utc_offset, "  # noqa: S608 - question marks
        "other.id, other.name, other.taken, other.utc_offset, other.digest FROM photos AS mine "
        "JOIN photos AS other ON other.folder = mine.folder AND other.stem = mine.stem AND other.id != mine.id "
        f"WHERE mine.id IN ({marks(photos)}) AND other.gone IS NULL AND other.digest IS NOT NULL",
        photos,
    )
    found = kin.sets(db, photos)
    for mine, name, taken, zone, other, its, its_taken, its_zone, digest in rows:
        films = is_film(name), is_film(its)
        one = _near(taken, zone, its_taken, its_zone) if any(films) else _raw(name) != _raw(its)
        if one and not all(films) and (other, digest) not in found.get(mine, ()):
            found.setdefault(mine, []).append((other, digest))
    return found


def mates(db: sqlite3.Connection, photos: Sequence[int]) -> Others:
    """All of which one look is enough: the other files of these pictures, and the rest of their bursts."""
    found = of(db, photos)
    for photo, others in kin.bursts(db, photos).items():
        found.setdefault(photo, []).extend(others)
    return found


def _near(taken: str | None, zone: int | None, other: str | None, its_zone: int | None) -> bool:
    """Whether two were taken within seconds, as far as their clocks can be compared."""
    if not taken or not other:
        return False
    apart = (datetime.fromisoformat(taken) - datetime.fromisoformat(other)).total_seconds()
    if zone is not None and its_zone is not None:
        return abs(apart - 60 * (zone - its_zone)) <= NEAR
    # the zone of one clock is not known: a film's own clock shows UTC, or what the camera's shows
    return abs(apart) <= ZONES + NEAR and abs(apart - STEP * round(apart / STEP)) <= NEAR


def wake(db: sqlite3.Connection, photos: Sequence[int], now: float) -> None:
    """Something new was said of photos that are decided next: so are the other files of their pictures."""
    others = {other for found in of(db, photos).values() for other, _ in found}.difference(photos)
    db.executemany(
        "UPDATE photos SET due = ? WHERE id = ? AND due IS NULL AND gate = '' "
        "AND (state = 'delivered' OR booked IS NOT NULL)",
        [(now, other) for other in others],
    )


def _raw(name: bytes) -> bool:
    return os.path.splitext(name)[1].lower() in _RAW
