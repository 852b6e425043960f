"""What people wrote into EXIF is read as they wrote it, and what cameras write by themselves is no caption."""

import pytest

from metadata.container import dissect
from metadata.exif_text import ExifText, read_exif_text
from metadata.source import Source
from tests.with_metadata import exif_block, jpeg

TAGS = {
    270: (2, "Ein Käfer\nam Weg\0".encode()),
    315: (2, b'Ann; "Smith; Bob"; Ann\0'),
    33432: (2, b"me\0editor\0"),
    18246: (3, b"\4\0"),
    40091: (1, "Title 東\0".encode("utf-16-le")),
    40092: (1, "Remark\0".encode("utf-16-le")),
    40094: (1, "cat; animals;;cat\0".encode("utf-16-le")),
    40095: (1, "Subject\0".encode("utf-16-le")),
}


def read(tags, comment=None, order="<"):
    return read_exif_text(dissect(Source(jpeg(exif=exif_block(tags, comment, order)))))


def test_every_text_is_read():
    found = read(TAGS)
    assert found.description == "Ein Käfer\nam Weg"
    assert found.creators == ("Ann", "Smith; Bob")
    assert found.rights == "me\neditor"
    assert (found.title, found.remark, found.subject) == ("Title 東", "Remark", "Subject")
    assert found.keywords == ("cat", "animals")
    assert found.rating == 4


def test_latin_1_is_read_where_it_cannot_be_utf_8():
    assert read({270: (2, "Käfer\0".encode("latin-1"))}).description == "Käfer"


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0" + "Grüße".encode(),
        b"ASCII\0\0\0" + "Grüße".encode("latin-1"),
        b"ASCII   " + "Grüße\0garbage".encode(),
        b"UNICODE\0" + "Grüße".encode("utf-16-le"),
        b"UNICODE\0" + "Grüße".encode("utf-16-be"),
        b"UNICODE\0" + "Grüße".encode("utf-16"),
        b"\0" * 8 + "Grüße".encode(),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_comment_is_read_in_the_characters_it_names(comment, order):
    assert read({}, comment, order).comment == "Grüße"


@pytest.mark.parametrize("codec", ["iso2022_jp", "euc_jp", "shift_jis"])
def test_a_japanese_comment_is_read(codec):
    assert read({}, b"JIS\0\0\0\0\0" + "東京タワー".encode(codec)).comment == "東京タワー"


def test_chinese_in_either_byte_order_is_read():
    text = "东京的猫在这里睡觉，很可爱"
    for codec in ("utf-16-le", "utf-16-be"):
        assert read({}, b"UNICODE\0" + text.encode(codec)).comment == text


@pytest.mark.parametrize("comment", [b"", b"ASCII", b"\xff" * 40, b"JIS\0\0\0\0\0\xff\xff\xff", bytes(200)])
def test_a_comment_that_is_no_text_says_nothing(comment):
    assert read({}, comment).comment == ""


@pytest.mark.parametrize("talk", ["OLYMPUS DIGITAL CAMERA", "  Digital Camera ", "SONY DSC", "Created with GIMP"])
def test_what_cameras_write_by_themselves_is_no_caption(talk):
    found = ExifText(description=talk, comment="A cat")
    assert found.caption == "A cat"
    assert ExifText(description=talk, comment=talk).caption == ""


@pytest.mark.parametrize(("stars", "rating"), [(0, 0), (5, 5), (6, None), (99, None)])
def test_stars_are_nought_to_five(stars, rating):
    assert read({18246: (3, bytes([stars, 0]))}).rating == rating


def test_a_photo_without_exif_has_no_texts():
    assert read_exif_text(dissect(Source(jpeg()))) == ExifText()
