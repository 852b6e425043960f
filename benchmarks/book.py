"""What the ledger and the merge cost where nothing is to be done, how large the ledger is, and walks against it.

The photos of the merge stand in a real ledger, with words of three sources each, and in a place in memory.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.arrival import bare_stats, library
from benchmarks.household import as_the_service
from benchmarks.table import Figure, in_turns
from metadata.choose import Rules
from metadata.memory import Context
from metadata.photo import Facts, Stat
from metadata.sinks import Seen
from metadata.sinks.memory import MemorySink
from metadata.tags import SUBJECT
from models.look import Evidence, Looked
from watcher import booking, deciding, keeping, pages, rooms
from watcher.ignore import Ignore
from watcher.immich_layout import ImmichLayout
from watcher.intake import Intake, Times
from watcher.ledger import files, store, work, writes
from watcher.ledger.store import Ledger
from watcher.ledger.work import Job
from watcher.rooms import House
from watcher.stable import Calm
from watcher.walk import walk

BATCH = 128
PER_SECOND, MEGABYTES = 20_000, 400
FACTS = Facts(
    format="JPEG", width=6000, height=4000, make="Example", model="EX-1", lens="24-70", iso=200, focal=35.0
)
SCENES = tuple((("scene", f"scene {number}"), 0.9 - number / 100) for number in range(200))


def said(number: int) -> tuple[Evidence, ...]:
    """What three sources say of a picture: a place, a tone, and twenty words of a model."""
    town = (("Places", "Norway", f"town {number % 997}"), 1.0)
    fields = (("photoshop:City", f"town {number % 997}"), ("photoshop:Country", "Norway"))
    start = number * 7 % 180
    return (
        Evidence("place", "1", (town,), fields, of_file=True),
        Evidence("monochrome", "1", ((("black and white",), 0.8),) if number % 9 == 0 else ()),
        Evidence("model", "1", SCENES[start : start + 20]),
    )


def inside(number: int) -> Seen:
    """What stands inside the photo itself: a third hold a person's words and caption."""
    if number % 3:
        return Seen(exists=True, digest=b"")
    words = (f"person {number % 83}", "family", "garden")
    return Seen(
        exists=True, digest=number.to_bytes(16, "big"), lists={SUBJECT: words}, texts={"dc:description": "A day"}
    )


