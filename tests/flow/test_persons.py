from __future__ import annotations

import pytest

from tests.flow.house_world import GREEN, RED, World, paint
from watcher.rooms import LOSS


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def _many(world, count, folder=""):
    names = [f"{folder}{number:02}.jpg" for number in range(count)]
    for number, name in enumerate(names):
        paint(world.photos / name, mark=number)
    return names


def test_a_word_that_a_person_adds_stays_and_is_theirs(world):
    paint(world.photos / "a.jpg")
    world.run()
    world.edit("a.jpg", add=("People/Oma",))
    world.run()
    assert world.truth("a.jpg") == {"colour/red": True, "People/Oma": False}
    assert world.words("a.jpg") == {"colour/red", "People/Oma"}


def test_a_word_of_ours_that_a_person_removes_alone_is_refused_and_stays_away(world):
    # 24x16: half red, half green, so that another word of ours stands on
    path = paint(world.photos / "a.jpg", RED)
    from PIL import Image

    image = Image.open(path)
    image.paste(GREEN, (0, 0, 12, 16))
    image.save(path, quality=95)
    world.changed["threshold"] = 0.3
    world.run()
    assert world.words("a.jpg") == {"colour/red", "colour/green"}
    world.ahead += 3600
    world.edit("a.jpg", remove=("colour/red",))
    world.run()
    assert world.refused("a.jpg") == {"colour/red"}
    assert world.words("a.jpg") == {"colour/green"}
    world.touch("a.jpg")
    world.run()
    assert world.words("a.jpg") == {"colour/green"}
    world.edit("a.jpg", add=("colour/red", "Oma"))
    world.run()
    assert world.refused("a.jpg") == set()
    assert world.truth("a.jpg")["colour/red"] is False


def test_a_refusal_holds_for_raw_and_jpeg_of_one_name(world):
    for name in ("a.jpg", "a.png"):
        paint(world.photos / name, RED)
    world.run()
    assert world.words("a.png") == {"colour/red"}
    world.edit("a.jpg", add=("Oma",))
    world.run()
    world.ahead += 3600
    world.edit("a.jpg", remove=("colour/red",))
    world.run()
    assert world.words("a.jpg") == {"Oma", "colour/red"}, "all of ours at once: written once more"
    world.ahead += 3600
    world.edit("a.jpg", add=("Opa",), remove=("colour/red",))
    world.run()
    assert world.refused("a.jpg") == {"colour/red"}
    assert world.refused("a.png") == {"colour/red"}
    assert world.words("a.png") == set()


def test_a_rename_on_five_photos_refuses_nothing_and_is_offered_for_all(world):
    names = _many(world, 8)
    world.run()
    world.ahead += 3600
    for name in names[:5]:
        world.edit(name, add=("Warm/red",), remove=("colour/red",))
    world.run()
    assert world.refusals() == 0
    assert world.status()["renames"] == [{"from": "colour/red", "to": "Warm/red", "photos": 5}]
    assert world.words(names[0]) == {"Warm/red"}
    assert world.words(names[7]) == {"colour/red"}
    answer = world.do("apply")
    assert answer["renames"] == 1
    assert [world.words(name) for name in names] == [{"Warm/red"}] * 8
    paint(world.photos / "new.jpg", RED, mark=999)
    world.run()
    assert world.words("new.jpg") == {"Warm/red"}
    assert world.refusals() == 0


def test_a_rename_on_four_photos_is_four_acts(world):
    names = _many(world, 8)
    world.run()
    for name in names:
        world.edit(name, add=("Oma",))
    world.run()
    world.ahead += 3600
    for name in names[:4]:
        world.edit(name, add=("Warm/red",), remove=("colour/red",))
    world.run()
    assert not world.status()["renames"]


def _reset(world, names):
    """As after a reset: the places are empty."""
    for name in names:
        world.sink.put(world.photo(name), lists={})
        world.touch(name)


def test_many_missing_words_at_once_stop_the_root_until_a_person_decides(world):
    names = _many(world, 30)
    world.run()
    world.ahead += 3600
    _reset(world, names[:21])
    world.run()
    stops = world.status()["stops"]
    assert [(row["root"], row["place"]) for row in stops] == [("p", "memory")]
    assert "accept p" in stops[0]["reason"]
    assert world.refusals() == 0
    assert world.words(names[0]) == set()
    paint(world.photos / "new.jpg", GREEN)
    world.run()
    assert world.words("new.jpg") == set(), "nothing is written in a stopped root"
    world.do("restore", root="p")
    assert world.words(names[0]) == {"colour/red"}
    world.run()
    assert world.words("new.jpg") == {"colour/green"}
    assert world.status()["stops"] == []
    assert world.refusals() == 0


def test_accept_says_that_missing_words_were_meant(world):
    names = _many(world, 25)
    world.run()
    world.ahead += 3600
    _reset(world, names)
    world.run()
    world.do("accept", root="p")
    assert world.words(names[0]) == set()
    assert world.refusals() == 25
    assert world.status()["stops"] == []
    world.run()
    assert world.words(names[24]) == set()


def test_a_stop_outlives_a_restart_and_a_decision_is_handed_to_the_service(world):
    from tests.flow.house_world import soon
    from watcher import handing

    names = _many(world, 25)
    world.run()
    world.ahead += 3600
    _reset(world, names)
    world.run()
    with world.serving():
        handing._handed(world.settings(), "restore", {"root": "p"})
        soon(lambda: not world.ask("SELECT 1 FROM photos WHERE gate = ?", LOSS))
        soon(lambda: all(world.words(name) == {"colour/red"} for name in names))
    assert world.refusals() == 0


def test_twenty_missing_words_are_no_accident(world):
    names = _many(world, 20)
    world.run()
    world.ahead += 3600
    _reset(world, names)
    world.run()
    assert world.status()["stops"] == []
    assert world.words(names[0]) == {"colour/red"}, "all of ours at once: written once more"
    assert world.refusals() == 0


def test_a_caption_of_a_person_is_carried_and_kept(world):
    from metadata import tags

    paint(world.photos / "a.jpg")
    world.run()
    photo = world.photo("a.jpg")
    seen = world.sink.read([photo])[0]
    world.sink.put(photo, lists=seen.lists, texts={"dc:description": "Oma am See"}, claimed=seen.claimed)
    world.touch("a.jpg")
    world.run()
    seen = world.sink.read([photo])[0]
    assert seen.texts["tiff:ImageDescription"] == "Oma am See"
    assert seen.lists[tags.TAGS_LIST] == ("colour/red",)
