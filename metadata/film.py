"""What a film of the family of MP4 and QuickTime says about itself: when, where, with what, how large, how long.

Read from its `moov` box, without a decoder. Sources: ISO/IEC 14496-12 8.2.2 and 8.3.2 (mvhd, tkhd), Apple's
*QuickTime File Format* ("Metadata", "User data text"), ISO 6709 for places.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from metadata import bmff
from metadata.source import Source

_EPOCH: Final = datetime(1904, 1, 1)  # noqa: DTZ001 - ISO/IEC 14496-12 8.2.2: seconds since midnight, in UTC
_MOST: Final = 4096
"""Bytes of one value."""
_MANY: Final = 256
"""Values that are read of one film."""
_PLACE: Final = re.compile(r"([+-])(\d{2}(?:\d{2}){0,2}(?:\.\d+)?)([+-])(\d{3}(?:\d{2}){0,2}(?:\.\d+)?)")
FILMS: Final = frozenset({"MP4", "MKV", "AVI", "MPEG", "MPEG-TS", "WMV", "FLV"})
"""Formats of films. Only MP4, with QuickTime, from which it comes, is taken apart."""
_BEGIN: Final = (
    (b"\x1aE\xdf\xa3", "MKV"),
    (b"0&\xb2u\x8ef\xcf\x11", "WMV"),
    (b"FLV\1", "FLV"),
    (b"\0\0\1\xba", "MPEG"),
    (b"\0\0\1\xb3", "MPEG"),
)


def kind(source: Source, head: bytes) -> str:
    """The format of a film that is no MP4, or "": Matroska (RFC 9559), AVI, ASF, FLV, MPEG (ISO/IEC 13818-1)."""
    for mark, name in _BEGIN:
        if head.startswith(mark):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    # a stream is packets of 188 bytes; cameras put four bytes of time before each
    stream = any(head[at : at + 1] == b"G" == source.at(at + step, 1) for at, step in ((0, 188), (4, 192)))
    return "MPEG-TS" if stream else ""


@dataclass(frozen=True, slots=True)
class Film:
    """Size as shown, seconds (0.0: not known), when by the film's own clock (UTC), and values by Apple's names."""

    width: int = 0
    height: int = 0
    seconds: float = 0.0
    made: datetime | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def read(source: Source, start: int, end: int) -> Film:
    """Read a `moov` box whose content is this span; a part that is broken is left out. Raises OSError only."""
    parts: list[Film] = []
    for name, first, last in bmff.boxes(source, start, end):
        with suppress(struct.error, ValueError, IndexError):
            parts.append(_part(source, name, first, last))
    sizes = [(part.width, part.height) for part in parts if part.width]
    seconds = max((part.seconds for part in parts), default=0.0)
    values: dict[str, str] = {}
    for part in parts:
        values = {**part.values, **values}
    made = next((part.made for part in parts if part.made is not None), None)
    return Film(*(sizes or [(0, 0)])[0], seconds, made, values)


def _part(source: Source, name: bytes, first: int, last: int) -> Film:
    if name == b"mvhd":
        made, seconds = _header(source.at(first, 32))
        return Film(seconds=seconds, made=made)
    if name == b"trak":
        return Film(*_size(source, first, last))
    if name == b"meta":
        return Film(values=_keyed(source, first, last))
    return Film(values=_texts(source, first, last)) if name == b"udta" else Film()


def packets(source: Source, start: int, end: int, *, most: int) -> list[bytes]:
    """What stands in QuickTime's place for XMP (XMP part 3, 1.2.7.1) in a `moov` box of this span."""
    return [
        source.at(inner, min(stop - inner, most))
        for name, first, last in bmff.boxes(source, start, end)
        if name == b"udta"
        for text, inner, stop in bmff.boxes(source, first, last)
        if text == b"XMP_"
    ]


def located(text: str) -> tuple[float | None, float | None]:
    """Latitude and longitude of an ISO 6709 text such as `+48.2082+016.3738+171.0/`."""
    found = _PLACE.match(text)
    if found is None:
        return None, None
    return _degrees(found[1], found[2], 2), _degrees(found[3], found[4], 3)


