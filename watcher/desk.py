"""What the looker, the deliverer and the worker share: the ledger's thread, what is under way, who looks."""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from metadata.errors import PhotoError, Refused, TagwrightError, TryAgain
from metadata.fields import Skip
from metadata.memory import Context
from metadata.photo import Photo
from metadata.tags import fold
from models.look import DescribeJob, Item, Looked, LookJob, PlaceSpec, Spec, describe, look
from watcher import privacy, spool
from watcher.afar import Afar
from watcher.arrival import Arrival
from watcher.deciding import surrounded
from watcher.hands import Hands
from watcher.health import Pulse
from watcher.intake import Intake
from watcher.ledger import work
from watcher.ledger.store import Ledger
from watcher.ledger.work import Job
from watcher.prints import Prints
from watcher.rooms import EMBEDDED, House
from watcher.spool import Spool

log = logging.getLogger(__name__)

PROBE = 60.0
"""Seconds between two tries at a place that takes nothing."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Who is asked about a photo, and how many photos make a batch.

    `captioner` describes as part of a look, `asked` is one that servers answer for, beside all else
    (`watcher.describer`); `private` says what these may not see, `prints` how many bytes of small pictures are
    kept for it in memory, `spool` in files. `vectors` is the tagger whose model makes vectors of pictures, which
    are compared later.
    """

    taggers: tuple[Spec, ...] = ()
    local: tuple[Spec, ...] = ()
    captioner: Spec | None = None
    asked: Spec | None = None
    private: privacy.Rules = privacy.Rules()  # noqa: RUF009 - frozen
    place: PlaceSpec | None = None
    floor: float = 0.25
    batch: int = 32
    workers: int = 2
    budget: int = 1 << 26
    prints: int = 1 << 24
    spool: int = 0
    vectors: Spec | None = None

    def job(self, items: Sequence[Item], *, local: bool) -> LookJob:
        """The batch as plain data; `local`: only rules look that need nothing but the file."""
        if local:
            return LookJob(tuple(items), self.local, self.floor, self.place, self.budget)
        return LookJob(
            *(tuple(items), self.taggers, self.floor, self.place, self.budget),
            captioner=self.captioner,
            vectors=self.vectors,
        )


