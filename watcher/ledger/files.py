"""What lies on disk, as far as the ledger knows: folders, photos and sidecars, and what a walk finds changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metadata.photo import Facts, Photo, Stat
from watcher.walk import Folder, Named

LEFT = "left"
"""The state of photos that are left alone; and what stands for the gate of those that are to be."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one look at a folder brought: counts of photos."""

    new: int = 0
    changed: int = 0
    gone: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(self.new + other.new, self.changed + other.changed, self.gone + other.gone)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def root(db: sqlite3.Connection, name: str, base: bytes, *, agreed: float | None) -> None:
    """Make a root known, or note where it is mounted today."""
    db.execute(
        "INSERT INTO roots (name, base, agreed) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET base = excluded.base, agreed = coalesce(agreed, excluded.agreed) "
        "WHERE base != excluded.base OR (agreed IS NULL AND excluded.agreed IS NOT NULL)",
        (name, base, agreed),
    )


def folder(db: sqlite3.Connection, root_name: str, path: bytes) -> int:
    """The number of a folder, new or known."""
    row = db.execute("SELECT id FROM folders WHERE root = ? AND path = ?", (root_name, path)).fetchone()
    if row:
        return int(row[0])
    done = db.execute("INSERT INTO folders (root, path) VALUES (?, ?)", (root_name, path))
    return int(done.lastrowid or 0)


def folder_times(db: sqlite3.Connection, root_name: str) -> dict[bytes, int]:
    """Every known folder of a root with its time, for a walk that looks only where something moved."""
    return dict(db.execute("SELECT path, mtime_ns FROM folders WHERE root = ?", (root_name,)))


def stem(name: bytes) -> bytes:
    """A file's name without its last suffix."""
    return os.path.splitext(name)[0]


def known_empty(db: sqlite3.Connection, root_name: str, found: Folder) -> bool:
    """Whether a folder without photos and sidecars is as it was listed before: its own time says so."""
    if found.photos or found.sidecars or found.gone or found.mtime_ns < 0:
        return False
    query = "SELECT 1 FROM folders WHERE root = ? AND path = ? AND mtime_ns = ?"
    return db.execute(query, (root_name, found.path, found.mtime_ns)).fetchone() is not None


def sealed(db: sqlite3.Connection, root_name: str, found: Folder) -> bool:
    """Whether all photos and sidecars of a folder are as they were listed before, and the book has them so.

    The book breaks a folder's seal (a trigger) with all that it changes of a file in it.
    """
    query = "SELECT id, seal FROM folders WHERE root = ? AND path = ?"
    row = db.execute(query, (root_name, found.path)).fetchone()
    if row is None or row[1] is None or row[1] != found.seal():
        return False
    _note_time(db, row[0], found)
    return True


def listed(
    db: sqlite3.Connection,
    root_name: str,
    found: Folder,
    *,
    now: float,
    gate: str = "",
    young: frozenset[bytes] = frozenset(),
) -> Found:
    """Compare a folder's listing with the book and note what is new, changed or missing.

    New photos stand behind `gate`. `young` are names of files that are there and have not come to rest.
    """
    number = folder(db, root_name, found.path)
    if not young and _is_as_known(db, number, found):
        _note_time(db, number, found)
        _seal(db, number, found)
        return Found()
    query = "SELECT name, size, mtime_ns, ctime_ns, inode, gone FROM photos WHERE folder = ?"
    known = {row[0]: row[1:] for row in db.execute(query, (number,))}
    new = [(name, stat) for name, stat in found.photos if name not in known]
    changed = [(n, stat) for n, stat in found.photos if n in known and known[n] != (*stat, None)]
    here = young.union(name for name, _ in found.photos)
    gone = [name for name, row in known.items() if name not in here and row[4] is None]
    for name, stat in (*new, *changed):
        photo(db, number, name, stat, now=now, gate=gate if name not in known else "")
    db.executemany("UPDATE photos SET gone = ? WHERE folder = ? AND name = ?", [(now, number, n) for n in gone])
    moved = _sidecars_listed(db, number, found.sidecars, young, now)
    _note_time(db, number, found)
    if not young:
        _seal(db, number, found)
    return Found(len(new), len(changed) + moved, len(gone))


