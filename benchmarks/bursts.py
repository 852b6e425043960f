"""What happens when photos land: one by one, and thousands at once where watching is hardest.

The service runs in a process of its own with its default settings; photos are valid and every sidecar is
really written. Times are those of the files themselves: from the last close of a photo to the last sidecar.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arrival import leaves
from benchmarks.household import Household, pictures
from benchmarks.table import Figure

PATIENCE = 100.0
WITHIN, MEMORY = 30.0, 300.0


@dataclass(frozen=True, slots=True)
class Size:
    """How large the bursts are."""

    files: int = 2000
    folders: int = 4096
    overflow: int = 9000
    nested: int = 200
    single: int = 15


FULL = Size(files=20_000, folders=65_536, overflow=20_000, nested=1000, single=60)


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of one."""

    photos: int
    missing: int
    twice: int
    seconds: float
    writing: float
    peak: float
    core: float

    def figure(self, name: str) -> Figure:
        """Judged against the goals of all bursts."""
        good = not self.missing and not self.twice and self.seconds < WITHIN and self.peak < MEMORY
        measured = (
            f"{self.seconds:.1f} s, {self.missing} missing, {self.twice} twice, {self.peak:.0f} MiB "
            f"(written in {self.writing:.1f} s; {self.core:.0f} s of a core)"
        )
        return Figure(name, f"all within {WITHIN:.0f} s, none twice, under {MEMORY:.0f} MB", measured, good)


def drop(path: Path, data: bytes) -> None:
    """Write a photo the plain way."""
    with open(path, "wb") as file:
        file.write(data)


def single(size: Size) -> Figure:
    """From close to sidecar, one photo at a time in a plain folder."""
    taken = []
    with Household() as house:
        house.start()
        for number, data in enumerate(pictures(size.single + 1)):
            path = house.tree / f"IMG_{number:04}.jpg"
            drop(path, data)
            closed = time.time()
            if not _appears(path):
                return Figure("new photo to sidecar", "median < 1 s", f"{path.name} has none", reached=False)
            taken.append(os.stat(f"{path}.xmp").st_ctime - closed)
            time.sleep(random.uniform(0, 0.3))
        text = f"median {statistics.median(taken[1:]):.2f} s, worst {max(taken[1:]):.2f} s, first {taken[0]:.2f} s"
    return Figure("new photo to sidecar", "median < 1 s", text, statistics.median(taken[1:]) < 1)


def _appears(path: Path) -> bool:
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        if os.path.exists(f"{path}.xmp"):
            return True
        time.sleep(0.005)
    return False


def burst(house: Household, write: Callable[[], Sequence[Path]]) -> Burst:
    """Let photos land and wait for the last sidecar."""
    used, began = house.cpu(), time.time()
    paths = write()
    ended = time.time()
    house.wait(len(paths), PATIENCE)
    return _judged(house, paths, (began, ended), house.cpu() - used)


def _judged(house: Household, paths: Sequence[Path], writing: tuple[float, float], core: float) -> Burst:
    began, ended = writing
    last, missing = ended, 0
    for path in paths:
        try:
            last = max(last, os.stat(f"{path}.xmp").st_ctime)
        except FileNotFoundError:
            missing += 1
    several = "SELECT photo FROM writes WHERE state = 'done' GROUP BY photo HAVING count(*) > 1"
    twice = len(house.ask(several))
    return Burst(len(paths), missing, twice, last - ended, ended - began, house.memory("VmHWM"), core)


def scattered(house: Household, files: int, folders: int, seed: int = 3) -> Callable[[], Sequence[Path]]:
    """A writer of photos into random folders of the tree; the photos are made before."""
    data, chance = pictures(files, seed), random.Random(seed)
    places = [divmod(chance.randrange(folders), 256) for _ in range(files)]
    paths = [house.tree / f"{one:02x}/{two:02x}/IMG_{number:05}.jpg" for number, (one, two) in enumerate(places)]

    def write() -> Sequence[Path]:
        for path, content in zip(paths, data, strict=True):
            drop(path, content)
        return paths

    return write


def random_folders(size: Size) -> Figure:
    with Household() as house:
        leaves(os.fsencode(house.tree), size.folders)
        house.start()
        done = burst(house, scattered(house, size.files, size.folders))
    return done.figure(f"burst of {size.files} over {size.folders} folders")


def overflow(size: Size) -> Figure:
    """The reader is stopped while the photos land, until the kernel's queue has overflowed."""
    with Household() as house:
        leaves(os.fsencode(house.tree), size.folders)
        house.start()
        writer = scattered(house, size.overflow, size.folders)

        def write() -> Sequence[Path]:
            house.signal(signal.SIGSTOP)
            try:
                return writer()
            finally:
                house.signal(signal.SIGCONT)

        done = burst(house, write)
    return done.figure(f"{size.overflow} while the reader is stopped")


def limited(size: Size) -> Figure:
    """The system grants watches for a third of the folders."""
    name = f"burst of {size.files}, {size.folders // 3} watches for {size.folders} folders"
    if not _may_unshare():
        return Figure(name, "-", "no user namespaces here", None)
    with Household(watches=size.folders // 3) as house:
        leaves(os.fsencode(house.tree), size.folders)
        house.start()
        done = burst(house, scattered(house, size.files, size.folders))
        told = "max_user_watches" in house.log()
    figure = done.figure(name)
    return (
        figure if told else Figure(figure.name, figure.goal, figure.measured + ", and no warning", reached=False)
    )


def _may_unshare() -> bool:
    if not shutil.which("unshare"):
        return False
    test = ["unshare", "-Ur", "sh", "-c", "echo 9 > /proc/sys/user/max_inotify_watches"]
    return subprocess.run(test, check=False, capture_output=True).returncode == 0


def nested(size: Size) -> Figure:
    """Each photo in a folder in a folder that were made a moment before."""
    with Household() as house:
        house.start()
        data = pictures(size.nested, 5)

        def write() -> Sequence[Path]:
            paths = []
            for number, content in enumerate(data):
                folder = house.tree / f"{number:04}" / "s"
                os.makedirs(folder)
                drop(folder / "IMG_1.jpg", content)
                paths.append(folder / "IMG_1.jpg")
            return paths

        done = burst(house, write)
    return done.figure(f"{size.nested} new nested folders")
