"""Who is in Immich's photos, watched: neither a new face nor a new name shows among an asset's changes.

With the database one question tells the assets whose faces or names are others than before. By the API each
person's photos are listed, and the faces of those that came, went, or show somebody of another name by now.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from metadata.immich import Face
from metadata.people import Box, Person

if TYPE_CHECKING:
    from metadata.immich import Database, Immich, Keys

EVERY = 60.0
"""Seconds between two looks at all people."""
MOST = 500
"""Assets whose faces are asked for at one look."""
SOURCE, VERSION = "immich", "1"
"""As evidence calls what Immich says of people."""


class Faces:
    """The people of all users whose keys are set. Used from one thread."""

    def __init__(self, database: Database | None, keys: Keys) -> None:
        self._database, self._keys = database, keys
        self._due = 0.0
        self._marks: dict[str, str] = {}
        self._people: dict[str, tuple[str, frozenset[str]]] = {}
        self._open: deque[str] = deque()
        self._owner: dict[str, str] = {}

    def look(self, changed: Collection[str], owners: Mapping[str, Immich]) -> dict[str, list[Face]]:
        """The faces of assets of which they may have changed; none for an asset where nobody is left."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY
            self._open += self._by_database(owners) if self._database is not None else self._by_api(owners)
        some = dict.fromkeys(self._open.popleft() for _ in range(min(MOST, len(self._open))))
        if self._database is not None:
            some |= dict.fromkeys(changed)
            found = self._database.faces([*some]) if some else {}
            return {asset: found.get(asset, []) for asset in some}
        return {asset: owners[self._owner[asset]].faces(asset) for asset in some if self._owner[asset] in owners}

    def _by_database(self, owners: Collection[str]) -> Iterable[str]:
        assert self._database is not None
        now = self._database.face_marks([*owners])
        changed = [asset for asset, mark in now.items() if self._marks.get(asset) != mark]
        gone = self._marks.keys() - now.keys()
        self._marks = now
        return [*changed, *gone]

    def _by_api(self, owners: Mapping[str, Immich]) -> Iterable[str]:
        affected: dict[str, None] = {}
        now: dict[str, tuple[str, frozenset[str]]] = {}
        for owner, client in owners.items():
            for person in client.everybody():
                if person.hidden or not person.name:
                    continue
                assets = frozenset(asset.id for asset in client.with_person(person.id))
                now[person.id] = person.name, assets
                self._owner |= dict.fromkeys(assets, owner)
        for each in now.keys() | self._people.keys():
            name, assets = now.get(each, ("", frozenset[str]()))
            before, had = self._people.get(each, ("", frozenset[str]()))
            affected |= dict.fromkeys(assets ^ had if name == before else assets | had)
        self._people = now
        return affected


def people(faces: Sequence[Face]) -> list[Person]:
    """Those with a name whom nobody has hidden, with their boxes as fractions of the upright picture."""
    return [
        Person(face.person.name, _box(face))
        for face in faces
        if face.person is not None and face.person.name and not face.person.hidden
    ]


def _box(face: Face) -> Box | None:
    if face.width <= 0 or face.height <= 0:
        return None
    left, top, right, bottom = face.box
    return Box(left / face.width, top / face.height, right / face.width, bottom / face.height)
