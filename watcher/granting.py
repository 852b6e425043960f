"""`tagwright immich grants`: the SQL that makes a role which may read what we need of Immich's database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metadata.errors import TagwrightError
from metadata.immich.database import Database
from metadata.immich.tables import PUBLISHED, Schema, grants
from watcher import connection
from watcher.settings import Settings

OWNERS = ("postgres", "immich")
"""What the owner of the database is called in Immich's own installations: no role for a reader."""

READER = "tagwright_ro"


@dataclass(frozen=True, slots=True)
class Script:
    """The SQL, and what a person should know about how it was made."""

    sql: str
    said: tuple[str, ...] = ()


def script(settings: Settings, environment: Mapping[str, str], *, role: str | None, people: bool = True) -> Script:
    """The script for the live schema, or for 2.7 to 3.1 where it cannot be seen. Raises UserError."""
    said: list[str] = []
    given = settings.immich.database
    named = role or (READER if given.user in OWNERS else given.user)
    if named != given.user:
        said.append(f"afterwards set `immich.database.user` to {named}")
    schema = _live(settings, environment, said)
    return Script(grants(schema, role=named, database=given.name, people=people), tuple(said))


def _live(settings: Settings, environment: Mapping[str, str], said: list[str]) -> Schema:
    """What is there now: names may be seen by every role that may connect."""
    login = connection.login(settings.immich, environment, warn=said.append)
    if login is None:
        said.append("no database is set (`immich.database.host`): this fits Immich 2.7 to 3.1")
        return PUBLISHED
    with Database(login, patience=15.0) as database:
        try:
            found = database.schema()
        except TagwrightError as error:
            said.append(f"{error}; this fits Immich 2.7 to 3.1")
            return PUBLISHED
    if lacks := found.lacks():
        said.append(f"this database lacks {', '.join(lacks)}: is it Immich's, 2.5 or newer?")
    return found
