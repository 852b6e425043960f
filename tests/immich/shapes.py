"""The rows of the tables as the API shows them."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

IMAGES = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".jpeg",
        ".jpg",
        ".png",
        ".webp",
        ".3fr",
        ".ari",
        ".arw",
        ".cap",
        ".cin",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dng",
        ".erf",
        ".fff",
        ".iiq",
        ".k25",
        ".kdc",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".ori",
        ".pef",
        ".psd",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
        ".heic",
        ".heif",
        ".hif",
        ".insp",
        ".jp2",
        ".jpe",
        ".jxl",
        ".svg",
        ".tif",
        ".tiff",
    ]
)
VIDEOS = frozenset(
    [
        ".3gp",
        ".3gpp",
        ".avi",
        ".flv",
        ".insv",
        ".m2t",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
    ]
)
_MIME = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jpe": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
         ".gif": "image/gif", ".heic": "image/heic", ".heif": "image/heif", ".tif": "image/tiff", ".tiff": "image/tiff",
         ".avif": "image/avif", ".mp4": "video/mp4", ".mov": "video/quicktime"}  # fmt: skip


def time(value: datetime | None) -> str | None:
    """Milliseconds and Z."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def raw_time(value: datetime | None) -> str | None:
    """As Postgres puts it into JSON: all digits there are, and an offset."""
    if value is None:
        return None
    text = value.astimezone(UTC).isoformat()
    head, _, zone = text.rpartition("+")
    return (head.rstrip("0") if "." in head else head) + "+" + zone


def mime(name: str) -> str:
    """The media type that a name promises."""
    return _MIME.get(os.path.splitext(name)[1].lower(), "application/octet-stream")


def based(data: bytes | None) -> str | None:
    """Base64."""
    return None if data is None else base64.b64encode(bytes(data)).decode()


def tag(row: Row, *, raw: bool = False) -> Row:
    """A tag; inside an asset its times look different."""
    shown = raw_time if raw else time
    found = {"id": row["id"]} | ({"parentId": row["parentId"]} if row["parentId"] else {})
    found |= {"name": row["value"].rpartition("/")[2], "value": row["value"]}
    found |= {"createdAt": shown(row["createdAt"]), "updatedAt": shown(row["updatedAt"])}
    return found | ({"color": row["color"]} if row["color"] else {})


_EXIF = ("make", "model", "exifImageWidth", "exifImageHeight", "fileSizeInByte", "orientation", "dateTimeOriginal",
         "modifyDate", "timeZone", "lensModel", "fNumber", "focalLength", "iso", "exposureTime", "latitude", "longitude",
         "city", "state", "country", "description", "projectionType", "rating")  # fmt: skip


def exif(row: Row) -> Row:
    """What is known of the picture."""
    return {name: raw_time(row[name]) if isinstance(row[name], datetime) else row[name] for name in _EXIF}


def asset(row: Row, *, old: bool, owner: Row | None = None, tags: list[Row] | None = None, people: list[Row] | None = None,
          info: Row | None = None, stack: Any = ...) -> Row:  # fmt: skip
    """An asset; only the single one has an owner, tags and a stack."""
    found: Row = {"id": row["id"], "createdAt": time(row["createdAt"])}
    if old:
        found |= {"deviceAssetId": row["deviceAssetId"], "deviceId": row["deviceId"]}
    found |= {"ownerId": row["ownerId"]} | ({"owner": owner} if owner else {})
    found |= {name: row[name] for name in ("libraryId", "type", "originalPath", "originalFileName")}
    found |= {"originalMimeType": mime(row["originalFileName"]), "thumbhash": based(row["thumbhash"])}
    for name in ("fileCreatedAt", "fileModifiedAt", "localDateTime", "updatedAt"):
        found[name] = time(row[name])
    found |= {"isFavorite": row["isFavorite"], "isArchived": row["visibility"] == "archive"}
    found |= {"isTrashed": row["deletedAt"] is not None, "visibility": row["visibility"]}
    found["duration"] = row["duration"] or "0:00:00.00000" if old else row["duration"]
    found |= {"exifInfo": exif(info)} if info else {}
    found["livePhotoVideoId"] = row["livePhotoVideoId"]
    found |= {"tags": [tag(each, raw=True) for each in tags]} if tags is not None else {}
    found |= {"people": people or [], "checksum": based(row["checksum"])}
    found |= {"stack": stack} if stack is not ... else {}
    found |= {
        "isOffline": row["isOffline"],
        "hasMetadata": True,
        "duplicateId": row["duplicateId"],
        "resized": True,
    }
    return found | {name: row[name] for name in ("width", "height", "isEdited")}


def owner(row: Row) -> Row:
    """A user, as an asset names its owner."""
    found = {name: row[name] for name in ("id", "email", "name", "profileImagePath")}
    return found | {
        "avatarColor": row["avatarColor"] or "gray",
        "profileChangedAt": raw_time(row["profileChangedAt"]),
    }


def person(row: Row, *, raw: bool = False) -> Row:
    """A person without faces."""
    found = {name: row[name] for name in ("id", "name", "birthDate", "thumbnailPath", "isHidden", "isFavorite")}
    found["birthDate"] = None if row["birthDate"] is None else row["birthDate"].isoformat()
    return found | {"updatedAt": (raw_time if raw else time)(row["updatedAt"])}


def library(row: Row, assets: int) -> Row:
    """An external library."""
    found = {name: row[name] for name in ("id", "ownerId", "name")}
    found |= {name: time(row[name]) for name in ("createdAt", "updatedAt", "refreshedAt")}
    return found | {
        "assetCount": assets,
        "importPaths": row["importPaths"],
        "exclusionPatterns": row["exclusionPatterns"],
    }
