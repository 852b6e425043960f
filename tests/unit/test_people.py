"""Persons: boxes turned back into the stored picture, names merged as words, regions as texts of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from merge_place import DAY, House, full, keys, wanted
from PIL import Image, ImageOps

from metadata import people
from metadata.choose import Evidence, Rules
from metadata.memory import Wanted
from metadata.merge import renames
from metadata.people import Box, Frame, Person
from metadata.tags import PERSONS, key, person, show
from metadata.xmp_structs import areas

ANNA, BOB = Box(0.1, 0.2, 0.3, 0.6), Box(0.7, 0.1, 0.8, 0.2)
HERE, THERE = "0.2 0.4 0.2 0.4 of 4000x3000", "0.75 0.15 0.1 0.1 of 4000x3000"


def region(name):
    return f"mwg-rs:Regions/{name}"


def names(*these):
    return {key(person(name)): person(name) for name in these}


def asked(*these, words=(), **regions):
    """What choice wants: these persons, these keywords, these regions."""
    base = wanted(*words)
    texts = {region(name): said for name, said in regions.items()}
    return Wanted({**base.words, **names(*these)}, texts=texts)


def settled(want):
    house = House()
    house.want = want
    house.work()
    house.work()
    house.now += DAY
    return house


def standing(house):
    shows = house.shows["sidecar"]
    regions = {name.partition("/")[2]: said for name, said in shows.texts.items() if people.is_region(name)}
    return list(shows.lists.get(PERSONS, ())), regions


def edit(house, persons, regions, **more):
    """Somebody saves these names and these regions, and leaves the keywords."""
    lists = {name: v for name, v in house.shows["sidecar"].lists.items() if name != PERSONS}
    if persons:
        lists[PERSONS] = persons
    texts = {region(name): said for name, said in regions.items()}
    house.edit(lists, texts=texts, **more)


# Turned back


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_lies_where_the_face_is_in_the_stored_picture(orientation):
    upright = Image.new("L", (80, 60))
    upright.paste(255, (8, 12, 24, 36))  # ANNA in pixels
    back = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[0x112] = back
    turned = upright.copy()
    turned.info["exif"] = exif.tobytes()
    raster = ImageOps.exif_transpose(turned)
    left, top, right, bottom = raster.getbbox()
    area = people.stored(ANNA, Frame(*raster.size, orientation))
    found = ((area.x - area.w / 2) * area.width, (area.y - area.h / 2) * area.height)
    assert found == pytest.approx((left, top))
    assert (area.w * area.width, area.h * area.height) == pytest.approx((right - left, bottom - top))
    seen = raster.copy()
    exif[0x112] = orientation
    seen.info["exif"] = exif.tobytes()
    assert ImageOps.exif_transpose(seen).getbbox() == (8, 12, 24, 36)


@pytest.mark.parametrize("box", [Box(0.5, 0.5, 0.5, 0.6), Box(0.6, 0.2, 0.4, 0.3), Box(1.2, 0, 1.4, 1)])
def test_a_box_with_nothing_in_it_is_no_region(box):
    assert people.stored(box, Frame(4000, 3000)) is None


def test_a_box_beyond_the_edge_is_cut_there():
    assert str(people.stored(Box(-0.2, 0.5, 0.2, 1.5), Frame(100, 50))) == "0.1 0.75 0.2 0.5 of 100x50"


def test_without_the_pictures_size_there_is_no_region():
    assert people.stored(ANNA, Frame(0, 0)) is None


# Chosen


def said(*these):
    return [Evidence("immich", "1", (), people=these)]


def test_nobody_is_named_unless_asked_for():
    assert not people.chosen(said(Person("Anna", ANNA)), Rules(), "none")


def test_names_that_we_create_have_no_comma_and_no_control_sign():
    found = people.chosen(said(Person("Müller, Anna\n"), Person(" \u200b ")), Rules(), "names")
    assert [each.word for each in found.values()] == [person("Müller Anna")]


def test_a_blocked_name_is_not_written():
    rules = Rules(block=frozenset({key(("anna",))}))
    assert not people.chosen(said(Person("Anna", ANNA)), rules, "names")
    assert not people.regions(said(Person("Anna", ANNA)), rules, Frame(4000, 3000))


def test_the_largest_face_comes_first_and_nobody_without_a_name():
    found = people.regions(
        said(Person("Bob", BOB), Person("", ANNA), Person("Anna", ANNA)), Rules(), Frame(4000, 3000)
    )
    assert found == {region("Anna"): HERE, region("Bob"): THERE}
    assert list(found) == [region("Anna"), region("Bob")]


# Names


def test_a_name_of_ours_stands_in_person_in_image_and_nowhere_else():
    house = settled(asked("Anna", words=["cat"]))
    assert house.shows["sidecar"].lists == {**full("cat"), PERSONS: ("Anna",)}
    assert house.truth.ours == names("Anna").keys() | keys("cat")


def test_a_name_that_a_person_added_stays_when_ours_goes():
    house = settled(asked("Anna", "Bob"))
    edit(house, ["Anna", "Bob", "Oma"], {})
    house.work()
    house.want = asked()
    house.work()
    assert standing(house)[0] == ["Oma"]


def test_a_name_that_a_person_took_away_stays_away():
    house = settled(asked("Anna", "Bob", words=["cat"]))
    edit(house, ["Bob"], {})
    house.work()
    house.work()
    assert standing(house)[0] == ["Bob"]
    assert names("Anna").keys() == house.truth.refused.keys()


def test_a_person_and_a_keyword_of_one_name_are_two():
    house = settled(asked("Anna", words=["Anna", "cat"]))
    house.edit({**full("cat"), PERSONS: ["Anna"]})
    house.work()
    assert house.truth.refused.keys() == keys("Anna")
    assert standing(house)[0] == ["Anna"]


def test_a_leaf_that_is_also_a_persons_name_is_a_word():
    house = House()
    house.edit({PERSONS: ["Anna"], "dc:subject": ["Anna"]})
    house.work()
    assert house.truth.words.keys() == keys("Anna") | names("Anna").keys()


def test_in_a_file_of_darktables_a_name_is_refused_as_elsewhere():
    house = settled(asked("Anna", "Bob", words=["cat"]))
    edit(house, ["Bob"], {}, programs=frozenset({"darktable"}))
    house.work()
    assert house.truth.refused.keys() == names("Anna").keys()


def test_a_server_without_a_field_for_persons_misses_nobody():
    house = House("sidecar", "server")
    house.want = asked("Anna", words=["cat"])
    for _ in range(6):
        house.work()
    assert house.shows["server"].lists == {"tags": ("cat",)}
    assert not house.memories["server"].aside
    assert house.memories["server"].agreed


def test_a_name_taken_away_beside_a_server_that_knows_no_names_is_refused():
    house = House("sidecar", "server")
    house.want = asked("Anna", "Bob", words=["cat"])
    house.work()
    house.work()
    house.now += DAY
    edit(house, ["Bob"], {})
    house.work()
    assert house.truth.refused.keys() == names("Anna").keys()


def test_a_leaf_that_went_means_the_keyword_though_a_person_has_that_name():
    house = settled(asked("Anna", words=["Anna", "cat"]))
    house.edit({"dc:subject": ["cat"]})
    house.work()
    assert house.truth.refused.keys() == keys("Anna")


def test_a_persons_name_among_the_leaves_does_not_speak_for_ours():
    house = House()
    house.edit(full("Rose"))
    house.want = asked("Rose", words=["dog"])
    house.work()
    house.work()
    house.now += DAY
    house.edit({"dc:subject": ["Rose"]})
    house.work()
    assert not house.truth.refused
    assert house.shows["sidecar"].lists["dc:subject"] == ("Rose", "dog")


def test_a_server_is_written_again_and_again_and_no_name_is_waited_for():
    house = House("sidecar", "server")
    for number in range(6):
        house.want = asked("Anna", words=[f"w{number}"])
        house.work()
        assert house.memories["server"].agreed
        house.now += DAY
    assert not house.memories["server"].aside
    assert house.shows["server"].lists == {"tags": ("w5",)}


def test_in_a_file_of_darktables_a_persons_name_that_went_was_taken_away():
    house = settled(asked("Anna"))
    edit(house, ["Anna", "Oma"], {})
    house.work()
    house.now += DAY
    edit(house, ["Anna"], {}, programs=frozenset({"darktable"}))
    house.work()
    assert house.truth.refused.keys() == names("Oma").keys()


def test_what_darktable_has_read_is_known_though_a_name_changed_with_its_save():
    house = settled(asked("Anna", words=["dog"]))
    lists = full("dog", "Opa") | {"digiKam:TagsList": ("dog",), PERSONS: ("Anna", "Oma")}
    house.edit(lists, programs=frozenset({"darktable"}))
    house.work()
    assert house.memories["sidecar"].kept == keys("dog", "Opa")


def test_a_person_who_went_and_a_keyword_that_came_are_no_rename():
    house = settled(asked("Anna", "Bob", words=["cat"]))
    house.edit({**full("cat", "friends/Anna"), PERSONS: ["Bob"]})
    outcome = house.decide()
    assert outcome.readings["sidecar"].removed == names("Anna").keys()
    assert not renames(outcome.readings, house.truth)


def test_a_renamed_person_is_renamed_in_what_is_ours():
    house = settled(asked("Anna", Anna=HERE))
    house.want = asked("Anna Müller", **{"Anna Müller": HERE})
    house.work()
    assert standing(house) == (["Anna Müller"], {"Anna Müller": HERE})


def test_a_person_is_shown_as_one():
    assert show(person("Anna")) == "Anna (a person)"


# Regions


def test_a_region_is_ours_and_goes_with_its_person():
    house = settled(asked("Anna", Anna=HERE))
    assert standing(house) == (["Anna"], {"Anna": HERE})
    house.want = asked()
    house.work()
    assert standing(house) == ([], {})


def test_a_person_who_has_a_region_by_somebody_else_gets_no_second():
    house = House()
    house.edit({}, texts={region("anna"): "0.5 0.5 0.1 0.1 of 40x30"})
    house.want = asked("Anna", Anna=HERE)
    house.work()
    assert standing(house) == (["Anna"], {"anna": "0.5 0.5 0.1 0.1 of 40x30"})


def test_a_region_of_microsofts_counts_as_well():
    house = House()
    house.edit({}, texts={"MP:RegionInfo/Anna": "0.1, 0.2, 0.1, 0.1"})
    house.want = asked("Anna", Anna=HERE)
    house.work()
    assert standing(house) == (["Anna"], {})


def test_a_region_that_digikam_rounded_is_still_ours():
    house = settled(asked("Anna", Anna=HERE))
    edit(house, ["Anna"], {"Anna": "0.2005 0.3995 0.2 0.4005 of 4000x3000"})
    house.work()
    house.want = asked()
    house.work()
    assert standing(house) == ([], {})


def test_a_region_that_a_person_moved_is_the_persons():
    house = settled(asked("Anna", Anna=HERE))
    edit(house, ["Anna"], {"Anna": THERE})
    house.work()
    assert standing(house) == (["Anna"], {"Anna": THERE})
    house.want = asked()
    house.work()
    assert standing(house) == ([], {"Anna": THERE})


def test_a_region_that_a_person_took_out_is_a_no_to_that_person():
    house = settled(asked("Anna", "Bob", Anna=HERE, Bob=THERE))
    edit(house, ["Anna", "Bob"], {"Bob": THERE})
    house.work()
    house.work()
    assert standing(house) == (["Bob"], {"Bob": THERE})
    assert house.truth.refused.keys() == names("Anna").keys()


def test_all_regions_gone_at_once_are_written_again():
    house = settled(asked("Anna", "Bob", Anna=HERE, Bob=THERE))
    edit(house, ["Anna", "Bob"], {})
    house.work()
    assert standing(house) == (["Anna", "Bob"], {"Anna": HERE, "Bob": THERE})
    assert not house.truth.refused


def test_without_a_choice_regions_of_ours_stay():
    house = settled(asked("Anna", Anna=HERE))
    house.want = None
    edit(house, ["Anna", "Oma"], {"Anna": HERE})
    house.work()
    assert standing(house) == (["Anna", "Oma"], {"Anna": HERE})


def test_names_alone_take_the_regions_of_ours_out():
    house = settled(asked("Anna", Anna=HERE))
    house.want = asked("Anna")
    house.work()
    assert standing(house) == (["Anna"], {})


def test_a_better_box_replaces_ours():
    house = settled(asked("Anna", Anna=HERE))
    house.want = asked("Anna", Anna=THERE)
    house.work()
    assert standing(house) == (["Anna"], {"Anna": THERE})


def test_of_ten_people_nine_have_a_region_and_the_tenth_a_name():
    every = [f"P{number}" for number in range(10)]
    house = House()
    house.want = asked(*every, **dict.fromkeys(every, HERE))
    house.work()
    persons, regions = standing(house)
    assert persons == every
    assert list(regions) == every[:9]
    (note,) = [event.what for event in house.outcome.events if "ten" in event.what]
    assert note.endswith(": P9")
    house.work()
    assert standing(house) == (persons, regions)


def test_unnamed_regions_of_others_take_their_room():
    house = House()
    house.shows["sidecar"] = replace(house.shows["sidecar"], exists=True, digest=b"x", regions=8)
    house.want = asked("Anna", "Bob", Anna=HERE, Bob=THERE)
    house.work()
    assert list(standing(house)[1]) == ["Anna"]


# digiKam's own tags


def test_the_tag_that_digikam_makes_of_a_region_is_nobodys_wish():
    house = settled(asked("Anna", words=["cat"], Anna=HERE))
    house.edit(
        {**full("cat", "People/Anna"), PERSONS: ["Anna"]},
        texts={region("Anna"): HERE},
        people=frozenset({"Anna"}),
    )
    house.work()
    assert house.truth.words.keys() == keys("cat") | names("Anna").keys()


def test_a_tag_that_stood_before_the_region_is_still_a_word():
    house = House()
    house.edit(full("cat", "People/Anna"))
    house.work()
    house.now += DAY
    people_of = frozenset({"Anna"})
    house.edit({**full("cat", "People/Anna")}, texts={region("Anna"): HERE}, people=people_of)
    house.work()
    house.now += DAY
    house.edit(full("cat"), texts={region("Anna"): HERE}, people=people_of)
    house.work()
    assert house.truth.words.keys() == keys("cat")


def test_areas_that_nobody_can_read_are_none():
    assert areas("somewhere; 1 2 3; 0.1 0.2 0.3 0.4") == areas("0.1 0.2 0.3 0.4")
