"""Aliases: whole paths and last parts, resolved to their end, no circles."""

from __future__ import annotations

import pytest

from metadata import aliases
from metadata.choose import Rules, named
from metadata.errors import UserError

COUCH, SOFA, SETTEE = ("couch",), ("sofa",), ("settee",)


def test_an_alias_leads_to_its_end():
    assert aliases.resolved({"couch": SETTEE, "settee": SOFA}) == {"couch": SOFA, "settee": SOFA}


def test_a_word_may_be_an_alias_of_itself_in_another_spelling():
    assert aliases.resolved({"dslr": ("DSLR",)}) == {"dslr": ("DSLR",)}
    assert aliases.added({}, ("Dslr",), ("DSLR",)) == {"dslr": ("DSLR",)}


def test_a_circle_is_refused():
    with pytest.raises(UserError, match="circle: sofa -> couch -> sofa"):
        aliases.added({"couch": SOFA}, SOFA, COUCH)
    with pytest.raises(UserError, match="itself"):
        aliases.added({}, SOFA, SOFA)


def test_a_last_part_is_exchanged_and_no_level_is_lost():
    leaves = {"couch": SOFA, "dogs": ("animals", "dog")}
    assert aliases.applied(("furniture", "Couch"), {}, leaves) == ("furniture", "sofa")
    assert aliases.applied(("pets", "dogs"), {}, leaves) == ("pets", "dog")
    assert aliases.applied(("dogs",), {}, leaves) == ("animals", "dog")


def test_a_whole_path_matches_nothing_else_and_goes_first():
    paths, leaves = {"couch": SETTEE}, {"couch": SOFA}
    assert aliases.applied(COUCH, paths, leaves) == SETTEE
    assert aliases.applied(("furniture", "couch"), paths, {}) == ("furniture", "couch")


def test_choice_writes_the_word_in_use():
    rules = Rules(leaves={"couch": SOFA}, block=frozenset({"chair"}))
    assert named(("furniture", "couch"), rules) == ("furniture", "sofa")


def test_the_key_of_what_is_meant_is_known_without_the_word():
    assert aliases.keys("furniture\x1fcouch", {"couch": SOFA}) == "furniture\x1fsofa"
    assert aliases.keys("couch", {"couch": SOFA}) == "sofa"
    assert aliases.keys("cat", {"couch": SOFA}) == "cat"
