"""All figures in one table: `python -m benchmarks` for a quick look, `--full` for the sizes that count.

python -m benchmarks [--full] [--only latency,bursts,start,idle,walks,merge,watching,vectors,look,sidecars,
zero_shot,pictures,described,nearby,mirror,beside]

Everything is made in the system's folder for temporary files (TMPDIR) and removed again. A full run takes
half an hour; what else the machine does is told beside the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import (
    beside,
    book,
    bursts,
    daemon,
    described,
    mirror,
    nearby,
    pictures,
    sidecars,
    vectors,
    zero_shot,
)
from benchmarks.household import HOUSE
from benchmarks.table import Figure, table

Part = Callable[[bool], Iterable[Figure]]


def _size(full: bool) -> bursts.Size:  # noqa: FBT001 - one word says it
    return bursts.FULL if full else bursts.Size()


def _bursts(full: bool) -> Iterable[Figure]:  # noqa: FBT001
    size = _size(full)
    for each in (bursts.random_folders, bursts.overflow, bursts.limited, bursts.nested):
        yield each(size)


def _start(full: bool) -> Iterable[Figure]:  # noqa: FBT001
    yield from daemon.starting(2000 if full else 200, 9 if full else 3)
    yield daemon.helping(9)
    yield daemon.torch()


def _idle(full: bool) -> Iterable[Figure]:  # noqa: FBT001
    yield daemon.idle(60 if full else 20)
    yield from daemon.at_home(*((100_000, 180) if full else (5000, 20)))
    yield daemon.polling(*((100_000, 1000) if full else (5000, 100)), 60 if full else 20)


def _beside(full: bool) -> Iterable[Figure]:  # noqa: FBT001
    yield from beside.idle(*((100_000, 60) if full else (5000, 20)))
    yield from beside.sync(5000 if full else 300)


def _watching(full: bool) -> Iterable[Figure]:  # noqa: FBT001
    """What benchmarks/arrival.py prints, judged."""
    sizes = [] if full else ["--leaves", "4096", "--photos", "10000", "--folders", "100"]
    said = _printed("arrival.py", *sizes)
    for beginning, name, most in (
        ("watch start", "start of watching / scandir walk", 2.5),
        ("gated walk", "gated walk / stat of the folders", 2.0),
    ):
        found = re.search(rf"^{beginning}.*?([\d.]+)x\s+\((.*)\)", said, re.MULTILINE)
        measured = float(found[1]) if found else float("inf")
        yield Figure(name, f"<= {most}x", f"{measured:.2f}x ({found[2] if found else '-'})", measured <= most)
    found = re.search(r"^memory of the watches\s+([\d.]+)", said, re.MULTILINE)
    memory = float(found[1]) if found else float("inf")
    yield Figure("memory of the watches", "< 60 MiB", f"{memory:.1f} MiB", memory < 60)


def _printed(script: str, *arguments: str) -> str:
    command = [sys.executable, str(HOUSE / "benchmarks" / script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=HOUSE).stdout


def _told(script: str) -> Iterable[Figure]:
    """A benchmark without goals, printed as it is."""
    print(_printed(script), flush=True)
    return ()


PARTS: dict[str, Part] = {
    "latency": lambda full: [bursts.single(_size(full))],
    "bursts": _bursts,
    "watching": _watching,
    "walks": lambda full: book.walks(*((100_000, 5) if full else (10_000, 3))),
    "merge": lambda full: book.merge(100_000 if full else 5000),
    "start": _start,
    "idle": _idle,
    "vectors": lambda full: vectors.measure(*((100_000, 7) if full else (10_000, 3))),
    "look": lambda _: _told("look.py"),
    "sidecars": lambda full: sidecars.figures(rounds=9 if full else 5, count=640 if full else 256),
    "zero_shot": lambda full: zero_shot.measure(*((100_000, 5) if full else (10_000, 3))),
    "pictures": lambda full: pictures.measure(*((40, 24) if full else (10, 24))),
    "nearby": lambda full: nearby.measure(100_000 if full else 4000),
    "described": lambda full: described.figures(60 if full else 20),
    "mirror": lambda full: mirror.figures(100_000 if full else 5000),
    "beside": _beside,
}
JUDGED = [name for name in PARTS if name != "look"]


def main() -> int:
    """Measure and print; 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the sizes that the goals speak of")
    parser.add_argument("--only", type=lambda text: text.split(","), help="only these parts", metavar="PARTS")
    given = parser.parse_args()
    names = given.only or (list(PARTS) if given.full else JUDGED)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    figures: list[Figure] = []
    for name in names:
        for figure in PARTS[name](given.full):
            figures.append(figure)
            print(f"{figure.verdict:>8}  {figure.name}: {figure.measured}", file=sys.stderr, flush=True)
    print(table(figures))
    print(f"\n{_machine()}; load {os.getloadavg()[0]:.1f} at the end; {'full' if given.full else 'small'} sizes")
    return 0 if all(figure.reached is not False for figure in figures) else 1


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
