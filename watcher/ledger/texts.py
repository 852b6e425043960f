"""Vectors of texts, by model and text; a model's go when nobody asked for them for long."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from watcher.ledger.files import marks

MOST = 100_000
"""Texts of one model that are kept, the newest: some 140 MB at 512 numbers."""
UNUSED = 90 * 86400.0
"""Seconds after which a model that nobody asked for texts is forgotten with all of its own."""
PART = 500


def of(db: sqlite3.Connection, model: str, texts: Sequence[str]) -> dict[str, bytes]:
    """What is kept of these texts."""
    found: dict[str, bytes] = {}
    for start in range(0, len(texts), PART):
        some = texts[start : start + PART]
        query = (
            "SELECT text, vector FROM texts WHERE model = (SELECT id FROM text_models WHERE name = ?) "
            f"AND text IN ({marks(some)})"
        )
        found.update(db.execute(query, (model, *some)).fetchall())
    return found


def used(db: sqlite3.Connection, model: str) -> float:
    """When a model was last asked for texts, or 0."""
    row = db.execute("SELECT used FROM text_models WHERE name = ?", (model,)).fetchone()
    return float(row[0]) if row else 0.0


def keep(db: sqlite3.Connection, model: str, made: Sequence[tuple[str, bytes]], now: float) -> None:
    """Remember these, as (text, vector), and that the model was asked."""
    db.execute(
        "INSERT INTO text_models (name, used) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET used = excluded.used",
        (model, now),
    )
    (number,) = db.execute("SELECT id FROM text_models WHERE name = ?", (model,)).fetchone()
    db.executemany(
        "INSERT OR REPLACE INTO texts (model, text, vector) VALUES (?, ?, ?)",
        [(number, text, vector) for text, vector in made],
    )
    (count,) = db.execute("SELECT count(*) FROM texts WHERE model = ?", (number,)).fetchone()
    if count > MOST:
        query = "DELETE FROM texts WHERE rowid IN (SELECT rowid FROM texts WHERE model = ? ORDER BY rowid LIMIT ?)"
        db.execute(query, (number, count - MOST))


def tidy(db: sqlite3.Connection, asked: Collection[str], now: float) -> None:
    """These models are asked in our days; forget those that nobody asked for long."""
    db.executemany("UPDATE text_models SET used = ? WHERE name = ?", [(now, name) for name in asked])
    old = "SELECT id FROM text_models WHERE used < ?"
    db.execute(f"DELETE FROM texts WHERE model IN ({old})", (now - UNUSED,))
    db.execute("DELETE FROM text_models WHERE used < ?", (now - UNUSED,))
