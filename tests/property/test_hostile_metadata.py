"""Whatever a photo's metadata holds: reading it never fails, and a seed is made whole or refused."""

import io
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as some

from metadata.container import dissect
from metadata.embedded import Embedded, read_embedded
from metadata.errors import Refused
from metadata.iptc import read_iptc
from metadata.seed import seed
from metadata.source import Source
from metadata.xmp_read import parse
from metadata.xmp_seen import seen
from tests.with_metadata import (
    FORMATS,
    RDF,
    caption,
    exif_block,
    extension,
    iim,
    jpeg,
    listed,
    packet,
    photo,
    photoshop,
    tiff,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIGNS = some.text(some.characters(exclude_categories=("Cs",)), max_size=30)


@cache
def whole():
    """A JPEG with everything in it, small enough to be cut at each of its bytes."""
    more = f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:a="a:" a:b="c"/></rdf:RDF>'
    guid, parts = extension(more.encode(), size=60)
    inside = listed("dc:subject", "cat", "Zürich") + caption("X") + "<xmp:Rating>3</xmp:Rating>"
    return jpeg(
        packet(inside, f'xmpNote:HasExtendedXMP="{guid}"', padding=20),
        extended=parts,
        resources=photoshop(iim((25, "cat"), (25, "Oslo"), (120, "Y")), b""),
        exif=exif_block(
            {270: (2, b"Text of EXIF\0"), 40094: (1, "a;b\0".encode("utf-16-le"))}, b"UNICODE\0a\0b\0"
        ),
    )


def sown(data):
    """What every reader of it says; the seed is parsed again and says what it promises."""
    found = read_embedded(Source(data), path=b"photo")
    assert isinstance(found, Embedded)
    for steer in (True, False):
        try:
            made = seed(found, steer=steer, now=NOW, path=b"photo.xmp")
        except Refused:
            continue
        if made is not None:
            again = seen(parse(made.data, b"photo.xmp"))
            assert again.lists == made.seen.lists
            assert again.texts == made.seen.texts


def test_a_photo_cut_at_any_byte_is_read_or_refused():
    data = whole()
    end = data.index(b"\xff\xdb")  # where the picture begins
    for length in range(end + 2):
        sown(data[:length])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_photo_of_any_format_cut_anywhere_is_read_or_refused(kind):
    data = photo(kind, packet(listed("dc:subject", "cat"), padding=20))
    for length in range(0, len(data), 7):
        sown(data[:length])


@given(some.data())
def test_bytes_that_flip_break_nothing(data):
    content = bytearray(whole())
    for _ in range(data.draw(some.integers(1, 20))):
        place = data.draw(some.integers(0, len(content) - 1))
        content[place] = data.draw(some.integers(0, 255))
    sown(bytes(content))


@given(some.binary(max_size=300), some.sampled_from(["resources", "iim", "packet", "extended"]))
def test_garbage_in_a_place_of_metadata_breaks_nothing(garbage, place):
    if place == "resources":
        sown(jpeg(resources=garbage))
    elif place == "iim":
        found = read_iptc(dissect(Source(tiff({33723: (7, b"\x1c\x02" + garbage)}))))
        assert all(isinstance(value, str) for values in found.values.values() for value in values)
    elif place == "packet":
        sown(jpeg(b"<x:xmpmeta" + garbage))
    else:
        sown(jpeg(packet(attributes=f'xmpNote:HasExtendedXMP="{"A" * 32}"'), extended=[b"A" * 32 + garbage]))


@given(some.lists(SIGNS, max_size=8), SIGNS, SIGNS)
def test_words_of_iptc_come_out_of_the_seed_as_they_went_in(words, text, title):
    block = iim(*((25, word) for word in words), (120, text), (5, title))
    found = read_embedded(Source(jpeg(resources=photoshop(block))), path=b"photo")
    made = seed(found, steer=False, now=NOW, path=b"photo.xmp")
    if made is None:
        return
    said = seen(parse(made.data, b"photo.xmp"))
    assert said.lists.get("dc:subject", ()) == made.seen.lists.get("dc:subject", ())
    kept = [word for word in words if word.isprintable() and word.strip() == word and word]
    folded = {word.casefold() for word in said.lists.get("dc:subject", ())}
    assert all(word.casefold() in folded for word in kept if word.isascii() and "," not in word)


def test_ten_thousand_keywords_are_read_and_copied():
    words = [f"keyword {number}" for number in range(10_000)]
    found = read_embedded(Source(photo("WEBP", packet(listed("dc:subject", *words)))), path=b"photo")
    made = seed(found, steer=False, now=NOW, path=b"photo.xmp")
    assert len(made.seen.lists["digiKam:TagsList"]) == 10_000


def test_a_packet_that_unpacks_to_much_is_not_unpacked_without_end():
    file = io.BytesIO(photo("PNG packed", b"<x:xmpmeta>" + b" " * 100_000_000))
    assert len(file.getvalue()) < 200_000
    found = read_embedded(Source(file.getvalue()), path=b"photo")
    assert found.fault is not None
    assert len(found.packet) <= 16 * 2**20
