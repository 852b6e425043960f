"""Sinks: the places where words are kept. Each does the same four things, so the merge knows none of them.

A sink never decides. `read` says what stands there, `draft` says what a change would make of it, `write`
puts drafts in place unless somebody else wrote meanwhile. Batches in, one answer an item out; an answer
that is an exception belongs to that item only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.photo import Photo

Values = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands in a place now.

    `lists` holds each keyword field that is there, its values as written and in order; a field that is
    there but holds only an empty string (Immich's explicit "no tags") is an empty tuple. `texts` holds the
    fields of one value. `digest` identifies the whole content (for a file, of all its bytes; b"" where
    nothing is there). `programs` names programs that left properties of their own ("darktable").
    `claimed` is what the file says of our own words (see `metadata.xmp`), or None. `recipe` stands only in
    an answer to `write`, of a place whose bytes are known no sooner: a way back that is more exact than
    `Draft.inverse`, to be kept in its stead.
    """

    exists: bool
    digest: bytes
    lists: Mapping[str, Values] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    claimed: Claim | None = None
    where: bytes = b""
    recipe: bytes = field(default=b"", compare=False, repr=False)
    seeded: str = field(default="", compare=False, repr=False)
    """In an answer to `write`, of a file that began as a copy of the photo's own packet: its digest (hex)."""
    hides_nothing: bool = field(default=False, compare=False, repr=False)
    """Of a file that is not there: the photo is known to hold nothing that a new one would begin with."""
    more: bool = False
    """Whether a second file was read with this one, of which `digest` says nothing."""
    of: str = ""
    """What this is said of, where a photo may come to have another such place: the id of an asset."""
    regions: int = field(default=0, compare=False)
    """How many face regions stand there, named or not; more than ever fit where none can be added."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The provenance a place carries: which ledger wrote last, in which run, and which words were ours.

    `words` are keywords in the ledger's text form (`metadata.tags.text`), `texts` the names of text fields.
    """

    ledger: str
    run: int
    words: Values
    texts: Values = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a place: values to add to and take from list fields, texts to set or to delete (None).

    `remove` takes every value of that field that equals one given exactly; `add` appends at the end and keeps
    what stands there. `claim` replaces the provenance; None leaves it alone, a Claim without words deletes it.
    """

    add: Mapping[str, Values] = field(default_factory=dict)
    remove: Mapping[str, Values] = field(default_factory=dict)
    texts: Mapping[str, str | None] = field(default_factory=dict)
    claim: Claim | None = None

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.texts or self.claim is not None)


@dataclass(frozen=True, slots=True)
class Draft:
    """A change worked out against one state of a place, not yet made.

    `before` and `after` are digests of the whole content (b"" = nothing there). `inverse` is an opaque,
    bounded recipe that `Sink.revert` understands: it turns the content `after` back into `before`.
    `seen` is what the place will show once the draft is in place. `payload` belongs to the sink.
    """

    photo: Photo
    where: bytes
    before: bytes
    after: bytes
    inverse: bytes
    seen: Seen
    payload: object = field(repr=False, compare=False, default=None)


class Sink(Protocol):
    """A place. `write` may be called from another thread than the rest, for other photos; else one at a time."""

    name: str

    def read(self, photos: Sequence[Photo]) -> list[Seen | TryAgain | PlaceClosed | Refused]:
        """What stands there, an answer a photo. Nothing is read as empty because it could not be read."""
        ...

    def draft(self, photo: Photo, seen: Seen, change: Change) -> Draft | Refused:
        """Work `change` out against `seen`, without touching the place."""
        ...

    def write(self, drafts: Sequence[Draft]) -> list[Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused]:
        """Put drafts in place, durably, an answer a draft: what was read back.

        Only where the content is still `draft.before`; otherwise ChangedMeanwhile, and nothing was replaced.
        """
        ...

    def revert(
        self, photo: Photo, where: bytes, after: bytes, inverse: bytes
    ) -> Draft | ChangedMeanwhile | Refused:
        """The draft that takes one earlier write back, byte for byte; ChangedMeanwhile if this is not `after`."""
        ...
