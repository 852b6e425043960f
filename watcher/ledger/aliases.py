"""Aliases, and words that are kept apart: part of the rules, kept in the ledger, read at every write."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metadata import aliases, tags
from metadata.tags import Word

EVERYBODY = ""
"""The owner of what holds for all; what holds for one user of a server bears that user's id."""


@dataclass(frozen=True, slots=True)
class Both:
    """Aliases by key: of whole paths, and of last parts of any path. Each leads to its end."""

    paths: Mapping[str, Word]
    leaves: Mapping[str, Word]


def used(db: sqlite3.Connection, owner: str = EVERYBODY) -> Both:
    """The aliases in force, resolved to their end. Raises UserError for a circle, which `add` refuses."""
    paths, leaves = raw(db, owner, leaf=False), raw(db, owner, leaf=True)
    plain = {**leaves, **paths}
    ends = aliases.resolved(plain)
    return Both({name: ends[name] for name in paths}, {name: ends[name] for name in leaves if name not in paths})


def raw(db: sqlite3.Connection, owner: str = EVERYBODY, *, leaf: bool) -> dict[str, Word]:
    """The aliases of one kind as they were made."""
    rows = db.execute(
        "SELECT key, word FROM aliases WHERE owner = ? AND leaf = ? AND off = 0", (owner, leaf)
    ).fetchall()
    return {name: tags.parse(word) for name, word in rows}


def add(db: sqlite3.Connection, word: Word, to: Word, now: float, *, leaf: bool, run: int | None = None) -> None:
    """One more, or another instead. Raises UserError where that would close a circle."""
    before = {**raw(db, leaf=True), **raw(db, leaf=False)}
    aliases.added(before, word, to)
    name = tags.key(word)
    db.execute("DELETE FROM aliases WHERE owner = ? AND key = ? AND (leaf = ? OR off)", (EVERYBODY, name, leaf))
    db.execute(
        "INSERT INTO aliases (owner, key, leaf, text, word, run, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (EVERYBODY, name, leaf, tags.text(word), tags.text(to), run, now),
    )


def remove(db: sqlite3.Connection, word: Word) -> bool:
    """Take an alias away, of either kind; False where there is none."""
    query = "DELETE FROM aliases WHERE owner = ? AND key = ? AND off = 0"
    return db.execute(query, (EVERYBODY, tags.key(word))).rowcount > 0


def switch(db: sqlite3.Connection, run: int, *, off: bool) -> int:
    """Put the aliases that a run made out of force, or back; how many there are."""
    return db.execute("UPDATE aliases SET off = ? WHERE run = ? AND off != ?", (off, run, off)).rowcount


def listed(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Each alias as a person reads it: what it matches, and what is written."""
    rows = db.execute("SELECT text, word, leaf, run FROM aliases WHERE off = 0 ORDER BY key, leaf").fetchall()
    return [
        {
            "word": tags.show(tags.parse(text)),
            "to": tags.show(tags.parse(word)),
            "matches": "last part" if leaf else "whole path",
            "run": run,
        }
        for text, word, leaf, run in rows
    ]


# Kept apart


def keep_apart(db: sqlite3.Connection, word: Word, other: Word, now: float) -> None:
    """Never merge a word (`other` empty), or never these two with each other."""
    first, second = sorted((word, other), key=tags.key) if other else (word, other)
    db.execute(
        "INSERT OR REPLACE INTO apart VALUES (?, ?, ?, ?, ?, ?)",
        (EVERYBODY, tags.key(first), tags.key(second), tags.text(first), tags.text(second), now),
    )


def let_together(db: sqlite3.Connection, word: Word, other: Word) -> bool:
    """Take that back; False where it was not so."""
    first, second = sorted((tags.key(word), tags.key(other))) if other else (tags.key(word), "")
    query = "DELETE FROM apart WHERE owner = ? AND key = ? AND other = ?"
    return db.execute(query, (EVERYBODY, first, second)).rowcount > 0


def protected(db: sqlite3.Connection) -> frozenset[str]:
    """The keys of words that are never merged."""
    return frozenset(row[0] for row in db.execute("SELECT key FROM apart WHERE other = ''"))


def pairs(db: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """The keys of words that are never merged with each other, the smaller first."""
    return frozenset(db.execute("SELECT key, other FROM apart WHERE other != ''").fetchall())


def apart(db: sqlite3.Connection) -> list[dict[str, str]]:
    """Protected words and blocked pairs as a person reads them."""
    rows = db.execute("SELECT text, other_text FROM apart ORDER BY other != '', key").fetchall()
    return [
        {"word": tags.show(tags.parse(text)), "not_with": tags.show(tags.parse(other)) if other else ""}
        for text, other in rows
    ]
