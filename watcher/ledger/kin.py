"""Photos that belong together though their names differ: what Immich stacks, Live Photos by Apple's name, bursts.

Stacks and Live Photos are a set: one picture in several files, with one set of words. A burst is many pictures of
which one look is enough; they share what was said and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from metadata.choose import Evidence
from metadata.film import FILMS
from metadata.photo import Facts
from watcher.ledger import evidence
from watcher.ledger.files import marks

Others = dict[int, list[tuple[int, bytes]]]
"""Of each photo that has any, the numbers and digests of others."""


def note(db: sqlite3.Connection, photo: int, facts: Facts) -> None:
    """Remember what a photo says of its burst and its moment."""
    db.execute(
        "INSERT OR REPLACE INTO kin VALUES (?, ?, ?, ?)",
        (photo, facts.burst, facts.moment, facts.format in FILMS),
    )


def sets(db: sqlite3.Connection, photos: Sequence[int]) -> Others:
    """The others of the sets that these photos are in, as far as they were looked at."""
    rows = db.execute(
        "SELECT DISTINCT sets.photo, photos.id, photos.digest FROM sets JOIN photos ON photos.id = sets.other "
        f"WHERE sets.photo IN ({marks(photos)}) AND photos.gone IS NULL AND photos.digest IS NOT NULL",
        photos,
    )
    return _others(rows)


def bursts(db: sqlite3.Connection, photos: Sequence[int]) -> Others:
    """The others of the bursts that these photos are of, as far as they were looked at."""
    rows = db.execute(
        "SELECT mine.photo, photos.id, photos.digest FROM kin AS mine JOIN photos AS one ON one.id = mine.photo "
        "JOIN kin AS others ON others.burst = mine.burst AND others.burst != '' AND others.photo != mine.photo "
        "JOIN photos ON photos.id = others.photo AND photos.folder = one.folder "
        f"WHERE mine.photo IN ({marks(photos)}) AND mine.burst != '' AND photos.gone IS NULL "
        "AND photos.digest IS NOT NULL ORDER BY photos.id",
        photos,
    )
    return _others(rows)


def _others(rows: sqlite3.Cursor) -> Others:
    found: Others = {}
    for photo, other, digest in rows:
        found.setdefault(photo, []).append((other, digest))
    return found


def agreed(db: sqlite3.Connection, photo: int, said: Sequence[Evidence]) -> list[Evidence]:
    """What is to be remembered of a picture: of a burst, what the same sources said of one of it before."""
    digests = [digest for _, digest in bursts(db, [photo]).get(photo, ())]
    before = {(one.source, one.version): one for found in evidence.of(db, digests).values() for one in found}
    return [before.get((one.source, one.version), one) for one in said]


def wake(db: sqlite3.Connection, photo: int, now: float) -> None:
    """Something holds for a photo's set: the others of it are decided anew."""
    db.execute(
        "UPDATE photos SET due = ? WHERE id IN (SELECT other FROM sets WHERE photo = ?) "
        "AND due IS NULL AND gone IS NULL AND state = 'delivered'",
        (now, photo),
    )
