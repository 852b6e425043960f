"""What stands: the truth of each photo, its memory of each place, refusals and words that are kept back."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields as columns

from metadata import tags
from metadata.choose import Chosen
from metadata.memory import Event, Memory, Truth
from metadata.tags import Word
from watcher.ledger.files import marks

UNDONE, BACK = "undone", "renamed, or taken back before an older ledger was restored"
"""Why a word is kept back; what was undone is let go by `redo` and by new evidence."""


def truths(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Truth]:
    """The truth of each of these photos; an empty one where nothing is known yet."""
    parts: dict[int, tuple[dict[str, Word], set[str], dict[str, Word], dict[str, Word]]] = {
        photo: ({}, set(), {}, {}) for photo in photos
    }
    asked = marks(photos)
    for photo, text, ours in db.execute(
        "SELECT standing.photo, words.text, standing.ours FROM standing JOIN words ON words.id = standing.word "
        f"WHERE standing.photo IN ({asked})",
        photos,
    ):
        word = tags.parse(text)
        parts[photo][0][tags.key(word)] = word
        if ours:
            parts[photo][1].add(tags.key(word))
    for photo, name, text in db.execute(
        "SELECT photos.id, refusals.key, refusals.text FROM photos "
        "JOIN refusals ON refusals.folder = photos.folder "
        f"AND refusals.stem = photos.stem WHERE photos.id IN ({asked})",
        photos,
    ):
        parts[photo][2][name] = tags.parse(text)
    for photo, name, text in db.execute(f"SELECT photo, key, text FROM withheld WHERE photo IN ({asked})", photos):
        parts[photo][3][name] = tags.parse(text)
    captions = {
        row[0]: row[1:]
        for row in db.execute(
            f"SELECT photo, caption, ours, conflict, texts_refused FROM captions WHERE photo IN ({asked})", photos
        )
    }
    return {photo: _truth(*parts[photo], captions.get(photo)) for photo in photos}


def _truth(
    words: dict[str, Word],
    ours: set[str],
    refused: dict[str, Word],
    withheld: dict[str, Word],
    caption: tuple[str, int, int, str] | None,
) -> Truth:
    if caption is None:
        return Truth(words, frozenset(ours), refused, withheld)
    text, mine, conflict, texts = caption
    no, undone = (frozenset(names) for names in json.loads(texts))
    return Truth(words, frozenset(ours), refused, withheld, text, bool(mine), bool(conflict), no, undone)


def save_truth(
    db: sqlite3.Connection,
    photo: int,
    before: Truth,
    after: Truth,
    *,
    chosen: Mapping[str, Chosen],
    run: int,
    now: float,
) -> None:
    """Write what differs between two truths of a photo."""
    if before == after and not chosen:
        return
    gone = [(photo, before.words[name]) for name in before.words.keys() - after.words.keys()]
    for number, word in gone:
        db.execute("DELETE FROM standing WHERE photo = ? AND word = ?", (number, word_id(db, word)))
    for name, word in after.words.items():
        mine = name in after.ours
        if before.words.get(name) == word and (name in before.ours) == mine and name not in chosen:
            continue
        said = chosen.get(name) if mine else None
        db.execute(
            "INSERT INTO standing VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (photo, word) DO UPDATE SET ours = excluded.ours, "
            "source = coalesce(excluded.source, source), score = coalesce(excluded.score, score)",
            (photo, word_id(db, word), mine, said.source if said else None, said.score if said else None),
        )
    _save_refusals(db, photo, before, after, run, now)
    _save_withheld(db, photo, before, after, run, now)
    _save_caption(db, photo, before, after)


def word_id(db: sqlite3.Connection, word: Word) -> int:
    """The number of a word in one spelling, new or known."""
    text = tags.text(word)
    row = db.execute("SELECT id FROM words WHERE text = ?", (text,)).fetchone()
    if row:
        return int(row[0])
    return int(db.execute("INSERT INTO words (text, key) VALUES (?, ?)", (text, tags.key(word))).lastrowid or 0)


def _save_refusals(db: sqlite3.Connection, photo: int, before: Truth, after: Truth, run: int, now: float) -> None:
    for name in before.refused.keys() - after.refused.keys():
        db.execute(
            "DELETE FROM refusals WHERE key = ? "
            "AND (folder, stem) = (SELECT folder, stem FROM photos WHERE id = ?)",
            (name, photo),
        )
    for name in after.refused.keys() - before.refused.keys():
        word = after.refused[name]
        db.execute(
            "INSERT OR REPLACE INTO refusals SELECT folder, stem, ?, ?, ?, ?, ?, ? FROM photos WHERE id = ?",
            (name, tags.text(word), "removed by a person", name in before.ours, run, now, photo),
        )


def note_reasons(db: sqlite3.Connection, photo: int, reasons: Mapping[str, str]) -> None:
    """Why each of these refusals is one, for `show`."""
    db.executemany(
        "UPDATE refusals SET why = ? WHERE key = ? "
        "AND (folder, stem) = (SELECT folder, stem FROM photos WHERE id = ?)",
        [(why, key, photo) for key, why in reasons.items()],
    )


def note_undone(db: sqlite3.Connection, photo: int, runs: Mapping[str, int]) -> None:
    """These words are kept back because a person undid them; `redo` of their run lets them go."""
    db.executemany(
        "UPDATE withheld SET why = ?, run = ? WHERE photo = ? AND key = ?",
        [(UNDONE, run, photo, key) for key, run in runs.items()],
    )


def let_go(db: sqlite3.Connection, photo: int, news: Iterable[str]) -> None:
    """Words that were undone and that new evidence names are kept back no longer."""
    db.executemany(
        "DELETE FROM withheld WHERE photo = ? AND key = ? AND why = ?", [(photo, key, UNDONE) for key in news]
    )


def _save_withheld(db: sqlite3.Connection, photo: int, before: Truth, after: Truth, run: int, now: float) -> None:
    for name in before.withheld.keys() - after.withheld.keys():
        db.execute("DELETE FROM withheld WHERE photo = ? AND key = ?", (photo, name))
    for name in after.withheld.keys() - before.withheld.keys():
        db.execute(
            "INSERT OR REPLACE INTO withheld VALUES (?, ?, ?, ?, ?, ?)",
            (photo, name, tags.text(after.withheld[name]), BACK, run, now),
        )


def _save_caption(db: sqlite3.Connection, photo: int, before: Truth, after: Truth) -> None:
    texts = json.dumps([sorted(after.texts_refused), sorted(after.texts_withheld)])
    was = (before.caption, before.caption_ours, before.conflict, before.texts_refused, before.texts_withheld)
    if was != (after.caption, after.caption_ours, after.conflict, after.texts_refused, after.texts_withheld):
        db.execute(
            "INSERT OR REPLACE INTO captions VALUES (?, ?, ?, ?, ?)",
            (photo, after.caption, after.caption_ours, after.conflict, texts),
        )


_SETS = frozenset(column.name for column in columns(Memory) if isinstance(column.default, frozenset))
_TUPLES = frozenset(column.name for column in columns(Memory) if isinstance(column.default, tuple))
"""What comes back from JSON as a list was one of these."""


def memories(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, dict[str, Memory]]:
    """What is remembered of each place, by photo and place."""
    found: dict[int, dict[str, Memory]] = {photo: {} for photo in photos}
    rows = db.execute(
        f"SELECT photo, place, digest, aside, said FROM memory WHERE photo IN ({marks(photos)})", photos
    )
    for photo, place, digest, aside, said in rows:
        found[photo][place] = _memory(digest, aside, said)
    return found


def save_memory(db: sqlite3.Connection, photo: int, place: str, memory: Memory) -> None:
    """Remember a place."""
    db.execute(
        "INSERT OR REPLACE INTO memory VALUES (?, ?, ?, ?, ?)",
        (photo, place, memory.digest, memory.aside, _packed(memory)),
    )


def _packed(memory: Memory) -> bytes:
    body: dict[str, object] = {}
    for column in columns(memory):
        value = getattr(memory, column.name)
        if not value or column.name in ("digest", "aside"):
            continue
        if isinstance(value, AbstractSet):
            value = sorted(value)
        elif column.name == "history":
            value = [digest.hex() for digest in value]
        elif isinstance(value, Mapping):
            value = dict(value)
        body[column.name] = value
    if body.get("confirmed") == body.get("ours"):
        body.pop("confirmed", None)
    else:
        body.setdefault("confirmed", [])
    return zlib.compress(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _memory(digest: bytes, aside: str, said: bytes) -> Memory:
    body = json.loads(zlib.decompress(said))
    body.setdefault("confirmed", body.get("ours", []))
    for name, value in body.items():
        if name in _SETS:
            body[name] = frozenset(value)
        elif name in _TUPLES:
            body[name] = tuple(value)
    if "lists" in body:
        body["lists"] = {name: tuple(values) for name, values in body["lists"].items()}
    body["history"] = tuple(bytes.fromhex(one) for one in body.get("history", ()))
    return Memory(**body, digest=digest, aside=aside)


def lift_aside(db: sqlite3.Connection, photos: Iterable[int]) -> int:
    """Take photos that were set aside for a place back in; how many were."""
    count = 0
    for photo in photos:
        for place, memory in memories(db, [photo])[photo].items():
            if memory.aside:
                save_memory(db, photo, place, _fresh(memory))
                count += 1
    return count


def _fresh(memory: Memory) -> Memory:
    """A memory that gives the place a new chance."""
    values = {column.name: getattr(memory, column.name) for column in columns(memory)}
    return Memory(**{**values, "aside": "", "tries": {}, "writes": (), "again": frozenset()})


def note_events(db: sqlite3.Connection, photo: int, events: Iterable[Event], run: int, now: float) -> None:
    """Remember what was concluded about a photo, for `show`."""
    db.executemany(
        "INSERT INTO events (photo, run, place, what, word, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(photo, run, event.place, event.what, tags.text(event.word), now) for event in events],
    )
