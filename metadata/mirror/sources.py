"""Where the present state of assets is read: the database for many at once, else the API one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from metadata.immich.shapes import Asset, Look
from metadata.mirror.ports import Shown


class Asks(Protocol):
    """The part of a user's API that tells of one asset."""

    def asset(self, id: str, /) -> Asset | None:  # noqa: A002 - Immich's own word
        """An asset with its tags; None where this user has none of this id."""
        ...


class ByDatabase:
    """Reads the database: tags, locks and times of many assets in one short question."""

    exact = True

    def __init__(self, looks: Callable[[Sequence[str]], Mapping[str, Look]]) -> None:
        """`looks` is `Database.looks`."""
        self._looks = looks

    def shown(self, assets: Sequence[str]) -> dict[str, Shown]:
        """These assets as they are now."""
        return {asset: _of_look(look) for asset, look in self._looks(assets).items()} if assets else {}


def _of_look(look: Look) -> Shown:
    return Shown(
        tags=look.tags,
        description=look.description,
        ready=look.extracted is not None,
        locked=bool(look.locked),
        extracted=look.extracted,
        sidecar=look.sidecar,
    )


class ByApi:
    """Asks for each asset with the key of its owner; what is locked, nobody tells."""

    exact = False

    def __init__(self, users: Mapping[str, Asks]) -> None:
        """`users` by id."""
        self._users = users
        self._owner: dict[str, str] = {}

    def shown(self, assets: Sequence[str]) -> dict[str, Shown]:
        """These assets as they are now."""
        found = {asset: self._asset(asset) for asset in assets}
        return {name: _of_asset(asset) for name, asset in found.items() if asset is not None}

    def _asset(self, name: str) -> Asset | None:
        known = self._owner.get(name)
        for owner, user in self._users.items():
            if known in (None, owner):
                asset = user.asset(name)
                if asset is not None:
                    self._owner[name] = owner
                    return asset
        self._owner.pop(name, None)
        return None


def _of_asset(asset: Asset) -> Shown:
    tags = frozenset(tag.value for tag in asset.tags or ())
    return Shown(tags, asset.description, ready=asset.extracted is not False, sidecar=asset.sidecar)
