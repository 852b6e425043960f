"""Which batches go to other machines, and where their photos are found there."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from metadata.errors import UserError
from models.look import Looked, LookJob
from watcher import privacy
from watcher.cluster.ends import Died, Lost
from watcher.ledger import assets, work
from watcher.ledger.work import Job

if TYPE_CHECKING:
    from watcher.cluster.errand import Whence
    from watcher.cluster.post import Post
    from watcher.desk import Desk

LOST = (Lost, CancelledError)
"""How a batch ends that came back undone, through no fault of its photos."""


GIVES_UP = 20.0
"""Seconds for which a command waits for workers."""


class Sender:
    """Belongs to the thread that owns the ledger. Without a cluster in the settings it sends nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._away = time.monotonic()

    @property
    def _post(self) -> Post | None:
        return self._desk.crew.hands.post

    @property
    def sends(self) -> bool:
        """Whether photos are looked at by other machines now."""
        post = self._post
        return post is not None and not (post.here and post.away())

    def why(self) -> str:
        """Why no photo can be looked at now, or ""."""
        post = self._post
        return post.away() if post is not None and not post.here else ""

    def gives_up(self) -> bool:
        """Whether nobody could look for so long that a command of a person does not wait any more."""
        now = time.monotonic()
        if not self.why():
            self._away = now
        return now - self._away > GIVES_UP

    @property
    def room(self) -> int:
        """How many batches may be under way."""
        return self._post.room if self._post is not None and self.sends else self._desk.looking.workers

    def staying(self, jobs: Sequence[Job]) -> frozenset[int]:
        """The numbers of those that no other machine may see, while there are others."""
        rules = self._desk.looking.private
        if not self.sends or self._post is None or not self._post.leaves or rules == privacy.Rules():
            return frozenset()
        return privacy.known(self._desk.ledger.db, jobs, rules).private

    def sent(self, jobs: Sequence[Job], job: LookJob) -> Future[list[Looked]] | None:
        """The batch on its way; None where it is looked at here."""
        if self._post is None or not self.sends or self.staying(jobs):
            return None
        return self._post.send(job, self._whences(jobs, job))

    def says(self) -> frozenset[str] | None:
        """What the workers' sources call themselves, as `source@version`; None where this machine looks."""
        post = self._post
        if post is None or not self.sends:
            return None
        if why := post.away():
            raise UserError(why)
        return post.cluster.says

    def answers(self, jobs: Sequence[Job], job: LookJob) -> list[Looked] | None:
        """The batch looked at elsewhere while it is waited for; None where it is looked at here."""
        future = self.sent(jobs, job)
        try:
            return future.result() if future is not None else None
        except (*LOST, Died) as error:
            raise UserError(str(error) or "the workers were lost") from error

    def put_back(self, jobs: Sequence[Job]) -> None:
        """These were not looked at after all; nothing is counted against them."""
        with self._desk.ledger.transaction() as db:
            work.unbook(db, [job.photo.id for job in jobs])

    def _whences(self, jobs: Sequence[Job], job: LookJob) -> list[Whence]:
        from watcher.cluster.errand import Whence  # noqa: PLC0415 - few have more than one machine

        known: dict[int, Any] = assets.of_photos(self._desk.ledger.db, [each.photo.id for each in jobs])
        found = []
        for each, item in zip(jobs, job.photos, strict=True):
            kept = known.get(each.photo.id)
            owner = kept.owner if kept is not None else os.fsdecode(os.path.basename(os.path.dirname(item.path)))
            asset = item.remote or (kept.id if kept is not None else "")
            found.append(
                Whence(
                    each.photo.root,
                    each.photo.path,
                    asset=asset,
                    owner=owner if asset else "",
                    preview=_below(item.preview),
                )
            )
        return found


def _below(preview: bytes) -> bytes:
    """A preview's path below Immich's media folder, where it lies in `thumbs`."""
    at = preview.rfind(b"/thumbs/")
    return preview[at + 1 :] if at >= 0 else b""
