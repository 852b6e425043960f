"""A small library to try tagwright on: about forty photos in every format we open, made in about a second.

They are cut, turned and toned from two photographs that scikit-learn carries, and get dates, zones and
places that fit no real journey. The same call makes the same pictures.
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from metadata.errors import UserError

CREDIT = """\
The sample library is made from two photographs that scikit-learn carries, cropped, turned and toned:
china.jpg by danielbuechele (https://www.flickr.com/photos/danielbuechele/6061409035/) and
flower.jpg by vultilion (https://www.flickr.com/photos/vultilion/6056698931/),
both under Creative Commons Attribution 2.0 (https://creativecommons.org/licenses/by/2.0/).
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """Where and when a sample says it was taken: degrees, local time, minutes east of UTC."""

    latitude: float
    longitude: float
    taken: datetime
    offset: int
    camera: str = "Example EX-1"


def _at(latitude: float, longitude: float, taken: str, offset: int) -> Shot:
    return Shot(latitude, longitude, datetime.fromisoformat(taken), offset)


SHOTS = {
    "beijing": _at(39.9163, 116.3972, "2019-10-03T11:20:07", 480),
    "münster": _at(51.9625, 7.6256, "2021-05-16T14:05:31", 120),
    "lisbon": _at(38.7139, -9.1334, "2018-09-02T18:44:12", 60),
    "kathmandu": _at(27.7172, 85.3240, "2016-04-21T09:10:55", 345),
    "sydney": _at(-33.8688, 151.2093, "2020-01-12T16:31:00", 660),
    "suva": _at(-18.1416, 178.4419, "2017-07-08T10:02:40", 720),
    "reykjavík": _at(64.1466, -21.9426, "2022-06-20T15:25:19", 0),
    "santiago": _at(-33.4489, -70.6693, "2015-12-24T12:12:12", -180),
    "new york": _at(40.7128, -74.0060, "2023-11-18T13:47:03", -300),
    "cape town": _at(-33.9249, 18.4241, "2014-02-27T10:39:59", 120),
    "ocean": _at(32.4000, -45.1000, "2013-08-08T12:00:01", -180),
    "night": _at(48.2082, 16.3738, "2022-12-11T22:30:45", 60),
}
"""Real places, invented visits; the ocean is far from any city, the night is in Vienna in December."""


def make_sample(folder: Path) -> int:
    """Make the library below `folder` (created if it is not there) and return how many photos it has.

    Raises UserError where the two photographs are missing, OSError where nothing can be written.
    """
    china, flower = (Image.open(_photograph(name)).convert("RGB") for name in ("china.jpg", "flower.jpg"))
    made = 0
    for step in (_cities, _turned, _grey, _shapes, _formats, _odd):
        made += step(folder, china, flower)
    return made


def _photograph(name: str) -> Path:
    spec = importlib.util.find_spec("sklearn")  # finds, does not import: that would take two seconds
    folder = next(iter(spec.submodule_search_locations or ()), "") if spec else ""
    path = Path(folder, "datasets", "images", name)
    if not folder or not path.exists():
        raise UserError("the sample library needs 'sklearn': pip install scikit-learn")
    return path


def _save(
    path: Path, image: Image.Image, shot: Shot | None = None, *, orientation: int = 1, **options: Any
) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    block = exif(shot, orientation)
    if path.suffix == ".gif":
        image.save(path, **options)
    elif path.suffix == ".heic":
        _save_heif(path, image, block)
    else:
        image.save(path, exif=block, **options)
    return 1


def _save_heif(path: Path, image: Image.Image, block: bytes) -> None:
    import pillow_heif  # noqa: PLC0415 - 10 MB that only this needs

    pillow_heif.from_pillow(image).save(path, exif=block, quality=60, chroma=420)


def exif(shot: Shot | None, orientation: int = 1) -> bytes:
    """An EXIF block with camera, date, zone and position; only the orientation without a shot."""
    block = Image.Exif()
    if orientation != 1:
        block[274] = orientation
    if shot is None:
        return block.tobytes() if len(block) else b""
    make, _, model = shot.camera.partition(" ")
    block.update({271: make, 272: model})
    sign = "-" if shot.offset < 0 else "+"
    zone = f"{sign}{abs(shot.offset) // 60:02}:{abs(shot.offset) % 60:02}"
    when = shot.taken.strftime("%Y:%m:%d %H:%M:%S")
    block.get_ifd(34665).update(
        {36867: when, 36868: when, 36881: zone, 33434: 0.004, 33437: 5.6, 34855: 200, 37386: 35.0}
    )
    utc = shot.taken - timedelta(minutes=shot.offset)
    block.get_ifd(34853).update(
        {
            1: "N" if shot.latitude >= 0 else "S",
            2: _sexagesimal(abs(shot.latitude)),
            3: "E" if shot.longitude >= 0 else "W",
            4: _sexagesimal(abs(shot.longitude)),
            7: (float(utc.hour), float(utc.minute), float(utc.second)),
            29: utc.strftime("%Y:%m:%d"),
        }
    )
    return block.tobytes()


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    minutes = degrees % 1 * 60
    return float(int(degrees)), float(int(minutes)), round(minutes % 1 * 60, 3)


def _cut(image: Image.Image, left: float, top: float, size: float = 0.7) -> Image.Image:
    """A part of a picture; all four numbers are shares of it."""
    width, height = image.size
    right, bottom = round((left + size) * width), round((top + size) * height)
    return image.crop((round(left * width), round(top * height), right, bottom))


def _cities(folder: Path, china: Image.Image, flower: Image.Image) -> int:
    """A journey a folder: the same two subjects in ten cities, none of them equal to another."""
    made = 0
    for index, name in enumerate(list(SHOTS)[:10]):
        shot = SHOTS[name]
        places = folder / f"{shot.taken:%Y}" / name.title()
        made += _save(places / f"IMG_{index:04}.jpg", _cut(china, index * 0.03, 0.02 * index), shot, quality=82)
        later = Shot(shot.latitude, shot.longitude, shot.taken + timedelta(minutes=7), shot.offset)
        made += _save(places / f"IMG_{index + 1000}.jpg", _cut(flower, 0.3 - index * 0.03, 0.1), later, quality=82)
    return made


def _turned(folder: Path, china: Image.Image, flower: Image.Image) -> int:
    """The same upright picture, stored turned or mirrored, with the orientation that says so."""
    stored = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    for orientation, turn in stored.items():
        picture = (china if orientation == 6 else flower).transpose(turn)
        _save(folder / "turned" / f"turned-{orientation}.jpg", picture, SHOTS["münster"], orientation=orientation)
    return len(stored)


def _grey(folder: Path, china: Image.Image, flower: Image.Image) -> int:
    """Black and white: grey, sepia, blue, and faded."""
    tones: dict[str, tuple[str, str, str]] = {
        "sepia": ("#1e0f05", "#705438", "#f0dcb4"),
        "cyanotype": ("#050f2d", "#1e5a8c", "#e6f5fa"),
        "faded": ("#554632", "#a08c6e", "#ebdcbe"),
    }
    for name, (black, mid, white) in tones.items():
        picture = ImageOps.colorize(china.convert("L"), black, white, mid)
        _save(folder / "album" / f"{name}.jpg", picture, quality=88)
    _save(folder / "album" / "grey.jpg", flower.convert("L"), SHOTS["lisbon"])
    return len(tones) + 1


def _shapes(folder: Path, china: Image.Image, flower: Image.Image) -> int:
    """A panorama, a screenshot as a phone names and sizes it, a night photo, and a place at sea."""
    wide = china.crop((0, 150, 640, 400))
    _save(folder / "2021" / "panorama.jpg", wide, SHOTS["münster"])
    _save(folder / "phone" / "Screenshot_20230401-101112.png", _screen())
    dark = ImageEnhance.Brightness(_cut(china, 0.1, 0.2)).enhance(0.25)
    _save(folder / "2022" / "Wien" / "DSC_0231.jpg", dark, SHOTS["night"])
    _save(folder / "2013" / "at-sea.jpg", _cut(flower, 0.05, 0.25), SHOTS["ocean"])
    return 4


def _screen() -> Image.Image:
    screen = Image.new("RGB", (1080, 2340), "#f4f4f8")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 1080, 160), fill="#3355bb")
    for row in range(9):
        top = 220 + row * 230
        draw.rounded_rectangle((40, top, 1040, top + 190), 24, fill="white", outline="#c8c8d2", width=3)
        draw.ellipse((70, top + 35, 190, top + 155), fill=("#e07a5f", "#81b29a", "#f2cc8f")[row % 3])
    return screen


def _formats(folder: Path, china: Image.Image, flower: Image.Image) -> int:
    """One of each format that we open, with the same facts in each."""
    shot, small = SHOTS["lisbon"], _cut(flower, 0.2, 0.15, 0.5)
    place = folder / "formats"
    options: dict[str, dict[str, Any]] = {
        "jpg": {"progressive": True},
        "png": {"compress_level": 3},
        "webp": {"method": 0},
        "tif": {},
        "heic": {},
        "avif": {"speed": 10},
        "gif": {},
    }
    for ending, settings in options.items():
        _save(place / f"flower.{ending}", small, shot, **settings)
    (place / "palace.dng").write_bytes(dng(_cut(china, 0.2, 0.3, 0.5), SHOTS["beijing"]))
    return len(options) + 1


def _odd(folder: Path, china: Image.Image, flower: Image.Image) -> int:
    """What libraries also hold: transparency, a copy, a name with umlauts and a comma."""
    see_through = _cut(flower, 0.1, 0.1, 0.4).convert("RGBA")
    see_through.putalpha(Image.radial_gradient("L").resize(see_through.size).point(lambda value: 255 - value))
    _save(folder / "odd" / "see-through.png", see_through, SHOTS["münster"])
    copied = _cut(china, 0.25, 0.05, 0.6)
    for name in ("Blüten, Gärten & Schlösser.jpg", "copy of it.jpg"):
        _save(folder / "odd" / name, copied, SHOTS["münster"], quality=80)
    return 3


def dng(image: Image.Image, shot: Shot) -> bytes:
    """A RAW file as a camera would write it: one uncompressed 16-bit Bayer plane (DNG 1.4, RGGB), no preview."""
    width, height = image.width // 2 * 2, image.height // 2 * 2
    pixels = np.asarray(image.crop((0, 0, width, height)), dtype=np.float32) / 255
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    plane = np.empty((height, width), np.float32)
    for row, column, band in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        plane[row::2, column::2] = linear[row::2, column::2, band]
    data = (plane * 65535).astype("<u2").tobytes()
    return _tiff(_dng_tags(width, height, len(data), shot), data)


_Value = tuple[int, bytes, int]
"""A TIFF value: its type, its bytes, how many."""


def _short(*values: int) -> _Value:
    return 3, struct.pack(f"<{len(values)}H", *values), len(values)


def _long(*values: int) -> _Value:
    return 4, struct.pack(f"<{len(values)}I", *values), len(values)


def _ascii(text: str) -> _Value:
    data = text.encode() + b"\0"
    return 2, data, len(data)


def _rational(*values: float, kind: int = 5) -> _Value:
    parts = (part for value in values for part in (round(value * 10000), 10000))
    return kind, struct.pack(f"<{2 * len(values)}{'I' if kind == 5 else 'i'}", *parts), len(values)


_XYZ_TO_SRGB = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)


