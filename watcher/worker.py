"""Takes waiting photos through the rooms, in batches; patience, quarantine and shutdown live here.

One thread owns the ledger and runs `Worker.run`. Looking happens on an Executor, reading and writing places on
one thread beside it; both answer through the inbox, as the emitters do. Queues are bounded: no more is taken
than fits into the batches under way.
"""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Any

from metadata.errors import ChangedMeanwhile, PhotoError, PlaceClosed, Refused, TagwrightError, TryAgain, UserError
from metadata.memory import Context
from models.look import DescribeJob, Item, Known, Looked, LookJob, PlaceSpec, Spec, asked, describe, look
from watcher import moves, pages, rooms
from watcher.arrival import Arrival
from watcher.health import Pulse
from watcher.intake import Intake
from watcher.ledger import evidence, work
from watcher.ledger.store import Ledger, LedgerFault, fault
from watcher.ledger.work import Job
from watcher.losses import Losses
from watcher.rooms import CLOSED, FIRST_LOOK, MOVE, OPEN, Answer, Decision, House

log = logging.getLogger(__name__)

BUGS = 5
"""Internal errors one after the other after which a pass that is to end ends with the error."""
TAKEN = 4
"""Batches that are booked together."""
PROBE = 60.0
"""Seconds between two tries at a place that takes nothing."""
LOOK_DEADLINE, PLACE_DEADLINE = 120.0, 120.0
"""Seconds that a batch may take, and each photo of it besides a tenth of this, before it counts as stuck."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Who is asked about a photo, and how many photos make a batch."""

    taggers: tuple[Spec, ...] = ()
    local: tuple[Spec, ...] = ()
    captioner: Spec | None = None
    place: PlaceSpec | None = None
    floor: float = 0.25
    batch: int = 32
    workers: int = 2
    budget: int = 1 << 26

    def job(self, items: Sequence[Item], *, local: bool) -> LookJob:
        """The batch as plain data; `local`: only rules look that need nothing but the file."""
        return LookJob(tuple(items), self.local if local else self.taggers, self.floor, self.place, self.budget)


@dataclass(slots=True)
class Counts:
    """What was done since the start, in photos."""

    looked: int = 0
    delivered: int = 0
    written: int = 0
    failed: int = 0
    first: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Crew:
    """Who looks: an executor for all, one in a process of its own for suspects; and the clock (UTC seconds).

    `probe` are the seconds between two tries at a place that takes nothing. `look` is what the executor
    runs; the suspects' process always runs the plain one.
    """

    executor: Executor
    suspects: Callable[[], Executor]
    now: Callable[[], float] = time.time
    probe: float = PROBE
    look: Callable[[LookJob], list[Looked]] = look


@dataclass(frozen=True, slots=True)
class Done:
    """A batch that came back: what to do with its answer."""

    future: Future[Any]
    then: Callable[[Future[Any]], None]
    step: int


