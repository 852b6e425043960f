"""Categories and what is bound to them: part of the rules, kept in the ledger, read at every write."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Literal

from metadata import tags
from metadata.tags import Word

Kind = Literal["word", "person"]
WORD: Kind = "word"
PERSON: Kind = "person"


def add(db: sqlite3.Connection, category: Word) -> bool:
    """Make a category; False where it is there already."""
    done = db.execute("INSERT OR IGNORE INTO categories VALUES (?, ?)", (tags.key(category), tags.text(category)))
    return done.rowcount > 0


def remove(db: sqlite3.Connection, category: Word) -> bool:
    """Take a category away, and what is bound to it loose; False where there is none."""
    return db.execute("DELETE FROM categories WHERE key = ?", (tags.key(category),)).rowcount > 0


def known(db: sqlite3.Connection, category: Word) -> bool:
    """Whether there is such a category."""
    return db.execute("SELECT 1 FROM categories WHERE key = ?", (tags.key(category),)).fetchone() is not None


def bind(db: sqlite3.Connection, kind: Kind, word: Word, category: Word, under: Word) -> None:
    """Bind a word or a name to a category that is known, instead of another it may be bound to.

    `under` is the root that all our words stand below.
    """
    name, text = tags.key(word), tags.text(word)
    db.execute("INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?)", (kind, name, text, tags.key(category)))
    ending = _like(tags.SEPARATOR + tags.key(word[-1:]))
    said = db.execute("SELECT key, text FROM words WHERE key = ? OR key LIKE ? ESCAPE '\\'", (name, "%" + ending))
    rows = [
        (old, tags.text(tags.parse(was)[len(under) :])) for old, was in said if len(tags.parse(was)) > len(under)
    ]
    db.executemany("INSERT OR IGNORE INTO filed VALUES (?, ?)", rows)
    paths = (tags.key(under + word), tags.key(under + category + word[-1:]))
    db.executemany("INSERT OR REPLACE INTO filed VALUES (?, ?)", [(path, text) for path in paths])


def _like(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def loosen(db: sqlite3.Connection, kind: Kind, word: Word) -> bool:
    """Bind a word or a name no longer; False where it was not bound."""
    done = db.execute("DELETE FROM bindings WHERE kind = ? AND key = ?", (kind, tags.key(word)))
    return done.rowcount > 0


def bound(db: sqlite3.Connection, kind: Kind) -> dict[str, Word]:
    """What is bound: the key of each word or name, and its category."""
    rows = db.execute(
        "SELECT bindings.key, categories.text FROM bindings JOIN categories ON categories.key = bindings.category "
        "WHERE bindings.kind = ?",
        (kind,),
    )
    return {name: tags.parse(text) for name, text in rows}


def persons(db: sqlite3.Connection) -> frozenset[str]:
    """Keys of names that are bound as persons'."""
    return frozenset(bound(db, PERSON))


def before(db: sqlite3.Connection) -> Mapping[str, Word]:
    """Paths under which words were written that were bound at some time, and the word each of them was."""
    return {name: tags.parse(word) for name, word in db.execute("SELECT key, word FROM filed")}


def listed(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Each category with its words and its people, as a person reads them."""
    found: dict[str, dict[str, Any]] = {
        name: {"category": tags.show(tags.parse(text)), "words": [], "people": []}
        for name, text in db.execute("SELECT key, text FROM categories ORDER BY key")
    }
    for kind, text, category in db.execute("SELECT kind, text, category FROM bindings ORDER BY key"):
        found[category]["people" if kind == PERSON else "words"].append(tags.show(tags.parse(text)))
    return list(found.values())
