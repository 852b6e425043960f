"""The walk of a photo: read -> look -> describe -> choose -> deliver. Read this file first.

Each room is a function over a batch. `look` and `describe` (models.look) are plain functions of plain data and
run on an Executor; `keep` (keeping), `book` and `confirm` (booking) touch the ledger and belong to the one thread
that owns it; `decide` (deciding) and `write` (booking) read and write places and run beside it. Here stands what
they share. docs/architecture.md draws the plan.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from metadata.choose import Chosen, Rules
from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TagwrightError, TryAgain
from metadata.fields import SERVER, SIDECAR, Layout
from metadata.memory import Outcome, Truth
from metadata.people import Wish
from metadata.photo import Photo, Stat
from metadata.sinks import Draft, Seen, Sink
from metadata.sinks.pairs import Both
from watcher.ledger import assets, words, writes
from watcher.pages import Page

log = logging.getLogger(__name__)

LAYOUTS: Mapping[str, Layout] = {"sidecar": SIDECAR, "embedded": SIDECAR, "memory": SIDECAR, "server": SERVER}
"""How each place spells words."""
EMBEDDED = "embedded"
"""The photo itself, a place that is always read: what is not written there is known from the last look."""
MIRROR = "server"
"""Immich, a place only of the photos that it holds."""
HIDING = frozenset({"sidecar"})
"""Places that programs read in the photo's stead: where nothing stands there, they show the photo's own."""

PAIRED = HIDING | {MIRROR}
"""Places that are written in an order where they belong together."""

Answer = Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused

FIRST_LOOK, RULES, LOSS, CLOSED, MOVE = "first look", "rules", "loss", "closed", "move"
HELD = (FIRST_LOOK, RULES, LOSS, CLOSED, MOVE)
"""Gates: why something that was decided is not done yet."""
OPEN, JUDGED, ACCEPT, RESTORE = "open", "judged", "accept", "restore"
"""What a gate becomes when it is released, and by which decision."""


@dataclass(frozen=True, slots=True)
class House:
    """What `decide` works with: the places of each root, the rules, and the roots and places that stopped.

    `embeds` says of which photos the file itself is written; of all others it is only read. `wishes` says for
    each root what is written of the people in its photos. `only_reads` says of places besides the photo itself
    whether they are only read, `both` writes photos whose places have to be written in an order.
    """

    sinks: Mapping[str, Sink]
    places: Mapping[str, Sequence[str]]
    rules: Rules
    stamp: str
    stopped: frozenset[tuple[str, str]] = frozenset()
    renamed: frozenset[tuple[str, str, str]] = frozenset()
    provenance: bool = True
    embeds: Callable[[Photo], bool] = lambda _: False
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    only_reads: Callable[[str, Photo], bool] = lambda *_: False
    both: Both | None = None
    own: Mapping[str, Rules] = field(default_factory=dict)
    """The rules of users of a server who want something otherwise, by user; "" has the photos of none."""

    def rules_for(self, page: Page) -> Rules:
        """The rules of the photo's owner."""
        return self.own.get(page.owner, self.rules)

    def rules_of(self, db: sqlite3.Connection, photo: int) -> Rules:
        """The same for a photo whose page was not read."""
        if not self.own:
            return self.rules
        return self.own.get(assets.owners_of(db, [photo]).get(photo, ""), self.rules)

    def writes(self, name: str, photo: Photo) -> bool:
        """Whether a photo's words are written to this place."""
        return self.embeds(photo) if name == EMBEDDED else not self.only_reads(name, photo)

    def wish(self, photo: Photo) -> Wish:
        """What is written of the people in a photo."""
        return self.wishes.get(photo.root, "none")


NOTHING = Outcome(Truth(), {}, {})
"""The outcome of a decision that was not made, because an earlier one still holds."""


@dataclass(slots=True)
class Decision:
    """What is to be done about one photo, worked out and not yet done.

    `barred` says that the photo itself cannot be written: what stands inside, by its digest, and why.
    """

    page: Page
    outcome: Outcome
    chosen: Mapping[str, Chosen]
    drafts: dict[str, Draft] = field(default_factory=dict)
    errors: dict[str, TagwrightError] = field(default_factory=dict)
    renames: frozenset[tuple[str, str]] = frozenset()
    intents: dict[str, int] = field(default_factory=dict)
    seal: bytes | None = None
    barred: tuple[bytes, str] | None = None
    read: dict[str, bytes] = field(default_factory=dict)
    tried: dict[str, words.Packed] = field(default_factory=dict)
    """What is remembered of each place with a draft while it is written."""
    done: dict[str, words.Packed] = field(default_factory=dict)
    """And once it was read back as drafted."""
    kept: dict[str, words.Packed] = field(default_factory=dict)
    """What is remembered from now on of each place without a draft, where that is something else than before."""
    intended: dict[str, writes.Row] = field(default_factory=dict)
    """What is booked of each write before it is made."""
    aside: str = ""
    """Why every place leaves this photo alone, or ""."""
    stands: dict[bytes, Stat | None] = field(default_factory=dict)
    """The sidecars that were written, as they stand if nobody wrote since."""

    @property
    def id(self) -> int:
        """The photo's number."""
        return self.page.job.photo.id

    @property
    def rests(self) -> bool:
        """Whether nothing was to be decided."""
        return self.outcome is NOTHING

    def lost(self) -> list[str]:
        """Places where words of ours are missing."""
        return [name for name, reading in self.outcome.readings.items() if reading.lost]

    def news(self) -> dict[str, Chosen]:
        """Chosen words whose source the book does not hold yet."""
        ours, before = self.outcome.truth.ours, self.page.truth.ours
        return {name: chosen for name, chosen in self.chosen.items() if name in ours and name not in before}
