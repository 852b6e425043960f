"""Decides photos in the processes that look at a burst, so that the ledger's process has less to do.

What gives back the bytes that stood before a write is worked out there, too.

There the house is furnished anew: its places hold what does not travel.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from metadata.memory import Context, Outcome
from metadata.photo import Photo
from metadata.sinks import Draft
from watcher import deciding, parcel
from watcher.pages import Page
from watcher.rooms import NOTHING, Decision, House

if TYPE_CHECKING:
    from watcher.hands import Hands
    from watcher.ledger.writes import Write

Furnish = Callable[[Mapping[str, Any]], House]
"""Makes a house of its plain parts, by name; a function of a module, or a `partial` of one with plain data."""

BOUND = frozenset({"sinks", "embeds", "only_reads", "both"})
"""The parts of a house that stay where they are."""

Told = tuple[Outcome | None, tuple[Any, ...]]
"""A decision without its page; without an outcome, where an earlier one still holds."""


Drafts = Mapping[int, Draft | None]
"""What gives the bytes back that stood before writes, by their numbers; None where somebody had written since."""


class Afar:
    """A house as it is sent to other processes."""

    def __init__(self, furnish: Furnish) -> None:
        """`furnish` is called there."""
        self._furnish = furnish
        self._sent: tuple[House | None, bytes] = None, b""

    def submit(self, executor: Executor, pages: Sequence[Page], house: House, context: Context) -> Future[bytes]:
        """Begin to decide; `joined` makes decisions of the answer."""
        return executor.submit(_decide, self._packed(house), parcel.packed((pages, context)))

    def warm(self, executor: Executor, house: House) -> Future[bytes]:
        """Have a process ready for this house, before there is anything to decide."""
        return executor.submit(_decide, self._packed(house), b"")

    def revert(
        self, hands: Hands, house: House, these: Sequence[tuple[Photo, Write]]
    ) -> Callable[[], Drafts] | None:
        """Begin to work out what takes these writes back; the answer is empty if a process died.

        None where no processes are there to decide alone.
        """
        if hands.at_work is None or not hands.deciders or house.both is not None:
            return None
        asked = [(write.place, photo, write.path, write.after, write.inverse) for photo, write in these]
        try:
            future = hands.at_work.submit(_revert, self._packed(house), parcel.packed(asked))
        except BrokenProcessPool:
            hands.broken()
            return None

        def answer() -> Drafts:
            try:
                drafts: Sequence[Draft | None] = parcel.unpacked(future.result())
            except BrokenProcessPool:
                hands.broken()
                return {}
            return {write.id: draft for (_, write), draft in zip(these, drafts, strict=True)}

        return answer

    def _packed(self, house: House) -> bytes:
        if self._sent[0] is not house:
            plain = {part.name: getattr(house, part.name) for part in fields(house) if part.name not in BOUND}
            self._sent = house, pickle.dumps((self._furnish, plain))
        return self._sent[1]


@lru_cache(maxsize=2)
def _house(sent: bytes) -> House:
    furnish, plain = pickle.loads(sent)  # noqa: S301 - from our own process
    made: House = furnish(plain)
    return made


def _decide(sent: bytes, asked: bytes) -> bytes:
    house = _house(sent)
    if not asked:
        return b""
    pages, context = parcel.unpacked(asked)
    return parcel.packed([_told(decision) for decision in deciding.decide(pages, house, context)])


def _revert(sent: bytes, asked: bytes) -> bytes:
    sinks = _house(sent).sinks
    found = [sinks[place].revert(*write) for place, *write in parcel.unpacked(asked)]
    return parcel.packed([each if isinstance(each, Draft) else None for each in found])


_PARTS = tuple(part.name for part in fields(Decision) if part.name not in ("page", "outcome"))


def _told(decision: Decision) -> Told:
    parts = tuple(getattr(decision, name) for name in _PARTS)
    return None if decision.rests else decision.outcome, parts


def joined(pages: Sequence[Page], answer: bytes) -> list[Decision]:
    """The decisions about these pages."""
    told: Sequence[Told] = parcel.unpacked(answer)
    return [
        Decision(page, NOTHING if outcome is None else outcome, **dict(zip(_PARTS, parts, strict=True)))
        for page, (outcome, parts) in zip(pages, told, strict=True)
    ]
