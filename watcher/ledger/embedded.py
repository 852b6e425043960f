"""What stands inside photos, as the last look found it, so that nobody opens them again to decide."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from metadata.sinks import Claim, Seen
from watcher.ledger.files import marks

Row = tuple[bytes, bytes]
"""The digest of all metadata that was read, and what `unpack` reads."""

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def keep(db: sqlite3.Connection, photo: int, seen: Seen) -> None:
    """Remember what stands inside a photo."""
    row = (seen.digest, pack(seen))
    if db.execute("SELECT digest, said FROM embedded WHERE photo = ?", (photo,)).fetchone() != row:
        db.execute("INSERT OR REPLACE INTO embedded VALUES (?, ?, ?)", (photo, *row))


def rows(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Row]:
    """What is known of these photos, still packed; those nobody looked into are left out."""
    query = f"SELECT photo, digest, said FROM embedded WHERE photo IN ({marks(photos)})"
    return {photo: (digest, said) for photo, digest, said in db.execute(query, photos)}


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
