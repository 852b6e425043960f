"""Words: how each field spells them, when two are one, and what is made safe."""

from __future__ import annotations

import pytest

from metadata import tags
from metadata.tags import clean, key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Cat",), ("cat",)),
        (("Stra\u00dfe",), ("STRASSE",)),
        (("Cafe\u0301",), ("Caf\u00e9",)),
        ((" cat ",), ("cat",)),
        (("AC/DC",), ("AC|DC",)),
        (("Animals", "Cat"), ("animals", "cat")),
    ],
)
def test_spellings_of_one_word_share_a_key(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"), [(("animals", "cat"), ("cat",)), (("a", "b"), ("a|b",)), (("o",), ("\u00f6",))]
)
def test_other_words_have_other_keys(one, other):
    assert key(one) != key(other)


def test_the_ledgers_text_comes_back_as_the_same_word():
    word = ("AC/DC, live", "a|b")
    assert tags.parse(tags.text(word)) == word


def test_a_slash_in_lr_and_a_bar_in_tags_list_are_parts_of_one_word():
    in_lr = tags.from_hierarchical("music|AC/DC")
    in_tags_list = tags.from_tags_list("music/AC|DC")
    assert key(in_lr) == key(in_tags_list)
    assert tags.to_tags_list(in_lr) == "music/AC|DC"
    assert tags.to_hierarchical(in_tags_list) == "music|AC/DC"


def test_empty_parts_fall_away():
    assert tags.from_tags_list("/animals//cat/") == ("animals", "cat")
    assert tags.from_hierarchical("|cat| ") == ("cat",)
    assert tags.from_tags_list("//") == ()


@pytest.mark.parametrize("typed", ["animals/cat", "animals|cat", " animals / cat ", "/animals/cat/"])
def test_a_person_may_type_a_path_with_either_sign(typed):
    assert tags.typed(typed) == ("animals", "cat")


def test_a_word_is_shown_as_it_can_be_typed():
    assert tags.show(("music", "AC/DC")) == "music/AC|DC"


@pytest.mark.parametrize(
    ("said", "safe"),
    [
        (("a, b",), ("a b",)),
        (("AC/DC",), ("AC DC",)),
        (("x|y;z",), ("x y z",)),
        (("two\nlines",), ("two lines",)),
        (("z\u200bero\x00",), ("zero",)),
        (("Cafe\u0301",), ("Caf\u00e9",)),
        (("  blanks   fold ",), ("blanks fold",)),
        (("\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d",), ("\U0001f468\u200d\U0001f469\u200d\U0001f467",)),
        (("\u0645\u06cc\u200c\u062e",), ("\u0645\u06cc\u200c\u062e",)),
        (("\u05e2\u05d1\u05e8\u05d9\u05ea\u200f",), ("\u05e2\u05d1\u05e8\u05d9\u05ea",)),
        (("\U0001f3f4\U000e0067\U000e007f",), ("\U0001f3f4\U000e0067\U000e007f",)),
        (("\U000e0067x",), ("x",)),
    ],
)
def test_a_word_that_we_create_is_safe_for_every_program(said, safe):
    assert clean(said) == safe


@pytest.mark.parametrize("said", [(), ("",), (" / ",), ("a", ""), ("x" * 256,)])
def test_nothing_is_made_of_a_word_of_which_nothing_is_left(said):
    assert clean(said) is None


def test_why_nothing_is_made_of_a_word_is_said():
    assert tags.unwritable(("x" * 256,)) == "a part of it is longer than 255 signs"
    assert tags.unwritable(("\x01",)).startswith("nothing is left of it")
    assert not tags.unwritable(("cat",))


def test_the_longest_part_is_kept():
    assert clean(("x" * 255,)) == ("x" * 255,)


def test_ancestors_are_every_strict_beginning():
    assert tags.ancestors(("a", "b", "c")) == [("a",), ("a", "b")]
    assert tags.ancestors(("a",)) == []