class Worker:
    """The walk of all photos; see the module."""

    def __init__(
        self, ledger: Ledger, house: House, looking: Looking, crew: Crew, *, intake: Intake | None, pulse: Pulse
    ) -> None:
        self.ledger, self.house, self.looking, self.intake = ledger, house, looking, intake
        self.counts = Counts()
        self.run_number = 0
        self.losses = Losses()
        self.inbox: queue.SimpleQueue[Arrival | Done | None] = queue.SimpleQueue()
        self._pulse, self._executor, self._suspects, self._now = pulse, crew.executor, crew.suspects, crew.now
        self._look_at, self._probe_pause = crew.look, crew.probe
        self._places = ThreadPoolExecutor(1, thread_name_prefix="places")
        self._looks: dict[Future[Any], list[Job]] = {}
        self._deliveries: dict[Future[Any], list[Job]] = {}
        self._ready: list[Job] = []
        self._moving: dict[int, tuple[str, int]] = {}
        self._clock = (self._now(), time.monotonic())
        self._bugs = 0
        self._probe_due = 0.0
        self._stopping = False

    # The loop

    def stop(self) -> None:
        """End cleanly: what is under way is finished or unbooked. May be called from a signal handler."""
        self._stopping = True
        self.inbox.put(None)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def tell(self, arrival: Arrival) -> None:
        """Take what an emitter says; called from its thread."""
        self.inbox.put(arrival)

    def run(
        self,
        *,
        until_idle: bool,
        every: Callable[[], None] = lambda: None,
        rest: Callable[[], bool] = lambda: False,
    ) -> None:
        """Work until `stop`, or until nothing is due any more and `rest` brings nothing new.

        `every` is called at least each second.
        """
        try:
            while not self._stopping:
                moved = self._round(every, give_up=until_idle)
                if not moved and until_idle and self.idle() and not rest():
                    break
                self._wait(0.0 if moved else self._pause())
        finally:
            self._end()

    def _round(self, every: Callable[[], None], *, give_up: bool) -> bool:
        """One turn with what is done besides. A bug is told and met again later, by a service ever less often."""
        try:
            moved = self.turn()
            every()
        except sqlite3.OperationalError as error:
            raise LedgerFault(fault(self.ledger.path, error)) from error
        except TagwrightError:
            raise
        except Exception:
            self._bugs += 1
            if give_up and self._bugs >= BUGS:
                raise
            log.exception("internal error; please report it")
            self._wait(min(60.0, 0.1 * 2.0**self._bugs))
            return True
        self._bugs = 0
        return moved

    def turn(self) -> bool:
        """One round of everything that does not wait; whether anything moved."""
        token = self._pulse.begin("ledger", 300.0, time.monotonic())
        self._set_clock()
        try:
            moved = self._drain()
            if self.intake is not None:
                moved = self.intake.walks() or moved
                moved = self.intake.settle() > 0 or moved
            self._probe()
            moved = self._arrived() or moved
            moved = self._submit() or moved
            return self._judge() or moved
        finally:
            self._pulse.end(token)

    def _set_clock(self) -> None:
        """Where the clock was put back, what is due goes back with it, and waits no longer than it was to."""
        before, self._clock = self._clock, (self._now(), time.monotonic())
        ahead = (self._clock[0] - before[0]) - (self._clock[1] - before[1])
        if ahead < -1.0:
            log.warning("the clock was put back by %.0f s", -ahead)
            with self.ledger.transaction() as db:
                work.shift(db, ahead)

    def settle_all(self) -> None:
        """Wait until every file that was found has come to rest, but not for one that goes on growing."""
        doors = self.intake.doors.values() if self.intake is not None else ()
        until = time.monotonic() + max(
            (10 * door.calm.settle + 2 * door.calm.cache_time for door in doors), default=0
        )
        while self.intake is not None and any(len(door.settling) for door in doors):
            if self._stopping or time.monotonic() > until:
                break
            if not self.intake.settle():
                self._wait(0.05)

    def only_look(self, photos: Sequence[int]) -> None:
        """Look at these photos, keep that evidence, and decide nothing."""
        for start in range(0, len(photos), self.looking.batch):
            jobs = self.unasked(work.jobs(self.ledger.db, photos[start : start + self.looking.batch]))
            if not jobs or self._stopping:
                continue
            with self.ledger.transaction() as db:
                work.book(db, jobs, self._now())
            for some in self._parted(jobs):
                self._looked_only(some, self._look_at(self._job(some)))

    def unasked(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of these photos that some source of today's settings was not asked about."""
        keys = {job.photo.id: (job.digest, evidence.own_key(job.photo.id)) for job in jobs}
        known = evidence.asked(self.ledger.db, [key for pair in keys.values() for key in pair if key is not None])
        nothing: frozenset[str] = frozenset()

        def is_open(job: Job) -> bool:
            digest, own = keys[job.photo.id]
            if job.look or digest is None:
                return True
            wanted = self._sources(local=bool(self._closed(job)))
            return not wanted <= known.get(digest, nothing) | known.get(own, nothing)

        return [job for job in jobs if is_open(job)]

    def _sources(self, *, local: bool) -> frozenset[str]:
        return asked(self.looking.local if local else self.looking.taggers, self.looking.place)

    def _looked_only(self, jobs: list[Job], answers: Sequence[Looked]) -> None:
        self._keep(jobs, answers)
        with self.ledger.transaction() as db:
            work.unbook(db, [job.photo.id for job in self._ready])
        self._ready = []

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        if self._looks or self._deliveries or self._ready or not self.inbox.empty():
            return False
        if self.intake is not None and any(self.intake.busy(name) for name in self.intake.doors):
            return False
        return self._nothing_due()

    def _nothing_due(self) -> bool:
        due = work.next_due(self.ledger.db)
        return due is None or due > self._now()

    def _pause(self) -> float:
        """Seconds until something is due by itself."""
        times = [1.0]
        if self.intake is not None:
            times.append(self.intake.next_due())
        due = work.next_due(self.ledger.db)
        if due is not None and not self._looks and not self._deliveries:
            times.append(max(0.0, due - self._now()))
        return min(times)

    def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            first = self.inbox.get(timeout=seconds)
        except queue.Empty:
            return
        self._take_in(first)

    def _drain(self) -> bool:
        moved = False
        for _ in range(5000):
            try:
                item = self.inbox.get_nowait()
            except queue.Empty:
                break
            self._take_in(item)
            moved = True
        return moved

    def _take_in(self, item: Arrival | Done | None) -> None:
        if isinstance(item, Arrival) and self.intake is not None:
            self.intake.arrived(item)
        elif isinstance(item, Done):
            self._pulse.end(item.step)
            if item.future in self._looks or item.future in self._deliveries:  # else it was called off
                self._finish(item)

    def _finish(self, item: Done) -> None:
        """Book what came back; a bug that is met there is this batch's alone, and its photos are tried later."""
        jobs = self._looks.get(item.future) or self._deliveries.get(item.future) or []
        try:
            item.then(item.future)
        except (UserError, LedgerFault):
            raise
        except Exception as error:
            log.exception("%d photos could not be booked", len(jobs))
            with self.ledger.transaction():
                for job in jobs:
                    self._failed(job, TryAgain(job.photo.file, f"internal error: {error!r}; please report it"))

    def finish_deliveries(self) -> None:
        """What is being decided and written comes to its end; what was to be next is put back.

        Before a person's command changes what was decided from.
        """
        self._put_back()
        while self._deliveries:
            self._take_in(self.inbox.get())

    def _put_back(self) -> None:
        if self._ready:
            with self.ledger.transaction() as db:
                work.unbook(db, [job.photo.id for job in self._ready])
            self._ready = []

    def _end(self) -> None:
        """Nothing new is begun; what reads is unbooked, what writes is finished and confirmed."""
        for future, jobs in list(self._looks.items()):
            if future.cancel():
                self._looks.pop(future)
                with self.ledger.transaction() as db:
                    work.unbook(db, [job.photo.id for job in jobs])
        while self._looks or self._deliveries:
            item = self.inbox.get()
            if isinstance(item, Done):
                self._take_in(item)
        self._put_back()

    def close(self) -> None:
        """No more work is done by this one."""
        self._places.shutdown()

    # Taking

    def _submit(self) -> bool:
        """Fill the batches under way; whether any was begun."""
        moved = self._submit_ready()
        while not self._stopping and len(self._looks) <= self.looking.workers and len(self._deliveries) < 2:
            jobs = self._take()
            if not jobs:
                break
            moved = True
            reading = [job for job in jobs if job.look]
            self._ready += [job for job in jobs if not job.look]
            for start in range(0, len(reading), self.looking.batch):
                for some in self._parted(reading[start : start + self.looking.batch]):
                    self._look(some, self._executor)
            self._submit_ready()
        return moved

    def _take(self) -> list[Job]:
        most = self.looking.batch
        if self._nothing_due():
            return []
        with self.ledger.transaction() as db:
            suspects = work.take(db, self._now(), most, suspects=True)
            if not suspects:
                return work.take(db, self._now(), TAKEN * most)
        for some in self._parted(suspects):
            self._alone(some)
        return []

    def _submit_ready(self) -> bool:
        if not self._ready or len(self._deliveries) >= 2:
            return False
        batch, self._ready = self._ready[: 4 * self.looking.batch], self._ready[4 * self.looking.batch :]
        batch = self._moved(self._waiting(batch))
        if batch:
            context = self.context()
            future = self._places.submit(rooms.decide, pages.of(self.ledger.db, batch), self.house, context)
            self._track(future, self._deliveries, batch, self._decided, "reading places", PLACE_DEADLINE)
        return True

    def _track(
        self,
        future: Future[Any],
        under_way: dict[Future[Any], list[Job]],
        jobs: list[Job],
        then: Callable[[Future[Any]], None],
        name: str,
        deadline: float,
    ) -> None:
        step = self._pulse.begin(name, deadline * (1 + len(jobs) / 10), time.monotonic())
        under_way[future] = jobs
        future.add_done_callback(lambda done: self.inbox.put(Done(done, then, step)))

    def context(self) -> Context:
        """The merge's surroundings at this moment."""
        return Context(self.ledger.id, self.run_number, self._now())

    # Look

    def _look(self, jobs: list[Job], executor: Executor) -> None:
        future = executor.submit(self._look_at, self._job(jobs))
        self._track(future, self._looks, jobs, self._looked, "looking", LOOK_DEADLINE)

    def _closed(self, job: Job) -> str:
        """Why nothing may be written beside this photo, or ""."""
        return self.intake.closed(job.photo.file) if self.intake is not None else ""

    def _parted(self, jobs: list[Job]) -> list[list[Job]]:
        """Photos that may be written, and those that may not: each asked differently."""
        shut = [job for job in jobs if self._closed(job)]
        parts = [[job for job in jobs if job not in shut] if shut else jobs, shut]
        return [part for part in parts if part]

    def _job(self, jobs: Sequence[Job]) -> LookJob:
        return self.looking.job(self._items(jobs), local=bool(self._closed(jobs[0])))

    def _waiting(self, jobs: list[Job]) -> list[Job]:
        """Photos that may be written; the others wait, and say for what."""
        shut = {job.photo.id: reason for job in jobs if (reason := self._closed(job))}
        if shut:
            with self.ledger.transaction() as db:
                for number, reason in shut.items():
                    work.wait(db, [number], reason)
        return [job for job in jobs if job.photo.id not in shut]

    def _items(self, jobs: Sequence[Job]) -> list[Item]:
        known = evidence.asked(self.ledger.db, [job.digest for job in jobs if job.digest is not None])
        return [
            Item(
                job.photo.id,
                job.photo.file,
                Known(job.digest, known.get(job.digest, frozenset())) if job.digest else None,
            )
            for job in jobs
        ]

    def _looked(self, future: Future[Any]) -> None:
        jobs = self._looks.pop(future)
        try:
            answers: list[Looked] = future.result()
        except UserError:
            raise
        except Exception:
            log.exception("a batch of %d photos could not be looked at; each is tried alone", len(jobs))
            self._alone(jobs)
            return
        self._keep(jobs, answers)

    def _keep(self, jobs: Sequence[Job], answers: Sequence[Looked]) -> None:
        kept: list[int] = []
        with self.ledger.transaction() as db:
            for job, answer in zip(jobs, answers, strict=True):
                if answer.error is not None or answer.digest is None or answer.facts is None:
                    self._failed(job, answer.error or PhotoError(job.photo.file, "nothing can be read from it"))
                else:
                    rooms.keep(db, job, answer, self.house.rules, self._now())
                    kept.append(job.photo.id)
            self.counts.looked += len(kept)
            fresh = work.jobs(db, kept)
        if self.looking.captioner is not None and fresh and not self._closed(fresh[0]):
            self._describe(fresh, self.looking.captioner)
        else:
            self._ready += fresh

    def _describe(self, jobs: list[Job], captioner: Spec) -> None:
        job = DescribeJob(tuple(self._items(jobs)), captioner, self.looking.budget)
        future = self._executor.submit(describe, job)
        self._track(future, self._looks, jobs, self._described, "describing", 10 * LOOK_DEADLINE)

    def _described(self, future: Future[Any]) -> None:
        """A caption that failed leaves the keywords alone; the photo says why."""
        jobs = self._looks.pop(future)
        answers: list[Looked] = future.result()
        with self.ledger.transaction() as db:
            for job, answer in zip(jobs, answers, strict=True):
                if answer.error is None and job.digest is not None:
                    rooms.keep_said(db, job, answer, self._now())
                elif answer.error is not None:
                    log.warning("%s", answer.error)
        self._ready += jobs

    def _alone(self, jobs: list[Job]) -> None:
        """Look at photos in a child process, halving the batch each time it dies, until the culprit is alone."""
        if not jobs:
            return
        step = self._pulse.begin("looking in a child process", LOOK_DEADLINE * (1 + len(jobs)), time.monotonic())
        try:
            with self._suspects() as executor:
                answers = executor.submit(look, self._job(jobs)).result()
        except (UserError, LedgerFault):
            raise
        except Exception as error:  # noqa: BLE001 - one of these photos, and it is looked for
            if len(jobs) == 1:
                died = isinstance(error, BrokenProcessPool)
                reason = "the decoder died" if died else f"internal error: {error!r}; please report it"
                with self.ledger.transaction():
                    self._failed(jobs[0], PhotoError(jobs[0].photo.file, reason))
                return
            half = len(jobs) // 2
            self._alone(jobs[:half])
            self._alone(jobs[half:])
            return
        finally:
            self._pulse.end(step)
        self._keep(jobs, answers)

    # Decide and deliver

    def _moved(self, jobs: list[Job]) -> list[Job]:
        """Photos that were moved follow their history; those that may have been are held for the next walk."""
        going: list[Job] = []
        with self.ledger.transaction() as db:
            for job in jobs:
                known = db.execute("SELECT 1 FROM memory WHERE photo = ?", (job.photo.id,)).fetchone()
                was = None if known else moves.before(db, job)
                if was is None:
                    going.append(job)
                elif was[1]:
                    going.append(moves.follow(db, was[0], job))
                elif job.gate == OPEN:
                    going.append(job)
                else:
                    work.hold(db, [job.photo.id], MOVE)
                    self._await_walk(job, was[0].root)
        return going

    def _await_walk(self, job: Job, root: str) -> None:
        """The photo waits until a walk that begins now has said whether the old one is gone."""
        known = self.intake is not None and root in self.intake.doors
        self._moving[job.photo.id] = (root, self.intake.walk_soon(root) if self.intake and known else 0)

    def _arrived(self) -> bool:
        """Let photos go for which that walk is over; whether there were any."""
        done = [
            number
            for number, (root, walk) in self._moving.items()
            if self.intake is None or self.intake.walked(root, walk)
        ]
        if not done:
            return False
        with self.ledger.transaction() as db:
            db.executemany(
                "UPDATE photos SET gate = ?, due = ? WHERE id = ? AND gate = ?",
                [(OPEN, self._now(), number, MOVE) for number in done],
            )
        for number in done:
            del self._moving[number]
        return True

    def _decided(self, future: Future[Any]) -> None:
        jobs = self._deliveries.pop(future)
        try:
            decisions: list[Decision] = future.result()
        except Exception as error:
            log.exception("%d photos could not be decided", len(jobs))
            self._one_by_one(jobs, error)
            return
        context = self.context()
        with self.ledger.transaction() as db:
            writing = [decision for decision in decisions if self._booked(decision, context)]
            ended = [decision.id for decision in writing if not decision.drafts]
            work.delivered(db, ended, self.house.stamp, self._now())
            self.counts.delivered += len(ended)
        drafted = [decision for decision in writing if decision.drafts]
        if drafted:
            future = self._places.submit(rooms.write, drafted, self.house.sinks)
            later = [decision.page.job for decision in drafted]
            then = self._confirmer(context)
            self._track(future, self._deliveries, later, then, "writing places", PLACE_DEADLINE)

    def _booked(self, decision: Decision, context: Context) -> bool:
        """Book what was decided, unless it has to wait or a place cannot be read."""
        db, job = self.ledger.db, decision.page.job
        gate = self._gate(decision)
        if gate == rooms.LOSS and decision.outcome.readings and not self._stopped_at(job):
            self.losses.hold(db, decision)
        elif gate:
            work.hold(db, [decision.id], gate)
        elif decision.errors and not decision.drafts:
            self._refused(decision, next(iter(decision.errors.values())))
        elif self._aside(decision):
            rooms.book(db, decision, context)
            work.set_aside(db, job.photo.id, self._aside(decision))
            self.counts.failed += 1
        else:
            rooms.book(db, decision, context)
            return True
        return False

    def _gate(self, decision: Decision) -> str:
        return rooms.LOSS if self._stopped_at(decision.page.job) else rooms.held(decision)

    def _stopped_at(self, job: Job) -> bool:
        root = job.photo.root
        return any((root, place) in self.house.stopped for place in self.house.places.get(root, ()))

    @staticmethod
    def _aside(decision: Decision) -> str:
        """Why every place leaves this photo alone, or ""."""
        steps = decision.outcome.steps.values()
        reasons = [step.memory.aside for step in steps if step.memory.aside]
        return reasons[0] if reasons and len(reasons) == len(steps) else ""

    def _one_by_one(self, jobs: list[Job], error: Exception) -> None:
        """A bug of ours met one of these photos: find it, set it aside, and go on with the rest."""
        if len(jobs) == 1:
            with self.ledger.transaction():
                self._failed(
                    jobs[0], PhotoError(jobs[0].photo.file, f"internal error: {error!r}; please report it")
                )
            return
        for job in jobs:
            future = self._places.submit(rooms.decide, pages.of(self.ledger.db, [job]), self.house, self.context())
            self._track(future, self._deliveries, [job], self._decided, "reading places", PLACE_DEADLINE)

    def _confirmer(self, context: Context) -> Callable[[Future[Any]], None]:
        return lambda future: self._written(future, context)

    def _written(self, future: Future[Any], context: Context) -> None:
        jobs = self._deliveries.pop(future)
        try:
            answers: list[tuple[Decision, str, Answer]] = future.result()
        except Exception as error:
            log.exception("%d photos could not be written", len(jobs))
            with self.ledger.transaction():
                for job in jobs:
                    self._failed(job, TryAgain(job.photo.file, f"internal error: {error!r}"))
            return
        failed: dict[int, tuple[Decision, TagwrightError]] = {}
        with self.ledger.transaction() as db:
            for decision, name, answer in answers:
                fault = rooms.confirm(db, decision, name, answer, context)
                if fault is not None:
                    failed[decision.id] = (decision, fault)
            done = list(dict.fromkeys(d.id for d, _, _ in answers if d.id not in failed and not d.errors))
            work.delivered(db, done, self.house.stamp, self._now())
            for decision, fault in failed.values():
                self._refused(decision, fault)
            for decision, _, _ in answers:
                if decision.errors and decision.id not in failed:
                    self._refused(decision, next(iter(decision.errors.values())))
            self._open_again([d.page.job for d, _, _ in answers if d.id in done and d.page.job.gate == CLOSED])
        self.counts.delivered += len(done)
        self.counts.written += len(answers) - len(failed)
        self.counts.first += done[: max(0, 1000 - len(self.counts.first))]

    def _open_again(self, probes: Sequence[Job]) -> None:
        """A place that took nothing took this: all that wait for it are due."""
        for root in {job.photo.root for job in probes}:
            self.ledger.db.execute("DELETE FROM stops WHERE root = ? AND place = 'closed'", (root,))
            work.release(self.ledger.db, [CLOSED], self._now(), root)

    def _refused(self, decision: Decision, error: TagwrightError) -> None:
        """A place did not take a photo: a state of the root, a matter of time, or this file's own fault."""
        db, job = self.ledger.db, decision.page.job
        if isinstance(error, PlaceClosed):
            work.hold(db, [decision.id], CLOSED)
            db.execute(
                "INSERT OR REPLACE INTO stops VALUES (?, 'closed', ?, ?)",
                (job.photo.root, str(error), self._now()),
            )
        elif isinstance(error, ChangedMeanwhile):
            work.soon(db, decision.id, self._now() + 1.0)
        else:
            self._failed(job, error)

    def _failed(self, job: Job, error: TagwrightError) -> None:
        """The photo's own fault sets it aside; anything else is tried again with growing patience."""
        reason = error.reason if isinstance(error, (PhotoError, TryAgain, Refused)) else str(error)
        where = "" if not isinstance(error, Refused) else os.fsdecode(error.path) + ": "
        if isinstance(error, (PhotoError, Refused)):
            work.set_aside(self.ledger.db, job.photo.id, where + reason)
            self.counts.failed += 1
            log.warning("set aside: %s: %s", os.fsdecode(job.photo.file), where + reason)
        else:
            work.later(self.ledger.db, job.photo.id, reason, job.attempts + 1, self._now())
            log.info("later: %s: %s", os.fsdecode(job.photo.file), reason)

    # What is judged when all is quiet

    def _judge(self) -> bool:
        """Judge losses of roots that are quiet, and let photos go that waited for a walk."""
        moved = False
        self.look_at_stops()
        if self._looks or self._deliveries or self._ready or not self._nothing_due():
            return False
        for root in self.losses.waiting():
            if self.intake is None or root not in self.intake.doors or not self.intake.busy(root):
                with self.ledger.transaction() as db:
                    moved = self.losses.judge(db, root, self._now()) or moved
        if self.losses.renamed - self.house.renamed:
            self.house = replace(self.house, renamed=frozenset(self.losses.renamed))
        self.look_at_stops()
        return moved

    def look_at_stops(self) -> None:
        """Know from now on which roots and places are stopped."""
        stops = rooms.stopped(self.ledger.db)
        if stops != self.house.stopped:
            self.house = replace(self.house, stopped=stops)

    def _probe(self) -> None:
        """Try a few photos of places that took nothing; when one goes through, all of its root do."""
        at = time.monotonic()
        if at < self._probe_due:
            return
        self._probe_due = at + self._probe_pause
        db = self.ledger.db
        for (root,) in db.execute("SELECT root FROM stops WHERE place = 'closed'").fetchall():
            with self.ledger.transaction():
                tried = db.execute(
                    "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder "
                    "WHERE photos.gate = ? AND folders.root = ? ORDER BY random() LIMIT 3",
                    (CLOSED, root),
                ).fetchall()
                if not tried:
                    db.execute("DELETE FROM stops WHERE root = ? AND place = 'closed'", (root,))
                work.again(db, [row[0] for row in tried], self._now())


def agreed(ledger: Ledger, root: str, now: float) -> int:
    """A person agreed to the first look of a root: what is held for it is due; how many photos that is."""
    with ledger.transaction() as db:
        db.execute("UPDATE roots SET agreed = ? WHERE name = ?", (now, root))
        return work.release(db, [FIRST_LOOK], now, root)
