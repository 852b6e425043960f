"""What watching and walking cost, as ratios to bare system calls: A B A B in one run, medians.

python benchmarks/arrival.py [--leaves 65536] [--photos 100000] [--folders 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import gc
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from watchdog.observers.api import ObservedWatch

from watcher.arrival import Pace, WatchedRoot
from watcher.ignore import Ignore
from watcher.walk import walk, walk_changed
from watcher.watching import InotifyEmitter


def leaves(base: bytes, count: int) -> None:
    """Folders two levels deep, 256 a level, as Immich lays them out."""
    for number in range(count):
        os.makedirs(base + b"/%02x/%02x" % divmod(number, 256), exist_ok=True)


def library(base: bytes, photos: int, folders: int) -> None:
    """Empty photos with a sidecar each, evenly over the folders; folder times lie in the past."""
    for folder in range(folders):
        where = base + b"/%03d/%05d" % (folder % 100, folder)
        os.makedirs(where)
        for number in range(folder, photos, folders):
            for ending in (b".jpg", b".jpg.xmp"):
                os.close(os.open(where + b"/IMG_%06d" % number + ending, os.O_CREAT | os.O_WRONLY))
        os.utime(where, (1e9, 1e9))
    for path, _, _ in os.walk(base):
        os.utime(path, (1e9, 1e9))


def bare_walk(base: bytes) -> int:
    """os.scandir of every folder, and nothing else."""
    waiting, count = [base], 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        count += len(below)
        waiting += below
    return count


def bare_stats(base: bytes) -> int:
    """os.scandir of every folder and a stat of every file."""
    waiting, count = [base], 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def ratio(bare: Callable[[], object], ours: Callable[[], object], rounds: int) -> str:
    """Both in turn; medians in seconds and their quotient."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for kept, call in zip(times, (bare, ours), strict=True):
            gc.collect()
            began = time.perf_counter()
            call()
            kept.append(time.perf_counter() - began)
    one, other = map(statistics.median, times)
    return f"{other / one:5.2f}x  (bare {one:.3f} s, ours {other:.3f} s)"


def watch(base: bytes) -> InotifyEmitter:
    """An emitter that watches the tree and was not started."""
    observed = ObservedWatch(os.fsdecode(base), recursive=True)
    return InotifyEmitter(queue.Queue(), observed, root=WatchedRoot("tree", base), pace=Pace())  # type: ignore[arg-type]


def resident() -> float:
    """MiB of this process in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(base: bytes) -> None:
    """Printed by a process of its own: what the watches add to it."""
    before = resident()
    emitter = watch(base)
    print(f"{resident() - before:.1f} MiB")
    emitter.close()


def watching(base: bytes, rounds: int) -> None:
    """Start and memory of watching a tree."""
    print("watch start / scandir walk    ", ratio(lambda: bare_walk(base), lambda: watch(base).close(), rounds))
    command = [sys.executable, __file__, "--memory", os.fsdecode(base)]
    print("memory of the watches          ", subprocess.check_output(command, text=True).strip())


def walking(base: bytes, rounds: int) -> None:
    """Full and gated walks of a library."""
    ignore, errors = Ignore(), []

    def complain(path: bytes, error: OSError) -> None:
        errors.append((path, error))

    def full() -> dict[bytes, int]:
        return {folder.path: folder.mtime_ns for folder in walk(base, ignore, on_error=complain)}

    known = full()
    paths = [base + b"/" + path for path in known]
    print("full walk / scandir + stat     ", ratio(lambda: bare_stats(base), full, rounds))
    gated = lambda: list(walk_changed(base, known, ignore, on_error=complain))  # noqa: E731 - one line says it
    print("gated walk / stat of folders   ", ratio(lambda: [os.stat(path) for path in paths], gated, 5 * rounds))
    assert not gated()
    assert not errors


def main() -> None:
    """Make the trees, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=65536)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at", help="make the trees here (the default is the system's folder for such)")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        memory(os.fsencode(given.memory))
        return
    with tempfile.TemporaryDirectory(dir=given.at) as made:
        base = os.fsencode(made)
        leaves(base + b"/tree", given.leaves)
        print(f"{given.leaves} folders")
        watching(base + b"/tree", given.rounds)
        library(base + b"/library", given.photos, given.folders)
        print(f"{given.photos} photos and as many sidecars in {given.folders} folders")
        walking(base + b"/library", given.rounds)


if __name__ == "__main__":
    main()
