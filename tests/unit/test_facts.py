"""What EXIF says, read by our own reader; written by Pillow, and by hand where Pillow would not."""

import io
import struct
from datetime import datetime

import pytest
from PIL import Image

from metadata.container import dissect
from metadata.facts import located, parse_date, parse_offset, read_facts
from metadata.source import Source


def facts_of(data, **settings):
    return read_facts(Source(data), **settings)


def jpeg(*, ifd0=None, exif=None, gps=None, xmp=None):
    block = Image.Exif()
    block.update(ifd0 or {})
    if exif:
        block.get_ifd(34665).update(exif)
    if gps:
        block.get_ifd(34853).update(gps)
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "JPEG", exif=block, **({"xmp": xmp} if xmp else {}))
    return file.getvalue()


MUENSTER = {1: "N", 2: (51.0, 57.0, 45.0), 3: "E", 4: (7.0, 37.0, 32.16)}


def test_a_camera_s_facts_come_out_as_they_went_in():
    facts = facts_of(
        jpeg(
            ifd0={271: "Canon\0", 272: " EOS  5D ", 274: 6, 305: "darktable 5"},
            exif={36867: "2021:05:16 14:05:31", 37521: "25", 36881: "+02:00", 33434: 0.004, 33437: 5.6, 34855: 400,
                  37386: 35.0, 42036: "EF 35mm"},
            gps=MUENSTER,
        )
    )  # fmt: skip
    assert facts.format == "JPEG"
    assert (facts.width, facts.height, facts.orientation, facts.upright) == (40, 30, 6, (30, 40))
    assert (facts.taken, facts.offset) == (datetime(2021, 5, 16, 14, 5, 31, 250000), 120)  # noqa: DTZ001
    assert (facts.make, facts.model, facts.lens, facts.software) == ("Canon", "EOS 5D", "EF 35mm", "darktable 5")
    assert (facts.exposure, facts.aperture, facts.iso, facts.focal) == (0.004, 5.6, 400, 35.0)
    assert facts.latitude == pytest.approx(51.9625)
    assert facts.longitude == pytest.approx(7.6256)


def test_south_and_west_are_negative():
    facts = facts_of(jpeg(gps={**MUENSTER, 1: "S", 3: "W"}))
    assert (facts.latitude, facts.longitude) == (pytest.approx(-51.9625), pytest.approx(-7.6256))


def test_without_a_hemisphere_there_is_no_position():
    facts = facts_of(jpeg(gps={2: MUENSTER[2], 4: MUENSTER[4]}))
    assert (facts.latitude, facts.longitude) == (None, None)


@pytest.mark.parametrize(
    "pair", [(0.0, 0.0), (91.0, 5.0), (5.0, 181.0), (float("nan"), 5.0), (None, 5.0), (float("inf"), 1.0)]
)
def test_a_position_that_is_none_is_none(pair):
    assert located(*pair) == (None, None)


@pytest.mark.parametrize("pair", [(0.0, 7.0), (7.0, 0.0), (90.0, 180.0), (-90.0, -180.0)])
def test_a_position_on_the_rim_is_one(pair):
    assert located(*pair) == pair


@pytest.mark.parametrize(
    "value",
    [
        "0000:00:00 00:00:00",
        "1825:12:31 23:59:59",
        "2021:02:30 10:00:00",
        "2021:01:01 25:00:00",
        "    :  :  ",
        "",
        None,
        "x" * 50,
    ],
)
def test_a_day_that_never_was_is_none(value):
    assert parse_date(value) is None


def test_a_date_may_lack_its_seconds_or_use_other_signs():
    assert parse_date("2021-05-16T14:05") == datetime(2021, 5, 16, 14, 5)  # noqa: DTZ001
    assert parse_date("1826:01:01 00:00:00") == datetime(1826, 1, 1)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "minutes"),
    [("+02:00", 120), ("-03:30", -210), ("Z", 0), ("+05:45", 345), ("+14:00", 840), ("+14:15", None),
     ("-12:15", None), ("", None), (None, None), ("+2", None), ("+02:75", None)],
)  # fmt: skip
def test_an_offset_is_one_that_clocks_use(value, minutes):
    assert parse_offset(value) == minutes


def satellite(clock, day="2021:05:16"):
    return facts_of(jpeg(exif={36867: "2021:05:16 14:05:31"}, gps={29: day, 7: clock})).offset


def test_gps_time_gives_the_zone_to_the_quarter_of_an_hour():
    assert satellite((12.0, 3.0, 0.0)) == 120
    assert satellite((8.0, 22.0, 0.0)) == 345
    assert satellite((23.0, 5.0, 0.0), day="2021:05:15") is None  # 15 hours: nobody's clock


