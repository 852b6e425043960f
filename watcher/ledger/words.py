"""What stands: the truth of each photo, its memory of each place, refusals and words that are kept back."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields as columns
from functools import lru_cache
from operator import attrgetter
from typing import Any

from metadata import tags
from metadata.choose import Chosen
from metadata.memory import Event, Memory, Truth
from metadata.squeeze import squeezed
from metadata.tags import Word
from watcher.ledger.files import marks

UNDONE, BACK = "undone", "renamed, or taken back before an older ledger was restored"
"""Why a word is kept back; what was undone is let go by `redo` and by new evidence."""


TruthRows = tuple[
    list[tuple[str, int]], list[tuple[str, str]], list[tuple[str, str]], tuple[str, int, int, str] | None
]
"""A photo's words with whether they are ours, refusals, words kept back (key and text), and its caption."""


def truths(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Truth]:
    """The truth of each of these photos; an empty one where nothing is known yet."""
    return {photo: truth(rows) for photo, rows in truth_rows(db, photos).items()}


def truth_rows(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, TruthRows]:
    """What `truth` reads, for each of these photos."""
    found: dict[int, tuple[list[Any], list[Any], list[Any]]] = {photo: ([], [], []) for photo in photos}
    asked = marks(photos)
    for part, query in ((0, _STANDING), (1, _REFUSED), (1, _REFUSED_OF_SET), (2, _WITHHELD)):
        for photo, first, second in db.execute(f"{query} IN ({asked})", photos):
            found[photo][part].append((first, second))
    captions = {row[0]: row[1:] for row in db.execute(f"{_CAPTION} IN ({asked})", photos)}
    return {photo: (*lists, captions.get(photo)) for photo, lists in found.items()}


_STANDING = (
    "SELECT standing.photo, words.text, standing.ours FROM standing JOIN words ON words.id = standing.word "
    "WHERE standing.photo"
)
_REFUSED = (
    "SELECT photos.id, refusals.key, refusals.text FROM photos JOIN refusals ON refusals.folder = photos.folder "
    "AND refusals.stem = photos.stem WHERE photos.id"
)
_REFUSED_OF_SET = (
    "SELECT sets.photo, refusals.key, refusals.text FROM sets JOIN photos ON photos.id = sets.other "
    "JOIN refusals ON refusals.folder = photos.folder AND refusals.stem = photos.stem WHERE sets.photo"
)
_WITHHELD = "SELECT photo, key, text FROM withheld WHERE photo"
_CAPTION = "SELECT photo, caption, ours, conflict, texts_refused FROM captions WHERE photo"


def truth(rows: TruthRows) -> Truth:
    """One photo's truth from what `truth_rows` gave for it."""
    standing, refused, withheld, caption = rows
    named = {tags.key(word): word for text, _ in standing for word in (tags.parse(text),)}
    ours = frozenset(tags.key(tags.parse(text)) for text, mine in standing if mine)
    no, back = ({name: tags.parse(text) for name, text in part} for part in (refused, withheld))
    if caption is None:
        return Truth(named, ours, no, back)
    said, mine, conflict, texts = caption
    emptied, undone, *titled = json.loads(texts)
    title, title_ours, title_conflict = titled[0] if titled else ("", False, False)
    return Truth(
        words=named,
        ours=ours,
        refused=no,
        withheld=back,
        caption=said,
        caption_ours=bool(mine),
        conflict=bool(conflict),
        title=title,
        title_ours=title_ours,
        title_conflict=title_conflict,
        texts_refused=frozenset(emptied),
        texts_withheld=frozenset(undone),
    )


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
    for name in before.words.keys() - after.words.keys():
        db.execute(_GOES, (photo, tags.text(before.words[name])))
    for name, word in after.words.items():
        mine = name in after.ours
        if before.words.get(name) == word and (name in before.ours) == mine and name not in chosen:
            continue
        if before.words.get(name, word) != word:  # in another spelling: who said it stays
            numbers = (word_id(db, word), photo, word_id(db, before.words[name]))
            db.execute("UPDATE OR REPLACE standing SET word = ? WHERE photo = ? AND word = ?", numbers)
        _stands(db, photo, word, ours=mine, said=chosen.get(name) if mine else None)
    _save_refusals(db, photo, before, after, run, now)
    _save_withheld(db, photo, before, after, run, now)
    _save_caption(db, photo, before, after)


_GOES = "DELETE FROM standing WHERE photo = ? AND word = (SELECT id FROM words WHERE text = ?)"
_STANDS = (
    "INSERT INTO standing SELECT ?, id, ?, ?, ? FROM words WHERE text = ? "
    "ON CONFLICT (photo, word) DO UPDATE SET ours = excluded.ours, "
    "source = coalesce(excluded.source, source), score = coalesce(excluded.score, score)"
)


