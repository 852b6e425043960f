"""Real exiftool and exiv2 beside us: we read what they read, and a seed changes nothing that Immich would take."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metadata.embedded import glance
from metadata.seed import seed
from tests.with_metadata import caption, exif_block, iim, jpeg, listed, packet, photo, photoshop, tiff

EXIFTOOL, EXIV2 = shutil.which("exiftool"), shutil.which("exiv2")
pytestmark = [pytest.mark.real, pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHARED = Path(__file__).parents[2].parent / "shared"
CORPUS = SHARED / "xmp-corpus" / "img"
FILMS = {".mov", ".mp4"}
IMAGES = sorted(path for path in CORPUS.glob("*") if path.suffix.lower() not in FILMS)
TRAILERS = {"029-afcp.jpg"}
"""Holds its IPTC behind the picture, where the Metadata Working Group says that nobody looks."""
on_images = pytest.mark.parametrize("path", IMAGES or [None], ids=lambda path: path.name if path else "absent")


@pytest.fixture(autouse=True)
def _present(request):
    if "path" in request.fixturenames and not IMAGES:
        pytest.skip("the images of other programs are not there")


def exiftool(*words):
    return subprocess.run([EXIFTOOL, *map(str, words)], capture_output=True, check=False).stdout


def told(path, *words):
    found = json.loads(exiftool("-j", *words, path) or b"[{}]", parse_int=str, parse_float=str)[0]
    return {name: value for name, value in found.items() if name != "SourceFile"}


def sown(path, *, steer):
    embedded, _ = glance(bytes(path))
    return seed(embedded, steer=steer, now=NOW, path=bytes(path) + b".xmp")


# Reading


@on_images
def test_the_packet_is_exiftool_s_byte_for_byte(path):
    embedded, _ = glance(bytes(path))
    assert embedded.fault is None
    assert (embedded.packet or b"") == exiftool("-b", "-XMP", path)


IPTC = {
    "keywords": "Keywords",
    "caption": "Caption-Abstract",
    "title": "ObjectName",
    "creator": "By-line",
    "rights": "CopyrightNotice",
    "city": "City",
    "location": "Sub-location",
    "state": "Province-State",
    "code": "Country-PrimaryLocationCode",
    "country": "Country-PrimaryLocationName",
    "headline": "Headline",
    "credit": "Credit",
    "source": "Source",
    "instructions": "SpecialInstructions",
    "position": "By-lineTitle",
    "writer": "Writer-Editor",
    "reference": "OriginalTransmissionReference",
    "category": "Category",
    "categories": "SupplementalCategories",
}
EXIF = {
    "description": "ImageDescription",
    "artist": "Artist",
    "rights": "Copyright",
    "comment": "UserComment",
    "title": "XPTitle",
    "remark": "XPComment",
    "subject": "XPSubject",
}


def same(ours, theirs):
    """exiftool trims what it is asked for as JSON, and gives one value of a list as itself."""
    theirs = theirs if isinstance(theirs, list) else [theirs]
    return [value.strip() for value in ours] == [str(value).strip() for value in theirs if str(value).strip()]


@on_images
def test_iptc_and_exif_say_what_exiftool_says(path):
    embedded, _ = glance(bytes(path))
    expected = told(path, "-IPTC:all") if path.name not in TRAILERS else {}
    for name, tag in IPTC.items():
        assert same(embedded.iptc.values.get(name, ()), expected.get(tag, [])), tag
    expected = told(path, *(f"-EXIF:{tag}" for tag in (*EXIF.values(), "XPKeywords", "Rating")))
    for name, tag in EXIF.items():
        value = str(expected.get(tag, "")).replace("\r", "")
        assert getattr(embedded.exif, name).replace("\r", "").strip() == value.strip(), tag
    assert ";".join(embedded.exif.keywords) == str(expected.get("XPKeywords", ""))
    assert embedded.exif.rating == (int(expected["Rating"]) if "Rating" in expected else None)


@on_images
def test_facts_of_a_glance_are_exiftool_s(path):
    _, facts = glance(bytes(path))
    expected = told(path, "-n", "-EXIF:Make", "-EXIF:Model", "-EXIF:GPSLatitude", "-EXIF:Orientation")
    if path.suffix.lower() in (".jpg", ".tif", ".dng"):
        assert (facts.make or "") == str(expected.get("Make", "")).strip()
        assert (facts.model or "") == str(expected.get("Model", "")).strip()
        assert facts.orientation == int(expected.get("Orientation", 1))


# What Immich would take


DATES = (
    *("SubSecDateTimeOriginal", "SubSecCreateDate", "SubSecMediaCreateDate", "DateTimeOriginal", "CreateDate"),
    *("MediaCreateDate", "CreationDate", "DateTimeCreated", "GPSDateTime", "DateTimeUTC", "SonyDateTime2"),
    "SourceImageCreateTime",
)
ZONES = ("TimeZone", "OffsetTime", "OffsetTimeOriginal", "OffsetTimeDigitized", "TimeZoneOffset")
DATE = re.compile(r"[12]\d{3}:\d\d:\d\d")


def taken(tags):
    return next(((name, tags[name]) for name in DATES if DATE.match(str(tags.get(name, "")))), None)


def zone(tags):
    """Its library's order: the tags of a zone, the place, an offset that a date carries, the satellites' clock."""
    for name in ZONES:
        if tags.get(name):
            return name, tags[name]
    if "GPSLatitude" in tags and "GPSLongitude" in tags:
        return "place", tags["GPSLatitude"], tags["GPSLongitude"]
    for name in DATES:
        offset = re.search(r"(Z|[+-]\d\d:\d\d)$", str(tags.get(name, "")))
        if offset:
            return name, offset[1]
    return tags.get("GPSDateTime"), tags.get("DateTimeUTC")


def immich(media, sidecar):
    """Date, zone, orientation, rating and place, by the precedence of Immich's metadata service (3.1).

    A date in the sidecar drops all dates of the photo; else of each tag the sidecar's value counts.
    """
    media = dict(media)
    if sidecar and taken(sidecar):
        for name in DATES:
            media.pop(name, None)
    merged = {**media, **(sidecar or {})}
    its_zone = zone(sidecar) if sidecar and any(zone(sidecar)) else zone(media)
    place = merged.get("GPSLatitude"), merged.get("GPSLongitude")
    return taken(merged), its_zone, merged.get("Orientation"), merged.get("Rating"), place


def as_immich_reads(path):
    numbers = ("-GPSLatitude#", "-GPSLongitude#", "-Orientation#", "-Rating#")
    return told(path, "-api", "largefilesupport=1", "-api", "struct=1", "-use", "MWG", *numbers, "-all")


@on_images
def test_immich_takes_the_same_with_a_seeded_sidecar_as_without(path, tmp_path):
    made = sown(path, steer=False)
    if made is None:
        return
    sidecar = tmp_path / "photo.xmp"
    sidecar.write_bytes(made.data)
    media = as_immich_reads(path)
    assert immich(media, as_immich_reads(sidecar)) == immich(media, None)


def test_the_rule_notices_a_packet_that_is_copied_whole(tmp_path):
    path = tmp_path / "photo.jpg"
    exif = exif_block({306: (2, b"2001:02:03 04:05:06\0"), 274: (3, b"\1\0")})
    stale = "<exif:DateTimeOriginal>1999-01-01T00:00:00+05:00</exif:DateTimeOriginal>"
    stale += "<tiff:Orientation>6</tiff:Orientation><xmp:Rating>4</xmp:Rating>"
    path.write_bytes(jpeg(packet(stale), exif=exif))
    media = as_immich_reads(path)
    media["DateTimeOriginal"], media["Rating"], media["Orientation"] = "2001:02:03 04:05:06", "1", "1"
    sidecar = tmp_path / "photo.xmp"
    changed = []
    for steer in (True, False):
        sidecar.write_bytes(sown(path, steer=steer).data)
        pairs = zip(immich(media, as_immich_reads(sidecar)), immich(media, None), strict=True)
        changed.append([one != two for one, two in pairs])
    assert changed == [[True, True, True, True, False], [False] * 5]


# What is kept


CHECKER = SHARED / "tools" / "xmp_preserve_check.py"


def faults(before, after, allowed):
    """What a comparison of every property finds, made by exiftool and by an RDF reader that is not ours."""
    allow = [word for name in allowed for word in ("--allow", name)]
    command = [sys.executable, CHECKER, before, after, "--set", "keywords", *allow]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


SPACES = {uri.strip("/"): prefix for prefix, uri in re.findall(r'xmlns:(\w+)="([^"]+)"', packet().decode())}


def names(expanded, document):
    """A property as the checker and as exiftool call it; some prefixes are not what the packet has."""
    uri, _, local = expanded.partition("\x01")
    bound = {uri: prefix for node in document.nodes for prefix, uri in node.namespaces.items()}
    prefix = SPACES.get(uri.strip("/")) or bound[uri]
    return [f"{prefix}:{local}", f"XMP-{prefix}:{local}", f"XMP-{prefix}:{local.replace('TimeStamp', 'DateTime')}"]


@pytest.mark.skipif(not CHECKER.exists(), reason="the checker is not there")
@on_images
@pytest.mark.parametrize("steer", [True, False])
def test_everything_else_of_the_packet_is_in_the_sidecar(path, steer, tmp_path):
    made = sown(path, steer=steer)
    embedded, _ = glance(bytes(path))
    if embedded.packet is None or made is None:
        return
    before, after = tmp_path / "before.xmp", tmp_path / "after.xmp"
    before.write_bytes(embedded.packet)
    after.write_bytes(made.data)
    allowed = [name for left in made.left for name in names(left, embedded.document)]
    assert faults(before, after, allowed) == ""


@pytest.mark.skipif(EXIV2 is None, reason="exiv2 is not installed")
@on_images
def test_exiv2_reads_the_sidecar_and_in_it_what_it_reads_in_the_packet(path, tmp_path):
    made = sown(path, steer=True)
    if made is None:
        return
    sidecar = tmp_path / "photo.xmp"
    sidecar.write_bytes(made.data)
    done = subprocess.run([EXIV2, "-PXk", sidecar], capture_output=True, text=True, check=False)
    names = {line.strip() for line in done.stdout.splitlines()}
    assert names, done.stderr
    fields = {"digiKam:TagsList": "Xmp.digiKam.TagsList", "dc:subject": "Xmp.dc.subject"}
    assert {fields[name] for name in made.seen.lists if name in fields} <= names


# Photos of our own


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "PNG packed", "PNG profile", "WEBP", "TIFF", "GIF", "HEIF", "AVIF"]
)
def test_exiftool_finds_the_packet_where_we_find_it(kind, tmp_path):
    path = tmp_path / "photo"
    path.write_bytes(photo(kind, packet(listed("dc:subject", "cat"))))
    embedded, _ = glance(bytes(path))
    assert embedded.packet == exiftool("-b", "-XMP", path)


COMMENTS = (
    b"ASCII\0\0\0A cat",
    b"UNICODE\0" + "Käfer 東".encode("utf-16-be"),
    b"UNICODE\0" + "Käfer".encode("utf-16-le"),
)


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("charset", [b"\x1b%G", b""])
def test_texts_of_a_photo_of_ours_are_exiftool_s(comment, charset, tmp_path):
    path = tmp_path / "photo.jpg"
    tags = {
        270: (2, b"A cat\0"),
        33432: (2, b"me\0"),
        40094: (1, "a;Käfer\0".encode("utf-16-le")),
        18246: (3, b"\3\0"),
    }
    block = iim((25, "Zürich"), (25, "cat"), (120, "Ein Käfer"), (90, "Köln"), (100, "DEU"), charset=charset)
    path.write_bytes(jpeg(resources=photoshop(block), exif=exif_block(tags, comment)))
    test_iptc_and_exif_say_what_exiftool_says(path)


def test_iptc_of_a_tiff_of_ours_is_exiftool_s(tmp_path):
    path = tmp_path / "photo.tif"
    block = iim((25, "Zürich"), (120, "Ein Käfer"))
    path.write_bytes(tiff({33723: (7, block), 270: (2, b"A cat\0")}))
    test_iptc_and_exif_say_what_exiftool_says(path)


def test_exiftool_reads_every_field_that_was_seeded(tmp_path):
    path, sidecar = tmp_path / "photo.jpg", tmp_path / "photo.jpg.xmp"
    block = iim((25, "Zürich"), (120, "Käfer"), (5, "T"), (80, "Ann"), (116, "(c)"), (90, "Köln"), (101, "D"))
    path.write_bytes(jpeg(packet(caption("")), resources=photoshop(block)))
    sidecar.write_bytes(sown(path, steer=False).data)
    found = told(sidecar, "-XMP:all")
    expected = {"Subject": "Zürich", "HierarchicalSubject": "Zürich", "TagsList": "Zürich", "Description": "Käfer"}
    expected |= {"Title": "T", "Creator": "Ann", "Rights": "(c)", "City": "Köln", "Country": "D"}
    for name, value in expected.items():
        assert found[name] in (value, [value]), name
