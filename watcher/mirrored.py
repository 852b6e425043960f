"""Immich as a place of some roots: what is built when it is connected, and how a house is furnished with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.ports import Server, Source, Wait
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks import Sink
from metadata.sinks.immich import Find, ImmichSink
from metadata.sinks.pairs import SERVER, SIDECAR
from metadata.sinks.together import Together
from watcher.immich_settings import Immich as ImmichSettings
from watcher.rooms import House

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

    def sinks(self, others: Mapping[str, Sink]) -> dict[str, Sink]:
        """All places; Immich first, since it tells where the sidecars are."""
        return {SERVER: self.sink, **others}

    def furnished(self, house: House, sidecars: Sink) -> House:
        """The house with Immich as a place of its roots; `sidecars` is another sink of the same sidecars."""
        places = {
            root: tuple(name for name in names if name != SERVER or root in self.roots)
            for root, names in house.places.items()
        }
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
