"""The whole house with real files: what the real exiftool reads and writes, while the real watcher looks on."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest

from tests.flow.house_world import BLUE, GREEN, RED, World, paint, soon
from watcher.service import _watch

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed"),
]

FIELDS = ("XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", "XMP-dc:Subject")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True, settle=0.1, cooldown=0.1)


def exiftool(*arguments: object) -> str:
    done = subprocess.run(
        ["exiftool", *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(path, field):
    """The values of one field, as exiftool reads them."""
    return [value for value in exiftool("-s3", "-sep", "##", f"-{field}", path).strip().split("##") if value]


@contextmanager
def watching(world):
    """The service with its real emitters, in a thread."""
    settings = world.settings()
    ready = threading.Event()
    with world.serving() as app:
        watched = _watch(app, settings)
        try:
            soon(lambda: not app.intake.busy("p"))
            ready.set()
            yield app
        finally:
            watched.stop()


def _writes(world, name):
    return world.ask("SELECT count(*) FROM writes WHERE state = 'done' AND photo = ?", world.photo(name).id)[0][0]


def _settled(world):
    """All that happened has been worked off."""
    soon(lambda: not world.ask("SELECT 1 FROM photos WHERE due IS NOT NULL OR booked IS NOT NULL"))


def test_a_photo_that_lands_while_we_watch_gets_keywords_in_all_three_fields(world):
    with watching(world):
        paint(world.photos / "in" / "a.jpg", RED)
        sidecar = world.photos / "in" / "a.jpg.xmp"
        soon(sidecar.exists)
        assert [read(sidecar, field) for field in FIELDS] == [["colour/red"], ["colour|red"], ["red"]]
        assert exiftool("-validate", "-s3", sidecar).strip() == "OK"
        soon(lambda: world.state_of("in/a.jpg")[0] == "delivered")
        _settled(world)
        assert _writes(world, "in/a.jpg") == 1, "our own write is no reason to write"


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("XMP-digiKam:TagsList", "People/Oma", "People/Oma"),
        ("XMP-lr:HierarchicalSubject", "People|Oma", "People/Oma"),
        ("XMP-dc:Subject", "Oma", "Oma"),
    ],
)
def test_an_edit_in_any_one_field_is_carried_to_the_others(world, field, value, word):
    paint(world.photos / "a.jpg", RED)
    sidecar = world.photos / "a.jpg.xmp"
    with watching(world):
        soon(sidecar.exists)
        soon(lambda: world.state_of("a.jpg")[0] == "delivered")
        exiftool("-overwrite_original", f"-{field}+={value}", sidecar)
        soon(lambda: word in read(sidecar, "XMP-digiKam:TagsList"))
        soon(lambda: word.replace("/", "|") in read(sidecar, "XMP-lr:HierarchicalSubject"))
        soon(lambda: "Oma" in read(sidecar, "XMP-dc:Subject"))
        _settled(world)
        assert world.truth("a.jpg") == {"colour/red": True, word: False}
        assert _writes(world, "a.jpg") == 2
        assert read(sidecar, "XMP-digiKam:TagsList").count(word) == 1


def test_an_edit_while_the_service_was_off_is_found_by_the_first_walk(world):
    paint(world.photos / "a.jpg", RED)
    world.run()
    sidecar = world.photos / "a.jpg.xmp"
    exiftool("-overwrite_original_in_place", "-XMP-dc:Subject+=Oma", sidecar)
    world.run()
    assert "Oma" in read(sidecar, "XMP-digiKam:TagsList")


def test_a_sidecar_that_cannot_be_parsed_is_left_and_taken_in_when_it_is_mended(world):
    paint(world.photos / "a.jpg", RED)
    sidecar = world.photos / "a.jpg.xmp"
    broken = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF>\n  <oops\n'
    sidecar.write_bytes(broken)
    with watching(world):
        soon(lambda: world.ask("SELECT 1 FROM photos WHERE state = 'aside'"))
        reason = world.state_of("a.jpg")[2]
        assert "line 3" in reason or "line 4" in reason or "line 2" in reason, reason
        assert "column" in reason
        assert sidecar.read_bytes() == broken
        mended = world.photos / "mended.tmp"
        exiftool("-o", f"{mended}.xmp", "-XMP-dc:Subject=Oma", "-tagsfromfile", world.photos / "a.jpg")
        os.replace(f"{mended}.xmp", sidecar)
        soon(lambda: "colour/red" in read(sidecar, "XMP-digiKam:TagsList"))
        assert "Oma" in read(sidecar, "XMP-digiKam:TagsList")
        soon(lambda: world.state_of("a.jpg")[0] == "delivered")


def test_a_raw_and_a_jpeg_of_one_name_have_sidecars_of_their_own(world):
    paint(world.photos / "a.jpg", RED)
    paint(world.photos / "a.png", GREEN)
    world.run()
    assert read(world.photos / "a.jpg.xmp", FIELDS[0]) == ["colour/red"]
    assert read(world.photos / "a.png.xmp", FIELDS[0]) == ["colour/green"]


def test_a_sidecar_of_lightrooms_kind_is_written_and_no_second_one_made(world):
    paint(world.photos / "a.jpg", BLUE)
    sidecar = world.photos / "a.xmp"
    exiftool("-o", sidecar, "-XMP-dc:Subject=Oma", "-XMP-xmp:Rating=4", "-tagsfromfile", world.photos / "a.jpg")
    world.run()
    assert sorted(path.name for path in world.photos.glob("*.xmp")) == ["a.xmp"]
    assert read(sidecar, FIELDS[0]) == ["Oma", "colour/blue"]
    assert read(sidecar, "XMP-xmp:Rating") == ["4"]


def test_a_second_sidecar_that_changes_is_read(world):
    paint(world.photos / "a.jpg", BLUE)
    second = world.photos / "a.xmp"
    for path in (world.photos / "a.jpg.xmp", second):
        exiftool("-o", path, "-XMP-dc:Subject=Oma", "-tagsfromfile", world.photos / "a.jpg")
    world.run()
    exiftool("-overwrite_original", "-XMP-dc:Subject+=Opa", second)
    world.run()
    assert "Opa" in read(world.photos / "a.jpg.xmp", FIELDS[0])
    assert world.truth("a.jpg")["Opa"] is False


def test_exif_facts_are_columns_and_a_place_is_a_hierarchy_with_its_fields(tmp_path):
    world = World(tmp_path, real=True, taggers=[], facts=["place"])
    photo = paint(world.photos / "a.jpg", RED)
    exiftool(
        *("-overwrite_original", "-GPSLatitude=48.2082", "-GPSLatitudeRef=N", "-GPSLongitude=16.3738"),
        *("-GPSLongitudeRef=E", "-DateTimeOriginal=2022:12:11 22:30:45", "-OffsetTimeOriginal=+01:00"),
        *("-Make=Example", "-Model=EX-1", photo),
    )
    world.run()
    row = world.ask("SELECT taken, utc_offset, make, model, round(latitude, 3) FROM photos")[0]
    assert row == ("2022-12-11T22:30:45", 60, "Example", "EX-1", 48.208)
    sidecar = world.photos / "a.jpg.xmp"
    assert read(sidecar, FIELDS[0])[0].startswith("Places/Austria/")
    assert read(sidecar, "XMP-photoshop:Country") == ["Austria"]
    exiftool("-overwrite_original", "-GPSLongitude=2.35", "-GPSLatitude=48.85", photo)
    world.run()
    assert read(sidecar, FIELDS[0])[0].startswith("Places/France/")
    assert len(read(sidecar, FIELDS[0])) == 1
