"""What Immich's API and its database both speak of, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

OLDEST = (2, 5)
"""The first version in which free keys of `/assets/{id}/metadata`, unlocking and `asset_exif.tags` are there."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release of Immich's server."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def known(self) -> bool:
        """Whether it is new enough for us."""
        return (self.major, self.minor) >= OLDEST


@dataclass(frozen=True, slots=True)
class User:
    """The user a key belongs to."""

    id: str
    name: str
    email: str = ""
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of one user; `value` is its whole path, such as `Places/Chile`, `parent` the id of the tag above."""

    id: str
    value: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset, whoever told of it.

    `path` is as Immich's container names it. `checksum` are 20 bytes: SHA-1 of an upload's content, of
    `path:` and the path for one of an external library. `tags` None: the answer did not speak of tags.
    `extracted` and `preview` None: the answer did not tell. `sidecar` is the container path that is
    registered (database only; "" none, None not told). `change` orders changes (database only).
    """

    id: str
    owner: str
    path: str
    checksum: bytes
    visibility: str
    trashed: bool
    offline: bool
    type: str
    description: str
    tags: tuple[Tag, ...] | None
    updated: datetime
    live_photo: str | None = None
    stack: str | None = None
    extracted: bool | None = None
    preview: bool | None = None
    sidecar: str | None = None
    library: str | None = None
    size: int | None = None
    change: str = ""


@dataclass(frozen=True, slots=True)
class Album:
    """An album; `mark` is another one whenever something was put in or taken out."""

    id: str
    name: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A person; `name` is "" where nobody gave one. A hidden one is never written anywhere."""

    id: str
    name: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """A face: a box in pixels of an upright picture of `width` x `height`, left, top, right, bottom."""

    id: str
    box: tuple[int, int, int, int]
    width: int
    height: int
    person: Person | None = None
    source: str = "machine-learning"


@dataclass(frozen=True, slots=True)
class Look:
    """What the database shows of an asset's last change: what is locked, when it was extracted, what stands."""

    locked: frozenset[str]
    extracted: datetime | None
    tags: frozenset[str]
    description: str
    sidecar: str


def settled(was: Look | None, now: Look | None) -> bool:
    """Whether a change made after `was` has gone all the way: nothing locked, and extracted again since.

    `was` None asks only that nothing is under way. What stands may still be wrong: read it back.
    """
    if now is None or now.locked or now.extracted is None:
        return False
    return was is None or was.extracted is None or now.extracted > was.extracted


@dataclass(frozen=True, slots=True)
class Space:
    """What vectors live in: a model's name ("" unknown), their dimension, and how many there are."""

    model: str
    dim: int
    count: int = 0

    def changed(self, now: Space) -> str:
        """In words, why vectors of before say nothing any more; "" where they still do.

        A swap of models of one dimension is seen by the many vectors that went missing at once; a missing
        vector is never the loss of a photo.
        """
        if self.dim != now.dim:
            return f"vectors have {now.dim} numbers now, {self.dim} before"
        if self.model and now.model and self.model != now.model:
            return f"the model is {now.model} now, {self.model} before"
        if self.count >= 100 and now.count < self.count // 2:
            return f"{now.count:,} vectors are there, {self.count:,} before: they are being made anew"
        return ""
