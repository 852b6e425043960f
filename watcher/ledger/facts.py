"""What photos say about themselves, as their last look read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from metadata.photo import Facts
from watcher.ledger.files import COLUMNS, marks


def of(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Facts]:
    """By number; photos that nobody read are left out, and so is what is not kept."""
    rows = db.execute(f"SELECT id, {COLUMNS} FROM photos WHERE id IN ({marks(photos)})", photos)
    found = {}
    for number, kind, width, height, orientation, taken, *rest in rows:
        if kind is not None:
            moment = datetime.fromisoformat(taken) if taken else None
            found[number] = Facts(kind, width, height, orientation or 1, moment, *rest)
    return found
