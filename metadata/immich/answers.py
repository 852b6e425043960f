"""What Immich's API answers, read into our shapes; keys that we do not know are passed over."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from metadata.immich.shapes import Album, Asset, Face, Person, Tag, User, Version

_BEFORE = datetime(1970, 1, 1, tzinfo=UTC)


def version(told: Mapping[str, Any]) -> Version:
    """`GET /server/version`."""
    return Version(int(told["major"]), int(told["minor"]), int(told["patch"]))


def user(told: Mapping[str, Any]) -> User:
    """`GET /users/me`."""
    return User(told["id"], told.get("name") or "", told.get("email") or "", admin=bool(told.get("isAdmin")))


def tag(told: Mapping[str, Any]) -> Tag:
    """One of `GET /tags`, `PUT /tags`, or of an asset's tags."""
    return Tag(told["id"], told["value"], told.get("parentId"))


def asset(told: Mapping[str, Any]) -> Asset:
    """An asset, of `GET /assets/{id}` or of a search (whose items have no tags)."""
    exif = told.get("exifInfo")
    preview = told["thumbhash"] is not None if "thumbhash" in told else None
    tags = told.get("tags")
    stack = told.get("stack")
    return Asset(
        id=told["id"],
        owner=told["ownerId"],
        path=told["originalPath"],
        checksum=base64.b64decode(told["checksum"]),
        visibility=told.get("visibility") or "timeline",
        trashed=bool(told.get("isTrashed")),
        offline=bool(told.get("isOffline")),
        type=told.get("type") or "OTHER",
        description=(exif or {}).get("description") or "",
        tags=None if tags is None else tuple(tag(each) for each in tags),
        updated=moment(told.get("updatedAt")) or _BEFORE,
        live_photo=told.get("livePhotoVideoId"),
        stack=stack.get("id") if isinstance(stack, Mapping) else None,
        extracted=_extracted(exif, preview=preview),
        preview=preview,
        library=told.get("libraryId"),
        size=(exif or {}).get("fileSizeInByte"),
    )


def _extracted(exif: Mapping[str, Any] | None, *, preview: bool | None) -> bool | None:
    """The API does not tell it; but each extraction writes `modifyDate`, and pictures are made after it."""
    if preview:
        return True
    return None if exif is None else exif.get("modifyDate") is not None


def moment(text: str | None) -> datetime | None:
    """A time with its zone; None where there is none, or it is none."""
    try:
        told = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def album(told: Mapping[str, Any]) -> Album:
    """One of `GET /albums`."""
    marks = (told.get("updatedAt"), told.get("lastModifiedAssetTimestamp"), told.get("assetCount"))
    return Album(told["id"], told.get("albumName") or "", " ".join(map(str, marks)))


def stacks(told: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """`GET /stacks`: the stack that each stacked asset is in."""
    return {asset["id"]: stack["id"] for stack in told for asset in stack.get("assets", ())}


def person(told: Mapping[str, Any]) -> Person:
    """One of `people`, or the person of a face."""
    return Person(told["id"], told.get("name") or "", hidden=bool(told.get("isHidden")))


def face(told: Mapping[str, Any]) -> Face:
    """One of `GET /faces`."""
    x1, y1, x2, y2 = (int(told[f"boundingBox{corner}"]) for corner in ("X1", "Y1", "X2", "Y2"))
    whose = told.get("person")
    return Face(
        told["id"],
        (x1, y1, x2, y2),
        int(told["imageWidth"]),
        int(told["imageHeight"]),
        person(whose) if whose else None,
        told.get("sourceType") or "machine-learning",
    )


def queues(told: Any) -> dict[str, int]:
    """`GET /queues` (2.4 and newer), or `GET /jobs`: waiting and active jobs by the queue's name."""
    if isinstance(told, Mapping):
        return {name: _waiting(each["jobCounts"]) for name, each in told.items() if "jobCounts" in each}
    return {each["name"]: _waiting(each["statistics"]) for each in told}


def _waiting(counts: Mapping[str, int]) -> int:
    return sum(counts.get(name, 0) for name in ("waiting", "active", "delayed", "paused"))


def by_value(tags: Iterable[Tag]) -> dict[str, Tag]:
    """The tags by their value."""
    return {each.value: each for each in tags}
