"""The gate before photos that Immich has: none is looked at or written before Immich has said that it may be."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from metadata.errors import TagwrightError, TryAgain
from metadata.photo import Photo
from watcher import moves, veil
from watcher.immich_layout import ImmichLayout
from watcher.ledger import assets, files, work
from watcher.ledger.assets import Kept
from watcher.ledger.store import Ledger
from watcher.ledger.work import Job
from watcher.link import Link

BUSY: Final = 30.0
"""Seconds until photos are tried again for which Immich had no time."""
UNKNOWN: Final = "Immich does not know it"


@dataclass(slots=True)
class Contact:
    """How it stands with Immich: how often it has answered since the start, and why it takes nothing, or ""."""

    looks: int = 0
    down: str = ""


class Admission:
    """Which photos may go on; `watcher.desk.Guests` says what is asked here."""

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        contact: Contact,
        *,
        now: Callable[[], float],
        sweeps: Sequence[veil.Sweep],
        soon: Callable[[], object],
    ) -> None:
        """`soon` has Immich asked at the next turn."""
        self._ledger, self._link, self._contact, self._now = ledger, link, contact, now
        self._sweeps, self._soon = sweeps, soon
        self._layout = ImmichLayout()

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
                    reason = kept.reason if kept is not None else UNKNOWN if self._contact.looks else assets.SILENT
                    work.wait(db, [job.photo.id], reason)
        return going

    def _covers(self, photo: Photo) -> bool:
        """Whether only Immich can say of a photo that it may be looked at."""
        if photo.root not in self._link.mirrored.roots:
            return False
        if photo.root in self._link.mirrored.alone or self._link.paths.container(photo.file) is not None:
            return True
        if not self._contact.looks and not self._link.contact_before:
            return True  # nobody knows yet whether this is a library of Immich's
        try:
            return self._layout.place(photo.file, now=time.monotonic()) is not None
        except OSError:
            return True

    def _followed(self, db: sqlite3.Connection, job: Job, kept: Kept | None) -> tuple[Job, Kept | None]:
        """The job with the asset that it is; a photo that Immich has moved is the one it was before."""
        path = self._link.paths.container(job.photo.file)
        if path is None or (kept is not None and kept.path == path):
            return job, kept
        here = assets.at(db, [path]).get(path)
        if here is None:
            return job, kept if kept is not None and not self._contact.looks else None
        if here.photo is not None and here.photo != job.photo.id:
            old = files.photos_of(db, [here.photo]).get(here.photo)
            if old is not None and not os.path.lexists(old.file) and kept is None:
                return moves.follow(db, old, job), here
        assets.link(db, here.id, job.photo.id)
        return job, here

    def away(self, job: Job) -> str:
        """Why this photo cannot be delivered now: Immich does not answer, or has not yet."""
        reason = self._contact.down or ("it has not answered yet" if not self._link.heard() else "")
        return f"Immich: {reason}" if reason and self._covers(job.photo) else ""

    def is_away(self, error: TagwrightError) -> bool:
        """Whether this says that Immich or its database does not answer."""
        return isinstance(error, TryAgain) and error.path in self._link.places() and error.path != b"Immich"

    def pause(self, error: TagwrightError) -> float:
        """Seconds after which Immich, which has too much to do, is tried again; 0 for other errors."""
        return BUSY if isinstance(error, TryAgain) and error.path == b"Immich" else 0.0

    def remote(self, photo: Photo) -> str:
        """The asset of a photo that only Immich has, or ""."""
        if photo.root not in self._link.mirrored.alone:
            return ""
        return os.path.splitext(os.path.basename(photo.path))[0].decode()

    def previews(self, jobs: Iterable[Job]) -> dict[int, bytes]:
        """Immich's own small pictures of photos, where they are here."""
        rows = assets.of_photos(self._ledger.db, [job.photo.id for job in jobs])
        found = {number: self._link.preview(kept.id, kept.owner) for number, kept in rows.items()}
        return {number: file for number, file in found.items() if file}

    def doubt(self, photo: Photo) -> float:
        """Seconds until a mount is tried anew in which a write went wrong; 0 where that says nothing of it."""
        if self._contact.down or not self._covers(photo) or not self._link.tries.doubt(photo):
            return 0.0
        self._soon()
        return BUSY
