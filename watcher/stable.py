"""Says when a file has come to rest, from events and looks that others make. Pure: clock and stat are passed in.

mtime is never asked: programs set it into the past after they have written. A file is at rest when two
looks apart found the same size, ctime and inode, and no event came meanwhile.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass

from metadata.photo import Stat
from watcher.ignore import is_film

LEASE = 60.0
"""Seconds after which a path that was handed out and never answered is handed out again."""

TICK = 1e-6
"""Seconds; sums of floats differ by less, and a look may be this much early."""

PAUSE = 60.0
"""Times `settle` that a film rests while its writer pauses, at most."""

PATIENCE = 60.0
"""Seconds, the longest pause between two looks at a file that goes on changing."""


@dataclass(frozen=True, slots=True)
class Calm:
    """How much quiet is asked for, in seconds.

    `settle`: since the last event. `settle_max`: after this long without rest a file is called growing.
    `cooldown`: a path that settled is not handed out again sooner. `cache_time`: on a network the two
    equal looks lie further apart than this, as the system may answer from a cache for so long; 0 = local.
    """

    settle: float = 0.5
    settle_max: float = 600.0
    cooldown: float = 2.0
    cache_time: float = 0.0

    def gap(self, *, closed: bool, film: bool = False) -> float:
        """How far apart the two equal looks are: close where a writer said it was done.

        A film takes minutes to arrive, and whoever sends it may pause: it is given longer.
        """
        least = self.long if film and not closed else 0.0
        if self.cache_time > 0:
            return max(least, self.cache_time + self.settle)
        return self.settle / 2 if closed else max(least, self.settle * 4)

    @property
    def long(self) -> float:
        """Seconds that a film has to stand still before it is whole, where no writer said that it is."""
        return self.settle * PAUSE


@dataclass(frozen=True, slots=True)
class Settled:
    """The file is at rest in this state."""

    path: bytes
    stat: Stat


@dataclass(frozen=True, slots=True)
class Waiting:
    """The path will be handed out again; `growing` when it has found no rest for settle_max."""

    path: bytes
    growing: bool = False


@dataclass(frozen=True, slots=True)
class Vanished:
    """The file is not there (any more); nothing of it is kept."""

    path: bytes


@dataclass(slots=True)
class _Entry:
    """One path: when it was first noted, last stirred, is due and was last looked at.

    `since` when it looks like `stat`; `stirred` by an event since it was handed out; `fresh` when it was
    looked at since the last event. `film`: by its name it is one.
    """

    first: float
    event: float
    due: float
    looked: float
    closed: bool
    film: bool = False
    stat: Stat | None = None
    since: float = 0.0
    stirred: bool = False
    fresh: bool = False
    changes: int = 0


class Settling:
    """The paths of one root that may still be changing. Not thread-safe; `now` is monotonic seconds.

    A clock that steps back stops for that step: no path waits longer because of it. Each path that was
    noted is handed out by `due` until `looked` answers Settled or Vanished.
    """

    def __init__(self, calm: Calm) -> None:
        self._calm = calm
        self._entries: dict[bytes, _Entry] = {}
        self._heap: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()
        self._cooling: dict[bytes, float] = {}
        self._cooled: deque[tuple[float, bytes]] = deque()
        self._last = 0.0
        self._back = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: bytes) -> bool:
        return path in self._entries

    def note(self, path: bytes, *, closed: bool, now: float, stat: Stat | None = None) -> None:
        """Something happened to the path; `closed` when its writer is done, `stat` when it was just looked at."""
        now = self._time(now)
        entry = self._entries.get(path)
        if entry is None:
            entry = self._entries[path] = _Entry(now, now, now, now, closed, is_film(path))
        entry.event, entry.closed, entry.stirred, entry.fresh = now, closed, True, False
        if closed:
            entry.changes = 0
        if stat is not None and not _same(entry.stat, stat):
            entry.stat, entry.since = stat, now
        due = now + (self._calm.gap(closed=closed, film=entry.film) if entry.stat else self._calm.settle / 2)
        # A file with events all the time is looked at now and then all the same.
        due = min(due, max(entry.looked + self._calm.settle_max, now))
        self._schedule(path, entry, max(due, self._cooling.get(path, due)))

    def due(self, now: float, most: int = 1000) -> list[bytes]:
        """The paths to stat now, longest waiting first; each is answered with `looked`."""
        now = self._time(now)
        self._forget_cooled(now)
        paths: list[bytes] = []
        while self._heap and self._heap[0][0] <= now + TICK and len(paths) < most:
            at, _, path = heapq.heappop(self._heap)
            entry = self._entries.get(path)
            if entry is None or entry.due != at:
                continue
            entry.stirred = False
            self._schedule(path, entry, now + LEASE)
            paths.append(path)
        return paths

    def next_due(self) -> float | None:
        """When `due` has something to hand out, on the caller's clock; None when nothing waits."""
        while self._heap:
            at, _, path = self._heap[0]
            entry = self._entries.get(path)
            if entry is not None and entry.due == at:
                return at - self._back
            heapq.heappop(self._heap)
        return None

    def looked(self, path: bytes, stat: Stat | None, now: float) -> Settled | Waiting | Vanished:
        """Answer a path from `due` with what was found there (None = nothing)."""
        now = self._time(now)
        entry = self._entries.get(path)
        if entry is None:
            return Vanished(path)
        entry.looked = now
        if entry.stirred:  # what was found may be older than the event
            return self._again(path, entry, now, self._calm.settle / 2)
        if stat is None:
            del self._entries[path]
            return Vanished(path)
        if not _same(entry.stat, stat):
            return self._changed(path, entry, stat, now)
        entry.fresh = True
        rested = max(
            entry.since + self._calm.gap(closed=entry.closed, film=entry.film), entry.event + self._calm.settle
        )
        if now + TICK < rested:
            return self._again(path, entry, now, rested - now)
        del self._entries[path]
        self._cool(path, now)
        return Settled(path, stat)

    def _changed(self, path: bytes, entry: _Entry, stat: Stat, now: float) -> Waiting:
        if entry.stat is not None:
            entry.changes += 1
            if entry.fresh and entry.stat.size != stat.size:
                entry.closed = False  # somebody writes again; his close is still to come
        entry.stat, entry.since, entry.fresh = stat, now, True
        pause = self._calm.gap(closed=entry.closed, film=entry.film)
        if now - entry.first >= self._calm.settle_max:
            pause = max(pause, min(PATIENCE, pause * 2.0 ** min(entry.changes, 32)))
        return self._again(path, entry, now, pause)

    def _again(self, path: bytes, entry: _Entry, now: float, pause: float) -> Waiting:
        self._schedule(path, entry, now + pause)
        return Waiting(path, growing=now - entry.first >= self._calm.settle_max)

    def _schedule(self, path: bytes, entry: _Entry, due: float) -> None:
        entry.due = due
        heapq.heappush(self._heap, (due, next(self._order), path))
        if len(self._heap) > 4 * len(self._entries) + 64:
            self._heap = [
                (kept.due, next(self._order), name)
                for name, kept in sorted(self._entries.items(), key=lambda item: item[1].due)
            ]

    def _cool(self, path: bytes, now: float) -> None:
        if self._calm.cooldown > 0:
            self._cooling[path] = now + self._calm.cooldown
            self._cooled.append((now + self._calm.cooldown, path))

    def _forget_cooled(self, now: float) -> None:
        while self._cooled and self._cooled[0][0] <= now:
            until, path = self._cooled.popleft()
            if self._cooling.get(path) == until:
                del self._cooling[path]

    def _time(self, now: float) -> float:
        """The caller's clock without its steps back."""
        if now + self._back < self._last:
            self._back = self._last - now
        self._last = now + self._back
        return self._last


def _same(one: Stat | None, other: Stat) -> bool:
    return one is not None and (one.size, one.ctime_ns, one.inode) == (
        other.size,
        other.ctime_ns,
        other.inode,
    )
