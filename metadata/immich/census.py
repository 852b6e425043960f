"""Who is there: what changed in Immich since the last look, and which photos nobody may see any more.

A photo that is moved to the locked folder, or deleted, shows in no list of changes of the API. So the number of
photos is compared too, and where it is another than it should be, all of them are listed once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from metadata.errors import PlaceClosed
from metadata.immich.ready import VISIBLE
from metadata.immich.shapes import Asset

OVERLAP = timedelta(seconds=5)
"""What is written at one time is seen when its transaction ends; so much is looked at again."""

RESTED = 300.0
"""Seconds after which that is over: else what was changed in one go would be read anew at every look."""

MANY = 100
"""So many photos, and half of all, do not go at once: then the server or the user is another one."""


class Api(Protocol):
    """What is asked of `metadata.immich.Immich`."""

    @property
    def place(self) -> bytes:
        """The server."""
        ...

    def assets(
        self, *, updated_after: datetime | None = None, visibilities: tuple[str, ...] = VISIBLE
    ) -> Iterable[Asset]:
        """As there."""
        ...

    def asset(self, id: str) -> Asset | None:  # noqa: A002
        """As there."""
        ...

    def count(self, visibility: str = "timeline") -> int | None:
        """As there."""
        ...


class Rows(Protocol):
    """What is asked of `metadata.immich.Database`."""

    def changed(self, after: str, *, most: int = 5000) -> list[Asset]:
        """As there."""
        ...

    def ids(self, owners: Collection[str]) -> set[str]:
        """As there."""
        ...

    def count(self, owners: Collection[str]) -> int:
        """As there."""
        ...


class _Newest:
    """How long the newest change that is known has been the newest."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._mark: object = None
        self._since = 0.0

    def rested(self, mark: object) -> bool:
        """Whether no older one can still be on its way."""
        if mark != self._mark:
            self._mark, self._since = mark, self._clock()
        return self._clock() - self._since > RESTED


@dataclass(frozen=True, slots=True)
class News:
    """`changed` are new or other than before (trashed and locked ones too, where they are shown); `gone` by id."""

    changed: tuple[Asset, ...] = ()
    gone: frozenset[str] = frozenset()


class ByApi:
    """One user's photos, watched through the API. The first look lists all of them."""

    def __init__(
        self,
        api: Api,
        *,
        visible: tuple[str, ...] = VISIBLE,
        every: int = 60,
        known: Mapping[str, datetime] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`every` so many looks all are listed, where the key may not ask for their number.

        `known` are the photos of earlier looks with the time of their last change, so that only news are told.
        """
        self._api, self._visible, self._every = api, visible, every
        self._known: dict[str, datetime] | None = dict(known) if known else None
        self._newest: datetime | None = max(known.values()) if known else None
        self._calm = _Newest(clock)
        self._looks = 0

    def look(self) -> News:
        """What is new since the last look. Raises as the client does; PlaceClosed when most photos are gone."""
        self._looks += 1
        if self._known is None or self._newest is None:
            return self._all({})
        known = self._known
        for _ in range(3):  # one may arrive between the count and the list
            counts = {visibility: self._api.count(visibility) for visibility in self._visible}
            number = None if None in counts.values() else sum(count or 0 for count in counts.values())
            # where there is none, nothing can have changed: most people have archived nothing
            changed = self._changed(known, self._newest, tuple(each for each in counts if counts[each] != 0))
            expected = len(known) + len({asset.id for asset in changed if asset.id not in known})
            if number == expected or (number is None and self._looks % self._every):
                self._remember(changed)
                return News(tuple(changed))
        return self._all(known)

    def _changed(self, known: dict[str, datetime], newest: datetime, there: tuple[str, ...]) -> list[Asset]:
        since = newest if self._calm.rested(newest) else newest - OVERLAP
        found = self._api.assets(updated_after=since, visibilities=there)
        return [asset for asset in found if known.get(asset.id) != asset.updated]

    def _all(self, known: dict[str, datetime]) -> News:
        found = {asset.id: asset for asset in self._api.assets(visibilities=self._visible)}
        lost = known.keys() - found.keys()
        _stop_if_most(len(lost), len(known), self._api.place)
        shown = {each: asset for each in lost if (asset := self._api.asset(each)) is not None}
        changed = [asset for asset in found.values() if known.get(asset.id) != asset.updated]
        self._known = {}
        self._newest = None
        self._remember(found.values())
        return News((*changed, *shown.values()), frozenset(lost - shown.keys()))

    def _remember(self, assets: Iterable[Asset]) -> None:
        self._known = self._known or {}
        for asset in assets:
            self._known[asset.id] = asset.updated
            self._newest = asset.updated if self._newest is None else max(self._newest, asset.updated)


class ByDatabase:
    """The photos of several users, watched through the database. The first look reads all of them."""

    def __init__(
        self,
        rows: Rows,
        owners: Collection[str],
        place: bytes,
        *,
        known: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`known` are the photos of earlier looks with their last changes, so that only news are told."""
        self._rows, self._owners, self._place = rows, owners, place
        self._known: dict[str, str] = dict(known or {})
        self._cursor = max(self._known.values(), default="")
        self._calm = _Newest(clock)

    def look(self) -> News:
        """What is new since the last look. Raises as `Database` does; PlaceClosed when most photos are gone."""
        changed: list[Asset] = []
        after = self._cursor if self._calm.rested(self._cursor) else _earlier(self._cursor)
        while page := self._rows.changed(after):
            after = page[-1].change
            changed += [each for each in page if each.owner in self._owners and self._is_new(each)]
        gone: set[str] = set()
        new = {asset.id for asset in changed if asset.id not in self._known}
        number = len(self._known) + len(
            new
        )  # no copy is made: a quiet look at a large library costs next to nothing
        if self._rows.count(self._owners) != number:
            gone = (self._known.keys() | new) - self._rows.ids(self._owners)
            _stop_if_most(len(gone), number, self._place)
        self._known.update((asset.id, asset.change) for asset in changed)
        for each in gone:
            del self._known[each]
        self._cursor = max(after, self._cursor)
        return News(tuple(asset for asset in changed if asset.id not in gone), frozenset(gone))

    def _is_new(self, asset: Asset) -> bool:
        return self._known.get(asset.id) != asset.change


def _stop_if_most(lost: int, known: int, place: bytes) -> None:
    if lost > MANY and lost * 2 > known:
        raise PlaceClosed(
            place, f"{lost:,} of {known:,} photos are gone at once; is this the same Immich and user?"
        )


def _earlier(change: str) -> str:
    """A change id of `OVERLAP` before; ids are UUIDs of version 7, which begin with milliseconds (RFC 9562)."""
    if not change:
        return ""
    moment = max(0, (UUID(change).int >> 80) - int(OVERLAP.total_seconds() * 1000))
    return str(UUID(int=moment << 80))
