"""What a file says about itself: EXIF of any format that we open, read without decoding a pixel.

docs/facts.md lists each fact with its tag. Nonsense (a zero denominator, a day 0, a place off the globe)
is as good as nothing; nothing here raises for what a file holds.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from metadata import bursts
from metadata import film as films
from metadata.container import UNREAD, Anatomy, dissect
from metadata.film import Film
from metadata.photo import Facts
from metadata.source import Source
from metadata.tiff import EXIF_IFD, GPS_IFD, Directory, Malformed, Tiff

Fallback = Callable[[bytes], Mapping[str, str]]
"""Asked for formats whose EXIF we cannot find (X3F, CRW): path -> tag name -> value, as `exiftool -n -s`."""

_FIRST_PHOTO = 1826  # Niépce's view from his window; anything older is a camera without a clock
_TEXT_MOST = 255
_EXIF_DATE = re.compile(r"\s*(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?")
_OFFSET = re.compile(r"\s*([+-])(\d\d):?(\d\d)")
_PANORAMA = re.compile(
    rb"usepanoramaviewer(?:=[\"']|>)\s*true|gpano:projectiontype(?:=[\"']|>)\s*(?:equirect|cylind|spher)"
)


@dataclass(frozen=True, slots=True)
class Tags:
    """The directories that matter, by name, with readers that never raise."""

    found: Mapping[str, Sequence[tuple[Tiff, Directory]]]

    def _entry(self, ifd: str, tag: int) -> tuple[Tiff, Directory] | None:
        for place in self.found.get(ifd, ()):
            if tag in place[1]:
                return place
        return None

    def number(self, ifd: str, tag: int) -> float | None:
        """The first value, finite, or None."""
        values = self.numbers(ifd, tag)
        return values[0] if values and math.isfinite(values[0]) else None

    def numbers(self, ifd: str, tag: int) -> tuple[float, ...]:
        """All values; NaN for a zero denominator."""
        place = self._entry(ifd, tag)
        return place[0].numbers(place[1][tag])[:16] if place else ()

    def raw(self, ifd: str, tag: int) -> bytes:
        """The value's bytes."""
        place = self._entry(ifd, tag)
        return place[0].raw(place[1][tag]) if place else b""

    def text(self, ifd: str, tag: int) -> str | None:
        """The value as text without blanks around it, or None where nothing is left."""
        return _text(self.raw(ifd, tag))


def read_facts(
    source: Source,
    anatomy: Anatomy | None = None,
    *,
    path: bytes = b"",
    fallback: Fallback | None = None,
    tags: Tags | None = None,
) -> Facts:
    """The facts of a file that is open; `fallback` is asked with `path` where we find no EXIF block.

    `tags`, where they are known already, are `gather(anatomy)`.
    """
    anatomy = dissect(source) if anatomy is None else anatomy
    if not anatomy.exif and fallback is not None and anatomy.format in UNREAD:
        return _named_facts(anatomy, fallback(path))
    tags = gather(anatomy) if tags is None else tags
    if anatomy.film is not None and not anatomy.exif:
        return _film_facts(anatomy.format, anatomy.film, anatomy.packets)
    taken, offset = _moment(tags)
    make = tags.text("0", 271)
    burst, moment = bursts.of_apple(tags.raw("exif", 37500)) if make == "Apple" else ("", "")
    latitude, longitude = _position(tags)
    orientation = int(tags.number("0", 274) or 1)
    return Facts(
        format=anatomy.format,
        width=anatomy.width or int(tags.number("0", 256) or 0),
        height=anatomy.height or int(tags.number("0", 257) or 0),
        orientation=orientation if 1 <= orientation <= 8 and not anatomy.upright else 1,
        taken=taken,
        offset=offset,
        make=make,
        model=tags.text("0", 272),
        lens=tags.text("exif", 42036),
        exposure=_positive(tags.number("exif", 33434)),
        aperture=_positive(tags.number("exif", 33437)),
        iso=_iso(tags),
        focal=_positive(tags.number("exif", 37386)),
        latitude=latitude,
        longitude=longitude,
        software=tags.text("0", 305),
        panorama=_panorama(anatomy.xmp),
        comment=_comment(tags.raw("exif", 37510)),
        burst=burst or bursts.of_packets(anatomy.packets) or bursts.of_name(path),
        moment=moment,
    )


