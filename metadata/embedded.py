"""What stands inside a photo, in all three of its languages (XMP, IPTC, EXIF), as one answer.

- Lists: digiKam:TagsList and lr:hierarchicalSubject as the packet holds them. dc:subject is the packet's,
  followed by IPTC's keywords and Windows' XPKeywords that it lacks (compared by letters alone, a keyword
  that IPTC cut counts as the longer one). Where Photoshop's digest says that XMP and IPTC were written
  together, XMP alone counts: a word that is only in IPTC was taken away.
- Texts: the packet's; where it has none, for the caption EXIF's and then IPTC's (what cameras write by
  themselves, "OLYMPUS DIGITAL CAMERA", is no caption), for a title IPTC's and then Windows', for places IPTC's.
  EXIF's ImageDescription stands besides for XMP's tiff:ImageDescription, of which it is the original.
- People, programs and provenance: the packet's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from metadata import iptc_edit
from metadata.container import Anatomy, dissect
from metadata.errors import Refused
from metadata.exif_text import ExifText, read_exif_text
from metadata.extended_xmp import joined
from metadata.facts import Tags, gather, read_facts
from metadata.iptc import KEYWORD_MOST, Iptc, read_iptc
from metadata.packet import Packet, read_packet
from metadata.photo import Facts
from metadata.sinks import Seen, Values
from metadata.source import HEAD, Source, opened
from metadata.tags import SUBJECT, fold
from metadata.xmp_document import Document
from metadata.xmp_seen import seen

DESCRIPTION: Final = "dc:description"
CAPTION: Final = "tiff:ImageDescription"
"""XMP's name for EXIF's ImageDescription (XMP part 2, 2.4)."""
TITLE: Final = "dc:title"
PLACES: Final = {
    "photoshop:City": "city",
    "photoshop:State": "state",
    "photoshop:Country": "country",
    "Iptc4xmpCore:CountryCode": "code",
    "Iptc4xmpCore:Location": "location",
}
"""Fields of XMP and the data sets of IPTC that say the same."""


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that a photo says, as stored; None: the photo has no such thing.

    `description` is EXIF's ImageDescription, `xp` Windows' XPKeywords, `comment` the text of EXIF's
    UserComment, whose form holds nothing that could be lost. `stamp` is the digest of the IPTC block that
    Photoshop keeps. `rest` is a digest of what is read and never written: other texts of EXIF, Extended XMP.
    """

    packet: bytes | None = None
    iptc: bytes | None = None
    description: bytes | None = None
    xp: bytes | None = None
    comment: bytes | None = None
    stamp: bytes | None = None
    rest: bytes = b""

    @property
    def parts(self) -> tuple[bytes | None, ...]:
        """The six that can be written, in a fixed order."""
        return self.packet, self.iptc, self.description, self.xp, self.comment, self.stamp

    @property
    def digest(self) -> bytes:
        """16 bytes that identify it; empty where there is nothing."""
        if not any(self.parts) and not self.rest:
            return b""
        summed = hashlib.sha256(self.rest)
        for part in self.parts:
            summed.update(b"-" if part is None else b"%d " % len(part) + part)
        return summed.digest()[:16]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a photo holds. `seen.digest` changes with any of the metadata that was read, and with nothing else.

    `packet` is the XMP packet as it stands in the file, `document` what it says with Extended XMP put in;
    `content` is all of it as stored.
    `fault` says why the packet could not be read; `seen` is then IPTC's and EXIF's alone, and must not be
    taken for all.
    """

    seen: Seen
    packet: bytes | None = None
    document: Document | None = None
    iptc: Iptc = field(default_factory=Iptc)
    exif: ExifText = field(default_factory=ExifText)
    fault: Refused | None = None
    content: Content = field(default_factory=Content)


def glance(path: bytes) -> tuple[Embedded, Facts]:
    """Everything that a photo's file says, without reading its picture.

    Raises PhotoError for what is no regular file or empty, OSError else.
    """
    with opened(path, held=HEAD) as file:
        anatomy = dissect(file.source, picture=False)
        tags = gather(anatomy)
        embedded = read_embedded(file.source, anatomy, path=path, tags=tags)
        return embedded, read_facts(file.source, anatomy, tags=tags)


def read_embedded(
    source: Source, anatomy: Anatomy | None = None, *, path: bytes, tags: Tags | None = None
) -> Embedded:
    """What stands inside the photo; never raises for what the file holds, only OSError.

    `tags`, where they are known already, are `metadata.facts.gather(anatomy)`.
    """
    anatomy = dissect(source, picture=False) if anatomy is None else anatomy
    tags = gather(anatomy) if tags is None else tags
    iptc, exif = read_iptc(anatomy), read_exif_text(anatomy, tags)
    packet = read_packet(anatomy, path=path)
    document: Document | None = None
    fault: Refused | None = packet if isinstance(packet, Refused) else None
    found = NOTHING
    if isinstance(packet, Packet):
        try:
            document = joined(packet, path=path)
            found = seen(document, summed=False)  # what else the photo says is summed up with it
        except Refused as error:
            document, fault = None, error
    content = _content(anatomy, iptc, exif, tags)
    told = shown(found, iptc, exif, content, where=path)
    data = packet.data if isinstance(packet, Packet) else None
    return Embedded(told, data, document, iptc, exif, fault, content)


NOTHING: Final = Seen(exists=True, digest=b"")
"""What a photo says that has no packet."""


def _content(anatomy: Anatomy, iptc: Iptc, exif: ExifText, tags: Tags) -> Content:
    found = [data for data in anatomy.packets if data.strip(b" \t\r\n\0")]
    return Content(
        packet=b"".join(found) if found else None,
        iptc=iptc_edit.trimmed(iptc.raw) if iptc.raw else None,
        description=tags.raw("0", 270).split(b"\0")[0] or None,
        xp=trimmed_wide(tags.raw("0", 40094)) or None,
        comment=exif.comment.encode(errors="surrogatepass") or None,
        stamp=_stamp(b"".join(anatomy.resources)),
        rest=_rest(anatomy, exif),
    )


def _rest(anatomy: Anatomy, exif: ExifText) -> bytes:
    texts = (exif.artist, exif.rights, exif.title, exif.remark, exif.subject, exif.rating or "")
    if not any(texts) and not anatomy.extended:
        return b""
    summed = hashlib.sha256(repr(texts).encode(errors="surrogatepass"))
    for part in anatomy.extended:
        summed.update(b"%d " % len(part) + part)
    return summed.digest()[:16]


def trimmed_wide(data: bytes) -> bytes:
    """UTF-16 (little end first) up to its first NUL."""
    return data[: len(data) & ~1].decode("utf-16-le", "replace").split("\0")[0].encode("utf-16-le")


def _stamp(resources: bytes) -> bytes | None:
    """Photoshop's image resource 0x0425: a mark, a number, a name, a length, the digest."""
    place = resources.find(b"8BIM\x04\x25")
    if place < 0:
        return None
    name = resources[place + 6 : place + 7]
    start = place + 7 + ((name[0] if name else 0) | 1) + 4
    return resources[start : start + 16]


