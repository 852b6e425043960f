"""Taking back what tagwright wrote, and keeping it back: byte for byte where nobody else wrote since.

Otherwise only our words go, and what others did stays. The undone words are withheld, not refused, until
`redo`, until a person adds them, or until new evidence names them.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from metadata import files as disk
from metadata.errors import TagwrightError
from metadata.fields import SERVER, SIDECAR
from metadata.memory import CAPTION, TITLE, Truth
from metadata.tags import Word
from watcher import reverting
from watcher.app import App
from watcher.ledger import aliases, files, merges, words, work, writes
from watcher.ledger.writes import Write
from watcher.progress import Progress


@dataclass(frozen=True, slots=True)
class Undone:
    """How many photos were touched, files given back byte for byte, and words kept back."""

    photos: int = 0
    restored: int = 0
    words: int = 0

    def __add__(self, other: Undone) -> Undone:
        return Undone(self.photos + other.photos, self.restored + other.restored, self.words + other.words)


BATCH = 250
"""Photos whose writes are taken back together."""
AHEAD = 3
"""Batches for which it is worked out how, while an earlier one is taken back."""


def undo_writes(app: App, photos: Iterable[int], run: int | None) -> Undone:
    """Take back the writes of one run, or of all, on these photos; what others wrote over is due for the merge."""
    done, numbers = Undone(), list(photos)
    app.worker.prepare(len(numbers))  # the merge looks at all of them afterwards
    app.watch()
    begun: deque[_Batch] = deque()
    for start in range(0, len(numbers), BATCH):
        begun.append(_begun(app, numbers[start : start + BATCH], run))
        if len(begun) > AHEAD:
            done += _undo(app, begun.popleft(), run)
            app.watch()
    for batch in begun:
        done += _undo(app, batch, run)
        app.watch()
    return done


def undo_photo(app: App, number: int, run: int | None) -> Undone:
    """The same for one photo."""
    return _undo(app, _begun(app, [number], run), run)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Photos of which something is to be undone, the writes of that, and these with what goes back beside them."""

    numbers: Sequence[int]
    ours: Mapping[int, Sequence[Write]]
    back: reverting.Batch


def _begun(app: App, numbers: Sequence[int], run: int | None) -> _Batch:
    db = app.ledger.db
    photos = files.photos_of(db, numbers)
    ours = _grouped(write for write in writes.by_photo(db, numbers, run) if write.photo in photos)
    return _Batch(numbers, ours, reverting.begin(app, photos, reverting.of(db, ours)))


def _undo(app: App, batch: _Batch, run: int | None) -> Undone:
    db, now, numbers, ours = app.ledger.db, app.now(), batch.numbers, batch.ours
    with app.ledger.transaction():
        came_back = {number: merges.undo(db, number, run, now) for number in merges.touched(db, numbers)}
        work.again(db, [number for number, count in came_back.items() if count], now)
    restored = reverting.revert(app, batch.back)
    count = sum(came_back.values())
    with app.ledger.transaction():
        for number, mine in ours.items():
            count += withhold(app, number, _of(mine), _texts(mine), _runs(mine))
            for write in mine:
                writes.settle(db, write.id, "undone")
        work.again(db, ours, now)
    touched = {*ours, *(number for number, words_back in came_back.items() if words_back)}
    return Undone(len(touched), restored, count)


AGAIN = 3
"""One in so many parts of an undo's time is the last look at its photos, whether all places have it."""


