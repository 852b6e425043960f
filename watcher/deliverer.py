"""Has photos decided and delivered: a thread reads places, one writes; the ledger hears before and after."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from metadata.errors import AtWork, ChangedMeanwhile, PhotoError, PlaceClosed, Refused, TagwrightError, TryAgain
from metadata.memory import Context
from metadata.sinks import Seen
from watcher import booking, deciding, moves, pages, rooms, unconfirmed
from watcher.afar import joined
from watcher.desk import Desk
from watcher.ledger import work, writes
from watcher.ledger.work import Job
from watcher.ledger.writes import Write
from watcher.losses import Losses
from watcher.pages import Page
from watcher.rooms import CLOSED, MIRROR, MOVE, OPEN, Answer, Decision
from watcher.unconfirmed import Stood

log = logging.getLogger(__name__)

UNDER_WAY = 4
"""Batches that are decided or written at once."""
PLACE_DEADLINE = 120.0
"""Seconds that a batch may take, and each photo of it besides a tenth of this, before it counts as stuck."""


class Deliverer:
    """Rooms four and five: choose and merge, deliver."""

    def __init__(self, desk: Desk, losses: Losses) -> None:
        self._desk, self._losses = desk, losses
        self._moving: dict[int, tuple[str, int]] = {}
        self._moves = moves.Search()
        self._probe_due = 0.0
        self._near = 0
        self._answers_afar = False

    @property
    def room(self) -> int:
        """How many batches may be under way: one more for each process that does nothing else."""
        return UNDER_WAY + self._desk.crew.hands.deciders

    def prepare(self) -> None:
        """Many photos come that nobody has to look at: processes to decide them start now."""
        afar, hands = self._desk.crew.afar, self._desk.crew.hands
        if afar is None or self._desk.house.both is not None or hands.to_decide() is None:
            return
        self._answers_afar = False
        for _ in range(hands.deciders):
            self._sent(lambda pool: afar.warm(pool, self._desk.house))

    def submit(self) -> bool:
        """Begin to decide what is ready, a few batches at a time; whether any was begun."""
        most = 4 * self._desk.looking.batch
        if not self._desk.ready or len(self._desk.deliveries) >= self.room:
            return False
        if len(self._desk.ready) < most and self._desk.deliveries and self._desk.looks:
            return False  # more is coming, and several at once cost less
        batch, self._desk.ready = (
            self._desk.ready[:most],
            self._desk.ready[most:],
        )
        batch = self._moved(self._waiting(batch))
        open_ = [job for job in batch if job.photo.id in self._desk.unconfirmed]
        if open_:
            self._settle(open_)
        if rest := [job for job in batch if job not in open_]:
            self._decide(rest)
        return True

    def _settle(self, jobs: list[Job]) -> None:
        """Find out first what became of writes that an earlier process left open; then decide."""
        open_ = writes.open_of(self._desk.ledger.db, [job.photo.id for job in jobs])
        photos = {job.photo.id: job.photo for job in jobs}
        future = self._desk.places.submit(unconfirmed.stood, open_, photos, self._desk.house.sinks)

        def then(future: Future[Any]) -> None:
            self._desk.deliveries.pop(future)
            self._settled(jobs, open_, future.result())

        self._desk.track(future, self._desk.deliveries, jobs, then, "reading places", PLACE_DEADLINE)

    def _settled(self, jobs: list[Job], open_: Sequence[Write], answers: Sequence[Stood]) -> None:
        with self._desk.ledger.transaction() as db:
            left = {one.photo for one in unconfirmed.settle(db, open_, answers, self._desk.context())}
            faults = {
                one.photo: answer
                for one, answer in zip(open_, answers, strict=True)
                if one.photo in left and isinstance(answer, TagwrightError) and not isinstance(answer, Refused)
            }
            for job in jobs:
                if job.photo.id in faults:
                    self._refused(job, faults[job.photo.id])
        done = [job for job in jobs if job.photo.id not in faults]
        self._desk.unconfirmed -= {job.photo.id for job in done}
        if done:
            self._decide(done)

    def _decide(self, jobs: list[Job], *, near: bool = False) -> None:
        """Begin to decide a batch; `near`: in this process in any case."""
        made, context = pages.of(self._desk.ledger.db, jobs), self._desk.context()
        sent = None if near else self._afar(made, context)
        far = sent is not None
        self._near += not far
        future = sent or self._desk.places.submit(deciding.decide, made, self._desk.house, context)

        def then(future: Future[Any]) -> None:  # knows no future of its own: that would hold itself and the pages
            self._near -= not far
            self._answers_afar = self._answers_afar or far
            self._decided(future, made, context, far=far)

        self._desk.track(future, self._desk.deliveries, jobs, then, "reading places", PLACE_DEADLINE)

    def _afar(self, made: Sequence[Page], context: Context) -> Future[Any] | None:
        """The batch beside the looking of a burst, while the thread here is busy and where the places allow it.

        Where processes are there for that alone, and have begun to answer, they decide all: the threads here
        would only wait for each other.
        """
        afar, hands, house = self._desk.crew.afar, self._desk.crew.hands, self._desk.house
        busy = self._near or (hands.deciders and self._answers_afar)
        if afar is None or house.both is not None or not busy:
            return None
        return self._sent(lambda pool: afar.submit(pool, made, house, context))

    def _sent(self, send: Callable[[Executor], Future[Any]]) -> Future[Any] | None:
        """What is sent to the processes; None where there are none, or one died."""
        hands = self._desk.crew.hands
        if hands.at_work is None:
            return None
        try:
            return send(hands.at_work)
        except BrokenProcessPool:
            hands.broken()
            return None

    def _waiting(self, jobs: list[Job]) -> list[Job]:
        """Photos that may be written; the others wait, and say for what."""
        shut = {job.photo.id: reason for job in jobs if (reason := self._desk.closed(job))}
        away = {job.photo.id: (job, reason) for job in jobs if (reason := self._desk.guests.away(job))}
        if shut or away:
            with self._desk.ledger.transaction() as db:
                for number, reason in shut.items():
                    work.wait(db, [number], reason)
                for number, (job, reason) in away.items():
                    self._shut(number, job.photo.root, reason)
        return [job for job in jobs if job.photo.id not in shut and job.photo.id not in away]

    def _shut(self, number: int, root: str, reason: str) -> None:
        """A place takes nothing of this root: the photo waits until it does."""
        db = self._desk.ledger.db
        work.hold(db, [number], CLOSED)
        db.execute("INSERT OR REPLACE INTO stops VALUES (?, 'closed', ?, ?)", (root, reason, self._desk.now()))

    def _moved(self, jobs: list[Job]) -> list[Job]:
        """Photos that were moved follow their history; those that may have been are held for the next walk."""
        going: list[Job] = []
        with self._desk.ledger.transaction() as db:
            before = self._moves.before(db, jobs, self._desk.now())
            for job in jobs:
                was = before.get(job.photo.id)
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
        known = self._desk.intake is not None and root in self._desk.intake.doors
        self._moving[job.photo.id] = (
            root,
            self._desk.intake.walk_soon(root) if self._desk.intake and known else 0,
        )

    def arrived(self) -> bool:
        """Let photos go for which that walk is over; whether there were any."""
        done = [
            number
            for number, (root, walk) in self._moving.items()
            if self._desk.intake is None or self._desk.intake.walked(root, walk)
        ]
        if not done:
            return False
        with self._desk.ledger.transaction() as db:
            db.executemany(
                "UPDATE photos SET gate = ?, due = ? WHERE id = ? AND gate = ?",
                [(OPEN, self._desk.now(), number, MOVE) for number in done],
            )
        for number in done:
            del self._moving[number]
        return True

    def _decided(self, future: Future[Any], made: Sequence[Page], context: Context, *, far: bool) -> None:
        jobs = self._desk.deliveries.pop(future)
        try:
            decisions: list[Decision] = joined(made, future.result()) if far else future.result()
        except BrokenProcessPool:
            self._desk.crew.hands.broken()
            self._decide(jobs, near=True)
            return
        except Exception as error:
            log.exception("%d photos could not be decided", len(jobs))
            self._one_by_one(jobs, error)
            return
        with self._desk.ledger.transaction(lasting=not all(one.rests for one in decisions)) as db:
            writing = [decision for decision in decisions if self._booked(decision, context)]
            ended = [decision.id for decision in writing if not decision.drafts]
            work.delivered(db, ended, self._desk.house.stamp, self._desk.now())
            self._desk.counts.delivered += len(ended)
        drafted = [decision for decision in writing if decision.drafts]
        if drafted:
            future = self._desk.pens().submit(
                booking.write, drafted, self._desk.house.sinks, self._desk.house.both
            )
            later = [decision.page.job for decision in drafted]
            then = self._confirmer(context)
            self._desk.track(future, self._desk.deliveries, later, then, "writing places", PLACE_DEADLINE)

    def _booked(self, decision: Decision, context: Context) -> bool:
        """Book what was decided, unless it has to wait or a place cannot be read."""
        db, job = self._desk.ledger.db, decision.page.job
        gate = self._gate(decision)
        if gate == rooms.LOSS and decision.outcome.readings and not self._stopped_at(job):
            self._losses.hold(db, decision)
        elif gate:
            work.hold(db, [decision.id], gate)
        elif decision.errors and not decision.drafts:
            self._refused(decision.page.job, next(iter(decision.errors.values())))
        elif decision.aside:
            booking.book(db, decision, context)
            work.set_aside(db, job.photo.id, decision.aside)
            self._desk.counts.failed += 1
        else:
            booking.book(db, decision, context)
            return True
        return False

    def _gate(self, decision: Decision) -> str:
        return rooms.LOSS if self._stopped_at(decision.page.job) else deciding.held(decision)

    def _stopped_at(self, job: Job) -> bool:
        root = job.photo.root
        return any((root, place) in self._desk.house.stopped for place in self._desk.house.places.get(root, ()))

    def _one_by_one(self, jobs: list[Job], error: Exception) -> None:
        """A bug of ours met one of these photos: find it, set it aside, and go on with the rest."""
        if len(jobs) == 1:
            with self._desk.ledger.transaction():
                self._desk.failed(
                    jobs[0], PhotoError(jobs[0].photo.file, f"internal error: {error!r}; please report it")
                )
            return
        for job in jobs:
            self._decide([job], near=True)

    def _confirmer(self, context: Context) -> Callable[[Future[Any]], None]:
        return lambda future: self._written(future, context)

    def _written(self, future: Future[Any], context: Context) -> None:
        jobs = self._desk.deliveries.pop(future)
        try:
            answers: list[tuple[Decision, str, Answer]] = future.result()
        except Exception as error:
            log.exception("%d photos could not be written", len(jobs))
            with self._desk.ledger.transaction():
                for job in jobs:
                    self._desk.failed(job, TryAgain(job.photo.file, f"internal error: {error!r}"))
            return
        failed: dict[int, tuple[Decision, TagwrightError]] = {}
        with self._desk.ledger.transaction() as db:
            for decision, name, answer in answers:
                fault = booking.confirm(db, decision, name, answer, context)
                if fault is not None:
                    failed[decision.id] = (decision, fault)
            done = list(dict.fromkeys(d.id for d, _, _ in answers if d.id not in failed and not d.errors))
            work.delivered(db, done, self._desk.house.stamp, self._desk.now())
            told = {each.id for each, name, answer in answers if name == MIRROR and isinstance(answer, Seen)}
            for decision, fault in failed.values():
                if isinstance(fault, ChangedMeanwhile) and decision.id in told:
                    self._desk.ready.append(decision.page.job)  # Immich wrote: what was begun is finished first
                else:
                    self._refused(decision.page.job, fault)
            for decision, _, _ in answers:
                if decision.errors and decision.id not in failed:
                    self._refused(decision.page.job, next(iter(decision.errors.values())))
            self._open_again([d.page.job for d, _, _ in answers if d.id in done and d.page.job.gate == CLOSED])
        self._desk.counts.delivered += len(done)
        self._desk.counts.written += len(answers) - len(failed)

    def _open_again(self, probes: Sequence[Job]) -> None:
        """A place that took nothing took this: all that wait for it are due."""
        for root in {job.photo.root for job in probes}:
            self._desk.ledger.db.execute("DELETE FROM stops WHERE root = ? AND place = 'closed'", (root,))
            work.release(self._desk.ledger.db, [CLOSED], self._desk.now(), root)

    def _refused(self, job: Job, error: TagwrightError) -> None:
        """A place did not take a photo: a state of the root, a matter of time, or this file's own fault."""
        db = self._desk.ledger.db
        doubted = self._desk.guests.doubt(job.photo) if isinstance(error, (PlaceClosed, Refused)) else 0.0
        if doubted:
            work.soon(db, job.photo.id, self._desk.now() + doubted)
        elif isinstance(error, PlaceClosed):
            self._shut(job.photo.id, job.photo.root, str(error))
        elif self._desk.guests.is_away(error):
            self._shut(job.photo.id, job.photo.root, f"Immich: {error}")
        elif pause := self._desk.guests.pause(error):
            work.soon(db, job.photo.id, self._desk.now() + pause)
        elif isinstance(error, ChangedMeanwhile):
            work.soon(db, job.photo.id, self._desk.now() + 1.0)
        elif isinstance(error, AtWork):
            work.later(db, job.photo.id, error.reason, job.attempts + 1, self._desk.now(), steps=work.AT_WORK)
        else:
            self._desk.failed(job, error)

    def probe(self) -> None:
        """Try a few photos of places that took nothing; when one goes through, all of its root do."""
        at = time.monotonic()
        if at < self._probe_due:
            return
        self._probe_due = at + self._desk.crew.probe
        db = self._desk.ledger.db
        for (root,) in db.execute("SELECT root FROM stops WHERE place = 'closed'").fetchall():
            with self._desk.ledger.transaction():
                tried = db.execute(
                    "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder "
                    "WHERE photos.gate = ? AND folders.root = ? ORDER BY random() LIMIT 3",
                    (CLOSED, root),
                ).fetchall()
                if not tried:
                    db.execute("DELETE FROM stops WHERE root = ? AND place = 'closed'", (root,))
                work.again(db, [row[0] for row in tried], self._desk.now())
