"""Watches a root through inotify and loses nothing, whatever the kernel drops or refuses.

- A watch stands before its folder is scanned, so what lands meanwhile is found by one or the other.
- When the kernel's queue ran over, all watches are gone through again and a walk of the root is asked for.
- Folders that the kernel grants no watch for are looked at by their times, as on a file system without events.
- The queue is emptied during long scans, or it would run over again.
- A new sidecar that this process puts in place is not told: the ledger learns of it from the write itself.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import time
from collections import deque
from collections.abc import Iterable

from watchdog.observers.api import EventQueue, ObservedWatch

from metadata.replace import own
from watcher import disks, mounts
from watcher.arrival import Kind, Pace, WatchedRoot
from watcher.branches import Branches
from watcher.emitter import RootEmitter
from watcher.ignore import is_sidecar, matters
from watcher.inotify import (
    CLOSE_WRITE,
    CREATE,
    DELETE_SELF,
    FOLDER_MASK,
    IGNORED,
    ISDIR,
    MOVE_SELF,
    MOVED_FROM,
    MOVED_TO,
    Q_OVERFLOW,
    ROOT_MASK,
    UNMOUNT,
    Event,
    Inotify,
    events,
)
from watcher.polling import Polled, unread
from watcher.walk import join

log = logging.getLogger(__name__)

NO_ROOT = -1
NO_ROOM = (errno.ENOSPC, errno.ENOMEM)
BREATH = 256
"""Folders scanned between two looks at the queue; at 10,000 folders a second it holds 16,384 events."""


class InotifyEmitter(RootEmitter):
    """One inotify instance for one root. Raises OSError when the kernel gives no instance (EMFILE)."""

    def __init__(
        self,
        queue: EventQueue,
        watch: ObservedWatch,
        *,
        root: WatchedRoot,
        pace: Pace,
        inotify: Inotify | None = None,
    ) -> None:
        super().__init__(queue, watch, root=root, pace=pace)
        self._inotify = inotify or Inotify()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._inotify, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        self._packed: deque[bytes] = deque()
        self._opened: dict[bytes, float] = {}
        self._limbo = float("inf")
        self._starved: set[bytes] = set()
        self._warned = False
        self._lost = False
        self._own, self._own_move = own(), -1
        self._next_check = self._next_look = time.monotonic()
        self._branches = Branches(NO_ROOT)
        self._polled = Polled(root.base, root.ignore)
        self._sign: object = None
        self._silent: frozenset[bytes] = frozenset()
        self.anew()

    # The turn

    def turn(self) -> None:
        """Wait for events or for the next chore, handle all that came, mend what was lost."""
        self._poll.poll(self._pause() * 1000)
        self._pull()
        while self._packed and self.should_keep_running():
            for event in events(self._packed.popleft()):
                self._heed(event)
            self._pull()
        if self._lost and self.should_keep_running():
            self.anew()
            self.say(b"", Kind.LOOK)
        self._chores(time.monotonic())

    def _pull(self) -> None:
        while packed := self._inotify.read():
            self._packed.append(packed)

    def _pause(self) -> float:
        due = min(self._next_check, self._limbo)
        if len(self._polled):
            due = min(due, self._next_look)
        if self._opened:
            due = min(due, next(iter(self._opened.values())))
        return max(0.0, due - time.monotonic())

    def _heed(self, event: Event) -> None:
        mask = event.mask
        if mask & (Q_OVERFLOW | UNMOUNT | DELETE_SELF | MOVE_SELF):  # the last two are asked for the root only
            self._lost = True
        elif mask & IGNORED:
            self._lost = self._lost or event.watch == self._branches.root
            self._branches.drop(event.watch)
        elif mask & MOVED_FROM and event.name.startswith(self._own):
            self._own_move = event.cookie
        elif event.cookie == self._own_move and mask & MOVED_TO and is_sidecar(event.name):
            return
        elif mask & ISDIR or matters(event.name):
            folder = self._branches.path(event.watch)
            if folder is None or self.root.ignore.skips(folder, event.name):
                return
            if mask & ISDIR:
                self._folder(event, folder)
            else:
                self._file(mask, join(folder, event.name))

    def _file(self, mask: int, path: bytes) -> None:
        if mask & (CLOSE_WRITE | MOVED_TO):
            self._opened.pop(path, None)
            self.say(path, Kind.CLOSED)
        elif mask & MOVED_FROM:
            self._opened.pop(path, None)
            self.say(path, Kind.GONE)
        elif mask & CREATE:
            self._created(path)

    def _created(self, path: bytes) -> None:
        """A new file's writer will close it, so it is not told now; a second name of a file has no writer."""
        try:
            linked = os.lstat(join(self.root.base, path)).st_nlink > 1
        except OSError:
            return
        if linked:
            self.say(path, Kind.SEEN)
        else:
            self._opened.setdefault(path, time.monotonic() + self.pace.hold)

    def _folder(self, event: Event, folder: bytes) -> None:
        path = join(folder, event.name)
        if event.mask & (CREATE | MOVED_TO):
            self._enter(event.watch, event.name, path, tell=True)
        elif event.mask & MOVED_FROM:
            if self._branches.loosen(event.watch, event.name):
                self._limbo = min(self._limbo, time.monotonic() + self.pace.limbo)
            self.say(path, Kind.GONE)

    # Watches

    def anew(self) -> None:
        """Watch every folder as the tree is now; those watched already cost a call each."""
        before, self._lost, self._limbo = self._branches, False, float("inf")
        self._polled = Polled(self.root.base, self.root.ignore)
        self._starved.clear()
        self._sign, self._silent = self._signature(), disks.silent(self.root.base)
        try:
            self._branches = Branches(self._inotify.add(self.root.base, ROOT_MASK))
        except OSError as error:
            self._branches = Branches(NO_ROOT)
            if error.errno in NO_ROOM:
                self._without(b"", error, tell=False)
        else:
            self._scan(self._branches.root, b"", tell=False)
        for count, watch in enumerate(before):
            if watch not in self._branches:
                self._inotify.remove(watch)
            if count % BREATH == 0:
                self._pull()

    def _enter(self, parent: int, name: bytes, path: bytes, *, tell: bool) -> None:
        """Watch a folder and all below it; `tell` what stands in it."""
        watch = self._add(parent, name, path, tell=tell)
        if watch is not None:
            self._scan(watch, path, tell=tell)

    def _scan(self, watch: int, path: bytes, *, tell: bool) -> None:
        """What is in a watched folder, and in the folders below it, which are watched first."""
        waiting = [(watch, path)]
        prefix, scanned = self.root.base + b"/", 0
        while waiting:
            watch, path = waiting.pop()
            scanned += 1
            if scanned % BREATH == 0:
                self._pull()
            try:
                with os.scandir(prefix + path) as entries:
                    waiting += self._into(watch, path, entries, tell=tell)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:  # told, and tried again, by the looks
                self._without(path, error, tell=True)

    def _into(
        self, watch: int, path: bytes, entries: Iterable[os.DirEntry[bytes]], *, tell: bool
    ) -> list[tuple[int, bytes]]:
        """The folders among the entries, watched now."""
        skips, found = self.root.ignore.skips, []
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if not skips(path, name):
                    below = path + b"/" + name if path else name
                    number = self._add(watch, name, below, tell=tell)
                    if number is not None:
                        found.append((number, below))
            elif tell and matters(name) and not skips(path, name):
                self.say(join(path, name), Kind.SEEN)
        return found

    def _add(self, parent: int, name: bytes, path: bytes, *, tell: bool) -> int | None:
        where = self.root.base + b"/" + path
        if path in self._silent:
            self._without(path, None, tell=tell)
            return None
        try:
            watch = self._inotify.add(where, FOLDER_MASK)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                self._without(path, error, tell=tell)
            return None
        if watch in self._branches and self._stands_twice(watch, path, where):
            self._without(path, None, tell=tell)
            return None
        self._branches.put(watch, parent, name)
        return watch

    def _stands_twice(self, watch: int, path: bytes, where: bytes) -> bool:
        """Whether one folder is mounted at two places: a watch tells only one of them."""
        old = self._branches.path(watch)
        if old is None or old == path:
            return False
        try:
            return os.path.samestat(os.lstat(join(self.root.base, old)), os.lstat(where))
        except OSError:
            return False

    def _without(self, path: bytes, error: OSError | None, *, tell: bool) -> None:
        """Look at a folder by its times, as it has no watch."""
        if tell:
            self._polled.add(path)
        else:
            self._polled.learn(path, self._pull)
        self._next_look = min(self._next_look, time.monotonic() + self._least)
        if error is not None and error.errno in NO_ROOM:
            self._starved.add(path)
            self._warn()

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            log.warning("%s", limit_reached(self.root.name, "max_user_watches"))

    # Chores

    @property
    def _least(self) -> float:
        return min(self.pace.poll, 5.0)  # the limit is an accident: nobody chose to wait for a poll

    def _chores(self, now: float) -> None:
        if now >= self._limbo:
            self._limbo = float("inf")
            self._prune()
        while self._opened and next(iter(self._opened.values())) <= now:
            path = next(iter(self._opened))
            del self._opened[path]
            self.say(path, Kind.SEEN)
        if len(self._polled) and now >= self._next_look:
            self._look()
        if now >= self._next_check:
            self._next_check = now + self.pace.check
            self._lost = self._lost or self._signature() != self._sign

    def _prune(self) -> None:
        """Stop the watches on folders that were moved out of the root."""
        for watch in self._branches.strays():
            self._inotify.remove(watch)
            self._branches.drop(watch)
            self._pull()

    def _look(self) -> None:
        self._heal()
        for path, kind in self._polled.look():
            self.say(path, kind)
            if not self.should_keep_running():
                return
        self._next_look = time.monotonic() + max(self._least, self._polled.interval)

    def _heal(self) -> None:
        """Try again to watch the folders without one, until the kernel refuses."""
        healed: list[tuple[int, bytes, bytes]] = []
        for top in list(self._starved):
            above, _, name = top.rpartition(b"/")
            parent = self._branches.find(above)
            try:
                if parent is not None:
                    self._inotify.add(self.root.base + b"/" + top, FOLDER_MASK)
                    healed.append((parent, name, top))
            except OSError as error:
                if error.errno in NO_ROOM:
                    break
            self._starved.discard(top)
        self._polled.drop({top for _, _, top in healed})
        for parent, name, top in healed:
            self._enter(parent, name, top, tell=True)
        self._warned = self._warned and bool(self._starved)

    def _signature(self) -> object:
        """Changes when another folder stands where the root was, or something is mounted in it or taken away."""
        try:
            about = os.stat(self.root.base)
            inside = mounts.below(os.path.realpath(self.root.base), mounts.table())
        except OSError:
            return None
        return about.st_dev, about.st_ino, [(mount.number, mount.point) for mount in inside]

    # The end, and what to tell

    def on_thread_stop(self) -> None:
        """Wake the thread so that it ends; one that never ran gives its descriptors back here."""
        if self.is_alive():
            os.eventfd_write(self._wake, 1)
        else:
            self.close()

    def run(self) -> None:
        """Turn until stopped."""
        try:
            super().run()
        finally:
            self.close()

    def close(self) -> None:
        """Give the kernel its instance back."""
        if self._wake >= 0:
            self._inotify.close()
            os.close(self._wake)
            self._wake = -1

    def problems(self) -> list[str]:
        """The root is not there, folders have no watch, or cannot be read."""
        if self._sign is None:
            return [f"root {self.root.name!r}: {os.fsdecode(self.root.base)} is not there"]
        found = unread(self.root, self._polled.unread)
        if self._warned and len(self._polled):
            advice = limit_reached(self.root.name, "max_user_watches")
            found.append(f"{advice} ({len(self._polled)} folders)")
        return found


def limit_reached(root: str, limit: str) -> str:
    """What to do when the kernel refuses a watch ("max_user_watches") or an instance ("max_user_instances")."""
    try:
        with open(f"/proc/sys/fs/inotify/{limit}", encoding="ascii") as file:
            now = f" (now {file.read().strip()})"
    except OSError:
        now = ""
    where = " on the host, as this runs in a container" if mounts.in_container() else ""
    return (
        f"root {root!r}: the kernel's limit of inotify is reached; raise fs.inotify.{limit}{now}{where}: "
        "until then folders are looked at every few seconds"
    )
