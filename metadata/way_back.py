"""The recipe that takes one write into a photo back: its old words always, its old bytes where that is small.

One byte for the version, then (zlib) for each part of the content: `=` it did not change, `-` there was
none, `b` its bytes, `s` splices; behind them, if anything, a delta of the whole file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from metadata import inverse, xmp
from metadata.embedded import Content
from metadata.squeeze import squeezed

_VERSION: Final = b"\x02"
_HEAD: Final = struct.Struct("<cI")
_WHOLE: Final = b"w"
_PARTS: Final = 6


def recipe(before: Content, after: Content, whole: bytes = b"") -> bytes:
    """The way from `after` back to `before`; `whole` is `metadata.delta`'s recipe for the file."""
    parts = [*map(_part, before.parts, after.parts), (_WHOLE, whole)]
    return _VERSION + squeezed(b"".join(_HEAD.pack(kind, len(data)) + data for kind, data in parts), 6)


def _part(before: bytes | None, after: bytes | None) -> tuple[bytes, bytes]:
    if before == after:
        return b"=", b""
    if before is None:
        return b"-", b""
    if after is None:
        return b"b", before
    splices = inverse.spliced(xmp.difference(before, after))
    return (b"s", splices) if len(splices) < len(before) else (b"b", before)


def undone(recipe: bytes, after: Content) -> tuple[Content, bytes]:
    """The content before, and the delta of the whole file (b"": there is none).

    Raises ValueError for a recipe that is damaged, from a later version, or for another content.
    """
    if recipe[:1] != _VERSION:
        raise ValueError(f"recipe of version {recipe[:1]!r}")
    try:
        parts = list(_unpacked(zlib.decompress(recipe[1:])))
    except (zlib.error, struct.error) as error:
        raise ValueError(str(error)) from error
    if len(parts) != _PARTS + 1:
        raise ValueError("a part of the recipe is missing")
    old = [_old(kind, data, part) for (kind, data), part in zip(parts, after.parts, strict=False)]
    packet, iptc, description, xp, comment, stamp = old
    return Content(packet, iptc, description, xp, comment, stamp, after.rest), parts[-1][1]


def _unpacked(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        kind, size = _HEAD.unpack_from(data, place)
        place += _HEAD.size + size
        if place > len(data):
            raise ValueError("the recipe is cut off")
        yield kind, data[place - size : place]


def _old(kind: bytes, data: bytes, after: bytes | None) -> bytes | None:
    if kind == b"=":
        return after
    if kind == b"-":
        return None
    if kind == b"b":
        return data
    if kind == b"s":
        return inverse.undo(data, after)
    raise ValueError(f"recipe with a part of kind {kind!r}")
