"""Places of one photo that depend on each other, so that somebody has to know the order of their writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.photo import Photo
from metadata.sinks import Draft, Seen

SIDECAR, SERVER = "sidecar", "server"
"""The names of the places."""

Answer = Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused


@dataclass(frozen=True, slots=True)
class Pair:
    """What is to be written for one photo, by place, and the digest of each place as it was read."""

    photo: Photo
    drafts: Mapping[str, Draft]
    stood: Mapping[str, bytes]


class Both(Protocol):
    """Writes photos whose places depend on each other."""

    def mine(self, photo: Photo) -> bool:
        """Whether this photo's places are written together."""
        ...

    def write(self, pairs: Sequence[Pair]) -> list[dict[str, Answer]]:
        """An answer for each draft of each pair."""
        ...
