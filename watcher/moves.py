"""A photo that is gone in one place and new in another was moved: its history goes along, and its sidecar.

Only when the old path was found missing by a walk; until then the new photo is held. Two paths that both
stand are copies, and share nothing but what models saw.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress

from metadata import which
from metadata.errors import Refused
from metadata.photo import Photo
from watcher.ledger import embedded, files, work
from watcher.ledger.evidence import own_key
from watcher.ledger.work import Job

log = logging.getLogger(__name__)


def before(db: sqlite3.Connection, job: Job) -> tuple[Photo, bool] | None:
    """The photo that this new one may have been, and whether a walk has found it gone.

    None when this is no new photo, or none like it is missing.
    """
    if job.digest is None:
        return None
    rows = db.execute(
        "SELECT photos.id, photos.gone, photos.name FROM photos JOIN folders ON folders.id = photos.folder "
        "JOIN roots ON roots.name = folders.root "
        "WHERE photos.digest = ? AND photos.id != ? AND photos.delivered IS NOT NULL AND roots.waits = ''",
        (job.digest, job.photo.id),
    ).fetchall()
    found = files.photos_of(db, [row[0] for row in rows])
    name = os.path.basename(job.photo.path)
    missing = [
        (row[2] == name, row[1] is not None, found[row[0]])
        for row in rows
        if row[0] in found and _root_stands(found[row[0]]) and not os.path.lexists(found[row[0]].file)
    ]
    if not missing:
        return None
    _, gone, photo = max(missing, key=lambda one: one[:2])
    return photo, gone


def _root_stands(photo: Photo) -> bool:
    return os.path.isdir(photo.base)


def follow(db: sqlite3.Connection, old: Photo, job: Job) -> Job:
    """The old photo takes the new path, with all that hangs on it; the sidecar it left behind comes along."""
    new = job.photo
    row = db.execute(
        f"SELECT folder, name, stem, size, mtime_ns, ctime_ns, inode, due, booked, attempts, {files.COLUMNS} "
        "FROM photos WHERE id = ?",
        (new.id,),
    ).fetchone()
    _move_refusals(db, old.id, new.id)
    db.execute("DELETE FROM evidence WHERE digest = ?", (own_key(old.id),))
    db.execute("UPDATE evidence SET digest = ? WHERE digest = ?", (own_key(old.id), own_key(new.id)))
    for table in ("standing", "captions", "withheld", "memory", "writes", "events"):
        db.execute(f"DELETE FROM {table} WHERE photo = ?", (new.id,))
    embedded.allow(db, [old.id, new.id])
    db.execute("UPDATE OR REPLACE embedded SET photo = ? WHERE photo = ?", (old.id, new.id))
    db.execute("DELETE FROM photos WHERE id = ?", (new.id,))
    columns = "folder, name, stem, size, mtime_ns, ctime_ns, inode, due, booked, attempts, " + files.COLUMNS
    sets = ", ".join(f"{name.strip()} = ?" for name in columns.split(","))
    db.execute(f"UPDATE photos SET {sets}, gone = NULL, look = 0, gate = '' WHERE id = ?", (*row, old.id))
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
            if not _same(left, here):  # a kill may have left both names
                os.link(left, here)  # fails where the name is taken meanwhile, as a rename would not
            os.unlink(left)
            files.remember_sidecar(db, folder, os.path.basename(here), None)
    if _is_file(here):
        db.execute("UPDATE writes SET path = ? WHERE photo = ? AND path = ?", (here, old.id, left))
    elif not os.path.lexists(os.path.splitext(new.file)[0] + b".xmp"):
        db.execute("DELETE FROM memory WHERE photo = ? AND place = 'sidecar'", (old.id,))  # nothing was lost there


def _is_file(path: bytes) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def _same(one: bytes, other: bytes) -> bool:
    return os.path.lexists(other) and os.path.samefile(one, other)
