"""Tells a webhook when a person is needed: photos set aside, places that take nothing, a service that failed.

A message that cannot be handed over is dropped with a line in the log: the ledger and `status` keep what it
said. Addresses of webhooks are secrets of their own, so that no line names more than the host.
"""

from __future__ import annotations

import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from watcher import __version__
from watcher.home_settings import Notify

log = logging.getLogger(__name__)

PATIENCE = 15.0
"""Seconds for one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads: which event, one line, and what to do."""

    event: str
    title: str
    text: str
    priority: int = 5

    def body(self) -> dict[str, object]:
        """As ntfy, Gotify, Slack, Mattermost and Discord understand it, each by its own name for the text."""
        whole = f"{self.title}: {self.text}"
        return {
            "event": self.event,
            "title": self.title,
            "message": self.text,
            "priority": self.priority,
            "text": whole,
            "content": whole,
        }


Send = Callable[[Message], None]


def webhook(url: str, token: str = "") -> Send:
    """Sends by POST; raises OSError where that fails."""
    headers = {"Content-Type": "application/json", "User-Agent": f"tagwright/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"

    def send(message: Message) -> None:
        data = json.dumps(message.body()).encode()
        import urllib.request  # noqa: PLC0415 - with all of HTTP and email, for the few who want to be told

        request = urllib.request.Request(url, data=data, headers=headers, method="POST")  # noqa: S310 - checked by the settings
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - as above
            answer.read(1)

    return send


class Crier:
    """Looks at the ledger now and then, and sends what is new from a thread of its own."""

    def __init__(self, settings: Notify, send: Send | None, clock: Callable[[], float]) -> None:
        """`send` None: nobody is told. `clock` is a steady one, in seconds."""
        self._settings, self._send, self._clock = settings, send, clock
        self._aside: int | None = None
        self._reasons: frozenset[str] = frozenset()
        self._said: dict[str, float] = {}
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="crier", daemon=True)

    def __enter__(self) -> Self:
        if self._send is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
            self._cry(Message("stopped", "tagwright ended with an error", str(error), 8))
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(PATIENCE + 5)

    def look(self, db: sqlite3.Connection) -> None:
        """What is new since the last look; photos that were set aside before the start are no news."""
        if self._send is None:
            return
        aside = int(db.execute("SELECT count(*) FROM photos WHERE state = 'aside' AND gone IS NULL").fetchone()[0])
        if self._aside is None or aside < self._aside:
            self._aside = aside
        if aside > self._aside and self._may("aside"):
            self._cry(_set_aside(db, aside - self._aside))
            self._aside = aside
        reasons = _reasons(db)
        if new := sorted(reasons - self._reasons):
            if not self._may("stopped"):
                return  # told after the pause
            self._cry(Message("stopped", "tagwright waits", "; ".join(new), 8))
        self._reasons = reasons

    def _may(self, event: str) -> bool:
        return self._clock() - self._said.get(event, float("-inf")) >= self._settings.pause

    def _cry(self, message: Message) -> None:
        if self._send is not None and message.event in self._settings.events:
            self._said[message.event] = self._clock()
            self._queue.put(message)

    def _run(self) -> None:
        assert self._send is not None
        host = urlsplit(self._settings.url).hostname
        while (message := self._queue.get()) is not None:
            try:
                self._send(message)
            except (OSError, ValueError) as error:
                why = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
                log.warning("%s was not told %r: %s", host, message.title, why)


def _set_aside(db: sqlite3.Connection, new: int) -> Message:
    rows: Mapping[str, int] = dict(
        db.execute(
            "SELECT reason, count(*) FROM photos WHERE state = 'aside' AND gone IS NULL GROUP BY 1 "
            "ORDER BY 2 DESC LIMIT 3"
        ).fetchall()
    )
    why = "; ".join(f"{count} x {reason}" if count > 1 else reason for reason, count in rows.items())
    title = "a photo was set aside" if new == 1 else f"{new} photos were set aside"
    return Message("aside", title, f"{why} (`tagwright status`, then `tagwright retry`)")


def _reasons(db: sqlite3.Connection) -> frozenset[str]:
    waits = db.execute("SELECT waits FROM roots WHERE waits != ''").fetchall()
    return frozenset(row[0] for row in (*waits, *db.execute("SELECT reason FROM stops").fetchall()))
