"""Immich as a place of some roots: what is built when it is connected, and how a house is furnished with it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from metadata.errors import TryAgain
from metadata.immich import Asset, Paths
from metadata.mirror import finding
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.ports import Server, Source, Wait
from metadata.mirror.sources import ByApi, ByDatabase
from metadata.mirror.way import Probe, Way
from metadata.photo import Photo
from metadata.sinks import Seen, Sink, Values
from metadata.sinks.immich import Find, Home, ImmichSink
from metadata.sinks.pairs import SERVER, SIDECAR
from metadata.sinks.sidecar import SidecarSink
from metadata.sinks.together import Together
from metadata.tags import TAGS_LIST
from watcher.immich_layout import ImmichLayout
from watcher.immich_settings import Immich as ImmichSettings
from watcher.ledger.writes import Write
from watcher.rooms import House
from watcher.settings import Settings

if TYPE_CHECKING:
    from metadata.immich import Database, Immich, Keys

Host = Callable[[str], bytes | None]
"""A path of Immich's as it is here."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Immich, connected: its sink, the roots of which it is a place, and how their photos are written.

    `ways` says how a photo's mount is written (`metadata.mirror.way`); None for a photo that lies where
    Immich sees nothing. `hidden` says of a photo that its sidecar's path cannot be known, so that it gets none.
    """

    sink: ImmichSink
    roots: frozenset[str]
    ways: Callable[[Photo], Way | None]
    host: Host
    hidden: Callable[[Photo], bool] = lambda _: False
    alone: frozenset[str] = frozenset()
    """Roots without files here, of whose photos Immich is the only place."""
    ending: Callable[[], object] = lambda: None
    """Ends all waiting for Immich; what was under way is tried again another time."""

    def way(self, photo: Photo) -> Way | None:
        """How this photo is written; None where Immich has no part in it."""
        if photo.root not in self.roots:
            return None
        way = self.ways(photo)
        if not self.hidden(photo) or way is None:
            return way
        return Way.SERVER_ONLY if way in (Way.SERVER_FIRST, Way.SERVER_ONLY) else Way.NONE

    def registered(self, photo: Photo) -> bytes | None:
        """The sidecar that Immich has registered for a photo, as it is here."""
        if self.way(photo) is None:
            return None
        path = self.sink.registered(photo)
        return self.host(path) if path else None

    def only_reads(self, place: str, photo: Photo) -> bool:
        """Whether a photo's words in this place are only read."""
        return self.way(photo) in _CLOSED.get(place, ())

    def tells(self, write: Write, photo: Photo) -> bool:
        """Whether Immich has to be asked what became of a write."""
        return write.place == SERVER or self.way(photo) is not None

    def sinks(self, others: Mapping[str, Sink]) -> dict[str, Sink]:
        """All places; Immich first, since it tells where the sidecars are."""
        return {SERVER: self.sink, **others}

    def furnished(self, house: House, sidecars: Sink) -> House:
        """The house with Immich as a place of its roots; `sidecars` is another sink of the same sidecars."""
        places = {
            root: tuple(name for name in names if name != SERVER or root in self.roots)
            for root, names in house.places.items()
        } | dict.fromkeys(self.alone, (SERVER,))
        both = Together(sidecars, self.sink, way=self.way, host=self.host)
        return replace(house, places=places, only_reads=self.only_reads, both=both)


_CLOSED = {SIDECAR: (Way.SERVER_ONLY, Way.NONE), SERVER: (Way.NONE,)}


def sink_of(
    settings: ImmichSettings,
    servers: Mapping[str, Server],
    source: Source,
    find: Find,
    *,
    wait: Wait | None = None,
    patience: float = 60.0,
) -> ImmichSink:
    """The sink, as gentle with Immich as the settings want it. `servers` by user id."""
    clock = wait or Wait()
    pace = Pace(clock, rate=settings.rate, busy=settings.busy)
    mirror = Mirror(servers, source, pace=pace, wait=clock, patience=patience)
    return ImmichSink(mirror=mirror, find=find, fillers=settings.fillers, captions=settings.captions)


