"""Folders where nothing may be written, and rules that fit everything."""

from __future__ import annotations

import pytest

from tests.flow.house_world import BLUE, RED, World, paint
from watcher import plan
from watcher.ledger import files

ASSET = "0a1b2c3d-0000-4000-8000-00000000000a"


@pytest.fixture
def immich(tmp_path):
    world = World(tmp_path, real=True, facts=["monochrome"])
    for name in ("upload", "thumbs"):
        (world.photos / name).mkdir()
        (world.photos / name / ".immich").touch()
    paint(world.photos / f"upload/u/0a/1b/{ASSET}.jpg", RED)
    paint(world.photos / f"thumbs/u/0a/1b/{ASSET}_preview.jpeg", RED)
    paint(world.photos / "plain.jpg", BLUE)
    return world


def _sidecars(world):
    return sorted(str(path.relative_to(world.photos)) for path in world.photos.rglob("*.xmp"))


def test_nothing_is_written_in_immichs_folders_without_a_connection(immich):
    immich.run()
    assert _sidecars(immich) == ["plain.jpg.xmp"]
    waits = immich.status()["waits"]
    assert [row["photos"] for row in waits] == [1]
    assert 'immich.without_connection = "write"' in waits[0]["reason"]
    immich.run()
    assert _sidecars(immich) == ["plain.jpg.xmp"]


def test_only_local_facts_look_at_photos_in_immichs_folders(immich):
    immich.run()
    number = immich.photo(f"upload/u/0a/1b/{ASSET}.jpg").id
    sources = immich.ask(
        "SELECT source FROM evidence JOIN photos ON photos.digest = evidence.digest WHERE photos.id = ?", number
    )
    assert sources == [("monochrome",)]


def test_a_preview_of_immich_is_no_photo(immich):
    immich.run()
    names = [row[0] for row in immich.ask("SELECT name FROM photos ORDER BY name")]
    assert names == [f"{ASSET}.jpg".encode(), b"plain.jpg"]


def test_a_plan_leaves_immichs_folders_out(immich):
    immich.run()
    with immich.open() as app:
        assert plan.plan(app, files.below(app.ledger.db, "p", b"upload")).rows == []


def test_leave_to_write_takes_in_what_waited(immich):
    immich.run()
    immich.run(immich={"without_connection": "write"})
    assert _sidecars(immich) == ["plain.jpg.xmp", f"upload/u/0a/1b/{ASSET}.jpg.xmp"]
    assert "red" in (immich.photos / f"upload/u/0a/1b/{ASSET}.jpg.xmp").read_text()
    assert immich.status()["waits"] == []


def test_leave_that_is_taken_back_stops_the_writing(immich):
    immich.run(immich={"without_connection": "write"})
    paint(immich.photos / "upload/u/0a/1b/other.jpg", BLUE)
    immich.run()
    assert len(_sidecars(immich)) == 2
    assert immich.status()["waits"][0]["photos"] == 1


@pytest.mark.slow
def test_a_rule_that_fits_nearly_everything_is_told_and_not_written(tmp_path):
    world = World(tmp_path, facts=["panorama"], taggers=[], fact_limit=0.3)
    from PIL import Image

    for number in range(120):
        image = Image.new("RGB", (90 if number % 2 else 30, 30), (200, number, 20))
        image.putpixel((number % 30, 3), (number, 255, 255))
        image.save(world.photos / f"{number:03}.jpg", quality=95)
    world.run()
    world.run()
    assert "60 of 120" in world.status()["overused"][0]
    words = {word for number in range(120) for word in world.words(f"{number:03}.jpg")}
    assert words == set()
    assert world.refusals() == 0
    world.changed["fact_limit"] = 0.6
    world.run()
    assert world.status()["overused"] == []
    assert world.words("001.jpg")
    assert not world.words("000.jpg")
