"""Taking back what tagwright wrote, and keeping it back: byte for byte where nobody else wrote since.

Otherwise only our words go, and what others did stays. The undone words are withheld, not refused, until
`redo`, until a person adds them, or until new evidence names them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from metadata import files as disk
from metadata import merge
from metadata.errors import TagwrightError
from metadata.fields import SERVER, SIDECAR
from metadata.memory import CAPTION, TITLE, Memory, Truth
from metadata.photo import Photo
from metadata.sinks import Draft, Seen
from metadata.tags import Word
from watcher import rooms
from watcher.app import App
from watcher.ledger import aliases, files, merges, words, work, writes
from watcher.ledger.writes import Write


@dataclass(frozen=True, slots=True)
class Undone:
    """How many photos were touched, files given back byte for byte, and words kept back."""

    photos: int = 0
    restored: int = 0
    words: int = 0

    def __add__(self, other: Undone) -> Undone:
        return Undone(self.photos + other.photos, self.restored + other.restored, self.words + other.words)


def undo_writes(app: App, photos: Iterable[int], run: int | None) -> Undone:
    """Take back the writes of one run, or of all, on these photos; what others wrote over is due for the merge."""
    done = Undone()
    for photo in photos:
        done += undo_photo(app, photo, run)
    return done


def undo_photo(app: App, number: int, run: int | None) -> Undone:
    """The same for one photo."""
    db = app.ledger.db
    photo = files.photos_of(db, [number]).get(number)
    with app.ledger.transaction():
        came_back = merges.undo(db, number, run, app.now())
        if came_back:
            work.again(db, [number], app.now())
    ours = writes.by_photo(db, [number], run)
    if photo is None or not ours:
        return Undone(1, 0, came_back) if came_back else Undone()
    restored = 0
    # What was taken back word by word before may stand again, byte for byte, once a later write is taken back.
    for write in sorted((*ours, *writes.undone(db, number)), key=lambda write: write.id, reverse=True):
        restored += _revert(app, photo, write)
    with app.ledger.transaction():
        count = withhold(app, number, _of(ours), _texts(ours), _runs(ours))
        for write in ours:
            writes.settle(db, write.id, "undone")
        work.again(db, [number], app.now())
    return Undone(1, restored, count + came_back)


def _revert(app: App, photo: Photo, write: Write) -> int:
    """Give back the bytes that stood before one write, if they are still the bytes after it.

    In Immich every tag that goes is a change of its own, so there the merge takes many photos' words together.
    """
    sink = app.worker.house.sinks.get(write.place)
    if sink is None or write.carried or write.place == rooms.MIRROR:
        return 0
    draft = sink.revert(photo, write.path, write.after, write.inverse)
    if not isinstance(draft, Draft):
        return 0
    with app.ledger.transaction() as db:
        intent = writes.intend(db, _inverted(app, photo, write, draft), app.now())
    answer = sink.write([draft])[0]
    with app.ledger.transaction() as db:
        writes.settle(db, intent, "void")
        if not isinstance(answer, Seen):
            return 0
        _reread(db, app, photo, write.place, answer)
        folder = db.execute("SELECT folder FROM photos WHERE id = ?", (photo.id,)).fetchone()[0]
        rooms.remember_file(db, folder, draft.where, answer.digest)
    return 1


def _inverted(app: App, photo: Photo, write: Write, draft: Draft) -> Write:
    nothing: Mapping[str, Word] = {}
    return replace(
        write,
        run=app.worker.run_number,
        photo=photo.id,
        before=draft.before,
        after=draft.after,
        inverse=draft.inverse,
        ours=nothing,
        drops=nothing,
        texts=(),
    )


def _reread(db: sqlite3.Connection, app: App, photo: Photo, place: str, seen: Seen) -> None:
    """The place as it stands now is the new base; it is as if we had not written there."""
    memory = words.memories(db, [photo.id])[photo.id].get(place, Memory())
    truth = words.truths(db, [photo.id])[photo.id]
    fresh = merge.confirmed(memory, rooms.LAYOUTS[place], seen, truth, app.worker.context())
    texts = {name: text for name, text in memory.texts_ours.items() if seen.texts.get(name) == text}
    words.save_memory(db, photo.id, place, replace(fresh, written={}, texts_ours=texts))


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
