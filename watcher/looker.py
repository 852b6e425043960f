"""Has photos looked at: in batches on the executor, and alone in a child process what a process died of."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

from metadata.errors import PhotoError, UserError
from models.look import Item, Known, Looked, LookJob, asked, look
from watcher import keeping, privacy
from watcher.cluster.ends import Died
from watcher.desk import Desk
from watcher.ledger import evidence, vectors, work
from watcher.ledger.store import LedgerFault
from watcher.ledger.work import Job
from watcher.sending import LOST, Sender

log = logging.getLogger(__name__)

RARE = frozenset((b".x3f", b".mrw", b".crw"))
"""Formats whose facts only exiftool finds."""
ELSEWHERE_DEADLINE = 1200.0
"""The same for a batch on other machines, where it may have to wait for a worker."""
LOOK_DEADLINE = 120.0
"""Seconds that a batch may take, and each photo of it besides a tenth of this, before it counts as stuck."""


class Looker:
    """Rooms one to three: read, look, describe."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.sender = Sender(desk)

    def only_look(self, photos: Sequence[int], *, stopped: Callable[[], bool]) -> None:
        """Look at these photos, keep that evidence, and decide nothing."""
        for start in range(0, len(photos), self._desk.looking.batch):
            found = work.jobs(self._desk.ledger.db, photos[start : start + self._desk.looking.batch])
            jobs = self.unasked(self._desk.guests.permit(found))
            if not jobs or stopped():
                continue
            with self._desk.ledger.transaction() as db:
                work.book(db, jobs, self._desk.now())
            for some in self.parted(jobs):
                job = self._plain(some)
                self._looked_only(some, self.sender.answers(some, job) or self._desk.crew.look(job))

    def unasked(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of these photos that some source of today's settings was not asked about."""
        keys = {job.photo.id: (job.digest, evidence.own_key(job.photo.id)) for job in jobs}
        known = self._known([key for pair in keys.values() for key in pair if key is not None])
        nothing: frozenset[str] = frozenset()

        def is_open(job: Job) -> bool:
            digest, own = keys[job.photo.id]
            if job.look or digest is None:
                return True
            wanted = self._sources(local=bool(self._desk.closed(job)))
            return not wanted <= known.get(digest, nothing) | known.get(own, nothing)

        return [job for job in jobs if is_open(job)]

    def _sources(self, *, local: bool) -> frozenset[str]:
        elsewhere = None if local else self.sender.says()
        if elsewhere is not None:
            return elsewhere
        looking = self._desk.looking
        if local:
            return asked(looking.local, looking.place)
        return asked(looking.taggers, looking.place, looking.vectors)

    def _looked_only(self, jobs: list[Job], answers: Sequence[Looked]) -> None:
        self.keep(jobs, answers)
        with self._desk.ledger.transaction() as db:
            work.unbook(db, [job.photo.id for job in self._desk.ready])
        self._desk.ready = []

    def look(self, jobs: list[Job], *, many: bool) -> None:
        """Begin to look at a batch, one of `many` or one of few; what comes back is kept."""
        sent = self.sender.sent(jobs, self._job(jobs)) if self.sender.sends else None
        if sent is not None:
            if many:
                self._desk.crew.hands.for_many()  # these decide as well
            self._desk.track(sent, self._desk.looks, jobs, self._returned, "looking elsewhere", ELSEWHERE_DEADLINE)
            return
        future = self._elsewhere(jobs) if many else None
        future = future or self._desk.crew.hands.threads.submit(self._desk.crew.look, self._job(jobs))
        self._desk.track(future, self._desk.looks, jobs, self._looked, "looking", LOOK_DEADLINE)

    def _elsewhere(self, jobs: list[Job]) -> Future[Any] | None:
        """The batch in a process of its own; None where that cannot be."""
        if any(os.path.splitext(job.photo.path)[1].lower() in RARE for job in jobs):
            return None  # these ask the one exiftool of this process
        if any(self._desk.guests.remote(job.photo) for job in jobs):
            return None  # these are fetched by the connections of this process
        hands = self._desk.crew.hands
        try:
            pool = hands.for_many()
            return pool.submit(look, self._job(jobs)) if pool is not None else None
        except BrokenProcessPool:
            hands.broken()
            return None

    def parted(self, jobs: list[Job]) -> list[list[Job]]:
        """Photos that may be written, that may not, that lie far, that stay here: each asked differently."""
        stays = self.sender.staying(jobs)
        parts: dict[tuple[bool, bool, bool], list[Job]] = {}
        for job in jobs:
            far = bool(self._desk.guests.remote(job.photo))
            parts.setdefault((bool(self._desk.closed(job)), far, job.photo.id in stays), []).append(job)
        return [parts[kind] for kind in sorted(parts)]

    def _job(self, jobs: Sequence[Job]) -> LookJob:
        """What is asked about these, with prints for who is asked later."""
        job = self._plain(jobs)
        return job if self._desk.closed(jobs[0]) else self._desk.prints.asked(job)

    def _plain(self, jobs: Sequence[Job]) -> LookJob:
        return self._desk.looking.job(self.items(jobs), local=bool(self._desk.closed(jobs[0])))

    def _private(self, jobs: Sequence[Job]) -> frozenset[int]:
        """Those that leave this machine by no model."""
        rules = self._desk.looking.private
        return (
            privacy.known(self._desk.ledger.db, jobs, rules).private if rules != privacy.Rules() else frozenset()
        )

    def _known(self, digests: Sequence[bytes]) -> dict[bytes, frozenset[str]]:
        """Which sources were asked about pictures, and of which models there are vectors."""
        found = evidence.asked(self._desk.ledger.db, digests)
        if self._desk.looking.vectors is not None and digests:
            for digest, made in vectors.asked(self._desk.ledger.db, digests).items():
                found[digest] = found.get(digest, frozenset()) | made
        return found

    def items(self, jobs: Sequence[Job]) -> list[Item]:
        """These photos as they are looked at: with what is known, and smaller pictures where there are some."""
        known = self._known([job.digest for job in jobs if job.digest is not None])
        guests = self._desk.guests
        previews = guests.previews(jobs)
        private = self._private(jobs)
        return [
            Item(
                job.photo.id,
                job.photo.file,
                Known(job.digest, known.get(job.digest, frozenset())) if job.digest else None,
                preview=previews.get(job.photo.id, b""),
                remote=guests.remote(job.photo),
                private=job.photo.id in private,
            )
            for job in jobs
        ]

    def _looked(self, future: Future[Any]) -> None:
        jobs = self._desk.looks.pop(future)
        try:
            answers: list[Looked] = future.result()
        except UserError:
            raise
        except BrokenProcessPool:
            log.warning("a process died while it looked at %d photos; they are looked at anew", len(jobs))
            self._desk.crew.hands.broken()
            self.alone(jobs)
            return
        except Exception:
            log.exception("a batch of %d photos could not be looked at; each is tried alone", len(jobs))
            self.alone(jobs)
            return
        self.keep(jobs, answers)

    def _returned(self, future: Future[Any]) -> None:
        """A batch is back from another machine: with answers, undone, or as one over which workers die."""
        jobs = self._desk.looks.pop(future)
        try:
            answers: list[Looked] = future.result()
        except LOST as error:
            log.info("%d photos came back undone: %s", len(jobs), error)
            self.sender.put_back(jobs)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - one of these photos, and it is looked for
            self._halved(jobs, error)
        else:
            self.keep(jobs, answers)

    def _halved(self, jobs: list[Job], error: Exception) -> None:
        """Send both halves, until the culprit is alone."""
        log.warning("a batch of %d photos could not be looked at: %s", len(jobs), error)
        if len(jobs) > 1:
            for part in (jobs[: len(jobs) // 2], jobs[len(jobs) // 2 :]):
                self.look(part, many=False)
            return
        died = isinstance(error, Died)
        reason = str(error) if died else f"internal error: {error!r}; please report it"
        with self._desk.ledger.transaction():
            self._desk.failed(jobs[0], PhotoError(jobs[0].photo.file, reason))

    def keep(self, jobs: Sequence[Job], answers: Sequence[Looked]) -> None:
        """Book what was found out; photos that can be decided are ready."""
        kept: list[tuple[Job, Looked]] = []
        with self._desk.ledger.transaction(lasting=False) as db:
            for job, answer in zip(jobs, answers, strict=True):
                if answer.error is not None or answer.digest is None or answer.facts is None:
                    self._desk.failed(
                        job, answer.error or PhotoError(job.photo.file, "nothing can be read from it")
                    )
                else:
                    kept.append((job, answer))
            keeping.keep(db, kept, partial(self._desk.house.rules_of, db), self._desk.now())
            self._desk.counts.looked += len(kept)
            fresh = work.jobs(db, [job.photo.id for job, _ in kept])
        self._desk.prints.keep([answer for _, answer in kept])
        self._desk.ready += fresh

    def alone(self, jobs: list[Job]) -> None:
        """Look at photos in a child process, halving the batch each time it dies, until the culprit is alone."""
        if not jobs:
            return
        step = self._desk.pulse.begin(
            "looking in a child process", LOOK_DEADLINE * (1 + len(jobs)), time.monotonic()
        )
        try:
            if any(self._desk.guests.remote(job.photo) for job in jobs):
                answers = self._desk.crew.look(self._job(jobs))
            else:
                with self._desk.crew.suspects() as executor:
                    answers = executor.submit(look, self._job(jobs)).result()
        except (UserError, LedgerFault):
            raise
        except Exception as error:  # noqa: BLE001 - one of these photos, and it is looked for
            if len(jobs) == 1:
                died = isinstance(error, BrokenProcessPool)
                reason = "the decoder died" if died else f"internal error: {error!r}; please report it"
                with self._desk.ledger.transaction():
                    self._desk.failed(jobs[0], PhotoError(jobs[0].photo.file, reason))
                return
            half = len(jobs) // 2
            self.alone(jobs[:half])
            self.alone(jobs[half:])
            return
        finally:
            self._desk.pulse.end(step)
        self.keep(jobs, answers)
