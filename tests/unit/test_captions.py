"""Captions carried, refused and in conflict; names of a place that fill only what is empty."""

from __future__ import annotations

from dataclasses import replace

from merge_place import DAY, House, full, seen, wanted

from metadata.memory import CAPTION, Losses

DC, TIFF = "dc:description", "tiff:ImageDescription"
CITY, COUNTRY = "photoshop:City", "photoshop:Country"


def both():
    return House("sidecar", "server")


def texts(house, name="sidecar"):
    return dict(house.shows[name].texts)


def captioned(caption="A cat"):
    house = House()
    house.want = wanted("cat", caption=caption)
    house.work()
    house.work()
    house.now += DAY
    return house


def test_our_caption_is_written_to_both_fields():
    assert texts(captioned()) == {DC: "A cat", TIFF: "A cat"}


def test_a_caption_edited_in_dc_is_brought_to_tiff():
    house = captioned()
    house.edit({}, texts={DC: "Minka", TIFF: "A cat"})
    house.work()
    assert texts(house) == {DC: "Minka", TIFF: "Minka"}
    assert not house.truth.caption_ours


def test_a_caption_edited_in_tiff_is_brought_to_dc():
    house = captioned()
    house.edit({}, texts={DC: "A cat", TIFF: "Minka"})
    house.work()
    assert texts(house) == {DC: "Minka", TIFF: "Minka"}


def test_tiff_deleted_alone_is_only_stale():
    house = captioned()
    house.edit({}, texts={DC: "A cat"})
    house.work()
    assert texts(house) == {DC: "A cat", TIFF: "A cat"}


def test_tiff_deleted_beside_an_edit_of_dc_is_filled_with_the_edit():
    house = captioned()
    house.edit({}, texts={DC: "Minka"})
    house.work()
    assert texts(house) == {DC: "Minka", TIFF: "Minka"}


def test_our_caption_taken_away_is_refused_and_another_word_of_ours_does_not_bring_it_back():
    house = captioned()
    house.edit({}, texts={})
    house.work()
    assert CAPTION in house.truth.texts_refused
    house.want = wanted("cat", caption="A dog")
    house.work()
    assert texts(house) == {}


def test_a_new_caption_of_a_person_lifts_the_refusal():
    house = captioned()
    house.edit({}, texts={})
    house.work()
    house.edit({}, texts={DC: "Minka"})
    house.work()
    assert CAPTION not in house.truth.texts_refused
    assert house.truth.caption == "Minka"


def test_a_persons_caption_is_never_replaced_by_ours():
    house = House()
    house.edit({}, texts={DC: "Minka"})
    house.want = wanted("cat", caption="A cat")
    house.work()
    house.work()
    assert house.truth.caption == "Minka"
    assert texts(house)[DC] == "Minka"


def test_a_caption_changed_in_one_place_is_carried():
    house = both()
    house.want = wanted("cat", caption="A cat")
    house.work()
    house.work()
    house.now += DAY
    house.shows["server"] = seen({"tags": ("cat",)}, texts={"description": "Minka"})
    house.work()
    assert texts(house) == {DC: "Minka", TIFF: "Minka"}


def test_a_caption_changed_differently_in_two_places_is_a_conflict_and_each_keeps_its_own():
    house = both()
    house.want = wanted("cat", caption="A cat")
    house.work()
    house.work()
    house.now += DAY
    house.shows["server"] = seen({"tags": ("cat",)}, texts={"description": "Minka"})
    house.edit({}, texts={DC: "Mimi", TIFF: "Mimi"})
    outcome = house.work()
    assert house.truth.conflict
    assert texts(house)[DC] == "Mimi"
    assert texts(house, "server") == {"description": "Minka"}
    assert {event.what for event in outcome.events} >= {"caption here: Mimi", "caption here: Minka"}


def test_a_later_edit_ends_the_conflict():
    house = both()
    house.shows["server"] = seen({}, texts={"description": "Minka"})
    house.edit({}, texts={DC: "Mimi"})
    house.work()
    assert house.truth.conflict
    house.edit({}, texts={DC: "Both"})
    house.work()
    assert not house.truth.conflict
    assert texts(house, "server") == {"description": "Both"}


