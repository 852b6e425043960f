"""Small pictures of photos that are still to be described, in memory from their look until the question.

Made of the look's own decode (`models.prints`). While there is no more room, looks make none, and who describes
such a photo decodes it once more; so it is while a model is far behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from metadata.photo import Facts
from models.look import Item, Known, Looked, LookJob
from models.prints import Print
from watcher.ledger.evidence import STALE

MANY = 512
"""Photos whose prints are kept at most, however small they are: all of them are looked up at each search."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Prints of one photo, or of some pictures of a film."""

    photo: int
    facts: Facts
    prints: tuple[bytes, ...]


class Prints:
    """At most so many bytes of them, of MANY photos. Belongs to the thread that owns the ledger."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._kept: dict[bytes, Kept] = {}
        self._wish: Print | None = None
        self._source = ""

    @property
    def wish(self) -> Print | None:
        """How they are made."""
        return self._wish

    def want(self, source: str, wish: Print | None) -> None:
        """From now on they are made for this captioner."""
        self._source, self._wish = source, wish

    def asked(self, job: LookJob) -> LookJob:
        """The same look, with prints of all of which the captioner said nothing yet and there are none here."""
        if self._wish is None or self._size >= self._most or len(self._kept) >= MANY:
            return job
        photos = tuple(replace(item, wants=not self._needless(item.known)) for item in job.photos)
        return replace(job, photos=photos, prints=self._wish)

    def _needless(self, known: Known | None) -> bool:
        if known is None:
            return False
        names = f"{self._source}@", f"{self._source}@{STALE}"
        said = any(each.startswith(names[0]) and not each.startswith(names[1]) for each in known.sources)
        return said or known.digest in self._kept

    def keep(self, looked: Sequence[Looked]) -> None:
        """Those that these looks made, where there is room."""
        for one in looked:
            size = sum(map(len, one.prints))
            if not size or one.digest is None or one.facts is None:
                continue
            self.drop(one.digest)
            if self._size + size > self._most or len(self._kept) >= MANY:
                continue
            self._kept[one.digest] = Kept(one.id, one.facts, one.prints)
            self._size += size

    def with_prints(self, item: Item) -> Item:
        """The same photo with its prints, where there are some."""
        kept = self._kept.get(item.known.digest) if item.known is not None else None
        return item if kept is None else replace(item, facts=kept.facts, prints=kept.prints)

    def photos(self) -> list[int]:
        """The numbers of those that there are prints of."""
        return [kept.photo for kept in self._kept.values()]

    def drop(self, digest: bytes) -> None:
        """Those of this picture are needed no more."""
        kept = self._kept.pop(digest, None)
        self._size -= sum(map(len, kept.prints)) if kept is not None else 0