def _dng_tags(width: int, height: int, size: int, shot: Shot) -> dict[int, _Value | dict[int, _Value]]:
    make, _, model = shot.camera.partition(" ")
    zone = f"{'-' if shot.offset < 0 else '+'}{abs(shot.offset) // 60:02}:{abs(shot.offset) % 60:02}"
    return {
        254: _long(0), 256: _long(width), 257: _long(height), 258: _short(16), 259: _short(1), 262: _short(32803),
        271: _ascii(make), 272: _ascii(model), 273: _long(0), 274: _short(1), 277: _short(1), 278: _long(height),
        279: _long(size), 284: _short(1), 33421: _short(2, 2), 33422: (1, bytes((0, 1, 1, 2)), 4),
        34665: {36867: _ascii(shot.taken.strftime("%Y:%m:%d %H:%M:%S")), 36881: _ascii(zone)},
        34853: {
            1: _ascii("N" if shot.latitude >= 0 else "S"), 2: _rational(*_sexagesimal(abs(shot.latitude))),
            3: _ascii("E" if shot.longitude >= 0 else "W"), 4: _rational(*_sexagesimal(abs(shot.longitude))),
        },
        50706: (1, bytes((1, 4, 0, 0)), 4), 50707: (1, bytes((1, 1, 0, 0)), 4), 50708: _ascii(shot.camera),
        50714: _long(0), 50717: _long(65535), 50721: _rational(*_XYZ_TO_SRGB, kind=10),
        50728: _rational(1, 1, 1), 50778: _short(21),
    }  # fmt: skip


