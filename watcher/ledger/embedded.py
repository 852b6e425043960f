"""What stands inside photos, as the last look found it, so that nobody opens them again to decide."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from metadata.sinks import Claim, Seen
from watcher.ledger.files import marks

Row = tuple[bytes, bytes]
"""The digest of all metadata that was read, and what `unpack` reads."""

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def keep(db: sqlite3.Connection, found: Mapping[int, Seen]) -> None:
    """Remember what stands inside photos, by their numbers."""
    known = rows(db, list(found))
    new = {photo: (seen.digest, pack(seen)) for photo, seen in found.items()}
    changed = [(photo, *row) for photo, row in new.items() if known.get(photo) != row]
    db.executemany("INSERT OR REPLACE INTO embedded VALUES (?, ?, ?)", changed)


def rows(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Row]:
    """What is known of these photos, still packed; those nobody looked into are left out."""
    query = f"SELECT photo, digest, said FROM embedded WHERE photo IN ({marks(photos)})"
    return {photo: (digest, said) for photo, digest, said in db.execute(query, photos)}


def bar(db: sqlite3.Connection, photo: int, digest: bytes, reason: str) -> None:
    """Only read this photo from now on, as long as what stands inside has this digest."""
    db.execute("INSERT OR REPLACE INTO only_read VALUES (?, ?, ?)", (photo, digest, reason))


def allow(db: sqlite3.Connection, photos: Sequence[int]) -> None:
    """Try again to write into these photos."""
    db.executemany("DELETE FROM only_read WHERE photo = ?", [(photo,) for photo in photos])


def allow_all_but(db: sqlite3.Connection, roots: Sequence[str]) -> None:
    """Forget it of photos of other roots than these, where nobody wants them to be written."""
    db.execute(
        "DELETE FROM only_read WHERE photo NOT IN (SELECT photos.id FROM photos "
        f"JOIN folders ON folders.id = photos.folder WHERE folders.root IN ({marks(roots)}))",
        roots,
    )


def barred(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, tuple[bytes, str]]:
    """Of these photos those that are only read: the digest for which that holds, and the reason."""
    query = f"SELECT photo, digest, reason FROM only_read WHERE photo IN ({marks(photos)})"
    return {photo: (digest, reason) for photo, digest, reason in db.execute(query, photos)}


def reasons(db: sqlite3.Connection) -> dict[int, str]:
    """Every photo that is only read, and why."""
    return dict(db.execute("SELECT photo, reason FROM only_read").fetchall())


def pack(seen: Seen) -> bytes:
    """Everything but the digest; nothing where nothing stands."""
    claim = seen.claimed
    body = {
        "lists": dict(seen.lists),
        "texts": dict(seen.texts),
        "programs": sorted(seen.programs),
        "people": sorted(seen.people),
        "claimed": (claim.ledger, claim.run, claim.words, claim.texts) if claim else None,
        "regions": seen.regions,
    }
    full = {name: value for name, value in body.items() if value}
    return _json(full).encode("utf-8", "surrogatepass") if full else b""


def unpack(row: Row) -> Seen:
    """What `pack` was given."""
    digest, said = row
    if not said:
        return Seen(exists=True, digest=digest)
    body = json.loads(said)
    claim = body.get("claimed")
    return Seen(
        exists=True,
        digest=digest,
        lists={name: tuple(values) for name, values in body.get("lists", {}).items()},
        texts=body.get("texts", {}),
        programs=frozenset(body.get("programs", ())),
        people=frozenset(body.get("people", ())),
        claimed=Claim(claim[0], claim[1], tuple(claim[2]), tuple(claim[3])) if claim else None,
        regions=body.get("regions", 0),
    )
