"""Small pictures of photos that are still to be described, kept from their look until the question.

Made of the look's own decode (`models.prints`): in memory while the model keeps up, in files (`watcher.spool`)
while it is behind. While there is no room for more, looks make none, and who describes a photo decodes it again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from metadata.photo import Facts
from models.look import Item, Known, Looked, LookJob
from models.prints import Print
from watcher.ledger.evidence import STALE
from watcher.ledger.files import marks
from watcher.spool import Spool

MANY = 512
"""Photos whose prints are kept at most, however small they are: all of them are looked up at each search."""
PART = 500
"""Pictures that are looked up at once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Prints of one photo, or of some pictures of a film."""

    photo: int
    facts: Facts
    prints: tuple[bytes, ...]


class Prints:
    """At most so many bytes of them in memory, of MANY photos, and what the `spool` takes.

    Belongs to the thread that owns the ledger, but for `from_file`.
    """

    def __init__(self, most: int, spool: Spool) -> None:
        self._most, self._size = most, 0
        self._kept: dict[bytes, Kept] = {}
        self._spool = spool
        self._wish: Print | None = None
        self._source = ""

    @property
    def wish(self) -> Print | None:
        """How they are made."""
        return self._wish

    def want(self, source: str, wish: Print | None) -> None:
        """From now on they are made for this captioner."""
        self._source, self._wish = source, wish
        if wish is not None:
            self._spool.open(wish)

    def asked(self, job: LookJob) -> LookJob:
        """The same look, with prints of all of which the captioner said nothing yet and there are none here."""
        if self._wish is None or not (self._room(0) or self._spool.room):
            return job
        photos = tuple(replace(item, wants=not self._needless(item.known)) for item in job.photos)
        return replace(job, photos=photos, prints=self._wish)

    def _room(self, size: int) -> bool:
        return len(self._kept) < MANY and self._size < self._most and self._size + size <= self._most

    def _needless(self, known: Known | None) -> bool:
        if known is None:
            return False
        names = f"{self._source}@", f"{self._source}@{STALE}"
        said = any(each.startswith(names[0]) and not each.startswith(names[1]) for each in known.sources)
        return said or known.digest in self._kept or known.digest in self._spool

    def keep(self, looked: Sequence[Looked]) -> None:
        """Those that these looks made, where there is room."""
        for one in looked:
            size = sum(map(len, one.prints))
            if not size or one.digest is None or one.facts is None:
                continue
            self._unkept(one.digest)
            if self._room(size):
                self._kept[one.digest] = Kept(one.id, one.facts, one.prints)
                self._size += size
            else:
                self._spool.put(one.digest, one.facts.orientation, one.prints)

    def with_prints(self, item: Item) -> Item:
        """The same photo with its prints, where there are some in memory."""
        kept = self._kept.get(item.known.digest) if item.known is not None else None
        return item if kept is None else replace(item, facts=kept.facts, prints=kept.prints)

    def from_file(self, item: Item, facts: Facts) -> Item:
        """The same where there are some in a file. From any thread."""
        if item.prints or item.known is None:
            return item
        prints = self._spool.read(item.known.digest, facts.orientation)
        return replace(item, facts=facts, prints=prints) if prints else item

    def photos(self) -> list[int]:
        """The numbers of those that there are prints of in memory: few enough to be looked up at each search."""
        return [kept.photo for kept in self._kept.values()]

    def sweep(self, db: sqlite3.Connection, most: int | None = None) -> list[bytes]:
        """Drop files of pictures that no photo shows any more, or that were described; of so many, in turn.

        The pictures that were looked up and are still needed.
        """
        self._spool.look()
        digests = self._spool.every() if most is None else self._spool.some(most)
        left = []
        for start in range(0, len(digests), PART):
            some = digests[start : start + PART]
            open_ = _open(db, self._source, some)
            left += [digest for digest in some if digest in open_]
            for digest in some:
                if digest not in open_:
                    self._spool.drop(digest)
        return left

    def drop(self, digest: bytes) -> None:
        """Those of this picture are needed no more."""
        self._unkept(digest)
        self._spool.drop(digest)

    def _unkept(self, digest: bytes) -> None:
        kept = self._kept.pop(digest, None)
        self._size -= sum(map(len, kept.prints)) if kept is not None else 0

    def close(self) -> None:
        """Those in memory go into files, for the next process."""
        for digest, kept in self._kept.items():
            if not self._spool.room:
                self._spool.drain()
            self._spool.put(digest, kept.facts.orientation, kept.prints)
        self._kept.clear()
        self._size = 0
        self._spool.close()


def _open(db: sqlite3.Connection, source: str, digests: Sequence[bytes]) -> set[bytes]:
    """Those of these pictures that a photo shows, and of which this source said nothing."""
    rows = db.execute(
        f"SELECT DISTINCT digest FROM photos WHERE digest IN ({marks(digests)}) AND gone IS NULL "  # noqa: S608 - question marks
        "AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.digest = photos.digest AND source = ? "
        "AND substr(version, 1, 1) != ?)",
        (*digests, source, STALE),
    )
    return {row[0] for row in rows}