def _tiff(tags: dict[int, _Value | dict[int, _Value]], data: bytes) -> bytes:
    """A little-endian TIFF: header, directories with their values, the picture last."""
    flat = {tag: value for tag, value in tags.items() if not isinstance(value, dict)}
    below = {tag: value for tag, value in tags.items() if isinstance(value, dict)}
    place = 8 + _length({**flat, **dict.fromkeys(below, _long(0))})
    blocks = []
    for tag, inner in below.items():
        flat[tag] = _long(place)
        blocks.append(_directory(inner, place))
        place += len(blocks[-1])
    flat[273] = _long(place)
    return b"II*\0" + struct.pack("<I", 8) + _directory(flat, 8) + b"".join(blocks) + data


def _length(tags: dict[int, _Value]) -> int:
    return 6 + 12 * len(tags) + sum(len(data) + len(data) % 2 for _, data, _ in tags.values() if len(data) > 4)


def _directory(tags: dict[int, _Value], place: int) -> bytes:
    entries, values = b"", b""
    after = place + 6 + 12 * len(tags)
    for tag, (kind, data, count) in sorted(tags.items()):
        if len(data) > 4:
            entries += struct.pack("<HHII", tag, kind, count, after + len(values))
            values += data + b"\0" * (len(data) % 2)
        else:
            entries += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + b"\0" * 4 + values
