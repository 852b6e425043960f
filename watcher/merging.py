"""`tagwright dedupe --apply` and what belongs to it: words become others, aliases, words that are kept apart.

All of it is for the photos of all, or of one user of a server (`watcher.ledger.owners`). An approved report is
noted photo by photo; the worker's rooms do the rest, as they do any change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metadata import aliases as pure
from metadata import tags
from metadata.errors import UserError
from metadata.tags import Word
from watcher import census
from watcher.app import App
from watcher.ledger import aliases as book
from watcher.ledger import answers, merges, owners, work
from watcher.ledger.owners import EVERYBODY

Answer = dict[str, Any]

MOVED = 0.1
"""The share by which a count may have moved since the report."""


def merge(
    app: App,
    *,
    report: str,
    words: Sequence[Mapping[str, Any]],
    apart: Sequence[Sequence[str]] = (),
    owner: str = EVERYBODY,
) -> Answer:
    """Make the approved words others, on the photos that the report counted, and remember aliases.

    `report` is its digest; each of `words` holds `word`, `to` (as `tags.text` has it), the photos `ids`, and the
    counts `agreed` and `to_agreed`.
    `owner` says whose photos the report is about; no others are touched. Raises UserError for a report of all
    where photos have become users' since.
    """
    if owner == EVERYBODY and owners.parts(app.ledger.db) != [EVERYBODY]:
        raise UserError(
            "this report is about all photos, and some are users' by now; `tagwright dedupe` makes new ones"
        )
    why = f"dedupe {report[:12]}"
    run = merges.run_of(app.ledger.db, why)
    if run is not None:
        return _go_on(app, run)
    run = app.begin(why)
    app.worker.prepare(len({number for one in words for number in one["ids"]}))
    with app.ledger.transaction() as db:
        kept, left_out = _as_counted(db, words, owner)
        kept, circles = _aliased(db, kept, run, app.now(), owner)
        for one, other in apart:
            book.keep_apart(db, (one,), (other,), app.now(), owner)
        rows = dict.fromkeys(_rows(db, kept, owner))
        merges.plan(db, run, rows)
        photos = {photo for photo, _, _ in rows}
        _empty(db, run, rows, owner)
        work.again(db, photos, app.now())
    app.refresh_rules()
    return {
        "run": run,
        "photos": len(photos),
        "words": len(kept),
        "left_out": left_out + circles,
        "continued": False,
    }


def _go_on(app: App, run: int) -> Answer:
    """The same report once more: a process ended in the middle, or it is all done."""
    db = app.ledger.db
    query = "SELECT DISTINCT photo FROM merges WHERE run = ? AND state IN ('waiting', 'booked')"
    photos = [row[0] for row in db.execute(query, (run,))]
    with app.ledger.transaction():
        db.execute("UPDATE runs SET ended = NULL WHERE id = ?", (run,))
        work.again(db, photos, app.now())
    app.worker.run_number = run
    app.worker.prepare(len(photos))
    return {"run": run, "photos": len(photos), "words": 0, "left_out": [], "continued": True}


def _as_counted(
    db: sqlite3.Connection, words: Sequence[Mapping[str, Any]], owner: str
) -> tuple[list[Any], list[str]]:
    """Those whose counts are about what the report says, and why the others are left out."""
    known = {one["word"]: int(one["agreed"]) for one in words}
    known |= {tags.parse(one["to"])[-1]: int(one["to_agreed"]) for one in words if one["to_agreed"] is not None}
    now = census.standing_now(db, list(known), owner)
    moved = {text for text, count in known.items() if abs(now[text] - count) > MOVED * count}
    kept, left_out = [], []
    for one in words:
        odd = [text for text in (one["word"], tags.parse(one["to"])[-1]) if text in moved]
        if odd:
            said = f"{odd[0]} stood on {known[odd[0]]} photos and stands on {now[odd[0]]} now"
            left_out.append(f"{one['word']} -> {_shown(one)}: {said}; make a new report")
        else:
            kept.append(one)
    return kept, left_out


def _target(one: Mapping[str, Any]) -> Word:
    """What a word becomes, as it is written: without blanks that nobody sees."""
    return tuple(" ".join(part.split()) for part in tags.parse(one["to"]))


def _shown(one: Mapping[str, Any]) -> str:
    return "/".join(tags.parse(one["to"]))


def _aliased(
    db: sqlite3.Connection, words: Sequence[Mapping[str, Any]], run: int, now: float, owner: str
) -> tuple[list[Any], list[str]]:
    """Remember each as an alias for tomorrow's photos; those that would close a circle are left out."""
    kept, left_out = [], []
    for one in words:
        word, to = (one["word"],), _target(one)
        try:
            book.add(db, word, to, now, leaf=len(to) == 1, run=run, owner=owner)
        except UserError as error:
            left_out.append(f"{one['word']} -> {_shown(one)}: {error}")
        else:
            kept.append(one)
    return kept, left_out