def test_a_place_that_comes_later_with_another_caption_is_a_conflict_and_loses_nothing():
    house = House()
    house.edit({}, texts={DC: "Minka"})
    house.work()
    house.layouts = both().layouts
    house.shows["server"] = seen({}, texts={"description": "Mimi"})
    house.work()
    assert house.truth.conflict
    assert texts(house)[DC] == "Minka"
    assert texts(house, "server") == {"description": "Mimi"}


def test_a_caption_lost_with_all_our_words_is_written_again():
    house = captioned()
    house.shows["sidecar"] = replace(seen(full("Oma")), digest=b"program")
    house.work()
    assert texts(house) == {DC: "A cat", TIFF: "A cat"}
    assert CAPTION not in house.truth.texts_refused


def test_a_new_caption_in_a_save_that_lost_our_words_is_still_a_persons():
    house = captioned()
    house.shows["sidecar"] = replace(seen(full("Oma"), texts={DC: "Minka"}), digest=b"program")
    house.work()
    assert house.truth.caption == "Minka"
    assert texts(house) == {DC: "Minka", TIFF: "Minka"}


def test_an_old_caption_that_a_program_put_back_is_nobodys():
    house = captioned()
    house.edit({}, texts={DC: "Minka", TIFF: "Minka"})
    house.work()
    house.now += DAY
    house.shows["sidecar"] = replace(seen(full("Oma"), texts={DC: "A cat"}), digest=b"program")
    house.work()
    assert house.truth.caption == "Minka"


def test_a_kill_after_the_commit_leaves_no_caption_field_behind():
    house = captioned()
    house.edit({}, texts={DC: "Minka", TIFF: "A cat"})
    house.work(kill=True)
    house.work()
    assert texts(house) == {DC: "Minka", TIFF: "Minka"}


def test_a_kill_after_a_refused_caption_leaves_no_field_behind():
    house = captioned()
    house.edit({}, texts={TIFF: "A cat"})
    house.work(kill=True)
    house.work()
    assert texts(house) == {}


def placed(city="Rom"):
    house = House()
    house.want = wanted("cat", **{CITY: city, COUNTRY: "Italia"})
    house.work()
    house.work()
    house.now += DAY
    return house


def test_names_of_a_place_are_filled_where_all_are_empty():
    assert texts(placed()) == {CITY: "Rom", COUNTRY: "Italia"}


def test_one_name_of_somebody_elses_keeps_all_of_ours_out():
    house = House()
    house.edit({}, texts={COUNTRY: "Italy"})
    house.want = wanted("cat", **{CITY: "Rom", COUNTRY: "Italia"})
    house.work()
    assert texts(house) == {COUNTRY: "Italy"}


def test_our_names_follow_what_choice_wants():
    house = placed()
    house.want = wanted("cat", **{CITY: "Roma", COUNTRY: "Italia"})
    house.work()
    assert texts(house) == {CITY: "Roma", COUNTRY: "Italia"}
    house.want = wanted("cat")
    house.work()
    assert texts(house) == {}


def test_a_name_that_a_person_took_away_stays_away():
    house = placed()
    house.edit({}, texts={COUNTRY: "Italia"})
    house.work()
    house.work()
    assert texts(house) == {COUNTRY: "Italia"}
    assert CITY in house.truth.texts_refused


def test_names_lost_with_the_whole_file_are_filled_again():
    house = placed()
    house.shows["sidecar"] = seen(exists=False)
    house.work()
    assert texts(house) == {CITY: "Rom", COUNTRY: "Italia"}


def test_names_are_filled_again_where_a_person_decided_to_restore():
    house = placed()
    house.edit({}, texts={})
    house.losses = Losses.RESTORE
    house.work()
    assert texts(house) == {CITY: "Rom", COUNTRY: "Italia"}


def test_undone_texts_are_withheld():
    house = placed()
    house.truth = replace(house.truth, texts_withheld=frozenset({CITY, COUNTRY}))
    house.work()
    assert texts(house) == {}
    assert not house.truth.texts_refused
