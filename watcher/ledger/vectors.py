"""Vectors of pictures, by picture and model; what was made once is not made again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from watcher.ledger.files import marks

MADE = "vectors"
"""What the making of vectors is called among the sources that were asked about a picture."""


def keep(db: sqlite3.Connection, made: Sequence[tuple[bytes, str, bytes]]) -> None:
    """Remember these, as (picture, model, vector); that model is from now on the one that counts."""
    db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", made)
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(MADE, model) for _, model, _ in made[-1:]])


def current(db: sqlite3.Connection) -> str:
    """The model that made one last, or ""."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (MADE,)).fetchone()
    return str(row[0]) if row else ""


def asked(db: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, frozenset[str]]:
    """Of which models there is one of each picture, as `vectors@model`."""
    found: dict[bytes, set[str]] = {}
    for digest, model in db.execute(
        f"SELECT digest, model FROM vectors WHERE digest IN ({marks(digests)})", digests
    ):
        found.setdefault(digest, set()).add(f"{MADE}@{model}")
    return {digest: frozenset(names) for digest, names in found.items()}


def forget(db: sqlite3.Connection, digest: bytes) -> None:
    """Those of one picture."""
    db.execute("DELETE FROM vectors WHERE digest = ?", (digest,))


def photos(db: sqlite3.Connection, model: str) -> list[int]:
    """The numbers of all photos of whose picture this model made one."""
    query = (
        "SELECT photos.id FROM photos JOIN vectors ON vectors.digest = photos.digest "
        "WHERE vectors.model = ? AND photos.gone IS NULL"
    )
    return [row[0] for row in db.execute(query, (model,))]


def rows(db: sqlite3.Connection, model: str, some: Sequence[int]) -> list[tuple[int, bytes]]:
    """Photo and vector, of those of these photos that have one."""
    query = (
        "SELECT photos.id, vectors.vector FROM photos JOIN vectors ON vectors.digest = photos.digest "
        f"WHERE vectors.model = ? AND photos.id IN ({marks(some)})"
    )
    return db.execute(query, (model, *some)).fetchall()