def test_an_offset_that_is_written_beats_gps_time():
    data = jpeg(exif={36867: "2021:05:16 14:05:31", 36881: "+01:00"}, gps={29: "2021:05:16", 7: (12.0, 5.0, 31.0)})
    assert facts_of(data).offset == 60


def test_the_digitised_date_stands_in_for_a_missing_original():
    assert facts_of(jpeg(exif={36868: "2001:01:02 03:04:05"})).taken == datetime(2001, 1, 2, 3, 4, 5)  # noqa: DTZ001
    data = jpeg(exif={36867: "0000:00:00 00:00:00", 36868: "2001:01:02 03:04:05"})
    assert facts_of(data).taken == datetime(2001, 1, 2, 3, 4, 5)  # noqa: DTZ001


def raw_exif(kind, tag, value, *, pointer=34665):
    """An EXIF block with one tag of eight bytes in its EXIF directory, byte for byte."""
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<HHHII", 1, pointer, 4, 1, 26) + b"\0" * 4
    body = struct.pack("<HHHII", 1, tag, kind, len(value) // (8 if kind == 5 else 1), 44) + b"\0" * 4
    block = b"Exif\0\0" + head + body + value
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg()[2:]


def test_a_zero_denominator_says_nothing():
    assert facts_of(raw_exif(5, 33434, struct.pack("<II", 1, 250))).exposure == 0.004
    assert facts_of(raw_exif(5, 33434, struct.pack("<II", 1, 0))).exposure is None


@pytest.mark.parametrize(
    ("value", "comment"),
    [(b"ASCII\0\0\0Screenshot\0\0", "Screenshot"), (b"UNICODE\0" + "Bild".encode("utf-16-le"), "Bild"),
     (b"UNICODE\0" + "Bild".encode("utf-16-be"), "Bild"), (b"\0" * 8 + b"plain", "plain"),
     (b"no prefix", "no prefix"),
     (b"ASCII\0\0\0" + b" " * 20, None)],
)  # fmt: skip
def test_a_comment_is_read_in_the_characters_it_names(value, comment):
    assert facts_of(raw_exif(7, 37510, value)).comment == comment


def test_text_loses_control_characters_and_reads_latin_1_where_it_is_no_utf_8():
    block = Image.Exif()
    block[271] = b"Ko\x01nica\xfc\0rest"
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=block)
    assert facts_of(file.getvalue()).make == "Ko nicaü"


def test_a_panorama_says_so_in_xmp():
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description GPano:UsePanoramaViewer="True"/></x:xmpmeta>'
    assert facts_of(jpeg(xmp=packet)).panorama
    assert not facts_of(jpeg(xmp=packet.replace(b"True", b"False"))).panorama


def test_every_format_gives_the_same_facts():
    import pillow_heif

    from watcher.sample import SHOTS, exif

    image, block, expected = Image.new("RGB", (64, 48), "teal"), exif(SHOTS["kathmandu"]), SHOTS["kathmandu"]
    for name in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"):
        file = io.BytesIO()
        if name == "HEIF":
            pillow_heif.from_pillow(image).save(file, exif=block)
        else:
            image.save(file, name, exif=block)
        facts = facts_of(file.getvalue())
        assert (facts.format, facts.width, facts.height) == (name, 64, 48)
        assert (facts.taken, facts.offset, facts.model) == (expected.taken, expected.offset, "EX-1"), name
        assert facts.latitude == pytest.approx(expected.latitude, abs=1e-5), name


def test_rare_formats_ask_the_reader_they_are_given():
    told = {"Make": "SIGMA", "DateTimeOriginal": "2010:02:03 04:05:06", "GPSLatitude": "51.5",
            "GPSLongitude": "7.5",
            "ISO": "100", "ImageWidth": "2640", "ImageHeight": "1760", "Orientation": "9"}  # fmt: skip
    asked = []
    facts = facts_of(b"FOVb" + b"\0" * 100, path=b"/a.x3f", fallback=lambda path: asked.append(path) or told)
    assert asked == [b"/a.x3f"]
    assert (facts.format, facts.make, facts.latitude, facts.iso, facts.orientation) == (
        "X3F",
        "SIGMA",
        51.5,
        100,
        1,
    )
    assert facts.upright == (2640, 1760)


def test_common_formats_do_not_ask_it():
    def never(_):
        raise AssertionError

    assert facts_of(jpeg(), fallback=never).format == "JPEG"


def test_what_is_no_picture_has_no_format():
    assert facts_of(b"hello").format == ""
    assert dissect(Source(b"\xff\xd8\xff")).format == "JPEG"
