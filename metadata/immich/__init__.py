"""Immich as the rest of the house knows it: shapes here, client and database where they are first asked for.

`Immich` needs httpx and `Database` needs psycopg; both are imported when the name is first used, so that a
module may name the shapes without either.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from metadata.immich.census import ByApi, ByDatabase, News
from metadata.immich.paths import PathMap, Paths, located, path_checksum
from metadata.immich.ready import Readiness, ready
from metadata.immich.shapes import Asset, Face, Look, Person, Space, Tag, User, Version, settled

if TYPE_CHECKING:
    from metadata.immich.client import Immich, Keys
    from metadata.immich.database import Database, Login

_LATER = {"Immich": "client", "Keys": "client", "Database": "database", "Login": "database"}

__all__ = [
    "Asset",
    "ByApi",
    "ByDatabase",
    "Database",
    "Face",
    "Immich",
    "Keys",
    "Login",
    "Look",
    "News",
    "PathMap",
    "Paths",
    "Person",
    "Readiness",
    "Space",
    "Tag",
    "User",
    "Version",
    "located",
    "path_checksum",
    "ready",
    "settled",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"metadata.immich.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
