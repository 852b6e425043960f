"""Sends batches to workers, and makes of what comes back what a look here would have said."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from metadata.errors import TryAgain
from metadata.photo import Stat
from models.look import Item, Looked, LookJob, Spec
from watcher.cluster import errand, trust
from watcher.cluster.crew import Need
from watcher.cluster.ends import Unserved
from watcher.cluster.errand import Answer, Errand, Whence
from watcher.cluster.executor import Cluster

if TYPE_CHECKING:
    from watcher.cluster_settings import Cluster as Settings
    from watcher.desk import Looking

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """The way to the workers. `leaves`: it may lead to another machine. `here`: without workers this one looks.

    `local` are sources that need nothing but the file; `look` asks them here where a worker had no file.
    """

    cluster: Cluster
    local: tuple[Spec, ...]
    look: Callable[[LookJob], list[Looked]]
    leaves: bool = True
    here: bool = False

    def away(self) -> str:
        """Why nothing is sent now, or ""."""
        return self.cluster.away()

    def close(self) -> None:
        """Nothing is sent any more, and what is under way is called off."""
        self.cluster.shutdown(cancel_futures=True)

    @property
    def room(self) -> int:
        """Batches that may be under way: one at work and one waiting for each thread."""
        return 2 * max(1, self.cluster.slots)

    def send(self, job: LookJob, whences: Sequence[Whence]) -> Future[list[Looked]]:
        """Have a batch looked at; one answer a photo. Ends with `Lost` or `Died` (`watcher.cluster.executor`)."""
        return self.cluster.spawn(lambda: self._sent(job, tuple(whences)))

    async def _sent(self, job: LookJob, whences: tuple[Whence, ...]) -> list[Looked]:
        before = await asyncio.to_thread(_stats, job.photos)
        there = [
            (item, replace(whence, size=stat.size if stat is not None else -1))
            for item, whence in zip(job.photos, whences, strict=True)
            if (stat := before[item.id]) is not None or item.remote
        ]
        answers: dict[int, Answer] = {}
        if there:
            answers = await self._asked(job, there)
        return await asyncio.to_thread(self._told, job, answers, before)

    async def _asked(self, job: LookJob, there: Sequence[tuple[Item, Whence]]) -> dict[int, Answer]:
        part = replace(job, photos=tuple(item for item, _ in there))
        sent = Errand(part, tuple(whence for _, whence in there), self.local)
        try:
            answers = await self.cluster.ask(need_of(sent), errand.run, sent)
        except Unserved as error:
            why = str(error)
            return {item.id: Answer(Looked(item.id, error=TryAgain(item.path, why))) for item, _ in there}
        assert isinstance(answers, list)
        return {each.looked.id: each for each in answers}

    def _told(
        self, job: LookJob, answers: Mapping[int, Answer], before: Mapping[int, Stat | None]
    ) -> list[Looked]:
        """In the order of the job: with the file's own identity here, and what only the file tells."""
        seen = {item.id: answers[item.id].looked for item in job.photos if item.id in answers}
        bare = [item for item in job.photos if item.id in answers and answers[item.id].by_preview]
        if bare:
            plain = replace(
                job, photos=tuple(bare), taggers=self._files_own(job), captioner=None, prints=None, vectors=None
            )
            read = self.look(plain)
            seen |= {own.id: _joined(own, seen[own.id]) for own in read}
        after = _stats([item for item in job.photos if item.id in seen and not item.remote])
        return [
            _kept(item, seen[item.id], before[item.id], after.get(item.id))
            if item.id in seen
            else Looked(item.id, error=TryAgain(item.path, "it cannot be read now"))
            for item in job.photos
        ]

    def _files_own(self, job: LookJob) -> tuple[Spec, ...]:
        names = {name for name, _ in self.local}
        return tuple(spec for spec in job.taggers if spec[0] in names)


def opened(
    settings: Settings, looking: Looking, look: Callable[[LookJob], list[Looked]], news: Callable[[], None]
) -> Post:
    """The way to the scheduler of the settings. Raises UserError for an address that needs TLS and has none."""
    exam = partial(errand.exam, looking.taggers, looking.place, looking.captioner, looking.vectors)
    cluster, leaves = reached(settings, exam, news)
    return Post(cluster, looking.local, look, leaves=leaves, here=settings.without == "here")


def reached(
    settings: Settings, exam: Callable[[], Mapping[str, Any]], news: Callable[[], None]
) -> tuple[Cluster, bool]:
    """The workers of the settings' scheduler, and whether the way there may lead to another machine."""
    host, port = trust.place(settings)
    trust.guard(host, encrypted=trust.encrypted(settings))
    trust.needed()
    security = trust.security(settings, warn=log.warning)
    address = trust.address(host, port, encrypted=security is not None)
    leaves = security is not None or not trust.is_here(host)  # who shows certificates may be anywhere
    return Cluster(address, security, exam=exam, news=news), leaves


def need_of(sent: Errand) -> Need:
    """What a worker has to reach for a batch."""
    far = any(item.remote for item in sent.job.photos)
    assets = all(whence.asset for whence in sent.whences)
    return Need(frozenset(whence.root for whence in sent.whences), by_folder=not far, by_immich=assets)


def _stats(items: Sequence[Item]) -> dict[int, Stat | None]:
    found: dict[int, Stat | None] = {}
    for item in items:
        try:
            found[item.id] = None if item.remote else Stat.of(os.stat(item.path))
        except OSError:
            found[item.id] = None
    return found


def _joined(own: Looked, far: Looked) -> Looked:
    """What this machine read from the file, with what the worker saw in Immich's preview of it."""
    if own.error is not None:
        return own
    return replace(own, evidence=(*own.evidence, *far.evidence), error=far.error, prints=far.prints)


def _kept(item: Item, looked: Looked, before: Stat | None, after: Stat | None) -> Looked:
    """A file is known by what this machine says of it; one that changed meanwhile is looked at again."""
    if item.remote or looked.error is not None:
        return looked
    if before is None or before != after:
        return Looked(item.id, error=TryAgain(item.path, "it changed while it was looked at"))
    return replace(looked, stat=before)
