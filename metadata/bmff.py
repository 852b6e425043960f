"""Reads the boxes of HEIC, AVIF, CR3 and MP4 files (ISO/IEC 14496-12 and 23008-12): which item lies where."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from metadata.source import Source
from metadata.tiff import Malformed

Span = tuple[int, int]
_MOST_BOXES = 4096
_MOST_META = 4 * 2**20
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
"""The uuid box of a CR3 that holds its EXIF directories as CMT1..CMT4."""
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The uuid box that is an XMP packet (XMP part 3, 1.1.5)."""


@dataclass(slots=True)
class Items:
    """What a `meta` box says: the primary item, each item's type and spans, and the shown size."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)
    rdf: set[int] = field(default_factory=set)
    described: dict[int, set[int]] = field(default_factory=dict)

    def packets(self) -> set[int]:
        """The XMP items that speak of the primary picture; all of them where none says of which it speaks.

        Others describe helpers such as a depth map.
        """
        primary = {number for number in self.rdf if self.primary in self.described.get(number, ())}
        return primary or {number for number in self.rdf if number not in self.described}


def boxes(source: Source, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each box as (type, where its content starts, where it ends); stops at what is no box."""
    for _ in range(_MOST_BOXES):
        head = source.at(start, 16)
        if start + 8 > end or len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            content += 8
        stop = end if size == 0 else start + size
        if stop < content:
            return
        yield kind, content, min(stop, end)
        start = stop


def brands(source: Source) -> tuple[bytes, ...]:
    """The major and the compatible brands of the file; empty when it is none of this family."""
    head = source.at(0, 256)
    if head[4:8] != b"ftyp":
        return ()
    size = min(struct.unpack_from(">I", head)[0], len(head))
    marks = [head[8:12], *(head[place : place + 4] for place in range(16, size - 3, 4))]
    return tuple(marks)


def family(marks: tuple[bytes, ...]) -> str:
    """What a file with these brands is; a film where nothing else is said."""
    if marks[:1] == (b"crx ",):
        return "CR3"
    if b"avif" in marks or b"avis" in marks:
        return "AVIF"
    return "HEIF" if {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"} & set(marks) else "MP4"


def items(source: Source, start: int, end: int) -> Items:
    """Read a `meta` box whose content is this span. Raises Malformed."""
    if end - start > _MOST_META:
        raise Malformed("a meta box too large to be true")
    found = {kind: (first, last) for kind, first, last in boxes(source, start + 4, end)}
    result = Items()
    try:
        if b"pitm" in found:
            result.primary = _primary(source.at(found[b"pitm"][0], 8))
        if b"iinf" in found:
            result.kinds, result.rdf = _kinds(source, *found[b"iinf"])
        if b"iref" in found:
            result.described = _described(source, *found[b"iref"])
        if b"iloc" in found:
            base = found.get(b"idat", (0, 0))[0]
            result.spans = _locations(_Reader(source.at(*_length(found[b"iloc"]))), base)
        if b"iprp" in found:
            result.size = _shown(source, found[b"iprp"], result.primary)
    except (struct.error, IndexError) as error:
        raise Malformed("a broken meta box") from error
    return result


def _length(span: Span) -> tuple[int, int]:
    return span[0], span[1] - span[0]


def _primary(data: bytes) -> int:
    number: int = struct.unpack_from(">I" if data[0] else ">H", data, 4)[0]
    return number


def _kinds(source: Source, start: int, end: int) -> tuple[dict[int, bytes], set[int]]:
    """Each item's type, and the items that are XMP."""
    skip = 6 if source.at(start, 1) == b"\0" else 8
    kinds = {}
    packets = set()
    for kind, first, last in boxes(source, start + skip, end):
        data = source.at(first, min(last - first, 512))
        if kind == b"infe" and data[0] >= 2:
            wide = data[0] >= 3
            number = struct.unpack_from(">I" if wide else ">H", data, 4)[0]
            kinds[number] = data[10:14] if wide else data[8:12]
            _, _, rest = data[14 if wide else 12 :].partition(b"\0")
            if kinds[number] == b"mime" and rest.split(b"\0")[0] == b"application/rdf+xml":
                packets.add(number)
    return kinds, packets


def _described(source: Source, start: int, end: int) -> dict[int, set[int]]:
    """Which items each item describes (`cdsc` in the `iref` box)."""
    size = 4 if source.at(start, 1) != b"\0" else 2
    found: dict[int, set[int]] = {}
    for kind, first, last in boxes(source, start + 4, end):
        if kind == b"cdsc":
            reader = _Reader(source.at(first, last - first))
            number = reader.take(size)
            found[number] = {reader.take(size) for _ in range(reader.take(2))}
    return found


class _Reader:
    """Big-endian numbers of 0, 2, 4 or 8 bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, size: int) -> int:
        value = self.data[self.place : self.place + size]
        if len(value) < size:
            raise IndexError("past the end of the box")
        self.place += size
        return int.from_bytes(value, "big")


def _locations(reader: _Reader, idat: int) -> dict[int, list[Span]]:
    """The `iloc` box: construction method 0 counts from the file's start, 1 from the `idat` box."""
    version = reader.take(1)
    reader.take(3)
    sizes = reader.take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    spans: dict[int, list[Span]] = {}
    for _ in range(reader.take(4 if version == 2 else 2)):
        number = reader.take(4 if version == 2 else 2)
        method = reader.take(2) & 15 if version else 0
        reader.take(2)
        base = reader.take(base_size) + (idat if method == 1 else 0)
        extents = []
        for _ in range(reader.take(2)):
            reader.take(index_size)
            offset = reader.take(offset_size)
            extents.append((base + offset, reader.take(length_size)))
        if method < 2:
            spans[number] = extents
    return spans


def _shown(source: Source, span: Span, primary: int) -> tuple[int, int]:
    """Width and height of the primary item as shown: cut by `clap`, a quarter turn of `irot` swaps them."""
    parts = {kind: (first, last) for kind, first, last in boxes(source, *span)}
    if b"ipco" not in parts or b"ipma" not in parts:
        return 0, 0
    properties = list(boxes(source, *parts[b"ipco"]))
    width = height = 0
    turned = False
    for index in _associated(_Reader(source.at(*_length(parts[b"ipma"]))), primary):
        if not 0 < index <= len(properties):
            continue
        kind, first, _ = properties[index - 1]
        if kind == b"ispe":
            width, height = struct.unpack(">II", source.at(first + 4, 8))
        elif kind == b"clap":
            wide, wide_below, high, high_below = struct.unpack(">4I", source.at(first, 16))
            width, height = wide // max(wide_below, 1), high // max(high_below, 1)
        elif kind == b"irot":
            turned = bool(source.at(first, 1)[0] & 1)
    return (height, width) if turned else (width, height)


def _associated(reader: _Reader, item: int) -> list[int]:
    version = reader.take(1)
    wide = reader.take(3) & 1
    for _ in range(reader.take(4)):
        number = reader.take(4 if version else 2)
        indexes = [reader.take(2) & 0x7FFF if wide else reader.take(1) & 0x7F for _ in range(reader.take(1))]
        if number == item:
            return indexes
    return []
