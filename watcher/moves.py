"""A photo that is gone in one place and new in another was moved: its history goes along, and its sidecar.

Only when the old path was found missing by a walk; until then the new photo is held. Two paths that both
stand are copies, and share nothing but what models saw.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from metadata import which
from metadata.errors import Refused
from metadata.photo import Photo
from watcher import walk
from watcher.ledger import embedded, files, work
from watcher.ledger.evidence import own_key
from watcher.ledger.work import Job

log = logging.getLogger(__name__)


Was = tuple[Photo, bool]
"""The photo that one may have been, and whether a walk has found it gone."""


class Search:
    """Finds out what new photos were before.

    A copy that stood after a photo was first seen is no place that this photo came from. So each copy is asked
    for once, and not for every new one: a picture may lie in a library many thousand times.
    """

    def __init__(self) -> None:
        self._stood: dict[int, float] = {}

    def before(self, db: sqlite3.Connection, jobs: Sequence[Job], now: float) -> dict[int, Was]:
        """What these photos may have been, of those that are new and like which one is missing; by number."""
        known = {row[0] for row in _rows(db, _KNOWN, [job.photo.id for job in jobs])}
        new = {job.photo.id: job.digest for job in jobs if job.digest is not None and job.photo.id not in known}
        latest: dict[bytes, float] = {}
        for number, seen in _rows(db, _SEEN, list(new)):
            latest[new[number]] = max(seen, latest.get(new[number], seen))
        spelled = {which.folded(job.photo.file) for job in jobs if job.photo.id in new}
        made = _Missing()
        roots: dict[bytes, bool] = {}
        for number, digest, gone, inode, root, base, path, name in _rows(db, _BEFORE, list(latest)):
            if number in new or not roots.setdefault(base, os.path.isdir(base)):
                continue
            if gone is None and self._stood.get(number, -1.0) >= latest[digest]:
                continue
            photo = Photo(number, root, base, os.path.join(path, name))
            if os.path.lexists(photo.file) and (
                which.folded(photo.file) not in spelled or walk.is_spelled(photo.base, photo.path)
            ):
                self._stood[number] = now
            else:
                made.add(digest, photo, inode, gone=gone is not None)
        if len(self._stood) > MOST_STOOD:
            self._stood.clear()
        return made.shared_out(jobs, new)


MOST_STOOD = 200_000
"""Copies of which it is remembered when they stood."""
_KNOWN = "SELECT photo FROM memory WHERE photo IN ({})"
_SEEN = "SELECT id, seen FROM photos WHERE id IN ({})"
_BEFORE = (
    "SELECT photos.id, photos.digest, photos.gone, photos.inode, folders.root, roots.base, folders.path, "
    "photos.name FROM photos JOIN folders ON folders.id = photos.folder JOIN roots ON roots.name = folders.root "
    "WHERE photos.digest IN ({}) AND photos.delivered IS NOT NULL AND roots.waits = '' "
    "ORDER BY photos.gone IS NULL"
)


def _rows(db: sqlite3.Connection, query: str, values: Sequence[object]) -> Iterable[tuple[Any, ...]]:
    return db.execute(query.format(files.marks(values)), values) if values else ()


class _Missing:
    """Photos that are missing where they were, those first that a walk found gone."""

    def __init__(self) -> None:
        self._by: dict[Key, dict[int, Was]] = {}
        self._at: dict[int, list[Key]] = {}

    def add(self, digest: bytes, photo: Photo, inode: int, *, gone: bool) -> None:
        """One more; those that a walk found gone are to be added first."""
        self._at[photo.id] = _keys(digest, photo, inode)
        for key in self._at[photo.id]:
            self._by.setdefault(key, {})[photo.id] = photo, gone

    def shared_out(self, jobs: Sequence[Job], new: Mapping[int, bytes]) -> dict[int, Was]:
        """Which each of these was, at most one each; by the same inode first, else by the name, else any."""
        found: dict[int, Was] = {}
        these = [job for job in jobs if job.photo.id in new] if self._at else []
        wanted = {job.photo.id: _keys(new[job.photo.id], job.photo, job.stat.inode) for job in these}
        for turn in range(3):
            for number, keys in wanted.items():
                if number not in found and (was := self._take(keys[turn])):
                    found[number] = was
        return found

    def _take(self, key: Key) -> Was | None:
        was = next(iter(self._by.get(key, {}).values()), None)
        if was is None:
            return None
        for each in self._at.pop(was[0].id):
            del self._by[each][was[0].id]
        return was


Key = tuple[str, bytes, int | bytes]
"""What is compared, the digest, and its value."""


def _keys(digest: bytes, photo: Photo, inode: int) -> list[Key]:
    return [("inode", digest, inode), ("name", digest, os.path.basename(photo.path)), ("any", digest, b"")]


def follow(db: sqlite3.Connection, old: Photo, job: Job) -> Job:
    """The old photo takes the new path, with all that hangs on it; the sidecar it left behind comes along.

    Where the new one was not looked at yet, what the file said before holds until it is.
    """
    new, looked = job.photo, job.digest is not None
    columns = "folder, name, stem, size, mtime_ns, ctime_ns, inode, due, booked, attempts"
    columns += f", {files.COLUMNS}" if looked else ""
    row = db.execute(f"SELECT {columns} FROM photos WHERE id = ?", (new.id,)).fetchone()
    _move_refusals(db, old.id, new.id)
    if looked:
        db.execute("DELETE FROM evidence WHERE digest = ?", (own_key(old.id),))
        db.execute("UPDATE evidence SET digest = ? WHERE digest = ?", (own_key(old.id), own_key(new.id)))
    for table in ("standing", "captions", "withheld", "memory", "writes", "events"):
        db.execute(f"DELETE FROM {table} WHERE photo = ?", (new.id,))
    embedded.allow(db, [old.id, new.id])
    db.execute("UPDATE OR REPLACE embedded SET photo = ? WHERE photo = ?", (old.id, new.id))
    db.execute("DELETE FROM photos WHERE id = ?", (new.id,))
    sets = ", ".join(f"{name.strip()} = ?" for name in columns.split(","))
    db.execute(
        f"UPDATE photos SET {sets}, gone = NULL, look = ?, gate = '' WHERE id = ?", (*row, not looked, old.id)
    )
    log.info("%s was moved to %s", os.fsdecode(old.file), os.fsdecode(new.file))
    _bring_sidecar(db, old, new, job.folder)
    return work.jobs(db, [old.id])[0]


def _move_refusals(db: sqlite3.Connection, old: int, new: int) -> None:
    db.execute(
        "INSERT OR IGNORE INTO refusals SELECT there.folder, there.stem, refusals.key, refusals.text, "
        "refusals.why, refusals.ours, refusals.run, refusals.at FROM refusals "
        "JOIN photos AS here ON here.folder = refusals.folder AND here.stem = refusals.stem "
        "JOIN photos AS there ON there.id = ? WHERE here.id = ?",
        (new, old),
    )


def _bring_sidecar(db: sqlite3.Connection, old: Photo, new: Photo, folder: int) -> None:
    """Rename a sidecar that was left behind, where the new place has none.

    Where that cannot be done its words stand in the ledger, and the merge brings them.
    """
    try:
        left, here = which.own(old), which.own(new)
    except Refused:
        return
    if _is_file(left):
        with suppress(OSError):  # another file system, or the name is taken
            _rename(old, left, here)
            files.remember_sidecar(db, folder, os.path.basename(here), None)
    if _is_file(here):
        db.execute("UPDATE writes SET path = ? WHERE photo = ? AND path = ?", (here, old.id, left))
    elif not os.path.lexists(os.path.splitext(new.file)[0] + b".xmp"):
        db.execute("DELETE FROM memory WHERE photo = ? AND place = 'sidecar'", (old.id,))  # nothing was lost there


def _rename(old: Photo, left: bytes, here: bytes) -> None:
    """Another name for a sidecar, where that is free; raises OSError. A kill of this may have left both names."""
    if which.folded(left) == which.folded(here) and os.path.lexists(here):
        if os.path.basename(here) not in os.listdir(os.path.dirname(here)):
            os.rename(left, here)  # case does not count, and this is the same file
            return
        if not walk.is_spelled(old.base, os.path.relpath(left, old.base)):
            return
    if not _same(left, here):
        os.link(left, here)  # fails where the name is taken meanwhile, as a rename would not
    os.unlink(left)


def _is_file(path: bytes) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def _same(one: bytes, other: bytes) -> bool:
    return os.path.lexists(other) and os.path.samefile(one, other)
