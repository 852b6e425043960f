"""What a photo holds in three languages is one answer, and its digest changes with all of them."""

import pytest

from metadata.container import dissect
from metadata.embedded import glance, read_embedded
from metadata.errors import PhotoError
from metadata.inside import look
from metadata.source import HEAD, Source
from tests.with_metadata import (
    FORMATS,
    caption,
    exif_block,
    extension,
    iim,
    jpeg,
    listed,
    packet,
    photo,
    photoshop,
)

XP = {40094: (1, "Cat;dog\0".encode("utf-16-le"))}


def read(data):
    return read_embedded(Source(data), path=b"/p/photo.jpg")


def words(*subject, iptc=(), synced=False, tags=None):
    block = iim(*((25, word) for word in iptc)) if iptc else b""
    resources = photoshop(block, None if synced else b"") if block else b""
    packets = [packet(listed("dc:subject", *subject))] if subject else []
    found = read(jpeg(*packets, resources=resources, exif=exif_block(tags) if tags else b""))
    return found.seen.lists.get("dc:subject")


def test_each_keyword_field_of_the_packet_stands_as_it_is():
    inside = listed("digiKam:TagsList", "a/b", kind="Seq") + listed("lr:hierarchicalSubject", "a|b")
    seen = read(jpeg(packet(inside + listed("dc:subject", "b")))).seen
    assert seen.exists
    assert seen.where == b"/p/photo.jpg"
    assert seen.lists == {
        "digiKam:TagsList": ("a/b",),
        "lr:hierarchicalSubject": ("a|b",),
        "dc:subject": ("b",),
    }


def test_keywords_that_only_iptc_or_windows_holds_follow_those_of_the_packet():
    assert words("cat", "zoo", iptc=("Zürich", "cat"), tags=XP) == ("cat", "zoo", "Zürich", "dog")
    assert words(iptc=("Zürich",)) == ("Zürich",)
    assert words(tags=XP) == ("Cat", "dog")
    assert words() is None


def test_where_xmp_and_iptc_were_written_together_xmp_speaks_for_both():
    assert words("cat", iptc=("cat", "dog"), synced=True) == ("cat",)
    assert words(iptc=("cat", "dog"), synced=True) == ("cat", "dog")


def test_a_keyword_that_iptc_cut_is_the_longer_one():
    long = "a very long keyword, " + "é" * 40
    cut = long.encode()[:64]
    assert words(long, iptc=(cut,)) == (long,)
    assert words("other", iptc=(cut,)) == ("other", cut.decode(errors="ignore"))


def test_one_windows_keyword_that_holds_all_others_is_no_word():
    assert words("cat", "dog", tags={40094: (1, "cat,dog\0".encode("utf-16-le"))}) == ("cat", "dog")


@pytest.mark.parametrize(
    ("packets", "description", "block", "expected"),
    [
        ([packet(caption("X"))], b"E\0", ((120, "I"),), "X"),
        ([], b"E\0", ((120, "I"),), "E"),
        ([], b"OLYMPUS DIGITAL CAMERA \0", ((120, "I"),), "I"),
        ([], b"OLYMPUS DIGITAL CAMERA \0", (), None),
        ([packet()], b"\0\0", ((120, "I"),), "I"),
    ],
)
def test_a_caption_is_xmp_s_then_exif_s_then_iptc_s(packets, description, block, expected):
    resources = photoshop(iim(*block)) if block else b""
    found = read(jpeg(*packets, resources=resources, exif=exif_block({270: (2, description)})))
    assert found.seen.texts.get("dc:description") == expected


def test_titles_and_places_come_from_iptc_where_the_packet_has_none():
    block = iim((5, "Title"), (90, "Oslo"), (95, "Oslo fylke"), (101, "Norge"), (100, "NOR"), (92, "Havn"))
    seen = read(jpeg(packet("<photoshop:City>Bergen</photoshop:City>"), resources=photoshop(block))).seen
    assert seen.texts == {
        "dc:title": "Title",
        "photoshop:City": "Bergen",
        "photoshop:State": "Oslo fylke",
        "photoshop:Country": "Norge",
        "Iptc4xmpCore:CountryCode": "NOR",
        "Iptc4xmpCore:Location": "Havn",
    }


