"""Commands that one process hands to the one that holds the book: asked, answered, forgotten after a day."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any


def ask(db: sqlite3.Connection, command: str, arguments: Mapping[str, Any], now: float) -> int:
    """Hand a command over; its number."""
    done = db.execute(
        "INSERT INTO requests (command, arguments, at) VALUES (?, ?, ?)", (command, json.dumps(arguments), now)
    )
    return int(done.lastrowid or 0)


def waiting(db: sqlite3.Connection) -> list[tuple[int, str, dict[str, Any]]]:
    """Commands that wait, oldest first."""
    rows = db.execute("SELECT id, command, arguments FROM requests WHERE state = 'waiting' ORDER BY id").fetchall()
    return [(row[0], row[1], json.loads(row[2])) for row in rows]


def answer(db: sqlite3.Connection, number: int, state: str, said: Mapping[str, Any]) -> None:
    """Answer a command: state 'done' or 'failed'."""
    db.execute("UPDATE requests SET state = ?, answer = ? WHERE id = ?", (state, json.dumps(said), number))


def answered(db: sqlite3.Connection, number: int) -> tuple[str, dict[str, Any]] | None:
    """The answer to a command, once there is one."""
    row = db.execute(
        "SELECT state, answer FROM requests WHERE id = ? AND state != 'waiting'", (number,)
    ).fetchone()
    return (row[0], json.loads(row[1])) if row else None


def withdraw(db: sqlite3.Connection, number: int) -> bool:
    """Take a command back that nobody answered; False when somebody has."""
    return db.execute("DELETE FROM requests WHERE id = ? AND state = 'waiting'", (number,)).rowcount > 0


def forget(db: sqlite3.Connection, before: float) -> None:
    """Forget commands that were handed over long ago."""
    db.execute("DELETE FROM requests WHERE at < ?", (before,))
