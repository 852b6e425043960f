"""What a person asks of the ledger: how far it is, what waits, what is known of a photo. Reads only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from metadata import tags
from metadata.photo import Photo
from watcher.ledger import files, owners

Row = dict[str, Any]

RECENT = 600.0
"""Seconds over which the present rate is taken."""


def status(db: sqlite3.Connection, now: float) -> Row:
    """By state, what is due, the rate and the estimate, and everything that waits with its reason."""
    states = dict(db.execute("SELECT state, count(*) FROM photos WHERE gone IS NULL GROUP BY state"))
    due = _count(db, "(due IS NOT NULL OR booked IS NOT NULL) AND gone IS NULL")
    rate = _rate(db, now)
    return {
        "photos": sum(states.values()),
        "states": states,
        "gone": _count(db, "gone IS NOT NULL"),
        "due": due,
        "per_second": round(rate, 2),
        "estimate_s": round(due / rate) if rate and due else None,
        "held": held(db),
        "aside": _rows(
            db,
            "SELECT reason, count(*) AS photos FROM photos WHERE state = 'aside' GROUP BY reason ORDER BY 2 DESC",
        ),
        "waits": _rows(
            db,
            "SELECT reason, count(*) AS photos FROM photos WHERE state = 'waits' GROUP BY reason ORDER BY 2 DESC",
        ),
        "later": _rows(
            db,
            "SELECT reason, count(*) AS photos, min(due) AS next FROM photos WHERE attempts > 0 AND reason != '' "
            "AND due IS NOT NULL GROUP BY reason",
        ),
        "only_read": _rows(db, "SELECT reason, count(*) AS photos FROM only_read GROUP BY reason ORDER BY 2 DESC"),
        "roots": _rows(db, "SELECT name, waits, agreed, walked FROM roots"),
        "stops": _rows(db, "SELECT root, place, reason, at FROM stops"),
        "renames": offers(db),
        "growing": _value(db, "growing"),
        "rests": _value(db, "rests"),
        "overused": [line for line in _value(db, "overused").split("\n") if line],
        "problems": [line for line in _value(db, "problems").split("\n") if line],
    }


def _count(db: sqlite3.Connection, where: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM photos WHERE {where}").fetchone()[0])


def _value(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _rate(db: sqlite3.Connection, now: float) -> float:
    """Photos a second over the last ten minutes of work."""
    count, first = db.execute(
        "SELECT count(*), min(delivered) FROM photos WHERE delivered > ?", (now - RECENT,)
    ).fetchone()
    return count / max(now - first, 1.0) if count else 0.0


def _rows(db: sqlite3.Connection, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
    found = db.execute(query, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def held(db: sqlite3.Connection) -> list[Row]:
    """Photos behind a gate, by root and gate."""
    return _rows(
        db,
        "SELECT folders.root, photos.gate, count(*) AS photos FROM photos "
        "JOIN folders ON folders.id = photos.folder WHERE photos.gate IN "
        "('first look', 'rules', 'loss', 'closed', 'move') AND photos.gone IS NULL AND photos.due IS NULL "
        "AND photos.state NOT IN ('aside', 'left') GROUP BY 1, 2",
    )


def offers(db: sqlite3.Connection) -> list[Row]:
    """Renames that were understood and wait to be applied to all photos."""
    rows = db.execute("SELECT key, word, photos, owner FROM offers WHERE state = 'open'").fetchall()
    return [
        {"from": _show(spelled(db, old)), "to": _show(spelled(db, new)), "photos": count}
        | ({"user": owners.called(db, owner)} if owner else {})
        for old, new, count, owner in rows
    ]


def spelled(db: sqlite3.Connection, key: str) -> str:
    """How a word was last spelled, as the ledger writes it."""
    row = db.execute("SELECT text FROM words WHERE key = ? ORDER BY id DESC", (key,)).fetchone()
    return str(row[0]) if row else key


def _show(text: str) -> str:
    return tags.show(tags.parse(text))


def about(db: sqlite3.Connection, photo: Photo) -> Row:
    """All that is known of a photo, except what its places show now."""
    row = _rows(
        db,
        f"SELECT state, reason, gate, due, attempts, seen, delivered, gone, digest, {files.COLUMNS} "
        "FROM photos WHERE id = ?",
        (photo.id,),
    )[0]
    row["digest"] = row["digest"].hex() if row["digest"] else None
    facts = {name.strip(): row.pop(name.strip()) for name in files.COLUMNS.split(",")}
    return {
        "file": os.fsdecode(photo.file),
        "root": photo.root,
        **row,
        "facts": {name: value for name, value in facts.items() if value is not None},
        "keywords": keywords(db, photo.id),
        "refused": _spoken(
            db,
            "SELECT refusals.text AS word, refusals.why, refusals.at, refusals.run FROM refusals JOIN photos "
            "ON photos.folder = refusals.folder AND photos.stem = refusals.stem WHERE photos.id = ?",
            photo.id,
        ),
        "withheld": _spoken(db, "SELECT text AS word, why, at, run FROM withheld WHERE photo = ?", photo.id),
        "events": _spoken(
            db, "SELECT word, place, what, at, run FROM events WHERE photo = ? ORDER BY id", photo.id
        ),
        "writes": _rows(
            db,
            "SELECT run, place, path, at, state FROM writes WHERE photo = ? ORDER BY id",
            (photo.id,),
        ),
    }


def keywords(db: sqlite3.Connection, photo: int) -> list[Row]:
    """The words that stand, with whose they are, the source and the score."""
    rows = _spoken(
        db,
        "SELECT words.text AS word, standing.ours, standing.source, standing.score FROM standing "
        "JOIN words ON words.id = standing.word WHERE standing.photo = ? ORDER BY standing.ours, words.text",
        photo,
    )
    return [{**row, "ours": bool(row["ours"])} for row in rows]


def facts_of(db: sqlite3.Connection, photos: Sequence[int], names: Sequence[str]) -> dict[int, Row]:
    """These facts of each of these photos."""
    query = f"SELECT id, {', '.join(names)} FROM photos WHERE id IN ({files.marks(photos)})"
    return {number: dict(zip(names, values, strict=True)) for number, *values in db.execute(query, photos)}


def standing_of(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, list[Row]]:
    """The words that stand on each of these photos, as `tags.Word`: whose they are; of ours source and score."""
    found: dict[int, list[Row]] = {number: [] for number in photos}
    for number, text, ours, source, score in db.execute(
        "SELECT standing.photo, words.text, standing.ours, standing.source, standing.score FROM standing "
        f"JOIN words ON words.id = standing.word WHERE standing.photo IN ({files.marks(photos)}) "
        "ORDER BY words.text",
        photos,
    ):
        owner = "tagwright" if ours else "person"
        said = (source, score) if ours else (None, None)
        found[number].append({"word": tags.parse(text), "owner": owner, "source": said[0], "score": said[1]})
    return found


def _spoken(db: sqlite3.Connection, query: str, photo: int) -> list[Row]:
    return [{**row, "word": tags.show(tags.parse(row["word"]))} for row in _rows(db, query, (photo,))]


def tagged(db: sqlite3.Connection, wanted: Sequence[tags.Word], least: float) -> list[str]:
    """Files that have all of these words (or words below them), ours at or above a score."""
    sets = []
    for word in wanted:
        name = tags.key(word)
        rows = db.execute(
            "SELECT DISTINCT standing.photo FROM standing JOIN words ON words.id = standing.word "
            "WHERE (words.key = ? OR words.key LIKE ? ESCAPE '\\' OR words.key LIKE ? ESCAPE '\\') "
            "AND (standing.ours = 0 OR coalesce(standing.score, 1) >= ?)",
            (name, _like(name) + tags.SEPARATOR + "%", "%" + tags.SEPARATOR + _like(name), least),
        )
        sets.append({row[0] for row in rows})
    found = set.intersection(*sets) if sets else {row[0] for row in db.execute("SELECT id FROM photos")}
    ids = sorted(found)
    photos: dict[int, Photo] = {}
    for start in range(0, len(ids), 500):
        photos |= files.photos_of(db, ids[start : start + 500])
    return sorted(os.fsdecode(photo.file) for photo in photos.values())


def _like(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def stats(db: sqlite3.Connection) -> Row:
    """Counts over the library: keywords by use, sources, formats, cameras, years."""
    words = _rows(
        db,
        "SELECT words.text AS word, count(*) AS photos, sum(standing.ours) AS ours FROM standing "
        "JOIN words ON words.id = standing.word GROUP BY words.key ORDER BY 2 DESC, 1",
    )
    return {
        "photos": _count(db, "gone IS NULL"),
        "keywords": [{**row, "word": tags.show(tags.parse(row["word"]))} for row in words],
        "sources": _rows(
            db,
            "SELECT source, count(*) AS keywords FROM standing WHERE source IS NOT NULL "
            "GROUP BY source ORDER BY 2 DESC",
        ),
        "formats": _by(db, "format"),
        "cameras": _by(db, "model"),
        "years": _by(db, "substr(taken, 1, 4)"),
    }


def _by(db: sqlite3.Connection, column: str) -> list[Row]:
    return _rows(
        db,
        f"SELECT {column} AS name, count(*) AS photos FROM photos WHERE gone IS NULL AND {column} IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1",
    )