class Watched:
    """Tells how far an undo is, of how many photos, while it looks on at the ledger."""

    def __init__(self, run: int | None, tell: Progress) -> None:
        """`run` as for `undo_writes`."""
        self._run, self._tell, self._all = run, tell, set[int]()

    def __call__(self, db: sqlite3.Connection) -> None:
        """So far: a photo counts in part once it is taken back, and whole when it was looked at again."""
        if self._tell.due:
            left = {*merges.photos_of(db, self._run), *writes.photos_of(db, self._run)}
            self._all |= left
            waiting = len(work.pending(db) & self._all - left)
            self._tell(len(self._all) - len(left) - -(-waiting // AGAIN), len(self._all))


def _grouped(found: Iterable[Write]) -> dict[int, list[Write]]:
    made: dict[int, list[Write]] = {}
    for write in found:
        made.setdefault(write.photo, []).append(write)
    return made


def _of(ours: Sequence[Write]) -> dict[str, Word]:
    return {name: word for write in ours for name, word in write.ours.items()}


def _runs(ours: Sequence[Write]) -> dict[str, int]:
    """The first of these runs that wrote each word."""
    return {name: write.run for write in ours for name in write.ours}


def _texts(ours: Sequence[Write]) -> frozenset[str]:
    return frozenset(name for write in ours for name in write.texts)


def withhold(
    app: App, photo: int, undone: Mapping[str, Word], texts: frozenset[str], runs: Mapping[str, int]
) -> int:
    """Our words of these are no longer part of the truth, and are kept back."""
    db = app.ledger.db
    before = words.truths(db, [photo])[photo]
    after = without(before, undone, texts)
    words.save_truth(db, photo, before, after, chosen={}, run=app.worker.run_number, now=app.now())
    fresh = after.withheld.keys() - before.withheld.keys()
    words.note_undone(db, photo, {name: runs.get(name, app.worker.run_number) for name in fresh})
    return len(after.withheld) - len(before.withheld)


def without(truth: Truth, undone: Mapping[str, Word], texts: frozenset[str]) -> Truth:
    """The truth in which these words and text fields of ours are kept back."""
    back = {name: word for name, word in undone.items() if name in truth.ours}
    mine = truth.caption_ours and bool(texts & {"dc:description", *SERVER.captions})
    titled = truth.title_ours and TITLE in texts
    return replace(
        truth,
        words={name: word for name, word in truth.words.items() if name not in back},
        ours=truth.ours - back.keys(),
        withheld={**truth.withheld, **back},
        caption="" if mine else truth.caption,
        caption_ours=truth.caption_ours and not mine,
        title="" if titled else truth.title,
        title_ours=truth.title_ours and not titled,
        texts_withheld=truth.texts_withheld | _spoken(texts),
    )


def _spoken(texts: frozenset[str]) -> frozenset[str]:
    """The fields of the one caption go by its name."""
    return texts | {CAPTION} if texts & {*SIDECAR.captions, *SERVER.captions} else texts


def undo_words(app: App, found: Mapping[int, Mapping[str, Word]]) -> Undone:
    """Take single words of ours back from photos; the merge removes them from every place."""
    done = Undone()
    with app.ledger.transaction() as db:
        for photo, undone in found.items():
            count = withhold(app, photo, undone, frozenset(), {})
            work.again(db, [photo], app.now())
            done += Undone(1, 0, count)
    return done


def redo(app: App, run: int) -> int:
    """Let words go that were kept back when this run was undone; how many photos are due for it."""
    with app.ledger.transaction() as db:
        aliases.switch(db, run, off=False)
        photos = merges.redo(db, run)
        photos += [
            row[0]
            for row in db.execute(
                "SELECT photo FROM writes WHERE run = :run AND state = 'undone' "
                "UNION SELECT photo FROM withheld WHERE run = :run AND why = :why",
                {"run": run, "why": words.UNDONE},
            )
        ]
        for photo in photos:
            before = words.truths(db, [photo])[photo]
            mine = {
                row[0] for row in db.execute("SELECT key FROM withheld WHERE photo = ? AND run = ?", (photo, run))
            }
            kept = {name: word for name, word in before.withheld.items() if name not in mine}
            after = replace(before, withheld=kept, texts_withheld=frozenset())
            words.save_truth(db, photo, before, after, chosen={}, run=run, now=app.now())
        work.again(db, photos, app.now())
        db.execute("DELETE FROM writes WHERE run = ? AND state = 'undone'", (run,))
    app.refresh_rules()
    app.worker.prepare(len(set(photos)))
    return len(set(photos))


def only_ours(path: bytes, ours: Sequence[Write]) -> bool:
    """Whether a left-over sidecar is exactly what we made out of nothing, with nothing of anybody else's.

    `ours` are our writes there, newest first.
    """
    try:
        content = disk.read(path, base=os.path.dirname(path), limit=1 << 26)
    except TagwrightError:
        return False
    digest = disk.digest(content.data) if content else b""
    for write in ours:
        if write.after != digest or write.carried:
            return False
        digest = write.before
    return digest == b""