def _degrees(sign: str, digits: str, whole: int) -> float:
    """Degrees, or degrees with two digits each of minutes and seconds before the point."""
    head, dot, tail = digits.partition(".")
    parts = [head[:whole], *(head[place : place + 2] for place in range(whole, len(head), 2))]
    numbers = [float(part) for part in parts]
    numbers[-1] += float(f"0.{tail}") if dot and tail else 0.0
    value = sum(number / 60.0**place for place, number in enumerate(numbers))
    return -value if sign == "-" else value


def _header(data: bytes) -> tuple[datetime | None, float]:
    """When the film was made, and how many seconds it has."""
    if data[:1] == b"\1":
        made, _, scale, length = struct.unpack_from(">QQIQ", data, 4)
    else:
        made, _, scale, length = struct.unpack_from(">IIII", data, 4)
    unknown = length >= 2**32 - 1
    seconds = 0.0 if unknown or not scale else length / scale
    try:  # many cameras and all tools without a clock write 0, some the seconds since 1970
        when = _EPOCH + timedelta(seconds=made) if made else None
    except OverflowError:
        when = None
    return when if when is not None and when.year >= 1990 else None, seconds


def _size(source: Source, start: int, end: int) -> tuple[int, int]:
    """Width and height as shown of a track that is one of pictures."""
    parts = {kind: (first, last) for kind, first, last in bmff.boxes(source, start, end)}
    if b"tkhd" not in parts or b"mdia" not in parts:
        return 0, 0
    media = {kind: first for kind, first, _ in bmff.boxes(source, *parts[b"mdia"])}
    if source.at(media.get(b"hdlr", -1) + 8, 4) != b"vide":
        return 0, 0
    first = parts[b"tkhd"][0]
    rest = source.at(first + (52 if source.at(first, 1) == b"\1" else 40), 44)
    matrix, (width, height) = struct.unpack_from(">9i", rest), struct.unpack_from(">2I", rest, 36)
    turned = not matrix[0] and matrix[1] != 0  # on its side
    size = (width >> 16, height >> 16)
    return size[::-1] if turned else size


def _keyed(source: Source, start: int, end: int) -> dict[str, str]:
    """Apple's metadata: `keys` names what `ilst` holds by number."""
    if source.at(start + 4, 4) != b"hdlr":
        start += 4  # as ISO has it, with a version
    parts = {kind: (first, last) for kind, first, last in bmff.boxes(source, start, end)}
    if b"keys" not in parts or b"ilst" not in parts:
        return {}
    names = [source.at(first, min(last - first, _MOST)) for _, first, last in _some(source, *parts[b"keys"], 8)]
    found: dict[str, str] = {}
    for kind, first, last in _some(source, *parts[b"ilst"], 0):
        number = int.from_bytes(kind, "big")
        data = source.at(first, min(last - first, _MOST))
        if 0 < number <= len(names) and data[4:8] == b"data" and data[8:12] == b"\0\0\0\1":
            name = names[number - 1].decode("utf-8", "replace").removeprefix("com.apple.quicktime.")
            found[name] = _tidy(data[16 : int.from_bytes(data[:4], "big")])
    return found


def _some(source: Source, start: int, end: int, skip: int) -> list[tuple[bytes, int, int]]:
    return [box for box, _ in zip(bmff.boxes(source, start + skip, end), range(_MANY), strict=False)]


_USER: Final = {
    b"\xa9xyz": "location.ISO6709",
    b"\xa9mak": "make",
    b"\xa9mod": "model",
    b"\xa9swr": "software",
    b"\xa9day": "creationdate",
}


def _texts(source: Source, start: int, end: int) -> dict[str, str]:
    """User data texts: two bytes of length, two of language, the text."""
    found: dict[str, str] = {}
    for kind, first, last in _some(source, start, end, 0):
        if kind in _USER:
            data = source.at(first, min(last - first, _MOST))
            found[_USER[kind]] = _tidy(data[4 : 4 + int.from_bytes(data[:2], "big")])
        elif kind == b"meta":  # where FFmpeg keeps Apple's
            found = {**found, **_keyed(source, first, last)}
    return found


def _tidy(data: bytes) -> str:
    text = data.split(b"\0")[0].decode("utf-8", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:255]
