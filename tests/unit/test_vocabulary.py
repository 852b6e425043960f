"""The words that pictures are compared with."""

import pytest

from metadata.errors import UserError
from metadata.tags import clean
from models import vocabulary


def test_ours_is_as_large_as_that_of_ram_and_every_word_can_be_written():
    ours = vocabulary.chosen()
    assert 4000 < len(ours.words) < 5500
    assert all(clean(word) == word for word in ours.words)
    assert ("landscape", "beach") in ours.words
    assert ("animals", "dog") in ours.words
    assert len(ours.words) == len(set(ours.words)) == len(ours.names)


def test_no_word_of_ours_stands_twice_below_one_path():
    leaves = [word[-1] for word in vocabulary.chosen().words]
    assert len(leaves) - len(set(leaves)) < 0.01 * len(leaves)


def test_a_word_stands_in_templates_and_its_synonyms_in_the_first():
    made = vocabulary.parsed(
        ["landscape/beach = sandy beach = shore = strand", "# a remark", "", "sea  # another"], "x"
    )
    assert made.words == (("landscape", "beach"), ("sea",))
    assert made.texts[0] == ["a photo of beach.", "beach", "a photo of sandy beach.", "a photo of shore."]


def test_a_person_s_own_words_or_file_take_the_place_of_ours(tmp_path):
    assert vocabulary.chosen(words=["Oma's garden", "boat"]).words == (("Oma's garden",), ("boat",))
    (tmp_path / "words.txt").write_text("Münster/Dom = cathedral\n")
    assert vocabulary.chosen(str(tmp_path / "words.txt")).words == (("Münster", "Dom"),)
    with pytest.raises(UserError, match="holds no word"):
        vocabulary.parsed(["# nothing"], "x")
    with pytest.raises(UserError, match="cannot be read"):
        vocabulary.chosen(str(tmp_path / "none.txt"))


def test_another_vocabulary_has_another_stamp():
    assert vocabulary.parsed(["a"], "x").stamp != vocabulary.parsed(["b"], "x").stamp
    assert vocabulary.parsed(["a"], "x").stamp == vocabulary.parsed(["a"], "y").stamp
