"""Aliases, and words that are kept apart: part of the rules, kept in the ledger, read at every write.

Each belongs to somebody (watcher.ledger.owners): to all photos, or to those of one user of a server, who has them
besides those of all. Of the same word a user's own alias goes before that of all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metadata import aliases, tags
from metadata.tags import Word
from watcher.ledger import owners
from watcher.ledger.owners import EVERYBODY


@dataclass(frozen=True, slots=True)
class Both:
    """Aliases by key: of whole paths, and of last parts of any path. Each leads to its end."""

    paths: Mapping[str, Word]
    leaves: Mapping[str, Word]


def used(db: sqlite3.Connection, owner: str = EVERYBODY) -> Both:
    """The aliases in force for an owner's photos, resolved to their end.

    Raises UserError for a circle, which `add` refuses.
    """
    made = _in_force(db, owner)
    plain = {**made.leaves, **made.paths}
    ends = aliases.resolved(plain)
    leaves = {name: ends[name] for name in made.leaves if name not in made.paths}
    return Both({name: ends[name] for name in made.paths}, leaves)


def _in_force(db: sqlite3.Connection, owner: str) -> Both:
    """Those of all, and the owner's own, as they were made."""
    paths, leaves = raw(db, leaf=False), raw(db, leaf=True)
    if owner == EVERYBODY:
        return Both(paths, leaves)
    my_paths, my_leaves = raw(db, owner, leaf=False), raw(db, owner, leaf=True)
    mine = my_paths.keys() | my_leaves.keys()
    others = [{name: word for name, word in some.items() if name not in mine} for some in (paths, leaves)]
    return Both({**others[0], **my_paths}, {**others[1], **my_leaves})


def raw(db: sqlite3.Connection, owner: str = EVERYBODY, *, leaf: bool) -> dict[str, Word]:
    """The aliases of one owner and kind as they were made."""
    rows = db.execute(
        "SELECT key, word FROM aliases WHERE owner = ? AND leaf = ? AND off = 0", (owner, leaf)
    ).fetchall()
    return {name: tags.parse(word) for name, word in rows}


def special(db: sqlite3.Connection) -> list[str]:
    """The owners who have aliases of their own."""
    rows = db.execute("SELECT DISTINCT owner FROM aliases WHERE owner != ? AND off = 0", (EVERYBODY,))
    return [row[0] for row in rows]


def add(
    db: sqlite3.Connection,
    word: Word,
    to: Word,
    now: float,
    *,
    leaf: bool,
    run: int | None = None,
    owner: str = EVERYBODY,
) -> None:
    """One more, or another instead. Raises UserError where that would close a circle, for anybody."""
    name = tags.key(word)
    for each in (owner, *(special(db) if owner == EVERYBODY else ())):
        before = _in_force(db, each)
        own = {*raw(db, each, leaf=True), *raw(db, each, leaf=False)} if each != owner else set()
        if name not in own:
            aliases.added({**before.leaves, **before.paths}, word, to)
    db.execute("DELETE FROM aliases WHERE owner = ? AND key = ? AND (leaf = ? OR off)", (owner, name, leaf))
    db.execute(
        "INSERT INTO aliases (owner, key, leaf, text, word, run, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (owner, name, leaf, tags.text(word), tags.text(to), run, now),
    )


def remove(db: sqlite3.Connection, word: Word, owner: str = EVERYBODY) -> bool:
    """Take an owner's alias away, of either kind; False where there is none."""
    query = "DELETE FROM aliases WHERE owner = ? AND key = ? AND off = 0"
    return db.execute(query, (owner, tags.key(word))).rowcount > 0


def switch(db: sqlite3.Connection, run: int, *, off: bool) -> int:
    """Put the aliases that a run made out of force, or back; how many there are."""
    return db.execute("UPDATE aliases SET off = ? WHERE run = ? AND off != ?", (off, run, off)).rowcount


def listed(db: sqlite3.Connection, owner: str | None = None) -> list[dict[str, Any]]:
    """Each alias as a person reads it: what it matches, what is written, and for whose photos ("" for all).

    Of one owner only, where one is named.
    """
    rows = db.execute(
        "SELECT text, word, leaf, run, owner FROM aliases WHERE off = 0 AND (? IS NULL OR owner = ?) "
        "ORDER BY owner, key, leaf",
        (owner, owner),
    ).fetchall()
    return [
        {
            "word": tags.show(tags.parse(text)),
            "to": tags.show(tags.parse(word)),
            "matches": "last part" if leaf else "whole path",
            "run": run,
            "user": owners.called(db, whose),
        }
        for text, word, leaf, run, whose in rows
    ]


# Kept apart


def keep_apart(db: sqlite3.Connection, word: Word, other: Word, now: float, owner: str = EVERYBODY) -> None:
    """Never merge a word (`other` empty), or never these two with each other."""
    first, second = sorted((word, other), key=tags.key) if other else (word, other)
    db.execute(
        "INSERT OR REPLACE INTO apart VALUES (?, ?, ?, ?, ?, ?)",
        (owner, tags.key(first), tags.key(second), tags.text(first), tags.text(second), now),
    )


def let_together(db: sqlite3.Connection, word: Word, other: Word, owner: str = EVERYBODY) -> bool:
    """Take that back; False where it was not so."""
    first, second = sorted((tags.key(word), tags.key(other))) if other else (tags.key(word), "")
    query = "DELETE FROM apart WHERE owner = ? AND key = ? AND other = ?"
    return db.execute(query, (owner, first, second)).rowcount > 0


def protected(db: sqlite3.Connection, owner: str = EVERYBODY) -> frozenset[str]:
    """The keys of words that are never merged on this owner's photos."""
    query = "SELECT key FROM apart WHERE other = '' AND owner IN (?, ?)"
    return frozenset(row[0] for row in db.execute(query, (EVERYBODY, owner)))


def pairs(db: sqlite3.Connection, owner: str = EVERYBODY) -> frozenset[tuple[str, str]]:
    """The keys of words that are never merged with each other there, the smaller first."""
    query = "SELECT key, other FROM apart WHERE other != '' AND owner IN (?, ?)"
    return frozenset(db.execute(query, (EVERYBODY, owner)).fetchall())


def apart(db: sqlite3.Connection, owner: str | None = None) -> list[dict[str, str]]:
    """Protected words and blocked pairs as a person reads them, of all or of one owner."""
    rows = db.execute(
        "SELECT text, other_text, owner FROM apart WHERE (? IS NULL OR owner = ?) "
        "ORDER BY owner, other != '', key",
        (owner, owner),
    ).fetchall()
    return [
        {
            "word": tags.show(tags.parse(text)),
            "not_with": tags.show(tags.parse(other)) if other else "",
            "user": owners.called(db, whose),
        }
        for text, other, whose in rows
    ]
