"""What both emitters share: an arrival as an event of watchdog's, said through its observer's queue."""

from __future__ import annotations

import logging
import time

from watchdog.events import FileSystemEvent
from watchdog.observers.api import EventEmitter, EventQueue, ObservedWatch

from watcher.arrival import Arrival, Kind, Pace, WatchedRoot

log = logging.getLogger(__name__)

STILL = 300.0
"""Seconds that a turn may take beyond the pause before it, as the first look at a big root does."""


class Landed(FileSystemEvent):
    """An arrival on its way through watchdog; equal arrivals in a row are said once."""

    def __init__(self, arrival: Arrival) -> None:
        super().__init__(arrival.path)
        self.arrival = arrival

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Landed) and other.arrival == self.arrival

    def __hash__(self) -> int:
        return hash(self.arrival)


class RootEmitter(EventEmitter):
    """An emitter for one of our roots; it is watching from the moment it is made."""

    def __init__(self, queue: EventQueue, watch: ObservedWatch, *, root: WatchedRoot, pace: Pace) -> None:
        super().__init__(queue, watch)
        self.root = root
        self.pace = pace
        self.turned = time.monotonic()

    def say(self, path: bytes, kind: Kind) -> None:
        """Queue an arrival."""
        self.queue_event(Landed(Arrival(self.root.name, path, kind)))

    def queue_events(self, timeout: float) -> None:  # noqa: ARG002 - the pause is ours to choose
        """One turn; what goes wrong in it costs a walk of the whole root, never the watch itself."""
        try:
            self.turn()
        except Exception:  # a thread that died would lose every photo from now on, and nobody would see it
            log.exception("root %r: watching failed and is begun anew", self.root.name)
            if not self.stopped_event.wait(self.pace.check):
                self.anew()
                self.say(b"", Kind.LOOK)
        self.turned = time.monotonic()

    @property
    def interval(self) -> float:
        """Seconds that a turn waits at most."""
        return self.pace.check

    def hangs(self) -> bool:
        """Whether a turn takes far longer than it should, as on a network mount whose server is gone."""
        return time.monotonic() - self.turned > STILL + 2 * self.interval

    def turn(self) -> None:
        """Wait for something to say, and say it."""
        raise NotImplementedError

    def anew(self) -> None:
        """After a turn that failed: trust nothing that is remembered."""
        raise NotImplementedError

    def problems(self) -> list[str]:
        """What a person should know, in sentences."""
        raise NotImplementedError
