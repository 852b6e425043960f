"""The door: what the emitters and the walks find becomes photos that are due in the ledger.

Belongs to the thread that owns the ledger. Only `tell` is called from elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from metadata.photo import Stat
from watcher import disks, walk
from watcher.arrival import Arrival, Kind
from watcher.ignore import Ignore, is_film, is_photo, is_sidecar
from watcher.immich_layout import ImmichLayout
from watcher.ledger import files
from watcher.ledger.files import LEFT
from watcher.ledger.store import Ledger
from watcher.rooms import FIRST_LOOK
from watcher.stable import Calm, Settled, Settling
from watcher.walk import Folder

log = logging.getLogger(__name__)

IMMICH = (
    "in Immich's folders, and there is no connection to Immich: nothing is written there. "
    'Set `immich.without_connection = "write"` to have sidecars written all the same'
)
SLICE = 0.1
"""Seconds a walk may take before other work has its turn."""


@dataclass(slots=True)
class Door:
    """One root as the intake keeps it."""

    name: str
    base: bytes
    ignore: Ignore
    calm: Calm
    settling: Settling
    backlog: bool = True
    sample: int = 20
    full_due: float = 0.0
    gated_due: float = 0.0
    walking: Iterator[Folder] | None = None
    full: bool = False
    found: files.Found = field(default_factory=files.Found)
    began: float = 0.0
    unread: set[bytes] = field(default_factory=set)
    growing: set[bytes] = field(default_factory=set)
    standing: set[bytes] = field(default_factory=set)
    left: set[bytes] = field(default_factory=set)
    known: bool = False
    walks: int = 0
    started: int = 0
    waits: bool = False
    anchor: tuple[object, ...] | None = None
    told: bool = False
    fair: bool = False
    doubts: int = 0

    @property
    def leaves(self) -> bool:
        """Whether what a walk finds is a backlog that is to be left alone: nobody has walked here before."""
        return not self.backlog and not self.known and not self.walks


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds between full walks, between walks of changed folders, and between looks for a missing root."""

    rescan: float
    rescan_folders: float
    back: float = 10.0


