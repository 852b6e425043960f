"""When a turn found nothing to do, the next is made when something can have changed: a second is long for that.

A service that waits costs what its questions to the ledger cost. Whether anybody wrote there, SQLite tells for
next to nothing; what is due by itself is known; all else comes as news, which ends the lull.
"""

from __future__ import annotations

import time

from watcher.ledger.store import Ledger

LONGEST = 5.0
"""Seconds after which a turn is made in any case."""


class Lull:
    """Whether nothing can have changed since the last turn; used by the thread that owns the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._until = 0.0
        self._state = (0, 0)

    def mark(self) -> None:
        """A turn begins: what is written from now on it may not have seen."""
        self._state = self._written()

    def begin(self, seconds: float) -> None:
        """The turn found nothing to do, and nothing is due by itself for so many seconds."""
        self._until = time.monotonic() + min(seconds, LONGEST)

    def end(self) -> None:
        """Something was heard."""
        self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds that it has still; 0 where there is none."""
        return max(0.0, self._until - time.monotonic())

    def holds(self) -> bool:
        """Whether there is still nothing to do, as far as the ledger tells."""
        if not self.left:
            return False
        if self._written() != self._state:
            self.end()
        return self.left > 0

    def _written(self) -> tuple[int, int]:
        """Another answer says that the ledger was written, by us or by others."""
        db = self._ledger.db
        return db.total_changes, int(db.execute("PRAGMA data_version").fetchone()[0])
