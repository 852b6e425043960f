"""What stands inside a photo, in all three of its languages (XMP, IPTC, EXIF), as one answer.

- Lists: digiKam:TagsList and lr:hierarchicalSubject as the packet holds them. dc:subject is the packet's,
  followed by IPTC's keywords and Windows' XPKeywords that it lacks (compared by letters alone, a keyword
  that IPTC cut counts as the longer one). Where Photoshop's digest says that XMP and IPTC were written
  together, XMP alone counts: a word that is only in IPTC was taken away.
- Texts: the packet's; where it has none, for the caption EXIF's and then IPTC's (what cameras write by
  themselves, "OLYMPUS DIGITAL CAMERA", is no caption), for a title IPTC's and then Windows', for places IPTC's.
- People, programs and provenance: the packet's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from metadata import files
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
class Embedded:
    """What a photo holds. `seen.digest` changes with any of the metadata that was read, and with nothing else.

    `packet` is the XMP packet as it stands in the file, `document` what it says with Extended XMP put in.
    `fault` says why the packet could not be read; `seen` is then IPTC's and EXIF's alone, and must not be
    taken for all.
    """

    seen: Seen
    packet: bytes | None = None
    document: Document | None = None
    iptc: Iptc = field(default_factory=Iptc)
    exif: ExifText = field(default_factory=ExifText)
    fault: Refused | None = None


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
    iptc, exif = read_iptc(anatomy), read_exif_text(anatomy, tags)
    packet = read_packet(anatomy, path=path)
    document: Document | None = None
    fault: Refused | None = packet if isinstance(packet, Refused) else None
    found = Seen(exists=True, digest=b"")
    if isinstance(packet, Packet):
        try:
            document = joined(packet, path=path)
            found = seen(document)
        except Refused as error:
            document, fault = None, error
    digest = _digest([*anatomy.packets, *anatomy.extended], iptc.raw, exif.raw)
    told = _told(found, iptc, exif, digest=digest, path=path)
    data = packet.data if isinstance(packet, Packet) else None
    return Embedded(told, data, document, iptc, exif, fault)


def _digest(packets: list[bytes], *others: bytes) -> bytes:
    parts = (*packets, *others)
    return files.digest(b"".join(b"%d\0" % len(part) + part for part in parts)) if any(parts) else b""


def _told(found: Seen, iptc: Iptc, exif: ExifText, *, digest: bytes, path: bytes) -> Seen:
    subject = united(found.lists.get(SUBJECT), iptc, exif)
    lists = {**found.lists, SUBJECT: subject} if subject else found.lists
    texts = {name: text for name, text in elsewhere(iptc, exif).items() if text}
    texts.update(found.texts)
    return replace(found, digest=digest, lists=lists, texts=texts, where=path)


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
