"""Whose photos are whose: the users of a server, as the ledger knows them, and photos that are nobody's there.

Where no photo has an owner, everything is everybody's. Else photos of plain folders are a part of their own
(`NOBODY`), beside those of each user.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from metadata.errors import UserError
from watcher.ledger import assets
from watcher.ledger.store import Ledger

EVERYBODY = ""
"""The owner of what holds for all photos; what holds for one user's bears that user's id."""
NOBODY = "-"
"""The owner of what holds for photos of no user alone, and how a person names that."""

_NAMES = "users"


def remember(ledger: Ledger, users: Mapping[str, frozenset[str]]) -> None:
    """A server has said whose keys we have: the users' ids, and what each is called (name and mail among it)."""
    text = json.dumps({owner: sorted(names) for owner, names in sorted(users.items())})
    if ledger.get(_NAMES) != text:
        ledger.put(_NAMES, text)


def named(db: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """What the users are called, by id, as the server said last."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_NAMES,)).fetchone()
    return {owner: frozenset(names) for owner, names in json.loads(row[0]).items()} if row else {}


def parts(db: sqlite3.Connection) -> list[str]:
    """The owners among whom the photos are divided: `EVERYBODY` alone, or users, and `NOBODY` if need be."""
    found = [row[0] for row in db.execute("SELECT DISTINCT owner FROM assets WHERE photo IS NOT NULL ORDER BY 1")]
    if not found:
        return [EVERYBODY]
    query = (
        "SELECT 1 FROM photos WHERE gone IS NULL AND digest IS NOT NULL "  # was looked at
        "AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.photo = photos.id) LIMIT 1"
    )
    return [*found, NOBODY] if db.execute(query).fetchone() else found


def scope(db: sqlite3.Connection, owner: str) -> str:
    """To whom a rule belongs that came out of photos of this owner ("" where they have none)."""
    return owner or (NOBODY if parts(db) != [EVERYBODY] else EVERYBODY)


def of(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, str]:
    """To whom each of these photos belongs: a user's id, or `NOBODY`."""
    found = assets.owners_of(db, photos)
    return {photo: found.get(photo, NOBODY) for photo in photos}


def mine(db: sqlite3.Connection, owner: str, photos: Sequence[int]) -> set[int]:
    """Those of these photos that are this owner's; all of them for `EVERYBODY`."""
    if owner == EVERYBODY:
        return {*photos}
    made: set[int] = set()
    for start in range(0, len(photos), 500):
        some = photos[start : start + 500]
        made |= {photo for photo, whose in of(db, some).items() if whose == owner}
    return made


def called(db: sqlite3.Connection, owner: str) -> str:
    """How a person knows this owner: by mail, else by name, else by id; `NOBODY` as it is."""
    names = named(db).get(owner, frozenset()) - {owner}
    return min(names, key=lambda name: ("@" not in name, name), default=owner)


def find(db: sqlite3.Connection, name: str) -> str:
    """The owner whom a person names, by name, mail or id. Raises UserError where there is none, or several."""
    if name in (EVERYBODY, NOBODY):
        return name
    known = named(db)
    known |= {owner: frozenset() for owner in parts(db) if owner not in (*known, EVERYBODY, NOBODY)}
    wanted = name.casefold()
    found = [owner for owner, names in known.items() if wanted in {each.casefold() for each in (owner, *names)}]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"several users are called {name!r}; use the mail address")
    told = ", ".join(sorted(called(db, owner) for owner in known)) or "none"
    raise UserError(f"there is no user {name!r}; known are: {told} ({NOBODY} for photos of no user)")
