"""Words that a person approved to become another: the truth, and fields respelled."""

from __future__ import annotations

from metadata import joining
from metadata.fields import SIDECAR, Skip
from metadata.memory import Truth
from metadata.tags import SUBJECT, TAGS_LIST, key

COUCH, SOFA = ("couch",), ("sofa",)


def truth(*persons, ours=(), refused=()):
    words = {key(word): word for word in (*persons, *ours)}
    return Truth(words, frozenset(map(key, ours)), {key(word): word for word in refused})


def test_a_persons_word_stays_a_persons():
    assert joining.joined(truth(COUCH), {"couch": SOFA}) == truth(SOFA)


def test_a_word_of_ours_stays_ours_and_a_persons_wins_over_it():
    assert joining.joined(truth(ours=[COUCH]), {"couch": SOFA}) == truth(ours=[SOFA])
    assert joining.joined(truth(COUCH, ours=[SOFA]), {"couch": SOFA}) == truth(SOFA)
    assert joining.joined(truth(SOFA, ours=[COUCH]), {"couch": SOFA}) == truth(SOFA)


def test_a_persons_word_does_not_become_one_that_a_person_took_away():
    before = truth(COUCH, refused=[SOFA])
    assert joining.joined(before, {"couch": SOFA}) == before


def test_a_word_of_ours_goes_where_a_person_took_the_other_away():
    assert joining.joined(truth(ours=[COUCH], refused=[SOFA]), {"couch": SOFA}) == truth(refused=[SOFA])


def test_a_word_may_change_its_spelling_alone():
    assert joining.joined(truth(("Dslr",)), {"dslr": ("DSLR",)}) == truth(("DSLR",))


def test_what_is_not_there_changes_nothing():
    before = truth(SOFA)
    assert joining.joined(before, {"couch": SOFA}) is before


def test_fields_show_the_truths_spelling_and_each_value_once():
    lists = {TAGS_LIST: ("Dslr", "dslr", "cat"), SUBJECT: ("DSLR", "Dslr")}
    names = (frozenset({"dslr"}), frozenset())
    add, remove = joining.respelled(SIDECAR, lists, {"dslr": ("DSLR",)}, Skip(), ({}, {}), names)
    assert add == {TAGS_LIST: ("DSLR",)}
    assert remove == {TAGS_LIST: ("Dslr", "dslr"), SUBJECT: ("Dslr",)}


def test_what_came_back_leaves_another_spelling_beside_it_alone():
    lists = {TAGS_LIST: ("Dslr", "cat"), SUBJECT: ("DSLR", "Dslr")}
    names = (frozenset({"dslr"}), frozenset({"dslr"}))
    add, remove = joining.respelled(SIDECAR, lists, {"dslr": ("DSLR",)}, Skip(), ({}, {}), names)
    assert (add, remove) == ({TAGS_LIST: ("DSLR",)}, {TAGS_LIST: ("Dslr",)})
