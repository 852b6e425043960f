"""What Immich takes out of a photo and its sidecar: names merged one by one, the sidecar's win; tags from the first list that has any."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_DATES = ("SubSecDateTimeOriginal", "DateTimeOriginal", "SubSecCreateDate", "CreationDate", "CreateDate",
          "SubSecMediaCreateDate", "MediaCreateDate", "DateTimeCreated", "DateTimeUTC", "GPSDateTime", "SourceImageCreateTime")  # fmt: skip


def merged(photo: dict[str, Any], sidecar: dict[str, Any]) -> dict[str, Any]:
    """Per name the sidecar's value; a sidecar with any date drops all of the photo's."""
    if any(sidecar.get(name) for name in _DATES):
        photo = {name: value for name, value in photo.items() if name not in _DATES}
    return {**photo, **sidecar}


def tags(read: dict[str, Any]) -> list[str]:
    """The tags, as paths: digiKam's list, else Lightroom's, else the keywords. No union; one empty item means none at all."""
    for name in ("TagsList", "HierarchicalSubject", "Keywords"):
        values = _listed(read.get(name))
        if values:
            return [_from_lightroom(each) for each in values] if name == "HierarchicalSubject" else values
    return []


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [_word(each) for each in (value if isinstance(value, list) else [value])]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_lightroom(path: str) -> str:
    return "/".join(part.replace("/", "|") for part in path.split("|"))


def description(read: dict[str, Any]) -> str:
    """The text, trimmed: ImageDescription, else Description."""
    return str(read.get("ImageDescription") or read.get("Description") or "").strip()


def rating(read: dict[str, Any], *, old: bool) -> int | None:
    """1 to 5, else none; before 3.0 also -1."""
    try:
        stars = round(float(read.get("Rating", 0)))
    except (TypeError, ValueError):
        return None
    return stars if 1 <= stars <= 5 or (old and stars == -1) else None


def place(read: dict[str, Any]) -> tuple[float, float] | None:
    """Latitude and longitude; (0, 0) is none."""
    try:
        found = float(read["GPSLatitude"]), float(read["GPSLongitude"])
    except (KeyError, TypeError, ValueError):
        return None
    return found if found != (0, 0) else None


def taken(read: dict[str, Any]) -> datetime | None:
    """When the picture was taken, its own zone taken for UTC."""
    for name in _DATES:
        text = str(read.get(name) or "")[:19]
        try:
            return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
