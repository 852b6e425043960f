"""Runs, and every write of ours with its inverse: intent before, confirmation after, undo for a year."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metadata import tags
from metadata.tags import Word
from watcher.ledger.files import marks


@dataclass(frozen=True, slots=True)
class Write:
    """One write: where, from which digest to which, the way back, and the words of ours it brought or dropped."""

    id: int
    run: int
    photo: int
    place: str
    path: bytes
    before: bytes
    after: bytes
    inverse: bytes
    ours: Mapping[str, Word]
    drops: Mapping[str, Word]
    texts: Sequence[str]
    carried: bool
    state: str


def begin(db: sqlite3.Connection, why: str, now: float) -> int:
    """Start a numbered run; one that was left open ends."""
    db.execute("UPDATE runs SET ended = ? WHERE ended IS NULL", (now,))
    return int(db.execute("INSERT INTO runs (started, why) VALUES (?, ?)", (now, why)).lastrowid or 0)


def today(db: sqlite3.Connection, why: str, now: float) -> int:
    """The run of this name (the service's day and rules), opened again or new: a restart begins no other."""
    row = db.execute("SELECT id FROM runs WHERE why = ? ORDER BY id DESC", (why,)).fetchone()
    if row is None:
        return begin(db, why, now)
    db.execute("UPDATE runs SET ended = ? WHERE ended IS NULL AND id != ?", (now, row[0]))
    db.execute("UPDATE runs SET ended = NULL WHERE id = ?", (row[0],))
    return int(row[0])


def end(db: sqlite3.Connection, run: int, now: float) -> None:
    """End a run."""
    db.execute("UPDATE runs SET ended = ? WHERE id = ?", (now, run))


def runs(db: sqlite3.Connection) -> list[dict[str, object]]:
    """All runs with what they wrote."""
    rows = db.execute(
        "SELECT runs.id, runs.started, runs.ended, runs.why, count(writes.id), count(DISTINCT writes.photo), "
        "coalesce(sum(writes.state = 'undone'), 0) FROM runs LEFT JOIN writes ON writes.run = runs.id "
        "AND writes.state IN ('done', 'undone') GROUP BY runs.id ORDER BY runs.id"
    )
    names = ("run", "started", "ended", "why", "writes", "photos", "undone")
    return [dict(zip(names, row, strict=True)) for row in rows]


Row = tuple[int, int, str, bytes, bytes, bytes, bytes, str, bool]
"""What `intend` books: run, photo, place, path, before, after, the way back, the words, and whether it carries."""

_json = json.JSONEncoder(ensure_ascii=False).encode


def row(write: Write) -> Row:
    """A write as the ledger keeps it."""
    words = {
        "ours": [tags.text(word) for word in write.ours.values()],
        "drops": [tags.text(word) for word in write.drops.values()],
        "texts": list(write.texts),
    }
    where = write.run, write.photo, write.place, write.path
    return *where, write.before, write.after, write.inverse, _json(words), write.carried


def intend(db: sqlite3.Connection, row: Row, now: float) -> int:
    """Book a write before it is made."""
    done = db.execute(
        "INSERT INTO writes (run, photo, place, path, before, after, inverse, words, carried, at, state) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intent')",
        (*row, now),
    )
    return int(done.lastrowid or 0)


def settle(db: sqlite3.Connection, number: int, state: str, *, inverse: bytes = b"") -> None:
    """What became of a write: 'done', 'undone' or 'void'; with a better way back, where there is one now."""
    if inverse:
        db.execute("UPDATE writes SET inverse = ? WHERE id = ?", (inverse, number))
    if state == "void":
        db.execute("DELETE FROM writes WHERE id = ?", (number,))
    else:
        db.execute("UPDATE writes SET state = ? WHERE id = ?", (state, number))


def intents(db: sqlite3.Connection) -> list[Write]:
    """Writes that were booked and never confirmed: a process died between the two."""
    return _select(db, "WHERE state = 'intent'", ())


def open_of(db: sqlite3.Connection, photos: Sequence[int]) -> list[Write]:
    """The same of these photos alone."""
    return _select(db, f"WHERE state = 'intent' AND photo IN ({marks(photos)})", photos)


def by_photo(db: sqlite3.Connection, photos: Sequence[int], run: int | None = None) -> list[Write]:
    """Writes that stand or may stand, newest first, of these photos (and one run)."""
    return _select(
        db,
        f"WHERE state IN ('done', 'intent') AND photo IN ({marks(photos)}) AND (? IS NULL OR run = ?)",
        (*photos, run, run),
    )


def undone(db: sqlite3.Connection, photos: Sequence[int]) -> list[Write]:
    """Writes of these photos that were taken back, newest first."""
    return _select(db, f"WHERE state = 'undone' AND photo IN ({marks(photos)})", photos)


def since(db: sqlite3.Connection, number: int) -> list[Write]:
    """Writes that stand and came after this one, oldest first."""
    return _select(db, "WHERE state = 'done' AND id > ?", (number,))[::-1]


def photos_of(db: sqlite3.Connection, run: int | None) -> list[int]:
    """Photos with writes that stand or may stand, of one run or of all."""
    rows = db.execute(
        "SELECT DISTINCT photo FROM writes WHERE state IN ('done', 'intent') AND (? IS NULL OR run = ?) "
        "ORDER BY photo",
        (run, run),
    )
    return [int(row[0]) for row in rows]


def _select(db: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Write]:
    rows = db.execute(
        "SELECT id, run, photo, place, path, before, after, inverse, words, carried, state FROM writes "
        f"{where} ORDER BY id DESC",
        values,
    )
    return [_write(row) for row in rows]


def _write(row: tuple[int, int, int, str, bytes, bytes, bytes, bytes, str, int, str]) -> Write:
    words = json.loads(row[8])
    ours = {tags.key(w): w for w in map(tags.parse, words["ours"])}
    drops = {tags.key(w): w for w in map(tags.parse, words["drops"])}
    return Write(*row[:8], ours, drops, tuple(words["texts"]), bool(row[9]), row[10])


def forget(db: sqlite3.Connection, before: float) -> int:
    """Forget the way back of writes older than this; how many there were."""
    return db.execute("DELETE FROM writes WHERE at < ? AND state != 'intent'", (before,)).rowcount
