"""Immich as a place keeps the promises of every sink, whatever Immich does with what it is told."""

from __future__ import annotations

import pytest

from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.photo import Photo
from metadata.sinks import Change, Draft, Seen
from metadata.sinks.immich import ImmichSink
from tests.immich_memory import MemoryImmich


class Place:
    def __init__(self, **more) -> None:
        self.immich = MemoryImmich(**more)
        wait = self.immich.wait
        self.mirror = Mirror({"me": self.immich}, self.immich, pace=Pace(wait), wait=wait)
        self.sink = ImmichSink(mirror=self.mirror, find=self.find)

    def find(self, photos):
        names = [photo.path.decode() for photo in photos]
        return [self.immich.home(name) if name in self.immich.assets else None for name in names]

    def read(self, name) -> Seen:
        (seen,) = self.sink.read([photo(name)])
        assert isinstance(seen, Seen), seen
        return seen

    def draft(self, name, change) -> Draft:
        draft = self.sink.draft(photo(name), self.read(name), change)
        assert isinstance(draft, Draft)
        return draft

    def write(self, name, change):
        (answer,) = self.sink.write([self.draft(name, change)])
        return answer


def photo(name) -> Photo:
    return Photo(1, "r", b"/r", name.encode())


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def place(request):
    return Place(exact=request.param)


def adding(*words, text=None):
    return Change(add={"tags": words}, texts={} if text is None else {"description": text})


def test_a_photo_that_immich_does_not_hold_has_no_such_place(place):
    assert not place.read("a").exists


def test_an_asset_without_tags_is_a_place_without_words(place):
    place.immich.add("a")
    seen = place.read("a")
    assert (seen.exists, dict(seen.lists), dict(seen.texts), seen.of) == (True, {}, {}, "a")


def test_what_was_written_is_read_back(place):
    place.immich.add("a", "Oma")
    written = place.write("a", adding("animals/cat", "sea", text="a cat"))
    assert written == place.read("a")
    assert written.lists == {"tags": ("Oma", "animals/cat", "sea")}
    assert written.texts == {"description": "a cat"}


def test_a_draft_tells_what_will_stand_there_and_touches_nothing(place):
    place.immich.add("a")
    drafted = place.draft("a", adding("cat"))
    assert not place.read("a").lists
    assert place.sink.write([drafted]) == [drafted.seen]


def test_the_same_change_twice_is_one_change_and_no_call(place):
    place.immich.add("a")
    place.write("a", adding("cat"))
    again = place.draft("a", adding("cat"))
    assert again.before == again.after
    calls = place.immich.calls["tag"]
    place.sink.write([again])
    assert place.immich.calls["tag"] == calls


def test_whoever_changed_it_in_between_is_not_overwritten(place):
    place.immich.add("a")
    drafted = place.draft("a", adding("cat"))
    place.immich.user_tags("a", "theirs")
    place.immich.work()
    (answer,) = place.sink.write([drafted])
    assert isinstance(answer, ChangedMeanwhile)
    assert place.immich.assets["a"].tags == {"theirs"}


def test_a_write_is_taken_back_to_the_list_before(place):
    place.immich.add("a", "Oma", description="hers")
    before = place.read("a")
    drafted = place.draft("a", Change(add={"tags": ("cat", "sea")}, remove={"tags": ("Oma",)}))
    place.sink.write([drafted])
    back = place.sink.revert(photo("a"), drafted.where, drafted.after, drafted.inverse)
    assert isinstance(back, Draft)
    assert place.sink.write([back]) == [before]
    assert place.immich.assets["a"].tags == {"Oma"}


def test_nothing_is_taken_back_over_what_others_did_since(place):
    place.immich.add("a")
    drafted = place.draft("a", adding("cat"))
    place.sink.write([drafted])
    place.immich.user_tags("a", "theirs")
    place.immich.work()
    assert isinstance(
        place.sink.revert(photo("a"), drafted.where, drafted.after, drafted.inverse), ChangedMeanwhile
    )


def test_a_way_back_that_is_no_way_back_is_refused(place):
    place.immich.add("a")
    drafted = place.draft("a", adding("cat"))
    place.sink.write([drafted])
    assert isinstance(place.sink.revert(photo("a"), drafted.where, drafted.after, b"[]"), Refused)


def test_a_photo_whose_asset_is_another_one_by_now_is_read_again(place):
    place.immich.add("a")
    seen = place.read("a")
    place.sink._find = lambda photos: [place.immich.home("b") for _ in photos]
    place.sink.read([photo("a")])
    place.immich.add("b", "x")
    assert isinstance(place.sink.write([place.sink.draft(photo("a"), seen, adding("cat"))])[0], ChangedMeanwhile)


