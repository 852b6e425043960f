"""Folders made, renamed, moved out and in, and removed in any order, with the watcher reading at any moment."""

import errno
import os
import queue
import shutil
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from watchdog.observers.api import ObservedWatch

from watcher.arrival import Kind, Pace, WatchedRoot
from watcher.inotify import Inotify
from watcher.watching import InotifyEmitter

NAMES = st.sampled_from([b"a", b"b", b"\xff"])
NOW = Pace(poll=0.0, check=0.0, hold=0.0, limbo=0.0)


class Limited(Inotify):
    """A kernel that grants so many watches at a time."""

    def __init__(self, most) -> None:
        super().__init__()
        self.most = most

    def count(self):
        with open(f"/proc/self/fdinfo/{self.fileno()}") as file:
            return sum(line.startswith("inotify") for line in file)

    def add(self, path, mask):
        watch = super().add(path, mask)
        if self.count() > self.most:  # asked after, as the kernel never refuses a folder that it watches already
            self.remove(watch)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return watch


class Tree(RuleBasedStateMachine):
    """The folders of a root and of a place outside it, and what the watcher told."""

    most = 10_000

    def __init__(self) -> None:
        super().__init__()
        self.place = os.fsencode(tempfile.mkdtemp())
        self.base, self.outside = self.place + b"/root", self.place + b"/outside"
        os.mkdir(self.base)
        os.mkdir(self.outside)
        self.kernel = Limited(self.most)
        self.emitter = InotifyEmitter(
            queue.Queue(),
            ObservedWatch(os.fsdecode(self.base), recursive=True),
            root=WatchedRoot("r", self.base),
            pace=NOW,
            inotify=self.kernel,
        )
        self.told = {}
        self.serial = 0

    def folders(self, where):
        return sorted(path for path, _, _ in os.walk(where))

    def pick(self, where, number):
        found = self.folders(where)
        return found[number % len(found)]

    @rule(at=st.integers(0, 99), names=st.lists(NAMES, min_size=1, max_size=3), files=st.booleans())
    def folders_are_made(self, at, names, files):
        folder = os.path.join(self.pick(self.base, at), *names)
        os.makedirs(folder, exist_ok=True)
        if files:
            self.write(folder)

    @rule(at=st.integers(0, 99))
    def a_photo_lands(self, at):
        self.write(self.pick(self.base, at))

    def write(self, folder):
        self.serial += 1
        with open(folder + b"/%d.jpg" % self.serial, "wb"):
            pass

    @rule(which=st.integers(0, 99), where=st.integers(0, 99), name=NAMES, out=st.booleans(), back=st.booleans())
    def a_folder_is_moved(self, which, where, name, out, back):
        old = self.pick(self.outside if back else self.base, which)
        new = os.path.join(self.pick(self.outside if out else self.base, where), name)
        if old in (self.base, self.outside) or os.path.lexists(new) or new.startswith(old + b"/"):
            return
        os.rename(old, new)

    @rule(at=st.integers(0, 99))
    def a_folder_is_removed(self, at):
        folder = self.pick(self.base, at)
        if folder != self.base:
            shutil.rmtree(folder)

    @rule(turns=st.integers(1, 2))
    def the_watcher_reads(self, turns):
        for _ in range(turns):
            self.turn()

    def turn(self):
        self.emitter._polled.interval = 0.0
        self.emitter._next_look = 0.0
        self.emitter.turn()
        said = 0
        while not self.emitter._event_queue.empty():
            arrival = self.emitter._event_queue.get()[0].arrival
            self.told.setdefault(arrival.path, set()).add(arrival.kind)
            said += 1
        return said

    def teardown(self):
        try:
            while self.turn() or self.turn() or self.turn():
                pass
            self.every_photo_was_told()
            self.what_is_remembered_is_what_is_there()
        finally:
            self.emitter.close()
            shutil.rmtree(os.fsdecode(self.place))

    def every_photo_was_told(self):
        for path, _, names in os.walk(self.base):
            for name in names:
                photo = os.path.relpath(os.path.join(path, name), self.base)
                assert self.told.get(photo, set()) & {Kind.SEEN, Kind.CLOSED}, photo

    def what_is_remembered_is_what_is_there(self):
        there = {os.path.relpath(path, self.base) for path in self.folders(self.base)} - {b"."} | {b""}
        watched = {self.emitter._branches.path(watch) for watch in self.emitter._branches}
        assert watched | set(self.emitter._polled._times) == there
        assert self.kernel.count() == len(self.emitter._branches)
        if self.most > 1000:
            assert watched == there


class CrampedTree(Tree):
    """The same with few watches."""

    most = 5


Tree.TestCase.settings = settings(stateful_step_count=30, deadline=None)
CrampedTree.TestCase.settings = settings(stateful_step_count=30, deadline=None)
TestNothingIsMissedWhereverFoldersGo = Tree.TestCase
TestNothingIsMissedWithFewWatches = CrampedTree.TestCase
