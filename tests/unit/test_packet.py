"""The XMP packet is found in every format, whole and unchanged; several of them are refused."""

import pytest

from metadata.container import dissect
from metadata.digest import digest
from metadata.errors import Refused
from metadata.extended_xmp import joined
from metadata.packet import Packet, read_packet
from metadata.source import Source
from metadata.xmp_seen import seen
from tests.with_metadata import ABOUT, FORMATS, caption, extension, heif, jpeg, listed, packet, photo, png

PACKET = packet(listed("dc:subject", "cat", "Zürich"))
MORE = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><rdf:Description rdf:about="" xmlns:photoshop='
    '"http://ns.adobe.com/photoshop/1.0/" photoshop:City="Oslo">'
    + listed("lr:hierarchicalSubject", "animals|cat")
    + f"<photoshop:History>{'long ' * 300}</photoshop:History></rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()


def read(data):
    return read_packet(dissect(Source(data)), path=b"photo")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_packet_is_read_byte_for_byte_from_every_format(kind):
    assert read(photo(kind, PACKET)) == Packet(PACKET)


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "CR3"])
def test_another_packet_is_the_same_picture(kind):
    other = packet(caption("something else entirely"))
    one, two = (digest(Source(photo(kind, data))) for data in (PACKET, other))
    assert one == two


def test_a_photo_without_a_packet_has_none():
    assert read(jpeg()) is None
    assert read(jpeg(b" \n")) is None
    assert read(b"") is None
    assert read(b"garbage") is None


def test_two_packets_are_refused_because_programs_differ():
    answer = read(jpeg(PACKET, packet()))
    assert isinstance(answer, Refused)
    assert "2 packets" in answer.reason


def test_extended_xmp_is_put_together_in_the_order_of_its_parts():
    guid, parts = extension(MORE)
    assert len(parts) > 2
    main = packet(attributes=f'xmpNote:HasExtendedXMP="{guid}"')
    assert read(jpeg(main, extended=parts[::-1])) == Packet(main, MORE)


@pytest.mark.parametrize("harm", ["a part is missing", "a byte is wrong", "it is another packet's"])
def test_extended_xmp_that_is_not_what_the_packet_says_is_left_out(harm):
    guid, parts = extension(MORE)
    if harm == "a part is missing":
        parts = parts[:-1]
    elif harm == "a byte is wrong":
        parts[1] = parts[1][:-1] + b"?"
    else:
        guid = "0" * 32
    main = packet(attributes=f'xmpNote:HasExtendedXMP="{guid}"')
    assert read(jpeg(main, extended=parts)) == Packet(main)


def test_extended_xmp_and_its_packet_say_one_thing_together():
    guid, parts = extension(MORE)
    main = packet(listed("dc:subject", "cat"), attributes=f'xmpNote:HasExtendedXMP="{guid}"')
    document = joined(read(jpeg(main, extended=parts)), path=b"photo")
    found = seen(document)
    assert found.lists == {"dc:subject": ("cat",), "lr:hierarchicalSubject": ("animals|cat",)}
    assert found.texts == {"photoshop:City": "Oslo"}
    assert b"HasExtendedXMP=" not in document.data
    assert b"<photoshop:History>long long" in document.data


def test_a_packed_text_that_is_no_packing_is_no_packet():
    data = png(PACKET, "PNG packed")
    place = data.index(b"XML:com.adobe.xmp") + 30
    assert read(data[:place] + bytes(40) + data[place + 40 :]) is None


def test_a_text_of_another_name_in_a_png_is_no_packet():
    assert read(png(PACKET).replace(b"XML:com.adobe.xmp", b"XML:com.other.xmp")) is None


def test_of_several_packets_in_a_heic_only_that_of_the_picture_counts():
    data = heif(PACKET, "HEIF")
    assert data.count(b"application/rdf+xml") == 1
    assert read(data.replace(b"application/rdf+xml", b"application/other!!")) is None


def test_more_metadata_than_memory_should_hold_is_refused(monkeypatch):
    monkeypatch.setattr("metadata.container._MOST_KEPT", 1000)
    answer = read(jpeg(PACKET))
    assert isinstance(answer, Refused)
    assert "memory" in answer.reason


def test_a_packet_begins_where_the_format_says_and_not_where_it_looks_like_one():
    data = jpeg(PACKET) + ABOUT.encode() + b"in a trailer"
    assert read(data) == Packet(PACKET)