def _film_facts(name: str, film: Film, packets: Sequence[bytes]) -> Facts:
    """Of a film: Apple's local time with its zone, else the film's own clock, whose zone nobody can be sure of."""
    said = film.values
    taken = parse_date(said.get("creationdate"))
    offset = parse_offset(re.sub(r"^.*\d[T ][\d:.]+", "", said.get("creationdate", ""))) if taken else None
    latitude, longitude = located(*films.located(said.get("location.ISO6709", "")))
    return Facts(
        format=name,
        width=film.width,
        height=film.height,
        taken=taken or film.made,
        offset=offset,
        make=said.get("make") or None,
        model=said.get("model") or None,
        latitude=latitude,
        longitude=longitude,
        software=said.get("software") or None,
        panorama=_panorama(b"".join(packets)),
        moment=said.get("content.identifier", ""),
    )


def gather(anatomy: Anatomy) -> Tags:
    """The photo's EXIF tags, of several blocks the first that has each."""
    canon = anatomy.format == "CR3"
    found: dict[str, list[tuple[Tiff, Directory]]] = {}
    for index, block in enumerate(anatomy.exif):
        for name, tiff, tags in _directories(block, "0", canon=index if canon else 0):
            found.setdefault(name, []).append((tiff, tags))
    return Tags(found)


def _directories(block: Source, name: str, *, canon: int) -> Iterator[tuple[str, Tiff, Directory]]:
    """IFD0, the EXIF and the GPS directory; a CR3 keeps each in a block of its own, in this order."""
    try:
        tiff = Tiff(block)
        first, _ = tiff.directory(tiff.first)
    except (Malformed, struct.error):
        return
    yield ("0", "exif", "gps")[canon] if canon < 3 else name, tiff, first
    for ifd, pointer in (("exif", EXIF_IFD), ("gps", GPS_IFD)):
        offset = tiff.integer(first.get(pointer))
        if offset:
            try:
                yield ifd, tiff, tiff.directory(offset)[0]
            except (Malformed, struct.error):
                continue


def _panorama(packet: bytes) -> bool:
    return (b"Pano" in packet or b"pano" in packet) and _PANORAMA.search(packet.lower()) is not None


def _text(data: bytes) -> str | None:
    if not data:
        return None
    value = data.split(b"\0")[0]
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(text.split())[:_TEXT_MOST] or None


def _comment(data: bytes) -> str | None:
    """UserComment: eight bytes name the characters (EXIF 2.32, 4.6.5); Unicode in either byte order."""
    if data[:8] != b"UNICODE\0":
        known = data[:8] in (b"ASCII\0\0\0", b"JIS\0\0\0\0\0", b"\0" * 8)
        return _text(data[8:] if known else data)
    body = data[8:]
    order = "utf-16-be" if body[::2].count(0) > body[1::2].count(0) else "utf-16-le"
    return _text(body.decode(order, "replace").encode("utf-8", "replace"))


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < 1e7 else None


def _iso(tags: Tags) -> int | None:
    """PhotographicSensitivity; where its 16 bits were too few (65535), ISOSpeed or the recommended index."""
    value = tags.number("exif", 34855)
    if value is None or value >= 65535:
        value = tags.number("exif", 34867) or tags.number("exif", 34866) or value
    return int(value) if value is not None and 0 < value < 1e8 else None


def _moment(tags: Tags) -> tuple[datetime | None, int | None]:
    """When it was taken and how far that clock was from UTC: DateTimeOriginal, else DateTimeDigitized."""
    for tag, part, zone in ((36867, 37521, 36881), (36868, 37522, 36882)):
        taken = parse_date(tags.text("exif", tag), tags.text("exif", part))
        if taken is not None:
            offset = parse_offset(tags.text("exif", zone) or tags.text("exif", 36880))
            return taken, _by_satellite(tags, taken) if offset is None else offset
    return None, None


