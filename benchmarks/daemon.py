"""What the service costs before and between photos: its start, its memory, an idle minute; and `--help`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.arrival import library
from benchmarks.bursts import drop
from benchmarks.household import HOUSE, Household, pictures
from benchmarks.table import Figure


def starting(photos: int, rounds: int) -> list[Figure]:
    """Start on a library that is known and needs nothing, after a first pass over it."""
    with Household() as house:
        for number, data in enumerate(pictures(photos)):
            folder = house.tree / f"{number % 50:02}"
            folder.mkdir(exist_ok=True)
            drop(folder / f"IMG_{number:05}.jpg", data)
        house.start()
        house.wait(photos, 100)
        house.stop()
        taken, resident = [], []
        for _ in range(rounds):
            house.start()
            taken.append(house.ready_s)
            time.sleep(1)
            resident.append(house.memory("VmRSS"))
            house.stop()
    seconds, memory = statistics.median(taken), statistics.median(resident)
    return [
        Figure(
            f"start until READY=1, {photos} known photos",
            "< 0.5 s",
            f"median {seconds:.2f} s, fastest {min(taken):.2f} s",
            seconds < 0.5,
        ),
        Figure("memory then, first walk done", "< 80 MB", f"{memory:.0f} MiB", memory < 80),
    ]


def helping(rounds: int) -> Figure:
    """`tagwright --help`, and whether it imports numpy."""
    call = "import sys; from watcher import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    call += "print('numpy' in sys.modules, file=sys.stderr)"
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", call], cwd=HOUSE, capture_output=True, text=True, check=True)
        taken.append(time.perf_counter() - began)
    numpy = "True" in done.stderr
    seconds = statistics.median(taken)
    text = f"median {seconds:.2f} s, {'with' if numpy else 'without'} numpy"
    return Figure("tagwright --help", "< 0.3 s, without numpy", text, seconds < 0.3 and not numpy)


def idle(seconds: float) -> Figure:
    """CPU of a service that watches by inotify and has nothing to do."""
    with Household() as house:
        library(os.fsencode(house.tree) + b"/l", 1000, 100)
        share = _share(house, seconds)
    return Figure(f"idle for {seconds:.0f} s, inotify", "< 0.1 % of a core", f"{share:.3f} %", share < 0.1)


def polling(photos: int, folders: int, seconds: float) -> Figure:
    """The same where the root has to be looked at again and again."""
    with Household(root="polling = true") as house:
        _plain(house.tree, photos, folders)
        share = _share(house, seconds)
    name = f"idle for {seconds:.0f} s, polling {photos} files in {folders} folders"
    return Figure(name, "< 2 % of a core", f"{share:.2f} %", share < 2)


def _plain(tree: Path, files: int, folders: int) -> None:
    """Sidecars without photos: files that are watched and that nobody has to look at."""
    for number in range(folders):
        folder = tree / f"{number % 100:02}" / f"{number:05}"
        folder.mkdir(parents=True)
        for each in range(number, files, folders):
            drop(folder / f"IMG_{each:06}.jpg.xmp", b"")


def _share(house: Household, seconds: float) -> float:
    """Percent of a core, once it has come to rest."""
    house.start()
    time.sleep(5)
    for _ in range(30):
        before = house.cpu()
        time.sleep(2)
        if house.cpu() - before < 0.1:
            break
    before, began = house.cpu(), time.monotonic()
    time.sleep(seconds)
    return 100 * (house.cpu() - before) / (time.monotonic() - began)


def torch() -> Figure:
    """Whether torch is among what the default install pins."""
    pinned = (HOUSE / "constraints.txt").read_text().lower()
    there = [line for line in pinned.splitlines() if line.startswith(("torch", "nvidia", "triton"))]
    return Figure(
        "torch in the default install", "never", ", ".join(there) or "not pinned, not installed", not there
    )
