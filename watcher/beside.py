"""The place beside each photo, made of plain data: another process has it without reading the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from time import monotonic
from typing import Any

from metadata.photo import Photo
from metadata.replace import Durability
from metadata.sinks.sidecar import Registered, SidecarSink
from metadata.which import Style
from watcher.immich_layout import ImmichLayout
from watcher.rooms import House


@dataclass(frozen=True, slots=True)
class Beside:
    """What the settings say of sidecars: of all, and by the names of roots.

    A new sidecar in one of the roots that are `free` may hold what steers Immich; the photos of those that are
    `embedding` are written themselves.
    """

    durability: Durability
    zone: tzinfo | None
    provenance: bool
    free: frozenset[str]
    embedding: frozenset[str]
    styles: Mapping[str, Style]

    def place(self, registered: Registered | None = None) -> SidecarSink:
        """The place; `registered` knows which sidecar somebody else keeps for a photo."""
        immich, free, embedding = in_immich(), self.free, self.embedding
        return SidecarSink(
            durability=self.durability,
            clock=clock(self.zone),
            provenance=self.provenance,
            registered=registered,
            steer=lambda photo: photo.root in free and not immich(photo),
            embeds=lambda photo: photo.root in embedding and not immich(photo),
            styles=self.styles,
        )


def furnished(beside: Beside, plain: Mapping[str, Any]) -> House:
    """The house in another process: made of its plain parts there, and sidecars its only place."""
    return House(sinks={"sidecar": beside.place()}, **plain)


def clock(zone: tzinfo | None) -> Callable[[], datetime]:
    """The time with its zone; None stands for the system's."""
    return lambda: datetime.now(zone).astimezone() if zone is None else datetime.now(zone)


def in_immich() -> Callable[[Photo], bool]:
    """Whether a photo lies in a folder of Immich's own, or it cannot be told."""
    layout = ImmichLayout()

    def inside(photo: Photo) -> bool:
        try:
            return layout.place(photo.file, now=monotonic()) is not None
        except OSError:
            return True

    return inside