def test_an_asset_that_immich_has_not_read_yet_has_to_wait(place):
    place.immich.add("a", extracted=None)
    (answer,) = place.sink.read([photo("a")])
    assert isinstance(answer, TryAgain)


def test_an_asset_that_immich_is_about_to_write_has_to_wait():
    place = Place()
    place.immich.add("a")
    place.immich.user_tags("a", "theirs")
    (answer,) = place.sink.read([photo("a")])
    assert isinstance(answer, TryAgain)


def test_a_server_that_is_down_is_a_closed_place(place):
    place.immich.add("a")
    drafted = place.draft("a", adding("cat"))
    place.immich.down = True
    assert isinstance(place.sink.read([photo("a")])[0], PlaceClosed)
    assert isinstance(place.sink.write([drafted])[0], PlaceClosed)


def test_what_a_camera_says_of_itself_is_no_caption(place):
    place.immich.add("a", description="OLYMPUS DIGITAL CAMERA  ")
    place.immich.add("b", description="DCIM\\100MEDIA")
    assert not place.read("a").texts
    assert not place.read("b").texts
    place.write("a", adding("cat"))
    assert place.immich.assets["a"].description == "OLYMPUS DIGITAL CAMERA  "
    place.write("a", adding(text="a cat"))
    assert place.immich.assets["a"].description == "a cat"


def test_which_descriptions_are_fillers_is_a_setting(place):
    place.immich.add("a", description="My Camera")
    sink = ImmichSink(mirror=place.mirror, find=place.find, fillers=("my camera",))
    assert not sink.read([photo("a")])[0].texts


def test_what_immich_forgets_is_said_again(place):
    place.immich.add("a")
    place.immich.forgets["a"] = 2
    assert isinstance(place.write("a", adding("cat", "dog")), Seen)
    assert place.immich.assets["a"].tags == {"cat", "dog"}


def test_what_immich_forgets_three_times_is_set_aside_with_the_reason(place):
    place.immich.add("a")
    place.immich.add("b")
    place.immich.forgets["a"] = 3
    drafts = [place.draft(name, adding("cat")) for name in "ab"]
    first, second = place.sink.write(drafts)
    assert isinstance(first, Refused)
    assert "cat" in first.reason
    assert isinstance(second, Seen)
    assert sum("a" in assets for name, _, assets in place.immich.log if name == "tag") == 3
    assert sum("b" in assets for name, _, assets in place.immich.log if name == "tag") == 1


def test_a_tag_that_immich_does_not_take_is_refused_by_name(place):
    place.immich.add("a")
    place.immich.takes = False
    answer = place.write("a", adding("cat"))
    assert isinstance(answer, Refused)
    assert "cat" in answer.reason


def test_an_extraction_in_the_middle_of_our_change_loses_nothing():
    place = Place(races=True)
    place.immich.add("a")
    drafted = place.draft("a", adding("cat", "dog"))
    place.immich.refresh(["a"])
    assert isinstance(place.sink.write([drafted])[0], Seen)
    assert place.immich.assets["a"].tags == {"cat", "dog"}


def test_an_asset_has_one_change_in_flight_at_a_time():
    place = Place()
    place.immich.add("a", "old", "older", description="x")
    change = Change({"tags": ("cat", "dog")}, {"tags": ("old", "older")}, {"description": "y"})
    assert isinstance(place.write("a", change), Seen)
    assert place.immich.in_flight == []
    assert place.immich.assets["a"].tags == {"cat", "dog"}
    assert place.immich.assets["a"].description == "y"


def test_all_new_tags_come_in_one_call_and_photos_with_the_same_share_it(place):
    for number in range(450):
        place.immich.add(f"{number}")
    drafts = [place.draft(f"{n}", adding("a", "b", "c")) for n in range(450)]
    drafts[7] = place.draft("7", adding("a", "z"))
    place.immich.calls.clear()
    assert all(isinstance(answer, Seen) for answer in place.sink.write(drafts))
    assert (place.immich.calls["upsert"], place.immich.calls["tag"]) == (1, 4)
    assert max(len(assets) for _, _, assets in place.immich.log) == 200


def test_known_tags_are_not_made_again(place):
    place.immich.add("a")
    place.immich.add("b")
    place.write("a", adding("cat"))
    place.write("b", adding("cat"))
    assert place.immich.calls["upsert"] == 1
