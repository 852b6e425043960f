"""Takes waiting photos through the rooms, in batches; order, patience and shutdown live here.

One thread owns the ledger and runs `Worker.run`. Looking happens on executors (`watcher.looker`), reading
places on one thread beside it and writing them on another (`watcher.deliverer`); all answer through the inbox,
as the emitters do.
Queues are bounded: no more is taken than fits into the batches under way.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from metadata.errors import TagwrightError, TryAgain, UserError
from metadata.memory import Context
from metadata.photo import Photo
from watcher import booking
from watcher.afar import Drafts
from watcher.arrival import Arrival
from watcher.deliverer import Deliverer
from watcher.describer import Describer
from watcher.desk import Counts, Crew, Desk, Done, Guests, Looking
from watcher.hands import MANY
from watcher.health import Pulse
from watcher.intake import Intake
from watcher.ledger import work
from watcher.ledger.store import Ledger, LedgerFault, fault
from watcher.ledger.work import Job
from watcher.ledger.writes import Write
from watcher.looker import Looker
from watcher.losses import Losses
from watcher.lull import LONGEST, Lull
from watcher.prints import Prints
from watcher.rest import Rest
from watcher.rooms import FIRST_LOOK, House

log = logging.getLogger(__name__)

BUGS = 5
"""Internal errors one after the other after which a pass that is to end ends with the error."""
ENDS = 20.0
"""Seconds that writes under way have to come to their end before a server that hangs is given up."""
TAKEN = 4
"""Batches that are booked together."""
BESIDE = 500
"""Photos that have to be decided at once before processes pay for their start."""
ALONE = 2500
"""Photos from which processes decide all of them, and one more is started for that."""


class Worker:
    """The walk of all photos; see the module."""

    def __init__(
        self, ledger: Ledger, house: House, looking: Looking, crew: Crew, *, intake: Intake | None, pulse: Pulse
    ) -> None:
        self._desk = Desk(ledger, house, looking, crew, intake=intake, pulse=pulse)
        self.losses = Losses()
        self._looker, self._deliverer = Looker(self._desk), Deliverer(self._desk, self.losses)
        self._describer = Describer(self._desk, self._looker.items)
        self._clock = (crew.now(), time.monotonic())
        self._began = self._clock[0]
        self._bugs = 0
        self._lull = Lull(ledger)
        self._stopping = False
        self.patience = ENDS
        self.hurry: Callable[[], object] = lambda: None
        """Ends all waiting for servers."""
        self.patient = True
        """Whether a pass that is to end waits for machines that look."""
        self.rest: Rest | None = None
        """Set by the service; a command of a person rests for nobody."""

    @property
    def house(self) -> House:
        """The places, the rules, and what is stopped, as of now."""
        return self._desk.house

    @house.setter
    def house(self, house: House) -> None:
        self._desk.house = house

    @property
    def looking(self) -> Looking:
        """Who is asked about photos."""
        return self._desk.looking

    @property
    def counts(self) -> Counts:
        """What was done since the start."""
        return self._desk.counts

    def welcome(self, guests: Guests, *, marker: str = "") -> None:
        """A server has photos of ours; `marker` is a keyword of its own that nobody is to look at."""
        self._desk.guests, self._desk.marker = guests, marker

    def settle_first(self, photos: Iterable[int]) -> None:
        """Before these are decided it is found out what became of writes that an earlier process left open."""
        self._desk.unconfirmed |= set(photos)

    @property
    def run_number(self) -> int:
        """The run that writes are counted to."""
        return self._desk.run_number

    @run_number.setter
    def run_number(self, number: int) -> None:
        self._desk.run_number = number

    def hosts(self) -> list[tuple[str, bool, int, int]]:
        """How the hosts of models do (`models.hosts.Hosts.standing`); from any thread."""
        return self._describer.standing()

    def context(self) -> Context:
        """The merge's surroundings at this moment."""
        return self._desk.context()

    @property
    def prints(self) -> Prints:
        """Small pictures of photos that are still to be described."""
        return self._desk.prints

    def only_look(self, photos: Sequence[int]) -> None:
        """Look at these photos, keep that evidence, and decide nothing."""
        self._looker.only_look(photos, stopped=lambda: self._stopping)

    def unasked(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of these photos that some source of today's settings was not asked about."""
        return self._looker.unasked(jobs)

    def stop(self) -> None:
        """End cleanly: what is under way is finished or unbooked. May be called from a signal handler."""
        self._stopping = True
        self._desk.inbox.put(None)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def prepare(self, photos: int = BESIDE) -> None:
        """So many photos are to be decided: for many, processes are started, where there is a core to spare."""
        if photos >= ALONE:
            self._deliverer.prepare()
        elif photos >= BESIDE:
            self._desk.crew.hands.for_many()

    def revert(self, these: Sequence[tuple[Photo, Write]]) -> Callable[[], Drafts] | None:
        """Have it worked out beside how these writes are taken back, where processes are there for it (`Afar`)."""
        afar = self._desk.crew.afar
        return afar.revert(self._desk.crew.hands, self._desk.house, these) if afar is not None else None

    def nudge(self) -> None:
        """There is something to do besides; may be called from any thread."""
        self._desk.inbox.put(None)

    def tell(self, arrival: Arrival) -> None:
        """Take what an emitter says; called from its thread."""
        self._desk.inbox.put(arrival)

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
                self._wait(0.0 if moved else min(1.0, self._lull.left or self._pause()))
        finally:
            self._end()

    def _round(self, every: Callable[[], None], *, give_up: bool) -> bool:
        """One turn with what is done besides. A bug is told and met again later, by a service ever less often."""
        try:
            moved = False if self._lull.holds() and not give_up else self.turn()
            every()
        except sqlite3.OperationalError as error:
            raise LedgerFault(fault(self._desk.ledger.path, error)) from error
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
        token = self._desk.pulse.begin("ledger", 300.0, time.monotonic())
        self._lull.mark()
        self._set_clock()
        try:
            moved = self._drain()
            if self._desk.intake is not None:
                moved = self._desk.intake.walks() or moved
                moved = self._desk.intake.settle() > 0 or moved
            self._deliverer.probe()
            moved = self._deliverer.arrived() or moved
            moved = self._submit() or moved
            return self._judge() or moved
        finally:
            self._desk.pulse.end(token)

    def _set_clock(self) -> None:
        """Where the clock was set, what was noted by the wrong one goes with it; nothing waits longer for that."""
        before, self._clock = self._clock, (self._desk.now(), time.monotonic())
        ahead = (self._clock[0] - before[0]) - (self._clock[1] - before[1])
        if -1.0 <= ahead <= work.LEAP:
            return
        log.warning("the clock was put %s by %.0f s", "back" if ahead < 0 else "forward", abs(ahead))
        with self._desk.ledger.transaction() as db:
            work.clock_set(db, ahead, since=self._began, until=before[0])
        self._began += ahead

    def settle_all(self) -> None:
        """Wait until every file that was found has come to rest, but not for one that goes on growing."""
        doors = self._desk.intake.doors.values() if self._desk.intake is not None else ()
        until = time.monotonic() + max(
            (10 * door.calm.settle + 2 * door.calm.cache_time for door in doors), default=0
        )
        while self._desk.intake is not None and any(len(door.settling) for door in doors):
            if self._stopping or time.monotonic() > until:
                break
            if not self._desk.intake.settle():
                self._wait(0.05)

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        if self._desk.looks or self._desk.deliveries or self._desk.ready or not self._desk.inbox.empty():
            return False
        if self._desk.intake is not None and any(self._desk.intake.busy(name) for name in self._desk.intake.doors):
            return False
        left = not self.patient and not self._can_be_merged() and self._looker.sender.gives_up()
        return (self._nothing_due() or left) and self._describer.quiet

    def _can_be_merged(self) -> bool:
        return bool(work.merges_due(self._desk.ledger.db, self._desk.now()))

    def _nothing_due(self) -> bool:
        due = work.next_due(self._desk.ledger.db)
        return due is None or due > self._desk.now()

    def _pause(self) -> float:
        """Seconds until something is due by itself."""
        times = [LONGEST]
        if self._desk.intake is not None:
            times.append(self._desk.intake.next_due())
        due = work.next_due(self._desk.ledger.db)
        if due is not None and not self._desk.looks and not self._desk.deliveries:
            times.append(max(0.0, due - self._desk.now()) if not self.resting() else 1.0)
        if self.idle():
            self._lull.begin(min(times))
        return min(times)

    def resting(self) -> str:
        """Why no photo is looked at now, or ""."""
        rests = self.rest.why() or self.rest.why_models() if self.rest is not None else ""
        return rests or self._looker.sender.why()

    def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            first = self._desk.inbox.get(timeout=seconds)
        except queue.Empty:
            return
        self._take_in(first)

    def _drain(self) -> bool:
        moved = False
        for _ in range(5000):
            try:
                item = self._desk.inbox.get_nowait()
            except queue.Empty:
                break
            self._take_in(item)
            moved = True
        return moved

    def _take_in(self, item: Arrival | Done | None) -> None:
        self._lull.end()
        if isinstance(item, Arrival) and self._desk.intake is not None:
            self._desk.intake.arrived(item)
        elif isinstance(item, Done):
            self._desk.pulse.end(item.step)
            desk = self._desk
            if any(item.future in each for each in (desk.looks, desk.deliveries, desk.descriptions)):
                self._finish(item)  # else it was called off

    def _finish(self, item: Done) -> None:
        """Book what came back; a bug that is met there is this batch's alone, and its photos are tried later."""
        jobs = self._desk.looks.get(item.future) or self._desk.deliveries.get(item.future) or []
        try:
            item.then(item.future)
        except (UserError, LedgerFault):
            raise
        except Exception as error:
            log.exception("%d photos could not be booked", len(jobs))
            with self._desk.ledger.transaction():
                for job in jobs:
                    self._desk.failed(
                        job, TryAgain(job.photo.file, f"internal error: {error!r}; please report it")
                    )

    def finish_deliveries(self) -> None:
        """What is being decided and written comes to its end; what was to be next is put back.

        Before a person's command changes what was decided from.
        """
        self._desk.put_back()
        while self._desk.deliveries:
            self._take_in(self._desk.inbox.get())

    def _end(self) -> None:
        """Nothing new is begun; what reads is unbooked, what writes is finished and confirmed."""
        self._describer.close()
        for future, jobs in list(self._desk.looks.items()):
            if future.cancel():
                self._desk.looks.pop(future)
                with self._desk.ledger.transaction() as db:
                    work.unbook(db, [job.photo.id for job in jobs])
        until = time.monotonic() + self.patience
        while self._desk.looks or self._desk.deliveries:
            try:
                item = self._desk.inbox.get(timeout=max(1.0, until - time.monotonic()))
            except queue.Empty:
                self.hurry()
                continue
            if isinstance(item, Done):
                self._take_in(item)
        self._desk.put_back()

    def close(self) -> None:
        """No more work is done by this one."""
        self._desk.close()

    def _submit(self) -> bool:
        """Fill the batches under way; whether any was begun."""
        if self._stopping:
            return False
        moved = self._deliverer.submit()
        if self.rest is not None and self.rest.why():
            return moved
        only_merge = self.rest is not None and bool(self.rest.why_models())
        moved = (not only_merge and self._describer.submit()) or moved
        only_merge = only_merge or bool(self._looker.sender.why())
        while (
            not self._stopping
            and len(self._desk.looks) <= self._looker.sender.room
            and len(self._desk.deliveries) < self._deliverer.room
        ):
            jobs = self._take(only_merge=only_merge)
            if not jobs:
                break
            moved = True
            reading = [job for job in jobs if job.look]
            many = len(reading) >= MANY
            self._desk.ready += [job for job in jobs if not job.look]
            for start in range(0, len(reading), self._desk.looking.batch):
                for some in self._looker.parted(reading[start : start + self._desk.looking.batch]):
                    self._looker.look(some, many=many)
            self._deliverer.submit()
        return moved

    def _take(self, *, only_merge: bool) -> list[Job]:
        """Book what is due; with `only_merge` photos that a model need not see."""
        most = self._desk.looking.batch
        if self._nothing_due() or (only_merge and not self._can_be_merged()):
            return []
        with self._desk.ledger.transaction(lasting=False) as db:
            suspects = [] if only_merge else work.take(db, self._desk.now(), most, suspects=True)
            jobs = suspects or work.take(db, self._desk.now(), TAKEN * most, only_merge=only_merge)
        jobs = self._desk.guests.permit(jobs)
        if not suspects or self._looker.sender.sends:
            return jobs  # elsewhere it is another process that dies
        for some in self._looker.parted(jobs):
            self._looker.alone(some)
        return []

    def _judge(self) -> bool:
        """Judge losses of roots that are quiet, and let photos go that waited for a walk."""
        moved = False
        self.look_at_stops()
        if self._desk.looks or self._desk.deliveries or self._desk.ready or not self._nothing_due():
            return False
        self._desk.crew.hands.rest()
        for root in self.losses.waiting():
            if (
                self._desk.intake is None
                or root not in self._desk.intake.doors
                or not self._desk.intake.busy(root)
            ):
                with self._desk.ledger.transaction() as db:
                    moved = self.losses.judge(db, root, self._desk.now()) or moved
        if self.losses.renamed - self._desk.house.renamed:
            self._desk.house = replace(self._desk.house, renamed=frozenset(self.losses.renamed))
        self.look_at_stops()
        return moved

    def look_at_stops(self) -> None:
        """Know from now on which roots and places are stopped."""
        stops = booking.stopped(self._desk.ledger.db)
        if stops != self._desk.house.stopped:
            self._desk.house = replace(self._desk.house, stopped=stops)


def agreed(ledger: Ledger, root: str, now: float) -> int:
    """A person agreed to the first look of a root: what is held for it is due; how many photos that is."""
    with ledger.transaction() as db:
        db.execute("UPDATE roots SET agreed = ? WHERE name = ?", (now, root))
        return work.release(db, [FIRST_LOOK], now, root)
