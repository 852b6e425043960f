"""Arrivals for a long while, with faults, and whether all is delivered and nothing grows.

python -m benchmarks.soak [--minutes 30] [--rate 5] [--kill 120] [--known 10000] [--immich]

Photos land at a steady rate in a folder. Meanwhile the service is killed (SIGKILL) every `--kill` seconds, the
host of its model drops every question for a while, and the folder becomes read-only for a while (as root by a
mount of its own, else by its mode). With `--immich` a stand-in Immich takes every fifth photo as an upload, and
stands still for a while. In the end everything has to be delivered; memory (of the ledger's process) and open
files are taken every five seconds, and their growth is told for each 10,000 photos by least squares.

A life that is killed after two minutes cannot show what leaks slowly, and the more photos are known, the more may
be held of them: so there are two runs. With kills each life is looked at from its half minute on; the slope is
that between lives, which begin alike, since the one that took `--known` photos at once is ended before. With
`--kill 0` one life lasts to the end, of which the first quarter is left out: caches of a fixed size fill there,
and waves as high as any later one come by. Either is told with its standard error, and judged where that leaves
no doubt.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path

from benchmarks.bursts import drop
from benchmarks.household import Household, pictures
from benchmarks.table import Figure, table
from tests.vision_server import GOOD, Act, Server

TURN = threading.Lock()
"""No photo is half landed when a fault begins."""
EACH = 5.0
"""Seconds between two looks at memory and files."""
LOOKS, UNDER_WAY = 5, 4000
"""Looks of which the fewest open files count, as a photo is open for a moment; photos that may wait at once: more
than any later wave brings, so that what waves need is there when the clock starts."""
LINGERS = 24
"""Looks at open files of which the fewest count: processes for a burst have pipes, and end a while after it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How long (s), how many photos a second, how often it is killed (s), when a life counts as settled (s).

    It is never killed where `kill` is 0. `known` photos land and are delivered before any of that begins.
    """

    seconds: float = 1800.0
    rate: float = 5.0
    kill: float = 120.0
    settled: float = 30.0
    known: int = 0
    immich: bool = False


@dataclass(slots=True)
class Seen:
    """What was met: photos, kills, faults, and (photos so far, MiB, open files, life) of settled lives."""

    photos: int = 0
    kills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[int, float, int, int]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    took: float = 0.0

    def slope(self, column: int) -> float:
        """Growth for each 10,000 photos, by least squares; 0 where there is too little to tell."""
        xs, ys = [one[0] for one in self.samples], [float(one[column]) for one in self.samples]
        if len(set(xs)) < 3:
            return 0.0
        return statistics.linear_regression(xs, ys).slope * 10_000

    def doubt(self, column: int) -> float:
        """The standard error of that, from lives, or from twelve parts of a single one: looks lie too close."""
        parts = [list(some) for _, some in groupby(self.samples, key=lambda one: one[3])]
        if len(parts) == 1:
            size = max(1, len(parts[0]) // 12)
            parts = [parts[0][start : start + size] for start in range(0, len(parts[0]), size)]
        xs = [statistics.mean(one[0] for one in part) for part in parts]
        ys = [statistics.mean(one[column] for one in part) for part in parts]
        if len(set(xs)) < 4:
            return math.inf
        line = statistics.linear_regression(xs, ys)
        off = sum((y - line.intercept - line.slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
        return math.sqrt(off / (len(xs) - 2) / (statistics.pvariance(xs) * len(xs))) * 10_000

    def rise(self, column: int) -> float:
        """From the first look at a life to the last, as the median of all lives."""
        lives = [list(some) for _, some in groupby(self.samples, key=lambda one: one[3])]
        return statistics.median(life[-1][column] - life[0][column] for life in lives) if lives else 0.0


class Fault:
    """Something that is away for a part of each round: on at a third of it, off at two thirds."""

    def __init__(self, name: str, every: float, on: Callable[[], None], off: Callable[[], None]) -> None:
        self.name, self._every, self._on, self._off = name, every, on, off
        self.active, self.count = False, 0

    def turn(self, at: float) -> None:
        """Where the round stands at this many seconds."""
        wanted = 1 / 3 <= (at % self._every) / self._every < 2 / 3
        if wanted != self.active:
            self.active = wanted
            (self._on if wanted else self._off)()
            self.count += wanted

    def end(self) -> None:
        """All is well again."""
        if self.active:
            self.active = False
            self._off()


def soak(wish: Wish) -> Seen:
    """One run."""
    seen = Seen()
    with ExitStack() as stack:
        host = Host()
        stack.callback(host.stop)
        immich = stack.enter_context(_immich()) if wish.immich else None
        lines = (
            f'captioner = "ollama"\nollama.hosts = ["{host.url}"]\nollama.timeout = "5s"\nauto_apply = 1000000\n'
        )
        more, root = (immich.lines, immich.root) if immich else ("", "")
        house = stack.enter_context(Household(settings=lines + more, root=root))
        shut = stack.enter_context(_shutting(house.tree))
        round_ = wish.kill or 120.0
        # each its own length, so that they meet in every way
        faults = [
            Fault("model host away", round_ * 0.7, host.leave, host.come),
            Fault("folder read-only", round_ * 1.3, partial(shut, "ro"), partial(shut, "rw")),
        ]
        if immich:
            faults.append(Fault("Immich stopped", round_ * 0.9, immich.stop, immich.go))
        _land(wish, house, faults, seen, immich)
        for fault in faults:
            fault.end()
            seen.faults[fault.name] = fault.count
        _finish(house, seen)
    return seen


def _land(wish: Wish, house: Household, faults: list[Fault], seen: Seen, immich: Beside | None) -> None:
    data = pictures(min(int(wish.seconds * wish.rate) + wish.known + 1, 20_000))
    house.start(watching=False)
    _fill(wish, house, seen, data)
    if wish.kill and wish.known:
        _kill(house)
    began = time.monotonic()
    over = threading.Event()
    weather = threading.Thread(target=_blow, args=(faults, began, over))
    weather.start()
    try:
        _rain(wish, house, faults, seen, immich, data)
    finally:
        over.set()
        weather.join()


def _fill(wish: Wish, house: Household, seen: Seen, data: list[bytes]) -> None:
    """What is known before the clock starts, landed as quickly as it is taken."""
    while seen.photos < wish.known:
        for _ in range(min(UNDER_WAY // 2, wish.known - seen.photos)):
            _photo(house.tree, seen.photos, data[seen.photos % len(data)], None)
            seen.photos += 1
        house.wait(seen.photos - UNDER_WAY // 2, 600)
    house.wait(seen.photos, 600)


def _blow(faults: list[Fault], began: float, over: threading.Event) -> None:
    """Faults come and go, whatever the others wait for."""
    while not over.wait(0.1):
        with TURN:
            for fault in faults:
                fault.turn(time.monotonic() - began)


def _rain(
    wish: Wish, house: Household, faults: list[Fault], seen: Seen, immich: Beside | None, data: list[bytes]
) -> None:
    began = born = time.monotonic()
    looked, files, count = 0.0, deque[int](maxlen=LINGERS), int(wish.seconds * wish.rate)
    while (at := time.monotonic() - began) < wish.seconds or seen.photos - wish.known < count:
        while seen.photos - wish.known < min(at * wish.rate, count):
            with TURN:
                if any(fault.active and fault.name == "folder read-only" for fault in faults):
                    break
                _photo(house.tree, seen.photos, data[seen.photos % len(data)], immich)
                seen.photos += 1
        age = time.monotonic() - born
        if age > wish.settled and at - looked >= EACH:
            looked = at
            files.append(_files(house.pid))
            seen.samples.append((seen.photos, house.memory("VmRSS"), min(files), seen.kills))
        if wish.kill and age > wish.kill:
            _kill(house)
            files.clear()
            seen.kills += 1
            born = time.monotonic()
        time.sleep(0.05)


def _kill(house: Household) -> None:
    """End a life, and begin the next."""
    house.signal(signal.SIGKILL)
    house.stop()
    house.start(watching=False)


def _files(pid: int) -> int:
    """How many files a process has open, without those that it opens for a moment."""
    found = []
    for _ in range(LOOKS):
        found.append(len(os.listdir(f"/proc/{pid}/fd")))
        time.sleep(0.01)
    return min(found)


def _photo(tree: Path, number: int, data: bytes, immich: Beside | None) -> None:
    if immich and number % 5 == 0 and not immich.away:
        immich.upload(number, data)
        return
    folder = tree / f"{number // 1000:03}"
    folder.mkdir(exist_ok=True)
    drop(folder / f"IMG_{number:06}.jpg", data)


def _finish(house: Household, seen: Seen) -> None:
    """All that landed is delivered, by the service that runs on: five photos a second are time enough."""
    began = time.monotonic()
    until = began + 300 + seen.photos / 5
    found: list[tuple[object, ...]] = []
    while time.monotonic() < until:
        done = house.ask("SELECT count(*) FROM photos WHERE state = 'delivered' AND due IS NULL")[0][0]
        if done >= seen.photos:
            break
        time.sleep(1)
    else:
        found = list(house.ask("SELECT state, gate, reason, count(*) FROM photos GROUP BY 1, 2, 3"))
        found += house.ask("SELECT root, place, reason FROM stops")
        seen.left = [str(row) for row in found]
    seen.took = time.monotonic() - began
    places = len(list(house.tree.rglob("*.jpg"))) - len(list(house.tree.rglob("*.jpg.xmp")))
    if places:
        seen.left.append(f"{places} photos have no sidecar")


class Host(Server):
    """The host of a model; while it is away each connection is dropped."""

    def __init__(self) -> None:
        super().__init__(lambda _number, _asked: Act(drop=True) if self.away else Act(GOOD))
        self.away = False
        self.start()

    def leave(self) -> None:
        """It answers nobody."""
        self.away = True

    def come(self) -> None:
        """It goes on."""
        self.away = False
        self.asked.clear()


class Beside:
    """A stand-in Immich, whose whole process stands still while it is away."""

    def __init__(self, immich: object) -> None:
        self._immich = immich
        self.away = False

    @property
    def lines(self) -> str:
        """The settings of the connection."""
        one = self._immich
        return (
            f'immich.url = "{one.url}"\nimmich.api_key = "{one.key}"\nimmich.rate = 0\n'  # type: ignore[attr-defined]
            f'immich.upload_location = "{one.upload}"\n'  # type: ignore[attr-defined]
        )

    @property
    def root(self) -> str:
        """Its folder as a second root."""
        return f'[[roots]]\nname = "immich"\npath = "{self._immich.upload}"'  # type: ignore[attr-defined]

    def upload(self, number: int, data: bytes) -> None:
        """A photo by its API."""
        self._immich.upload_photo(data, f"IMG_{number:06}.jpg")  # type: ignore[attr-defined]

    def stop(self) -> None:
        """It answers nobody."""
        self.away = True
        self._immich._process.send_signal(signal.SIGSTOP)  # type: ignore[attr-defined]  # noqa: SLF001 - it has no door for this

    def go(self) -> None:
        """It goes on."""
        self._immich._process.send_signal(signal.SIGCONT)  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        self.away = False


@contextmanager
def _immich() -> Iterator[Beside]:
    from tests.immich import running  # noqa: PLC0415 - needs Postgres

    with running() as immich:
        yield Beside(immich)


@contextmanager
def _shutting(tree: Path) -> Iterator[Callable[[str], None]]:
    """Makes a folder read-only ("ro") and writable ("rw"); for root, whom no mode stops, by a mount of its own."""
    if os.geteuid() != 0:
        yield lambda mode: tree.chmod(0o555 if mode == "ro" else 0o755)
        tree.chmod(0o755)
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(tree)], check=True)

    def shut(mode: str) -> None:
        for _ in range(100):  # while a writer has a file open it is refused
            done = subprocess.run(["mount", "-o", f"remount,{mode}", str(tree)], check=False, capture_output=True)
            if done.returncode == 0:
                return
            time.sleep(0.02)

    try:
        yield shut
    finally:
        subprocess.run(["umount", "-l", str(tree)], check=False)


def figures(wish: Wish, seen: Seen) -> list[Figure]:
    """The run, judged."""
    memory, doubt, files = seen.slope(1) * 1.048576, seen.doubt(1) * 1.048576, seen.slope(2)
    last = (
        f"{seen.samples[-1][1]:.0f} MiB, {seen.samples[-1][2]} files in the end" if seen.samples else "not taken"
    )
    faults = ", ".join(f"{name} {count}x" for name, count in seen.faults.items())
    said = "; ".join(seen.left) or f"{seen.photos} photos; {seen.took:.0f} s after the last"
    long = seen.photos - wish.known >= 5000  # of fewer photos a slope says nothing
    clear = abs(memory - 1) > doubt
    lives = f"; {seen.rise(1):+.1f} MiB in a life" if seen.kills else ""
    looks = f"between lives, each from {wish.settled:.0f} s on" if seen.kills else f"from {wish.settled:.0f} s on"
    return [
        Figure(
            f"soak, {wish.seconds / 60:.1f} min, {wish.known} photos known, {seen.kills} kills, {faults}",
            "all delivered",
            said,
            not seen.left,
        ),
        Figure(
            *(
                f"memory for each 10,000 photos: RSS of the service's own process, {looks}",
                "< 1 MB",
                f"{memory:+.2f} ± {doubt:.2f} MB{lives}; {last}",
            ),
            memory < 1 if long and clear else None,
        ),
        Figure("open files for each 10,000 photos", "flat", f"{files:+.2f}", files < 2 if long else None),
    ]


def main() -> int:
    """Soak and print; 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=5.0, help="photos a second")
    parser.add_argument("--kill", type=float, default=120.0, help="seconds between two kills; 0: none")
    parser.add_argument("--known", type=int, default=10_000, help="photos before the clock starts")
    parser.add_argument("--immich", action="store_true", help="beside a stand-in Immich")
    given = parser.parse_args()
    settled = min(30.0, given.kill / 4) if given.kill else given.minutes * 15
    wish = Wish(given.minutes * 60, given.rate, given.kill, settled, given.known, given.immich)
    made = figures(wish, soak(wish))
    print(table(made))
    return 0 if all(figure.reached is not False for figure in made) else 1


if __name__ == "__main__":
    sys.exit(main())
