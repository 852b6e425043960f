"""Words that a person approved to become another, photo by photo: what waits, and what stood before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from metadata import tags
from metadata.memory import Truth
from metadata.tags import Word
from watcher.ledger import words
from watcher.ledger.files import marks

WAITING, BOOKED, DONE, BACK, UNDONE = "waiting", "booked", "done", "back", "undone"
"""A row is approved, then in the truth, then in every place; undone in the truth, then in every place."""


@dataclass(frozen=True, slots=True)
class Merges:
    """What is open of one photo: words (by key) that are to become others, and words to be respelled in places."""

    run: int
    merging: Mapping[str, Word]
    respelled: frozenset[str]
    returned: frozenset[str] = frozenset()
    """Those of `respelled` that come back to what they were."""


NONE = Merges(0, {}, frozenset())


def of(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Merges]:
    """What is open of these photos; those of which nothing is are left out."""
    query = (
        "SELECT photo, run, key, word, was, state FROM merges "
        f"WHERE state IN ('waiting', 'booked', 'back') AND photo IN ({marks(photos)}) ORDER BY run"
    )
    found: dict[int, Merges] = {}
    for photo, run, name, word, was, state in db.execute(query, photos):
        one = found.get(photo, NONE)
        merging = {**one.merging, name: tags.parse(word)} if state == WAITING else one.merging
        shown = tags.key(tags.parse(was if state == BACK else word))
        returned = one.returned | {shown} if state == BACK else one.returned - {shown}
        found[photo] = Merges(run if state != BACK else one.run, merging, one.respelled | {shown}, returned)
    return found


def plan(db: sqlite3.Connection, run: int, rows: Iterable[tuple[int, str, Word]]) -> int:
    """Note that on this photo the word of this key is to become another; how many such there are."""
    made = [(run, photo, name, tags.text(word)) for photo, name, word in rows]
    db.executemany("INSERT OR REPLACE INTO merges (run, photo, key, word) VALUES (?, ?, ?, ?)", made)
    return len(made)


def book(db: sqlite3.Connection, photo: int, before: Truth, after: Truth) -> None:
    """The truth of a photo is about to be `after`: note what stood before, and forget what did not come about."""
    rows = db.execute(
        "SELECT run, key, word FROM merges WHERE photo = ? AND state = 'waiting'", (photo,)
    ).fetchall()
    for run, name, text in rows:
        was, to = before.words.get(name), tags.parse(text)
        if was is None or (after.words.get(name) == was and tags.key(to) != name):
            db.execute("DELETE FROM merges WHERE photo = ? AND run = ? AND key = ?", (photo, run, name))
            continue
        stood = before.words.get(tags.key(to)) if tags.key(to) != name else None
        source, score = _said(db, photo, was) if name in before.ours else (None, None)
        db.execute(
            "UPDATE merges SET state = 'booked', was = ?, was_ours = ?, source = ?, score = ?, stood = ?, "
            "stood_ours = ? WHERE photo = ? AND run = ? AND key = ?",
            (
                *(tags.text(was), name in before.ours, source, score),
                *(tags.text(stood) if stood else "", tags.key(to) in before.ours),
                *(photo, run, name),
            ),
        )


def _said(db: sqlite3.Connection, photo: int, word: Word) -> tuple[str | None, float | None]:
    """Who said a word of ours: what a person's once was does not matter any more."""
    row = db.execute(
        "SELECT source, score FROM standing WHERE photo = ? AND word = (SELECT id FROM words WHERE text = ?)",
        (photo, tags.text(word)),
    ).fetchone()
    return (row[0], row[1]) if row else (None, None)


def everywhere(db: sqlite3.Connection, photos: Sequence[int]) -> None:
    """Every place of these photos has it."""
    db.execute(
        "UPDATE merges SET state = CASE state WHEN 'booked' THEN 'done' ELSE 'undone' END "
        f"WHERE photo IN ({marks(photos)}) AND state IN ('booked', 'back')",
        photos,
    )


# Back


def photos_of(db: sqlite3.Connection, run: int | None) -> list[int]:
    """Photos with merges that stand or wait, of one run or of all."""
    rows = db.execute(
        "SELECT DISTINCT photo FROM merges WHERE state IN ('waiting', 'booked', 'done') "
        "AND (? IS NULL OR run = ?) ORDER BY photo",
        (run, run),
    )
    return [int(row[0]) for row in rows]


def touched(db: sqlite3.Connection, photos: Sequence[int]) -> list[int]:
    """Those of these photos that merges are about."""
    return [
        row[0] for row in db.execute(f"SELECT DISTINCT photo FROM merges WHERE photo IN ({marks(photos)})", photos)
    ]


