"""Real threads on a real inotify: what lands is told, whatever the kernel drops or refuses."""

import errno
import logging
import os
import queue
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import pytest
from watchdog.observers.api import ObservedWatch

from tests.patience import PATIENCE
from watcher import mounts
from watcher.arrival import Pace
from watcher.events import Arrival, Arrivals, Kind, WatchedRoot
from watcher.ignore import Ignore
from watcher.inotify import Inotify
from watcher.walk import walk
from watcher.watching import InotifyEmitter

pytestmark = pytest.mark.real

QUICK = Pace(poll=0.05, check=0.05, hold=0.2, limbo=0.05)


class Listener:
    """Keeps what it is told; at a LOOK it walks, as the service does."""

    def __init__(self, base) -> None:
        self.base = base
        self.told = []
        self.kinds = {}
        self.changed = threading.Condition()

    def __call__(self, arrival) -> None:
        found = [arrival]
        if arrival.kind is Kind.LOOK:
            for folder in walk(self.base, Ignore(), on_error=lambda path, error: None, below=arrival.path):
                names = [*folder.photos, *folder.sidecars]
                found += [Arrival("r", os.path.join(folder.path, name), Kind.SEEN) for name, _ in names]
        with self.changed:
            self.told.append(arrival)
            for one in found:
                self.kinds.setdefault(one.path, []).append(one.kind)
            self.changed.notify_all()

    def until(self, wanted):
        with self.changed:
            assert self.changed.wait_for(lambda: wanted(self), PATIENCE), self.told[-20:]

    def until_told(self, *paths):
        self.until(lambda self: all(path in self.kinds for path in paths))

    def until_kind(self, path, kind):
        self.until(lambda self: kind in self.kinds.get(path, ()))


class House:
    """A watched folder and its listener."""

    def __init__(self, base, **about) -> None:
        self.base = os.fsencode(base)
        self.listener = Listener(self.base)
        self.arrivals = Arrivals(self.listener, pace=about.pop("pace", QUICK))
        self.arrivals.watch(WatchedRoot("r", self.base, **about))

    def __enter__(self) -> Self:
        self.arrivals.start()
        return self

    def __exit__(self, *_) -> None:
        self.arrivals.stop()

    def write(self, path, content=b"x"):
        file = os.path.join(self.base, path)
        with open(file, "wb") as out:
            out.write(content)
        return path


@pytest.fixture
def house(tmp_path):
    if not mounts.reports_events(mounts.fstype(bytes(tmp_path))):
        pytest.skip("this file system reports no events")
    with House(tmp_path) as house:
        yield house


def test_a_closed_photo_and_a_closed_sidecar_are_told(house):
    house.write(b"a.jpg")
    house.write(b"a.jpg.xmp")
    house.listener.until_kind(b"a.jpg", Kind.CLOSED)
    house.listener.until_kind(b"a.jpg.xmp", Kind.CLOSED)


def test_a_name_that_is_not_utf_8_survives(house):
    house.write(b"\xff\xfe \n.jpg")
    house.listener.until_kind(b"\xff\xfe \n.jpg", Kind.CLOSED)


def test_a_file_moved_in_is_told_as_whole_and_one_moved_away_as_gone(house, tmp_path_factory):
    outside = bytes(tmp_path_factory.mktemp("outside"))
    Path(os.fsdecode(outside), "a.jpg").write_bytes(b"x")
    os.rename(outside + b"/a.jpg", house.base + b"/a.jpg")
    house.listener.until_kind(b"a.jpg", Kind.CLOSED)
    os.rename(house.base + b"/a.jpg", outside + b"/a.jpg")
    house.listener.until_kind(b"a.jpg", Kind.GONE)


def test_what_is_ignored_or_no_photo_is_never_told(house):
    os.mkdir(house.base + b"/@eaDir")
    for path in (b"@eaDir/x.jpg", b".x.jpg", b".tagwright-1.xmp", b"x.txt", b"x.xmp_exiftool_tmp", b".immich"):
        house.write(path)
    house.write(b"last.jpg")
    house.listener.until_told(b"last.jpg")
    assert set(house.listener.kinds) == {b"last.jpg"}


def test_a_file_that_is_open_is_told_only_after_its_close_or_a_long_while(tmp_path):
    with House(tmp_path, pace=Pace(poll=0.05, check=0.05, hold=0.5)) as house:
        with open(house.base + b"/slow.jpg", "wb"):
            house.write(b"other.jpg")
            house.listener.until_told(b"other.jpg")
            assert b"slow.jpg" not in house.listener.kinds
            house.listener.until_kind(b"slow.jpg", Kind.SEEN)
        house.listener.until_kind(b"slow.jpg", Kind.CLOSED)


