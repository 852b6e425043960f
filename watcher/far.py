"""Looks at photos that lie in no folder here: Immich's previews of them are fetched, looked at, and thrown away.

What the camera wrote comes from Immich as well, which has read the files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from metadata.errors import PhotoError, PlaceClosed, Refused, TryAgain
from metadata.immich.answers import moment
from metadata.photo import Facts
from models.look import DescribeJob, Item, Looked, LookJob

if TYPE_CHECKING:
    from metadata.immich import Keys

Job = TypeVar("Job", LookJob, DescribeJob)


class Far:
    """Fetches what `do` is to look at; with the key of the user whose photo it is."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def around(self, do: Callable[[Job], list[Looked]]) -> Callable[[Job], list[Looked]]:
        """The same for jobs in which some photos are to be fetched."""

        def look(job: Job) -> list[Looked]:
            if not any(item.remote for item in job.photos):
                return do(job)
            with tempfile.TemporaryDirectory(prefix="tagwright-") as folder:
                fetched = [self._fetched(item, os.fsencode(folder)) for item in job.photos]
                good = [item for item in fetched if isinstance(item, Item)]
                seen = {one.id: one for one in (do(replace(job, photos=tuple(good))) if good else ())}
            return [_told(item, seen) for item in fetched]

        return look

    def _fetched(self, item: Item, folder: bytes) -> Item | Looked:
        if not item.remote:
            return item
        try:
            client = self._keys.of(os.path.basename(os.path.dirname(item.path)).decode())
            picture = client.thumbnail(item.remote) if client is not None else None
            if client is None or picture is None:
                return Looked(item.id, error=TryAgain(item.path, "Immich has no preview of it"))
            facts = facts_of(client.exif(item.remote))
        except (TryAgain, PlaceClosed, Refused) as error:
            return Looked(item.id, error=TryAgain(item.path, error.reason))
        file = os.path.join(folder, item.remote.encode() + b".jpeg")
        with open(file, "wb") as stream:
            stream.write(picture)
        return replace(item, path=file, facts=facts)


def _told(item: Item | Looked, seen: Mapping[int, Looked]) -> Looked:
    """The answer, without what is true of the fetched file alone."""
    if isinstance(item, Looked) or not item.remote:
        return item if isinstance(item, Looked) else seen[item.id]
    answer = seen[item.id]
    error = answer.error
    if isinstance(error, PhotoError):
        error = PhotoError(item.remote.encode(), error.reason)
    return replace(answer, embedded=None, error=error)


def facts_of(exif: Mapping[str, Any]) -> Facts:
    """What Immich calls exifInfo in our words."""
    taken, offset = _taken(exif)
    return Facts(
        format="JPEG",
        width=int(exif.get("exifImageWidth") or 0),
        height=int(exif.get("exifImageHeight") or 0),
        orientation=_orientation(exif.get("orientation")),
        taken=taken,
        offset=offset,
        make=exif.get("make") or None,
        model=exif.get("model") or None,
        lens=exif.get("lensModel") or None,
        exposure=_seconds(exif.get("exposureTime")),
        aperture=_number(exif.get("fNumber")),
        iso=int(exif["iso"]) if exif.get("iso") else None,
        focal=_number(exif.get("focalLength")),
        latitude=_number(exif.get("latitude")),
        longitude=_number(exif.get("longitude")),
    )


def _orientation(told: object) -> int:
    return int(told) if isinstance(told, str) and told in tuple("12345678") else 1


def _number(told: object) -> float | None:
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None


def _seconds(told: object) -> float | None:
    """`1/250`, or a number."""
    over, _, under = str(told or "").partition("/")
    try:
        return float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError):
        return None


def _taken(exif: Mapping[str, Any]) -> tuple[datetime | None, int | None]:
    """The time as the camera's clock showed it, and its distance from UTC in minutes where that is known."""
    at = moment(exif.get("dateTimeOriginal"))
    if at is None:
        return None, None
    zone = str(exif.get("timeZone") or "")
    try:
        local = at.astimezone(ZoneInfo(_etc(zone))) if zone else at.astimezone(UTC)
    except (OSError, ValueError, LookupError):
        return at.astimezone(UTC).replace(tzinfo=None), None
    away = local.utcoffset()
    return local.replace(tzinfo=None), int(away.total_seconds() // 60) if zone and away is not None else None


def _etc(zone: str) -> str:
    """`UTC+2` as the zone's own name, whose sign is the other one."""
    if zone.startswith("UTC") and len(zone) > 3:
        return f"Etc/GMT{'-' if zone[3] == '+' else '+'}{zone[4:]}"
    return zone
