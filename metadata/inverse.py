"""The recipe that takes one write of a sidecar back: small, opaque to the ledger, readable for years.

One byte for the version, one for the kind: `D` the file was created, so delete it; `C` the file was
deleted, its content follows; `S` splices follow; small letters: the same, what follows is compressed (zlib).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

from metadata.squeeze import squeezed
from metadata.xmp_splice import Splice

_VERSION: Final = b"\x01"
_HEAD: Final = struct.Struct("<QQQ")
_WORTH: Final = 160
"""Bytes; below this compression gains less than it costs."""


def created() -> bytes:
    """The way back from a file that was not there."""
    return _VERSION + b"D"


def deleted(data: bytes) -> bytes:
    """The way back from a file that is not there any more."""
    return _packed(b"C", data)


def spliced(splices: Sequence[Splice]) -> bytes:
    """The way back by the splices that give the old bytes."""
    return _packed(
        b"S",
        b"".join(_HEAD.pack(each.start, each.end, len(each.new)) + each.new for each in splices),
    )


def _packed(kind: bytes, data: bytes) -> bytes:
    if len(data) < _WORTH:
        return _VERSION + kind + data
    return _VERSION + kind.lower() + squeezed(data, 6)


def undo(recipe: bytes, data: bytes | None) -> bytes | None:
    """The content before, from the content after; None: there was no file.

    Raises ValueError for a recipe that is damaged, from a later version, or for another content.
    """
    version, kind, rest = recipe[:1], recipe[1:2], recipe[2:]
    if version != _VERSION:
        raise ValueError(f"recipe of version {version!r}")
    if kind.islower():
        try:
            kind, rest = kind.upper(), zlib.decompress(rest)
        except zlib.error as error:
            raise ValueError(str(error)) from error
    if kind == b"D":
        return None
    if kind == b"C":
        return rest
    if kind != b"S" or data is None:
        raise ValueError(f"recipe of kind {kind!r}")
    return _joined(data, _splices(rest))


def _splices(rest: bytes) -> list[Splice]:
    found = []
    at = 0
    while at < len(rest):
        try:
            start, end, size = _HEAD.unpack_from(rest, at)
        except struct.error as error:
            raise ValueError(str(error)) from error
        at += _HEAD.size + size
        found.append(Splice(start, end, rest[at - size : at]))
    return found


def _joined(data: bytes, splices: Sequence[Splice]) -> bytes:
    parts: list[bytes] = []
    at = 0
    for each in splices:
        if not at <= each.start <= each.end <= len(data):
            raise ValueError("recipe for another content")
        parts += (data[at : each.start], each.new)
        at = each.end
    return b"".join((*parts, data[at:]))
