"""Which assets of Immich are in albums whose photos no other machine may see; asked in the poll's own thread."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from metadata import tags
from metadata.immich.shapes import Album

log = logging.getLogger(__name__)


class Client(Protocol):
    """What is asked of `metadata.immich.Immich`."""

    def albums(self) -> list[Album]:
        """As there."""
        ...

    def in_album(self, album_id: str) -> Iterable[str]:
        """As there."""
        ...


class Albums:
    """The albums of these names, of all users whose keys are set; what is in one is asked when it has changed."""

    def __init__(self, names: Iterable[str]) -> None:
        """Names count whatever their case."""
        self._names = {tags.fold(name): name for name in names}
        self._held: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
        self._missed: set[str] = set()

    def look(self, owners: Mapping[str, Client]) -> frozenset[str]:
        """The assets that are in any of them. Raises as the client does: not to know is no leave to show."""
        if not self._names:
            return frozenset()
        held: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
        met: set[str] = set()
        for owner, client in owners.items():
            for album in client.albums():
                if (name := tags.fold(album.name)) in self._names:
                    met.add(name)
                    mark, assets = self._held.get((owner, album.id), ("", frozenset[str]()))
                    fresh = assets if mark == album.mark else frozenset(client.in_album(album.id))
                    held[owner, album.id] = album.mark, fresh
        self._held = held
        self._tell(self._names.keys() - met)
        return frozenset[str]().union(*(assets for _, assets in held.values()))

    def _tell(self, missed: set[str]) -> None:
        for name in missed - self._missed:
            log.warning("private.albums: no album in Immich is called %r", self._names[name])
        self._missed = missed