def _stands(db: sqlite3.Connection, photo: int, word: Word, *, ours: bool, said: Chosen | None) -> None:
    """This word stands on a photo from now on, be it a new one."""
    source, score = (said.source, said.score) if said else (None, None)
    values = (photo, ours, source, score, tags.text(word))
    if not db.execute(_STANDS, values).rowcount:
        word_id(db, word)
        db.execute(_STANDS, values)


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
            "DELETE FROM refusals WHERE key = ? AND (folder, stem) IN (SELECT folder, stem FROM photos "
            "WHERE id = ? OR id IN (SELECT other FROM sets WHERE photo = ?))",
            (name, photo, photo),
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


def kept_back(db: sqlite3.Connection, photo: int) -> set[int]:
    """The runs whose `redo` lets words of this photo go."""
    query = "SELECT run FROM withheld WHERE photo = ? AND why = ? AND run IS NOT NULL"
    return {int(row[0]) for row in db.execute(query, (photo, UNDONE))}


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
    if _texts(before) != _texts(after):
        title = (after.title, after.title_ours, after.title_conflict)
        more = [title] if any(title) else []
        texts = json.dumps([sorted(after.texts_refused), sorted(after.texts_withheld), *more])
        db.execute(
            "INSERT OR REPLACE INTO captions VALUES (?, ?, ?, ?, ?)",
            (photo, after.caption, after.caption_ours, after.conflict, texts),
        )


def _texts(truth: Truth) -> tuple[object, ...]:
    return (
        *(truth.caption, truth.caption_ours, truth.conflict, truth.texts_refused, truth.texts_withheld),
        *(truth.title, truth.title_ours, truth.title_conflict),
    )


_SETS = frozenset(column.name for column in columns(Memory) if isinstance(column.default, frozenset))
_TUPLES = frozenset(column.name for column in columns(Memory) if isinstance(column.default, tuple))
"""What comes back from JSON as a list was one of these."""


MemoryRow = tuple[bytes, str, bytes, bytes]
"""The digest of what stood there, why the photo is left alone, what `memory` reads, and the seal."""


def memories(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, dict[str, Memory]]:
    """What is remembered of every place of these photos."""
    found = memory_rows(db, photos)
    return {photo: {place: memory(row) for place, row in rows.items()} for photo, rows in found.items()}


def memory_rows(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, dict[str, MemoryRow]]:
    """The same, still packed."""
    found: dict[int, dict[str, MemoryRow]] = {photo: {} for photo in photos}
    query = f"SELECT photo, place, digest, aside, said, seal FROM memory WHERE photo IN ({marks(photos)})"
    for photo, place, digest, aside, said, seal in db.execute(query, photos):
        found[photo][place] = (digest, aside, said, seal)
    return found


Packed = tuple[bytes, str, bytes]
"""The digest of what stood there, why the photo is left alone, and what `memory` reads."""


def save_memory(db: sqlite3.Connection, photo: int, place: str, memory: Memory) -> None:
    """Remember a place."""
    save_packed(db, photo, place, packed(memory))


def packed(memory: Memory) -> Packed:
    """A memory as the ledger keeps it."""
    return memory.digest, memory.aside, _packed(memory)


def save_packed(db: sqlite3.Connection, photo: int, place: str, row: Packed) -> None:
    """Remember a place by what `packed` made of its memory."""
    db.execute(
        "INSERT OR REPLACE INTO memory (photo, place, digest, aside, said) VALUES (?, ?, ?, ?, ?)",
        (photo, place, *row),
    )


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NAMES = tuple(column.name for column in columns(Memory) if column.name not in ("digest", "aside"))
_values = attrgetter(*_NAMES)
_PLAIN = frozenset({str, int, float, bool, tuple, dict})
"""What JSON takes as it is; asking whether something is a Mapping is slow."""


def _packed(memory: Memory) -> bytes:
    body: dict[str, object] = {}
    for name, value in zip(_NAMES, _values(memory), strict=True):
        if value:
            body[name] = value if type(value) in _PLAIN else _plain(value)
    if memory.history:
        body["history"] = [digest.hex() for digest in memory.history]
    if memory.confirmed == memory.ours:
        body.pop("confirmed", None)
    else:
        body.setdefault("confirmed", [])
    return squeezed(_json(body).encode(), 1)


def _plain(value: Any) -> object:
    return sorted(value) if isinstance(value, AbstractSet) else dict(value)


def memory(row: MemoryRow) -> Memory:
    """One place's memory from what `memory_rows` gave for it."""
    digest, aside, said, _ = row
    return Memory(**_body(said), digest=digest, aside=aside)


@lru_cache(maxsize=64)
def _body(said: bytes) -> Mapping[str, Any]:
    """All but the digest and the reason: the same for many places in which nothing stands."""
    body: dict[str, Any] = json.loads(zlib.decompress(said))
    body.setdefault("confirmed", body.get("ours", []))
    for name, value in body.items():
        if name in _SETS:
            body[name] = frozenset(value)
        elif name in _TUPLES:
            body[name] = tuple(value)
    if "lists" in body:
        body["lists"] = {name: tuple(values) for name, values in body["lists"].items()}
    body["history"] = tuple(bytes.fromhex(one) for one in body.get("history", ()))
    return body


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