def _rows(
    db: sqlite3.Connection, words: Sequence[Mapping[str, Any]], owner: str
) -> Iterator[tuple[int, str, Word]]:
    """Photo, key and new word, for each keyword with one of these parts on a photo that was counted for it."""
    known = book.used(db, owner)
    targets = {one["word"]: _end(known, _target(one)) for one in words}
    within = {one["word"]: pure.applied(_target(one), {}, known.leaves) for one in words}
    whose = owners.mine(db, owner, list({number for one in words for number in one["ids"]}))
    counted = {one["word"]: whose & {*one["ids"]} for one in words}
    numbers: dict[int, Word] = {}
    for part in targets:
        numbers.update(census.words_with(db, part))
        numbers.update(_spelled_otherwise(db, part))
    for number, word in numbers.items():
        if not census.counted(word):
            continue
        parts = [part for part in targets if _has(word, part)]
        for (photo,) in db.execute("SELECT photo FROM standing WHERE word = ?", (number,)):
            ends = targets if len(word) == 1 else within  # a path's parts are exchanged where they stand
            mine = {part: ends[part] for part in parts if photo in counted[part]}
            if mine and (to := changed(word, mine)):
                yield photo, tags.key(word), to


def _spelled_otherwise(db: sqlite3.Connection, part: str) -> list[tuple[int, Word]]:
    """Plain words that only differ in spelling: some place shows them as the part is spelled."""
    rows = db.execute("SELECT id, text FROM words WHERE key = ?", (tags.key((part,)),)).fetchall()
    return [(int(number), tags.parse(text)) for number, text in rows]


def _has(word: Word, part: str) -> bool:
    return part in word or tags.key(word) == tags.key((part,))


def _end(known: book.Both, to: Word) -> Word:
    return pure.applied(to, known.paths, known.leaves)


def changed(word: Word, targets: Mapping[str, Word]) -> Word:
    """A keyword with its parts exchanged: never with fewer levels. The same word where only places differ."""
    if len(word) == 1:
        return next((pure.kept(word, to) for part, to in targets.items() if _has(word, part)), word)
    above = tuple(targets[part][-1] if part in targets and len(targets[part]) == 1 else part for part in word[:-1])
    leaf = targets.get(word[-1])
    if leaf is not None and len(leaf) > 1:
        return ()  # what was approved is about the plain word
    return pure.kept((*above, word[-1]), leaf) if leaf else (*above, word[-1])


def _empty(db: sqlite3.Connection, run: int, rows: Mapping[tuple[int, str, Word], None], owner: str) -> None:
    """Note the tags that a server may have no more use for once all is done."""
    went = {name for _, name, _ in rows}
    query = "SELECT text FROM words WHERE key = ?"
    words = [tags.parse(text) for name in went for (text,) in db.execute(query, (name,))]
    stay = {word for _, _, word in rows}
    gone = [(run, tags.to_tags_list(word), owner) for word in words if word not in stay]
    db.executemany("INSERT OR IGNORE INTO emptied (run, tag, owner) VALUES (?, ?, ?)", gone)


# Aliases


def alias_add(app: App, *, word: str, to: str, path: bool = False, user: str = EVERYBODY) -> Answer:
    """From now on `to` is written instead of `word`: wherever it is a last part, or (`path`) only as it stands.

    On all photos, or on those of one user.
    """
    old, new = _word(word), _word(to)
    if len(old) > 1 and len(new) < len(old):
        raise UserError(f"{tags.show(old)} has more levels than {tags.show(new)}, and none may be lost")
    leaf = len(old) == 1 and len(new) == 1 and not path
    with app.ledger.transaction() as db:
        whose = owners.find(db, user)
        book.add(db, old, new, app.now(), leaf=leaf, owner=whose)
    app.refresh_rules()
    made = {"word": tags.show(old), "to": tags.show(new), "matches": "last part" if leaf else "whole path"}
    return made | _of(app, whose)


def alias_remove(app: App, *, word: str, user: str = EVERYBODY) -> Answer:
    """Write what is said again; persons' own words stay as they are."""
    old = _word(word)
    with app.ledger.transaction() as db:
        whose = owners.find(db, user)
        if not book.remove(db, old, whose):
            of = f" of {owners.called(db, whose)}" if whose else ""
            raise UserError(f"{tags.show(old)} is no alias{of}; `tagwright dedupe alias list` shows which are")
    app.refresh_rules()
    return {"word": tags.show(old)} | _of(app, whose)


