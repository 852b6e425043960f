"""What the mirror needs of Immich: a few calls of a user's key, and a look at many assets at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from metadata.immich.shapes import Tag


class Server(Protocol):
    """Immich for one user. Raises TryAgain, PlaceClosed or UserError (a permission is missing, by name)."""

    def tags(self) -> Sequence[Tag]:
        """All tags of this user."""
        ...

    def upsert_tags(self, values: Sequence[str]) -> Mapping[str, Tag]:
        """Make these tags where they are missing; what Immich did not take is missing from the answer."""
        ...

    def tag(self, tag_ids: Sequence[str], asset_ids: Sequence[str]) -> int:
        """All these tags on all these assets; how many pairs are new. It is done later, or not at all."""
        ...

    def untag(self, tag_id: str, asset_ids: Sequence[str]) -> Mapping[str, str]:
        """Take a tag from assets; an error by asset, or ""."""
        ...

    def describe(self, asset_id: str, text: str) -> object:
        """Set the description."""
        ...

    def refresh(self, asset_ids: Sequence[str]) -> object:
        """Have photos and registered sidecars read again."""
        ...

    def delete_tag(self, tag_id: str) -> object:
        """Delete a tag and all below it."""
        ...

    def queues(self) -> Mapping[str, int] | None:
        """Jobs waiting and under way by queue; None where the key may not see them."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What Immich shows of one asset.

    `ready`: its metadata was read a first time. The rest only a database tells: `locked` while Immich has
    still to write what was changed there, `extracted` when it last read the files, `sidecar` the registered
    file by Immich's own path ("" none, None not known).
    """

    tags: frozenset[str]
    description: str = ""
    ready: bool = True
    locked: bool = False
    extracted: datetime | None = None
    sidecar: str | None = None


class Source(Protocol):
    """Where the present state is read. `exact` where locks and times are known, as from the database."""

    exact: bool

    def shown(self, assets: Sequence[str]) -> Mapping[str, Shown]:
        """These assets as they are now; one that is gone is missing. Raises TryAgain or PlaceClosed."""
        ...


@dataclass(frozen=True, slots=True)
class Wait:
    """The clock, in seconds, and how time is let pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
