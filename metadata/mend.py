"""Puts right in a copy what exiftool leaves undone, so that one packet stands there and nothing is lost.

Where XMP stands behind the picture of a PNG or GIF, exiftool 12.57 changes it there and adds the same once
more in front: the second goes. Of a JPEG it drops Extended XMP: it is put back, behind the packet that
names it; and a packet that had no wrapper, as Google's cameras write it, gets none. Nothing else is touched,
and what comes out is proved like any other copy (`metadata.photo_copy`).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Final

from metadata.container import EXTENDED_MARK, XMP_MARK, Anatomy, dissect
from metadata.source import Source

MOST: Final = 2**28
"""Bytes of a copy that is put right in memory; a larger one stays as exiftool made it."""

_END: Final = re.compile(rb"<\?xpacket end=['\"][rw]['\"]\?>\s*\Z")
_APPLICATION: Final = b"\xff\xe1"

Piece = tuple[int, int, bytes | None]
"""Where a block of the file begins and ends, and the packet it holds (None: something else)."""


def mend(path: bytes, packet: bytes | None, extended: tuple[bytes, ...]) -> None:
    """Put the copy at `path` right, in which `packet` is to stand once and `extended` belongs to it."""
    if os.path.getsize(path) > MOST:
        return
    with open(path, "rb") as file:
        data = file.read()
    found = dissect(Source(data), picture=False)
    new = _mended(data, found, packet, extended)
    if new != data:
        with open(path, "wb") as file:
            file.write(new)


def _mended(data: bytes, found: Anatomy, packet: bytes | None, extended: tuple[bytes, ...]) -> bytes:
    if found.format == "JPEG":
        missing = () if found.extended else extended
        wrapped = packet is not None and packet not in found.packets and packet in b"".join(found.packets)
        return _jpeg(data, packet if wrapped else None, missing) if wrapped or missing else data
    walk = _WALKS.get(found.format)
    if walk is None or len(found.packets) < 2:
        return data
    same = [(said != packet, start, end) for start, end, said in walk(data) if said and _alike(said, packet)]
    for _, start, end in sorted(sorted(same)[1:], reverse=True, key=itemgetter(1)):
        data = data[:start] + data[end:]
    return data


def _alike(one: bytes, other: bytes | None) -> bool:
    """Whether they differ at most in whether the packet may be changed in place."""
    return other is not None and _END.sub(b"", one) == _END.sub(b"", other)


def _jpeg(data: bytes, packet: bytes | None, extended: tuple[bytes, ...]) -> bytes:
    """With this packet in the place of the one that stands there, and these segments behind it."""
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1] not in (0xD9, 0xDA):
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place : place + 2] == _APPLICATION and data.startswith(XMP_MARK, place + 4):
            parts = [data[place + 4 : end] if packet is None else XMP_MARK + packet]
            parts += [EXTENDED_MARK + part for part in extended]
            new = b"".join(_APPLICATION + struct.pack(">H", len(part) + 2) + part for part in parts)
            return data[:place] + new + data[end:]
        place = end
    return data


def _png(data: bytes) -> Iterator[Piece]:
    place = 8
    while len(head := data[place : place + 8]) == 8:
        length, kind = struct.unpack(">I4s", head)
        end = place + length + 12
        held = data[:8] + data[place:end] if kind in (b"iTXt", b"tEXt", b"zTXt") else b""
        packets = dissect(Source(held)).packets if held else []
        yield place, end, packets[0] if packets else None
        place = end


def _gif(data: bytes) -> Iterator[Piece]:
    """Only the blocks that hold XMP; each begins with the same fourteen bytes and ends where its parts end."""
    mark = b"\x21\xff\x0bXMP DataXMP"
    place = data.find(mark)
    while place >= 0:
        end = place + len(mark)
        while end < len(data) and data[end]:
            end += data[end] + 1
        held = dissect(Source(data[:13] + data[13 : 13 + _table(data[10])] + data[place : end + 1] + b"\x3b"))
        yield place, end + 1, held.packets[0] if held.packets else None
        place = data.find(mark, end)


def _table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


_WALKS: Final[dict[str, Callable[[bytes], Iterator[Piece]]]] = {"PNG": _png, "GIF": _gif}
