"""A library whose vectors Immich has: read, compared, chosen, sidecars written; photos a second from end to end.

python -m benchmarks.nearby [number]

The photos were looked at before, and the vectors of the words are there; those of the pictures come from memory
(reading them is `benchmarks.vectors`).
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.household import pictures
from benchmarks.table import Figure, table
from metadata.immich import Space
from metadata.immich.vectors import Vectors
from models import vocabulary
from models.nearness import unit
from models.taggers.zero_shot import ZeroShot
from watcher.app import App, opened
from watcher.chores import Chores
from watcher.ledger import work
from watcher.rooms import FIRST_LOOK
from watcher.settings import Settings
from watcher.vectors import SOURCE, Nearby

DIM = 512


class Texts:
    """A model of texts that gives each word a direction of its own, all in one cone."""

    name, version, edge = "texts", "1", 224

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text; the templates fall away."""
        rows = np.zeros((len(texts), DIM), np.float32)
        for row, text in enumerate(texts):
            word = text.removeprefix("a photo of ").removesuffix(".")
            rows[row] = 0.05 * np.random.default_rng(hash(word) & 0xFFFFFFFF).standard_normal(DIM)
        rows[:, 0] += 1
        return unit(rows)

    def images(self, pictures: Sequence[object]) -> np.ndarray:
        """Never asked."""
        raise NotImplementedError


class Library:
    """Vectors of pictures, each of which shows three words."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(3)
        words = [word[-1] for word in vocabulary.chosen().words]
        near = Texts().embed(words)
        rows = 0.03 * rng.standard_normal((count, DIM), np.float32)
        rows[:, 1] += 1
        for _ in range(3):
            rows += 8 * 0.7 * (near[rng.integers(0, len(words), count)] - near.mean(0))
        self.rows = unit(rows)

    def space(self, *, model: str = "") -> Space:
        """One model."""
        return Space(model, DIM, len(self.rows))

    def vectors(self, owners: Sequence[str] | None = None, *, ids: Sequence[str] | None = None) -> Vectors:
        """Those of these numbers."""
        del owners
        asked = list(ids or ())
        return Vectors(asked, self.rows[[int(each) for each in asked]])


def measure(count: int) -> Iterable[Figure]:
    """From a library without words to all its sidecars."""
    with tempfile.TemporaryDirectory(prefix="tagwright-benchmark-") as made:
        folder = Path(made)
        for number, data in enumerate(pictures(count)):
            path = folder / "photos" / f"{number // 1000:03}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        settings = Settings.model_validate(
            {
                "state": folder / "state",
                "roots": [{"name": "p", "path": folder / "photos"}],
                "facts": [],
                "auto_apply": 10 * count,
            }
        )
        with opened(settings, agreed=("p",)) as app:
            _work(app)
            _join(app, count, folder)
            began, burnt = time.perf_counter(), _burnt()
            _work(app)
            taken = time.perf_counter() - began
            ours, others = (after - before for after, before in zip(_burnt(), burnt, strict=True))
            written = sum(1 for _ in (folder / "photos").rglob("*.xmp"))
    told = f"{count:,} photos in {taken:.1f} s, {count / taken:.0f}/s, {written:,} sidecars"
    told += f"; {ours:.0f} s of a core in the ledger's process, {others:.0f} in that beside it"
    yield Figure("library out of vectors", "100,000 in < 4 min", told, 100_000 * taken / count < 240)


def _burnt() -> tuple[float, float]:
    """Seconds of a core that this process took so far, and those that it started."""
    tick = os.sysconf("SC_CLK_TCK")
    me, children = str(os.getpid()), 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            children += int(fields[11]) + int(fields[12]) if fields[1] == me else 0
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), children / tick + ended.ru_utime + ended.ru_stime


def _join(app: App, count: int, folder: Path) -> None:
    with app.ledger.transaction() as db:
        rows = [
            (name.partition(b".")[0].decode(), photo) for photo, name in db.execute("SELECT id, name FROM photos")
        ]
        db.executemany(
            "INSERT INTO assets (id, owner, path, mark, verdict, reason, marked, photo) "
            "VALUES (?, 'me', ?, '1', 'ready', '', 0, ?)",
            [(a, a, p) for a, p in rows],
        )
    house = app.worker.house
    sources = frozenset((house.rules.sources or frozenset()) | {SOURCE})
    app.worker.house = replace(house, rules=replace(house.rules, sources=sources))
    tagger = ZeroShot(Texts(), vocabulary.chosen(), folder / "models", 16)
    app.nearby = Nearby(
        *(app.ledger, Library(count)),
        lambda _: tagger,
        now=app.now,
        rules=lambda photo: app.worker.house.rules_of(app.ledger.db, photo),
        poll=10.0,
    )
    next(tagger.score(app.nearby._source.rows[:1]))  # noqa: SLF001 - vectors of words are kept, and asked for once
    app.nearby.wake, app.nearby.many = app.worker.nudge, app.worker.prepare


def _work(app: App) -> None:
    with app.ledger.transaction() as db:
        work.take_up(db, None, app.now(), gate=FIRST_LOOK)
    app.begin_today()
    chores = Chores(app)
    app.worker.run(until_idle=True, every=chores, rest=chores.rest)


if __name__ == "__main__":
    print(table(list(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))))
