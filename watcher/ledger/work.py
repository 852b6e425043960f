"""What waits: photos that are due, attempts booked before they start, patience, quarantine and gates."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from metadata.people import Frame
from metadata.photo import Facts, Photo, Stat
from watcher.ledger import files, merges
from watcher.ledger.files import marks

PATIENCE = (10.0, 60.0, 600.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
"""Seconds to the next attempt after each passing failure; the last one goes on for ever."""
AT_WORK = (10.0, 30.0, 60.0, 60.0, 60.0, 60.0, 300.0, 600.0)
"""The same where somebody is at work on the photo, who mostly tells when that is over."""


UNKNOWN = Frame(0, 0)
"""The stored picture of a photo that was not looked at yet."""


class Job(NamedTuple):
    """One photo that is due, as it was booked."""

    photo: Photo
    folder: int
    look: bool
    digest: bytes | None
    stat: Stat
    attempts: int
    gate: str
    rules: str
    frame: Frame = UNKNOWN


_JOB = (
    "SELECT photos.id, folders.root, roots.base, folders.path, photos.name, photos.folder, photos.look, "
    "photos.digest, photos.size, photos.mtime_ns, photos.ctime_ns, photos.inode, photos.attempts, photos.gate, "
    "photos.rules, photos.width, photos.height, photos.orientation FROM photos "
    "JOIN folders ON folders.id = photos.folder JOIN roots ON roots.name = folders.root "
)


def merges_due(db: sqlite3.Connection, now: float) -> bool:
    """Whether a photo is due that was looked at before."""
    row = db.execute(
        "SELECT 1 FROM photos WHERE due <= ? AND look = 0 AND booked IS NULL LIMIT 1", (now,)
    ).fetchone()
    return row is not None


def take(
    db: sqlite3.Connection, now: float, most: int, *, suspects: bool = False, only_merge: bool = False
) -> list[Job]:
    """Book up to `most` photos that are due: the attempt counts before it starts.

    Those that need no look go first: what a person changed waits for no library that is new. Suspects are photos
    whose last attempt never ended, because the process died in it. With `only_merge` photos are left that have to
    be looked at.
    """
    rows: list[Any] = []
    for which in ("reason = 'suspect'",) if suspects else _MERGES if only_merge else (*_MERGES, *_LOOKS):
        rows += _due(db, which, now, most - len(rows))
    return book(db, [_job(row) for row in rows], now)


_MERGES = ("reason != 'suspect' AND photos.look = 0",)
_LOOKS = ("reason != 'suspect' AND photos.look = 1",)


def _due(db: sqlite3.Connection, which: str, now: float, most: int) -> list[Any]:
    return db.execute(
        _JOB + f"WHERE photos.{which} AND photos.due <= ? AND photos.booked IS NULL AND photos.gone IS NULL "
        "AND roots.waits = '' ORDER BY photos.due LIMIT ?",
        (now, most),
    ).fetchall()


def book(db: sqlite3.Connection, jobs: list[Job], now: float) -> list[Job]:
    """Note that an attempt at each of these starts now.

    `due` is empty from here on; whoever sets it while the attempt runs has seen something newer.
    """
    db.executemany(
        "UPDATE photos SET booked = ?, due = NULL, attempts = attempts + 1 WHERE id = ?",
        [(now, j.photo.id) for j in jobs],
    )
    return jobs


def jobs(db: sqlite3.Connection, ids: Sequence[int]) -> list[Job]:
    """These photos as jobs, without booking them."""
    rows = db.execute(_JOB + f"WHERE photos.id IN ({marks(ids)})", ids)
    found = {row[0]: _job(row) for row in rows}
    return [found[number] for number in ids if number in found]


def _job(row: tuple[Any, ...]) -> Job:
    number, root, base, path, name, folder, look, digest, *stat, attempts, gate, rules, width, height, turned = row
    photo = Photo(number, root, base, b"%b/%b" % (path, name) if path else name)
    frame = Frame(width or 0, height or 0, turned or 1)
    return Job(photo, folder, bool(look), digest, Stat(*stat), attempts, gate, rules, frame)


def next_due(db: sqlite3.Connection) -> float | None:
    """When the next photo is due."""
    query = (
        "SELECT photos.due FROM photos JOIN folders ON folders.id = photos.folder "
        "JOIN roots ON roots.name = folders.root WHERE photos.look = ? AND photos.due IS NOT NULL "
        "AND photos.booked IS NULL AND photos.gone IS NULL AND roots.waits = '' ORDER BY photos.due LIMIT 1"
    )
    rows = [row for look in (0, 1) for row in db.execute(query, (look,))]
    return min((float(due) for (due,) in rows), default=None)


_FACTS = ", ".join(f"{name.strip()} = ?" for name in files.COLUMNS.split(","))


def looked(db: sqlite3.Connection, photo: int, digest: bytes, facts: Facts, stat: Stat) -> None:
    """The file was read: keep its digest and facts. It stays booked until its places have answered.

    A file that was changed since it was opened is read once more.
    """
    db.execute(
        f"UPDATE photos SET digest = ?, look = due IS NOT NULL AND (size, ctime_ns, inode) != (?, ?, ?), "
        f"attempts = 0, reason = '', state = 'looked', "
        f"size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, {_FACTS} WHERE id = ?",
        (
            *(digest, stat.size, stat.ctime_ns, stat.inode),
            *(stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode, *files.facts_row(facts), photo),
        ),
    )


def delivered(db: sqlite3.Connection, photos: Sequence[int], rules: str, now: float) -> None:
    """Every place has it. A photo that something happened to meanwhile stays due."""
    db.execute(
        "UPDATE photos SET state = 'delivered', booked = NULL, attempts = 0, reason = '', gate = '', "
        f"rules = ?, delivered = ? WHERE id IN ({marks(photos)})",
        (rules, now, *photos),
    )
    merges.everywhere(db, photos)


def set_aside(db: sqlite3.Connection, photo: int, reason: str) -> None:
    """Quarantine: the photo's own fault; it waits for `retry` or for a change of the file."""
    db.execute(
        "UPDATE photos SET state = 'aside', reason = ?, booked = NULL, attempts = 0 WHERE id = ?", (reason, photo)
    )


