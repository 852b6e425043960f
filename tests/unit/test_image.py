"""Any file becomes upright RGB, or a plain reason."""

import io
import struct
import threading
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageChops, ImageStat

from metadata import source
from metadata.errors import PhotoError
from metadata.facts import read_facts
from metadata.source import Source
from models.image import FileView, decode, mismatch
from watcher.sample import SHOTS, dng

STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture lies in a file whose orientation says so."""


def scene(width=320, height=200):
    """No two quarters alike, so that a wrong turn shows."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    image.paste("blue", (width // 2, 0, width, height // 2))
    image.paste("green", (0, height // 2, width // 2, height))
    return image


def saved(image, name, *, orientation=1, **options):
    block, file = Image.Exif(), io.BytesIO()
    block[274] = orientation
    if name == "HEIF":
        pillow_heif.from_pillow(image).save(file, exif=block.tobytes(), quality=90)
    else:
        image.save(file, name, exif=block, **options)
    return file.getvalue()


def opened(data, edge=128, **settings):
    source = Source(data)
    return decode(source, read_facts(source), edge, path=b"/p/x.jpg", **settings)


def difference(one, other):
    assert one.size == other.size
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def reason(data, **settings):
    with pytest.raises(PhotoError) as caught:
        opened(data, **settings)
    assert caught.value.path == b"/p/x.jpg"
    return caught.value.reason


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_format_stands_upright_turned_once(name, orientation):
    stored = scene() if orientation == 1 else scene().transpose(STORED[orientation])
    image = opened(saved(stored, name, orientation=orientation))
    assert image.mode == "RGB"
    assert difference(image, scene(128, 80)) < 6


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_is_turned_by_its_own_box_and_not_again_by_exif(orientation, tmp_path):
    stored = scene() if orientation == 1 else scene().transpose(STORED[orientation])
    source = Source(saved(stored, "HEIF", orientation=orientation))
    facts = read_facts(source)
    image = decode(source, facts, 128)
    # pillow-heif turns the pixels when it saves, or writes the box: either way it has to come out upright
    assert facts.upright == (320, 200)
    assert facts.orientation == 1
    assert difference(image, scene(128, 80)) < 6


def modes():
    grey = Image.linear_gradient("L").resize((64, 40))
    ramp = np.linspace(0, 65535, 64 * 40).reshape(40, 64).astype(np.uint16)
    yield "L", "PNG", grey, grey
    yield "1", "PNG", grey.convert("1"), grey.convert("1")
    yield "I;16", "PNG", Image.fromarray(ramp), Image.fromarray((ramp >> 8).astype(np.uint8))
    yield "I;16 TIFF", "TIFF", Image.fromarray(ramp), Image.fromarray((ramp >> 8).astype(np.uint8))
    deep = Image.fromarray(ramp.astype(np.float32) / 65535)
    yield "F", "TIFF", deep, Image.fromarray((ramp >> 8).astype(np.uint8))
    yield "P", "PNG", scene(64, 40).quantize(8), scene(64, 40)
    yield "P GIF", "GIF", scene(64, 40).quantize(8), scene(64, 40)
    yield "CMYK", "JPEG", scene(64, 40).convert("CMYK"), scene(64, 40)
    yield "CMYK TIFF", "TIFF", scene(64, 40).convert("CMYK"), scene(64, 40)
    yield "RGBA opaque", "WEBP", scene(64, 40).convert("RGBA"), scene(64, 40)
    clear = scene(64, 40).convert("RGBA")
    clear.putalpha(0)
    yield "RGBA clear", "PNG", clear, Image.new("RGB", (64, 40), "white")
    yield "LA clear", "PNG", clear.convert("LA"), Image.new("RGB", (64, 40), "white")


@pytest.mark.parametrize(("name", "image", "wanted"), [pytest.param(*rest, id=mode) for mode, *rest in modes()])
def test_every_mode_becomes_rgb(name, image, wanted):
    file = io.BytesIO()
    image.save(file, name)
    decoded = opened(file.getvalue())
    assert decoded.mode == "RGB"
    assert difference(decoded, wanted.convert("RGB")) < 8


def test_a_palette_with_a_see_through_colour_shows_white_there():
    image, file = scene(64, 40).quantize(8), io.BytesIO()
    image.save(file, "PNG", transparency=image.getpixel((5, 5)))
    assert opened(file.getvalue()).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_taken(name):
    file = io.BytesIO()
    scene().save(file, name, save_all=True, append_images=[Image.new("RGB", (320, 200), "black")] * 3, duration=50)
    assert difference(opened(file.getvalue()), scene(128, 80)) < 8


def test_small_pictures_are_not_made_larger_and_thin_ones_keep_a_pixel():
    assert opened(saved(scene(40, 20), "PNG")).size == (40, 20)
    assert opened(saved(Image.new("RGB", (3000, 2)), "PNG"), 100).size == (100, 1)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_cut_file_is_called_truncated(name):
    noise = Image.effect_noise((200, 150), 80).convert("RGB")
    data = saved(noise, name)
    assert reason(data[: len(data) * 6 // 10]).startswith("truncated")


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"\0" * 5000, "zero bytes"), (b"%PDF-1.7 ...", "a PDF"), (b"PK\3\4....", "ZIP"), (b"hello",
     "no picture"),
     (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "damaged film"), (b"RIFF\x20\0\0\0WEBP" + b"x" * 40, "damaged WEBP")],
)  # fmt: skip
def test_what_cannot_be_opened_is_told_in_plain_words(data, said):
    assert said in reason(data)


def bomb_png(width, height):
    """A PNG that claims a size; its data is a few bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded():
    assert reason(bomb_png(65000, 65000)) == "65000 x 65000 pixels are too many to decode"


def test_a_large_jpeg_is_reduced_while_it_is_decoded():
    data = saved(Image.new("RGB", (4000, 3000), "teal"), "JPEG")
    assert opened(data, 256, budget=1_000_000).size == (256, 192)
    assert "too many" in reason(data, edge=256, budget=100_000)


def test_a_progressive_jpeg_counts_whole():
    data = saved(Image.new("RGB", (4000, 3000), "teal"), "JPEG", progressive=True)
    assert "too many" in reason(data, edge=256, budget=1_000_000)


def test_a_raw_is_developed_where_it_has_no_preview():
    image = opened(dng(scene(640, 400), SHOTS["lisbon"]), 128)
    assert image.size == (128, 80)
    assert difference(image, scene(128, 80)) < 40  # a camera's white balance and gamma are not ours to copy
    red, blue = image.getpixel((20, 20)), image.getpixel((100, 20))
    assert red[0] > 2 * red[2]
    assert blue[2] > 2 * blue[0]


def test_a_view_decodes_once_and_serves_smaller_sizes_from_that(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(saved(scene(), "PNG"))
    facts = read_facts(Source(path.read_bytes()))
    view = FileView(bytes(path), facts)
    assert view.pixels(256).size == (256, 160)
    path.unlink()
    assert view.pixels(64).size == (64, 40)
    assert view.pixels(256) is view.pixels(256)


def test_a_view_opens_the_file_again_for_a_larger_size_only(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(saved(scene(), "PNG"))
    facts = read_facts(Source(path.read_bytes()))
    planned = decode(Source(path.read_bytes()), facts, 64)
    view = FileView(bytes(path), facts, image=planned, edge=64)
    assert view.pixels(64) is planned
    assert view.pixels(300).size == (300, 188)
    small = FileView(bytes(path), facts, image=scene(), edge=400)
    path.unlink()
    assert small.pixels(1000).size == (320, 200)  # the whole picture was already here


def test_a_view_repeats_its_error(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture")
    view = FileView(bytes(path), read_facts(Source(b"no picture")))
    for _ in range(2):
        with pytest.raises(PhotoError, match="no picture"):
            view.pixels(10)


def test_a_name_that_is_not_utf_8_comes_as_surrogates():
    view = FileView(b"/a/b\xff.jpg", read_facts(Source(b"")))
    assert view.name == "b\udcff.jpg"


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [("a.png", "JPEG", "named .png but holds JPEG"), ("a.JPG", "JPEG", None),
     ("a.jpg", "HEIF", "named .jpg but holds HEIF"), ("a.tif", "DNG", None), ("a.nef", "NEF", None), ("a",
     "PNG", None), ("a.jpg", "", None)],
)  # fmt: skip
def test_an_ending_that_lies_is_told(name, kind, said):
    assert mismatch(name, kind) == said


def test_many_threads_decode_at_once():
    data = [saved(scene(), name) for name in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF")]
    sizes = []

    def work():
        sizes.extend(opened(one, 64).size for one in data)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [(64, 40)] * 30


def test_a_large_file_is_decoded_from_disk(tmp_path):
    path = tmp_path / "large.tif"
    scene(3000, 2000).save(path, "TIFF")
    with source.opened(bytes(path)) as file:
        assert file.source.size > source.HELD
        facts = read_facts(file.source)
        for _ in range(2):  # the second time finds the cursor where the first left it
            assert difference(decode(file.source, facts, 96), scene(96, 64)) < 6
