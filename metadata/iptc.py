"""What a photo says in IPTC (IIM 4.2), the texts that agencies and older programs write.

It stands in Photoshop's image resources (resource 0x0404) or, in a TIFF, in a tag of its own. Values are
as exiftool gives them, but for one thing: a block that names no character set and is valid UTF-8 is taken
for UTF-8, where exiftool takes it for Latin-1. Nothing here raises for what a file holds.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from metadata.container import Anatomy

Values = tuple[str, ...]

NAMES: Final = {
    5: "title",
    10: "urgency",
    15: "category",
    20: "categories",
    25: "keywords",
    40: "instructions",
    80: "creator",
    85: "position",
    90: "city",
    92: "location",
    95: "state",
    100: "code",
    101: "country",
    103: "reference",
    105: "headline",
    110: "credit",
    115: "source",
    116: "rights",
    120: "caption",
    122: "writer",
}
"""Data sets of record 2 that we read."""

KEYWORD_MOST: Final = 64
"""Bytes after which programs cut a keyword (IIM 4.2, 2:25)."""

_UTF8: Final = (b"\x1b%G", b"\x1b%/G", b"\x1b%/H", b"\x1b%/I")
_LATIN: Final = (b"\x1b.A", b"\x1b-A")
_SHORTEST_CUT: Final = 29
"""Bytes: a By-line, the shortest of all, is cut at 32, and a sign has at most four."""
_MOST_VALUES: Final = 20_000
_RESOURCE_IPTC: Final = 0x0404
_RESOURCE_DIGEST: Final = 0x0425


@dataclass(frozen=True, slots=True)
class Iptc:
    """The values of each data set by its name in `NAMES`; `raw` is the block itself.

    `synced` says that a program has written XMP and IPTC together and nobody the IPTC since (Photoshop's
    digest, Metadata Working Group 2.0, 3.2): XMP then speaks for both. False also where nobody says so.
    """

    values: Mapping[str, Values] = field(default_factory=dict)
    synced: bool = False
    raw: bytes = b""

    def first(self, name: str) -> str:
        """The first value, or the empty text."""
        return next(iter(self.values.get(name, ())), "")


def read_iptc(anatomy: Anatomy) -> Iptc:
    """What the photo's IPTC says; empty where it has none."""
    blocks = dict(reversed(list(_resources(b"".join(anatomy.resources)))))
    tagged = [_straight(block) for block in anatomy.iim]
    raw = next((block for block in (*tagged, blocks.get(_RESOURCE_IPTC, b"")) if block), b"")
    if not raw:
        return Iptc()
    digest = blocks.get(_RESOURCE_DIGEST, b"")
    # a tag's value may be filled up to whole 32-bit numbers, which the digest knows nothing of
    sums = {hashlib.md5(block, usedforsecurity=False).digest() for block in (raw, raw.rstrip(b"\0"))}
    return Iptc(_values(raw), digest in sums, raw)


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each of Photoshop's image resources; ends at what is none."""
    place = 0
    while data[place : place + 4] in (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa") and place + 12 <= len(data):
        number = int.from_bytes(data[place + 4 : place + 6], "big")
        name = data[place + 6] | 1  # a name with its length is padded to an even number of bytes
        start = place + 7 + name
        size = int.from_bytes(data[start : start + 4], "big")
        yield number, data[start + 4 : start + 4 + size]
        place = start + 4 + size + (size & 1)


def _straight(block: bytes) -> bytes:
    """Photoshop stores it as 32-bit numbers, which in a little-endian TIFF turns every four bytes round."""
    if block[:1] != b"\x1c" and block[3:4] == b"\x1c":
        whole = block[: len(block) - len(block) % 4]
        return b"".join(whole[place : place + 4][::-1] for place in range(0, len(whole), 4))
    return block


def _values(raw: bytes) -> dict[str, Values]:
    charset = b""
    found: dict[str, list[bytes]] = {}
    for record, number, data in _datasets(raw):
        if (record, number) == (1, 90):
            charset = data
        elif record == 2 and number in NAMES:
            found.setdefault(NAMES[number], []).append(data.rstrip(b"\0"))
    codec = _codec(charset, [value for values in found.values() for value in values])
    texts = {name: [value.decode(codec, "replace") for value in values] for name, values in found.items()}
    return {name: kept for name, values in texts.items() if (kept := tuple(v for v in values if v.strip()))}


def _datasets(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    place = 0
    for _ in range(_MOST_VALUES):
        if raw[place : place + 1] != b"\x1c" or place + 5 > len(raw):
            return
        record, number = raw[place + 1], raw[place + 2]
        size = int.from_bytes(raw[place + 3 : place + 5], "big")
        place += 5
        if size & 0x8000:  # the length of the length follows
            wide = size & 0x7FFF
            if wide > 4:
                return
            size = int.from_bytes(raw[place : place + wide], "big")
            place += wide
        yield record, number, raw[place : place + size]
        place += size


def _codec(charset: bytes, values: list[bytes]) -> str:
    """UTF-8 or Latin-1 by its mark, else by what the bytes can be; Windows' signs where Latin-1 has none."""
    if charset.startswith(_UTF8):
        return "utf-8"
    if charset.startswith(_LATIN):
        return "cp1252"
    return "utf-8" if all(map(_is_utf8, values)) else "cp1252"


def _is_utf8(value: bytes) -> bool:
    """Whether it is UTF-8; a long value may have been cut in the middle of its last sign."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(value, final=len(value) < _SHORTEST_CUT)
    except UnicodeDecodeError:
        return False
    return True
