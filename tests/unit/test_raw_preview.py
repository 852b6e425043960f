"""A RAW's embedded preview is used where it is large enough, and stands upright."""

import io
import struct

import pytest
from PIL import Image

from metadata.container import dissect
from metadata.facts import read_facts
from metadata.source import Source
from models.image import decode
from watcher.sample import SHOTS, _directory, _dng_tags, _length, _long, _short, dng

SIZE = (320, 200)


def quarters(first, size=SIZE):
    image = Image.new("RGB", size, "white")
    image.paste(first, (0, 0, size[0] // 2, size[1] // 2))
    return image


def with_preview(sensor, preview, *, orientation=1):
    """A DNG whose first directory is a JPEG preview and whose SubIFD is the sensor's plane."""
    plain = dng(sensor, SHOTS["lisbon"])
    data = plain[-sensor.width * sensor.height * 2 :]
    file = io.BytesIO()
    preview.save(file, "JPEG", quality=90)
    jpeg = file.getvalue() + b"\0" * (len(file.getvalue()) % 2)
    tags = {
        tag: value
        for tag, value in _dng_tags(*sensor.size, len(data), SHOTS["lisbon"]).items()
        if tag < 34000 or tag > 40000
    }
    plane = {
        tag: tags[tag]
        for tag in (254, 256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 33421, 33422, 50714, 50717)
    }
    first = {tag: value for tag, value in tags.items() if tag not in plane or tag < 300}
    first |= {
        254: _long(1),
        256: _long(preview.width),
        257: _long(preview.height),
        258: _short(8, 8, 8),
        259: _short(7),
    }
    first |= {262: _short(6), 273: _long(0), 274: _short(orientation), 277: _short(3), 278: _long(preview.height)}
    first |= {279: _long(len(jpeg)), 330: _long(0)}
    below = 8 + _length(first)
    place = below + _length(plane)
    first |= {273: _long(place), 330: _long(below)}
    plane[273] = _long(place + len(jpeg))
    return b"II*\0" + struct.pack("<I", 8) + _directory(first, 8) + _directory(plane, below) + jpeg + data


def opened(data, edge):
    source = Source(data)
    return decode(source, read_facts(source), edge)


def colour(image):
    """Which of red and blue the upper left quarter is."""
    pixel = image.getpixel((image.width // 4, image.height // 4))
    return "red" if pixel[0] > pixel[2] + 60 else "blue" if pixel[2] > pixel[0] + 60 else pixel


def test_its_size_is_the_sensor_s():
    anatomy = dissect(Source(with_preview(quarters("blue"), quarters("red", (160, 100)))))
    assert (anatomy.format, anatomy.width, anatomy.height) == ("DNG", *SIZE)


def test_a_large_enough_preview_is_used():
    image = opened(with_preview(quarters("blue"), quarters("red", (240, 150))), 200)
    assert colour(image) == "red"
    assert image.size == (200, 125)


def test_a_preview_that_is_too_small_is_not():
    image = opened(with_preview(quarters("blue", (640, 400)), quarters("red", (160, 100))), 300)
    assert colour(image) == "blue"
    assert image.size == (300, 188)


@pytest.mark.parametrize("edge", [100, 300])
def test_preview_and_sensor_are_both_turned_upright(edge):
    upright = quarters("red", (400, 640))
    stored = upright.transpose(Image.Transpose.ROTATE_90)  # as orientation 6 says
    image = opened(with_preview(stored, stored.resize((240, 150)), orientation=6), edge)
    assert colour(image) == "red"
    assert image.size == (round(edge * 400 / 640), edge)


def test_a_preview_that_is_stored_upright_is_not_turned_again():
    upright = quarters("red", (400, 640))
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    image = opened(with_preview(stored, upright.resize((150, 240)), orientation=6), 100)
    assert colour(image) == "red"
    assert image.size == (62, 100)
