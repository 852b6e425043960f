"""What the merge works with: what is remembered of a photo, what all agreed on, what a reading means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from metadata.fields import Layout, Lists, Skip
from metadata.sinks import Change, Seen
from metadata.tags import Word

CAPTION, TITLE = "caption", "dc:title"
"""The names under which a refused caption and title stand among the refused texts."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger remembers of one photo in one place: the base, and our part in it.

    `lists`, `texts` and `digest` are what stood there when it was last read; `run` the newest run of ours
    that had written it. `ours` are our words here, `confirmed` those of them that were read back.
    `written` says when we last put a word here (seconds, for ten minutes), `since` when each word first
    came to stand here, `tries` how often one was written that never appeared, `again` which were written once more
    after a program had overwritten them. `kept` are words that stood through somebody else's save, so that
    its program knows them. `dropping` are words that are to go from here and were not yet seen gone,
    `former` words that were ours here and went. `claimed` is what the place itself called ours, `past`
    holds captions that stood here before. `history` holds digests of earlier states, `writes` the times of
    our last writes. `stale` says that fields are to be brought along with a person's edit, `pending` that a
    write was booked and nobody knows yet what became of it. `agreed` is the mark of the truth and the
    choice at which nothing was left to do here (see `metadata.merge`). `aside` is the reason why this photo
    is left alone here, or "". `seeded` is the digest of the photo's own packet (hex) of which what stands
    here began as a copy, or "". `of` is the asset that this was read of: of another one nothing is known.
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
    since: Mapping[str, float] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    history: tuple[bytes, ...] = ()
    writes: tuple[float, ...] = ()
    people: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    dropping: frozenset[str] = frozenset()
    former: frozenset[str] = frozenset()
    claimed: frozenset[str] = frozenset()
    past: frozenset[str] = frozenset()
    stale: bool = False
    pending: bool = False
    agreed: str = ""
    aside: str = ""
    seeded: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """What everybody agreed on for one photo.

    `words` stand everywhere; those in `ours` are tagwright's, the others a person's. `refused` are words
    a person took away, `withheld` words that were undone. `caption` and `title` likewise; `texts_refused` names
    the text fields a person emptied, `texts_withheld` those that were undone. In `conflict` two places hold
    different captions by persons, and each keeps its own.
    """

    words: Mapping[str, Word] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    refused: Mapping[str, Word] = field(default_factory=dict)
    withheld: Mapping[str, Word] = field(default_factory=dict)
    caption: str = ""
    caption_ours: bool = False
    conflict: bool = False
    title: str = ""
    title_ours: bool = False
    title_conflict: bool = False
    texts_refused: frozenset[str] = frozenset()
    texts_withheld: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What choice would have on this photo: keywords by key, a caption, a title, texts that fill what is empty."""

    words: Mapping[str, Word]
    caption: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    title: str = ""


class Losses(Enum):
    """How missing words of ours are taken: judged one by one, or as a person decided for the whole root."""

    JUDGE = "judge"
    ACCEPT = "accept"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Place:
    """One place as the merge meets it; `memory` is None at first contact.

    One that is not `writable` is only read: at first contact what stands there is no news (unless it `counts`:
    programs look there), later what came and went is a person's doing, and nothing is missed there.
    """

    layout: Layout
    seen: Seen
    memory: Memory | None = None
    losses: Losses = Losses.JUDGE
    provenance: bool = True
    writable: bool = True
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the difference between memory and place means.

    `added` and `removed` are persons' acts, `adopted` words that are our own, `overwritten` words that a
    program lost. `echoes` are words that came and are nobody's wish: the place copied them from another.
    `lost` are all our missing words, for whatever reason. `forgotten` are words of ours that we took away
    ourselves, as the place says, before an older ledger was restored. `came` are words that are agreed on
    and came here by themselves: no news, but no removal elsewhere holds against them. `restored` says that
    the content is an earlier one.
    """

    added: Mapping[str, Word] = field(default_factory=dict)
    adopted: Mapping[str, Word] = field(default_factory=dict)
    echoes: Mapping[str, Word] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    overwritten: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    came: frozenset[str] = frozenset()
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
    byte would undo that person. `agreed` is the mark that the memory bears once the change was read back. A
    place that is not `writable` has never a change, only a memory. `notes` are sentences for `show`.
    """

    change: Change
    memory: Memory
    adds: Mapping[str, Word] = field(default_factory=dict)
    ours: Mapping[str, Word] = field(default_factory=dict)
    drops: Mapping[str, Word] = field(default_factory=dict)
    carried: bool = False
    refused_texts: frozenset[str] = frozenset()
    agreed: str = ""
    writable: bool = True
    notes: tuple[str, ...] = ()


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
    """What the merge needs besides the photo: the ledger's name, the run, the time, renames already understood.

    `aliases` maps the key of a word to the key of the word in use, `leaves` that of a last part: a refusal holds
    for both. `merging` are words of this photo (by key) that a person approved to become another, `respelled`
    the keys of what they became, until every place has it: another spelling of them than the truth's goes.
    Of the `returned` among these it stays where the truth's stands beside it: a person wrote both.
    """

    ledger: str
    run: int
    now: float
    skip: frozenset[str] = Skip().programs
    renamed: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    leaves: Mapping[str, Word] = field(default_factory=dict)
    merging: Mapping[str, Word] = field(default_factory=dict)
    respelled: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
