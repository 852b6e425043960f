"""A RAW and the JPEG beside it are one picture."""

from __future__ import annotations

import pytest
from PIL import Image

from metadata import tags
from tests.flow.house_world import BLUE, RED, World, paint
from watcher.ledger import words
from watcher.sample import SHOTS, dng


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def raw(path, colour=BLUE):
    path.write_bytes(dng(Image.new("RGB", (64, 48), colour), SHOTS["lisbon"]))
    return path


def said(world, name):
    with world.open() as app:
        number = app.ledger.db.execute("SELECT id FROM photos WHERE name = ?", (name,)).fetchone()[0]
        return {tags.show(word) for word in words.truths(app.ledger.db, [number])[number].words.values()}


def test_they_get_one_set_whichever_comes_first(world):
    raw(world.photos / "IMG_1.dng")
    world.run()
    alone = said(world, b"IMG_1.dng")
    paint(world.photos / "IMG_1.jpg", RED)
    world.run()
    both = said(world, b"IMG_1.jpg")
    assert both == alone | {"colour/red"}
    assert said(world, b"IMG_1.dng") == both


def test_two_photos_of_one_name_that_are_no_such_pair_stay_apart(world):
    paint(world.photos / "IMG_1.jpg", RED)
    paint(world.photos / "IMG_1.png", BLUE)
    paint(world.photos / "IMG_2.jpg", BLUE)
    world.run()
    assert said(world, b"IMG_1.jpg") == {"colour/red"}
    assert said(world, b"IMG_1.png") == said(world, b"IMG_2.jpg") == {"colour/blue"}


def test_a_word_that_is_refused_for_one_goes_from_both(world):
    raw(world.photos / "IMG_1.dng")
    paint(world.photos / "IMG_1.jpg", RED)
    world.run()
    assert "colour/red" in world.words("IMG_1.dng")
    world.ahead += 3600
    world.edit("IMG_1.jpg", remove=("colour/red",))
    world.touch("IMG_1.jpg")
    world.run()
    world.run()
    assert world.refused("IMG_1.jpg") == {"colour/red"}
    assert "colour/red" not in world.words("IMG_1.jpg") | world.words("IMG_1.dng")
