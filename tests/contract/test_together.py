"""Sidecar and Immich written as one: no word is lost, whoever else writes, moves or cannot write."""

from __future__ import annotations

import os

import pytest

from metadata import xmp
from metadata.errors import AtWork, Refused, TryAgain
from metadata.mirror.way import Way
from metadata.sinks import Change
from metadata.sinks.immich import ImmichSink
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST
from tests.immich_house import NOW, House


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def house(request, tmp_path):
    return House(tmp_path, exact=request.param)


def test_both_places_come_to_hold_the_full_set(house):
    house.wanted = ("animals/cat", "sea")
    assert not house.rest()
    assert house.agrees("animals/cat", "sea")


def test_immich_is_told_first_and_the_file_follows_when_it_has_settled(house):
    house.wanted = ("cat",)
    house.step()
    assert house.tags() == {"cat"}
    assert not house.kept.locked
    assert house.lists()[TAGS_LIST] == ("cat",)
    house.rest()
    assert house.lists()[SUBJECT] == ("cat",)


def test_immich_writes_and_reads_an_asset_once_for_all_its_words(house):
    house.wanted = ("a", "b", "c/d", "e")
    house.rest()
    assert (house.immich.done["write"], house.immich.done["extract"], house.immich.calls["tag"]) == (1, 1, 1)


def test_a_second_pass_makes_no_call_and_no_job(house):
    house.wanted = ("a", "b")
    house.rest()
    calls, done = house.immich.calls.copy(), house.immich.done.copy()
    house.step()
    changed = {name for name, count in (house.immich.calls - calls).items() if count}
    assert changed <= {"shown"}
    assert house.immich.done == done


def test_a_registered_sidecar_goes_first_and_immich_reads_it(tmp_path):
    house = House(tmp_path)
    house.someone_writes("Oma")
    house.kept.sidecar = str(house.sidecar)
    house.immich.refresh(["a"])
    house.immich.work()
    house.immich.done.clear()
    house.wanted = ("cat", "sea", "animals/dog")
    assert not house.rest()
    assert (house.immich.done["write"], house.immich.done["extract"]) == (0, 1)
    assert house.immich.calls["tag"] == 0
    assert house.agrees("Oma", "cat", "sea", "animals/dog")


def test_what_a_person_does_in_immich_reaches_the_file(house):
    house.wanted = ("cat", "dog")
    house.rest()
    house.now += 3600
    house.immich.user_tags("a", "Oma")
    house.immich.work()
    house.immich.user_untags("a", "cat")
    house.immich.work()
    house.rest()
    assert house.agrees("Oma", "dog")
    assert {*house.truth.refused} == {"cat"}


def test_what_a_person_does_in_the_file_reaches_immich(house):
    house.wanted = ("cat", "dog")
    house.rest()
    house.now += 3600
    house.someone_writes("dog", "Oma")
    house.rest()
    assert house.agrees("Oma", "dog")


# The cases in which tags are lost


def test_immich_writes_the_sidecar_at_the_same_moment(house):
    house.wanted = ("cat",)
    house.rest()
    house.wanted = ("cat", "dog")
    write = house.both._files.write

    def meanwhile(drafts):
        house.immich.user_tags("a", "Oma")
        house.immich.work()
        house.both._files.write = write
        return write(drafts)

    house.both._files.write = meanwhile
    house.rest()
    assert house.agrees("cat", "dog", "Oma")


def test_a_user_tags_between_our_file_and_immichs_reading_of_it(tmp_path):
    house = House(tmp_path)
    house.wanted = ("cat",)
    house.rest()
    house.wanted = ("cat", "dog")
    reread = house.server.reread

    def meanwhile(drafts):
        house.immich.user_tags("a", "Oma")
        house.immich.work()
        house.server.reread = reread
        return reread(drafts)

    house.server.reread = meanwhile
    house.rest()
    assert house.agrees("cat", "dog", "Oma")


def test_immich_cannot_write(tmp_path):
    house = House(tmp_path, way=Way.FILE_FIRST, may_write=False)
    house.wanted = ("cat", "animals/dog")
    assert not house.rest()
    assert house.agrees("cat", "animals/dog")
    house.now += 3600
    house.someone_writes("animals/dog", "Oma")
    house.immich.refresh(["a"])
    house.immich.work()
    house.rest()
    assert house.agrees("Oma", "animals/dog")


def test_immich_cannot_write_and_nobody_knew(tmp_path):
    house = House(tmp_path, may_write=False)
    house.wanted = ("cat",)
    (answer,) = house.step()
    assert isinstance(answer, Refused)
    assert "cat" in answer.reason
    assert house.lists()[TAGS_LIST] == ("cat",)


def test_we_cannot_write(house):
    house.way = Way.SERVER_ONLY
    house.someone_writes("Oma")
    house.wanted = ("cat", "dog")
    assert not house.rest()
    assert house.tags() == {"Oma", "cat", "dog"}
    assert {*house.lists()[TAGS_LIST]} == {"Oma", "cat", "dog"}


def test_nobody_can_write(tmp_path):
    house = House(tmp_path, way=Way.NONE, may_write=False)
    house.wanted = ("cat",)
    assert not house.rest()
    assert not house.tags()
    assert house.immich.calls["tag"] == 0
    assert os.listdir(tmp_path) == ["a.jpg"]


