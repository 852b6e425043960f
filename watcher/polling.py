"""Folders looked at by their times: whole roots that report no events, and folders the kernel has no watch for."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator

from watchdog.observers.api import EventQueue, ObservedWatch

from watcher.arrival import Kind, Pace, WatchedRoot
from watcher.emitter import RootEmitter
from watcher.ignore import Ignore
from watcher.walk import UNSURE, Folder, changed_folders, join, proof, walk_from

log = logging.getLogger(__name__)

SHARE = 50
"""A look may use a 50th of a core (2 %)."""

Prints = frozenset[int]


class Polled:
    """A set of folders, closed downwards: what is below one of them is in it as well.

    It keeps folder times and, of folders that once changed, a number of eight bytes a file.
    """

    def __init__(self, base: bytes, ignore: Ignore) -> None:
        self._base = base
        self._ignore = ignore
        self._times: dict[bytes, int] = {}
        self._prints: dict[bytes, Prints] = {}
        self.tops: set[bytes] = set()
        self.unread: dict[bytes, OSError] = {}
        self.interval = 0.0

    def __len__(self) -> int:
        return len(self._times)

    def add(self, top: bytes) -> None:
        """A folder and all below it, of which everything is new to the listener."""
        self.tops.add(top)
        self._times[top] = UNSURE

    def learn(self, top: bytes, breathe: Callable[[], None] = lambda: None) -> None:
        """A folder and all below it as they stand, of which nothing is told; `breathe` is called now and then.

        A change after this has begun will be told.
        """
        self.tops.add(top)
        waiting = [top]
        while waiting:
            path = waiting.pop()
            where = join(self._base, path)
            try:
                self._times[path] = proof(os.stat(where).st_mtime_ns, time.time_ns())
                with os.scandir(where) as entries:
                    waiting += [
                        join(path, entry.name)
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and not self._ignore.skips(path, entry.name)
                    ]
            except OSError:  # told by `look`, which will try it again
                self._times[path] = UNSURE
            if len(self._times) % 256 == 0:
                breathe()

    def drop(self, tops: set[bytes]) -> None:
        """These folders and all below them are not looked at any more."""
        self.tops -= tops
        for path in [path for path in self._times if _is_in(path, tops)]:
            self._forget(path)

    def look(self) -> Iterator[tuple[bytes, Kind]]:
        """Files that are new or another than before (SEEN), and folders that are gone (GONE)."""
        self.unread.clear()
        began = time.thread_time()
        changed, gone = changed_folders(self._base, self._times, on_error=self._unread)
        self.interval = (time.thread_time() - began) * SHARE
        if b"" not in self.tops:  # the root itself is not one of ours
            changed = [path for path in changed if path]
        lost = set(gone)
        for path in gone:
            self._forget(path)
            self.tops.discard(path)
            if path.rpartition(b"/")[0] not in lost:
                yield path, Kind.GONE
        for folder in walk_from(self._base, changed, self._times, self._ignore, on_error=self._unread):
            yield from self._compare(folder)

    def _compare(self, folder: Folder) -> Iterator[tuple[bytes, Kind]]:
        prints = {_print(named): named[0] for named in (*folder.photos, *folder.sidecars)}
        before = self._prints.get(folder.path, frozenset())
        self._times[folder.path] = folder.mtime_ns
        self._prints[folder.path] = frozenset(prints)
        for number, name in prints.items():
            if number not in before:
                yield join(folder.path, name), Kind.SEEN

    def _unread(self, path: bytes, error: OSError) -> None:
        if path or b"" in self.tops:
            self.unread[path] = error
            self._times.setdefault(path, UNSURE)  # its parent will not show it a second time

    def _forget(self, path: bytes) -> None:
        self._times.pop(path, None)
        self._prints.pop(path, None)


class PollingEmitter(RootEmitter):
    """Looks at a whole root by its folders' times, as often as `pace.poll` and 2 % of a core allow."""

    def __init__(self, queue: EventQueue, watch: ObservedWatch, *, root: WatchedRoot, pace: Pace) -> None:
        super().__init__(queue, watch, root=root, pace=pace)
        self._recent: deque[float] = deque([0.0], maxlen=8)
        self._away = False
        self.anew()

    def anew(self) -> None:
        """Remember the folders as they stand now."""
        self._polled = Polled(self.root.base, self.root.ignore)
        self._polled.learn(b"")

    def turn(self) -> None:
        """Wait for the next look, and look."""
        if self.stopped_event.wait(self.interval):
            return
        began = time.monotonic()
        for path, kind in self._polled.look():
            if not self.should_keep_running():
                return
            self.say(path, kind)
        self._recent.append(time.monotonic() - began)
        self._mind_root()

    @property
    def interval(self) -> float:
        """Seconds to the next look: 2 % of a core at most, and on a slow network no more than half of the time."""
        return max(self.pace.poll, self._polled.interval, min(self._recent))

    def _mind_root(self) -> None:
        away = b"" in self._polled.unread
        if away != self._away:
            self._away = away
            self.say(b"", Kind.LOOK)

    def problems(self) -> list[str]:
        """Folders that cannot be read."""
        return unread(self.root, self._polled.unread)


def unread(root: WatchedRoot, errors: dict[bytes, OSError]) -> list[str]:
    """One sentence about folders that cannot be read."""
    told = list(errors.items())  # another thread may be adding
    if not told:
        return []
    path, error = told[0]
    where = os.fsdecode(join(root.base, path))
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    return [f"root {root.name!r}: cannot read {where}{more}: {error.strerror}"]


def _is_in(path: bytes, tops: set[bytes]) -> bool:
    while path and path not in tops:
        path = path.rpartition(b"/")[0]
    return path in tops


def _print(named: tuple[bytes, object]) -> int:
    return hash(named)
