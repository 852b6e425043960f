"""What must not be known any more of photos that were locked, deleted, or thrown away in Immich."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from watcher.ledger import embedded, evidence, files

Sweep = Callable[[bytes], object]
"""Forgets what was kept of a picture besides, by its digest: vectors, pictures in reports."""

REPORTS = "dedupe"
"""Where reports with pictures lie, in the folder of the ledger."""
_WORDS = ("standing", "captions", "withheld", "memory", "writes", "events", "merges")


def forget(db: sqlite3.Connection, photos: Iterable[int], *, whole: bool, sweeps: Iterable[Sweep] = ()) -> None:
    """Evidence, captions of ours, facts and all that was made of the pictures; with `whole` the words too.

    What was said of a picture stays where another photo that may be looked at shows the same. Refusals stay:
    a person uttered them, and they keep words away should the photo come back.
    """
    for photo in photos:
        row = db.execute("SELECT digest FROM photos WHERE id = ?", (photo,)).fetchone()
        if row is None:
            continue
        _forget_picture(db, photo, row[0], sweeps)
        evidence.forget(db, evidence.own_key(photo))
        for table in (*(_WORDS if whole else ()), "embedded", "only_read", "kin"):
            db.execute(f"DELETE FROM {table} WHERE photo = ?", (photo,))  # noqa: S608 - our own names
        embedded.allow(db, [photo])
        facts = ", ".join(f"{name.strip()} = NULL" for name in files.COLUMNS.split(","))
        sets = f"digest = NULL, look = 1, {facts}"
        db.execute(f"UPDATE photos SET {sets} WHERE id = ?", (photo,))  # noqa: S608 - our own names


def _forget_picture(db: sqlite3.Connection, photo: int, digest: bytes | None, sweeps: Iterable[Sweep]) -> None:
    query = "SELECT 1 FROM photos WHERE digest = ? AND id != ? AND gone IS NULL"
    if digest is None or db.execute(query, (digest, photo)).fetchone():
        return
    evidence.forget(db, digest)
    for sweep in sweeps:
        sweep(digest)


def of_pages(folder: Path) -> Sweep:
    """Takes small pictures out of reports below a folder: their addresses end in `#` and the picture's digest."""

    def sweep(digest: bytes) -> None:
        from watcher.report import replaced  # noqa: PLC0415 - a service that forgets nothing starts without it

        mark = f'#{digest.hex()}"'
        with suppress(OSError):
            for page in folder.rglob("report.html"):
                text = page.read_text("utf-8", "surrogateescape")
                if mark in text:
                    replaced(page, re.sub(f"<img[^<>]*{mark}[^<>]*>", "", text))

    return sweep
