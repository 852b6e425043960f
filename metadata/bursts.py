"""Which burst a photo says that it is of, and which moment: by its file's name, its XMP, or Apple's own notes.

Sources: exiftool's tables of Apple's maker notes (tags 11 BurstUUID and 17 ContentIdentifier) and of Google's
XMP (`GCamera:BurstID`); names as Google's, Sony's, Huawei's and Xiaomi's cameras give them.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from typing import Final

_APPLE: Final = b"Apple iOS\0"
_HEAD: Final = 14
"""Bytes of Apple's notes before their directory; places in it count from the notes' beginning."""
_MOST: Final = 200
_BURST: Final = 11
_MOMENT: Final = 17
_XMP: Final = re.compile(rb"\bBurstI[Dd](?:\s*=\s*[\"']|>)\s*([\w-]{1,80})")
_NAME: Final = re.compile(rb"_BURST_?(\d+)", re.IGNORECASE)
_COUNTED: Final = 6
"""More digits than these are the time that all of a burst share; fewer count its photos."""


def of_name(path: bytes) -> str:
    """The burst that a file's name names, or ""."""
    if b"_BURST" not in path and b"_burst" not in path:
        return ""
    name = os.path.splitext(os.path.basename(path))[0]
    found = _NAME.search(name)
    if found is None:
        return ""
    if len(found[1]) > _COUNTED:
        return found[0].decode().upper()
    return (name[: found.start()] + b"_BURST").decode("utf-8", "surrogateescape")


def of_packets(packets: Sequence[bytes]) -> str:
    """The burst that XMP names, or ""."""
    for packet in packets:
        if b"Burst" in packet and (found := _XMP.search(packet)):
            return found[1].decode()
    return ""


def of_apple(notes: bytes) -> tuple[str, str]:
    """Burst and moment in Apple's maker notes, each "" where none is told; never raises for what they hold."""
    if not notes.startswith(_APPLE):
        return "", ""
    order = ">" if notes[12:14] == b"MM" else "<"
    try:
        (count,) = struct.unpack_from(order + "H", notes, _HEAD)
        table = notes[_HEAD + 2 : _HEAD + 2 + 12 * min(count, _MOST)]
        found = {
            tag: notes[place : place + min(size, 80)]
            for tag, kind, size, place in struct.iter_unpack(order + "HHII", table[: len(table) // 12 * 12])
            if tag in (_BURST, _MOMENT) and kind == 2 and size > 4
        }
    except struct.error:
        return "", ""
    return _text(found.get(_BURST, b"")), _text(found.get(_MOMENT, b""))


def _text(data: bytes) -> str:
    text = data.split(b"\0")[0].decode("ascii", "replace").strip()
    return text if text.isprintable() else ""