class Clients(Mapping[str, "Immich"]):
    """The clients by their users' ids, which are asked for when first needed: Immich may be down at the start.

    Every look raises what `Keys.by_owner` raises, until Immich has told once.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __getitem__(self, owner: str) -> Immich:
        return self._keys.by_owner()[owner]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys.by_owner())

    def __len__(self) -> int:
        return len(self._keys.by_owner())


@dataclass(slots=True)
class Ways:
    """How each mount is written, as probes found out; Immich first where none was made yet."""

    paths: Paths
    found: dict[bytes, Way] = field(default_factory=dict)

    def __call__(self, photo: Photo) -> Way | None:
        """The way of the mount that a photo lies in; None where Immich does not see it."""
        if self.paths.container(photo.file) is None:
            return None
        inside = [mount for mount in self.found if photo.file.startswith(mount.rstrip(b"/") + b"/")]
        return self.found[max(inside, key=len)] if inside else Way.SERVER_FIRST


def probe(mirrored: Mirrored, photo: Photo, home: Home) -> Probe:
    """The try of this photo's mount, on this photo; it should carry no tags in Immich."""
    sidecars = SidecarSink(clock=lambda: datetime.now().astimezone(), registered=mirrored.registered)

    def words() -> Values:
        (seen,) = sidecars.read([photo])
        return seen.lists.get(TAGS_LIST, ()) if isinstance(seen, Seen) else ()

    return Probe(mirrored.sink.mirror, home.asset, home.owner, os.path.dirname(photo.file), words)


def connected(
    settings: Settings,
    keys: Keys,
    database: Database | None,
    paths: Paths,
    ways: Callable[[Photo], Way | None] | None = None,
    *,
    ends: threading.Event | None = None,
    around: Callable[[Find], Find] = lambda find: find,
) -> Mirrored:
    """Immich as the settings say, for the roots that it sees. Nothing is asked yet.

    `ends` ends all waiting; `around` knows assets without asking Immich, or asks what it is given.
    """
    clients, layout = Clients(keys), ImmichLayout()
    own = partial(_own, layout)
    visible = settings.immich.visibility
    if database is not None:
        find = finding.by_database(database.at, paths, clients, own, visible=visible)
    else:
        find = finding.by_api(partial(_by_checksum, keys), paths, clients, own, visible=visible)
    source: Source = ByDatabase(database.looks) if database is not None else ByApi(clients)
    ends = ends or threading.Event()
    sink = sink_of(settings.immich, clients, source, around(find), wait=Wait(sleep=partial(_sleep, ends)))
    alone = frozenset(root.name for root in settings.roots if root.immich)
    return Mirrored(
        sink,
        _seen(settings, paths) | alone,
        ways or Ways(paths),
        paths.host,
        hidden=partial(_unknown_sidecar, layout) if database is None else lambda _: False,
        alone=alone,
        ending=ends.set,
    )


def _sleep(ends: threading.Event, seconds: float) -> None:
    if ends.wait(seconds):
        raise TryAgain(b"Immich", "tagwright is ending")


def _seen(settings: Settings, paths: Paths) -> frozenset[str]:
    """The roots that Immich sees, or of which it sees a part."""
    roots = {root.name: os.fsencode(os.path.abspath(root.path)) for root in settings.roots}
    below = {name: any(each.host.startswith(path + b"/") for each in paths.maps) for name, path in roots.items()}
    return frozenset(name for name, path in roots.items() if below[name] or paths.container(path) is not None)


def _own(layout: ImmichLayout, photo: Photo) -> bool:
    """Whether a photo lies in a folder that Immich itself keeps, or it cannot be told."""
    try:
        return layout.place(photo.file, now=time.monotonic()) is not None
    except OSError:
        return True


def _unknown_sidecar(layout: ImmichLayout, photo: Photo) -> bool:
    """Whether only the database could tell where the photo's sidecar is: an upload may have brought one along."""
    try:
        place = layout.place(photo.file, now=time.monotonic())
    except OSError:
        return True
    return place is not None and place.role == "upload"


def _by_checksum(keys: Keys, sha1: bytes) -> list[Asset]:
    return [asset for client in keys.clients for asset in client.by_checksum(sha1)]
