"""Has photos described by models that answer over HTTP, beside all other work: as many at once as hosts take.

A photo is asked about once its keywords stand everywhere; what the model says then makes it due again. Nothing is
queued: whatever picture this source said nothing of is found in the ledger, so no restart loses one. A photo whose
answers are of no use is not asked about again before `scan --again`; an unreachable server is nobody's fault.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from metadata.errors import PhotoError, TryAgain, UserError
from metadata.photo import Facts, Photo
from models import look
from models.look import DescribeJob, Evidence, Item, Looked
from models.protocols import Captioner
from watcher import keeping, privacy, siblings
from watcher.ledger import evidence, facts, work
from watcher.ledger.evidence import STALE
from watcher.ledger.files import marks
from watcher.ledger.work import PATIENCE, Job

if TYPE_CHECKING:
    from watcher.desk import Desk

log = logging.getLogger(__name__)

AHEAD = 2
"""Photos that are read and decoded while all slots are taken, at least; else half as many as slots."""
AGAIN = 600.0
"""Seconds between two looks for photos that nobody told us of."""
SHARE = 20.0
"""How many times longer than such a look took nothing is looked for."""
SWEPT, ALL_SWEPT = 32, 500
"""Files of pictures that are looked up at each such look, and at one that came to its end: are they needed?"""
DEADLINE = 3600.0
"""Seconds that one photo may take with all its tries before it counts as stuck."""
FAULT = "fault"
"""The text of evidence that says why there is none."""


class Describer:
    """The lane of one captioner. Belongs to the thread that owns the ledger; asks from threads of its own."""

    def __init__(self, desk: Desk, items: Callable[[Sequence[Job]], list[Item]]) -> None:
        self._desk, self._items = desk, items
        self._gate = threading.BoundedSemaphore(max(1, desk.looking.workers))
        self._threads: ThreadPoolExecutor | None = None
        self._captioner: Captioner | None = None
        self._under_way: dict[int, bytes] = {}
        self._resting: dict[int, tuple[float, int]] = {}
        self._cursor: int | None = None
        self._seen = -1
        self._looked_at = 0.0
        self._next = 0.0
        self._paused = 0.0

    def standing(self) -> list[tuple[str, bool, int, int]]:
        """How the model's hosts do (`models.hosts`); nothing where there are none. From any thread."""
        told = getattr(self._captioner, "standing", None)
        return list(told()) if told is not None else []

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way, and nobody is known who could be asked about now."""
        if self._desk.looking.asked is None:
            return True
        ended = self._cursor is None and self._seen == self._desk.counts.delivered
        return not self._under_way and (ended or self._rests())

    def submit(self) -> bool:
        """Begin to ask about as many photos as there is room for; whether any was begun."""
        if self._desk.looking.asked is None or self._rests():
            return False
        room = self._room() - len(self._under_way)
        if room <= 0 or not self._due():
            return False
        jobs = self._found(room)
        known = facts.of(self._desk.ledger.db, [job.photo.id for job in jobs])
        for job, item in zip(jobs, self._furnished(jobs), strict=True):
            self._begin(job, item, known[job.photo.id])
        return bool(jobs)

    def close(self) -> None:
        """End what is under way; it is asked anew by the next who runs."""
        if self._captioner is not None:
            look.forget()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        self._captioner = self._threads = None
        self._under_way.clear()
        self._desk.descriptions.clear()

    # Whom

    def _rests(self) -> bool:
        return time.monotonic() < self._paused

    def _room(self) -> int:
        if self._captioner is None:
            assert self._desk.looking.asked is not None
            self._captioner = look.captioner_of(self._desk.looking.asked)
            self._desk.prints.want(self._captioner.name, getattr(self._captioner, "print", None))
        slots = int(getattr(self._captioner, "slots", 1))
        return slots + max(AHEAD, slots // 2)

    def _due(self) -> bool:
        """Whether the ledger is to be searched: it was not to its end, something was delivered, or time is up."""
        now = time.monotonic()
        if self._seen != self._desk.counts.delivered and now >= self._next:
            self._cursor = None  # what came last is asked about first
            return True
        return self._cursor is not None or now >= self._looked_at + AGAIN

    def _found(self, room: int) -> list[Job]:
        """Up to so many photos that are to be asked about: those with prints, then all others, newest first."""
        start = time.monotonic()
        found = self._printed(room)
        if len(found) < room:
            found += self._others(room - len(found), [job.digest for job in found if job.digest is not None])
        self._sweep()
        taken = time.monotonic() - start
        self._next = time.monotonic() + SHARE * taken
        return found

    def _printed(self, room: int) -> list[Job]:
        """Photos with prints; those of photos that nobody is to be asked about are dropped."""
        db, prints = self._desk.ledger.db, self._desk.prints
        there = _delivered(db, prints.photos())
        if not there:
            return []
        rows = _undescribed(db, self._source(), None, len(there), there)
        found = self._askable(work.jobs(db, rows))
        spared = {*(job.photo.id for job in found), *self._under_way, *self._resting}
        for job in work.jobs(db, [number for number in there if number not in spared]):
            prints.drop(job.digest or b"")
        return found[:room]

    def _others(self, room: int, besides: Sequence[bytes]) -> list[Job]:
        """Photos from where the last search ended, but of these pictures."""
        found: list[Job] = []
        if self._cursor is None:
            self._seen, self._looked_at = self._desk.counts.delivered, time.monotonic()
        while len(found) < room:
            rows = _undescribed(self._desk.ledger.db, self._source(), self._cursor, 4 * room)
            self._cursor = rows[-1] if rows else None
            more = self._askable(work.jobs(self._desk.ledger.db, rows), besides)
            if len(found) + len(more) > room:
                self._cursor = more[room - len(found)].photo.id + 1
            found += more[: room - len(found)]
            if not rows:
                break
        return found

    def _source(self) -> str:
        assert self._captioner is not None
        return self._captioner.name

    def _askable(self, jobs: list[Job], besides: Sequence[bytes] = ()) -> list[Job]:
        """Those of them that are not under way, resting, shut, or to be seen by nobody; one of each picture."""
        now = self._desk.now()
        known = {*self._under_way.values(), *besides}
        found: list[Job] = []
        for job in jobs:
            rests = self._resting.get(job.photo.id, (0.0, 0))[0] > now
            if job.digest is None or job.digest in known or rests or self._desk.closed(job):
                continue
            known.add(job.digest)
            found.append(job)
        found = self._one_of_each(found, known)
        private = self._private(found)
        return [job for job in found if job.photo.id not in private]

    def _private(self, jobs: Sequence[Job]) -> frozenset[int]:
        """Those that this captioner is not to see; small pictures of them are dropped."""
        rules = self._desk.looking.private
        if not jobs or not getattr(self._captioner, "away", False) or rules == privacy.Rules():
            return frozenset()
        private = privacy.known(self._desk.ledger.db, jobs, rules).private
        for job in jobs:
            if job.photo.id in private and job.digest is not None:
                self._desk.prints.drop(job.digest)
        return frozenset(private)

    def _sweep(self) -> None:
        """Look at some files of small pictures, in turn, whether they are still needed."""
        db = self._desk.ledger.db
        left = self._desk.prints.sweep(db, SWEPT if self._cursor is not None else ALL_SWEPT)
        query = f"SELECT id FROM photos WHERE digest IN ({marks(left)}) AND gone IS NULL"  # noqa: S608 - question marks
        self._private(work.jobs(db, [row[0] for row in db.execute(query, left)]) if left else [])

    def _one_of_each(self, jobs: list[Job], known: set[bytes]) -> list[Job]:
        """One photo of each set and burst; what was said of another of it before holds for these as well."""
        db, found = self._desk.ledger.db, []
        mates = siblings.mates(db, [job.photo.id for job in jobs])
        if not mates:
            return jobs
        asked = known - {job.digest for job in jobs}
        for job in jobs:
            others = [digest for _, digest in mates.get(job.photo.id, ())]
            if asked.intersection(others) or self._said_before(job, others):
                continue
            assert job.digest is not None
            asked.add(job.digest)
            found.append(job)
        return found

    def _said_before(self, job: Job, others: Sequence[bytes]) -> bool:
        """Keep for a photo what its source said of one that shows the same; whether there was any."""
        assert job.digest is not None
        found = evidence.of(self._desk.ledger.db, [job.digest, *others])
        mine = found.pop(job.digest)
        said = [one for some in found.values() for one in some]
        fresh = [one for one in said if one.source == self._source() and not one.version.startswith(STALE)]
        if not fresh or any(one.source == self._source() for one in mine):  # it is to be asked about again
            return False
        with self._desk.ledger.transaction() as db:
            evidence.keep(db, job.digest, fresh[:1], self._desk.now())
            work.again(db, [job.photo.id], self._desk.now())
        return True

    def _furnished(self, jobs: Sequence[Job]) -> list[Item]:
        if not jobs:
            return []
        known = privacy.known(self._desk.ledger.db, jobs, self._desk.looking.private)
        return [
            self._desk.prints.with_prints(
                replace(item, hints=known.hints[item.id], private=item.id in known.private)
            )
            for item in self._items(jobs)
        ]

    # Asking

    def _begin(self, job: Job, item: Item, said: Facts) -> None:
        assert self._desk.looking.asked is not None
        assert job.digest is not None
        self._threads = self._threads or ThreadPoolExecutor(self._room(), thread_name_prefix="describe")
        looking, prints = self._desk.looking, self._desk.prints.wish
        task = DescribeJob((item,), self._desk.looking.asked, looking.budget, prints)
        future = self._threads.submit(self._ask, task, said)
        self._under_way[job.photo.id] = job.digest
        self._desk.track(future, self._desk.descriptions, [job], self._described, "describing", DEADLINE)

    def _ask(self, task: DescribeJob, said: Facts) -> list[Looked]:
        task = replace(task, photos=(self._desk.prints.from_file(task.photos[0], said),))
        if task.photos[0].remote and not task.photos[0].prints:
            return self._desk.crew.describe(task)
        return look.describe(task, gate=self._gate)

    def _described(self, future: Future[Any]) -> None:
        (job,) = self._desk.descriptions.pop(future)
        self._under_way.pop(job.photo.id, None)
        try:
            (answer,) = future.result()
        except UserError:
            raise
        except Exception as bug:
            log.exception("%s could not be described", job.photo.file)
            answer = Looked(
                job.photo.id, error=TryAgain(job.photo.file, f"internal error: {bug!r}; please report it")
            )
        error = answer.error
        if error is None and answer.digest == job.digest:
            self._resting.pop(job.photo.id, None)
            self._keep(job, answer)
        elif isinstance(error, PhotoError):
            log.warning("not described: %s", error)
            self._keep(job, self._fault(job, answer, error.reason))
        else:
            self._later(job.photo, error or TryAgain(job.photo.file, "it changed meanwhile"))

    def _keep(self, job: Job, answer: Looked) -> None:
        """Remember it for the picture; all photos that show it, or are of its set or burst, are decided anew."""
        assert job.digest is not None
        self._desk.prints.drop(job.digest)
        with self._desk.ledger.transaction() as db:
            keeping.keep_said(db, job, answer, self._desk.now())
            self._share(db, job)
            rows = db.execute("SELECT id FROM photos WHERE digest = ? AND gone IS NULL", (job.digest,)).fetchall()
            work.again(db, [row[0] for row in rows], self._desk.now())

    def _share(self, db: sqlite3.Connection, job: Job) -> None:
        """What was said of one holds for all that show the same, and of which nothing was said."""
        if (others := siblings.mates(db, [job.photo.id]).get(job.photo.id)) and job.digest is not None:
            digests = dict.fromkeys(digest for _, digest in others)
            source = self._source()
            mine = [one for one in evidence.of(db, [job.digest])[job.digest] if one.source == source]
            for digest, said in evidence.of(db, list(digests)).items():
                if not any(one.source == source and not one.version.startswith(STALE) for one in said):
                    evidence.keep(db, digest, mine, self._desk.now())
            work.again(db, [number for number, _ in others], self._desk.now())

    def _fault(self, job: Job, answer: Looked, reason: str) -> Looked:
        assert self._captioner is not None
        said = Evidence(self._captioner.name, self._captioner.version, texts=((FAULT, reason),))
        return replace(answer, id=job.photo.id, evidence=(said,))

    def _later(self, photo: Photo, error: TryAgain) -> None:
        """Where no host answers all wait; what else may pass is this photo's alone, with growing patience."""
        wait = getattr(error, "wait", None)
        if wait is not None:
            if not self._rests():
                log.warning("%s; nothing is described until one answers", error.reason)
            self._paused = time.monotonic() + min(wait, AGAIN)
            self._cursor, self._looked_at = None, -math.inf
            return
        tries = self._resting.get(photo.id, (0.0, 0))[1] + 1
        pause = PATIENCE[min(tries, len(PATIENCE)) - 1]
        self._resting[photo.id] = (self._desk.now() + pause, tries)
        log.info("described later: %s", error)


