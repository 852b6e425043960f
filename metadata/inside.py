"""What a photo holds of words, byte for byte, so that it can be changed, compared and given back.

`metadata.embedded` reads it and says what XMP, IPTC and EXIF mean together; here is what writing it takes besides.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Final

from metadata import xmp
from metadata.container import RAW, Anatomy, dissect
from metadata.digest import digest as image_digest
from metadata.embedded import NOTHING, Content, Embedded, read_embedded, shown
from metadata.exif_text import ExifText
from metadata.iptc import Iptc, read_iptc
from metadata.sinks import Seen
from metadata.source import Source, opened

MIRRORED: Final = {
    "dc:description": "caption",
    "dc:title": "title",
    "photoshop:City": "city",
    "Iptc4xmpCore:Location": "location",
    "photoshop:State": "state",
    "photoshop:Country": "country",
    "Iptc4xmpCore:CountryCode": "code",
}
"""Texts of XMP and their IPTC data sets, by the names of `metadata.iptc.NAMES` (MWG 2.0, 5)."""

EXIF_FORMATS: Final = RAW - {"RW2"} | {"JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF"}
"""Where ImageDescription, XPKeywords and UserComment have a place that everybody finds."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A photo's content, with what it takes to show and to change it.

    `own` is what the packet alone says, `document` the parsed packet; `seen` is what the photo says as a
    whole. `image` is the digest of the picture and of whatever a JPEG holds behind it. `extended` are a
    JPEG's further segments of XMP.
    """

    format: str
    content: Content
    own: Seen
    seen: Seen
    iptc: Iptc
    exif: ExifText
    document: xmp.Document | None = None
    image: bytes = b""
    extended: tuple[bytes, ...] = ()


def look(path: bytes, *, image: bool = False) -> Inside:
    """What stands in the photo, with its picture's digest where `image` asks for it.

    Raises Refused for what cannot be read or could be read in two ways, PhotoError, TryAgain and OSError.
    """
    with opened(path) as file:
        anatomy = dissect(file.source, picture=image)
        found = _looked(read_embedded(file.source, anatomy, path=file.path), anatomy, file.path)
        if image:
            found = replace(
                found, image=image_digest(file.source, anatomy, whole=True) + _trailer(file.source, anatomy)
            )
        file.unchanged()
    return found


def _trailer(source: Source, anatomy: Anatomy) -> bytes:
    """A digest of what follows a JPEG's picture: further pictures, a film, what a phone keeps there.

    Of a RAF: of the picture in the JPEG that it holds, and of everything behind that.
    """
    if anatomy.format == "RAF":
        preview, length, following = struct.unpack(">3I", source.at(84, 12))
        inner = Source(source.at(preview, length))
        return image_digest(inner) + _trailer(inner, dissect(inner)) + _summed(source, following)
    if anatomy.format != "JPEG" or not anatomy.image or isinstance(anatomy.image[-1], bytes):
        return b""
    return _summed(source, sum(anatomy.image[-1]))


def _summed(source: Source, start: int) -> bytes:
    summed = hashlib.sha256()
    for chunk in source.chunks(start, source.size - start):
        summed.update(chunk)
    return summed.digest()


def _looked(said: Embedded, anatomy: Anatomy, path: bytes) -> Inside:
    if said.fault is not None:
        raise said.fault
    document = said.document
    if said.packet is not None and anatomy.extended:
        document = xmp.parse(said.packet, path)
    return Inside(
        format=anatomy.format,
        content=said.content,
        own=xmp.seen(document) if document else replace(NOTHING, where=path),
        seen=said.seen,
        iptc=said.iptc,
        exif=said.exif,
        document=document,
        extended=tuple(anatomy.extended),
    )


def told(content: Content, like: Inside, path: bytes) -> Seen:
    """What a photo will say that holds `content` and is otherwise as `like`. Raises Refused."""
    document = xmp.parse(content.packet, path) if content.packet is not None else None
    own = xmp.seen(document) if document else replace(NOTHING, where=path)
    return said(own, content, like)


def said(own: Seen, content: Content, like: Inside) -> Seen:
    """The same, where it is known what the packet alone will say (`own`)."""
    whole = shown(own, read_block(content, like.format), read_texts(content, like), content, where=own.where)
    more, programs = like.seen.people - like.own.people, like.seen.programs - like.own.programs
    return replace(whole, people=own.people | more, programs=own.programs | programs)


def read_block(content: Content, kind: str) -> Iptc:
    """The IPTC block as it will be read."""
    if content.iptc is None:
        return Iptc()
    block = read_iptc(Anatomy(kind, iim=[content.iptc]))
    sums = {
        hashlib.md5(each, usedforsecurity=False).digest() for each in (content.iptc, padded(content.iptc, kind))
    }
    return replace(block, synced=content.stamp in sums)


def read_texts(content: Content, like: Inside) -> ExifText:
    """EXIF's texts as they will be read."""
    exif = like.exif
    if content.description != like.content.description:
        exif = replace(exif, description=_text(content.description))
    if content.xp != like.content.xp:
        words = (content.xp or b"").decode("utf-16-le", "replace").split(";")
        exif = replace(exif, keywords=tuple(dict.fromkeys(word.strip() for word in words if word.strip())))
    if content.comment != like.content.comment:
        exif = replace(exif, comment=(content.comment or b"").decode(errors="replace"))
    return exif


def _text(data: bytes | None) -> str:
    try:
        return (data or b"").decode().strip()
    except UnicodeDecodeError:
        return (data or b"").decode("cp1252", "replace").strip()


def padded(block: bytes, kind: str) -> bytes:
    """As it is stored: in a TIFF it fills whole numbers of four bytes."""
    return block if kind in ("JPEG", "PNG", "RAF") else block + b"\0" * (-len(block) % 4)
