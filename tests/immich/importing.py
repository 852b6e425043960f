"""What Immich takes out of a photo and its sidecar: names merged one by one, the sidecar's win; tags from the first list that has any."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_DATES = ("SubSecDateTimeOriginal", "DateTimeOriginal", "SubSecCreateDate", "CreationDate", "CreateDate",
          "SubSecMediaCreateDate", "MediaCreateDate", "DateTimeCreated", "DateTimeUTC", "GPSDateTime", "SourceImageCreateTime")  # fmt: skip

_DATE = re.compile(r"(\d{4}:\d\d:\d\d \d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?")


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


def taken(read: dict[str, Any]) -> tuple[datetime, str | None] | None:
    """When the picture was taken and in which zone (UTC+2), as its first known date says; no zone counts as UTC."""
    for name in _DATES:
        found = _DATE.match(str(read.get(name) or ""))
        if found and not found[1].startswith("0000"):  # a film without a clock
            return _moment(found)
    return None


def _moment(found: re.Match[str]) -> tuple[datetime, str | None]:
    when = datetime.strptime(found[1], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    if not found[3]:
        return when, None
    offset = when if found[3] == "Z" else datetime.strptime(found[3], "%z")
    return when.replace(tzinfo=offset.tzinfo), zone(when.replace(tzinfo=offset.tzinfo))


def zone(when: datetime) -> str:
    """The zone's name: UTC+2, UTC-3:30."""
    minutes = int((when.utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
