"""What the merge works with: what is remembered of a photo, what all agreed on, what a reading means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from metadata.fields import Layout, Lists, Skip
from metadata.sinks import Change, Seen
from metadata.tags import Word

CAPTION = "caption"
"""The name under which a refused caption stands among the refused texts."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger remembers of one photo in one place: the base, and our part in it.

    `lists`, `texts` and `digest` are what stood there when it was last read; `run` the newest run of ours
    that had written it. `ours` are our words here, `confirmed` those of them that were read back.
    `written` says when we last put a word here (seconds), `tries` how often one was written that never
    appeared, `again` which were written once more after a program had overwritten them. `history` holds
    digests of earlier states, `writes` the times of our last writes. `aside` is the reason why this photo
    is left alone here, or "".
    """

    lists: Lists = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    digest: bytes = b""
    exists: bool = False
    run: int = 0
    ours: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()
    texts_ours: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, float] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    history: tuple[bytes, ...] = ()
    writes: tuple[float, ...] = ()
    people: frozenset[str] = frozenset()
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """What everybody agreed on for one photo.

    `words` stand everywhere; those in `ours` are tagwright's, the others a person's. `refused` are words
    a person took away, `withheld` words that were undone. `caption` likewise; `texts_refused` names the
    text fields a person emptied. In `conflict` two places hold different captions by persons, and each
    keeps its own.
    """

    words: Mapping[str, Word] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    refused: Mapping[str, Word] = field(default_factory=dict)
    withheld: Mapping[str, Word] = field(default_factory=dict)
    caption: str = ""
    caption_ours: bool = False
    conflict: bool = False
    texts_refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What choice would have on this photo: keywords by key, one caption, texts that fill what is empty."""

    words: Mapping[str, Word]
    caption: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


class Losses(Enum):
    """How missing words of ours are taken: judged one by one, or as a person decided for the whole root."""

    JUDGE = "judge"
    ACCEPT = "accept"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Place:
    """One place as the merge meets it; `memory` is None at first contact."""

    layout: Layout
    seen: Seen
    memory: Memory | None = None
    losses: Losses = Losses.JUDGE
    provenance: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What the difference between memory and place means."""

    added: Mapping[str, Word] = field(default_factory=dict)
    adopted: Mapping[str, Word] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    overwritten: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    restored: bool = False
    aside: str = ""

    @property
    def person(self) -> bool:
        """Whether a person edited here."""
        return bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one place: the change, and which words it puts there (`ours` of all `adds`) or drops.

    `carried` says that the change holds something a person did elsewhere, so that taking it back byte for
    byte would undo that person.
    """

    change: Change
    memory: Memory
    adds: Mapping[str, Word] = field(default_factory=dict)
    ours: Mapping[str, Word] = field(default_factory=dict)
    drops: Mapping[str, Word] = field(default_factory=dict)
    carried: bool = False
    refused_texts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Event:
    """One sentence about a photo for `show` and the log."""

    place: str
    what: str
    word: Word = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new truth, a step for every place, and what was concluded."""

    truth: Truth
    steps: Mapping[str, Step]
    readings: Mapping[str, Reading]
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What the merge needs besides the photo: the ledger's name, the run, the time, renames already understood."""

    ledger: str
    run: int
    now: float
    skip: frozenset[str] = Skip().programs
    renamed: frozenset[str] = frozenset()
