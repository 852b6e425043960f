"""Pairs that are asked about instead of merged, and what tells them from those that are merged."""

import gc

import pytest

from models.dedupe.find import find
from models.lexicon import Lexicon


def looked(**counts):
    """What is found among words with these counts; blanks are written `_`."""
    return find({word.replace("_", " "): count for word, count in counts.items()})


def asked(**counts):
    """The pairs on the review list."""
    return [{a, b} for a, b, *_ in looked(**counts).suggestions]


@pytest.mark.parametrize(
    ("counts", "pair"),
    [
        ({"hot_chocolate": 9, "hot_cocoa": 4, "tent": 1}, {"hot chocolate", "hot cocoa"}),
        ({"Canon_EOS_R3": 5, "Canon_R3": 4}, {"Canon EOS R3", "Canon R3"}),
        ({"apple_pie": 12, "apple_lie": 1}, {"apple pie", "apple lie"}),
        ({"headland": 14, "cape": 6}, {"headland", "cape"}),
    ],
)
def test_what_may_be_one_is_asked_and_not_merged(counts, pair):
    assert looked(**counts).groups == []
    assert pair in asked(**counts)


@pytest.mark.parametrize(
    "words",
    [
        ["t-shirt", "tee shirt"],
        ["box turtle", "box tortoise"],
        ["b/w", "black and white"],
        ["first aid", "1st aid"],
    ],
)
def test_words_with_signs_and_phrases_of_wordnet_are_found_as_they_stand(words):
    assert [set(group.words) for group in find(dict.fromkeys(words, 2)).groups] == [set(words)]


def test_a_plural_that_wordnet_has_for_another_thing_is_no_plural_of_the_word():
    assert looked(chap=3, chaps=3).groups == []
    assert not Lexicon(["heads", "head"]).own_plural("heads")


def test_a_places_other_name_that_is_a_common_word_is_asked():
    assert looked(Iceland=9, Island=9).groups == []
    assert len(looked(Germany=9, Deutschland=9).groups) == 1


def test_a_verbs_meaning_in_common_makes_no_pair_of_nouns():
    assert asked(dart=3, fleet=3) == []


def test_the_collector_is_on_again_after_a_search_that_failed():
    def failing(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        find({"sofa": 1}, embed=failing)
    find({"sofa": 1, "couch": 1})
    assert gc.isenabled()
