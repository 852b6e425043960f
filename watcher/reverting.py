"""Gives back the bytes that stood before our writes, many photos at a time, where nobody wrote since."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from metadata import merge
from metadata.memory import Context, Memory
from metadata.photo import Photo
from metadata.sinks import Draft, Seen
from metadata.tags import Word
from watcher import booking, rooms
from watcher.afar import Drafts
from watcher.app import App
from watcher.ledger import words, writes
from watcher.ledger.files import marks
from watcher.ledger.writes import Write

Turn = tuple[Photo, Write, Draft]


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos whose writes are to be taken back, each photo's oldest first, and who knows how for the newest."""

    photos: Mapping[int, Photo]
    writes: Mapping[int, Sequence[Write]]
    ahead: Callable[[], Drafts] | None


def begin(app: App, photos: Mapping[int, Photo], these: Mapping[int, Sequence[Write]]) -> Batch:
    """Have it worked out how the newest writes of these photos are taken back, beside what is done meanwhile."""
    left = {number: sorted(some, key=attrgetter("id")) for number, some in these.items() if some}
    newest = [(photos[number], some[-1]) for number, some in left.items() if _can_go(app, some[-1])]
    return Batch(photos, left, app.worker.revert(newest) if newest else None)


def revert(app: App, batch: Batch) -> int:
    """Take back the writes of each photo, newest first; how many were, byte for byte.

    All photos take turns, so that the ledger and the folders are synced once a turn and not once a photo.
    """
    left = {number: list(some) for number, some in batch.writes.items()}
    known = batch.ahead() if batch.ahead is not None else {}
    restored = 0
    while left:
        turn = [(batch.photos[number], some.pop()) for number, some in left.items()]
        restored += _turn(app, [drafted for each in turn if (drafted := _drafted(app, *each, known))])
        left = {number: some for number, some in left.items() if some}
    return restored


def _can_go(app: App, write: Write) -> bool:
    """In Immich every tag that goes is a change of its own: there the merge takes many photos' words together."""
    return write.place in app.worker.house.sinks and not write.carried and write.place != rooms.MIRROR


def _drafted(app: App, photo: Photo, write: Write, known: Drafts) -> Turn | None:
    if not _can_go(app, write):
        return None
    draft: object = known.get(write.id)
    if draft is None:  # nobody was asked, or what stood there then may be gone with another photo's write
        draft = app.worker.house.sinks[write.place].revert(photo, write.path, write.after, write.inverse)
    return (photo, write, draft) if isinstance(draft, Draft) else None


def _turn(app: App, these: Sequence[Turn]) -> int:
    """One write of each of these photos, the intent before it and what was read back after it."""
    if not these:
        return 0
    with app.ledger.transaction() as db:
        intents = [writes.intend(db, writes.row(_inverted(app, *each)), app.now()) for each in these]
    answers: dict[int, object] = {}
    for place in {write.place for _, write, _ in these}:
        mine = [number for number, (_, write, _) in enumerate(these) if write.place == place]
        told = app.worker.house.sinks[place].write([these[number][2] for number in mine])
        answers |= zip(mine, told, strict=True)
    done = [(*these[number], seen) for number, seen in answers.items() if isinstance(seen, Seen)]
    with app.ledger.transaction() as db:
        for intent in intents:
            writes.settle(db, intent, "void")
        _remember(db, done, app.worker.context())
    return len(done)


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


def _remember(db: sqlite3.Connection, done: Sequence[tuple[Photo, Write, Draft, Seen]], context: Context) -> None:
    """The places as they stand now are the new bases; it is as if we had not written there."""
    ids = [photo.id for photo, *_ in done]
    memories, truths = words.memories(db, ids), words.truths(db, ids)
    folders = _folders(db, ids)
    for photo, write, draft, seen in done:
        memory = memories[photo.id].get(write.place, Memory())
        fresh = merge.confirmed(memory, rooms.LAYOUTS[write.place], seen, truths[photo.id], context)
        texts = {name: text for name, text in memory.texts_ours.items() if seen.texts.get(name) == text}
        words.save_memory(db, photo.id, write.place, replace(fresh, written={}, texts_ours=texts))
        booking.remember_file(db, folders[photo.id], draft.where, seen.digest)


def _folders(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    query = f"SELECT id, folder FROM photos WHERE id IN ({marks(ids)})"  # noqa: S608 - question marks
    return dict(db.execute(query, ids)) if ids else {}


def of(db: sqlite3.Connection, ours: Mapping[int, Sequence[Write]]) -> dict[int, list[Write]]:
    """The writes to take back of each photo: these, and what was taken back word by word before.

    The latter may stand again, byte for byte, once a later write is taken back.
    """
    found = {number: list(some) for number, some in ours.items()}
    for write in writes.undone(db, list(ours)):
        found[write.photo].append(write)
    return found
