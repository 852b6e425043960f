"""A new sidecar begins as a copy of what the photo says, and hides nothing from any program."""

from datetime import UTC, datetime

import pytest

from metadata import files
from metadata.embedded import read_embedded
from metadata.errors import Refused
from metadata.seed import seed
from metadata.source import Source
from metadata.steering import steers
from metadata.xmp_names import GLUE
from metadata.xmp_read import parse
from metadata.xmp_seen import seen
from tests.with_metadata import caption, exif_block, extension, iim, jpeg, listed, packet, photoshop

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PATH = b"/p/photo.jpg.xmp"
STEERING = (
    "<exif:DateTimeOriginal>2001-02-03T04:05:06</exif:DateTimeOriginal>\n"
    "<exif:GPSLatitude>48,30.0N</exif:GPSLatitude><photoshop:DateCreated>2001-02-03</photoshop:DateCreated>\n"
)
STEERING_ATTRIBUTES = 'xmp:CreateDate="2001-02-03" tiff:Orientation="6" xmp:Rating="4" exif:GPSLongitude="9,0E"'
KEPT = "<crs:History>develop</crs:History><xmp:ModifyDate>2002-02-02T02:02:02Z</xmp:ModifyDate>"


def sown(*packets, steer=True, **options):
    found = read_embedded(Source(jpeg(*packets, **options)), path=b"/p/photo.jpg")
    return seed(found, steer=steer, now=NOW, path=PATH)


def body(data):
    return data[data.index(b"<x:xmpmeta") : data.index(b"</x:xmpmeta>")]


def test_a_packet_that_lacks_nothing_is_copied_byte_for_byte():
    inside = KEPT + caption("A cat") + "<dc:title>x</dc:title><!-- a comment -->"
    original = packet(inside)
    found = sown(original)
    assert body(found.data) == body(original)
    assert found.packet == files.digest(original)
    assert (found.seeded, found.left) == ({}, ())


def test_padding_goes_and_a_read_only_packet_becomes_writable():
    found = sown(packet(KEPT, padding=2000, end="r"))
    assert found.data.endswith(b'</x:xmpmeta>\n<?xpacket end="w"?>\n')
    assert len(found.data) < len(packet(KEPT)) - 1900


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_packet_in_utf_16_becomes_utf_8_which_all_programs_read(codec):
    found = sown(packet(listed("dc:subject", "Zürich")).decode().encode(codec))
    assert found.data.startswith(b"<?xpacket begin")
    assert found.seen.lists["dc:subject"] == ("Zürich",)