def alias_import(app: App, *, aliases: Sequence[Mapping[str, str]], user: str | None = None) -> Answer:
    """Many at once, as `dedupe alias export` wrote them; all of them or none. With `user`, all for this one."""
    with app.ledger.transaction() as db:
        for one in aliases:
            old, new = _word(one["word"]), _word(one["to"])
            whose = owners.find(db, one.get("user", EVERYBODY) if user is None else user)
            book.add(db, old, new, app.now(), leaf=one.get("matches") == "last part", owner=whose)
    app.refresh_rules()
    return {"aliases": len(aliases)}


def _of(app: App, owner: str) -> Answer:
    return {"user": owners.called(app.ledger.db, owner)} if owner else {}


# Renames that were understood

Renames = Sequence[tuple[str, str, str]]
"""Whose photos, the old word and the new one, by key."""


def renames(db: sqlite3.Connection) -> Renames:
    """Those that wait for a person's word."""
    return db.execute("SELECT owner, key, word FROM offers WHERE state = 'open'").fetchall()


def rename(app: App, these: Renames) -> None:
    """They are rules from now on; photos of their owners that kept the old word back need not any more."""
    db = app.ledger.db
    for owner, old, new in these:
        word, to = (tags.parse(answers.spelled(db, text)) for text in (old, new))
        whose = owners.scope(db, owner)
        book.add(db, word, to, app.now(), leaf=False, owner=whose)
        kept = [row[0] for row in db.execute("SELECT photo FROM withheld WHERE key = ?", (old,))]
        mine = [(photo, old) for photo in owners.mine(db, whose, kept)]
        db.executemany("DELETE FROM withheld WHERE photo = ? AND key = ?", mine)
        db.execute("UPDATE offers SET state = 'applied' WHERE owner = ? AND key = ?", (owner, old))


def wake_renamed(app: App, these: Renames) -> int:
    """Their owners' photos on which the old words are ours are due; how many there are."""
    db, found = app.ledger.db, set[int]()
    query = (
        "SELECT DISTINCT standing.photo FROM standing JOIN words ON words.id = standing.word "
        "WHERE standing.ours = 1 AND words.key = ?"
    )
    for owner, old, _ in these:
        photos = [row[0] for row in db.execute(query, (old,))]
        found |= owners.mine(db, owners.scope(db, owner), photos)
    with app.ledger.transaction():
        work.again(db, found, app.now())
    return len(found)


# Kept apart


def protect(app: App, *, words: Sequence[str], user: str = EVERYBODY) -> Answer:
    """These are never merged with anything, on all photos or on those of one user."""
    these = [_word(word) for word in words]
    with app.ledger.transaction() as db:
        whose = owners.find(db, user)
        for word in these:
            book.keep_apart(db, word[-1:], (), app.now(), whose)
    return {"protected": [tags.show(word[-1:]) for word in these]} | _of(app, whose)


def unprotect(app: App, *, words: Sequence[str], user: str = EVERYBODY) -> Answer:
    """These may be merged again."""
    these = [_word(word)[-1:] for word in words]
    with app.ledger.transaction() as db:
        whose = owners.find(db, user)
        for word in these:
            if not book.let_together(db, word, (), whose):
                raise UserError(f"{tags.show(word)} is not protected; `tagwright dedupe apart` shows what is")
    return {"loosened": [tags.show(word) for word in these]} | _of(app, whose)


def block(app: App, *, word: str, other: str, user: str = EVERYBODY) -> Answer:
    """These two are never merged with each other, nor offered."""
    one, two = _word(word)[-1:], _word(other)[-1:]
    if one == two:
        raise UserError("name two words")
    with app.ledger.transaction() as db:
        whose = owners.find(db, user)
        book.keep_apart(db, one, two, app.now(), whose)
    return {"word": tags.show(one), "other": tags.show(two)} | _of(app, whose)


def unblock(app: App, *, word: str, other: str, user: str = EVERYBODY) -> Answer:
    """These two may be merged again."""
    one, two = _word(word)[-1:], _word(other)[-1:]
    with app.ledger.transaction() as db:
        whose = owners.find(db, user)
        if not book.let_together(db, one, two, whose):
            raise UserError(f"{tags.show(one)} and {tags.show(two)} are not kept apart")
    return {"word": tags.show(one), "other": tags.show(two)} | _of(app, whose)


def _word(typed: str) -> Word:
    word = tags.clean(tags.typed(typed))
    if not word:
        raise UserError(f"{typed!r} is no keyword")
    return word