def test_programs_people_and_provenance_are_the_packet_s():
    inside = (
        "<crs:Exposure2012>+0.50</crs:Exposure2012>"
        '<Iptc4xmpExt:PersonInImage xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        "<rdf:Bag><rdf:li>Ann</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>"
    )
    seen = read(jpeg(packet(inside))).seen
    assert seen.programs == {"Camera Raw"}
    assert seen.people == {"Ann"}
    assert seen.claimed is None


def test_the_digest_changes_with_xmp_iptc_and_exif_and_with_nothing_else():
    def of(inside="", block=((25, "cat"),), text=b"E\0", tail=b""):
        data = jpeg(packet(inside), resources=photoshop(iim(*block)), exif=exif_block({270: (2, text)}))
        return read(data + tail).seen.digest

    assert of() == of() == of(tail=b"more")
    changed = [of(), of("<xmp:Rating>3</xmp:Rating>"), of(block=((25, "dog"),)), of(text=b"F\0")]
    assert len(set(changed)) == 4
    assert read(jpeg()).seen.digest == b""


@pytest.mark.parametrize("bad", [b"<x:xmpmeta", b"<!DOCTYPE a><a/>", b"\xff\xfe\xfd", packet()[:300]])
def test_a_packet_that_cannot_be_read_is_a_fault_and_the_rest_is_read(bad):
    found = read(jpeg(bad, resources=photoshop(iim((25, "cat")))))
    assert found.fault is not None
    assert found.document is None
    assert found.seen.lists == {"dc:subject": ("cat",)}


def test_what_is_no_photo_holds_nothing():
    found = read(b"garbage")
    assert (found.seen.lists, found.seen.texts, found.fault, found.packet) == ({}, {}, None, None)


def test_a_glance_says_what_reading_everything_says(tmp_path):
    data = jpeg(packet(listed("dc:subject", "cat")), exif=exif_block({271: (2, b"Canon\0"), 274: (3, b"\6\0")}))
    path = tmp_path / "photo.jpg"
    path.write_bytes(data + bytes(2 * HEAD))
    embedded, facts = glance(bytes(path))
    assert embedded.seen.lists == {"dc:subject": ("cat",)}
    assert (facts.make, facts.orientation, facts.width) == ("Canon", 6, 32)
    whole = read_embedded(Source(data), dissect(Source(data)), path=bytes(path))
    assert whole.seen == embedded.seen


def test_a_glance_at_no_file_is_the_photo_s_fault(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"")
    with pytest.raises(PhotoError):
        glance(bytes(path))


def test_a_file_taken_apart_without_its_picture_does_not_pretend_to_know_it():
    data = jpeg(packet())
    assert dissect(Source(data), picture=False).image == []
    assert dissect(Source(data), picture=False).packets == dissect(Source(data)).packets


@pytest.mark.parametrize("kind", [*FORMATS, "all three", "extended"])
def test_reading_to_write_says_what_reading_to_look_says(kind, tmp_path):
    inside = listed("dc:subject", "cat") + listed("lr:hierarchicalSubject", "animals|cat")
    if kind == "all three":
        exif = exif_block({270: (2, b"E\0"), 315: (2, b"Ute\0"), **XP}, comment=b"ASCII\0\0\0said")
        data = jpeg(packet(inside), resources=photoshop(iim((25, "dog"), (5, "Title"))), exif=exif)
    elif kind == "extended":
        guid, parts = extension(packet("<crs:Exposure2012>1</crs:Exposure2012>", padding=0))
        data = jpeg(packet(inside, f'xmpNote:HasExtendedXMP="{guid}"'), extended=parts)
    else:
        data = photo(kind, packet(inside))
    path = tmp_path / "photo"
    path.write_bytes(data)
    embedded, _ = glance(bytes(path))
    found = look(bytes(path), image=True)
    assert found.seen == embedded.seen
    assert found.seen.digest == embedded.seen.digest == found.content.digest
    assert found.seen.lists["lr:hierarchicalSubject"] == ("animals|cat",)
    assert found.seen.programs == ({"Camera Raw"} if kind == "extended" else frozenset())


def test_the_digest_changes_with_what_is_read_and_never_written():
    def of(artist=b"Ute\0", comment=b"ASCII\0\0\0said", extended=()):
        data = jpeg(packet(), exif=exif_block({315: (2, artist)}, comment=comment), extended=extended)
        return read(data).seen.digest

    _, parts = extension(packet("<crs:Exposure2012>1</crs:Exposure2012>", padding=0))
    assert len({of(), of(artist=b"Uta\0"), of(comment=b"ASCII\0\0\0told"), of(extended=parts)}) == 4
