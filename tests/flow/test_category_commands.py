from __future__ import annotations

import json

import pytest

from metadata.errors import UserError
from tests.flow.house_world import BLUE, RED, World, paint
from tests.flow.test_terminal import tagwright
from watcher.ledger import categories


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg", RED)
    paint(world.photos / "b.jpg", BLUE)
    return world


def bind(world, category, *words, person=False):
    with world.open() as app:
        categories.add(app.ledger.db, tuple(category.split("/")))
    return world.do("category map", category=category, words=list(words), person=person)


def refuse(world, name, word):
    """A person takes the only word of ours away, and again after it was written once more."""
    for _ in range(2):
        world.ahead += 3600
        world.edit(name, remove=(word,))
        world.run()
    assert world.refused(name) == {word}


def test_a_bound_word_of_ours_is_written_below_its_category_and_others_stay(world):
    world.run()
    bind(world, "Farben/warm", "colour/red")
    assert world.words("a.jpg") == {"Farben/warm/red"}
    assert world.words("b.jpg") == {"colour/blue"}
    assert world.refusals() == 0


def test_a_photo_that_lands_later_is_written_below_the_category_at_once(world):
    bind(world, "Farben", "red")
    world.run()
    assert world.words("a.jpg") == {"Farben/red"}


def test_people_win_over_words(world):
    bind(world, "Farben", "colour/red")
    bind(world, "Familie", "Red", person=True)
    world.run()
    assert world.words("a.jpg") == {"Familie/red"}
    world.do("category unmap", words=["Red"], person=True)
    assert world.words("a.jpg") == {"Farben/red"}


def test_unmap_and_rm_write_the_word_as_it_was_said(world):
    bind(world, "Farben", "red", "blue")
    world.run()
    world.do("category unmap", words=["red"])
    assert (world.words("a.jpg"), world.words("b.jpg")) == ({"colour/red"}, {"Farben/blue"})
    world.do("category rm", category="Farben")
    assert world.words("b.jpg") == {"colour/blue"}
    assert world.refusals() == 0


def test_a_word_that_a_person_refused_stays_away_in_whatever_category_it_is(world):
    paint(world.photos / "c.jpg", RED, mark=5)
    world.run()
    refuse(world, "a.jpg", "colour/red")
    bind(world, "Farben", "colour/red")
    assert world.words("a.jpg") == set()
    assert world.words("c.jpg") == {"Farben/red"}
    bind(world, "Warm", "colour/red")
    assert world.words("a.jpg") == set()
    assert world.words("c.jpg") == {"Warm/red"}


def test_a_refusal_given_in_one_category_holds_in_the_next_and_without_any(world):
    bind(world, "Farben", "colour/red")
    world.run()
    refuse(world, "a.jpg", "Farben/red")
    bind(world, "Warm", "colour/red")
    assert world.words("a.jpg") == set()
    world.do("category unmap", words=["colour/red"])
    assert world.words("a.jpg") == set()


def test_a_change_of_categories_beyond_auto_apply_waits_for_a_person(world):
    world.changed["auto_apply"] = 0
    world.run()
    answer = bind(world, "Farben", "red")
    assert answer["held_rules"] == 1
    assert world.words("a.jpg") == {"colour/red"}
    world.do("apply")
    assert world.words("a.jpg") == {"Farben/red"}


def test_a_blocked_category_is_not_written(world):
    bind(world, "Farben", "red")
    world.run(block=["Farben"])
    assert world.words("a.jpg") == set()


def test_what_is_not_there_is_told_with_what_is(world):
    bind(world, "Farben", "red")
    with pytest.raises(UserError, match="no category Tiere; known ones: Farben"):
        world.do("category map", category="Tiere", words=["cat"])
    with pytest.raises(UserError, match="cat is bound to no category"):
        world.do("category unmap", words=["cat"])
    with pytest.raises(UserError, match="there already"):
        world.do("category add", category="farben")
    with pytest.raises(UserError, match="no keyword"):
        world.do("category add", category="//")


def test_the_service_takes_a_change_at_once(world):
    from watcher import handing

    world.run()
    with world.open() as app:
        categories.add(app.ledger.db, ("Farben",))
    with world.serving():
        handing._handed(world.settings(), "category map", {"category": "Farben", "words": ["red"]})
        from tests.flow.house_world import soon

        soon(lambda: world.words("a.jpg") == {"Farben/red"})


def test_the_commands_as_a_person_types_them(tmp_path):
    world = World(tmp_path, real=True)
    paint(world.photos / "a.jpg", RED)
    tagwright(world, "run", "--once")
    assert "Farben is a category now" in tagwright(world, "category", "add", "Farben")
    tagwright(world, "category", "map", "Farben", "colour/red")
    tagwright(world, "category", "map", "--person", "Farben", "Anna")
    listed = tagwright(world, "category", "list")
    assert listed == "Farben\n    colour/red\n    Anna (a person)\n"
    assert json.loads(tagwright(world, "category", "list", "--json"))[0]["people"] == ["Anna"]
    assert "Farben|red" in (world.photos / "a.jpg.xmp").read_text()
    tagwright(world, "category", "unmap", "colour/red")
    tagwright(world, "category", "rm", "Nichts", code=2)
