"""Each invariant is seen to fail when the line that holds it is taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from merge_world import World, life, live

from metadata import echoes, fields, merge, reading

LIVES = 5000
"""How many lives are tried before one says that nothing bites."""


def bitten(*, server=True, first=0):
    """The invariant that the first failing life breaks, by the first sign of its name; "-" where none fails.

    `first` is the number of a life that was seen to fail, so that the search is short.
    """
    for seed in range(first, first + LIVES):
        try:
            live(World(server=[] if server else None), life(seed))
        except AssertionError as error:
            return error.args[0][0][0]
    return "-"


@pytest.mark.parametrize("first", [65, 226, 425, 650, 1255, 1706])
def test_alone_nothing_bites_while_nothing_is_taken_out(first):
    for seed in range(first, first + 3):
        live(World(server=None), life(seed))


@pytest.mark.parametrize("first", [25, 91, 1161, 4300])
def test_with_a_server_nothing_bites_while_nothing_is_taken_out(first):
    for seed in range(first, first + 3):
        live(World(), life(seed))


def without(name, empty):
    """Reading a place as ever, but deaf to one thing."""
    original = merge.read

    def read(place, truth, context):
        return replace(original(place, truth, context), **{name: empty})

    return read


def test_the_first_bites_when_a_persons_additions_are_not_heard(monkeypatch):
    monkeypatch.setattr(merge, "read", without("added", {}))
    assert bitten() in "14"


def test_the_first_bites_when_darktable_is_taken_to_know_every_word(monkeypatch):
    monkeypatch.setattr(reading, "_in_the_book", lambda *_: True)
    assert bitten(server=False, first=1255) in "135"


def test_the_first_bites_when_fields_are_not_brought_along(monkeypatch):
    original = merge._remembered
    monkeypatch.setattr(merge, "_remembered", lambda *args: replace(original(*args), stale=False))
    assert bitten(server=False, first=1706) in "124"


def test_the_first_bites_when_a_vanished_field_counts_word_by_word(monkeypatch):
    monkeypatch.setattr(reading, "_speaks", lambda *_: True)
    assert bitten(server=False, first=650) in "135"


def test_the_second_bites_when_a_persons_removals_are_not_heard(monkeypatch):
    monkeypatch.setattr(merge, "read", without("removed", frozenset()))
    assert bitten() == "2"


def test_the_second_bites_when_choice_may_bring_back_what_was_refused(monkeypatch):
    original = merge._chosen

    def chosen(truth, wanted, context):
        return replace(original(replace(truth, refused={}), wanted, context), refused=truth.refused)

    monkeypatch.setattr(merge, "_chosen", chosen)
    assert bitten() in "02"


def test_the_second_bites_when_darktable_may_bring_words_back(monkeypatch):
    monkeypatch.setattr(reading, "_from_a_book", lambda *_: False)
    assert bitten(server=False, first=425) in "24"


def test_the_third_bites_when_all_of_ours_missing_is_taken_for_a_no(monkeypatch):
    original = reading._judged

    def judged(*args):
        said = original(*args)
        return replace(said, removed=said.removed | said.overwritten, overwritten=frozenset())

    monkeypatch.setattr(reading, "_judged", judged)
    assert bitten(server=False, first=65) in "135"


def test_the_third_bites_when_nothing_is_written(monkeypatch):
    monkeypatch.setattr(fields, "render", lambda *_, **__: ({}, {}))
    assert bitten() in "134"


def test_the_fourth_bites_when_what_is_unwanted_is_left(monkeypatch):
    monkeypatch.setattr(merge, "_unwanted", lambda *_: {})
    assert bitten() in "24"


def test_the_fourth_bites_when_a_kill_makes_it_forget_what_has_to_go(monkeypatch):
    original = merge._unwanted

    def unwanted(before, truth, read, memory, now):
        return original(
            before, truth, read, replace(memory, dropping=frozenset(), ours=memory.ours & truth.ours), now
        )

    monkeypatch.setattr(merge, "_unwanted", unwanted)
    assert bitten(server=False, first=226) == "4"


def test_the_fourth_bites_when_our_mark_in_the_file_is_not_believed(monkeypatch):
    monkeypatch.setattr(reading, "claimed_words", lambda *_: frozenset())
    monkeypatch.setattr(merge, "claimed_words", lambda *_: frozenset())
    assert bitten(first=4300) in "145"


def test_the_fifth_bites_when_a_deleted_sidecar_is_a_no(monkeypatch):
    monkeypatch.setattr(
        reading, "_whole", lambda place, truth, missing: merge.Reading(removed=missing, lost=missing)
    )
    assert bitten(server=False) in "135"


def test_the_fifth_bites_when_the_server_is_believed_to_speak_for_itself(monkeypatch):
    monkeypatch.setattr(merge, "explained", lambda readings, *_: dict(readings))
    assert bitten(first=91) in "12345"


def test_the_fifth_bites_when_undone_words_come_back(monkeypatch):
    original = merge._chosen

    def chosen(truth, wanted, context):
        return replace(original(replace(truth, withheld={}), wanted, context), withheld=truth.withheld)

    monkeypatch.setattr(merge, "_chosen", chosen)
    assert bitten(first=25) == "4"


def test_the_copies_of_a_server_bite_one_by_one(monkeypatch):
    monkeypatch.setattr(echoes, "_without_echoes", lambda _, said, *__: said)
    assert bitten(first=1161) in "24"