class Intake:
    """All roots: events come to rest, walks are made in slices, roots that are not there wait."""

    def __init__(
        self,
        ledger: Ledger,
        layout: ImmichLayout,
        times: Times,
        now: Callable[[], float],
        *,
        write_in_immich: bool = False,
    ) -> None:
        self._ledger = ledger
        self._write_in_immich = write_in_immich
        self._layout = layout
        self._times = times
        self._now = now
        self.doors: dict[str, Door] = {}
        self.previews: Callable[[], object] = lambda: None
        """Called when Immich has made a preview: it may have a new photo."""
        self.missed: Callable[[str, int], None] | None = None
        """Told the root and how many photos, when a second walk finds some that no event told of."""

    def add(self, name: str, base: bytes, ignore: Ignore, calm: Calm, *, agreed: bool, backlog: bool) -> None:
        """Open a root. `agreed`: nobody has to be asked before its backlog is written."""
        with self._ledger.transaction() as db:
            files.root(db, name, base, agreed=self._now() if agreed else None)
        self.doors[name] = Door(name, base, ignore, calm, Settling(calm), backlog=backlog)
        row = self._ledger.db.execute("SELECT walked FROM roots WHERE name = ?", (name,)).fetchone()
        self.doors[name].known = row[0] is not None

    # events

    def arrived(self, arrival: Arrival) -> None:
        """Something happened at a path."""
        door = self.doors.get(arrival.root)
        if door is None:
            return
        if arrival.kind is Kind.LOOK:
            log.info("looking through %s again", os.fsdecode(os.path.join(door.base, arrival.path)))
            door.told = True
            self.look(arrival.root, arrival.path)
        elif arrival.kind is Kind.GONE:
            door.gated_due = min(door.gated_due, time.monotonic() + 1.0)
        else:
            door.settling.note(arrival.path, closed=arrival.kind is Kind.CLOSED, now=time.monotonic())

    def met(self, name: str, path: bytes) -> None:
        """Somebody else says that there is a file at this path below a root; it is looked at once it rests."""
        door = self.doors.get(name)
        if door is not None:
            door.settling.note(path, closed=True, now=time.monotonic())

    def look(self, name: str, path: bytes = b"") -> None:
        """Walk a root, or the part of it below a path, now."""
        door = self.doors[name]
        if path:
            anchor = disks.anchor(door.base)
            folders = list(walk.walk(door.base, door.ignore, on_error=_unreadable(door), below=path))
            if self._is_there(door) and anchor == disks.anchor(door.base):
                self._note(door, folders)
        else:
            door.full_due = 0.0

    def settle(self) -> int:
        """Stat what may have come to rest; how many photos became due."""
        return sum(self._settle(door) for door in self.doors.values())

    def _settle(self, door: Door) -> int:
        at = time.monotonic()
        due = door.settling.due(at, 1000)
        if not due:
            return 0
        count = 0
        with self._ledger.transaction(lasting=False) as db:
            for path in due:
                answer = door.settling.looked(path, _stat(door.base, path), time.monotonic())
                if isinstance(answer, Settled):
                    count += self._rested(db, door, answer.path, answer.stat)
                    door.growing.discard(path)
                elif getattr(answer, "growing", False):
                    door.growing.add(path)
        return count

    def _rested(self, db: sqlite3.Connection, door: Door, path: bytes, found: Stat) -> int:
        head, name = os.path.split(path)
        if not self._holds_photos(door, head):
            self._previewed(door, path)
            return 0
        number = files.folder(db, door.name, head)
        if is_photo(name):
            gate = self._gate(door) if path in door.standing else ""
            gate = LEFT if path in door.left else gate
            door.standing.discard(path)
            return files.photo(db, number, name, found, now=self._now(), gate=gate)
        return files.sidecar(db, number, name, found, now=self._now()) if is_sidecar(name) else 0

    def _holds_photos(self, door: Door, folder: bytes) -> bool | None:
        """Whether files here are photos, and not Immich's previews, avatars or backups; None: unknown."""
        try:
            place = self._layout.place(os.path.join(door.base, folder, b"x"), now=time.monotonic())
        except OSError as error:
            log.warning("%s cannot be looked into: %s", os.fsdecode(folder), error)
            return None
        return place is None or place.holds_photos

    def _previewed(self, door: Door, path: bytes) -> None:
        """A file of Immich's own came: if it is a preview of an asset, there is news."""
        with suppress(OSError):
            place = self._layout.place(os.path.join(door.base, path), now=time.monotonic())
            if place is not None and place.preview is not None and place.preview.kind == "preview":
                self.previews()

    def closed(self, file: bytes) -> str:
        """Why nothing may be written beside this photo (an absolute path), or ""."""
        if self._write_in_immich:
            return ""
        try:
            place = self._layout.place(file, now=time.monotonic())
        except OSError as error:
            return f"it cannot be told whether it lies in Immich's folders: {error.strerror}"
        return IMMICH if place is not None else ""

    # walks

    def walks(self) -> bool:
        """One slice of the walks that are due; whether there was anything to do."""
        return sum(self._walk(door) for door in self.doors.values()) > 0

    def _walk(self, door: Door) -> bool:
        at = time.monotonic()
        if door.walking is None and not self._begin(door, at):
            return False
        until = at + SLICE
        batch: list[Folder] = []
        assert door.walking is not None
        for folder in door.walking:
            batch.append(folder)
            if time.monotonic() > until or len(batch) >= 256:
                break
        else:
            door.walking = None
        if door.anchor != disks.anchor(door.base):  # unmounted under our feet: what was listed is not the root
            door.walking, door.gated_due = None, at
            door.full_due = at if door.full else door.full_due
            return self._is_there(door)
        self._note(door, batch)
        if door.walking is None:
            self._finish(door)
        return True

    def _begin(self, door: Door, at: float) -> bool:
        full = at >= door.full_due
        if not full and at < door.gated_due:
            return False
        anchor, waited = disks.anchor(door.base), door.waits
        if not self._is_there(door):
            door.full_due = door.gated_due = at + self._times.back
            return False
        full = full or waited
        door.started += 1
        # what comes to rest just now was told of, and a walk may meet it first
        quiet = not len(door.settling)
        door.fair, door.told = bool(door.walks) and quiet and not waited and not door.told, False
        door.anchor = anchor
        door.full, door.began, door.found, door.unread = full, self._now(), files.Found(), set()
        on_error = _unreadable(door)
        if full:
            door.walking = walk.walk(door.base, door.ignore, on_error=on_error)
        else:
            known = files.folder_times(self._ledger.db, door.name)
            door.walking = walk.walk_changed(door.base, known, door.ignore, on_error=on_error)
        return True

    def _is_there(self, door: Door) -> bool:
        """A root that is not mounted, or is another one, waits; nothing of it is taken for gone."""
        db = self._ledger.db
        row = db.execute("SELECT identity, waits FROM roots WHERE name = ?", (door.name,)).fetchone()
        then = walk.Identity(**json.loads(row[0])) if row[0] else None
        now = walk.identity(door.base, files.sample(db, door.name, door.sample))
        now = replace(now, disks=disks.mounted(door.base))
        away = disks.away(then, now, partial(files.any_below, db, door.name))
        good = walk.matches(then, now) and not away
        waits = "" if good else disks.why(door.name, door.base, now, away)
        door.waits = not good
        if waits != row[1]:
            log.warning("%s", waits) if waits else log.info("root %s is back", door.name)
        identity = json.dumps(asdict(now)) if good else row[0]
        if (identity, waits) != tuple(row):
            db.execute("UPDATE roots SET identity = ?, waits = ? WHERE name = ?", (identity, waits, door.name))
        return good

    def _note(self, door: Door, batch: list[Folder]) -> None:
        if not batch:
            return
        gate = self._gate(door)
        with self._ledger.transaction(lasting=False) as db:
            for folder in batch:
                door.found += self._noted(db, door, folder, gate)

    def _gate(self, door: Door) -> str:
        """What stood in a root before anybody agreed to its first look is held behind this."""
        row = self._ledger.db.execute("SELECT agreed FROM roots WHERE name = ?", (door.name,)).fetchone()
        return "" if row[0] or not door.backlog else FIRST_LOOK

    def _noted(self, db: sqlite3.Connection, door: Door, folder: Folder, gate: str) -> files.Found:
        if folder.gone:
            return files.Found(gone=files.folder_vanished(db, door.name, folder.path, self._now()))
        if files.known_empty(db, door.name, folder):
            return files.Found()
        photos = self._holds_photos(door, folder.path)
        if photos is None:
            return files.Found()
        if not photos:
            folder = Folder(folder.path, folder.mtime_ns)
        elif files.sealed(db, door.name, folder):
            return files.Found()
        folder, young = self._resting(door, folder)
        return files.listed(
            db, door.name, folder, now=self._now(), gate=LEFT if door.leaves else gate, young=young
        )

    def _resting(self, door: Door, folder: Folder) -> tuple[Folder, frozenset[bytes]]:
        """The folder without files that changed a moment ago, which come to rest first, and their names."""
        since = (self._now() - 2 * door.calm.settle - door.calm.cache_time) * 1e9
        long = (self._now() - door.calm.long) * 1e9  # whoever sends a film may pause
        least = min(since, long)
        lately = [one for one in (*folder.photos, *folder.sidecars) if one[1].ctime_ns > least]
        young = {name: found for name, found in lately if found.ctime_ns > since or is_film(name)}
        if not young:
            return folder, frozenset()
        for name, found in young.items():
            path = walk.join(folder.path, name)
            door.settling.note(path, closed=False, now=time.monotonic(), stat=found)
            if not door.walks and found.ctime_ns < door.began * 1e9:
                door.standing.add(path)  # it was there before us, however young: part of the first look
                if door.leaves:
                    door.left.add(path)
        photos = walk.Files.of(one for one in folder.photos if one[0] not in young)
        sidecars = walk.Files.of(one for one in folder.sidecars if one[0] not in young)
        return replace(folder, photos=photos, sidecars=sidecars), frozenset(young)

    def _finish(self, door: Door) -> None:
        """A walk is over: folders that a full walk did not meet are gone, if it could read everything."""
        at = time.monotonic()
        if door.full:
            self._missed(door)
            door.walks += 1
            door.full_due = at + self._times.rescan
            self._ledger.db.execute("UPDATE roots SET walked = ? WHERE name = ?", (self._now(), door.name))
        door.gated_due = at + self._times.rescan_folders
        self._doubt(door)
        if door.found:
            found = door.found
            log.info("%s: %d new, %d changed, %d gone", door.name, found.new, found.changed, found.gone)

    def _doubt(self, door: Door) -> None:
        """Photos at rest that a walk met first, though nobody said that events were lost: twice is no accident."""
        if not door.found.new or not door.fair:
            return
        door.doubts += 1
        if door.doubts >= 2 and self.missed is not None:
            self.missed(door.name, door.found.new)

    def _missed(self, door: Door) -> None:
        known = files.folder_times(self._ledger.db, door.name)
        missing = walk.missing(door.base, known)
        with self._ledger.transaction() as db:
            for path in missing:
                door.found += files.Found(gone=files.folder_vanished(db, door.name, path, self._now()))

    def next_due(self) -> float:
        """Seconds until the door has something to do by itself."""
        at = time.monotonic()
        times = [t for door in self.doors.values() for t in (door.full_due, door.gated_due)]
        times += [t for door in self.doors.values() if (t := door.settling.next_due()) is not None]
        return max(0.0, min(times, default=at + 60.0) - at)

    def busy(self, name: str) -> bool:
        """Whether a walk of this root is under way or due, or files of it are coming to rest.

        A root that is not there has nothing to do, and a file that never rests is not waited for.
        """
        door = self.doors[name]
        unwalked = door.walks == 0 and not door.waits
        return door.walking is not None or unwalked or len(door.settling) > len(door.growing)

    def walk_soon(self, name: str) -> int:
        """Have the changed folders of a root looked at; the number for `walked`."""
        door = self.doors[name]
        door.gated_due = 0.0
        return door.started + 1

    def walked(self, name: str, number: int) -> bool:
        """Whether the walk that was asked for is over, or cannot be made because the root is not there."""
        door = self.doors.get(name)
        return door is None or door.waits or (door.started >= number and door.walking is None)


def _unreadable(door: Door) -> Callable[[bytes, OSError], None]:
    def note(path: bytes, error: OSError) -> None:
        door.unread.add(path)
        log.warning("%s cannot be read: %s", os.fsdecode(path), error.strerror or error)

    return note


def _stat(base: bytes, path: bytes) -> Stat | None:
    """A regular file's stat; None for anything else, a link too."""
    try:
        found = os.lstat(os.path.join(base, path))
    except OSError:
        return None
    return Stat.of(found) if stat.S_ISREG(found.st_mode) else None
