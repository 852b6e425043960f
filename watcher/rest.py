"""When the service leaves photos alone: hours that are to be quiet, a pause that was asked for, a busy Immich.

What lands is noted all the same, commands of a person are done, and Immich's tags are followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from watcher.ledger.store import Ledger

PAUSED = "paused until"
"""The ledger's name for the moment until which a person asked for quiet (seconds since 1970)."""
LOOK = 30.0
"""Seconds between two looks at Immich's queues."""

Hours = tuple[int, int]
"""From and until, in minutes since midnight; over midnight where until is the smaller."""


def hours(text: str) -> Hours:
    """`22:00-06:30`. Raises ValueError."""
    start, mark, end = text.partition("-")
    if not mark:
        raise ValueError("no hours")
    found = _minutes(start), _minutes(end)
    if found[0] == found[1]:
        raise ValueError("no time between the two")
    return found


def _minutes(text: str) -> int:
    hour, mark, minute = text.strip().partition(":")
    if not (mark and hour.isdecimal() and minute.isdecimal() and len(minute) == 2):
        raise ValueError("no time of day")
    value = int(hour) * 60 + int(minute)
    if not (int(minute) < 60 and value <= 24 * 60):
        raise ValueError("no time of day")
    return value % (24 * 60)


def ends(quiet: Sequence[Hours], at: datetime) -> datetime | None:
    """When the quiet hours end that `at` lies in; None outside of them."""
    minute = at.hour * 60 + at.minute
    found = None
    for start, end in quiet:
        inside = start <= minute < end if start < end else minute >= start or minute < end
        if inside:
            left = (end - minute) % (24 * 60)
            until = at.replace(second=0, microsecond=0) + timedelta(minutes=left)
            found = until if found is None else max(found, until)
    return found


@dataclass(slots=True)
class Rest:
    """Asked before photos are taken. `busy` says why models should wait for a server, or ""."""

    ledger: Ledger
    quiet: tuple[Hours, ...]
    zone: tzinfo | None
    now: Callable[[], float]
    busy: Callable[[], str] | None = None
    clock: Callable[[], float] = time.monotonic
    _busy: tuple[float, str] = field(default=(float("-inf"), ""))

    def why(self) -> str:
        """Why no photo is touched now, or ""."""
        now = self.now()
        until = paused(self.ledger)
        if until > now:
            return f"paused until {_spoken(self._local(until), self._local(now))}; `tagwright resume` ends it"
        end = ends(self.quiet, self._local(now)) if self.quiet else None
        return f"quiet hours until {end:%H:%M}" if end else ""

    def why_models(self) -> str:
        """Why no photo is shown to a model now, or ""; asks the server every half minute at most."""
        if self.busy is None:
            return ""
        at = self.clock()
        if at - self._busy[0] >= LOOK:
            self._busy = (at, self.busy())
        return self._busy[1]

    def _local(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment, self.zone)


def _spoken(until: datetime, now: datetime) -> str:
    return f"{until:%H:%M}" if until.date() == now.date() else f"{until:%Y-%m-%d %H:%M}"


def paused(ledger: Ledger) -> float:
    """The moment until which a person asked for quiet, or 0."""
    return float(ledger.get(PAUSED) or 0)


MODELS = frozenset(
    {
        *("smartSearch", "faceDetection", "facialRecognition", "ocr"),
        *("thumbnailGeneration", "metadataExtraction", "videoConversion", "duplicateDetection"),
    }
)
"""Immich's queues that take the processor or the card that models of ours would take."""


class Queues:
    """Whether Immich has work for the same processor; asked in a thread, so that nobody waits for a server."""

    def __init__(self, ask: Callable[[], Mapping[str, int] | None], most: int) -> None:
        """`ask` gives the jobs by queue, None where the key may not see them; `most` of them count as idle."""
        self._ask, self._most = ask, most
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="queues")
        self._under_way: Future[Mapping[str, int] | None] | None = None
        self._why = ""

    def __call__(self) -> str:
        """Why models should wait, by the last answer there is; a server that does not answer is not busy."""
        if self._under_way is None or self._under_way.done():
            self._take(self._under_way)
            self._under_way = self._asking.submit(self._ask)
        return self._why

    def _take(self, answered: Future[Mapping[str, int] | None] | None) -> None:
        if answered is None:
            return
        queues = (answered.result() if answered.exception() is None else None) or {}
        jobs = sum(count for name, count in queues.items() if name in MODELS)
        self._why = f"Immich is busy ({jobs} jobs in its queues); models wait" if jobs > self._most else ""

    def close(self) -> None:
        """Asks no more."""
        self._asking.shutdown(cancel_futures=True)
