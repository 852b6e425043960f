"""How fields are read, compared and rendered, each by itself."""

from __future__ import annotations

import pytest
from merge_place import full, keys

from metadata import fields
from metadata.fields import SIDECAR, Skip, edits, render, stand
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, key, typed

NOBODY = Skip()


def standing(lists, skip=NOBODY):
    return stand(SIDECAR, {name: tuple(values) for name, values in lists.items()}, skip)


def compared(before, now):
    return edits(SIDECAR, standing(before), standing(now))


def words(*names):
    return {key(typed(name)): typed(name) for name in names}


def test_a_path_in_any_field_is_a_word_and_its_leaf_is_not_another():
    assert set(standing({HIERARCHICAL: ["animals|cat"], SUBJECT: ["cat"]}).words) == keys("animals/cat")


def test_a_leaf_that_no_path_explains_is_a_flat_word():
    assert set(standing({HIERARCHICAL: ["animals|cat"], SUBJECT: ["cat", "Oma"]}).words) == keys(
        "animals/cat", "Oma"
    )


def test_lightrooms_ancestors_are_no_words():
    lists = {HIERARCHICAL: ["a", "a|b", "a|b|c"], SUBJECT: ["a", "b", "c"]}
    assert set(standing(lists).words) == keys("a/b/c")


def test_a_beginning_in_tags_list_is_a_word_since_nobody_lists_ancestors_there():
    assert set(standing({TAGS_LIST: ["animals", "animals/cat"]}).words) == keys("animals", "animals/cat")


def test_a_persons_parent_word_removed_in_tags_list_is_seen_though_its_child_stands():
    went = compared(full("animals", "animals/cat"), {**full("animals", "animals/cat"), TAGS_LIST: ["animals/cat"]})
    assert keys("animals") <= went.removed


def test_values_that_differ_by_spelling_are_one_word():
    assert set(standing({TAGS_LIST: ["Cat", "cat "], SUBJECT: ["CAT"]}).words) == keys("cat")


def test_programs_words_are_looked_past_in_every_field():
    lists = {
        HIERARCHICAL: ["darktable|changed"],
        SUBJECT: ["darktable", "changed"],
        TAGS_LIST: ["_Digikam_Internal_Tags_/x"],
    }
    assert standing(lists).words == {}


def test_a_settable_list_of_programs_is_looked_past():
    skip = Skip(frozenset({"mytool"}))
    assert set(standing({TAGS_LIST: ["MyTool/x", "darktable/x"]}, skip).words) == keys("darktable/x")


def test_people_named_like_a_region_are_looked_past():
    skip = Skip(people=frozenset({"Anna"}))
    lists = {TAGS_LIST: ["People/Anna", "People/Bea"], SUBJECT: ["Anna", "Bea"]}
    assert set(standing(lists, skip).words) == keys("People/Bea")


def test_the_field_that_differs_is_where_the_edit_happened():
    edit = compared(full("cat", "dog"), {**full("cat", "dog"), HIERARCHICAL: ["dog"]})
    assert edit.went == {TAGS_LIST: set(), HIERARCHICAL: keys("cat"), SUBJECT: set()}


def test_a_word_that_came_in_one_field_and_went_in_another_has_come():
    before = {TAGS_LIST: ["cat"], HIERARCHICAL: ["dog"]}
    edit = compared(before, {TAGS_LIST: ["cat", "dog"], HIERARCHICAL: ["fox"]})
    assert set(edit.added) == keys("dog", "fox")
    assert not edit.removed


def test_order_is_no_edit():
    edit = compared(full("cat", "dog"), full("dog", "cat"))
    assert not edit.added
    assert not edit.removed


def test_a_leaf_removed_from_dc_subject_means_the_word_with_that_leaf():
    edit = compared(full("animals/cat", "dog"), {**full("animals/cat", "dog"), SUBJECT: ["dog"]})
    assert edit.removed == keys("animals/cat")


def test_a_leaf_that_several_words_share_means_nobody_knows_which():
    before = full("animals/cat", "toys/cat", "dog")
    assert not compared(before, {**before, SUBJECT: ["dog"]}).removed


def test_ancestors_that_darktable_puts_into_dc_are_no_edit():
    before = full("animals/cat")
    edit = compared(before, {**before, SUBJECT: ["animals", "cat"]})
    assert not edit.added


@pytest.mark.parametrize(
    ("before", "now", "said"), [(("cat",), (), True), ((), (), False), (("cat",), None, False)]
)
def test_only_a_list_that_became_empty_says_no_keywords(before, now, said):
    lists = {} if now is None else {TAGS_LIST: now}
    assert fields.emptied(SIDECAR, {TAGS_LIST: before}, lists) is said


def test_other_fields_may_be_empty_without_saying_anything():
    assert not fields.emptied(SIDECAR, {SUBJECT: ("cat",)}, {SUBJECT: ()})


def change(lists, want=(), away=(), skip=NOBODY, fill=True):
    values = {name: tuple(value) for name, value in lists.items()}
    return render(SIDECAR, values, words(*want), words(*away), skip, fill=fill)


def test_a_word_is_added_to_every_field_in_its_spelling():
    add, remove = change({}, ["animals/cat"])
    assert add == {TAGS_LIST: ("animals/cat",), HIERARCHICAL: ("animals|cat",), SUBJECT: ("cat",)}
    assert remove == {}


def test_nothing_is_added_twice_whatever_its_spelling():
    assert change({TAGS_LIST: ["CAT"], HIERARCHICAL: ["Cat"], SUBJECT: ["cat"]}, ["cat"]) == ({}, {})


def test_every_spelling_of_an_unwanted_word_goes():
    _, remove = change({TAGS_LIST: ["CAT", "cat", "dog"]}, ["dog"], ["cat"])
    assert remove == {TAGS_LIST: ("CAT", "cat")}


def test_a_leaf_stays_while_another_word_needs_it():
    _, remove = change(full("animals/cat", "toys/cat"), ["toys/cat"], ["animals/cat"])
    assert SUBJECT not in remove


def test_words_of_nobodys_concern_stay():
    lists = {HIERARCHICAL: ["darktable|changed", "cat"], TAGS_LIST: ["Opa"]}
    _, remove = change(lists, [], ["cat"])
    assert remove == {HIERARCHICAL: ("cat",)}


def test_without_filling_nothing_is_added():
    add, remove = change({SUBJECT: ["Oma", "cat"]}, ["Oma"], ["cat"], fill=False)
    assert add == {}
    assert remove == {SUBJECT: ("cat",)}


def test_ancestors_go_from_lr_but_a_persons_own_stay_in_tags_list():
    lists = {TAGS_LIST: ["animals", "animals/cat"], HIERARCHICAL: ["animals", "animals|cat"]}
    _, remove = change(lists, [], ["animals/cat"])
    assert remove == {TAGS_LIST: ("animals/cat",), HIERARCHICAL: ("animals", "animals|cat")}


def test_words_keep_their_order_and_a_bar_inside_a_part_is_no_separator():
    lists = {"digiKam:TagsList": ("animals|cat", "animals/cat"), "dc:subject": ("b", "a")}
    stood = fields.stand(SIDECAR, {"dc:subject": ("b", "a")}, Skip())
    assert list(stood.words) == ["b", "a"]
    words = {"x": ("animals|cat",), "y": ("animals", "cat")}
    add, _ = fields.render(SIDECAR, {}, words, {}, Skip(), fill=True)
    assert set(add["lr:hierarchicalSubject"]) == {"animals/cat", "animals|cat"}
    assert lists["digiKam:TagsList"] == add["digiKam:TagsList"]