@contextmanager
def filled(photos: int) -> Iterator[tuple[Ledger, House, float]]:
    """A ledger with so many photos, all delivered, and the seconds that booking and delivering took."""
    with tempfile.TemporaryDirectory(prefix="tagwright-benchmark-") as made:
        ledger = store.open_for_writing(Path(made))
        house = House({"memory": MemorySink()}, {"tree": ("memory", rooms.EMBEDDED)}, Rules(most=8), "stamp")
        with ledger.transaction() as db:
            files.root(db, "tree", b"/tree", agreed=1.0)
            run = writes.begin(db, "benchmark", 1.0)
            for number in range(photos):
                folder = files.folder(db, "tree", b"%04d" % (number // 100))
                files.photo(db, folder, b"IMG_%06d.jpg" % number, Stat(number, 1, 1, number), now=1.0)
        began = time.perf_counter()
        ids = list(range(1, photos + 1))
        for start in range(0, photos, BATCH):
            _deliver(ledger, house, ids[start : start + BATCH], Context(ledger.id, run, 2.0))
        yield ledger, house, time.perf_counter() - began
        ledger.close()


def _looked(job: Job) -> Looked:
    number = job.photo.id
    return Looked(number, number.to_bytes(16, "big"), FACTS, job.stat, said(number), inside(number))


def _deliver(ledger: Ledger, house: House, ids: list[int], context: Context) -> None:
    with ledger.transaction() as db:
        looks = [(job, _looked(job)) for job in work.jobs(db, ids)]
        keeping.keep(db, looks, lambda _: house.rules, context.now)
    decisions = deciding.decide(pages.of(ledger.db, work.jobs(ledger.db, ids)), house, context)
    with ledger.transaction() as db:
        for decision in decisions:
            booking.book(db, decision, context)
    with ledger.transaction() as db:
        for decision, name, answer in booking.write(decisions, house.sinks):
            assert booking.confirm(db, decision, name, answer, context) is None
        work.delivered(db, ids, house.stamp, context.now)


def idle_pass(ledger: Ledger, house: House, photos: int) -> tuple[float, float]:
    """Decide for all photos again, and book it; seconds, and seconds of a core."""
    context = Context(ledger.id, 1, 3.0)
    began, used = time.perf_counter(), time.process_time()
    for start in range(1, photos + 1, BATCH):
        ids = list(range(start, min(start + BATCH, photos + 1)))
        decisions = deciding.decide(pages.of(ledger.db, work.jobs(ledger.db, ids)), house, context)
        assert not any(decision.drafts for decision in decisions)
        with ledger.transaction(lasting=not all(one.rests for one in decisions)) as db:
            for decision in decisions:
                booking.book(db, decision, context)
            work.delivered(db, ids, house.stamp, context.now)
    return time.perf_counter() - began, time.process_time() - used


def merge(photos: int) -> list[Figure]:
    """Passes in which nothing is to be done, and the ledger's size."""
    with as_the_service(), filled(photos) as (ledger, house, delivering):
        first = photos / idle_pass(ledger, house, photos)[0]
        passes = [idle_pass(ledger, house, photos) for _ in range(5)]
        later, core = (photos / statistics.median(each) for each in zip(*passes, strict=True))
        ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = os.path.getsize(ledger.path) / 1e6
    scaled = size * 100_000 / photos
    text = (
        f"{later:,.0f}/s, {core:,.0f} a second of one core (the first time after delivery {first:,.0f}/s; "
        f"delivered at {photos / delivering:,.0f}/s)"
    )
    return [
        Figure(
            f"merge and ledger, {photos} photos, nothing to do", f">= {PER_SECOND}/s", text, later >= PER_SECOND
        ),
        Figure(
            "ledger of 100,000 photos with three sources",
            f"< {MEGABYTES} MB",
            f"{scaled:.0f} MB" + (f" (from {photos})" if photos != 100_000 else ""),
            scaled < MEGABYTES,
        ),
    ]


def _complain(path: bytes, error: OSError) -> None:
    raise AssertionError(path) from error


def walks(photos: int, rounds: int) -> list[Figure]:
    """Full walks: the bare one, ours, and ours with every file compared with the ledger."""
    with as_the_service(), tempfile.TemporaryDirectory(prefix="tagwright-benchmark-") as made:
        base = os.fsencode(made) + b"/tree"
        library(base, photos, max(1, photos // 100))
        ledger = store.open_for_writing(Path(made) / "state")
        again = _walker(ledger, base)
        time.sleep(1.2)  # what is younger waits for its rest
        again()
        bare, walking, whole = in_turns(
            lambda: bare_stats(base),
            lambda: sum(1 for _ in walk(base, Ignore(), on_error=_complain)),
            again,
            rounds=rounds,
        )
        found = _rewritten(ledger, base, again)
        ledger.close()
    text = f"{walking / bare:.2f}x; {whole / bare:.2f}x with every file compared with the ledger ({whole:.2f} s)"
    return [
        Figure(
            f"full walk of {photos} photos and sidecars / scandir + stat", "<= 1.5x", text, whole / bare <= 1.5
        ),
        Figure("a sidecar rewritten in place is found by the first walk", "yes", "yes" if found else "no", found),
    ]


def _walker(ledger: Ledger, base: bytes) -> Callable[[], None]:
    intake = Intake(ledger, ImmichLayout(), Times(3600.0, 60.0), time.time)
    intake.add("tree", base, Ignore(), Calm(0.5, 600.0, 2.0, 0.0), agreed=True, backlog=True)

    def again() -> None:
        intake.doors["tree"].full_due = 0.0
        while intake.walks():
            pass

    return again


def _rewritten(ledger: Ledger, base: bytes, again: Callable[[], None]) -> bool:
    """Rewrite a sidecar without touching its folder's time, and set its own time back."""
    ledger.db.execute("UPDATE photos SET due = NULL, state = 'delivered'")
    path = next(
        os.path.join(where, name) for where, _, names in os.walk(base) for name in names if name.endswith(b".xmp")
    )
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    time.sleep(1.2)
    again()
    due = ledger.db.execute("SELECT name FROM photos WHERE due IS NOT NULL").fetchall()
    return [name for (name,) in due] == [os.path.basename(path)[: -len(b".xmp")]]
