"""IPTC is read from Photoshop's resources and from TIFF's own tag, in the characters it is written in."""

import struct

import pytest

from metadata.container import dissect
from metadata.iptc import Iptc, read_iptc
from metadata.source import Source
from tests.with_metadata import dataset, iim, jpeg, photoshop, resource, tiff

BLOCK = iim((25, "Zürich"), (25, "cat"), (120, "Ein Bild"), (5, "Title"), (80, "Ann"), (116, "© me"), (90, "Oslo"))


def read(data):
    return read_iptc(dissect(Source(data)))


def test_every_data_set_has_its_name():
    numbers = {5: "title", 25: "keywords", 80: "creator", 90: "city", 92: "location", 95: "state", 100: "code"}
    numbers |= {101: "country", 105: "headline", 116: "rights", 120: "caption"}
    block = iim(*((number, name.upper()) for number, name in numbers.items()))
    assert read(jpeg(resources=photoshop(block))).values == {name: (name.upper(),) for name in numbers.values()}


def test_keywords_stand_in_their_order():
    found = read(jpeg(resources=photoshop(BLOCK)))
    assert found.values["keywords"] == ("Zürich", "cat")
    assert found.first("caption") == "Ein Bild"
    assert found.first("headline") == ""
    assert found.raw == BLOCK


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 4, 7])
def test_a_tiff_keeps_it_in_a_tag_of_any_type(order, kind):
    data = BLOCK.ljust(-(-len(BLOCK) // 4) * 4, b"\0")
    if kind == 4 and order == "<":  # written as numbers, each of which a little-endian file turns round
        data = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    assert read(tiff({33723: (kind, data)}, order)).values == read(jpeg(resources=photoshop(BLOCK))).values


def test_a_tiff_may_keep_it_among_photoshop_s_resources_too():
    assert read(tiff({34377: (7, photoshop(BLOCK))})).values["keywords"] == ("Zürich", "cat")


@pytest.mark.parametrize("charset", [b"\x1b%G", b"\x1b%/I", b"", b"\x1b.A", b"\x1b(B"])
def test_words_are_read_in_the_characters_they_are_written_in(charset):
    codec = "utf-8" if b"%" in charset else "latin-1"
    mark = dataset(1, 90, charset) if charset else b""
    block = mark + dataset(2, 25, "Zürich ß".encode(codec))
    assert read(jpeg(resources=photoshop(block))).values["keywords"] == ("Zürich ß",)


def test_utf_8_without_its_mark_is_known_by_its_bytes():
    block = dataset(2, 25, "Zürich 東京".encode())
    assert read(jpeg(resources=photoshop(block))).values["keywords"] == ("Zürich 東京",)


def test_a_word_cut_within_a_sign_does_not_make_the_others_unreadable():
    cut = ("a" + "é" * 40).encode()[:64]
    block = dataset(2, 25, "Zürich".encode()) + dataset(2, 25, cut)
    assert read(jpeg(resources=photoshop(block))).values["keywords"] == ("Zürich", "a" + "é" * 31 + "\ufffd")


def test_a_long_value_has_a_longer_length():
    assert read(jpeg(resources=photoshop(iim((120, "x" * 40_000))))).first("caption") == "x" * 40_000


@pytest.mark.parametrize(
    ("digest", "synced"), [(None, True), (b"0" * 16, False), (b"", False)], ids=["fits", "differs", "absent"]
)
def test_photoshop_s_digest_says_whether_xmp_speaks_for_it(digest, synced):
    assert read(jpeg(resources=photoshop(BLOCK, digest))).synced is synced


def test_values_without_a_sign_in_them_are_none():
    assert read(jpeg(resources=photoshop(iim((25, " "), (25, ""), (90, b"Oslo\0"))))).values == {"city": ("Oslo",)}


@pytest.mark.parametrize(
    "resources",
    [b"", b"8BIM", b"8BIM\4\4", resource(0x0404, b""), resource(0x0404, b"garbage"), b"8BIM" + b"\xff" * 40],
)
def test_what_is_no_iptc_says_nothing(resources):
    found = read(jpeg(resources=resources))
    assert found.values == {}
    assert found == Iptc(raw=found.raw)


def test_a_length_beyond_the_end_gives_what_is_there():
    block = iim((25, "cat"))[:-3] + b"c"
    assert read(jpeg(resources=photoshop(block))).values["keywords"] == ("c",)
    assert read(jpeg(resources=photoshop(b"\x1c\x02\x19" + struct.pack(">H", 0x8005) + b"x"))).values == {}
