"""What lies where in a photo's file: the picture itself, its EXIF and its XMP, found without decoding.

One walk serves the digest (`metadata/digest.py`) and the facts (`metadata/facts.py`). The content decides
what a file is, never its name. Sources: ITU T.81, PNG 3rd edition, RFC 9649 (WebP), GIF89a, TIFF 6.0,
TIFF/EP, ISO/IEC 14496-12 and 23008-12, and lclevy's and exiftool's notes about CR2, CR3, RAF and RW2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from metadata import bmff, minolta, png_text
from metadata import film as films
from metadata.film import Film
from metadata.source import Source
from metadata.tiff import Directory, Malformed, Tiff

Piece = tuple[int, int] | bytes
"""A part of the picture: (offset, length) in the file, or bytes that stand for what was parsed."""
_MOST_SEGMENTS = 100_000
_MOST_METADATA = 16 * 2**20
_MOST_SPANS = 4
_MOST_KEPT = 64 * 2**20
RAW = frozenset({"DNG", "CR2", "CR3", "NEF", "ARW", "ORF", "RW2", "RAF", "PEF", "RAW", "X3F", "MRW", "CRW"})
UNREAD = frozenset({"X3F", "CRW"})
"""Formats whose parts are not found: neither metadata nor picture."""


@dataclass(slots=True)
class Anatomy:
    """A file taken apart. `image` is empty where the picture could not be told from the rest.

    `upright` says that the container itself turns the picture (HEIF), so that EXIF's orientation must
    not turn it again; `width` and `height` are then as shown.

    `packets` are the XMP packets as they stand (compressed ones unpacked), `extended` the parts of a JPEG's
    Extended XMP, `resources` Photoshop's image resources and `iim` bare IPTC blocks. `cut` says that the
    file holds more of these than we keep in memory. `film` is what an MP4 says of itself.
    """

    format: str
    width: int = 0
    height: int = 0
    upright: bool = False
    exif: list[Source] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)
    extended: list[bytes] = field(default_factory=list)
    resources: list[bytes] = field(default_factory=list)
    iim: list[bytes] = field(default_factory=list)
    cut: bool = False
    image: list[Piece] = field(default_factory=list)
    film: Film | None = None
    _kept: int = 0

    @property
    def xmp(self) -> bytes:
        """All packets, one after the other."""
        return b"".join(self.packets)

    def keep(self, found: list[bytes], data: bytes) -> None:
        """Add a block to one of the lists, or mark the anatomy as cut where that would be too much."""
        if len(data) > _MOST_KEPT - self._kept:
            self.cut = True
        elif data:
            self._kept += len(data)
            found.append(data)


def dissect(source: Source, *, picture: bool = True) -> Anatomy:
    """Take a file apart; garbage gives the format "" or an empty `image`, never an exception of ours.

    Without `picture` a JPEG is not searched for its end, which is most of the work; `image` is then empty.
    """
    head = source.at(0, 64)
    walk = _walker(source, head)
    if walk is None:
        return Anatomy("")
    if walk is _jpeg and not picture:
        walk = _jpeg_head
    anatomy = Anatomy("")
    try:
        walk(source, anatomy)
    except (Malformed, struct.error, IndexError, ValueError, OverflowError):
        anatomy.image.clear()
    if not picture:
        anatomy.image.clear()  # a part of it would name several pictures alike
    return anatomy


_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""What an ISO file begins with, or a QuickTime film from before there was `ftyp`."""


def _walker(source: Source, head: bytes) -> Callable[[Source, Anatomy], object] | None:
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _png
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _gif
    if head[4:8] in _BOXES:
        return _bmff
    if head[:15] == b"FUJIFILMCCD-RAW":
        return _raf
    if head.startswith(minolta.MARK):
        return _mrw
    if head.startswith(b"FOVb") or head[6:14] == b"HEAPCCDR":
        return _named("X3F" if head.startswith(b"FOVb") else "CRW")
    if head[:2] in (b"II", b"MM"):
        return _tiff
    name = films.kind(source, head)
    return _moving(name) if name else None


def _moving(name: str) -> Callable[[Source, Anatomy], None]:
    def walk(source: Source, anatomy: Anatomy) -> None:
        anatomy.format = name
        anatomy.image = [(0, source.size)]

    return walk


def _named(name: str) -> Callable[[Source, Anatomy], None]:
    def walk(_: Source, anatomy: Anatomy) -> None:
        anatomy.format = name

    return walk


