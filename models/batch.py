"""A batch of photos on its way past those who are asked: each is asked once, and a bad photo fails alone.

A film shows several pictures and gets one answer; the photos of a burst get the answer to the first of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from metadata.errors import PhotoError, TryAgain, UserError
from models import making
from models.prints import spread
from models.protocols import EDGE, Captioner, Tagger

if TYPE_CHECKING:
    from models.image import FileView
    from models.look import Evidence, Item, Looked

log = logging.getLogger(__name__)

Backend = Tagger | Captioner


def edge_of(backend: Backend) -> int:
    """The longest edge a backend looks at; 0 says that it needs no pixels."""
    return int(getattr(backend, "edge", EDGE))


def of_file(backend: Backend) -> bool:
    """Whether it speaks of the file, and not of the picture."""
    return bool(getattr(backend, "of_file", False))


def key_of(backend: Backend) -> str:
    """`source@version`."""
    return f"{backend.name}@{backend.version}"


@dataclass(slots=True)
class Passing:
    """One photo on its way through a batch."""

    item: Item
    looked: Looked
    view: FileView | None = None
    views: Sequence[FileView] = ()
    said: list[Evidence] = field(default_factory=list)

    @property
    def burst(self) -> str:
        """The burst that it is of, or ""."""
        return self.looked.facts.burst if self.looked.facts is not None else ""

    def known(self, key: str) -> bool:
        """Whether this source was asked about this picture before."""
        known = self.item.known
        return known is not None and known.digest == self.looked.digest and key in known.sources

    def fail(self, error: PhotoError | TryAgain) -> None:
        """Its first error stands."""
        if self.looked.error is None:
            self.looked = replace(self.looked, error=error)

    def say(self, evidence: Evidence) -> None:
        """Something was said of it."""
        self.said.append(evidence)

    def shown(self, backend: Backend) -> Sequence[FileView]:
        """What a backend sees of it: a photo, or pictures of a film."""
        if len(self.views) == 1 or of_file(backend):
            return self.views[:1]
        return spread(self.views) if hasattr(backend, "caption") else self.views

    def answer(self) -> Looked:
        """All that was found out."""
        return replace(self.looked, evidence=tuple(self.said))


Answer = TypeVar("Answer")


def ask(
    batch: Sequence[Passing],
    backend: Backend,
    call: Callable[[Sequence[FileView]], Sequence[Answer]],
    evidence: Callable[[Answer], Evidence],
) -> None:
    """Ask for all that is not known; when a batch fails, one by one, so that only the culprit fails."""
    open_, others = _one_of_each(
        [seen for seen in batch if seen.view is not None and _wanted(seen, backend)], backend
    )
    shown = [seen.shown(backend) for seen in open_]
    views = [view for some in shown for view in some]
    if not views:
        return
    try:
        answers = call(views)
        if len(answers) != len(views):
            raise RuntimeError(f"{len(answers)} answers for {len(views)} photos")  # noqa: TRY301 - same way
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a backend is not ours to trust
        if len(open_) == 1:
            open_[0].fail(_blame(open_[0], backend, error))
            ask(next(iter(others.values()), ()), backend, call, evidence)
        else:
            for seen in open_:
                ask([seen, *others.get(id(seen), ())], backend, call, evidence)
        return
    told = iter(answers)
    for seen, some in zip(open_, shown, strict=True):
        said = [evidence(next(told)) for _ in some]
        one = said[0] if len(said) == 1 else _as_one(said, every=bool(getattr(backend, "every", False)))
        for each in (seen, *others.get(id(seen), ())):
            each.say(one)


def _one_of_each(batch: Sequence[Passing], backend: Backend) -> tuple[list[Passing], dict[int, list[Passing]]]:
    """Those that are asked about: all but the further photos of a burst, which get what is said of its first."""
    others: dict[int, list[Passing]] = {}
    if not any(seen.burst for seen in batch) or of_file(backend):
        return list(batch), others
    asked: list[Passing] = []
    first: dict[tuple[bytes, str], Passing] = {}
    for seen in batch:
        name = os.path.dirname(seen.item.path), seen.burst
        if seen.burst and name in first:
            others.setdefault(id(first[name]), []).append(seen)
        else:
            first[name] = seen
            asked.append(seen)
    return asked, others


def _as_one(said: Sequence[Evidence], *, every: bool) -> Evidence:
    """What was said of a film, out of what was said of its pictures."""
    from models import film  # noqa: PLC0415 - Pillow

    if said[0].vector:
        return replace(said[0], vector=making.mean([one.vector for one in said]))
    words = tuple(film.merged([one.words for one in said], every=every))
    texts = film.texts([dict(one.texts) for one in said])
    return replace(said[0], words=words, texts=tuple(texts.items()))


def _wanted(seen: Passing, backend: Backend) -> bool:
    assert seen.view is not None
    if seen.view.error is not None and edge_of(backend):
        return False
    if seen.item.private and getattr(backend, "away", False):
        return False
    return of_file(backend) or not seen.known(key_of(backend))


def _blame(seen: Passing, backend: Backend, error: Exception) -> PhotoError | TryAgain:
    if isinstance(error, (PhotoError, TryAgain)):
        return error
    if isinstance(error, MemoryError):
        return TryAgain(seen.item.path, "not enough memory")
    log.error("%s failed on %r", backend.name, seen.item.path, exc_info=error)
    text = " ".join(str(error).split())[:200]
    return PhotoError(seen.item.path, f"{backend.name} failed: {type(error).__name__}: {text}")
