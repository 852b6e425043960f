"""Minolta's RAW (MRW) taken apart: blocks before the sensor's data, one of them a TIFF with all metadata.

Source: dcraw's and exiftool's notes about MRW. The header says where the sensor's data begins; each block has a
name of four bytes and a length (big-endian). Nothing in it names a place in the file, so that the TIFF may grow.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from metadata.source import Source
from metadata.tiff import Malformed

MARK: Final = b"\0MRM"
_MOST_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class Blocks:
    """The TIFF, width and height in pixels, and what the picture is: names of blocks, and (offset, length)."""

    tiff: Source
    width: int
    height: int
    image: list[tuple[int, int] | bytes]


def blocks(source: Source, *, most: int) -> Blocks:
    """Raises Malformed and struct.error where it is none; a TIFF of more than `most` bytes is malformed, too."""
    end = 8 + struct.unpack(">I", source.at(4, 4))[0]
    tiff, width, height = None, 0, 0
    image: list[tuple[int, int] | bytes] = []
    place = 8
    for _ in range(_MOST_BLOCKS):
        if place >= end:
            break
        kind, length = struct.unpack(">4sI", source.at(place, 8))
        if kind == b"\0TTW" and length <= most:
            tiff = Source(source.at(place + 8, length))
        else:
            image += [kind, (place + 8, length)]
        if kind == b"\0PRD":
            height, width = struct.unpack(">HH", source.at(place + 20, 4))
        place += 8 + length
    if tiff is None or place != end:
        raise Malformed("no blocks of Minolta's")
    return Blocks(tiff, width, height, [*image, (end, source.size - end)])
