"""A connection with Postgres that waits for nobody for ever.

A server's own `statement_timeout` says nothing where the server itself is silent: a host that lost its power, a
container that was paused, a firewall that forgot the connection. The kernel notices the first and the last
(`KEPT`), and only we notice a process that stands still.
"""

from __future__ import annotations

import select
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from psycopg.abc import RV, PQGen

LOOK = 0.5
"""Seconds between two looks whether the waiting was ended."""
KEPT: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""After half a minute without any answer of the other host, the kernel gives the connection up (libpq)."""


class Silent(psycopg.OperationalError):
    """The server took a question and gave no answer in time, or the waiting was ended."""


class Door(psycopg.Connection[Any]):
    """Waits `patience` seconds for each piece of an answer, and no longer than until `ends`.

    Raises Silent then; the connection is closed.
    """

    patience: float = 60.0
    ends: threading.Event | None = None
    waiting: float | None = None
    """Since when, by the monotonic clock, an answer is owed."""

    def wait(self, gen: PQGen[RV], interval: float = LOOK, timeout: float | None = None) -> RV:
        """What psycopg asks for each time it needs the server; see there."""
        try:
            wanted = next(gen)
        except StopIteration as done:  # what was needed is here already
            return done.value  # type: ignore[no-any-return]
        patience = self.patience if timeout is None else min(timeout, self.patience)
        began = self.waiting = time.monotonic()
        poll = select.poll()
        poll.register(self.pgconn.socket, _EVENTS[wanted])
        try:
            while True:
                events = poll.poll(1000 * min(interval, LOOK))
                self._check(began, patience, answers=bool(events))
                if events:
                    began = self.waiting = time.monotonic()
                wanted = gen.send(_ready(events[0][1], wanted) if events else 0)
                poll.modify(self.pgconn.socket, _EVENTS[wanted])
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        finally:
            self.waiting = None

    def _check(self, began: float, patience: float, *, answers: bool) -> None:
        spent, why = time.monotonic() - began, ""
        if self.ends is not None and self.ends.is_set():
            why = "tagwright is ending"
        elif not answers and spent >= patience:
            why = f"the database takes questions and has answered none for {spent:.0f} s"
        if why:
            self.pgconn.finish()  # else psycopg would ask it to cancel, and wait for that answer as well
            raise Silent(why)


_READ, _WRITE = 1, 2
_EVENTS = {
    _READ: select.POLLIN,
    _WRITE: select.POLLOUT,
    _READ | _WRITE: select.POLLIN | select.POLLOUT,
}
"""What psycopg waits for (`psycopg.waiting.Wait`) as the kernel calls it."""


def _ready(event: int, wanted: int) -> int:
    ready = (_READ if event & select.POLLIN else 0) | (_WRITE if event & select.POLLOUT else 0)
    return ready or wanted  # an error or a hang-up: the next read or write says which
