"""Decides photos in the processes that look at a burst, so that the ledger's process has less to do.

What gives back the bytes that stood before a write is worked out there, too.

There the house is furnished anew: its places hold what does not travel.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from metadata.memory import Context, Event, Outcome, Reading, Step, Truth
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

Concluded = tuple[Truth, Mapping[str, Reading], tuple[Event, ...]]
"""An outcome without its steps."""
Told = tuple[Concluded | None, tuple[Any, ...]]
"""A decision without its page; nothing was concluded where an earlier one still holds."""


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
    made = deciding.decide(pages, house, context)
    steps = parcel.packed([decision.outcome.steps for decision in made])
    return parcel.packed(([_told(decision) for decision in made], steps))


def _revert(sent: bytes, asked: bytes) -> bytes:
    sinks = _house(sent).sinks
    found = [sinks[place].revert(*write) for place, *write in parcel.unpacked(asked)]
    return parcel.packed([each if isinstance(each, Draft) else None for each in found])


_PARTS = tuple(part.name for part in fields(Decision) if part.name not in ("page", "outcome"))
_parts = attrgetter(*_PARTS)


def _told(decision: Decision) -> Told:
    outcome = decision.outcome
    concluded = None if decision.rests else (outcome.truth, outcome.readings, outcome.events)
    return concluded, _parts(decision)


def joined(pages: Sequence[Page], answer: bytes) -> list[Decision]:
    """The decisions about these pages."""
    told, steps = parcel.unpacked(answer)
    later = _Later(steps)
    return [
        Decision(page, _outcome(concluded, later, number), **dict(zip(_PARTS, parts, strict=True)))
        for number, (page, (concluded, parts)) in enumerate(zip(pages, told, strict=True))
    ]


def _outcome(concluded: Concluded | None, later: _Later, number: int) -> Outcome:
    if concluded is None:
        return NOTHING
    truth, readings, events = concluded
    return Outcome(truth, _Steps(later, number), readings, events)


class _Later:
    """The steps of a whole batch, unpacked if somebody asks for one of them: seldom, where a write went wrong."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @cached_property
    def all(self) -> Sequence[Mapping[str, Step]]:
        """Those of each decision."""
        return tuple(parcel.unpacked(self._packed))


class _Steps(Mapping[str, Step]):
    """The steps of one decision of the batch."""

    def __init__(self, later: _Later, number: int) -> None:
        self._later, self._number = later, number

    def __getitem__(self, name: str) -> Step:
        return self._later.all[self._number][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._later.all[self._number])

    def __len__(self) -> int:
        return len(self._later.all[self._number])