def test_the_sidecar_is_registered_under_another_name(tmp_path):
    house = House(tmp_path)
    other = tmp_path / "0b1c.xmp"
    house.someone_writes("Oma", beside="0b1c.xmp")
    house.kept.sidecar = str(other)
    house.immich.refresh(["a"])
    house.immich.work()
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.agrees("Oma", "cat")
    assert sorted(os.listdir(tmp_path)) == ["0b1c.xmp", "a.jpg"]


def test_the_storage_template_moves_the_file(tmp_path):
    (tmp_path / "upload").mkdir()
    (tmp_path / "library").mkdir()
    house = House(tmp_path / "upload", template=str(tmp_path / "library"))
    house.wanted = ("cat",)
    answers = house.step()
    assert [type(answer) for answer in answers] == [AtWork]
    assert os.listdir(tmp_path / "upload") == []
    house.folder = tmp_path / "library"
    assert not house.rest()
    assert house.agrees("cat")


def test_the_storage_template_moves_the_file_just_after_our_sidecar(tmp_path):
    (tmp_path / "upload").mkdir()
    (tmp_path / "library").mkdir()
    house = House(tmp_path / "upload")
    house.kept.tags.add("cat")
    house.immich._tag("cat")
    house.wanted = ("cat",)
    write = house.both._files.write

    def then_moved(drafts):
        answers = write(drafts)
        house.immich.template = str(tmp_path / "library")
        house.immich._move(house.kept)
        house.both._files.write = write
        return answers

    house.both._files.write = then_moved
    (answer,) = house.step()
    assert isinstance(answer, TryAgain)
    assert os.listdir(tmp_path / "upload") == []


def test_a_new_sidecar_of_ours_is_made_known_to_immich(tmp_path):
    house = House(tmp_path)
    house.kept.tags.add("cat")
    house.kept.inside = ("cat",)
    house.immich._tag("cat")
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.kept.sidecar == str(tmp_path / "a.jpg.xmp")
    assert house.agrees("cat")


def test_the_sidecar_is_half_written_by_someone_else(house):
    house.someone_writes("Oma", "Opa")
    whole = house.sidecar.read_bytes()
    house.sidecar.write_bytes(whole[: len(whole) // 2])
    house.wanted = ("cat",)
    house.step()
    assert house.immich.calls["tag"] == 0
    house.sidecar.write_bytes(whole)
    house.rest()
    assert house.agrees("Oma", "Opa", "cat")


def test_a_sidecar_that_becomes_half_written_before_its_turn_stops_the_call(house):
    house.wanted = ("cat",)
    files = house.both._files
    read = files.read

    def half(photos):
        house.someone_writes("Oma", "Opa")
        whole = house.sidecar.read_bytes()
        house.sidecar.write_bytes(whole[: len(whole) // 2])
        files.read = read
        return read(photos)

    files.read = half
    house.step()
    assert house.immich.calls["tag"] == 0


def test_a_foreign_sidecar_that_immich_does_not_know_holds_keywords(house):
    house.someone_writes("Oma", "places/Oslo", text="At sea")
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.agrees("Oma", "places/Oslo", "cat")
    assert house.kept.description == "At sea"


def test_a_foreign_sidecar_that_says_another_caption_than_immich_keeps_it(house):
    house.someone_writes("Oma", text="from the file")
    house.kept.description = house.kept.told = "from the app"
    house.wanted = ("cat",)
    house.rest()
    assert house.tags() == {"Oma", "cat"}
    said = xmp.seen(xmp.parse(house.sidecar.read_bytes(), b"x")).texts["dc:description"]
    assert said == "from the file"


def test_keywords_in_other_fields_than_immichs_stay_when_it_writes_its_own(house):
    change = Change(add={SUBJECT: ("Oma",), HIERARCHICAL: ("people|Oma",)})
    house.sidecar.write_bytes(xmp.new(change, NOW))
    house.wanted = ("cat",)
    house.rest()
    assert house.agrees("people/Oma", "cat")


def without_captions(house):
    house.server = ImmichSink(mirror=house.mirror, find=house._find, captions=False)
    house.both._server = house.server


@pytest.mark.parametrize("way", [Way.SERVER_FIRST, Way.FILE_FIRST])
def test_where_captions_are_not_ours_to_tell_both_keep_their_own(tmp_path, way):
    house = House(tmp_path, way=way, may_write=way is Way.SERVER_FIRST)
    without_captions(house)
    house.someone_writes("Oma", text="from the file")
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.tags() == {"Oma", "cat"}
    assert xmp.seen(xmp.parse(house.sidecar.read_bytes(), b"x")).texts["dc:description"] == "from the file"
    assert not [name for name, _, _ in house.immich.log if name == "describe"]


def test_what_a_camera_says_of_itself_does_not_come_into_a_sidecar(house):
    house.kept.description = house.kept.told = "OLYMPUS DIGITAL CAMERA"
    house.someone_writes("Oma")
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.agrees("Oma", "cat")
    assert b"OLYMPUS" not in house.sidecar.read_bytes()