def shown(own: Seen, iptc: Iptc, exif: ExifText, content: Content, *, where: bytes) -> Seen:
    """What the photo at `where` says: what its packet says (`own`), completed from IPTC and EXIF."""
    subject = united(own.lists.get(SUBJECT), iptc, exif)
    lists = {**own.lists, SUBJECT: subject} if subject else own.lists
    texts = {name: text for name, text in elsewhere(iptc, exif).items() if text}
    texts.update(own.texts)
    if exif.described:
        texts[CAPTION] = exif.described
    return replace(own, exists=True, digest=content.digest, lists=lists, texts=texts, where=where)


def united(subject: Values | None, iptc: Iptc, exif: ExifText) -> Values:
    """The packet's flat keywords with those that only IPTC or EXIF holds, the packet's first."""
    standing = subject or ()
    words = list(standing)
    known = {fold(word) for word in words}
    more: Iterable[str] = () if iptc.synced and standing else iptc.values.get("keywords", ())
    for value in (*more, *exif.keywords):
        word = value.strip().rstrip("\ufffd")
        if not word or word in words or fold(word) in known or _cut(word, standing):
            continue
        if "," in word and known.issuperset(map(fold, word.split(","))):
            continue  # Tag That Photo puts all of them into one value
        known.add(fold(word))
        words.append(word)
    return tuple(words)


def _cut(word: str, standing: Values) -> bool:
    """Whether it is the beginning of a longer keyword, cut where IPTC has no more room."""
    return len(word.encode()) > KEYWORD_MOST - 4 and any(other.startswith(word) for other in standing)


def elsewhere(iptc: Iptc, exif: ExifText) -> dict[str, str]:
    """What IPTC and EXIF say of the texts we know, by the name of XMP's field; empty where they say nothing."""
    return {
        DESCRIPTION: exif.caption or iptc.first("caption").strip(),
        TITLE: iptc.first("title").strip() or exif.title,
        **{name: iptc.first(known).strip() for name, known in PLACES.items()},
    }