def _delivered(db: sqlite3.Connection, photos: Sequence[int]) -> list[int]:
    """Those of these photos that are delivered."""
    query = f"SELECT id FROM photos WHERE id IN ({marks(photos)}) AND state = 'delivered' AND look = 0"  # noqa: S608 - question marks
    return [row[0] for row in db.execute(query, photos)] if photos else []


def _undescribed(
    db: sqlite3.Connection, source: str, below: int | None, most: int, of: Sequence[int] | None = None
) -> list[int]:
    """Numbers of delivered photos (`of` these) of whose picture this source said nothing, the newest first."""
    those = "" if of is None else f"AND photos.id IN ({marks(of)}) "
    rows = db.execute(
        "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder "  # noqa: S608 - question marks
        f"JOIN roots ON roots.name = folders.root WHERE photos.id < ? {those}AND photos.state = 'delivered' "
        "AND photos.look = 0 AND photos.digest IS NOT NULL AND photos.gone IS NULL AND roots.waits = '' "
        "AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.digest = photos.digest "
        "AND evidence.source = ? AND substr(evidence.version, 1, 1) != ?) ORDER BY photos.id DESC LIMIT ?",
        (1 << 62 if below is None else below, *(of or ()), source, STALE, most),
    )
    return [row[0] for row in rows]