@pytest.mark.parametrize("head", ["", '<?xml version="1.0" encoding="UTF-8"?>\n', "\ufeff", "\n\n"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_every_form_of_a_packet_becomes_one_that_exiv2_takes(head, wrapped):
    whole = packet(listed("dc:subject", "cat")).decode()
    inner = whole[whole.index("<x:xmpmeta") : whole.index("<?xpacket end")]
    if not wrapped:
        inner = inner[inner.index("<rdf:RDF") : inner.index("</x:xmpmeta>")]
    found = sown((head + inner).encode())
    start = found.data.removeprefix(head.encode() if head.startswith("<?xml") else b"")
    assert start.startswith((b"<?xpacket begin", b"<x:xmpmeta"))
    assert found.seen.lists["dc:subject"] == ("cat",)


def test_what_follows_the_packet_as_filling_is_no_part_of_it():
    assert sown(packet(KEPT) + b"\n\0 \0 \0").data.endswith(b'<?xpacket end="w"?>\n')


def test_what_steers_immich_stays_out_where_it_may_read_the_sidecar():
    original = packet(STEERING + KEPT, STEERING_ATTRIBUTES)
    found = sown(original, steer=False)
    names = {name.split(GLUE)[1] for name in found.left}
    assert names == {
        *("DateTimeOriginal", "GPSLatitude", "DateCreated", "CreateDate", "Orientation", "Rating", "GPSLongitude")
    }
    for name in names:
        assert name.encode() not in found.data
    assert b"<crs:History>develop</crs:History>" in found.data
    assert b"<xmp:ModifyDate>2002-02-02T02:02:02Z</xmp:ModifyDate>" in found.data


def test_what_steers_immich_is_copied_where_it_never_reads_the_sidecar():
    original = packet(STEERING + KEPT, STEERING_ATTRIBUTES)
    assert body(sown(original).data) == body(original)


@pytest.mark.parametrize(
    ("uri", "local", "expected"),
    [
        ("http://ns.adobe.com/xap/1.0/", "CreateDate", True),
        ("http://ns.adobe.com/exif/1.0/", "GPSTimeStamp", True),
        ("http://ns.adobe.com/pdf/1.3/", "CreationDate", True),
        ("http://ns.acdsee.com/iptc/1.0/", "rating", True),
        ("urn:unknown", "dateTimeOriginal", True),
        ("http://cipa.jp/exif/1.0/", "OffsetTimeOriginal", True),
        ("http://ns.adobe.com/photoshop/1.0/", "DateCreated", True),
        ("http://ns.adobe.com/xap/1.0/", "ModifyDate", False),
        ("http://ns.adobe.com/xap/1.0/", "MetadataDate", False),
        ("http://ns.microsoft.com/photo/1.0", "Rating", False),
        ("http://ns.microsoft.com/photo/1.0/", "Rating", False),
        ("http://purl.org/dc/elements/1.1/", "date", False),
        ("urn:unknown", "DateCreated", False),
    ],
)
def test_what_steers_is_known_by_the_name_that_exiftool_gives_it(uri, local, expected):
    assert steers(f"{uri}{GLUE}{local}") is expected


def test_what_only_iptc_and_exif_hold_is_added():
    block = iim(
        *((25, "cat"), (120, "I"), (5, "Title"), (80, "Ann"), (80, "Bob"), (90, "Oslo"), (105, "Head <&>")),
        *((20, "one"), (20, "two"), (110, "Agency")),
    )
    exif = exif_block({270: (2, b"E\0"), 33432: (2, b"(c) me\0"), 18246: (3, b"\3\0")})
    found = sown(packet(KEPT), resources=photoshop(block), exif=exif)
    assert found.seen.texts == {"dc:description": "E", "dc:title": "Title", "photoshop:City": "Oslo"}
    assert found.seeded == {
        "dc:creator": ("Ann", "Bob"),
        "dc:rights": ("(c) me",),
        "xmp:Rating": ("3",),
        "photoshop:Headline": ("Head <&>",),
        "photoshop:SupplementalCategories": ("one", "two"),
        "photoshop:Credit": ("Agency",),
        "digiKam:TagsList": ("cat",),
        "lr:hierarchicalSubject": ("cat",),
        "dc:subject": ("cat",),
        "dc:description": ("E",),
        "dc:title": ("Title",),
        "photoshop:City": ("Oslo",),
    }
    assert b"Head &lt;&amp;&gt;" in found.data
    assert KEPT.split("<xmp:Mod", maxsplit=1)[0].encode() in found.data


def test_what_the_packet_says_is_never_overruled():
    inside = caption("X") + listed("dc:creator", "Xavier", kind="Seq") + "<photoshop:City>Xanten</photoshop:City>"
    block = iim((120, "I"), (80, "Ann"), (90, "Oslo"))
    found = sown(packet(inside, 'photoshop:Headline=""'), resources=photoshop(block))
    assert body(found.data) == body(packet(inside, 'photoshop:Headline=""'))


def test_stars_stay_out_where_immich_may_read_the_sidecar():
    exif = exif_block({18246: (3, b"\3\0"), 315: (2, b"Ann\0")})
    assert "xmp:Rating" not in sown(packet(), steer=False, exif=exif).seeded
    assert sown(packet(), steer=True, exif=exif).seeded["xmp:Rating"] == ("3",)


def test_a_photo_without_a_packet_gets_one_that_says_the_same():
    found = sown(resources=photoshop(iim((25, "Zürich"), (120, "I"))))
    assert found.data.startswith('<?xpacket begin="\ufeff" id='.encode())
    assert found.packet == b""
    assert found.seen.lists["dc:subject"] == ("Zürich",)
    assert found.seen.texts == {"dc:description": "I"}
    assert seen(parse(found.data, PATH)).lists == found.seen.lists


def test_a_photo_that_says_nothing_has_no_seed():
    assert sown() is None
    assert sown(exif=exif_block({271: (2, b"Canon\0")})) is None


def test_a_list_that_is_read_first_gets_every_word_of_those_read_after_it():
    inside = listed("lr:hierarchicalSubject", "animals|cat", "AC/DC|live") + listed(
        "dc:subject", "cat", "live", "zoo"
    )
    found = sown(packet(inside), resources=photoshop(iim((25, "iptc word")), b""))
    assert found.seen.lists == {
        "digiKam:TagsList": ("animals/cat", "AC|DC/live", "zoo", "iptc word"),
        "lr:hierarchicalSubject": ("animals|cat", "AC/DC|live"),
        "dc:subject": ("cat", "live", "zoo", "iptc word"),
    }


def test_darktable_s_list_gets_the_paths_of_digikam_s():
    inside = listed("digiKam:TagsList", "a/b", "c", kind="Seq") + listed("dc:subject", "b", "d")
    assert sown(packet(inside)).seen.lists["lr:hierarchicalSubject"] == ("a|b", "c", "d")


def test_the_words_of_microsoft_media_pro_and_acdsee_are_not_hidden():
    tree = (
        '&lt;Categories&gt;&lt;Category Assigned="0"&gt;Places&lt;Category Assigned="1"&gt;Oslo'
        "&lt;/Category&gt;&lt;/Category&gt;&lt;/Categories&gt;"
    )
    inside = (
        listed("MicrosoftPhoto:LastKeywordXMP", "m/n")
        + listed("mediapro:CatalogSets", "p|q")
        + f"<acdsee:categories>{tree}</acdsee:categories>"
        + listed("dc:subject", "Oslo", "flat")
    )
    lists = sown(packet(inside)).seen.lists
    assert lists["digiKam:TagsList"] == ("m/n", "p/q", "Places/Oslo", "flat")
    assert lists["lr:hierarchicalSubject"] == ("m|n", "p|q", "Places|Oslo", "flat")
    assert lists["dc:subject"] == ("Oslo", "flat")


def test_acdsee_s_tree_counts_as_an_attribute_too_and_not_where_it_is_broken():
    tree = "&lt;Categories&gt;&lt;Category Assigned=&quot;1&quot;&gt;Oslo&lt;/Category&gt;&lt;/Categories&gt;"
    lists = sown(packet(attributes=f'acdsee:categories="{tree}"')).seen.lists
    assert lists["digiKam:TagsList"] == ("Oslo",)
    assert sown(packet(attributes='acdsee:categories="&lt;Categories&gt;"')).seen.lists == {}


def test_marks_of_darktable_are_no_words_for_others():
    inside = listed("lr:hierarchicalSubject", "darktable|exported", "a|b")
    assert sown(packet(inside)).seen.lists["digiKam:TagsList"] == ("a/b",)


def test_an_explicit_no_tags_stays_so():
    inside = "<digiKam:TagsList><rdf:Seq><rdf:li/></rdf:Seq></digiKam:TagsList>" + listed("dc:subject", "cat")
    assert sown(packet(inside)).seen.lists["digiKam:TagsList"] == ()


@pytest.mark.parametrize(
    "bad", [packet()[:400], packet("<a:b/>"), packet(attributes='crs:PresetType="Normal"'), b"<!DOCTYPE x><x/>"]
)
def test_a_packet_that_cannot_be_spliced_is_refused_with_its_reason(bad):
    with pytest.raises(Refused, match="not created: the photo's own XMP"):
        sown(bad)


def test_two_packets_are_refused_since_a_copy_of_one_would_hide_the_other():
    with pytest.raises(Refused, match="2 packets"):
        sown(packet(), packet())


def test_extended_xmp_is_part_of_the_copy():
    whole = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Version="9"><crs:Look>much</crs:Look>'
        b"</rdf:Description></rdf:RDF>"
    )
    guid, parts = extension(whole)
    found = sown(packet(KEPT, f'xmpNote:HasExtendedXMP="{guid}"'), extended=parts)
    assert b"<crs:Look>much</crs:Look>" in found.data
    assert b"<crs:History>develop</crs:History>" in found.data
    assert guid.encode() not in found.data


def test_signs_that_xml_cannot_hold_are_left_out_of_what_is_added():
    found = sown(resources=photoshop(iim((25, "c\x01at"), (120, "I\x00\x02I"))))
    assert found.seen.lists["dc:subject"] == ("cat",)
    assert found.seen.texts["dc:description"] == "II"


def test_the_same_photo_gives_the_same_seed():
    options = {"resources": photoshop(iim((25, "cat"))), "steer": False}
    assert sown(packet(STEERING), **options) == sown(packet(STEERING), **options)