def _is_as_known(db: sqlite3.Connection, number: int, found: Folder) -> bool:
    """Whether all photos and sidecars of a folder are those that the book has, as it has them."""
    for table, listing in (("photos", found.photos), ("sidecars", found.sidecars)):
        query = f"SELECT name, size, mtime_ns, ctime_ns, inode FROM {table} WHERE folder = ?"
        known = set(db.execute(query if table == "sidecars" else f"{query} AND gone IS NULL", (number,)))
        here = ((name, *at) for name, at in listing)
        if len(known) != len(listing) or not known.issuperset(here):
            return False
    return True


def _note_time(db: sqlite3.Connection, number: int, found: Folder) -> None:
    db.execute(
        "UPDATE folders SET mtime_ns = ? WHERE id = ? AND mtime_ns != ?", (found.mtime_ns, number, found.mtime_ns)
    )


def _seal(db: sqlite3.Connection, number: int, found: Folder) -> None:
    if found.photos or found.sidecars:
        db.execute("UPDATE folders SET seal = ? WHERE id = ?", (found.seal(), number))


def _sidecars_listed(
    db: sqlite3.Connection, number: int, sidecars: Iterable[Named], young: frozenset[bytes], now: float
) -> int:
    query = "SELECT name, size, mtime_ns, ctime_ns, inode FROM sidecars WHERE folder = ?"
    known = {row[0]: row[1:] for row in db.execute(query, (number,))}
    here = young.union(name for name, _ in sidecars)
    count = 0
    for name, stat in sidecars:
        if known.get(name) != stat:
            count += sidecar(db, number, name, stat, now=now)
    for name in known.keys() - here:
        count += sidecar(db, number, name, None, now=now)
    return count


def photo(db: sqlite3.Connection, number: int, name: bytes, stat: Stat, *, now: float, gate: str = "") -> bool:
    """Note a photo that is there; it is due when it is new or not what was known. True when it is due.

    A new one stands behind `gate`, or is left alone where that is LEFT.
    """
    row = db.execute(
        "SELECT id, size, mtime_ns, ctime_ns, inode, gone FROM photos WHERE folder = ? AND name = ?",
        (number, name),
    ).fetchone()
    if row is None:
        left = gate == LEFT
        db.execute(
            "INSERT INTO photos (folder, name, stem, size, mtime_ns, ctime_ns, inode, due, seen, gate, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(number, name, stem(name), *stat, None if left else now, now),
                *(("", LEFT) if left else (gate, "seen")),
            ),
        )
        return not left
    if row[1:5] == stat and row[5] is None:
        return False
    db.execute(
        "UPDATE photos SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, gone = NULL, look = 1, due = ?, "
        "attempts = 0, state = CASE state WHEN 'aside' THEN 'seen' ELSE state END WHERE id = ?",
        (*stat, now, row[0]),
    )
    return True


def sidecar(db: sqlite3.Connection, number: int, name: bytes, stat: Stat | None, *, now: float) -> int:
    """Note a sidecar as it is now (None: no longer there); its photos are due when it changed. How many are."""
    if not remember_sidecar(db, number, name, stat):
        return 0
    whose = name[: -len(b".xmp")]
    done = db.execute(
        "UPDATE photos SET due = ?, attempts = 0, "
        "state = CASE state WHEN 'aside' THEN 'looked' ELSE state END WHERE folder = ? AND (name = ? OR stem = ?) "
        "AND gone IS NULL AND state NOT IN ('waits', 'left') AND (state != 'aside' OR digest IS NOT NULL)",
        (now, number, whose, whose),
    )
    return done.rowcount


def remember_sidecar(db: sqlite3.Connection, number: int, name: bytes, stat: Stat | None) -> bool:
    """Note a sidecar's stat without making anybody due; whether it differs from what was known."""
    if stat is None:
        return db.execute("DELETE FROM sidecars WHERE folder = ? AND name = ?", (number, name)).rowcount > 0
    done = db.execute(
        "INSERT INTO sidecars VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (folder, name) DO UPDATE SET "
        "size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, inode = excluded.inode "
        "WHERE (size, mtime_ns, ctime_ns, inode) != "
        "(excluded.size, excluded.mtime_ns, excluded.ctime_ns, excluded.inode)",
        (number, name, *stat),
    )
    return done.rowcount > 0


