"""A way back between two nearly equal files gives the old bytes or says that it cannot; recipes of words too."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata.delta import between, patch
from metadata.embedded import Content
from metadata.way_back import recipe, undone

SECTION = st.binary(max_size=400)
FILES = st.lists(st.tuples(SECTION, SECTION, SECTION), max_size=6)


@given(FILES)
def test_the_old_bytes_come_back(sections):
    old = b"".join(one + two * 9 for one, two, _ in sections)
    new = b"".join(three + two * 9 for _, two, three in sections)
    made = between(old, new, most=2**20)
    assert made is not None
    assert patch(made, new) == old


def test_data_that_moved_is_not_kept_twice():
    import random

    noise = random.Random(1).randbytes
    picture, first, second = noise(400_000), noise(9_000), noise(9_000)
    old = b"head" + first + b"words" + second + picture + b"end"
    new = b"HEAD" + noise(3_000) + second + b"other words" + first + noise(2_000) + picture + b"END."
    assert len(between(old, new, most=2**15)) < 200
    assert patch(between(old, new, most=2**15), new) == old


def test_a_recipe_that_would_be_too_large_is_not_made():
    import random

    noise = random.Random(1).randbytes
    assert between(noise(50_000), noise(50_000), most=2**15) is None
    assert between(noise(20_000), b"", most=2**15) is not None


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_damaged_recipe_or_another_content_is_noticed(old, data):
    new = old + b"more"
    made = bytearray(between(old, new, most=2**20))
    place = data.draw(st.integers(0, len(made) - 1))
    made[place] ^= data.draw(st.integers(1, 255))
    with suppress(ValueError):  # a bit of the compressed form may mean nothing
        assert patch(bytes(made), new) == old
    with pytest.raises(ValueError):
        patch(between(old, new, most=2**20), new + b"x")


PARTS = st.one_of(st.none(), st.binary(max_size=300))
CONTENTS = st.builds(Content, PARTS, PARTS, PARTS, PARTS, PARTS, PARTS)


@given(CONTENTS, CONTENTS, st.binary(max_size=50))
def test_the_old_content_comes_back_with_the_delta(before, after, delta):
    assert undone(recipe(before, after, delta), after) == (before, delta)


@given(CONTENTS, CONTENTS, st.data())
def test_a_recipe_of_words_that_is_damaged_is_a_value_error_or_a_content(before, after, data):
    made = bytearray(recipe(before, after))
    made[data.draw(st.integers(0, len(made) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ValueError):
        assert isinstance(undone(bytes(made), after)[0], Content)
    for bad in (b"", bytes(made[:5]), b"\x01D"):
        with pytest.raises(ValueError):
            undone(bad, after)