def parse_date(value: str | None, subsec: str | None = None) -> datetime | None:
    """An EXIF date with its fraction of a second; None for what is no moment since 1826."""
    match = _EXIF_DATE.match(value or "")
    if match is None:
        return None
    digits = re.match(r"\d{1,6}", subsec or "")
    micro = int(digits.group().ljust(6, "0")) if digits else 0
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        taken = datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001 - a local time
    except ValueError:
        return None
    return taken if taken.year >= _FIRST_PHOTO else None


def parse_offset(value: str | None) -> int | None:
    """`+02:00` or `Z` as minutes east of UTC; None for what is no offset in use (-12:00 to +14:00)."""
    if (value or "").strip() == "Z":
        return 0
    match = _OFFSET.match(value or "")
    if match is None or int(match[3]) > 59:
        return None
    minutes = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1)
    return minutes if -720 <= minutes <= 840 else None


def _by_satellite(tags: Tags, taken: datetime) -> int | None:
    """The camera's clock against GPS time (always UTC), rounded to the quarter of an hour zones are made of."""
    day = re.match(r"(\d{4})[:\-](\d\d)[:\-](\d\d)", tags.text("gps", 29) or "")
    clock = tags.numbers("gps", 7)
    if day is None or len(clock) < 3 or not all(math.isfinite(part) and part >= 0 for part in clock[:3]):
        return None
    try:
        midnight = datetime.combine(date(*map(int, day.groups())), datetime.min.time())
        satellite = midnight + timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2])
    except (ValueError, OverflowError):
        return None
    minutes = round((taken - satellite).total_seconds() / 900) * 15
    return minutes if -720 <= minutes <= 840 else None


def _position(tags: Tags) -> tuple[float | None, float | None]:
    return located(_degrees(tags, 2, b"NS"), _degrees(tags, 4, b"EW"))


def located(latitude: float | None, longitude: float | None) -> tuple[float | None, float | None]:
    """The pair, or (None, None) where it is no place on earth or the 0,0 that devices write for "unknown"."""
    if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None, None
    if abs(latitude) > 90 or abs(longitude) > 180 or (abs(latitude) < 1e-6 and abs(longitude) < 1e-6):
        return None, None
    return latitude, longitude


def _degrees(tags: Tags, tag: int, sides: bytes) -> float | None:
    """Degrees, minutes, seconds as one number; without a hemisphere it would be a guess."""
    side = tags.raw("gps", tag - 1)[:1].upper()
    parts = tags.numbers("gps", tag)[:3]
    if not side or side not in sides or not parts:
        return None
    value = math.fsum(part / 60.0**place for place, part in enumerate(parts))
    return -value if side == sides[1:] else value


def _named_facts(anatomy: Anatomy, tags: Mapping[str, str]) -> Facts:
    def number(name: str) -> float | None:
        try:
            value = float(tags.get(name, ""))
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def text(name: str) -> str | None:
        return _text(str(tags.get(name, "")).encode("utf-8", "replace"))

    latitude, longitude = located(number("GPSLatitude"), number("GPSLongitude"))
    orientation = int(number("Orientation") or 1)
    iso = _positive(number("ISO"))
    return Facts(
        format=anatomy.format,
        width=int(number("ImageWidth") or anatomy.width),
        height=int(number("ImageHeight") or anatomy.height),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        taken=parse_date(text("DateTimeOriginal"), text("SubSecTimeOriginal")),
        offset=parse_offset(text("OffsetTimeOriginal")),
        make=text("Make"),
        model=text("Model"),
        lens=text("LensModel"),
        exposure=_positive(number("ExposureTime")),
        aperture=_positive(number("FNumber")),
        iso=int(iso) if iso else None,
        focal=_positive(number("FocalLength")),
        latitude=latitude,
        longitude=longitude,
        software=text("Software"),
        comment=text("UserComment"),
    )
