"""`tagwright immich sync` of a whole library, as a command of its own, ended once by Ctrl-C and called again.

python -m benchmarks.library [--photos 100000] [--interrupt 40000]

The stand-in Immich of the tests is a real server over a real Postgres, with real files; it writes and reads
sidecars itself, or exiftool would be the slow half. Its processor time and that of Postgres are told apart from
ours. Every photo is another picture, taken at one of some places, and was in Immich before, without a sidecar.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import household
from benchmarks.beside import connection
from benchmarks.household import HOUSE
from benchmarks.table import Figure, table

EACH = 2.0
"""Seconds between two looks at how far it is."""
MARKS = (0.05, 0.2, 0.4, 0.5, 0.8, 1.0)
"""Parts of the library at which the cost of a photo is told."""


@dataclass(slots=True)
class Seen:
    """(seconds, photos done, our processor's seconds, the stand-in's, Postgres', our MiB) and what was said."""

    samples: list[tuple[float, int, float, float, float, float]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    took: float = 0.0
    peak: float = 0.0


def spent(pids: Iterable[int]) -> float:
    """Seconds of a core that these processes have used, and children of theirs that have ended."""
    used = 0.0
    for pid in pids:
        with suppress(OSError):
            used += household.cpu(pid, children=True)
    return used


def below(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
    return found


def synced(immich: Any, folder: Path, photos: int, interrupt: int) -> Seen:
    """The whole way: called, ended, called again, and once more when there is nothing to do."""
    config = folder / "settings.toml"
    config.write_text(
        f'state = "{folder / "state"}"\nfacts = ["place"]\ntaggers = ["colour"]\n'
        f'{connection(immich, database=True)}immich.upload_location = "{immich.upload}"\n'
        f'[[roots]]\nname = "immich"\npath = "{immich.upload}"\n'
    )
    seen = Seen()
    for until in [*([interrupt] if interrupt else []), photos]:
        _called(immich, folder, config, until, seen, ends=until < photos)
    return seen


def _called(immich: Any, folder: Path, config: Path, until: int, seen: Seen, *, ends: bool) -> None:
    from tests.immich import postgres  # noqa: PLC0415 - needs Postgres

    command = [sys.executable, "-m", "watcher.cli", "--config", str(config), "immich", "sync"]
    base = seen.samples[-1] if seen.samples else (0.0,) * 6
    began, told = time.monotonic(), open(folder / "said", "a+")  # noqa: SIM115 - closed below
    process = subprocess.Popen(
        command, stdout=told, stderr=told, env={**os.environ, "PYTHONPATH": str(HOUSE)}, cwd=folder
    )
    server, database = immich._process.pid, postgres.running()._process.pid  # noqa: SLF001 - it has no door for this
    before = spent([server]), spent(below(database))
    while process.poll() is None:
        mine = below(process.pid)
        memory = sum(map(_memory, mine))
        seen.peak = max(seen.peak, memory)
        at = base[0] + time.monotonic() - began, _done(folder)
        others = spent([server]) - before[0], spent(below(database)) - before[1]
        seen.samples.append((*at, base[2] + spent(mine), base[3] + others[0], base[4] + others[1], memory))
        if ends and at[1] >= until:
            process.send_signal(signal.SIGINT)
            ends = False
        with suppress(subprocess.TimeoutExpired):
            process.wait(EACH)
    seen.took += time.monotonic() - began
    seen.codes.append(process.returncode)
    told.seek(0)
    seen.said = told.read().splitlines()
    told.close()


def _memory(pid: int) -> float:
    with suppress(OSError, LookupError):  # it has just ended
        return household.memory(pid)
    return 0.0


def _done(folder: Path) -> int:
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{folder}/state/ledger.db?mode=ro", uri=True, timeout=30)) as db,
    ):
        return int(db.execute("SELECT count(*) FROM photos WHERE state = 'delivered'").fetchone()[0])
    return 0


def parts(seen: Seen, photos: int) -> Iterator[str]:
    """What a photo costs by then, in milliseconds of a core (ours, the stand-in's, Postgres'), and the rate."""
    last = (0.0, 0, 0.0, 0.0, 0.0, 0.0)
    for mark in MARKS:
        now = next((one for one in seen.samples if one[1] >= mark * photos), seen.samples[-1])
        count = max(1, now[1] - last[1])
        costs = " + ".join(f"{1000 * (now[each] - last[each]) / count:.1f}" for each in (2, 3, 4))
        yield f"to {now[1]:,}: {count / max(now[0] - last[0], 0.001):.0f}/s, {costs} ms, {now[5]:.0f} MiB"
        last = now


def figures(photos: int, interrupt: int, seen: Seen, immich: Any) -> Iterator[Figure]:
    """The run, judged."""
    immich.idle(600)
    counts = immich.counts()
    calls = {name: count for name, count in counts["calls"].items() if not name.startswith("GET")}
    tagged = immich.sql('SELECT count(DISTINCT "assetId") AS n FROM tag_asset')[0]["n"]
    beside = sum(1 for _ in Path(immich.upload).rglob("*.xmp"))
    name = (
        f"immich sync of {photos:,} photos, ended once at {interrupt:,}"
        if interrupt
        else f"immich sync of {photos:,} photos"
    )
    good = tagged == beside == photos and seen.codes[-1] == 0
    yield Figure(name, "all in agreement", f"{tagged:,} tagged, {beside:,} sidecars, ends {seen.codes}", good)
    twice = Counter(tuple(sorted(each.items())) for each in immich.per_asset().values())
    yield Figure("what Immich did for each photo", "once", f"{twice.most_common(4)}", None)
    yield Figure("time", "-", f"{seen.took:.0f} s, {photos / seen.took:.0f} photos/s", None)
    yield Figure("memory, all our processes", "-", f"{seen.peak:.0f} MiB", None)
    said = f"{sum(calls.values()) / photos:.2f}"
    yield Figure("calls that change something, a photo", "<= 1.1", said, sum(calls.values()) / photos <= 1.1)
    for part in parts(seen, photos):
        yield Figure("ours + stand-in's + Postgres'", "-", part, None)


def main() -> int:
    """Measure and print; 1 where it did not come to agreement."""
    from tests.immich import running  # noqa: PLC0415 - needs Postgres

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--interrupt", type=int, default=0, help="Ctrl-C when so many are done")
    parser.add_argument("--exiftool", action="store_true", help="the stand-in uses the real one")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tagwright-benchmark-"))
    try:
        with running(exiftool=given.exiftool) as immich:
            for start in range(0, given.photos, 5000):
                immich.assets(min(given.photos - start, 5000))
            immich.idle(600)
            immich.reset_counts()
            seen = synced(immich, folder, given.photos, given.interrupt)
            made = list(figures(given.photos, given.interrupt, seen, immich))
            print("\n".join(seen.said))
            print(table(made))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(figure.reached is not False for figure in made) else 1


if __name__ == "__main__":
    sys.exit(main())