def folder_vanished(db: sqlite3.Connection, root_name: str, path: bytes, now: float) -> int:
    """A folder and all below it is no longer there; how many photos are missing now."""
    below = _below(path)
    numbers = "SELECT id FROM folders WHERE root = :root AND (path = :path OR (path >= :low AND path < :high))"
    values = {"root": root_name, "path": path, "low": below[0], "high": below[1], "now": now}
    done = db.execute(f"UPDATE photos SET gone = :now WHERE gone IS NULL AND folder IN ({numbers})", values)
    db.execute(f"DELETE FROM sidecars WHERE folder IN ({numbers})", values)
    db.execute(f"UPDATE folders SET mtime_ns = 0 WHERE id IN ({numbers})", values)
    return done.rowcount


def _below(path: bytes) -> tuple[bytes, bytes]:
    """The range of paths below a folder ("" = all)."""
    return (path + b"/", path + b"0") if path else (b"", b"\xff" * 4096)


def any_below(db: sqlite3.Connection, root_name: str, path: bytes) -> bool:
    """Whether a photo that is not gone is known in a folder or below it."""
    low, high = _below(path)
    row = db.execute(
        "SELECT 1 FROM folders JOIN photos ON photos.folder = folders.id WHERE root = ? "
        "AND (path = ? OR (path >= ? AND path < ?)) AND gone IS NULL LIMIT 1",
        (root_name, path, low, high),
    ).fetchone()
    return row is not None


def sample(db: sqlite3.Connection, root_name: str, count: int = 20) -> list[bytes]:
    """Paths of some known photos, spread over the root, by which it is recognised."""
    last = db.execute("SELECT coalesce(max(id), 0) FROM photos").fetchone()[0]
    found: dict[int, bytes] = {}
    for step in range(count):  # by number, from as many places: this is asked every minute, also of 100,000 photos
        row = db.execute(
            "SELECT photos.id, folders.path, photos.name FROM photos "
            "CROSS JOIN folders ON folders.id = photos.folder "
            "WHERE photos.id >= ? AND folders.root = ? AND photos.gone IS NULL ORDER BY photos.id LIMIT 1",
            (max(last * step // count, max(found, default=-1) + 1), root_name),
        ).fetchone()
        if row is None:
            break
        found[row[0]] = os.path.join(row[1], row[2])
    return list(found.values())


COLUMNS = (
    "format, width, height, orientation, taken, utc_offset, make, model, lens, exposure, aperture, iso, focal, "
    "latitude, longitude"
)


def facts_row(facts: Facts) -> tuple[object, ...]:
    """A photo's facts in the order of COLUMNS."""
    taken = facts.taken.isoformat() if facts.taken else None
    return (
        *(facts.format, facts.width, facts.height, facts.orientation, taken, facts.offset, facts.make),
        *(facts.model, facts.lens, facts.exposure, facts.aperture, facts.iso, facts.focal),
        *(facts.latitude, facts.longitude),
    )


def find(db: sqlite3.Connection, root_name: str, base: bytes, path: bytes) -> Photo | None:
    """The known photo at a path below a root."""
    head, name = os.path.split(path)
    row = db.execute(
        "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder "
        "WHERE folders.root = ? AND folders.path = ? AND photos.name = ?",
        (root_name, head, name),
    ).fetchone()
    return Photo(int(row[0]), root_name, base, path) if row else None


def photos_of(db: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Photo]:
    """Photos by number, with the mount point their root has today."""
    wanted = list(ids)
    rows = db.execute(
        "SELECT photos.id, folders.root, roots.base, folders.path, photos.name FROM photos "
        "JOIN folders ON folders.id = photos.folder JOIN roots ON roots.name = folders.root "
        f"WHERE photos.id IN ({marks(wanted)})",
        wanted,
    )
    return {row[0]: Photo(row[0], row[1], row[2], os.path.join(row[3], row[4])) for row in rows}


def marks(values: Sequence[object]) -> str:
    """As many question marks as there are values."""
    return ",".join("?" * len(values))


def below(db: sqlite3.Connection, root_name: str, path: bytes, *, gone: bool = False) -> list[int]:
    """Numbers of the photos at or below a path ("" = the whole root), in the order of their paths."""
    head, name = os.path.split(path)
    low, high = _below(path)
    rows = db.execute(
        "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder WHERE folders.root = :root AND "
        "(:path = x'' OR folders.path = :path OR (folders.path >= :low AND folders.path < :high) "
        "OR (folders.path = :head AND photos.name = :name)) "
        "AND (:gone OR photos.gone IS NULL) ORDER BY folders.path, photos.name",
        {"root": root_name, "path": path, "low": low, "high": high, "head": head, "name": name, "gone": gone},
    )
    return [int(row[0]) for row in rows]
