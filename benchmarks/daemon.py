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


def at_home(photos: int, seconds: float) -> list[Figure]:
    """A quiet hour of a library that is known: processor, memory, and what is written, health and figures on."""
    with Household(settings='health.listen = "127.0.0.1:0"') as house:
        _plain(house.tree, photos, max(1, photos // 100), ending="jpg")
        house.start(more=["--new-only"])
        _rest(house)
        time.sleep(min(150.0, 1.2 * seconds))  # folders that were young at the first walk are listed once more
        cpu, written, began = house.cpu(), house.written(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        share, hourly = 100 * (house.cpu() - cpu) / took, (house.written() - written) / took * 3600 / 1024
        memory, known = house.memory("VmRSS"), house.ask("SELECT count(*) FROM photos")[0][0]
    name = f"idle for {seconds:.0f} s, {known:,} photos known"
    return [
        Figure(f"{name}: processor", "< 0.1 % of a core", f"{share:.3f} %", share < 0.1),
        Figure(f"{name}: memory", "< 90 MB", f"{memory:.0f} MiB", memory * 1.048576 < 90),
        Figure(f"{name}: written to disk", "< 300 KB/h", f"{hourly:.0f} KiB/h", hourly < 300),
    ]


def polling(photos: int, folders: int, seconds: float) -> Figure:
    """The same where the root has to be looked at again and again."""
    with Household(root="polling = true") as house:
        _plain(house.tree, photos, folders)
        share = _share(house, seconds)
    name = f"idle for {seconds:.0f} s, polling {photos} files in {folders} folders"
    return Figure(name, "< 2 % of a core", f"{share:.2f} %", share < 2)


def _plain(tree: Path, files: int, folders: int, ending: str = "jpg.xmp") -> None:
    """Sidecars without photos (or what is called a photo): files that are watched and nobody has to look at."""
    for number in range(folders):
        folder = tree / f"{number % 100:02}" / f"{number:05}"
        folder.mkdir(parents=True)
        for each in range(number, files, folders):
            drop(folder / f"IMG_{each:06}.{ending}", b"")


def _share(house: Household, seconds: float) -> float:
    """Percent of a core, once it has come to rest."""
    house.start()
    _rest(house)
    before, began = house.cpu(), time.monotonic()
    time.sleep(seconds)
    return 100 * (house.cpu() - before) / (time.monotonic() - began)


def _rest(house: Household) -> None:
    time.sleep(5)
    for _ in range(30):
        before = house.cpu()
        time.sleep(2)
        if house.cpu() - before < 0.1:
            return


def torch() -> Figure:
    """Whether torch is among what the default install pins."""
    pinned = (HOUSE / "constraints.txt").read_text().lower()
    there = [line for line in pinned.splitlines() if line.startswith(("torch", "nvidia", "triton"))]
    return Figure(
        "torch in the default install", "never", ", ".join(there) or "not pinned, not installed", not there
    )
