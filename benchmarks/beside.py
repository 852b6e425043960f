"""What the service costs beside an Immich: while nothing happens, and when a whole library comes to agreement.

python -m benchmarks.beside [--photos 100000] [--seconds 60] [--sync 5000]

The stand-in Immich of the tests is a real server over a real Postgres; its own time is not counted for idling, and
for `immich sync` it is part of what is measured, since the sidecars are written and read by it. Without folders:
the photos are known by the API alone, and with a database their state is read there.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.household import HOUSE, Household
from benchmarks.table import Figure, table

DAILY = 75.0
"""Seconds after its start in which a service does what it does once a day, a look through the ledger."""
FAR = '[[roots]]\nname = "far"\nimmich = true\nplaces = ["immich"]'


def connection(immich: Any, *, database: bool) -> str:
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - needs Postgres

    lines = f'immich.url = "{immich.url}"\nimmich.api_key = "{immich.key}"\nimmich.rate = 0\n'
    if not database:
        return lines
    told = conninfo_to_dict(immich.dsn)
    return lines + (
        f'immich.database.host = "{told["host"]}"\nimmich.database.port = {told["port"]}\n'
        f'immich.database.user = "{told["user"]}"\nimmich.database.name = "{told["dbname"]}"\n'
        f'immich.database.password = "{told.get("password", "")}"\n'
    )


def idle(photos: int, seconds: float) -> Iterator[Figure]:
    """Processor, memory and what is written while Immich is asked again and again and nothing happens there."""
    from tests.immich import running  # noqa: PLC0415 - as above

    with running() as immich:
        for _ in range(max(1, photos // 10_000)):
            immich.assets(min(photos, 10_000), files=False)
        time.sleep(6)  # what changed within some seconds is looked at twice
        immich.assets(1, files=False)
        for database in (True, False):
            yield from _idle(immich, seconds, database=database)


def _idle(immich: Any, seconds: float, *, database: bool) -> Iterator[Figure]:
    with Household(settings=connection(immich, database=database), root=FAR) as house:
        house.start(watching=False, more=["--new-only"])
        began = time.monotonic()
        known = immich.sql("SELECT count(*) AS n FROM asset")[0]["n"]
        until = time.monotonic() + 600
        while house.ask("SELECT count(*) FROM assets")[0][0] < known and time.monotonic() < until:
            time.sleep(1)
        _rests(house)
        time.sleep(max(0.0, began + DAILY - time.monotonic()))
        immich.reset_counts()
        cpu, written, began = house.cpu(), house.written(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        share, hourly = 100 * (house.cpu() - cpu) / took, (house.written() - written) / took * 3600 / 1024
        found, memory = house.ask("SELECT count(*) FROM assets")[0][0], house.memory("VmRSS")
        calls = sum(immich.counts()["calls"].values())
    name = f"Immich {'with' if database else 'without'} database, {found:,} photos, idle {seconds:.0f} s"
    yield Figure(f"{name}: processor", "< 0.1 % of a core", f"{share:.3f} %, {calls} calls", share < 0.1)
    yield Figure(f"{name}: written to disk", "< 300 KB/h", f"{hourly:.0f} KiB/h", hourly < 300)
    yield Figure(f"{name}: memory", "-", f"{memory:.0f} MiB", None)


def _rests(house: Household) -> None:
    time.sleep(15)
    for _ in range(30):
        before = house.cpu()
        time.sleep(11)  # a look at Immich is in it
        if house.cpu() - before < 0.3:
            return


def sync(photos: int) -> Iterator[Figure]:
    """`immich sync` of a library that was there before, with real files, sidecars and exiftool: the whole way."""
    command = [sys.executable, "-m", "benchmarks.beside", "--sync", str(photos), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HOUSE)
    found = json.loads(done.stdout.splitlines()[-1])
    name = f"immich sync of {found['photos']:,} photos"
    good = found["left"] == 0 and found["tagged"] == found["photos"]
    yield Figure(name, "all in agreement", f"{found['tagged']:,} tagged, {found['left']} left", good)
    yield Figure(f"{name}: rate", "-", f"{found['rate']:.0f} photos/s", None)
    yield Figure(f"{name}: memory", "-", f"{found['memory']:.0f} MiB", None)
    said = f"{found['calls']:.2f}, {found['writes']:.2f}, {found['readings']:.2f}"
    most = max(found["calls"], found["writes"], found["readings"])
    yield Figure(f"{name}: calls, sidecar writes, readings a photo", "<= 1.1", said, most <= 1.1)
    yield Figure(f"{name}: once more", "-", f"{found['again']:.0f} photos/s, {found['written']} written", None)


def synced(photos: int) -> dict[str, float]:
    """The same in this process, for its memory."""
    from tests.immich import running  # noqa: PLC0415 - as above

    folder = Path(tempfile.mkdtemp(prefix="tagwright-benchmark-"))
    try:
        with running() as immich:
            for _ in range(0, photos, 5000):
                immich.assets(min(photos, 5000))
            immich.idle(600)
            return _synced(immich, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _synced(immich: Any, folder: Path) -> dict[str, float]:
    from watcher import sync as syncing  # noqa: PLC0415 - only here
    from watcher.app import opened  # noqa: PLC0415 - as above
    from watcher.settings import load  # noqa: PLC0415 - as above

    config = folder / "settings.toml"
    config.write_text(
        f'state = "{folder / "state"}"\nfacts = []\ntaggers = ["colour"]\nauto_apply = 1000000\n'
        f'{connection(immich, database=True)}immich.upload_location = "{immich.upload}"\n'
        f'[[roots]]\nname = "immich"\npath = "{immich.upload}"\n'
    )
    settings = load(config, {"HOME": str(folder)}, {})
    immich.reset_counts()
    rates, answers = [], []
    for _ in range(2):
        began = time.monotonic()
        with opened(settings, environment={}) as app:
            for root in settings.roots:
                app.intake.look(root.name, b"")
            answers.append(syncing.here(app, io.StringIO()))
            count = app.ledger.db.execute("SELECT count(*) FROM photos WHERE state = 'delivered'").fetchone()[0]
        rates.append(count / (time.monotonic() - began))
        if len(rates) == 1:
            immich.idle(600)
            counts = immich.counts()
    calls = {name: n for name, n in counts["calls"].items() if not name.startswith("GET")}
    tagged = immich.sql('SELECT count(DISTINCT "assetId") AS n FROM tag_asset')[0]["n"]
    events = counts["events"]
    return {
        "photos": count, "tagged": tagged, "left": answers[0]["left"], "rate": rates[0], "again": rates[1],
        "written": answers[1]["written"], "calls": sum(calls.values()) / count,
        "writes": events.get("sidecar write", 0) / count, "readings": events.get("extraction", 0) / count,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> int:
    """Measure and print; 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=0, help="idle beside so many")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--sync", type=int, default=0, help="bring so many to agreement")
    parser.add_argument("--json", action="store_true", help="the second alone, in this process")
    given = parser.parse_args()
    if given.json:
        print(json.dumps(synced(given.sync)))
        return 0
    found = [
        *(idle(given.photos, given.seconds) if given.photos else ()),
        *(sync(given.sync) if given.sync else ()),
    ]
    print(table(found))
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    return 0 if all(figure.reached is not False for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
