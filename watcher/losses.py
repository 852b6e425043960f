"""When words of ours are missing from many photos at once it was an accident, not a person: stop and ask.

Photos whose places lost words of ours are held until nothing of their root is under way any more, and
then judged together.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from metadata import tags
from watcher.ledger import work
from watcher.rooms import JUDGED, LOSS, Decision

log = logging.getLogger(__name__)

FEW, SHARE = 20, 0.05
"""Above both of these in one pass it was an accident."""
RENAMED = 5
"""This many photos that lose one path and gain another with the same leaf were renamed by a person."""
WINDOW = 3600.0
"""Seconds in which losses that come one after the other are counted together."""


Rename = tuple[str, str, str]
"""Whose photo it was ("" nobody's on a server), the old word and the new one (by key)."""


@dataclass(slots=True)
class Held:
    """Photos of one root that lost words of ours in one place, and when others were let through."""

    photos: dict[int, frozenset[Rename]] = field(default_factory=dict)
    losing: set[int] = field(default_factory=set)
    let: deque[float] = field(default_factory=deque)


class Losses:
    """What is held, by root and place."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Held] = {}
        self.renamed: set[Rename] = set()

    def hold(self, db: sqlite3.Connection, decision: Decision) -> None:
        """Keep a photo back until its root is quiet."""
        lost = decision.lost()
        for place in lost or list(decision.outcome.readings):
            held = self._held.setdefault((decision.page.job.photo.root, place), Held())
            held.photos[decision.id] = frozenset((decision.page.owner, *pair) for pair in decision.renames)
            if lost:
                held.losing.add(decision.id)
        work.hold(db, [decision.id], LOSS)

    def waiting(self) -> set[str]:
        """Roots of which something is held."""
        return {root for (root, _), held in self._held.items() if held.photos}

    def judge(self, db: sqlite3.Connection, root: str, now: float) -> bool:
        """The root is quiet: stop it, or let the photos through. Whether any was let through."""
        through = False
        for (name, place), held in self._held.items():
            if name != root or not held.photos:
                continue
            self._rename(db, held.photos.values(), now)
            if self._accident(db, root, held, now):
                log.warning("%s", stop(db, root, place, len(held.losing), now))
            else:
                held.let.extend([now] * len(held.losing))
                ids = list(held.photos)
                db.executemany(
                    "UPDATE photos SET gate = ?, due = ? WHERE id = ?", [(JUDGED, now, number) for number in ids]
                )
                through = True
            held.photos, held.losing = {}, set()
        return through

    def _accident(self, db: sqlite3.Connection, root: str, held: Held, now: float) -> bool:
        while held.let and now - held.let[0] > WINDOW:
            held.let.popleft()
        losing = [number for number in held.losing if not self.renamed.intersection(held.photos[number])]
        count = len(losing) + len(held.let)
        total = db.execute(
            "SELECT count(*) FROM photos JOIN folders ON folders.id = photos.folder "
            "WHERE folders.root = ? AND photos.gone IS NULL",
            (root,),
        ).fetchone()[0]
        return bool(losing) and count > FEW and count > SHARE * total

    def _rename(self, db: sqlite3.Connection, pairs: Iterable[frozenset[Rename]], now: float) -> None:
        """Understand renames, and offer them as aliases for all photos of their owner."""
        counts = Counter(pair for some in pairs for pair in some)
        for (owner, old, new), count in counts.items():
            if count < RENAMED:
                continue
            self.renamed.add((owner, old, new))
            db.execute(
                "INSERT OR IGNORE INTO offers (owner, key, text, word, photos, at) VALUES (?, ?, ?, ?, ?, ?)",
                (owner, old, old, new, count, now),
            )
            shown = (tags.show(tags.parse(old)), tags.show(tags.parse(new)))
            log.info("%s was renamed to %s on %d photos; `tagwright apply` does it for all", *shown, count)


def stop(db: sqlite3.Connection, root: str, place: str, photos: int, now: float) -> str:
    """Stop a root and place; the reason, with what a person can do."""
    reason = (
        f"root {root}, {place}: words of ours are missing from {photos} photos at once, as after a reset or a "
        f"restored backup; nothing is written there. `tagwright accept {root}` if that was meant, "
        f"`tagwright restore {root}` to write them again"
    )
    db.execute("INSERT OR REPLACE INTO stops VALUES (?, ?, ?, ?)", (root, place, reason, now))
    return reason
