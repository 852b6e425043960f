"""Tags that a merge has left empty in Immich: deleted where nothing uses them, told of where they stay."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence

from metadata.errors import TagwrightError
from metadata.mirror import broom
from metadata.mirror.ports import Server
from watcher.ledger.owners import EVERYBODY
from watcher.ledger.store import Ledger

log = logging.getLogger(__name__)

Unused = Callable[[Sequence[str]], Collection[str]]

BLIND = "only Immich's database tells whether any asset has it, and it is not connected"
USED = "a tag stands below it, or an asset has it (perhaps in the trash, in the locked folder, or another's)"


def waiting(db: sqlite3.Connection) -> list[int]:
    """Runs whose tags are to be looked at, and that are done with all photos."""
    return [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT run FROM emptied WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM merges "
            "WHERE merges.run = emptied.run AND merges.state IN ('waiting', 'booked'))"
        )
    ]


def sweep(ledger: Ledger, run: int, by_owner: Callable[[], Mapping[str, Server]], unused: Unused | None) -> bool:
    """Delete a run's tags that nobody uses, of the user whose photos it was about.

    False where Immich does not answer, and it is to be tried again.
    """
    query = "SELECT tag, owner FROM emptied WHERE run = ? AND state = 'waiting'"
    rows = ledger.db.execute(query, (run,)).fetchall()
    names, whose = {row[0] for row in rows}, {row[1] for row in rows}
    try:
        servers = {owner: one for owner, one in by_owner().items() if whose & {EVERYBODY, owner}}
        there = {tag.value for server in servers.values() for tag in server.tags()} & names
        gone = (
            {one for server in servers.values() for one in broom.sweep(server, there, unused)} if unused else set()
        )
        left = {tag.value for server in servers.values() for tag in server.tags()} & there if gone else there
    except TagwrightError as error:
        log.info("tags that may be empty are looked at later: %s", error)
        return False
    with ledger.transaction() as db:
        why = USED if unused else BLIND
        db.executemany(
            "UPDATE emptied SET state = ?, why = ? WHERE run = ? AND tag = ?",
            [("stays", why, run, name) if name in left else ("deleted", "", run, name) for name in sorted(names)],
        )
    return True


def left(db: sqlite3.Connection, run: int | None = None) -> list[dict[str, str]]:
    """Tags that stayed, and why."""
    query = "SELECT tag, why FROM emptied WHERE state = 'stays' AND (? IS NULL OR run = ?) ORDER BY tag"
    return [{"tag": tag, "why": why} for tag, why in db.execute(query, (run, run))]
