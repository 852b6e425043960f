"""`try` and `estimate` where other machines look: they answer for their models, with their times.

A photo goes to a worker that reads its folder. One that no worker may see, or that lies in none of the roots, is
looked at by this machine; so is every photo where the settings say so and no worker is there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from metadata.errors import UserError
from models.look import Item
from models.trial import Said, Trial, Who, trial
from watcher.cluster import errand
from watcher.cluster.crew import Need, Unable
from watcher.cluster.ends import Died, Lost, Unserved
from watcher.cluster.errand import Whence
from watcher.sending import GIVES_UP

if TYPE_CHECKING:
    from watcher.cluster.executor import Cluster
    from watcher.settings import Settings

Roots = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Question:
    """What a worker is to say about one photo; `path` is what the first machine calls it."""

    path: bytes
    whence: Whence
    who: Who


def answered(question: Question) -> Trial | Unable:
    """On the worker: what its backends say."""
    here = errand.bench()
    item = errand.placed(Item(0, question.path), question.whence, here)
    if not isinstance(item, Item):
        return Unable(here.address, item.reason)
    who = replace(question.who, taggers=here.own(question.who.taggers))
    return replace(trial(item.path, who), path=question.path)


class Asker:
    """Has single photos looked at where the settings would have the library looked at."""

    def __init__(self, cluster: Cluster | None, roots: Roots, slots: int, *, leaves: bool = True) -> None:
        """`slots` photos are looked at side by side."""
        self._cluster, self._roots, self._leaves = cluster, roots, leaves
        self.slots = slots

    @property
    def elsewhere(self) -> bool:
        """Whether workers are asked."""
        return self._cluster is not None

    def __call__(self, path: bytes, who: Who, *, private: bool = False) -> Trial:
        """Every backend's answer."""
        whence = self._whence(path)
        if self._cluster is None or whence is None or (private and self._leaves):
            return trial(path, who, private=private)
        need = Need(frozenset({whence.root}))
        question = Question(path, whence, who)
        try:
            return self._cluster.spawn(partial(self._asked, self._cluster, need, question)).result()
        except (Lost, Died, Unserved) as error:
            return Trial(path, error=str(error))

    async def _asked(self, cluster: Cluster, need: Need, question: Question) -> Trial:
        found = await cluster.ask(need, answered, question)
        assert isinstance(found, Trial)
        return found

    def _whence(self, path: bytes) -> Whence | None:
        for root, base in self._roots.items():
            if path.startswith(base + b"/") and os.path.isfile(path):
                return Whence(root, path[len(base) + 1 :], size=os.path.getsize(path))
        return None


@contextmanager
def asker(settings: Settings) -> Iterator[Asker]:
    """Who is asked. Raises UserError where workers are to be asked and none is there."""
    from watcher.furnishing import looking  # noqa: PLC0415 - the house is built of much

    made = looking(settings)
    roots = {root.name: os.fsencode(os.path.abspath(root.path)) for root in settings.roots if not root.immich}
    if not settings.cluster.address:
        yield Asker(None, roots, made.workers)
        return
    from watcher.cluster import post  # noqa: PLC0415 - few have more than one machine

    news = threading.Event()
    exam = partial(errand.exam, made.taggers, made.place, made.captioner, made.vectors)
    cluster, leaves = post.reached(settings.cluster, exam, news.set)
    try:
        if why := _why(cluster, news):
            if settings.cluster.without != "here":
                raise UserError(why)
            yield Asker(None, roots, made.workers)
        else:
            yield Asker(cluster, roots, max(1, cluster.slots), leaves=leaves)
    finally:
        cluster.shutdown(cancel_futures=True)


def _why(cluster: Cluster, news: threading.Event) -> str:
    """Why no worker can be asked, after a while; "" as soon as it is known of all who can."""
    until = time.monotonic() + GIVES_UP
    while (cluster.away() or cluster.examines) and time.monotonic() < until:
        news.wait(0.1)
        news.clear()
    return cluster.away()


def besides(said: Trial, ask: Callable[[], Trial]) -> Trial:
    """The same with what a captioner behind HTTP says, which this machine asks; nothing of what cannot be read."""
    if said.error:
        return said
    more = ask()
    known = {each.name for each in said.said}
    added: list[Said] = [each for each in more.said if each.name not in known]
    return replace(said, said=(*said.said, *added), error=more.error)
