"""The digest names the picture, not the file."""

import io
import struct

import pillow_heif
import pytest
from PIL import Image, PngImagePlugin

from metadata.container import dissect
from metadata.digest import SIZE, digest
from metadata.source import CHUNK, HELD, Source, opened
from watcher.sample import SHOTS, dng, exif

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "DNG")


def picture(dot="white"):
    image = Image.linear_gradient("L").convert("RGB")
    image.paste("red", (20, 20, 90, 90))
    image.paste(dot, (100, 100, 140, 140))
    return image


def written(name, image, block=b""):
    file = io.BytesIO()
    if name == "HEIF":
        pillow_heif.from_pillow(image).save(file, exif=block or None)
    elif name == "DNG":
        return dng(image, SHOTS["lisbon"] if block else SHOTS["suva"])
    else:
        image.save(file, name, exif=block)
    return file.getvalue()


def of(data):
    return digest(Source(data))


@pytest.mark.parametrize("name", FORMATS)
def test_other_exif_is_the_same_picture(name):
    plain, told = written(name, picture()), written(name, picture(), exif(SHOTS["lisbon"]))
    assert plain != told
    assert of(plain) == of(told)
    assert len(of(plain)) == SIZE


@pytest.mark.parametrize("name", [*FORMATS, "GIF"])
def test_other_pixels_are_another_picture(name):
    if name == "GIF":
        files = [io.BytesIO(), io.BytesIO()]
        for file, dot in zip(files, ("white", "blue"), strict=True):
            picture(dot).save(file, "GIF")
        assert of(files[0].getvalue()) != of(files[1].getvalue())
    else:
        assert of(written(name, picture())) != of(written(name, picture("blue")))


@pytest.mark.parametrize("name", FORMATS)
def test_the_picture_is_told_from_the_rest_in_every_format(name):
    source = Source(written(name, picture(), exif(SHOTS["lisbon"])))
    spans = [piece for piece in dissect(source).image if not isinstance(piece, bytes)]
    assert spans
    assert all(offset > 0 and offset + length <= source.size for offset, length in spans)


def test_a_gif_s_comment_is_not_its_picture():
    plain, told = io.BytesIO(), io.BytesIO()
    picture().save(plain, "GIF")
    picture().save(told, "GIF", comment=b"hello")
    assert b"hello" in told.getvalue()
    assert of(plain.getvalue()) == of(told.getvalue())


def test_a_png_s_text_is_not_its_picture_but_its_colours_are():
    plain, told, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "hello")
    image = picture().quantize(16)
    image.save(plain, "PNG")
    image.save(told, "PNG", pnginfo=text)
    image.putpalette([255 - value for value in image.getpalette()])
    image.save(other, "PNG")
    one, same, another = (of(file.getvalue()) for file in (plain, told, other))
    assert one == same
    assert one != another


def test_cutting_a_png_s_stream_elsewhere_changes_nothing():
    data = written("PNG", picture())
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack(">I", data[start : start + 4])
    body = data[start + 8 : start + 8 + length]
    halves = b"".join(
        struct.pack(">I", len(part)) + b"IDAT" + part + b"\0\0\0\0" for part in (body[:50], body[50:])
    )
    assert of(data[:start] + halves + data[start + 12 + length :]) == of(data)


def test_adobe_s_colour_transform_is_part_of_a_jpeg_s_picture():
    data = written("JPEG", picture())
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00%c"
    rgb, ycc = (data[:2] + adobe % mark + data[2:] for mark in (b"\0", b"\1"))
    assert len({of(data), of(rgb), of(ycc)}) == 3


def test_what_follows_a_jpeg_s_end_is_not_its_picture():
    data = written("JPEG", picture())
    assert of(data + b"\xff\xd8 a film or a second picture") == of(data)


def test_progressive_scans_belong_to_the_picture():
    file = io.BytesIO()
    picture().save(file, "JPEG", progressive=True)
    data = file.getvalue()
    middle = data.rindex(b"\xff\xda") + 40
    changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    assert of(changed) != of(data)


@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_file_has_a_digest_of_its_own(name):
    data = written(name, picture())
    cuts = {of(data[: len(data) * part // 10]) for part in range(1, 11)}
    assert len(cuts) == 10


def test_what_is_not_understood_is_taken_whole():
    assert of(b"hello") != of(b"hellp")
    assert of(b"\xff\xd8\xff\xe0garbage") != of(b"\xff\xd8\xff\xe0garbagf")
    assert of(b"II*\0\xff\xff\xff\xff1") != of(b"II*\0\xff\xff\xff\xff2")


def test_a_large_file_is_read_in_pieces_and_gives_the_same_digest(tmp_path):
    image = Image.effect_noise((2600, 2600), 90).convert("RGB")
    path = tmp_path / "large.tif"
    image.save(path, "TIFF")
    assert path.stat().st_size > HELD + CHUNK
    with opened(bytes(path)) as file:
        pieces = [len(piece) for piece in file.source.chunks(0, file.source.size)]
        assert max(pieces) <= CHUNK
        assert file.source.at(file.source.size, 1) == b""
        assert digest(file.source) == of(path.read_bytes())


def test_a_mark_across_the_edge_of_two_pieces_is_found(tmp_path):
    path = tmp_path / "edge"
    path.write_bytes(b"\0" * (HELD + CHUNK - 1) + b"\xff\xd9" + b"\0" * 10)
    with opened(bytes(path)) as file:
        assert file.source.find(b"\xff\xd9", HELD) == HELD + CHUNK - 1
        assert file.source.find(b"\xff\xd8", 0) == -1