class Guests(Protocol):
    """What a server says of the photos that it has: whether they may be looked at, and whether it is there."""

    def permit(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of these photos that may be looked at and written; the others were made to wait."""
        ...

    def away(self, job: Job) -> str:
        """Why this photo cannot be delivered now, or ""."""
        ...

    def is_away(self, error: TagwrightError) -> bool:
        """Whether an error says that the server does not answer, which is no photo's fault."""
        ...

    def pause(self, error: TagwrightError) -> float:
        """Seconds after which a server is tried again that has too much to do; 0 for other errors."""
        ...

    def doubt(self, photo: Photo) -> float:
        """A write went wrong in a way that may have changed with its mount: seconds until it is known; else 0."""
        ...

    def remote(self, photo: Photo) -> str:
        """What the server calls a photo that lies in no folder here, or ""."""
        ...

    def previews(self, jobs: Sequence[Job]) -> dict[int, bytes]:
        """Smaller pictures of these photos, by number, where there are some."""
        ...


class Nobody:
    """There is no server."""

    def permit(self, jobs: Sequence[Job]) -> list[Job]:
        """All of them."""
        return list(jobs)

    def away(self, job: Job) -> str:  # noqa: ARG002 - as the protocol has it
        """Never."""
        return ""

    def is_away(self, error: TagwrightError) -> bool:  # noqa: ARG002 - as above
        """Never."""
        return False

    def pause(self, error: TagwrightError) -> float:  # noqa: ARG002 - as above
        """Never."""
        return 0.0

    def doubt(self, photo: Photo) -> float:  # noqa: ARG002 - as above
        """Never."""
        return 0.0

    def remote(self, photo: Photo) -> str:  # noqa: ARG002 - as above
        """None is."""
        return ""

    def previews(self, jobs: Sequence[Job]) -> dict[int, bytes]:  # noqa: ARG002 - as above
        """There are none."""
        return {}


@dataclass(slots=True)
class Counts:
    """What was done since the start, in photos."""

    looked: int = 0
    delivered: int = 0
    written: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Crew:
    """Who looks: hands for all, an executor of its own for suspects; and the clock (UTC seconds).

    `probe` are the seconds between two tries at a place that takes nothing. `look` is what the threads
    run; processes always run the plain one. `afar` decides in these processes, where the places allow that.
    """

    hands: Hands
    suspects: Callable[[], Executor]
    now: Callable[[], float] = time.time
    probe: float = PROBE
    look: Callable[[LookJob], list[Looked]] = look
    describe: Callable[[DescribeJob], list[Looked]] = describe
    afar: Afar | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A batch that came back: what to do with its answer."""

    future: Future[Any]
    then: Callable[[Future[Any]], None]
    step: int


class Desk:
    """The state of a walk. Everything but `inbox` belongs to the thread that owns the ledger.

    `looks` and `deliveries` are the batches under way, `ready` the photos that wait for a decision.
    """

    def __init__(
        self, ledger: Ledger, house: House, looking: Looking, crew: Crew, *, intake: Intake | None, pulse: Pulse
    ) -> None:
        self.ledger, self.house, self.looking, self.crew = ledger, house, looking, crew
        self.intake, self.pulse, self.now = intake, pulse, crew.now
        self.counts = Counts()
        self.guests: Guests = Nobody()
        self.marker = ""
        self.run_number = 0
        self.unconfirmed: set[int] = set()
        """Photos of which an earlier process left a write open, and nobody could tell yet what became of it."""
        self.inbox: queue.SimpleQueue[Arrival | Done | None] = queue.SimpleQueue()
        self.places = ThreadPoolExecutor(1, thread_name_prefix="places")
        self._pens = ThreadPoolExecutor(1, thread_name_prefix="pens")
        self.looks: dict[Future[Any], list[Job]] = {}
        self.descriptions: dict[Future[Any], list[Job]] = {}
        self.deliveries: dict[Future[Any], list[Job]] = {}
        self.ready: list[Job] = []
        self.prints = Prints(looking.prints, Spool(ledger.path.parent / spool.NAME, looking.spool))

    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not (self.looks or self.deliveries or self.ready)

    def context(self) -> Context:
        """The merge's surroundings at this moment."""
        made = surrounded(Context(self.ledger.id, self.run_number, self.now()), self.house.rules)
        if self.marker:
            made = replace(made, skip=Skip().programs | {fold(self.marker.partition("/")[0])})
        return made

    def pens(self) -> Executor:
        """Where places are written: beside the reading of others, except through one exiftool."""
        return self.places if EMBEDDED in self.house.sinks else self._pens

    def close(self) -> None:
        """No more work."""
        self.places.shutdown()
        self._pens.shutdown()
        self.prints.close()

    def track(
        self,
        future: Future[Any],
        under_way: dict[Future[Any], list[Job]],
        jobs: list[Job],
        then: Callable[[Future[Any]], None],
        name: str,
        deadline: float,
    ) -> None:
        """Something is under way: the watchdog waits for it, and `then` hears of it in the ledger's thread."""
        step = self.pulse.begin(name, deadline * (1 + len(jobs) / 10), time.monotonic())
        under_way[future] = jobs
        future.add_done_callback(lambda done: self.inbox.put(Done(done, then, step)))

    def closed(self, job: Job) -> str:
        """Why nothing may be written beside this photo, or ""."""
        return self.intake.closed(job.photo.file) if self.intake is not None else ""

    def failed(self, job: Job, error: TagwrightError) -> None:
        """The photo's own fault sets it aside; anything else is tried again with growing patience."""
        reason = error.reason if isinstance(error, (PhotoError, TryAgain, Refused)) else str(error)
        where = "" if not isinstance(error, Refused) else os.fsdecode(error.path) + ": "
        if isinstance(error, (PhotoError, Refused)):
            work.set_aside(self.ledger.db, job.photo.id, where + reason)
            self.counts.failed += 1
            log.warning("set aside: %s: %s", os.fsdecode(job.photo.file), where + reason)
        else:
            work.later(self.ledger.db, job.photo.id, reason, job.attempts + 1, self.now())
            log.info("later: %s: %s", os.fsdecode(job.photo.file), reason)

    def put_back(self) -> None:
        """Unbook what waits for a decision."""
        if self.ready:
            with self.ledger.transaction() as db:
                work.unbook(db, [job.photo.id for job in self.ready])
            self.ready = []