def undo(db: sqlite3.Connection, photo: int, run: int | None, now: float) -> int:
    """What stood on a photo before these merges is the truth again; how many words came back.

    A word that became another which a person took away since does not come back.
    """
    query = (
        "SELECT run, key, word, was, was_ours, source, score, stood, stood_ours FROM merges WHERE photo = ? "
        "AND state IN ('booked', 'done') AND (? IS NULL OR run = ?) ORDER BY run DESC"
    )
    rows = db.execute(query, (photo, run, run)).fetchall()
    db.execute(
        "UPDATE merges SET state = 'undone' WHERE photo = ? AND state = 'waiting' AND (? IS NULL OR run = ?)",
        (photo, run, run),
    )
    for number in dict.fromkeys(row[0] for row in rows):
        _undo(db, photo, [row for row in rows if row[0] == number], now)
    return len(rows)


def _undo(db: sqlite3.Connection, photo: int, rows: Sequence[tuple[object, ...]], now: float) -> None:
    before = words.truths(db, [photo])[photo]
    after, gone = _before(before, rows)
    run = int(str(rows[0][0]))
    words.save_truth(db, photo, before, after, chosen={}, run=run, now=now)
    for _, name, _, was, _, source, score, *_ in rows:
        db.execute(
            "UPDATE standing SET source = ?, score = ? WHERE photo = ? AND ours = 1 "
            "AND word = (SELECT id FROM words WHERE text = ?)",
            (source, score, photo, was),
        )
        db.execute("UPDATE merges SET state = 'back' WHERE photo = ? AND run = ? AND key = ?", (photo, run, name))
    for place, memory in words.memories(db, [photo])[photo].items():
        words.save_memory(db, photo, place, replace(memory, dropping=memory.dropping | gone, agreed=""))


def _before(truth: Truth, rows: Sequence[tuple[object, ...]]) -> tuple[Truth, frozenset[str]]:
    """The truth as it was before one run's merges of a photo, and the keys that go."""
    known, ours = dict(truth.words), set(truth.ours)
    going: set[str] = set()
    for _, _, word, was, was_ours, _, _, stood, stood_ours in rows:
        name, old = tags.key(tags.parse(str(word))), tags.parse(str(was))
        if name not in truth.words:
            continue
        if stood:
            known[name] = tags.parse(str(stood))
            (ours.add if stood_ours else ours.discard)(name)
        else:
            going.add(name)
        known[tags.key(old)] = old
        (ours.add if was_ours else ours.discard)(tags.key(old))
    back = {tags.key(tags.parse(str(row[3]))) for row in rows}
    going -= back
    known = {name: word for name, word in known.items() if name not in going}
    return replace(truth, words=known, ours=frozenset(ours & known.keys())), frozenset(going)


def redo(db: sqlite3.Connection, run: int) -> list[int]:
    """What was undone of a run is to be done again; the photos."""
    query = "SELECT DISTINCT photo FROM merges WHERE run = ? AND state IN ('back', 'undone')"
    photos = [int(row[0]) for row in db.execute(query, (run,))]
    db.execute("UPDATE merges SET state = 'waiting' WHERE run = ? AND state IN ('back', 'undone')", (run,))
    return photos


def progress(db: sqlite3.Connection, run: int) -> tuple[int, int]:
    """Of how many photos a run's merges stand everywhere, and of how many they wait."""
    row = db.execute(
        "SELECT count(DISTINCT CASE WHEN state NOT IN ('waiting', 'booked') THEN photo END), "
        "count(DISTINCT CASE WHEN state IN ('waiting', 'booked') THEN photo END) FROM merges WHERE run = ?",
        (run,),
    ).fetchone()
    return int(row[0]), int(row[1])


def left(db: sqlite3.Connection, run: int) -> int:
    """The second of these alone, while a run is applied: of as many photos as still wait, and no others."""
    row = db.execute(
        "SELECT count(DISTINCT photo) FROM merges INDEXED BY merges_open "
        "WHERE state IN ('waiting', 'booked', 'back') AND run = ?",
        (run,),
    ).fetchone()
    return int(row[0])


def run_of(db: sqlite3.Connection, why: str) -> int | None:
    """The run of this name, where it is under way or done and was not undone; else None."""
    row = db.execute(
        "SELECT runs.id FROM runs JOIN merges ON merges.run = runs.id WHERE runs.why = ? "
        "AND merges.state IN ('waiting', 'booked', 'done') ORDER BY runs.id DESC",
        (why,),
    ).fetchone()
    return int(row[0]) if row else None