def test_a_second_name_of_a_file_is_told_though_nobody_closes_it(house, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "a.jpg"
    outside.write_bytes(b"x")
    os.link(bytes(outside), house.base + b"/linked.jpg")
    house.listener.until_kind(b"linked.jpg", Kind.SEEN)


def test_a_link_out_of_the_tree_is_not_followed(house, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    os.symlink(bytes(outside), house.base + b"/way-out")
    (outside / "a.jpg").write_bytes(b"x")
    house.write(b"last.jpg")
    house.listener.until_told(b"last.jpg")
    assert set(house.listener.kinds) == {b"last.jpg"}


def test_files_in_a_thousand_new_nested_folders_are_all_told(house):
    paths = []
    for number in range(1000):
        folder = b"%d/sub/deep" % number
        os.makedirs(os.path.join(house.base, folder))
        paths.append(house.write(folder + b"/a.jpg"))
    house.listener.until_told(*paths)


def test_a_folder_moved_inside_the_root_tells_its_files_at_their_new_paths(house):
    os.makedirs(house.base + b"/old/deep")
    house.write(b"old/deep/a.jpg")
    house.listener.until_told(b"old/deep/a.jpg")
    os.rename(house.base + b"/old", house.base + b"/new")
    house.listener.until_kind(b"old", Kind.GONE)
    house.listener.until_told(b"new/deep/a.jpg")
    house.write(b"new/deep/b.jpg")
    house.listener.until_kind(b"new/deep/b.jpg", Kind.CLOSED)


def test_a_folder_that_left_the_root_is_not_watched_any_more(house, tmp_path_factory):
    outside = bytes(tmp_path_factory.mktemp("outside"))
    os.makedirs(house.base + b"/out/deep")
    house.write(b"out/deep/a.jpg")
    house.listener.until_told(b"out/deep/a.jpg")
    os.rename(house.base + b"/out", outside + b"/out")
    house.listener.until_kind(b"out", Kind.GONE)
    Path(os.fsdecode(outside), "out", "deep", "b.jpg").write_bytes(b"x")
    house.write(b"last.jpg")
    house.listener.until_told(b"last.jpg")
    assert not any(b"b.jpg" in path for path in house.listener.kinds)
    os.rename(outside + b"/out", house.base + b"/back")
    house.listener.until_told(b"back/deep/b.jpg")
    house.write(b"back/deep/c.jpg")
    house.listener.until_kind(b"back/deep/c.jpg", Kind.CLOSED)


def test_a_root_taken_away_and_put_back_is_told_and_watched_again(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with House(root) as house:
        os.rename(root, tmp_path / "elsewhere")
        house.listener.until_kind(b"", Kind.LOOK)
        assert "is not there" in house.arrivals.problems()[0]
        (root / "deep").mkdir(parents=True)
        (root / "deep" / "a.jpg").write_bytes(b"x")
        house.listener.until_told(b"deep/a.jpg")
        house.write(b"deep/b.jpg")
        house.listener.until_kind(b"deep/b.jpg", Kind.CLOSED)
        assert house.arrivals.problems() == []


def test_what_lands_between_watch_and_start_is_told(tmp_path):
    house = House(tmp_path)
    house.write(b"early.jpg")
    with house:
        house.listener.until_told(b"early.jpg")


def test_arrivals_that_were_never_started_leave_nothing_behind(tmp_path):
    House(tmp_path).arrivals.stop()


def test_a_root_can_be_given_up_while_another_is_watched(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "root").mkdir()
    with House(tmp_path / "root") as house:
        house.arrivals.watch(WatchedRoot("other", bytes(tmp_path / "other")))
        house.arrivals.unwatch("other")
        (tmp_path / "other" / "x.jpg").write_bytes(b"x")
        house.write(b"a.jpg")
        house.listener.until_told(b"a.jpg")
        assert {arrival.root for arrival in house.listener.told} == {"r"}


def test_a_listener_that_fails_once_is_told_the_next(tmp_path, caplog):
    told = queue.Queue()

    def notify(arrival):
        told.put(arrival.path)
        if arrival.path == b"bad.jpg":
            raise ValueError("no")

    arrivals = Arrivals(notify, pace=QUICK)
    arrivals.watch(WatchedRoot("r", bytes(tmp_path)))
    arrivals.start()
    (tmp_path / "bad.jpg").write_bytes(b"x")
    assert told.get(timeout=PATIENCE) == b"bad.jpg"
    (tmp_path / "good.jpg").write_bytes(b"x")
    assert told.get(timeout=PATIENCE) == b"good.jpg"
    arrivals.stop()
    assert "the listener failed" in caplog.text


def grow(base, count):
    """A tree of `count` leaf folders; their paths."""
    made = []
    for number in range(count):
        made.append(b"%02x/%02x" % divmod(number, 64))
        os.makedirs(os.path.join(base, made[-1]), exist_ok=True)
    return made


def scatter(house, folders, count, seed=1):
    """Write files into random folders; their paths."""
    chance = random.Random(seed)
    return [house.write(chance.choice(folders) + b"/%d.jpg" % number) for number in range(count)]


def test_a_burst_over_random_folders_of_a_big_tree_is_told_whole(tmp_path):
    folders = grow(bytes(tmp_path), 8192)
    with House(tmp_path) as house:
        paths = scatter(house, folders, 20_000)
        house.listener.until_told(*paths)
        if Kind.LOOK not in {arrival.kind for arrival in house.listener.told}:
            assert len(house.listener.told) == len(paths)


def test_after_the_kernels_queue_ran_over_nothing_is_missing_and_new_folders_are_watched(tmp_path):
    folders = grow(bytes(tmp_path), 1024)
    house = House(tmp_path)  # nobody reads yet
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    paths = scatter(house, folders, limit // 2 + 2000)
    os.makedirs(house.base + b"/after/the/flood")
    with house:
        house.listener.until_told(*paths)
        assert house.listener.told.count(Arrival("r", b"", Kind.LOOK)) == 1
        house.write(b"after/the/flood/a.jpg")
        house.listener.until_kind(b"after/the/flood/a.jpg", Kind.CLOSED)


class Miser(Inotify):
    """A kernel that grants so many watches; `granted` may be raised."""

    def __init__(self, granted) -> None:
        super().__init__()
        self.granted = granted
        self.held = set()

    def add(self, path, mask):
        watch = super().add(path, mask)
        if watch not in self.held and len(self.held) >= self.granted:
            self.remove(watch)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self.held.add(watch)
        return watch


def say_all(emitter, told):
    """Let an emitter that has no thread do its turns until nothing more is said."""
    quiet = 0
    while quiet < 3:
        emitter.turn()
        quiet += 1
        while not emitter._event_queue.empty():
            event, _ = emitter._event_queue.get()
            told.setdefault(event.arrival.path, set()).add(event.arrival.kind)
            quiet = 0


def unstarted(base, inotify=None):
    emitter = InotifyEmitter(
        queue.Queue(),
        ObservedWatch(os.fsdecode(base), recursive=True),
        root=WatchedRoot("r", base),
        pace=Pace(poll=0.0, check=0.0, hold=0.0, limbo=0.0),
        inotify=inotify,
    )
    emitter._polled.interval = 0.0
    return emitter


def test_folders_without_a_watch_are_looked_at_and_one_warning_names_the_limit(tmp_path, caplog):
    base = bytes(tmp_path)
    folders = grow(base, 200)
    with caplog.at_level(logging.WARNING):
        emitter = unstarted(base, Miser(50))
    told = {}
    for number, folder in enumerate([*folders, b"new/nested"]):
        os.makedirs(os.path.join(base, folder), exist_ok=True)
        Path(os.fsdecode(os.path.join(base, folder)), f"{number}.jpg").touch()
    say_all(emitter, told)
    photos = {path for path in told if path.endswith(b".jpg")}
    assert len(photos) == 201
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "fs.inotify.max_user_watches" in caplog.text
    assert "max_user_watches" in emitter.problems()[0]
    emitter.close()


def test_folders_without_a_watch_get_one_when_the_limit_is_raised(tmp_path):
    base = bytes(tmp_path)
    grow(base, 100)
    miser = Miser(20)
    emitter = unstarted(base, miser)
    miser.granted = 1000
    told = {}
    say_all(emitter, told)
    assert len(miser.held) == 103
    assert emitter.problems() == []
    (tmp_path / "01" / "23" / "a.jpg").touch()
    say_all(emitter, told)
    assert told[b"01/23/a.jpg"] == {Kind.CLOSED}
    emitter.close()


def test_an_old_folder_moved_to_where_no_watch_is_left_is_told(tmp_path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "old"
    outside.mkdir()
    (outside / "a.jpg").touch()
    os.utime(outside, (1e9, 1e9))
    emitter = unstarted(bytes(tmp_path), Miser(1))
    outside.rename(tmp_path / "old")
    say_all(emitter, told := {})
    assert b"old/a.jpg" in told
    emitter.close()


def test_folders_that_were_told_are_not_told_again_while_the_limit_stands(tmp_path):
    base = bytes(tmp_path)
    emitter = unstarted(base, Miser(1))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.jpg").touch()
    say_all(emitter, told := {})
    assert b"a/a.jpg" in told
    say_all(emitter, told := {})
    assert told == {}
    emitter.close()


def test_a_folder_nobody_may_read_is_told_as_a_problem(tmp_path):
    if os.getuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "shut").mkdir(mode=0)
    emitter = unstarted(bytes(tmp_path))
    say_all(emitter, {})
    assert "cannot read" in emitter.problems()[0]
    emitter.close()


NAMESPACE = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from watcher.events import Arrivals, WatchedRoot, Pace
base = os.fsencode(sys.argv[2])
def allow(what, count):
    with open("/proc/sys/user/max_inotify_" + what, "w") as file:
        file.write(str(count))
told, enough = set(), threading.Event()
def notify(arrival):
    told.add(arrival.path)
    if wanted <= told:
        enough.set()
wanted = {b"%d/a.jpg" % number for number in range(300)}
allow(sys.argv[3], int(sys.argv[4]))
arrivals = Arrivals(notify, pace=Pace(poll=0.1))
arrivals.watch(WatchedRoot("r", base))
arrivals.start()
for path in wanted:
    with open(os.path.join(base, path), "wb"):
        pass
assert enough.wait(60), len(told)
print(arrivals.problems())
arrivals.stop()
"""


@pytest.mark.parametrize(("what", "count"), [("watches", 100), ("instances", 0)])
def test_where_the_kernel_itself_refuses_every_file_is_told(tmp_path, what, count):
    script = [sys.executable, "-c", NAMESPACE, str(Path(__file__).parents[2]), str(tmp_path), what, str(count)]
    try:
        subprocess.run(["unshare", "-Ur", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no user namespaces here")
    for number in range(300):
        (tmp_path / str(number)).mkdir()
    done = subprocess.run(["unshare", "-Ur", *script], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert f"fs.inotify.max_user_{what}" in done.stdout


@pytest.fixture
def polled(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "known.jpg").write_bytes(b"x")
    past = time.time() - 1000
    for path in (tmp_path / "old", tmp_path):
        os.utime(path, (past, past))
    with House(tmp_path, polling=True) as house:
        yield house


def test_a_polled_root_tells_new_files_also_in_new_folders(polled):
    os.makedirs(polled.base + b"/new/deep")
    polled.write(b"new/deep/a.jpg")
    polled.write(b"\xff.jpg")
    polled.listener.until_told(b"new/deep/a.jpg", b"\xff.jpg")
    assert b"old/known.jpg" not in polled.listener.kinds


def test_a_polled_root_tells_a_file_that_was_renamed_over_another(polled):
    polled.write(b"old/a.jpg")
    polled.listener.until_told(b"old/a.jpg")
    polled.write(b".b.jpg", b"longer")
    os.rename(polled.base + b"/.b.jpg", polled.base + b"/old/a.jpg")
    polled.listener.until(lambda listener: len(listener.kinds[b"old/a.jpg"]) == 2)


def test_a_polled_root_tells_a_folder_that_is_gone_once(polled):
    os.makedirs(polled.base + b"/new/deep")
    polled.write(b"new/deep/a.jpg")
    polled.listener.until_told(b"new/deep/a.jpg")
    os.rename(polled.base + b"/new", polled.base + b"/other")
    polled.listener.until_told(b"new", b"other/deep/a.jpg")
    assert [arrival.path for arrival in polled.listener.told if arrival.kind is Kind.GONE] == [b"new"]


def test_a_polled_root_that_goes_away_is_a_problem_and_nothing_in_it_is_gone(tmp_path):
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    with House(root, polling=True) as house:
        root.rename(tmp_path / "elsewhere")
        house.listener.until_kind(b"", Kind.LOOK)
        assert "cannot read" in house.arrivals.problems()[0]
        (tmp_path / "elsewhere").rename(root)
        house.listener.until(lambda listener: listener.told.count(Arrival("r", b"", Kind.LOOK)) == 2)
        house.write(b"a/b.jpg")
        house.listener.until_told(b"a/b.jpg")
    assert not [arrival for arrival in house.listener.told if arrival.kind is Kind.GONE]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount")
def test_a_disk_inside_a_root_that_tells_nothing_is_looked_at(tmp_path, monkeypatch):
    if mounts.fstype(bytes(tmp_path)) == "tmpfs":
        pytest.skip("the same file system as the disk's")
    monkeypatch.setattr(mounts, "REPORTING", mounts.REPORTING - {"tmpfs"})
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with House(tmp_path) as house:
            house.write(b"disk/a.jpg")
            house.listener.until_told(b"disk/a.jpg")
            assert Kind.CLOSED not in house.listener.kinds[b"disk/a.jpg"], "nobody can have told of its close"
    finally:
        subprocess.run(["umount", "-q", disk], check=True)