_SHAPING = frozenset({0xDB, 0xC4, 0xDD, 0xCC, 0xDC, 0xEE, *range(0xC0, 0xD0)} - {0xC8})
"""JPEG segments that change pixels: tables, frames, restart interval, lines, and Adobe's colour transform."""
_FRAMES = _SHAPING & set(range(0xC0, 0xD0)) - {0xC4, 0xCC}
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_MARK = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP_MARK = b"Photoshop 3.0\0"


def _jpeg(source: Source, anatomy: Anatomy) -> None:
    place = _jpeg_head(source, anatomy)
    end = source.find(b"\xff\xd9", place)
    # what follows the end is another picture or a film (MPF, motion photos), or padding
    anatomy.image.append((place, (end + 2 if end > 0 else source.size) - place))


def _jpeg_head(source: Source, anatomy: Anatomy) -> int:
    """Everything before the first scan, whose place it gives."""
    anatomy.format = "JPEG"
    place = 2
    for _ in range(_MOST_SEGMENTS):
        head = source.at(place, 4)
        if len(head) < 4 or head[0] != 0xFF:
            raise Malformed("a segment is missing")
        marker = head[1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        length = head[2] << 8 | head[3]
        if marker == 0xDA:
            break
        if marker in _SHAPING:
            anatomy.image.append((place, length + 2))
        if marker in _FRAMES and not anatomy.width:
            anatomy.height, anatomy.width = struct.unpack(">HH", source.at(place + 5, 4))
        elif marker == 0xE1:
            _application(source.at(place + 4, length - 2), anatomy)
        elif marker == 0xED:
            data = source.at(place + 4, length - 2)
            if data.startswith(_PHOTOSHOP_MARK):
                anatomy.keep(anatomy.resources, data[len(_PHOTOSHOP_MARK) :])
        place += length + 2
    return place


def _application(data: bytes, anatomy: Anatomy) -> None:
    if data[:6] == b"Exif\0\0":
        anatomy.exif.append(Source(data[6:]))
    elif data.startswith(XMP_MARK):
        anatomy.keep(anatomy.packets, data[len(XMP_MARK) :])
    elif data.startswith(EXTENDED_MARK):
        anatomy.keep(anatomy.extended, data[len(EXTENDED_MARK) :])


_PNG_SHAPING = frozenset({b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT"})


def _png(source: Source, anatomy: Anatomy) -> None:
    anatomy.format = "PNG"
    place = 8
    for _ in range(_MOST_SEGMENTS):
        head = source.at(place, 8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        body = (place + 8, length)
        if kind == b"IHDR":
            anatomy.width, anatomy.height = struct.unpack(">II", source.at(place + 8, 8))
        if kind == b"IDAT":  # how the stream is cut into chunks changes no pixel
            anatomy.image.append(body)
        elif kind in _PNG_SHAPING:
            anatomy.image += [kind, body]
        elif kind == b"eXIf":
            anatomy.exif.append(Source(source.at(place + 8, min(length, _MOST_METADATA))))
        elif kind in (b"iTXt", b"tEXt", b"zTXt"):
            _png_text(kind, source.at(place + 8, min(length, _MOST_METADATA)), anatomy)
        elif kind == b"IEND":
            return
        place += length + 12


def _png_text(kind: bytes, chunk: bytes, anatomy: Anatomy) -> None:
    if not chunk.startswith((b"XML:com.adobe.xmp\0", b"Raw profile type ")):
        return
    keyword, data = png_text.unpacked(kind, chunk)
    if keyword == b"XML:com.adobe.xmp":
        anatomy.keep(anatomy.packets, data)
    elif keyword == b"Raw profile type xmp":
        anatomy.keep(anatomy.packets, png_text.profile(data))
    elif keyword in (b"Raw profile type iptc", b"Raw profile type 8bim"):
        block = png_text.profile(data).removeprefix(_PHOTOSHOP_MARK)
        anatomy.keep(anatomy.resources if block.startswith(b"8BIM") else anatomy.iim, block)


def _webp(source: Source, anatomy: Anatomy) -> None:
    anatomy.format = "WEBP"
    place = 12
    for _ in range(_MOST_SEGMENTS):
        head = source.at(place, 8)
        if len(head) < 8:
            return
        kind, length = struct.unpack("<4sI", head)
        if kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"):
            anatomy.image += [kind, (place + 8, length)]
        if kind in (b"VP8 ", b"VP8L", b"VP8X") and not anatomy.width:
            anatomy.width, anatomy.height = _webp_size(kind, source.at(place + 8, 10))
        elif kind == b"EXIF":
            data = source.at(place + 8, min(length, _MOST_METADATA))
            anatomy.exif.append(Source(data.removeprefix(b"Exif\0\0")))
        elif kind == b"XMP ":
            anatomy.keep(anatomy.packets, source.at(place + 8, min(length, _MOST_METADATA)))
        place += 8 + length + (length & 1)


def _webp_size(kind: bytes, data: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _gif(source: Source, anatomy: Anatomy) -> None:
    anatomy.format = "GIF"
    head = source.at(6, 7)
    anatomy.width, anatomy.height, flags = struct.unpack("<HHB", head[:5])
    place = 13 + _table(flags)
    anatomy.image.append((6, place - 6))
    for _ in range(_MOST_SEGMENTS):
        mark = source.at(place, 10)
        if not mark or mark[0] == 0x3B:
            return
        if mark[0] == 0x2C:  # a picture: its place, its own colours, its code size, its data
            end = _sub_blocks(source, place + 11 + _table(mark[9]))
            anatomy.image.append((place, end - place))
        elif mark[0] == 0x21:
            end = _sub_blocks(source, place + 2)
            if mark[1] == 0xF9:  # graphic control: transparency; comments and applications are no pixels
                anatomy.image.append((place, end - place))
            elif source.at(place + 3, 11) == b"XMP DataXMP":
                anatomy.keep(
                    anatomy.packets, _gif_xmp(source.at(place + 14, min(end - place - 14, _MOST_METADATA)))
                )
        else:
            raise Malformed("no GIF block")
        place = end


_MAGIC = bytes((1, *range(255, -1, -1), 0))
"""What XMP in a GIF ends with, so that readers who know of blocks only find their way out of it."""


def _gif_xmp(data: bytes) -> bytes:
    if data.endswith(_MAGIC):
        return data[: -len(_MAGIC)]
    blocks, place = [], 0
    while place < len(data) and data[place]:  # some writers cut it into blocks as if it were a picture
        blocks.append(data[place + 1 : place + 1 + data[place]])
        place += data[place] + 1
    return b"".join(blocks)


def _table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _sub_blocks(source: Source, place: int) -> int:
    while size := source.at(place, 1):
        place += size[0] + 1
        if not size[0]:
            break
    return place


def _bmff(source: Source, anatomy: Anatomy) -> None:
    marks = bmff.brands(source)
    anatomy.format = bmff.family(marks)
    anatomy.upright = anatomy.format in ("HEIF", "AVIF")
    media: list[Piece] = []
    for kind, start, end in bmff.boxes(source, 0, source.size):
        if kind == b"meta" and anatomy.upright:
            _items(source, bmff.items(source, start, end), anatomy)
        elif kind == b"mdat":
            media.append((start, end - start))
        elif kind == b"moov":
            _canon(source, start, end, anatomy)
            for packet in films.packets(source, start, end, most=_MOST_METADATA):
                anatomy.keep(anatomy.packets, packet)
            if anatomy.format == "MP4":
                anatomy.film = films.read(source, start, end)
        elif kind == b"uuid" and source.at(start, 16) == bmff.XMP:
            anatomy.keep(anatomy.packets, source.at(start + 16, min(end - start - 16, _MOST_METADATA)))
    anatomy.image = anatomy.image or media


def _items(source: Source, found: bmff.Items, anatomy: Anatomy) -> None:
    anatomy.width, anatomy.height = found.size
    for number in sorted(found.spans):
        kind, spans = found.kinds.get(number, b""), found.spans[number]
        if kind == b"Exif":
            data = b"".join(source.at(offset, min(length, _MOST_METADATA)) for offset, length in spans)
            skip = int.from_bytes(data[:4], "big") + 4  # how far the TIFF header is from here
            anatomy.exif.append(Source(data[skip:]))
        elif kind == b"mime":
            if number in found.packets():
                parts = (source.at(offset, min(length, _MOST_METADATA)) for offset, length in spans[:_MOST_SPANS])
                anatomy.keep(anatomy.packets, b"".join(parts))
        elif kind not in (b"", b"uri "):
            anatomy.image += [kind, *spans]


def _canon(source: Source, start: int, end: int, anatomy: Anatomy) -> None:
    for kind, first, last in bmff.boxes(source, start, end):
        if kind == b"uuid" and source.at(first, 16) == bmff.CANON:
            for name, inner, stop in bmff.boxes(source, first + 16, last):
                if name in (b"CMT1", b"CMT2", b"CMT4"):
                    anatomy.exif.append(Source(source.at(inner, min(stop - inner, _MOST_METADATA))))


def _raf(source: Source, anatomy: Anatomy) -> None:
    """Fuji: a JPEG that holds the EXIF, and the sensor's data, at places the header names."""
    anatomy.format = "RAF"
    preview, preview_length, _, _, sensor, sensor_length = struct.unpack(">6I", source.at(84, 24))
    inner = dissect(Source(source.at(preview, min(preview_length, _MOST_METADATA))))
    anatomy.exif, anatomy.packets, anatomy.extended = inner.exif, inner.packets, inner.extended
    anatomy.resources, anatomy.cut = inner.resources, inner.cut
    anatomy.width, anatomy.height = inner.width, inner.height
    anatomy.image = [(sensor, sensor_length)] if sensor_length else []


def _mrw(source: Source, anatomy: Anatomy) -> None:
    anatomy.format = "MRW"
    found = minolta.blocks(source, most=_MOST_METADATA)
    _tiff(found.tiff, anatomy)
    anatomy.format, anatomy.image = "MRW", found.image
    anatomy.width, anatomy.height = found.width, found.height


_TIFF_SHAPING = (256, 257, 258, 259, 262, 277, 284, 317, 320, 322, 323, 338, 339, 33421, 33422, 50714, 50717)
"""TIFF tags that say how the data becomes pixels (sizes, bits, compression, colours, predictor, CFA, levels)."""
_MAKES = {"NIKON": "NEF", "SONY": "ARW", "PENTAX": "PEF", "RICOH": "PEF", "OLYMPUS": "ORF"}


def _tiff(source: Source, anatomy: Anatomy) -> None:
    tiff = Tiff(source)
    anatomy.exif.append(source)
    directories = list(tiff.chain())
    if not directories:
        raise Malformed("no directory")
    anatomy.format = _tiff_format(tiff, directories)
    for tag, blocks in ((700, anatomy.packets), (33723, anatomy.iim), (34377, anatomy.resources)):
        anatomy.keep(blocks, tiff.raw(directories[0].get(tag), most=_MOST_METADATA))
    largest = max(directories, key=lambda tags: (_first(tiff, tags, 256)) * _first(tiff, tags, 257))
    shown = directories[0] if anatomy.format == "TIFF" else largest
    anatomy.width, anatomy.height = _first(tiff, shown, 256), _first(tiff, shown, 257)
    if tiff.magic == 0x55:
        _panasonic(tiff, directories[0], anatomy)
        return
    for tags in directories:
        pieces = _data(tiff, tags)
        if pieces:
            values = [(tag, tiff.integers(tags.get(tag))) for tag in _TIFF_SHAPING if tag in tags]
            anatomy.image += [repr(values).encode(), *pieces]


def _first(tiff: Tiff, tags: Directory, tag: int) -> int:
    return tiff.integer(tags.get(tag)) or 0


def _tiff_format(tiff: Tiff, directories: list[Directory]) -> str:
    """TIFF, or which RAW built on it: by its magic, DNG's version tag, or a sensor's colour filter."""
    if tiff.magic in (0x4F52, 0x5352):
        return "ORF"
    if tiff.magic == 0x55:
        return "RW2"
    if tiff.source.at(8, 2) == b"CR" and tiff.magic == 42:
        return "CR2"
    first = directories[0]
    if 50706 in first:
        return "DNG"
    sensors = {32803, 34892}
    compressions = {34713, 32767, 65535}  # Nikon, Sony, Pentax
    if any(_first(tiff, tags, 262) in sensors or _first(tiff, tags, 259) in compressions for tags in directories):
        make = tiff.raw(first.get(271)).split(b"\0")[0].decode("latin-1").upper()
        return next((name for mark, name in _MAKES.items() if make.startswith(mark)), "RAW")
    return "TIFF"


def _data(tiff: Tiff, tags: Directory) -> list[Piece]:
    pieces: list[Piece] = []
    for offsets, lengths in ((273, 279), (324, 325), (513, 514)):
        places = tiff.integers(tags.get(offsets))
        sizes = tiff.integers(tags.get(lengths))
        if places and not sizes and offsets == 273:  # one strip without a length: old scanners
            sizes = (tiff.source.size - places[0],)
        pieces += [(place, size) for place, size in zip(places, sizes, strict=False) if size]
    return pieces


def _panasonic(tiff: Tiff, tags: Directory, anatomy: Anatomy) -> None:
    """RW2 names its sensor's data by tags of its own and lets it run to the end of the file."""
    anatomy.width, anatomy.height = _first(tiff, tags, 7), _first(tiff, tags, 6)
    start = _first(tiff, tags, 0x118) or _first(tiff, tags, 273)
    anatomy.image = [(start, tiff.source.size - start)] if 0 < start < tiff.source.size else []