def later(
    db: sqlite3.Connection,
    photo: int,
    reason: str,
    attempts: int,
    now: float,
    steps: Sequence[float] = PATIENCE,
) -> None:
    """A passing failure: again with growing patience and jitter."""
    pause = steps[min(max(attempts, 1), len(steps)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    db.execute(
        "UPDATE photos SET due = coalesce(due, ?), reason = ?, attempts = ?, booked = NULL WHERE id = ?",
        (now + pause, reason, attempts, photo),
    )


def soon(db: sqlite3.Connection, photo: int, due: float) -> None:
    """The attempt met somebody else's write: the next one, which is no second, is at `due`."""
    db.execute("UPDATE photos SET due = coalesce(due, ?), booked = NULL, attempts = 0 WHERE id = ?", (due, photo))


def again(db: sqlite3.Connection, photos: Iterable[int], now: float, *, look: bool = False) -> None:
    """These are due now; with `look` the file is read anew. An attempt under way goes on, and another follows."""
    db.executemany(
        "UPDATE photos SET due = ?, attempts = 0, look = max(look, ?), "
        "state = CASE state WHEN 'aside' THEN 'seen' ELSE state END, reason = '' WHERE id = ?",
        [(now, look, photo) for photo in photos],
    )


LEAP = 3600.0
"""Seconds; a clock that is put forward so far was wrong until NTP set it, or the machine slept."""


def clock_set(db: sqlite3.Connection, seconds: float, *, since: float, until: float) -> None:
    """The clock was put forward (back, where negative), between these two times it was wrong.

    What is due goes back with it. What it noted goes forward: photos that went would count as long gone
    else, and writes as too old to be undone.
    """
    if seconds < 0:
        db.execute("UPDATE photos SET due = due + ? WHERE due IS NOT NULL", (seconds,))
        return
    for table, column in (("photos", "gone"), ("writes", "at"), ("runs", "started")):
        db.execute(
            f"UPDATE {table} SET {column} = {column} + ? WHERE {column} BETWEEN ? AND ?", (seconds, since, until)
        )


def not_after(db: sqlite3.Connection, now: float) -> None:
    """At start: nothing waits longer than patience lasts, though the clock was put back meanwhile."""
    db.execute("UPDATE photos SET due = ? WHERE due > ? AND attempts = 0", (now, now))
    db.execute("UPDATE photos SET due = ? WHERE due > ?", (now, now + 1.2 * PATIENCE[-1]))


def look_over_waiting(db: sqlite3.Connection, photos: Iterable[int], now: float) -> None:
    """What these photos waited for is there: they are looked at anew."""
    db.executemany(
        "UPDATE photos SET state = 'seen', reason = '', look = 1, due = ? WHERE id = ? AND state = 'waits'",
        [(now, photo) for photo in photos],
    )


def waiting(db: sqlite3.Connection) -> list[int]:
    """Photos that wait for something that a person has to set."""
    return [row[0] for row in db.execute("SELECT id FROM photos WHERE state = 'waits' AND gone IS NULL")]


def pending(db: sqlite3.Connection) -> set[int]:
    """Photos that are due, at whatever time, or under way."""
    query = "SELECT id FROM photos WHERE (due IS NOT NULL OR booked IS NOT NULL) AND gone IS NULL"
    return {row[0] for row in db.execute(query)}


def hold(db: sqlite3.Connection, photos: Iterable[int], gate: str) -> None:
    """Keep what was decided until somebody releases it."""
    db.executemany(
        "UPDATE photos SET gate = ?, due = NULL, booked = NULL, attempts = 0 WHERE id = ?",
        [(gate, photo) for photo in photos],
    )


def wait(db: sqlite3.Connection, photos: Iterable[int], reason: str) -> None:
    """These need something that a person has to set (state 'waits'); nothing is tried before."""
    db.executemany(
        "UPDATE photos SET state = 'waits', reason = ?, due = NULL, booked = NULL WHERE id = ?",
        [(reason, photo) for photo in photos],
    )


def leave(db: sqlite3.Connection, photos: Iterable[int]) -> None:
    """Photos nobody looked at yet are left alone (state 'left') until they are taken up."""
    db.executemany(
        "UPDATE photos SET due = NULL, state = 'left', gate = '' "
        "WHERE id = ? AND digest IS NULL AND booked IS NULL",
        [(photo,) for photo in photos],
    )


def take_up(db: sqlite3.Connection, photos: Iterable[int] | None, now: float, *, gate: str = "") -> None:
    """Photos that were left alone are due: these, or (None) all, behind `gate` where the root is not agreed to."""
    query = "UPDATE photos SET due = ?, state = 'seen' WHERE state = 'left' AND gone IS NULL"
    if photos is None:
        unagreed = (
            "SELECT folders.id FROM folders JOIN roots ON roots.name = folders.root WHERE roots.agreed IS NULL"
        )
        db.execute(f"UPDATE photos SET gate = ? WHERE state = 'left' AND folder IN ({unagreed})", (gate,))
        db.execute(query, (now,))
    else:
        db.executemany(f"{query} AND id = ?", [(now, photo) for photo in photos])


def release(db: sqlite3.Connection, gates: Sequence[str], now: float, root: str | None = None) -> int:
    """Photos behind these gates are due now; how many they are."""
    done = db.execute(
        f"UPDATE photos SET gate = 'open', due = ? "
        f"WHERE gate IN ({marks(gates)}) AND gone IS NULL AND state NOT IN ('aside', 'left') "
        "AND state != 'aside' AND (? IS NULL OR folder IN (SELECT id FROM folders WHERE root = ?))",
        (now, *gates, root, root),
    )
    return done.rowcount


def unbook(db: sqlite3.Connection, photos: Iterable[int]) -> None:
    """The attempt was not made after all (a clean end); it does not count."""
    db.executemany(
        "UPDATE photos SET due = coalesce(due, booked), booked = NULL, attempts = max(attempts - 1, 0) "
        "WHERE id = ? AND booked IS NOT NULL",
        [(p,) for p in photos],
    )


def interrupted(db: sqlite3.Connection) -> int:
    """At start: attempts that never ended. Those in which a file was read are suspects; how many they are."""
    count = db.execute(
        "UPDATE photos SET reason = 'suspect', due = coalesce(due, booked), booked = NULL "
        "WHERE booked IS NOT NULL AND look = 1"
    ).rowcount
    db.execute(  # a kill while its places were read or written is no failure of the photo's
        "UPDATE photos SET due = coalesce(due, booked), booked = NULL, attempts = max(attempts - 1, 0) "
        "WHERE booked IS NOT NULL"
    )
    return count
