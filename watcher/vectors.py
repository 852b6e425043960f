"""Words out of the vectors that Immich has made: for a whole library at once, for new photos as they come.

Vectors come without an event, so the photos that have none of these words yet are asked for again and again.
Reading and comparing is done in a thread of its own; everything else belongs to the thread that owns the ledger.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from metadata import tags
from metadata.choose import Evidence, Rules, named
from metadata.errors import TagwrightError
from metadata.tags import Word
from models.protocols import Scored
from watcher import siblings
from watcher.hands import MANY
from watcher.ledger import evidence, words
from watcher.ledger.files import marks
from watcher.ledger.store import Ledger, LedgerFault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from metadata.immich import Space
    from models.taggers.zero_shot import ZeroShot
    from watcher.texts import Slip

log = logging.getLogger(__name__)

SOURCE: Final = "zero_shot"
PART: Final = 5000
"""Photos whose vectors are read at once: 10 MB."""
SLICE: Final = 250
"""Photos whose words are booked at once; the walk of other photos goes on between."""
SAMPLE: Final = 4096
"""Photos that the measure of each word is taken from."""
LEAST: Final = 32
"""Vectors without which no measure is taken."""
GROWN: Final = 2.0
"""How many times as many vectors there must be before the measure is taken anew."""
REST: Final = 60.0
"""Seconds before the next try after a fault."""


class Rows(Protocol):
    """Vectors: `values[i]` is that of `ids[i]`."""

    @property
    def ids(self) -> list[str]:
        """What they are called."""
        ...

    @property
    def values(self) -> NDArray[np.float32]:
        """A row each."""
        ...


class Shown(Protocol):
    """Which photos there may be vectors of, by what their source calls them. In the ledger's thread."""

    def open(self, db: sqlite3.Connection, version: str) -> Iterator[str]:
        """Those that were looked at and of which this version said nothing."""
        ...

    def every(self, db: sqlite3.Connection) -> list[str]:
        """All, for the measure."""
        ...

    def photos(self, db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """The photos that these are: number and digest."""
        ...


class Source(Protocol):
    """Who has the vectors (`metadata.immich.Database`)."""

    def space(self, *, model: str = "") -> Space:
        """Which model made them, and how many there are."""
        ...

    def vectors(self, *, ids: Sequence[str] | None = None) -> Rows:
        """Those of these photos."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be found out: the photos by asset, those that the measure is taken from, people's own words."""

    open: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    tagged: Mapping[str, frozenset[Word]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What was found out: words by asset, who said them, and how many photos the measure was taken from."""

    version: str
    taught: int
    said: Mapping[str, list[Scored]]


class Nearby:
    """The photos of one ledger and the vectors of one Immich."""

    def __init__(  # noqa: PLR0913 - who takes part, and what a person may set
        self,
        ledger: Ledger,
        source: Source,
        make: Callable[[str], ZeroShot],
        *,
        now: Callable[[], float],
        rules: Callable[[int], Rules],
        poll: float,
        floor: float = 0.25,
        model: str = "",
        part: int = PART,
        shown: Shown | None = None,
        stamp: str = "",
        slip: Slip | None = None,
    ) -> None:
        """`make` gives the tagger for a model of Immich's; `model` is the name a person has set.

        `shown` are the photos, else those of Immich's assets. `stamp` is that of the vocabulary: what was said out
        of another one is said anew. `slip` writes vectors of words.
        """
        self._shown: Shown = shown or Assets()
        self._ledger, self._source, self._make, self._now, self._rules = ledger, source, make, now, rules
        self._poll, self._floor, self._model, self._part = poll, floor, model, part
        self.slip = slip
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vectors")
        self._asking: Future[Told] | None = None
        self._told: deque[tuple[str, list[Scored]]] = deque()
        self._tried: dict[str, float] = {}
        version = ledger.get("zero_shot") or ""
        self._version = version if f"-{stamp}" in version else ""
        self._taught = 0
        self._due = 0.0
        self._changes = -1
        self._tagger: tuple[str, ZeroShot] | None = None
        self.wake: Callable[[], object] = lambda: None
        """Called from the thread when there is an answer."""
        self.many: Callable[[], object] = lambda: None
        """Called when many photos are to be decided anew: processes pay for their start then."""
        self.fault = ""
        """Why there are no words, or ""."""

    def close(self) -> None:
        """Asks no more."""
        self._thread.shutdown(cancel_futures=True)
        with suppress(LedgerFault):  # they are made anew
            while self.slip is not None and self.slip():
                pass

    def problems(self) -> list[str]:
        """For `status`."""
        return [f"zero_shot: {self.fault}"] if self.fault else []

    # In the ledger's thread

    def __call__(self) -> bool:
        """Book what was found out, ask for more if it is time; whether anything moved."""
        if self.slip is not None and self.slip():
            return True
        if self._told:
            self._book()
            return True
        if self._asking is not None:
            if not self._asking.done():
                return False
            self._answered(self._asking)
            self._asking = None
            return True
        if time.monotonic() < self._due:
            return False
        return self._ask()

    def fresh(self) -> bool:
        """Whether all is booked that Immich has vectors for; a pass that is to end waits for that."""
        if self._asking is not None or self._told:
            return False
        if self.fault:
            return True
        if self._open():
            self._due = 0.0
            return False
        return True

    def _ask(self) -> bool:
        changes = self._ledger.db.total_changes
        self._due = time.monotonic() + self._poll
        if changes == self._changes and not self._tried:
            return False
        self._changes = changes
        open_ = self._open()
        if not open_:
            return False
        sample = self._sample()
        asked = Asked(tuple(open_), tuple(sample), self._own_words(sample))
        at = time.monotonic()
        self._tried |= dict.fromkeys(open_, at)
        self._asking = self._thread.submit(self._look, asked)
        self._asking.add_done_callback(lambda _: self.wake())
        return True

    def _sample(self) -> list[str]:
        """Assets for the measure, where it may have to be taken."""
        if self._taught >= SAMPLE:
            return []
        every = self._shown.every(self._ledger.db)
        if len(every) < max(LEAST, GROWN * self._taught):
            return []
        return random.Random(len(every)).sample(every, min(SAMPLE, len(every)))  # noqa: S311 - a choice of photos

    def _open(self) -> list[str]:
        """Assets whose photos were looked at and have none of these words, and that were not just asked for."""
        before = time.monotonic() - self._poll
        self._tried = {asset: at for asset, at in self._tried.items() if at > before}
        found = self._shown.open(self._ledger.db, self._version)
        return list(islice((each for each in found if each not in self._tried), self._part))

    def _answered(self, asking: Future[Told]) -> None:
        try:
            told = asking.result()
        except TagwrightError as error:
            self._failed(str(error))
            return
        except Exception as error:
            log.exception("vectors could not be compared; please report it")
            self._failed(f"internal error: {error!r}")
            return
        self.fault, self._taught = "", told.taught
        if told.version != self._version:
            self._version = told.version
            self._ledger.put("zero_shot", told.version)
        self._told.extend(told.said.items())
        for asset in told.said:
            self._tried.pop(asset, None)
        self._due = 0.0 if told.said else self._due

    def _failed(self, reason: str) -> None:
        if reason != self.fault:
            log.warning("zero_shot: %s", reason)
        self.fault, self._due = reason, time.monotonic() + REST
        self._tried.clear()
        self._changes = -1

    def _book(self) -> None:
        some = [self._told.popleft() for _ in range(min(SLICE, len(self._told)))]
        now, version = self._now(), self._version
        with self._ledger.transaction() as db:
            photos = self._shown.photos(db, [asset for asset, _ in some])
            said = [(*photos[asset], Evidence(SOURCE, version, one)) for asset, one in some if asset in photos]
            changed = keep_all(db, said, self._rules, now)
            _decide_anew(db, changed, now)
        if len(changed) >= MANY:
            self.many()

    def _own_words(self, sample: Sequence[str]) -> dict[str, frozenset[Word]]:
        """The words that people gave to these photos, and that are not ours."""
        found: dict[str, frozenset[Word]] = {}
        for start in range(0, len(sample), 500):
            known = self._shown.photos(self._ledger.db, sample[start : start + 500])
            names = {photo: name for name, (photo, _) in known.items()}
            for photo, truth in words.truths(self._ledger.db, list(names)).items():
                own = frozenset(word for name, word in truth.words.items() if name not in truth.ours)
                if own:
                    found[names[photo]] = own
        return found

    # In its own thread

    def _look(self, asked: Asked) -> Told:
        """Raises TagwrightError where Immich, its database or the model's files are away or wrong."""
        from models import runtime  # noqa: PLC0415 - a service starts without numpy

        with runtime.threads(1):  # the other cores look at photos meanwhile
            return self._compared(asked)

    def _compared(self, asked: Asked) -> Told:
        tagger = self._tagger_for(self._source.space(model=self._model))
        self._measure(tagger, asked)
        found = self._source.vectors(ids=asked.open)
        floor = self._floor
        said = ([(word, score) for word, score in one if score >= floor] for one in tagger.score(found.values))
        return Told(tagger.version, tagger.taught, dict(zip(found.ids, said, strict=True)))

    def _tagger_for(self, where: Space) -> ZeroShot:
        if self._tagger is None or self._tagger[0] != where.model:
            self._tagger = where.model, self._make(where.model)
        return self._tagger[1]

    def _measure(self, tagger: ZeroShot, asked: Asked) -> None:
        """Take the measure of each word where there is none, or the library has grown much."""
        if tagger.taught >= SAMPLE or len(asked.sample) < max(LEAST, GROWN * tagger.taught):
            return
        sample = self._source.vectors(ids=asked.sample)
        if len(sample.ids) < max(LEAST, GROWN * tagger.taught):
            return
        tagged: dict[Word, list[int]] = {}
        for row, asset in enumerate(sample.ids):
            for word in asked.tagged.get(asset, ()):
                tagged.setdefault(word, []).append(row)
        tagger.teach(sample.values, tagged)
        log.info("zero_shot: measured %d words by %d photos", len(tagger.vocabulary.words), len(sample.ids))


class Assets:
    """Immich's, by their numbers there."""

    def open(self, db: sqlite3.Connection, version: str) -> Iterator[str]:
        """See `Shown`."""
        rows = db.execute(
            "SELECT assets.id FROM assets JOIN photos ON photos.id = assets.photo WHERE assets.verdict = 'ready' "
            "AND photos.digest IS NOT NULL AND photos.gone IS NULL AND NOT EXISTS (SELECT 1 FROM evidence "
            "WHERE evidence.digest = photos.digest AND source = ? AND version = ?)",
            (SOURCE, version),
        )
        return (row[0] for row in rows)

    def every(self, db: sqlite3.Connection) -> list[str]:
        """See `Shown`."""
        return [row[0] for row in db.execute("SELECT id FROM assets WHERE verdict = 'ready'")]

    def photos(self, db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """See `Shown`."""
        rows = db.execute(
            "SELECT assets.id, photos.id, photos.digest FROM assets JOIN photos ON photos.id = assets.photo "  # noqa: S608 - question marks
            f"WHERE assets.id IN ({marks(ids)}) AND photos.digest IS NOT NULL",
            ids,
        )
        return {asset: (photo, digest) for asset, photo, digest in rows}


Said = tuple[int, bytes, Evidence]
"""A photo, its picture, and what was said of it."""


def keep_all(
    db: sqlite3.Connection, said: Sequence[Said], rules: Callable[[int], Rules], now: float
) -> list[tuple[int, bytes]]:
    """Remember what was said of some photos' pictures; those of which other words than before are sure enough.

    As with a look, words that were undone are let go when something new names them.
    """
    photos, digests = [photo for photo, _, _ in said], [digest for _, digest, _ in said]
    before = _scores(db, digests)
    news: dict[bytes, set[Word]] = {}
    heard = evidence.keep_all(db, [(digest, [one]) for _, digest, one in said], now)
    for digest, words_ in zip(digests, heard, strict=True):
        news.setdefault(digest, set()).update(words_)
    undone = {row[0] for row in db.execute(f"SELECT photo FROM withheld WHERE photo IN ({marks(photos)})", photos)}  # noqa: S608 - question marks
    last = {digest: one.words for _, digest, one in said}
    changed = []
    for photo, digest, _ in said:
        own = rules(photo)
        if photo in undone:
            words.let_go(db, photo, [tags.key(word) for one in news[digest] if (word := named(one, own))])
        least = own.thresholds.get(SOURCE, own.threshold)
        if _sure(before.get(digest, ()), least) != _sure(last[digest], least):
            changed.append((photo, digest))
    return changed


def _scores(db: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, Sequence[tuple[Word, float]]]:
    """What was said of pictures before, where anything was."""
    rows = ((digest, one) for digest, found in evidence.rows(db, digests).items() for one in found)
    return {digest: evidence.unpack(*one).words for digest, one in rows if one[0] == SOURCE}


def _sure(scores: Sequence[tuple[Word, float]], least: float) -> set[Word]:
    return {word for word, score in scores if score >= least}


def _decide_anew(db: sqlite3.Connection, changed: Sequence[tuple[int, bytes]], now: float) -> None:
    """All photos that show these pictures are due, and the other halves of pairs."""
    db.executemany(
        "UPDATE photos SET due = ?, attempts = 0, reason = '' WHERE digest = ? AND gone IS NULL "
        "AND (booked IS NOT NULL OR (due IS NULL AND state = 'delivered' AND gate = ''))",
        [(now, digest) for _, digest in changed],
    )
    siblings.wake(db, [photo for photo, _ in changed], now)
