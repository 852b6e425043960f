"""Reads the directories of a TIFF structure (TIFF 6.0, BigTIFF, and the RAW and EXIF forms built on it)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from metadata.source import Source

SUB_IFDS, EXIF_IFD, GPS_IFD = 330, 34665, 34853
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {
    1: "B",
    3: "H",
    4: "I",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_MOST_ENTRIES = 4096
_MOST_DIRECTORIES = 64
_MAGICS = (42, 43, 0x4F52, 0x5352, 0x55)
"""TIFF, BigTIFF, Olympus ORF ("RO", "RS"), Panasonic RW2 ("U")."""


class Malformed(ValueError):
    """These bytes are not the structure they should be."""


class Entry(NamedTuple):
    """One tag of a directory: its type, how many values, and where they lie in the file."""

    kind: int
    length: int
    place: int


Directory = dict[int, Entry]


class Tiff:
    """A TIFF structure at the start of a source. Raises Malformed when the header is none."""

    def __init__(self, source: Source) -> None:
        self.source = source
        head = source.at(0, 16)
        self.order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if not self.order or len(head) < 8:
            raise Malformed("no TIFF header")
        (self.magic,) = struct.unpack_from(self.order + "H", head, 2)
        if self.magic not in _MAGICS:
            raise Malformed("no TIFF header")
        self.big = self.magic == 43
        (self.first,) = struct.unpack_from(
            self.order + ("Q" if self.big else "I"), head.ljust(16, b"\0"), 8 if self.big else 4
        )

    def directory(self, offset: int) -> tuple[Directory, int]:
        """The tags at `offset` and the place of the next directory (0: none). Raises Malformed."""
        count_size, entry_size, pointer = (8, 20, "Q") if self.big else (2, 12, "I")
        head = self.source.at(offset, count_size)
        if offset <= 0 or len(head) < count_size:
            raise Malformed("a directory lies outside the file")
        (count,) = struct.unpack(self.order + ("Q" if self.big else "H"), head)
        if count > _MOST_ENTRIES:
            raise Malformed("a directory with too many tags")
        start = offset + count_size
        body = self.source.at(start, count * entry_size)
        tags = self._entries(body, start, entry_size)
        tail = self.source.at(start + count * entry_size, 8 if self.big else 4)
        following = struct.unpack(self.order + pointer, tail)[0] if len(tail) == struct.calcsize(pointer) else 0
        return tags, following

    def _entries(self, body: bytes, start: int, entry_size: int) -> Directory:
        layout = self.order + ("HHQQ" if self.big else "HHII")
        inline = 8 if self.big else 4
        tags: Directory = {}
        whole = len(body) - len(body) % entry_size
        for index, (tag, kind, count, value) in enumerate(struct.iter_unpack(layout, body[:whole])):
            size = _SIZES.get(kind, 0) * count
            place = start + index * entry_size + entry_size - inline if size <= inline else value
            if size and place + size <= self.source.size and tag not in tags:
                tags[tag] = Entry(kind, count, place)
        return tags

    def chain(self, offset: int | None = None) -> Iterator[Directory]:
        """Every directory from the first on, each followed by those below its SubIFDs; broken ones end it."""
        yield from self._chain(self.first if offset is None else offset, set(), 0)

    def _chain(self, offset: int, seen: set[int], depth: int) -> Iterator[Directory]:
        while offset and offset not in seen and len(seen) < _MOST_DIRECTORIES and depth < 8:
            seen.add(offset)
            try:
                tags, offset = self.directory(offset)
            except Malformed:
                return
            yield tags
            for below in self.integers(tags.get(SUB_IFDS))[:_MOST_DIRECTORIES]:
                yield from self._chain(below, seen, depth + 1)

    def raw(self, entry: Entry | None, most: int = 2**16) -> bytes:
        """The value's bytes, at most `most` of them; empty for a tag that is not there."""
        if entry is None:
            return b""
        return self.source.at(entry.place, min(_SIZES[entry.kind] * entry.length, most))

    def integers(self, entry: Entry | None) -> tuple[int, ...]:
        """The values of a whole-number tag; empty where there are none."""
        code = _CODES.get(entry.kind, "") if entry is not None else ""
        if entry is None or not code or code in "fd":
            return ()
        data = self.raw(entry, most=self.source.size)
        size = struct.calcsize(code)
        return struct.unpack(f"{self.order}{len(data) // size}{code}", data[: len(data) // size * size])

    def numbers(self, entry: Entry | None) -> tuple[float, ...]:
        """The values of any number tag; a zero denominator gives NaN."""
        if entry is None:
            return ()
        if entry.kind in (5, 10):
            data = self.raw(entry)
            code = self.order + ("II" if entry.kind == 5 else "ii")
            pairs = struct.iter_unpack(code, data[: len(data) // 8 * 8])
            return tuple(above / below if below else math.nan for above, below in pairs)
        if entry.kind in (11, 12):
            code = _CODES[entry.kind]
            data = self.raw(entry)
            size = _SIZES[entry.kind]
            return struct.unpack(f"{self.order}{len(data) // size}{code}", data[: len(data) // size * size])
        return tuple(float(value) for value in self.integers(entry))

    def integer(self, entry: Entry | None) -> int | None:
        """The first whole number, or None."""
        values = self.integers(entry)
        return values[0] if values else None
