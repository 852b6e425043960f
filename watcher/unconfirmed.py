"""Writes that were booked and never confirmed, since a process died between the two: what became of them.

The place shows the digest after: confirm. The digest before: it never took place. Neither: somebody wrote
too; our words are known from the intent, and the next merge takes both. What only Immich can tell waits until
the photo is delivered again, so that nothing hangs where Immich does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from metadata import merge
from metadata.errors import TagwrightError
from metadata.memory import Context
from metadata.photo import Photo
from metadata.sinks import Seen, Sink
from watcher.ledger import files, words, work, writes
from watcher.ledger.writes import Write
from watcher.rooms import LAYOUTS

Stood = Seen | TagwrightError | None
"""What a place shows now; None where there is no such place or photo any more."""


def resolve(
    db: sqlite3.Connection,
    sinks: Mapping[str, Sink],
    context: Context,
    waits: Callable[[Write, Photo], bool] = lambda *_: False,
) -> tuple[int, frozenset[int]]:
    """At start: settle what is open; how many writes were, and the photos of which some are open still.

    Those of which it `waits` are left for later, and their photos are due.
    """
    open_ = writes.intents(db)
    photos = files.photos_of(db, {write.photo for write in open_})
    later = [one for one in open_ if one.photo in photos and waits(one, photos[one.photo])]
    now = [one for one in open_ if one not in later]
    later += settle(db, now, stood(now, photos, sinks), context)
    work.again(db, {one.photo for one in later}, context.now)
    return len(open_), frozenset(one.photo for one in later)


def stood(open_: Sequence[Write], photos: Mapping[int, Photo], sinks: Mapping[str, Sink]) -> list[Stood]:
    """What their places show now. Belongs to the thread that reads places; nothing is booked.

    All photos of a place are read at once: without Immich's database a reading takes some seconds, however many.
    """
    shown: dict[tuple[str, int], Stood] = {}
    for place, sink in sinks.items():
        here = [
            photos[each]
            for each in dict.fromkeys(one.photo for one in open_ if one.place == place)
            if each in photos
        ]
        answers = sink.read(here) if here else ()
        shown |= {(place, photo.id): answer for photo, answer in zip(here, answers, strict=True)}
    return [shown.get((one.place, one.photo)) for one in open_]


def settle(
    db: sqlite3.Connection, open_: Sequence[Write], answers: Sequence[Stood], context: Context
) -> list[Write]:
    """Book what became of these; those of which nothing can be told now are given back and stay open."""
    left: list[Write] = []
    still = {one.id for one in writes.intents(db)}
    for one, seen in zip(open_, answers, strict=True):
        if one.id not in still:
            continue
        if isinstance(seen, TagwrightError):
            left.append(one)
            continue
        if seen is None or seen.digest == one.before:
            writes.settle(db, one.id, "void")
            _take_back(db, one)
        else:
            _confirm(db, one, seen, context)
        work.again(db, [one.photo], context.now)
    return left


def _take_back(db: sqlite3.Connection, one: Write) -> None:
    """The memory of a write that was never made is that of a write that was never tried."""
    memory = words.memories(db, [one.photo])[one.photo].get(one.place)
    if memory is not None and memory.pending:
        words.save_memory(db, one.photo, one.place, merge.unwritten(memory))


def _confirm(db: sqlite3.Connection, one: Write, seen: Seen, context: Context) -> None:
    writes.settle(db, one.id, "done")
    memory = words.memories(db, [one.photo])[one.photo].get(one.place)
    if memory is None or seen.digest != one.after:
        return
    truth = words.truths(db, [one.photo])[one.photo]
    memory = merge.confirmed(memory, LAYOUTS[one.place], seen, truth, replace(context, run=one.run))
    words.save_memory(db, one.photo, one.place, memory)
