"""What a photo holds of words, byte for byte, so that it can be changed, compared and given back.

Its XMP packet, its IPTC block and three texts of EXIF. `metadata.embedded` says what they mean together;
here EXIF's ImageDescription stands besides for XMP's tiff:ImageDescription, of which it is the original.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

from metadata import iptc_edit, xmp
from metadata.container import RAW, Anatomy, dissect
from metadata.digest import digest as image_digest
from metadata.embedded import elsewhere, read_embedded, united
from metadata.exif_text import ExifText
from metadata.facts import gather
from metadata.iptc import Iptc, read_iptc
from metadata.sinks import Seen, Values
from metadata.source import Opened, Source, opened
from metadata.tags import SUBJECT

DESCRIPTION: Final = "tiff:ImageDescription"
"""XMP's name for EXIF's ImageDescription (XMP part 2, 2.4)."""

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
class Content:
    """Everything of a photo that belongs to this place, as stored; None: the photo has no such thing.

    `description` is EXIF's ImageDescription, `xp` Windows' XPKeywords, `comment` the text
    of EXIF's UserComment, whose form holds nothing that could be lost. `stamp` is the digest of the IPTC
    block that Photoshop keeps.
    """

    packet: bytes | None = None
    iptc: bytes | None = None
    description: bytes | None = None
    xp: bytes | None = None
    comment: bytes | None = None
    stamp: bytes | None = None

    @property
    def parts(self) -> tuple[bytes | None, ...]:
        """The six, in a fixed order."""
        return self.packet, self.iptc, self.description, self.xp, self.comment, self.stamp

    @property
    def digest(self) -> bytes:
        """16 bytes that identify it; empty where there is nothing."""
        if not any(self.parts):
            return b""
        summed = hashlib.sha256()
        for part in self.parts:
            summed.update(b"-" if part is None else b"%d " % len(part) + part)
        return summed.digest()[:16]


@dataclass(frozen=True, slots=True)
class Inside:
    """A photo's content, with what it takes to show and to change it.

    `own` is what the packet alone says, `document` the parsed packet. `image` is the digest of the picture
    and of whatever a JPEG holds behind it. `extended` says that a JPEG's packet goes on in further segments.
    """

    format: str
    content: Content
    own: Seen
    iptc: Iptc
    exif: ExifText
    document: xmp.Document | None = None
    image: bytes = b""
    extended: bool = False


def look(path: bytes, *, comment: bool = False, image: bool = False) -> Inside:
    """What stands in the photo. UserComment only where `comment` asks for it, the digest where `image` does.

    Raises Refused for what cannot be read or could be read in two ways, PhotoError, TryAgain and OSError.
    """
    with opened(path) as file:
        anatomy = dissect(file.source, picture=image)
        found = _looked(file, anatomy, comment=comment)
        if image:
            found = replace(found, image=image_digest(file.source, anatomy) + _trailer(file.source, anatomy))
        file.unchanged()
    return found


def _trailer(source: Source, anatomy: Anatomy) -> bytes:
    """A digest of what follows a JPEG's picture: further pictures, a film, what a phone keeps there."""
    if anatomy.format != "JPEG" or not anatomy.image or isinstance(anatomy.image[-1], bytes):
        return b""
    end = sum(anatomy.image[-1])
    summed = hashlib.sha256()
    for chunk in source.chunks(end, source.size - end):
        summed.update(chunk)
    return summed.digest()


def _looked(file: Opened, anatomy: Anatomy, *, comment: bool) -> Inside:
    said = read_embedded(file.source, anatomy, path=file.path)
    if said.fault is not None:
        raise said.fault
    document = xmp.parse(said.packet, file.path) if said.packet is not None else None
    return Inside(
        format=anatomy.format,
        content=_content(anatomy, said.packet, said.iptc, said.exif, comment=comment),
        own=xmp.seen(document) if document else Seen(exists=False, digest=b"", where=file.path),
        iptc=said.iptc,
        exif=said.exif,
        document=document,
        extended=bool(anatomy.extended),
    )


def _content(anatomy: Anatomy, packet: bytes | None, block: Iptc, said: ExifText, *, comment: bool) -> Content:
    exif = gather(anatomy)
    return Content(
        packet=packet,
        iptc=iptc_edit.trimmed(block.raw) if block.raw else None,
        description=exif.raw("0", 270).split(b"\0")[0] or None,
        xp=trimmed_wide(exif.raw("0", 40094)) or None,
        comment=(said.comment.encode() or None) if comment else None,
        stamp=_stamp(b"".join(anatomy.resources)),
    )


def _stamp(resources: bytes) -> bytes | None:
    """Photoshop's image resource 0x0425: a mark, a number, a name, a length, the digest."""
    place = resources.find(b"8BIM\x04\x25")
    if place < 0:
        return None
    name = resources[place + 6 : place + 7]
    start = place + 7 + ((name[0] if name else 0) | 1) + 4
    return resources[start : start + 16]


def told(content: Content, like: Inside, path: bytes) -> Seen:
    """What a photo will say that holds `content` and is otherwise as `like`. Raises Refused."""
    document = xmp.parse(content.packet, path) if content.packet is not None else None
    own = xmp.seen(document) if document else Seen(exists=False, digest=b"", where=path)
    return shown(own, read_block(content, like.format), read_texts(content, like), content)


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
    return exif


def _text(data: bytes | None) -> str:
    try:
        return (data or b"").decode().strip()
    except UnicodeDecodeError:
        return (data or b"").decode("cp1252", "replace").strip()


def padded(block: bytes, kind: str) -> bytes:
    """As it is stored: in a TIFF it fills whole numbers of four bytes."""
    return block if kind in ("JPEG", "PNG") else block + b"\0" * (-len(block) % 4)


def trimmed_wide(data: bytes) -> bytes:
    """UTF-16 (little end first) up to its first NUL."""
    return data[: len(data) & ~1].decode("utf-16-le", "replace").split("\0")[0].encode("utf-16-le")


def shown(own: Seen, iptc: Iptc, exif: ExifText, content: Content) -> Seen:
    """What the place says: the packet, completed from IPTC and EXIF as `metadata.embedded` has it."""
    subject = united(own.lists.get(SUBJECT), iptc, exif)
    lists: dict[str, Values] = {**own.lists, SUBJECT: subject} if subject else dict(own.lists)
    texts = {name: text for name, text in elsewhere(iptc, exif).items() if text}
    texts |= own.texts
    said = replace(exif, remark="", comment="").caption  # what a camera writes by itself is no caption
    if said:
        texts[DESCRIPTION] = said
    digest = content.digest
    return replace(own, exists=bool(digest), digest=digest, lists=lists, texts=texts)
