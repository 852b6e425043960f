"""Whatever bytes a file holds: taking it apart never fails, and decoding it fails only with PhotoError."""

import io
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as some

from metadata.container import dissect
from metadata.digest import SIZE, digest
from metadata.errors import PhotoError
from metadata.facts import read_facts
from metadata.source import Source
from models.image import decode

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "HEIF", "DNG")


@cache
def seed(name):
    import pillow_heif
    from PIL import Image

    from watcher.sample import SHOTS, dng, exif

    image, file = Image.radial_gradient("L").resize((48, 32)).convert("RGB"), io.BytesIO()
    if name == "DNG":
        return dng(image, SHOTS["suva"])
    if name == "HEIF":
        pillow_heif.from_pillow(image).save(file, exif=exif(SHOTS["suva"]))
    else:
        image.save(file, name, **({} if name == "GIF" else {"exif": exif(SHOTS["suva"])}))
    return file.getvalue()


@some.composite
def broken(draw, name):
    data = bytearray(seed(name))
    for _ in range(draw(some.integers(1, 12))):
        place = draw(some.integers(0, min(len(data) - 1, 700)) | some.integers(0, len(data) - 1))
        data[place] = draw(some.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | some.integers(0, 255))
    return bytes(data[: draw(some.just(len(data)) | some.integers(1, len(data)))])


@pytest.mark.parametrize("name", FORMATS)
def test_a_broken_file_has_facts_and_a_digest_and_fails_plainly(name):
    @given(data=broken(name))
    def holds(data):
        source = Source(data)
        facts = read_facts(source)
        assert len(digest(source)) == SIZE
        try:
            image = decode(source, facts, 64, path=b"x", budget=10**6)
        except PhotoError:
            return
        assert image.mode == "RGB"
        assert max(image.size) <= 64

    holds()


@given(
    data=some.binary(max_size=300),
    head=some.sampled_from((b"", b"\xff\xd8\xff", b"II*\0", b"MM\0+", b"\0\0\0\x18ftypheic", b"GIF89a")),
)
def test_garbage_has_facts_and_a_digest(data, head):
    source = Source(head + data)
    assert dissect(source) is not None
    assert read_facts(source).orientation in range(1, 9)
    assert len(digest(source)) == SIZE
