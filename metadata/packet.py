"""The XMP packet inside a photo, as bytes, with what a JPEG keeps apart because a segment is too short for it.

XMP part 3 says where each format keeps it; `metadata/container.py` finds it there. Nothing is parsed here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from metadata.container import Anatomy
from metadata.errors import Refused

_GUID: Final = 32
_NOTE: Final = b"HasExtendedXMP"
_PART: Final = _GUID + 8
"""Each part of Extended XMP begins with its GUID, the length of the whole and its own place in it (1.1.3.1)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """The packet as it stands in the file; `extended` is a second RDF document that belongs to it, or empty.

    Extended XMP that is not complete, or that is not what the packet says it is, is left out: no reader
    takes it.
    """

    data: bytes
    extended: bytes = b""


def read_packet(anatomy: Anatomy, *, path: bytes) -> Packet | Refused | None:
    """The packet, or None where the photo has none; never raises for what a file holds.

    Refused, with `path`, where the file has several packets, of which every program takes another, or more
    metadata than is kept in memory.
    """
    if anatomy.cut:
        return Refused(path, "comes with more metadata than is read into memory")
    found = [data for data in anatomy.packets if data.strip(b" \t\r\n\0")]
    if not found:
        return None
    if len(found) > 1:
        return Refused(path, f"stands there in {len(found)} packets, and programs differ in which one they take")
    return Packet(found[0], _extended(found[0], anatomy.extended))


def _extended(packet: bytes, segments: list[bytes]) -> bytes:
    """The parts put together in their order, where their digest is the GUID that the packet names."""
    parts: dict[bytes, dict[int, bytes]] = {}
    for segment in segments:
        guid = segment[:_GUID]
        if len(segment) > _PART and guid in packet:
            place = int.from_bytes(segment[_GUID + 4 : _PART], "big")
            parts.setdefault(guid, {}).setdefault(place, segment[_PART:])
    if _NOTE not in packet:
        return b""
    for guid, found in parts.items():
        whole = b"".join(found[place] for place in sorted(found))
        # the GUID is the MD5 of the whole, which also proves order and length
        if hashlib.md5(whole, usedforsecurity=False).hexdigest().encode() == guid.lower():
            return whole
    return b""
