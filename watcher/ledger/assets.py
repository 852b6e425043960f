"""Immich's assets, as Immich told of them last, and the photos that they are."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metadata import tags
from watcher.ledger.files import marks

NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What an asset of Immich is called, also in the address of its page there."""

SILENT = "Immich has not answered yet"
"""Why a photo waits of which nothing can be said before Immich answered a first time."""
FOUND = "immich found"
"""Under which name the ledger remembers where Immich's folders are, and how they are written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One asset: whose it is, where Immich has it, in which state it was, what that means, and its photo."""

    id: str
    owner: str
    path: str
    mark: str
    verdict: str
    reason: str
    marked: bool = False
    photo: int | None = None
    kin: str = ""
    """The stack or Live Photo that it is in; not read back."""


_ALL = "SELECT id, owner, path, mark, verdict, reason, marked, photo FROM assets "


def _kept(row: tuple[str, str, str, str, str, str, int, int | None]) -> Kept:
    return Kept(*row[:6], bool(row[6]), row[7])


def known(db: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Owner and mark of every asset, by id."""
    return {row[0]: (row[1], row[2]) for row in db.execute("SELECT id, owner, mark FROM assets")}


def by_id(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Kept]:
    """These assets, by id."""
    rows = db.execute(f"{_ALL} WHERE id IN ({marks(ids)})", ids)
    return {row[0]: _kept(row) for row in rows}


def named(db: sqlite3.Connection, text: str) -> Kept | None:
    """The asset whose id stands in this text, as in the address of its page in Immich."""
    found = NAME.findall(text)
    return by_id(db, found[-1:]).get(found[-1]) if found else None


def owners_of(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, str]:
    """Whose photos these are in Immich, by the photo's number."""
    return dict(db.execute(f"SELECT photo, owner FROM assets WHERE photo IN ({marks(photos)})", photos))


def of_photos(db: sqlite3.Connection, photos: Sequence[int]) -> dict[int, Kept]:
    """The assets that these photos are, by the photo's number."""
    rows = db.execute(f"{_ALL} WHERE photo IN ({marks(photos)})", photos)
    return {row[7]: _kept(row) for row in rows}


def at(db: sqlite3.Connection, paths: Sequence[str]) -> dict[str, Kept]:
    """The assets at these paths of Immich's; of several at one path the one that may be looked at."""
    rows = db.execute(f"{_ALL} WHERE path IN ({marks(paths)}) ORDER BY verdict = 'ready', mark", paths)
    return {row[2]: _kept(row) for row in rows}


def keep(db: sqlite3.Connection, asset: Kept) -> None:
    """Remember what was told; marker and photo stay as they are where the asset is known."""
    db.execute(
        "INSERT INTO assets (id, owner, path, mark, verdict, reason, kin) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, path = excluded.path, mark = excluded.mark, "
        "verdict = excluded.verdict, reason = excluded.reason, kin = excluded.kin",
        (asset.id, asset.owner, asset.path, asset.mark, asset.verdict, asset.reason, asset.kin),
    )


def link(db: sqlite3.Connection, asset: str, photo: int) -> None:
    """This photo is that asset, and no other."""
    db.execute("UPDATE assets SET photo = NULL WHERE photo = ? AND id != ?", (photo, asset))
    db.execute("UPDATE assets SET photo = ? WHERE id = ?", (photo, asset))


def forget(db: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Immich has them no more."""
    db.executemany("DELETE FROM assets WHERE id = ?", [(each,) for each in ids])


def unmarked(db: sqlite3.Connection, most: int) -> list[Kept]:
    """Assets whose photos are done, and that do not carry the marker yet."""
    rows = db.execute(
        f"{_ALL} WHERE marked = 0 AND verdict = 'ready' AND photo IN "
        "(SELECT id FROM photos WHERE state = 'delivered' AND due IS NULL AND booked IS NULL) LIMIT ?",
        (most,),
    )
    return [_kept(row) for row in rows]


def mark(db: sqlite3.Connection, ids: Iterable[str]) -> None:
    """They carry the marker."""
    db.executemany("UPDATE assets SET marked = 1 WHERE id = ?", [(each,) for each in ids])


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many assets there are, by verdict."""
    return dict(db.execute("SELECT verdict, count(*) FROM assets GROUP BY verdict"))


def bar(db: sqlite3.Connection, ids: Iterable[str], albums: Iterable[str]) -> None:
    """These and no others are in these albums, whose photos no other machine may see."""
    db.execute("DELETE FROM barred")
    db.executemany("INSERT OR IGNORE INTO barred VALUES (?)", [(each,) for each in (_named_by(albums), *ids)])


def barred(db: sqlite3.Connection, photos: Sequence[int], albums: Iterable[str]) -> set[int]:
    """Those of these photos that are in such an album; all of Immich's, where nobody has asked yet."""
    query = f"SELECT photo FROM assets WHERE photo IN ({marks(photos)})"
    told = db.execute("SELECT 1 FROM barred WHERE asset = ?", (_named_by(albums),)).fetchone()
    return {
        row[0] for row in db.execute(f"{query} AND id IN (SELECT asset FROM barred)" if told else query, photos)
    }


def _named_by(albums: Iterable[str]) -> str:
    """What stands among the assets for the albums that they are in."""
    return "\n".join(("albums", *sorted(map(tags.fold, albums))))


def idle(db: sqlite3.Connection, container: str, until: float, most: int) -> list[str]:
    """Some assets below a folder of Immich's that may be looked at, and whose photos are not due before then."""
    rows = db.execute(
        "SELECT assets.id FROM assets JOIN photos ON photos.id = assets.photo WHERE assets.verdict = 'ready' "
        "AND substr(assets.path, 1, ?) = ? AND (photos.due IS NULL OR photos.due > ?) "
        "AND photos.booked IS NULL ORDER BY random() LIMIT ?",
        (len(container) + 1, f"{container}/", until, most),
    )
    return [row[0] for row in rows]


def decide_anew(db: sqlite3.Connection, container: str, now: float) -> int:
    """What was decided for photos below a folder of Immich's rests no longer: they are due; how many they are."""
    below = (
        "SELECT photo FROM assets WHERE verdict = 'ready' AND photo IS NOT NULL AND substr(path, 1, ?) = ?",
        (len(container) + 1, f"{container}/"),
    )
    db.execute(f"UPDATE memory SET seal = x'' WHERE photo IN ({below[0]})", below[1])
    done = db.execute(
        f"UPDATE photos SET due = ?, attempts = 0, state = CASE state WHEN 'aside' THEN 'seen' ELSE state END, "
        f"reason = '' WHERE id IN ({below[0]}) AND gone IS NULL AND state NOT IN ('left', 'waits') "
        "AND gate NOT IN ('first look', 'rules', 'loss', 'closed', 'move')",
        (now, *below[1]),
    )
    return done.rowcount
