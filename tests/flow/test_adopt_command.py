from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.sinks import Change
from tests.flow.house_world import BLUE, RED, World, paint
from tests.flow.test_terminal import tagwright
from watcher import shown

NOW = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path):
    """A library whose ledger was lost: one sidecar of ours alone, one with a person's words in it too."""
    world = World(tmp_path, real=True)
    paint(world.photos / "a.jpg", RED)
    paint(world.photos / "in" / "b.jpg", BLUE)
    (world.photos / "in" / "b.jpg.xmp").write_bytes(
        xmp.create(Change(add={"dc:subject": ("Oma",)}), NOW, b"a").data
    )
    world.run()
    shutil.rmtree(world.state)
    return world


def adopt(world, *names):
    return world.do("adopt", paths=[str(world.photos / name) for name in names or ("",)])


def test_without_adopt_the_words_of_a_lost_ledger_count_as_a_persons(world):
    world.run()
    assert world.truth("a.jpg") == {"colour/red": False}


def test_adopt_makes_what_sidecars_call_ours_ours_again_in_a_new_ledger(world):
    before = (world.photos / "a.jpg.xmp").read_bytes()
    answer = adopt(world)
    assert (answer["photos"], answer["words"]) == (2, 2)
    assert len(answer["ledgers"]) == 1
    assert world.truth("a.jpg") == {"colour/red": True}
    assert world.truth("in/b.jpg") == {"Oma": False, "colour/blue": True}
    assert (world.photos / "a.jpg.xmp").read_bytes() == before, "nothing has to be written for that"
    sources = world.ask("SELECT source FROM standing WHERE ours = 1")
    assert sources == [("colour",), ("colour",)]
    assert adopt(world)["words"] == 0


def test_adopt_puts_right_what_a_new_ledger_took_for_a_persons(world):
    world.run()
    assert adopt(world, "in")["words"] == 1
    assert world.truth("in/b.jpg") == {"Oma": False, "colour/blue": True}
    assert world.truth("a.jpg") == {"colour/red": False}, "only the paths that were named"
    with world.book() as db:
        rows = shown.sidecars(db, world.settings(), "x", [str(world.photos)])
    assert [bool(row["claim"]["note"]) for row in rows] == [True, False]


def test_what_was_adopted_can_be_taken_back(world):
    adopt(world)
    world.do("undo")
    assert "blue" not in (world.photos / "in" / "b.jpg.xmp").read_text()
    assert "Oma" in (world.photos / "in" / "b.jpg.xmp").read_text()
    answer = world.do("xmp clean", paths=[str(world.photos)], apply=True)
    assert answer["words"] == 0
    assert world.refusals() == 0


def test_what_todays_rules_would_take_away_waits_for_a_person(world):
    world.run()
    world.changed["block"] = ["colour/red"]
    world.run()
    answer = adopt(world, "a.jpg")
    assert (answer["words"], answer["held_rules"]) == (1, 1)
    assert "red" in (world.photos / "a.jpg.xmp").read_text()
    world.do("apply")
    assert not (world.photos / "a.jpg.xmp").exists() or "red" not in (world.photos / "a.jpg.xmp").read_text()


def test_a_word_that_was_undone_since_stays_away(world):
    adopt(world)
    world.do("undo", keyword="colour/red")
    assert adopt(world)["words"] == 0
    assert world.truth("a.jpg") == {}


def test_the_command_as_a_person_types_it(world):
    assert "2 keywords and 0 texts on 2 photos are ours again" in tagwright(world, "adopt", str(world.photos))
