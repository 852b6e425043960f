"""Immich as the walk of photos meets it: asked again and again, and what it tells becomes photos that are due.

Asking is done in a thread of its own; everything else belongs to the thread that owns the ledger. Of a file
that Immich has, nothing is looked at before Immich has said that it may be (`metadata.immich.ready`).
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, Final

from metadata.errors import PlaceClosed, TagwrightError, TryAgain
from metadata.immich import Asset, ready
from metadata.photo import Photo, Stat
from watcher import faces, keeping, moves, veil
from watcher.immich_layout import ImmichLayout
from watcher.ledger import assets, files, work
from watcher.ledger.assets import Kept
from watcher.ledger.store import Ledger
from watcher.ledger.work import Job
from watcher.link import MARKED, Link, Report, mark_of
from watcher.rooms import CLOSED, FIRST_LOOK

log = logging.getLogger(__name__)

SLICE: Final = 500
"""Assets that are booked at once; the walk of other photos goes on between."""
MARKS_AGAIN: Final = 600.0
"""Seconds until the marker is tried again, where Immich did not take it."""
BUSY: Final = 30.0
"""Seconds until photos are tried again for which Immich had no time."""
PATIENCE: Final = 15.0
"""Seconds without an answer after which nothing more is begun in Immich."""
ENDS: Final = 3.0
"""Seconds that a look under way has at the end."""
OFFERED: Final = 40
"""Photos of which one is chosen to try a mount."""
UNKNOWN: Final = "Immich does not know it"


class Poll:
    """The look at Immich every `immich.poll` seconds, and the gate before photos that Immich has."""

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        *,
        now: Callable[[], float],
        backlog: bool = True,
        agreed: Sequence[str] = (),
        sweeps: Sequence[veil.Sweep] = (),
    ) -> None:
        """`backlog`: photos that are there already are taken up; `agreed` roots are written without asking."""
        self._ledger, self.link, self._now, self._backlog = ledger, link, now, backlog
        self._sweeps = sweeps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="immich")
        self._layout = ImmichLayout()
        self._asked: Future[Report] | None = None
        self._marking: Future[list[str]] | None = None
        self._marks_due = 0.0
        self._report: Report | None = None
        self._open: deque[Asset] = deque()
        self._due = 0.0
        self._looks = 0
        self._soon = threading.Event()
        self.wake: Callable[[], object] = lambda: None
        """Called from the poll's thread when there is an answer."""
        self.met: Callable[[str, bytes], object] = lambda _root, _path: None
        """Called with a file below a root that Immich knows and the ledger does not."""
        self.users: Callable[[Mapping[str, frozenset[str]]], object] = lambda _: None
        """Called with the users whose keys are set, and what each is called, once Immich has said."""
        self.imports: Callable[[bool], object] = lambda _: None
        """Called with whether Immich imports faces from files, each time it was asked."""
        self.down = ""
        """Why Immich takes nothing, or ""."""
        self._owners: Mapping[str, frozenset[str]] = {}
        self._barred: frozenset[str] | None = None
        self._recall()
        if link.remote is not None:
            with ledger.transaction() as db:
                base = os.fsencode(link.remote.path)
                is_agreed = link.remote.name in agreed
                files.root(db, link.remote.name, base, agreed=now() if is_agreed else None)

    def _recall(self) -> None:
        """What an earlier process found out: where Immich's folders are here, and how they are written."""
        self.link.recall(self._ledger.get(assets.FOUND))

    def _note(self) -> None:
        found = {
            "paths": [(each.container, os.fsdecode(each.host)) for each in self.link.paths.maps],
            "named": self.link.named,
            "ways": {os.fsdecode(host): way.name for host, way in self.link.ways.found.items()},
        }
        if (text := json.dumps(found)) != self._ledger.get(assets.FOUND):
            self._ledger.put(assets.FOUND, text)

    def close(self) -> None:
        """Asks no more; a look under way has a moment to take away what it tried."""
        self.link.end()
        under_way: list[Future[Any]] = [one for one in (self._asked, self._marking) if one is not None]
        wait(under_way, ENDS)
        self.link.mirrored.ending()
        self._thread.shutdown(cancel_futures=True)
        self.link.close()

    # The look, again and again

    def __call__(self) -> bool:
        """Ask if it is time, book what was told; whether anything moved."""
        moved = False
        if not self.down and (silent := self.link.silent()) > PATIENCE:
            self._is_down(f"it takes questions and has answered none for {silent:.0f} s")
        if self._asked is not None and self._asked.done():
            self._answered(self._asked)
            self._asked, moved = None, True
        if self._marking is not None and self._marking.done():
            self._got_marked(self._marking)
            self._marking = None
        if self._open:
            self._book_some()
            return True
        if self._report is not None:
            self._finish(self._report)
            self._report, moved = None, True
        if self._asked is None and (self._soon.is_set() or time.monotonic() >= self._due):
            self._soon.clear()
            self._due = time.monotonic() + self.link.settings.poll
            self._offer()
            known = assets.known(self._ledger.db) if not self._looks else {}
            self._asked = self._thread.submit(self.link.look, known)
            self._asked.add_done_callback(lambda _: self.wake())
        return moved

    def _offer(self) -> None:
        """Photos on which mounts may be tried anew."""
        for mount in self.link.tries.wanted() if self._looks else ():
            self.link.tries.offer(
                mount, assets.idle(self._ledger.db, mount.container, self._now() + BUSY / 2, OFFERED)
            )

    def doubt(self, photo: Photo) -> float:
        """Seconds until a mount is tried anew in which a write went wrong; 0 where that says nothing of it."""
        if self.down or not self._covers(photo) or not self.link.tries.doubt(photo):
            return 0.0
        self.soon()
        return BUSY

    def soon(self) -> None:
        """Ask at the next turn, rather than when it would be time."""
        self._soon.set()
        self.wake()

    def busy(self) -> bool:
        """Whether a look is under way, or what it brought is not booked yet."""
        return self._asked is not None or self._report is not None or bool(self._open)

    def fresh(self) -> bool:
        """Whether what Immich has to say is known and booked, and what is done marked; the end of a pass waits."""
        if self.busy() or not (self._looks or self.down):
            return False
        self._mark()
        return self._marking is None

    def _answered(self, asked: Future[Report]) -> None:
        try:
            report = asked.result()
        except (TryAgain, PlaceClosed) as error:
            self._is_down(error.reason if isinstance(error, (TryAgain, PlaceClosed)) else str(error))
            return
        except TagwrightError as error:
            self._is_down(str(error))
            return
        except Exception as error:
            log.exception("the look at Immich failed; please report it")
            self._is_down(f"internal error: {error!r}")
            return
        self._looks += 1
        self._report, self._owners = report, report.owners
        if self._looks == 1:
            self.users(report.owners)
        if report.imports is not None:
            self.imports(report.imports)
        if report.barred != self._barred:  # before any of its photos may go
            with self._ledger.transaction() as db:
                assets.bar(db, report.barred, self.link.albums)
            self._barred = report.barred
        self._open.extend(report.changed)
        self._note()
        self._turned()
        self._is_back()

    def _is_down(self, reason: str) -> None:
        if not self.down:
            log.warning("Immich: %s; keywords wait, looking goes on", reason)
        self.down = reason

    def _is_back(self) -> None:
        """What waited for Immich is due."""
        if self.down:
            log.info("Immich answers again")
            self.link.tries.doubt_immich()
        self.down = ""
        db = self._ledger.db
        for root in self.link.mirrored.roots:
            query = "DELETE FROM stops WHERE root = ? AND place = 'closed' AND reason LIKE 'Immich%'"
            if db.execute(query, (root,)).rowcount:
                with self._ledger.transaction():
                    work.release(db, [CLOSED], self._now(), root)

    def _turned(self) -> None:
        """Photos of a mount that is written in another way by now are decided anew."""
        while self.link.tries.changed:
            mount, before, after = self.link.tries.changed.pop()
            log.warning("%s: before, %s; now, %s", os.fsdecode(mount.host), before.value, after.value)
            with self._ledger.transaction() as db:
                count = assets.decide_anew(db, mount.container, self._now())
                for root in self.link.mirrored.roots:
                    db.execute("DELETE FROM stops WHERE root = ? AND place = 'closed'", (root,))
                    work.release(db, [CLOSED], self._now(), root)
            log.info("%d photos are decided anew", count)

    def problems(self) -> list[str]:
        """For `status`: what is wrong with the connection."""
        return [f"Immich: {self.down}; what is to be written waits"] if self.down else []

    # Booking

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
        marker = self.link.settings.marker
        verdict = ready(asset, self._owners, visible=self.link.settings.visibility, known=known)
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
        place = self.link.photo(asset)
        if place is not None:
            found = files.find(db, place.root, place.base, place.path)
            if found is None and kept.verdict == "ready" and self._looks > 1:
                self.met(place.root, place.path)  # no event need tell of it, as on a network
            return found.id if found is not None else None
        if self.link.remote is None or kept.verdict not in ("ready", "wait"):
            return kept.photo
        root = self.link.remote
        folder = files.folder(db, root.name, asset.owner.encode())
        name = asset.id.encode() + os.path.splitext(os.fsencode(asset.path))[1].lower()
        agreed = db.execute("SELECT agreed FROM roots WHERE name = ?", (root.name,)).fetchone()[0]
        gate = (
            files.LEFT
            if not self._backlog and self._looks == 1
            else ""
            if agreed or self._looks > 1
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
            if self._looks == 1:  # what came before Immich had answered is judged now
                query = "UPDATE photos SET state = 'seen', due = ? WHERE state = 'waits' AND reason = ?"
                db.execute(query, (self._now(), assets.SILENT))
        self._mark()

    def _park(self, db: sqlite3.Connection, photos: Sequence[int]) -> None:
        """Photos that Immich shows no more wait; those that only it had are gone."""
        work.wait(db, photos, "Immich shows it no more")
        if self.link.remote is not None:
            folders = "SELECT id FROM folders WHERE root = ?"
            db.executemany(
                f"UPDATE photos SET gone = ? WHERE id = ? AND folder IN ({folders})",  # noqa: S608 - our own text
                [(self._now(), photo, self.link.remote.name) for photo in photos],
            )

    def _people(self, db: sqlite3.Connection, report: Report) -> None:
        names = [*report.faces]
        for start in range(0, len(names), SLICE):
            for each, kept in assets.by_id(db, names[start : start + SLICE]).items():
                if kept.photo is not None and kept.verdict == "ready":
                    found = faces.people(report.faces[each])
                    keeping.keep_people(db, kept.photo, faces.SOURCE, faces.VERSION, found, self._now())

    # The marker

    def _mark(self) -> None:
        if not self.link.settings.marker or self._marking is not None or self.down:
            return
        if time.monotonic() < self._marks_due:
            return
        open_ = assets.unmarked(self._ledger.db, MARKED)
        if open_:
            self._marking = self._thread.submit(self.link.mark, [(each.id, each.owner) for each in open_])
            self._marking.add_done_callback(lambda _: self.wake())

    def _got_marked(self, marking: Future[list[str]]) -> None:
        try:
            done = marking.result()
        except TagwrightError as error:
            log.warning("the marker could not be put on photos: %s", error)
            self._marks_due = time.monotonic() + MARKS_AGAIN
            return
        with self._ledger.transaction() as db:
            assets.mark(db, done)

    # The gate before photos that Immich has

    def permit(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that may be looked at and written now; the others wait, and say for what."""
        if not any(self._covers(job.photo) for job in jobs):
            return list(jobs)
        going: list[Job] = []
        with self._ledger.transaction() as db:
            rows = assets.of_photos(db, [job.photo.id for job in jobs])
            for job in jobs:
                if not self._covers(job.photo):
                    going.append(job)
                    continue
                job, kept = self._followed(db, job, rows.get(job.photo.id))  # noqa: PLW2901 - it may be another one
                if kept is not None and kept.verdict == "ready":
                    going.append(job)
                else:
                    if kept is not None and kept.verdict == "forget":  # it was under way when that was told
                        veil.forget(db, [job.photo.id], whole=True, sweeps=self._sweeps)
                    reason = kept.reason if kept is not None else UNKNOWN if self._looks else assets.SILENT
                    work.wait(db, [job.photo.id], reason)
        return going

    def _covers(self, photo: Photo) -> bool:
        """Whether only Immich can say of a photo that it may be looked at."""
        if photo.root not in self.link.mirrored.roots:
            return False
        if photo.root in self.link.mirrored.alone or self.link.paths.container(photo.file) is not None:
            return True
        if not self._looks and not self.link.contact_before:
            return True  # nobody knows yet whether this is a library of Immich's
        try:
            return self._layout.place(photo.file, now=time.monotonic()) is not None
        except OSError:
            return True

    def _followed(self, db: sqlite3.Connection, job: Job, kept: Kept | None) -> tuple[Job, Kept | None]:
        """The job with the asset that it is; a photo that Immich has moved is the one it was before."""
        path = self.link.paths.container(job.photo.file)
        if path is None or (kept is not None and kept.path == path):
            return job, kept
        here = assets.at(db, [path]).get(path)
        if here is None:
            return job, kept if kept is not None and not self._looks else None
        if here.photo is not None and here.photo != job.photo.id:
            old = files.photos_of(db, [here.photo]).get(here.photo)
            if old is not None and not os.path.lexists(old.file) and kept is None:
                return moves.follow(db, old, job), here
        assets.link(db, here.id, job.photo.id)
        return job, here

    def away(self, job: Job) -> str:
        """Why this photo cannot be delivered now: Immich does not answer, or has not yet."""
        reason = self.down or ("it has not answered yet" if not self.link.heard() else "")
        return f"Immich: {reason}" if reason and self._covers(job.photo) else ""

    def is_away(self, error: TagwrightError) -> bool:
        """Whether this says that Immich or its database does not answer."""
        return isinstance(error, TryAgain) and error.path in self.link.places() and error.path != b"Immich"

    def pause(self, error: TagwrightError) -> float:
        """Seconds after which Immich, which has too much to do, is tried again; 0 for other errors."""
        return BUSY if isinstance(error, TryAgain) and error.path == b"Immich" else 0.0

    def remote(self, photo: Photo) -> str:
        """The asset of a photo that only Immich has, or ""."""
        if photo.root not in self.link.mirrored.alone:
            return ""
        return os.path.splitext(os.path.basename(photo.path))[0].decode()

    def previews(self, jobs: Iterable[Job]) -> dict[int, bytes]:
        """Immich's own small pictures of photos, where they are here."""
        rows = assets.of_photos(self._ledger.db, [job.photo.id for job in jobs])
        found = {number: self.link.preview(kept.id, kept.owner) for number, kept in rows.items()}
        return {number: file for number, file in found.items() if file}


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
    """A photo of which Immich has news: looked at if it waited, decided anew if it was done."""
    work.look_over_waiting(db, [photo], now)
    db.execute(
        "UPDATE photos SET due = ?, attempts = 0, reason = '', "
        "state = CASE state WHEN 'aside' THEN 'seen' ELSE state END "
        "WHERE id = ? AND due IS NULL AND gone IS NULL AND state != 'left' "
        "AND gate NOT IN ('first look', 'rules', 'loss', 'closed', 'move')",
        (now, photo),
    )
