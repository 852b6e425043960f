"""What was said about pictures, packed: one row per picture, source and version."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metadata import tags
from metadata.choose import Evidence
from metadata.people import Box, Person
from metadata.squeeze import squeezed
from metadata.tags import Word
from watcher.ledger import vectors
from watcher.ledger.files import marks

MOST_WORDS = 256
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
STALE = "?"
"""Before the version of what was said: the source is to be asked again."""
PACKED = 512
"""Bytes from which a row is compressed; shorter ones would not shrink."""


def pack(said: Evidence) -> bytes:
    """Words and scores (three decimals) as JSON, compressed where that pays."""
    words = [[tags.text(word), round(score, 3)] for word, score in said.words[:MOST_WORDS]]
    body: list[Any] = [words, dict(said.texts)] if said.texts or said.people else [words]
    if said.people:
        body.append([[one.name, one.box] for one in said.people])
    plain = _json(body).encode("utf-8", "surrogatepass")
    return b"z" + squeezed(plain, 1) if len(plain) > PACKED else plain


def unpack(source: str, version: str, packed: bytes) -> Evidence:
    """The evidence that `pack` wrote."""
    plain = zlib.decompress(packed[1:]) if packed[:1] == b"z" else packed
    body = json.loads(plain)
    words = [(tags.parse(text), score) for text, score in body[0]]
    return Evidence(source, version, words, body[1] if len(body) > 1 else {}, _people(body))


def _people(body: list[Any]) -> list[Person]:
    return [Person(name, Box(*box) if box else None) for name, box in (body[2] if len(body) > 2 else ())]


def own_key(photo: int) -> bytes:
    """Where evidence hangs that was read from one file's metadata or name, and not from the picture."""
    return b"#%d" % photo


def keep(db: sqlite3.Connection, digest: bytes, said: Sequence[Evidence], now: float) -> set[Word]:
    """Remember what was said of a picture; an older version of the same source gives way.

    The words that this version of a source had not said before.
    """
    return keep_all(db, [(digest, said)], now)[0]


def keep_all(
    db: sqlite3.Connection, said: Sequence[tuple[bytes, Sequence[Evidence]]], now: float
) -> list[set[Word]]:
    """`keep` for several pictures at once, in order; a picture may come twice."""
    known: dict[tuple[bytes, str], list[tuple[str, bytes]]] = {}
    digests = list(dict.fromkeys(digest for digest, _ in said))
    for digest, found in rows(db, digests).items():
        for source, version, packed in found:
            known.setdefault((digest, source), []).append((version, packed))
    stood, counts = frozenset(known), Counter[tuple[str, str]]()
    fresh: dict[tuple[bytes, str], tuple[str, bytes]] = {}
    news: list[set[Word]] = []
    for digest, each in said:
        news.append(set())
        for one in each:
            place, row = (digest, one.source), (one.version, pack(one))
            before = known.get(place, [])
            if before != [row]:
                news[-1] |= _new_words(one, before, counts)
                known[place], fresh[place] = [row], row
    gone = [place for place in fresh if place in stood]
    db.executemany("DELETE FROM evidence WHERE digest = ? AND source = ?", gone)
    db.executemany(
        "INSERT INTO evidence VALUES (?, ?, ?, ?, ?)",
        [(digest, source, version, now, packed) for (digest, source), (version, packed) in fresh.items()],
    )
    _tally(db, counts)
    return news


def _new_words(one: Evidence, before: Sequence[tuple[str, bytes]], counts: Counter[tuple[str, str]]) -> set[Word]:
    """What a source had not said before; `counts` takes the difference by source and word."""
    words = {word for word, _ in one.words}
    for version, packed in before:
        old = unpack(one.source, version, packed)
        counts.subtract((one.source, name) for name in _counted(old))
        if version.removeprefix(STALE) == one.version:
            words.difference_update(word for word, _ in old.words)
    counts.update((one.source, name) for name in _counted(one))
    return words


def _tally(db: sqlite3.Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Count pictures by source and word, and under the key '' all that the source looked at."""
    db.executemany(
        "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET pictures = pictures + excluded.pictures",
        [(source, name, count) for (source, name), count in counts.items() if count],
    )


def _counted(said: Evidence) -> list[str]:
    plain = not said.texts and not said.people
    return ["", *(tags.key(word) for word, score in said.words if score >= 0.5)] if plain else [""]


def overused(
    db: sqlite3.Connection, sources: Iterable[str], limit: float, least: int
) -> dict[str, tuple[int, int]]:
    """Words that a source says of more than `limit` of the pictures it saw (at least `least`): key -> counts."""
    found: dict[str, tuple[int, int]] = {}
    for source in sources:
        counts = dict(db.execute("SELECT key, pictures FROM tallies WHERE source = ?", (source,)))
        total = counts.pop("", 0)
        if total >= least:
            found |= {key: (count, total) for key, count in counts.items() if count > limit * total}
    return found


def of(db: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, list[Evidence]]:
    """All evidence for some pictures."""
    return {digest: [unpack(*row) for row in found] for digest, found in rows(db, digests).items()}


Row = tuple[str, str, bytes]
"""Source, version, and what `unpack` reads."""


def rows(db: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, list[Row]]:
    """All evidence for some pictures, still packed."""
    found: dict[bytes, list[Row]] = {digest: [] for digest in digests}
    query = f"SELECT digest, source, version, said FROM evidence WHERE digest IN ({marks(digests)})"
    for digest, source, version, packed in db.execute(query, digests):
        found[digest].append((source, version, packed))
    return found


def asked(db: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, frozenset[str]]:
    """Which sources were asked about each picture, as source@version."""
    found: dict[bytes, set[str]] = {}
    rows = db.execute(f"SELECT digest, source, version FROM evidence WHERE digest IN ({marks(digests)})", digests)
    for digest, source, version in rows:
        found.setdefault(digest, set()).add(f"{source}@{version}")
    return {digest: frozenset(names) for digest, names in found.items()}


def ask_again(db: sqlite3.Connection, digests: Iterable[bytes], source: str | None = None) -> None:
    """Have one source or all asked again about these pictures; what was said counts until then."""
    db.executemany(
        "UPDATE evidence SET version = ? || version WHERE digest = ? AND (? IS NULL OR source = ?) "
        "AND substr(version, 1, 1) != ?",
        [(STALE, digest, source, source, STALE) for digest in digests],
    )


def forget(db: sqlite3.Connection, digest: bytes) -> None:
    """Forget what was said of a picture."""
    _tally(db, {(one.source, name): -1 for one in of(db, [digest])[digest] for name in _counted(one)})
    db.execute("DELETE FROM evidence WHERE digest = ?", (digest,))
    vectors.forget(db, digest)


def sweep(db: sqlite3.Connection) -> int:
    """Forget evidence of pictures that no photo shows and of files that are not known; how many rows went.

    What was read from one file's own metadata hangs on `#` and the photo's number, shorter than any digest.
    """
    rows = db.execute(
        "SELECT digest, source, version, said FROM evidence "
        "WHERE NOT EXISTS (SELECT 1 FROM photos WHERE photos.digest = evidence.digest) "
        "AND NOT (length(digest) < 16 AND EXISTS (SELECT 1 FROM photos "
        "WHERE photos.id = CAST(CAST(substr(evidence.digest, 2) AS TEXT) AS INTEGER)))"
    ).fetchall()
    for digest, source, version, packed in rows:
        _tally(db, {(source, name): -1 for name in _counted(unpack(source, version, packed))})
        db.execute(
            "DELETE FROM evidence WHERE digest = ? AND source = ? AND version = ?", (digest, source, version)
        )
    return len(rows)
