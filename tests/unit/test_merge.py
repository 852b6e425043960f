"""Every row of docs/merge.md's table and every sentence around it, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from merge_place import DAY, House, after, full, keys, seen, wanted

from metadata.fields import SIDECAR
from metadata.memory import Losses, Memory, Place, Truth
from metadata.merge import confirmed, intended, merge, renames, unwritten
from metadata.sinks import Claim
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, key


def both():
    return House("sidecar", "server")


# A person's additions and removals


def test_a_word_that_is_not_in_the_base_is_a_persons_addition_and_goes_everywhere():
    house = both().settled("cat")
    house.edit({TAGS_LIST: ["cat", "people/Oma"]})
    house.work()
    assert house.stands("people/Oma")
    assert house.stands("people/Oma", "server")
    assert house.truth.ours == keys("cat")


def test_an_addition_lifts_a_refusal():
    house = House().settled("cat", "dog")
    house.edit(full("dog"))
    house.work()
    assert house.refused == keys("cat")
    house.edit(full("dog", "cat"))
    house.work()
    assert house.refused == set()
    assert key(("cat",)) not in house.truth.ours


def test_a_persons_word_that_is_missing_was_removed_and_goes_everywhere():
    house = both().settled("cat")
    house.tag("cat", "Oma")
    house.work()
    assert house.stands("Oma")
    house.now += DAY
    house.tag("cat")
    house.work()
    assert house.gone("Oma")
    assert house.refused == keys("Oma")


def test_adding_in_one_place_and_removing_in_another_leaves_different_states():
    adding, removing = both().settled("cat"), both().settled("cat")
    adding.edit(full("cat", "Oma"))
    removing.edit(full("cat", "Oma"))
    removing.work()
    removing.now += DAY
    removing.tag("cat")
    adding.work()
    removing.work()
    assert adding.stands("Oma", "server")
    assert removing.gone("Oma")


def test_a_word_added_in_one_place_and_removed_in_another_since_the_base_stays():
    house = House()
    house.edit(full("cat", "Oma"))
    house.work()
    house.layouts = both().layouts
    house.memories["server"] = Memory(exists=True, digest=b"empty")
    house.edit(full("cat"))
    house.tag("Oma")
    house.work()
    assert house.stands("Oma")
    assert house.stands("Oma", "server")
    assert house.refused == set()


def test_choice_never_brings_back_a_word_of_a_person_that_a_person_removed():
    house = House()
    house.edit(full("cat", "Oma"))
    house.work()
    house.edit(full("cat"))
    house.work()
    house.now += DAY
    house.want = wanted("Oma")
    house.work()
    assert house.gone("Oma")


def test_a_persons_word_is_not_removed_because_choice_does_not_want_it():
    house = House()
    house.edit(full("Oma"))
    house.settled("cat")
    house.want = wanted()
    house.work()
    assert house.stands("Oma") or "Oma" in house.shows["sidecar"].lists[TAGS_LIST]


# Undelivered


def test_an_undelivered_word_is_written_three_times_and_then_the_photo_is_set_aside_for_this_place():
    house = House()
    house.want = wanted("cat")
    for _ in range(3):
        assert house.work(deaf=["sidecar"]).steps["sidecar"].change
        house.now += DAY
    assert not house.work(deaf=["sidecar"]).steps["sidecar"].change
    assert "never read back: cat" in house.aside()
    assert house.refused == set()


def test_a_write_that_was_killed_before_it_began_is_no_try():
    house = House()
    house.want = wanted("cat")
    for _ in range(6):
        house.work(kill=True)
        house.memories["sidecar"] = unwritten(house.memories["sidecar"])
        house.now += 1
    house.work()
    assert house.stands("cat")
    assert not house.aside()


# A person's no


def test_ours_confirmed_and_missing_while_others_of_ours_stand_is_refused():
    house = both().settled("cat", "dog")
    house.edit(full("dog"))
    outcome = house.work()
    assert house.refused == keys("cat")
    assert house.gone("cat", "server")
    assert outcome.readings["sidecar"].lost == keys("cat")
    house.work()
    assert house.gone("cat")


def test_an_untag_in_immich_is_a_no_even_for_the_last_word():
    house = both().settled("cat")
    house.tag()
    house.work()
    assert house.refused == keys("cat")
    assert house.gone("cat")


def test_immichs_explicit_empty_list_is_a_no():
    house = House().settled("cat", "dog")
    house.edit({TAGS_LIST: []})
    house.work()
    assert house.refused == keys("cat", "dog")
    assert house.gone("cat")


def test_an_empty_list_that_stood_there_before_says_nothing_new():
    house = House()
    house.edit({TAGS_LIST: []})
    house.work()
    house.want = wanted("cat", "dog")
    house.work()
    house.now += DAY
    assert house.refused == set()


def test_an_empty_list_says_nothing_about_words_that_the_server_never_held():
    house = both().settled("cat")
    house.shows["server"] = seen({})
    house.memories["server"] = replace(
        house.memories["server"],
        lists={},
        ours=frozenset(),
        confirmed=frozenset(),
        digest=house.shows["server"].digest,
    )
    house.edit({TAGS_LIST: []})
    house.work()
    assert house.refused == set()
    assert house.stands("cat")


# Overwritten


def test_all_of_ours_missing_at_once_is_written_once_more():
    house = House().settled("cat", "dog")
    house.edit(full("Oma"))
    outcome = house.work()
    assert outcome.readings["sidecar"].overwritten == keys("cat", "dog")
    assert house.refused == set()
    assert house.stands("cat")
    assert house.stands("Oma")


def test_one_word_lost_again_alone_is_refused():
    house = House().settled("cat")
    house.edit(full("Oma"))
    house.work()
    house.now += DAY
    house.edit(full("Oma"))
    house.work()
    assert house.refused == keys("cat")
    assert not house.aside()


def test_several_words_lost_again_together_set_the_photo_aside_with_the_reason():
    house = House().settled("cat", "dog")
    for _ in range(2):
        house.edit(full("Oma"))
        house.work()
        house.now += DAY
    assert "wrote over this place twice" in house.aside()
    assert house.refused == set()


def test_content_that_equals_an_earlier_state_is_a_backup_and_no_act_of_a_person():
    house = House().settled("cat", "dog")
    old = house.shows["sidecar"]
    house.edit(full("cat", "dog", "Oma"))
    house.work()
    house.want = wanted("cat", "dog", "fox")
    house.work()
    house.now += DAY
    house.shows["sidecar"] = old
    outcome = house.work()
    assert outcome.readings["sidecar"].restored
    assert house.refused == set()
    assert house.stands("Oma")
    assert house.stands("fox")


def test_a_restored_copy_brings_no_removed_word_back():
    house = House()
    house.edit(full("Oma"))
    house.settled("cat", "dog")
    old = house.shows["sidecar"]
    house.edit(full("cat", "dog"))
    house.work()
    house.now += DAY
    house.shows["sidecar"] = old
    house.work()
    assert house.gone("Oma")


def test_a_copy_with_an_older_mark_of_ours_is_old_whoever_saved_it_since():
    house = House().settled("cat", "dog")
    old = house.shows["sidecar"]
    house.want = wanted("cat", "dog", "fox")
    house.work()
    house.now += DAY
    house.shows["sidecar"] = seen(full("cat", "dog", "Oma"), claimed=old.claimed)
    house.work()
    assert house.refused == set()
    assert house.stands("fox")
    assert house.stands("Oma")


@pytest.mark.parametrize(("minutes", "refused"), [(9, False), (11, True)])
def test_a_loss_within_ten_minutes_of_our_own_write_is_a_stale_editors(minutes, refused):
    house = House().settled("cat", "dog")
    house.want = wanted("cat", "dog", "fox")
    house.work()
    house.now += minutes * 60
    house.edit(full("cat", "dog"))
    house.work()
    assert house.refused == (keys("fox") if refused else set())


def test_a_sidecar_gone_while_the_photo_stands_is_written_again_with_everybodys_words():
    house = House()
    house.edit(full("Oma"))
    house.settled("cat")
    house.shows["sidecar"] = seen(exists=False)
    house.work()
    assert house.stands("cat")
    assert house.stands("Oma")
    assert house.refused == set()


def test_a_sidecar_gone_twice_is_no_refusal_but_a_reason_to_stop():
    house = House().settled("cat")
    for _ in range(2):
        house.shows["sidecar"] = seen(exists=False)
        house.work()
        house.now += DAY
    assert house.refused == set()
    assert house.aside()


def test_a_person_who_edited_while_the_sidecar_was_set_aside_is_heard_after_a_retry():
    house = both().settled("cat", "dog")
    for _ in range(2):
        house.edit(full("Oma"))
        house.work()
        house.now += DAY
    assert house.aside()
    house.edit(full("Oma", "Opa"))
    house.work()
    assert not house.stands("Opa", "server")
    house.retry()
    house.work()
    assert house.stands("Opa", "server")
    assert house.stands("cat")


def test_what_has_to_go_goes_after_a_retry_as_well():
    house = House().settled("cat", "dog", "fox")
    darktable(house, "cat", "dog", "fox")
    house.work()
    house.want = wanted("dog", "fox")
    house.work()
    for _ in range(2):
        house.now += DAY
        darktable(house, "cat")
        house.work()
    assert house.aside()
    house.retry()
    house.work()
    assert house.gone("cat")
    assert house.stands("dog")


def test_a_person_who_wrote_a_word_before_we_could_keeps_it():
    house = House().settled("cat")
    house.want = wanted("cat", "fox")
    outcome = house.decide()
    house.truth = outcome.truth
    house.memories["sidecar"] = outcome.steps["sidecar"].memory
    house.edit(full("cat", "fox"))
    house.work()
    house.want = wanted("cat")
    house.work()
    assert house.stands("fox")


# darktable


def darktable(house, *words):
    """darktable writes lr and dc out of its database, sorted, with ancestors in dc."""
    fields = full(*sorted(words))
    leaves = {part for word in words for part in word.split("/")}
    lists = {HIERARCHICAL: (*fields[HIERARCHICAL], "darktable|changed"), SUBJECT: tuple(sorted(leaves))}
    house.edit({name: values or None for name, values in lists.items()}, programs=frozenset({"darktable"}))


def test_a_slider_in_darktable_refuses_nothing():
    house = House().settled("animals/cat", "dog")
    darktable(house)
    house.work()
    assert house.refused == set()
    assert house.stands("animals/cat")


def test_darktable_twice_sets_the_photo_aside_with_advice():
    house = House().settled("cat", "dog")
    for _ in range(2):
        darktable(house)
        house.work()
        house.now += DAY
    assert "darktable" in house.aside()
    assert house.refused == set()


def test_a_word_removed_in_darktable_is_removed_from_tags_list_too():
    house = House().settled("cat", "dog")
    darktable(house, "cat", "dog")
    house.work()
    darktable(house, "dog")
    house.work()
    assert house.refused == keys("cat")
    assert house.gone("cat")


def test_a_removal_in_darktable_right_after_its_first_reading_is_understood():
    house = House().settled("cat", "dog")
    darktable(house, "dog")
    house.work()
    assert house.refused == keys("cat")


def test_darktable_does_not_refuse_a_word_that_came_after_it_had_read_the_file():
    house = House().settled("cat")
    darktable(house, "cat")
    house.work()
    house.now += DAY
    house.want = wanted("cat", "fox")
    house.work()
    house.now += DAY
    darktable(house, "cat")
    house.work()
    assert house.refused == set()
    assert house.stands("fox")


def test_darktable_takes_no_persons_word_that_it_never_read():
    house = both()
    house.settled("cat")
    darktable(house, "cat")
    house.work()
    house.tag("cat", "Oma")
    house.work()
    house.now += DAY
    darktable(house, "cat")
    house.work()
    assert house.stands("Oma")
    assert house.stands("Oma", "server")


def test_darktable_brings_no_refused_word_back():
    house = House().settled("cat", "dog")
    darktable(house, "cat", "dog")
    house.work()
    house.edit({**full("dog"), HIERARCHICAL: ("dog", "darktable|changed")})
    house.work()
    assert house.refused == keys("cat")
    house.now += DAY
    darktable(house, "cat", "dog")
    house.work()
    assert house.refused == keys("cat")
    assert house.gone("cat")


def test_words_of_programs_about_themselves_stay_and_are_carried_nowhere():
    house = both()
    house.edit(
        {HIERARCHICAL: ["darktable|exported", "cat"], TAGS_LIST: ["_Digikam_Internal_Tags_/Color/Red", "cat"]}
    )
    house.settled("dog")
    assert house.shows["server"].lists["tags"] == ("cat", "dog")
    assert "darktable|exported" in house.shows["sidecar"].lists[HIERARCHICAL]
    assert "_Digikam_Internal_Tags_/Color/Red" in house.shows["sidecar"].lists[TAGS_LIST]


# Programs edit different fields of one file


def test_lightrooms_removal_leaves_tags_list_stale_and_is_a_removal():
    house = both().settled("animals/cat", "dog")
    house.edit({HIERARCHICAL: ["dog"], SUBJECT: ["dog"]})
    house.work()
    assert house.refused == keys("animals/cat")
    assert house.gone("animals/cat")


def test_immich_writes_tags_list_alone_and_the_others_are_brought_along():
    house = House().settled("cat")
    house.edit({TAGS_LIST: ["cat", "Oma"]})
    house.work()
    assert house.stands("Oma")


def test_a_list_over_tags_list_that_holds_none_of_ours_is_an_accident_though_the_other_fields_stand():
    house = House().settled("cat", "dog")
    house.edit({TAGS_LIST: ["Oma"]})
    house.work()
    assert house.refused == set()
    assert house.stands("cat")
    assert house.stands("Oma")


@pytest.mark.parametrize("field", [TAGS_LIST, HIERARCHICAL, SUBJECT])
def test_exiftool_removes_from_any_one_field(field):
    house = House().settled("animals/cat", "dog")
    house.edit({field: full("dog")[field]})
    house.work()
    assert house.refused == keys("animals/cat")
    assert house.gone("animals/cat")


@pytest.mark.parametrize("field", [TAGS_LIST, HIERARCHICAL])
def test_exiftool_adds_to_any_one_field(field):
    house = House().settled("dog")
    house.edit({field: full("dog", "animals/cat")[field]})
    house.work()
    assert house.stands("animals/cat")


def test_a_field_that_vanished_with_several_words_is_no_removal():
    house = House().settled("cat", "dog")
    house.edit({TAGS_LIST: None})
    house.work()
    assert house.refused == set()
    assert house.stands("cat")


def test_a_persons_only_word_removed_in_lightroom_is_gone_though_both_fields_vanished():
    house = both()
    house.edit(full("Oma"))
    house.work()
    house.now += DAY
    house.edit({HIERARCHICAL: None, SUBJECT: None})
    house.work()
    assert house.gone("Oma")
    assert house.gone("Oma", "server")


def test_order_does_not_matter():
    house = House().settled("cat", "dog")
    house.edit({TAGS_LIST: ["dog", "cat"], SUBJECT: ["dog", "cat"]})
    assert not house.work().steps["sidecar"].change


def test_ancestors_in_dc_subject_and_lr_are_no_additions():
    house = both().settled("animals/cat")
    house.edit({HIERARCHICAL: ["animals", "animals|cat"], SUBJECT: ["animals", "cat"]})
    house.work()
    assert set(house.truth.words) == keys("animals/cat")


def test_ancestors_go_with_the_last_word_below_them():
    house = House().settled("animals/cat", "dog")
    house.edit({HIERARCHICAL: ["animals", "animals|cat", "dog"], SUBJECT: ["animals", "cat", "dog"]})
    house.work()
    house.want = wanted("dog")
    house.work()
    assert house.shows["sidecar"].lists == full("dog")


def test_people_names_equal_to_a_regions_name_are_digikams_own():
    house = both().settled("cat")
    house.edit(full("cat", "People/Anna"), people=frozenset({"Anna"}))
    house.work()
    assert house.gone("People/Anna", "server")
    assert "People/Anna" in house.shows["sidecar"].lists[TAGS_LIST]


def test_a_persons_word_people_without_a_region_is_carried():
    house = both().settled("cat")
    house.edit(full("cat", "People/Anna"))
    house.work()
    assert house.stands("People/Anna", "server")


def test_a_sidecar_of_a_person_alone_is_left_as_it_is_at_first_contact():
    house = House()
    house.edit({SUBJECT: ["Oma"]})
    assert not house.work().steps["sidecar"].change


# Groups, aliases, spellings


def test_a_refusal_of_the_group_drops_ours():
    house = House().settled("cat", "dog")
    house.truth = replace(house.truth, refused={key(("cat",)): ("cat",)})
    house.work()
    assert house.gone("cat")


def test_a_refusal_of_the_group_drops_ours_even_where_nothing_is_wanted_yet():
    house = House().settled("cat", "dog")
    house.truth = replace(house.truth, refused={key(("cat",)): ("cat",)})
    house.want = None
    house.work()
    assert house.gone("cat")
    assert house.stands("dog")


def test_a_refusal_of_the_group_does_not_delete_a_persons_word():
    house = House()
    house.edit(full("Oma"))
    house.work()
    house.truth = replace(house.truth, refused={key(("Oma",)): ("Oma",)})
    house.settled("cat", "Oma")
    assert house.stands("Oma")


def test_a_refusal_holds_for_a_words_aliases():
    house = House().settled("Hund", "dog", "cat")
    house.want = wanted("Hund", "cat")
    house.work()
    house.now += DAY
    house.edit(full("cat"))
    house.work()
    house.aliases = {key(("Hund",)): key(("dog",))}
    house.want = wanted("dog", "cat")
    house.work()
    assert house.gone("dog")


def test_a_refusal_holds_for_other_spellings():
    house = House().settled("Cafe\u0301", "dog")
    house.edit(full("dog"))
    house.work()
    house.want = wanted("CAFÉ", "dog")
    house.work()
    assert set(house.truth.words) == keys("dog")


def test_a_person_who_spells_our_word_differently_adds_nothing():
    house = House().settled("cat", "dog")
    house.edit(full("Cat", "dog"))
    assert not house.work().readings["sidecar"].person


# Renames


def test_a_rename_is_seen_as_a_pair_and_refuses_nothing_once_understood():
    house = House().settled("animals/cat", "dog")
    house.edit(full("pets/cat", "dog"))
    outcome = house.decide()
    assert renames(outcome.readings, house.truth) == {(key(("animals", "cat")), key(("pets", "cat")))}
    house.renamed = frozenset(keys("animals/cat"))
    house.work()
    assert house.refused == set()
    assert set(house.truth.withheld) == keys("animals/cat")
    assert house.stands("pets/cat")


# Ping-pong


def test_more_than_three_writes_in_an_hour_without_a_reason_set_the_photo_aside():
    house = House().settled("cat", "dog")
    for _ in range(4):
        house.edit({TAGS_LIST: ["cat", "dog"], HIERARCHICAL: None, SUBJECT: ["cat", "dog"]})
        house.work()
        house.memories["sidecar"] = replace(house.memories["sidecar"], again=frozenset())
        house.now += 700
    assert "within an hour" in house.aside()


def test_a_person_may_edit_as_often_as_they_like():
    house = both().settled("cat")
    for number in range(8):
        house.tag("cat", *(f"Oma{n}" for n in range(number + 1)))
        house.work()
        house.now += 60
    assert not house.aside()
    assert house.stands("Oma7")


# Undo


def test_undone_words_are_withheld_and_come_back_with_redo():
    house = both()
    house.edit(full("Oma"))
    house.settled("cat", "dog")
    house.truth = replace(house.truth, withheld={k: house.truth.words[k] for k in house.truth.ours})
    house.work()
    assert house.gone("cat")
    assert house.gone("dog", "server")
    assert house.stands("Oma", "server")
    assert house.refused == set()
    house.truth = replace(house.truth, withheld={})
    house.work()
    assert house.stands("cat")


def test_a_person_may_add_what_was_undone():
    house = House().settled("cat", "dog")
    house.truth = replace(house.truth, withheld={k: house.truth.words[k] for k in house.truth.ours})
    house.work()
    house.edit(full("cat"))
    house.work()
    assert house.stands("cat")
    assert set(house.truth.withheld) == keys("dog")


# Decisions for a whole root


def test_accept_takes_an_accident_for_a_persons_no():
    house = House().settled("cat", "dog")
    house.edit(full("Oma"))
    house.losses = Losses.ACCEPT
    house.work()
    assert house.refused == keys("cat", "dog")


def test_accept_of_vanished_sidecars_keeps_persons_words():
    house = House()
    house.edit(full("Oma"))
    house.settled("cat")
    house.shows["sidecar"] = seen(exists=False)
    house.losses = Losses.ACCEPT
    house.work()
    assert house.refused == keys("cat")
    assert house.stands("Oma")


def test_restore_writes_everything_again():
    house = House().settled("cat", "dog")
    house.edit(full("dog"))
    house.losses = Losses.RESTORE
    house.work()
    assert house.stands("cat")
    assert house.refused == set()
    assert house.memories["sidecar"].again == set()


# Crashes and older ledgers


def test_a_kill_before_the_write_leaves_nothing_undropped():
    house = House().settled("cat", "dog")
    house.want = wanted("dog")
    house.work(kill=True)
    house.memories["sidecar"] = unwritten(house.memories["sidecar"])
    house.work()
    assert house.gone("cat")


def test_a_kill_before_the_write_leaves_no_field_behind():
    house = House()
    house.edit(full("Oma"))
    house.work()
    house.edit({TAGS_LIST: ["Oma", "Opa"]})
    house.work(kill=True)
    house.memories["sidecar"] = unwritten(house.memories["sidecar"])
    house.work()
    assert house.stands("Opa")


def test_a_kill_between_restoring_and_writing_keeps_old_words_out():
    house = House()
    house.edit(full("Oma"))
    house.settled("cat", "dog")
    old = house.shows["sidecar"]
    house.want = wanted("cat")
    house.work()
    house.now += DAY
    house.shows["sidecar"] = old
    house.work(kill=True)
    house.memories["sidecar"] = unwritten(house.memories["sidecar"])
    house.work()
    assert house.gone("dog")


def test_an_edit_on_top_of_a_booked_write_refuses_nothing():
    house = House().settled("cat", "dog")
    house.want = wanted("dog", "fox")
    outcome = house.work(kill=True)
    written = after(house.shows["sidecar"], outcome.steps["sidecar"].change)
    house.shows["sidecar"] = seen(full("dog", "fox", "Oma"), claimed=written.claimed)
    house.work()
    assert house.refused == set()
    assert house.truth.ours == keys("dog", "fox")
    assert house.stands("Oma")


def test_an_older_ledger_knows_our_words_again_by_the_mark_in_the_file():
    house = House().settled("cat")
    book = (house.truth, dict(house.memories))
    house.run = 2
    house.want = wanted("cat", "fox")
    house.work()
    house.truth, house.memories = book
    house.run = 3
    house.now += DAY
    house.want = wanted("cat")
    house.work()
    assert house.gone("fox")
    assert set(house.truth.words) == keys("cat")


def test_an_older_ledger_takes_our_own_removals_for_nobodys_no():
    house = House().settled("cat", "dog")
    book = (house.truth, dict(house.memories))
    house.run = 2
    house.want = wanted("dog")
    house.work()
    house.truth, house.memories = book
    house.run = 3
    house.now += DAY
    house.work()
    assert house.refused == set()
    assert house.gone("cat")
    assert set(house.truth.withheld) == keys("cat")


def test_a_mark_of_another_ledger_says_nothing():
    house = House()
    house.shows["sidecar"] = seen(full("cat"), claimed=Claim("another", 9, ("cat",)))
    house.work()
    assert house.truth.ours == set()
    assert set(house.truth.words) == keys("cat")


def test_a_word_that_came_back_after_the_mark_was_written_is_a_persons():
    house = House().settled("cat", "dog")
    house.edit(full("dog"))
    house.work()
    house.now += DAY
    house.edit(full("dog", "cat"))
    house.work()
    assert house.stands("cat")
    assert key(("cat",)) not in house.truth.ours


# The server that reads sidecars


def test_a_deleted_sidecar_that_the_server_read_refuses_nothing():
    house = both().settled("cat", "dog")
    house.shows["sidecar"] = seen(exists=False)
    house.tag()
    house.work()
    assert house.refused == set()
    assert house.stands("cat")
    assert house.stands("cat", "server")


def test_a_restored_sidecar_that_the_server_read_brings_nothing_back():
    house = both()
    house.edit(full("Oma"))
    house.settled("cat", "dog")
    old = house.shows["sidecar"]
    house.edit(full("cat", "dog"))
    house.work()
    house.now += DAY
    house.shows["sidecar"] = old
    house.tag("cat", "dog", "Oma")
    house.work()
    assert house.gone("Oma")
    assert house.gone("Oma", "server")


def test_all_tags_lost_just_after_we_wrote_them_is_the_servers_fault():
    house = both().settled("cat")
    house.want = wanted("cat", "dog")
    house.work()
    house.memories["server"] = replace(
        house.memories["server"], written=dict.fromkeys(keys("cat", "dog"), house.now)
    )
    house.now += 5
    house.tag()
    house.work()
    assert house.refused == set()
    assert house.stands("cat", "server")


def test_the_same_set_of_tags_twice_is_no_restored_backup():
    house = both().settled("cat")
    house.tag("cat", "Oma")
    house.work()
    house.now += DAY
    house.tag("cat")
    house.work()
    assert house.gone("Oma")


def test_a_refused_word_at_first_contact_is_no_addition():
    house = House().settled("cat", "dog")
    house.edit(full("dog"))
    house.work()
    house.layouts = both().layouts
    house.tag("cat", "dog", "Oma")
    house.work()
    assert house.refused == keys("cat")
    assert house.gone("cat", "server")
    assert house.stands("Oma")


def test_a_list_that_the_server_wrote_over_a_word_it_never_held_takes_nothing_away():
    house = both().settled("cat")
    house.edit({TAGS_LIST: ["cat", "Oma"]})
    house.work(kill=True)
    house.memories["sidecar"] = unwritten(house.memories["sidecar"])
    house.memories["server"] = unwritten(house.memories["server"])
    house.now += DAY
    house.tag("cat", "Opa")
    house.edit({TAGS_LIST: ["cat", "Opa"]})
    house.work()
    assert house.stands("Oma")
    assert house.stands("Oma", "server")
    assert house.stands("Opa")


def test_a_tag_that_the_file_holds_only_where_the_server_does_not_read_was_not_untagged():
    house = both()
    house.edit({TAGS_LIST: ["Opa"], HIERARCHICAL: ["Opa", "Oma"], SUBJECT: ["Opa", "Oma"]})
    house.work()
    assert house.stands("Oma", "server")
    house.now += DAY
    house.tag("Opa")
    house.work()
    assert house.stands("Oma", "server")
    assert house.refused == set()


# Nothing to do


def test_a_second_merge_writes_nothing_and_keeps_the_very_memory():
    house = both().settled("animals/cat", "dog")
    before = dict(house.memories)
    outcome = house.decide()
    for name, step in outcome.steps.items():
        assert not step.change
        assert step.memory is before[name]


def test_the_short_way_is_left_when_anything_differs():
    house = House().settled("cat", "dog")
    memory = house.memories["sidecar"]
    place = Place(SIDECAR, house.shows["sidecar"], memory)
    assert merge(house.truth, wanted("cat"), {"s": place}, house.context()).steps["s"].change
    undone = replace(house.truth, withheld={key(("cat",)): ("cat",)})
    assert merge(undone, house.want, {"s": place}, house.context()).steps["s"].change
    assert merge(house.truth, house.want, {"s": replace(place, memory=None)}, house.context()).steps["s"].memory


def test_confirming_clears_tries_of_words_that_stand():
    house = House()
    house.want = wanted("cat")
    outcome = house.decide()
    step = outcome.steps["sidecar"]
    booked = intended(step, house.context())
    assert booked.tries == {"cat": 1}
    assert booked.pending
    shown = after(house.shows["sidecar"], step.change)
    memory = confirmed(booked, SIDECAR, shown, outcome.truth, house.context())
    assert memory.tries == {}
    assert not memory.pending
    assert memory.confirmed == keys("cat")


def test_a_memory_without_a_booked_write_is_left_as_it_is():
    memory = Memory(digest=b"x", exists=True)
    assert unwritten(memory) is memory


def test_a_photo_of_which_nothing_is_known_keeps_its_words():
    house = House().settled("cat")
    house.want = None
    house.edit(full("cat", "Oma"))
    house.work()
    assert house.truth.ours == keys("cat")
    assert house.truth != Truth()
