"""What Immich told of its assets becomes the ledger's: which photo each is, what may be done, who is in it.

All of it belongs to the thread that owns the ledger; `watcher.poll` asks, and hands over what it heard.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from metadata.immich import Asset, ready
from metadata.photo import Stat
from watcher import faces, keeping, veil
from watcher.admission import Contact
from watcher.ledger import assets, files, work
from watcher.ledger.assets import Kept
from watcher.ledger.store import Ledger
from watcher.link import Link, Report, mark_of
from watcher.rooms import FIRST_LOOK

SLICE: Final = 500
"""Assets that are booked at once; the walk of other photos goes on between."""


class News:
    """The reports of looks at Immich, booked a slice at a time."""

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        contact: Contact,
        *,
        now: Callable[[], float],
        backlog: bool,
        sweeps: Sequence[veil.Sweep],
    ) -> None:
        """`backlog`: photos that are there already are taken up."""
        self._ledger, self._link, self._contact, self._now = ledger, link, contact, now
        self._backlog, self._sweeps = backlog, sweeps
        self._report: Report | None = None
        self._open: deque[Asset] = deque()
        self._barred: frozenset[str] | None = None
        self.owners: Mapping[str, frozenset[str]] = {}
        """Whose keys are set, and what each is called."""
        self.met: Callable[[str, bytes], object] = lambda _root, _path: None
        """Called with a file below a root that Immich knows and the ledger does not."""

    def hear(self, report: Report) -> None:
        """Take in what a look brought; the one before is booked."""
        self._report, self.owners = report, report.owners
        if report.barred != self._barred:  # before any of its photos may go
            with self._ledger.transaction() as db:
                assets.bar(db, report.barred, self._link.albums)
            self._barred = report.barred
        self._open.extend(report.changed)

    @property
    def open(self) -> bool:
        """Whether something is not booked yet."""
        return self._report is not None

    def book(self) -> bool:
        """Book some of it; whether that was the last."""
        assert self._report is not None
        if self._open:
            self._book_some()
            return False
        self._finish(self._report)
        self._report = None
        return True

    def _book_some(self) -> None:
        some = [self._open.popleft() for _ in range(min(SLICE, len(self._open)))]
        assert self._report is not None
        with self._ledger.transaction() as db:
            before = assets.by_id(db, [asset.id for asset in some])
            for asset in some:
                self._book(db, asset, before.get(asset.id))

    def _book(self, db: sqlite3.Connection, asset: Asset, before: Kept | None) -> None:
        assert self._report is not None
        photo = before.photo if before else None
        known = photo is not None and _looked_at(db, photo)
        marker = self._link.settings.marker
        verdict = ready(asset, self.owners, visible=self._link.settings.visibility, known=known)
        if marker and verdict.verdict == "ready" and not known and asset.id in self._report.marked:
            verdict = replace(verdict, verdict="leave", reason=f"it carries {marker}")
        said = verdict.verdict, verdict.reason
        kept = Kept(asset.id, asset.owner, asset.path, mark_of(asset), *said, photo=photo, kin=kin_of(asset))
        assets.keep(db, kept)
        here = self._photo(db, asset, kept)
        if here is not None and photo is None:
            assets.link(db, asset.id, here)
            photo = here
        elif here is not None and here != photo:
            work.look_over_waiting(db, [here], self._now())  # it was moved there, and is followed by `permit`
        if photo is not None and (before is None or before.mark != kept.mark or before.photo is None):
            self._told(db, kept, photo, asset)

    def _photo(self, db: sqlite3.Connection, asset: Asset, kept: Kept) -> int | None:
        """The photo that an asset is; made where only Immich has it. None where its file was not met yet."""
        place = self._link.photo(asset)
        if place is not None:
            found = files.find(db, place.root, place.base, place.path)
            if found is None and kept.verdict == "ready" and self._contact.looks > 1:
                self.met(place.root, place.path)  # no event need tell of it, as on a network
            return found.id if found is not None else None
        if self._link.remote is None or kept.verdict not in ("ready", "wait"):
            return kept.photo
        root = self._link.remote
        folder = files.folder(db, root.name, asset.owner.encode())
        name = asset.id.encode() + os.path.splitext(os.fsencode(asset.path))[1].lower()
        agreed = db.execute("SELECT agreed FROM roots WHERE name = ?", (root.name,)).fetchone()[0]
        gate = (
            files.LEFT
            if not self._backlog and self._contact.looks == 1
            else ""
            if agreed or self._contact.looks > 1
            else FIRST_LOOK
        )
        stat = Stat(asset.size or 0, 0, 0, int.from_bytes(asset.checksum[:6], "big"))
        files.photo(db, folder, name, stat, now=self._now(), gate=gate)
        found = files.find(db, root.name, os.fsencode(root.path), asset.owner.encode() + b"/" + name)
        return found.id if found is not None else None

    def _told(self, db: sqlite3.Connection, kept: Kept, photo: int, asset: Asset) -> None:
        """What became of an asset is the photo's news."""
        if kept.verdict == "forget" or asset.trashed:
            veil.forget(db, [photo], whole=kept.verdict == "forget", sweeps=self._sweeps)
        if kept.verdict == "ready":
            _due(db, photo, self._now())
        else:
            db.execute(
                "UPDATE photos SET state = 'waits', reason = ?, due = NULL WHERE id = ? AND booked IS NULL",
                (kept.reason, photo),
            )
            db.execute("UPDATE photos SET due = ? WHERE id = ? AND booked IS NOT NULL", (self._now(), photo))

    def _finish(self, report: Report) -> None:
        """After all assets: those that are gone, and who is in which photo."""
        with self._ledger.transaction() as db:
            gone = [*report.gone]
            for start in range(0, len(gone), SLICE):
                rows = assets.by_id(db, gone[start : start + SLICE])
                photos = [each.photo for each in rows.values() if each.photo is not None]
                veil.forget(db, photos, whole=True, sweeps=self._sweeps)
                self._park(db, photos)
            assets.forget(db, gone)
            self._people(db, report)
            if self._contact.looks == 1:  # what came before Immich had answered is judged now
                query = "UPDATE photos SET state = 'seen', due = ? WHERE state = 'waits' AND reason = ?"
                db.execute(query, (self._now(), assets.SILENT))

    def _park(self, db: sqlite3.Connection, photos: Sequence[int]) -> None:
        """Photos that Immich shows no more wait; those that only it had are gone."""
        work.wait(db, photos, "Immich shows it no more")
        if self._link.remote is not None:
            folders = "SELECT id FROM folders WHERE root = ?"
            db.executemany(
                f"UPDATE photos SET gone = ? WHERE id = ? AND folder IN ({folders})",  # noqa: S608 - our own text
                [(self._now(), photo, self._link.remote.name) for photo in photos],
            )

    def _people(self, db: sqlite3.Connection, report: Report) -> None:
        names = [*report.faces]
        for start in range(0, len(names), SLICE):
            for each, kept in assets.by_id(db, names[start : start + SLICE]).items():
                if kept.photo is not None and kept.verdict == "ready":
                    found = faces.people(report.faces[each])
                    keeping.keep_people(db, kept.photo, faces.SOURCE, faces.VERSION, found, self._now())


def kin_of(asset: Asset) -> str:
    """What an asset and those that show the same have in common: their stack, or the film of a Live Photo."""
    if asset.stack or asset.live_photo:
        return asset.stack or asset.live_photo or ""
    return asset.id if asset.type == "VIDEO" and asset.visibility == "hidden" else ""


def _looked_at(db: sqlite3.Connection, photo: int) -> bool:
    row = db.execute("SELECT digest IS NOT NULL OR delivered IS NOT NULL FROM photos WHERE id = ?", (photo,))
    found = row.fetchone()
    return bool(found and found[0])


def _due(db: sqlite3.Connection, photo: int, now: float) -> None:
    """A photo of which Immich has news: looked at if it waited, decided anew if it was done or tried in vain."""
    work.look_over_waiting(db, [photo], now)
    db.execute(
        "UPDATE photos SET due = ?, attempts = 0, reason = '', "
        "state = CASE state WHEN 'aside' THEN 'seen' ELSE state END "
        "WHERE id = ? AND (due IS NULL OR (due > ? AND attempts > 0)) AND gone IS NULL AND state != 'left' "
        "AND gate NOT IN ('first look', 'rules', 'loss', 'closed', 'move')",
        (now, photo, now),
    )
