"""A place that is only read: no news at first contact, a person's edits later, and nothing is missed there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from merge_place import full, keys, seen, wanted

from metadata.fields import SIDECAR
from metadata.memory import Context, Place, Truth
from metadata.merge import confirmed, intended, merge
from metadata.sinks import Claim, Seen
from metadata.tags import SUBJECT
from watcher.ledger import embedded

DC = "dc:description"
CONTEXT = Context("book", 1, 1_000_000.0)


class Photo:
    """A photo that is read, and its sidecar: where there is none, that shows what the photo holds."""

    def __init__(self) -> None:
        self.truth, self.memories, self.sidecar = Truth(), {}, None
        self.inside = seen(full("Oma", "garden"), texts={DC: "Oma waters"})

    def shown(self) -> Seen:
        return self.sidecar or Seen(False, b"", self.inside.lists, self.inside.texts)

    def merge(self, *words):
        places = {
            "sidecar": Place(SIDECAR, self.shown(), self.memories.get("sidecar")),
            "embedded": Place(SIDECAR, self.inside, self.memories.get("embedded"), writable=False),
        }
        outcome = merge(self.truth, wanted(*words), places, CONTEXT)
        assert not outcome.steps["embedded"].change
        self.truth = outcome.truth
        self.memories = {name: step.memory for name, step in outcome.steps.items()}
        change = outcome.steps["sidecar"].change
        if change:
            old = self.shown()
            lists = {
                name: tuple(v for v in old.lists.get(name, ()) if v not in change.remove.get(name, ()))
                + change.add.get(name, ())
                for name in full()
            }
            texts = {name: text for name, text in {**old.texts, **change.texts}.items() if text}
            self.sidecar = seen(lists, texts=texts, claimed=change.claim)
            memory = intended(outcome.steps["sidecar"], CONTEXT)
            self.memories["sidecar"] = confirmed(memory, SIDECAR, self.sidecar, self.truth, CONTEXT)
        return outcome


@pytest.fixture
def photo():
    return Photo()


def test_a_photo_s_own_words_are_a_person_s_and_make_no_sidecar(photo):
    photo.merge()
    assert photo.truth.words.keys() == keys("Oma", "garden")
    assert not photo.truth.ours
    assert photo.truth.caption == "Oma waters"
    assert photo.sidecar is None


def test_once_all_agree_nothing_is_to_be_done(photo):
    photo.merge("cat")
    photo.merge("cat")
    outcome = photo.merge("cat")
    assert not any(step.change for step in outcome.steps.values())
    assert not any(reading.person or reading.lost for reading in outcome.readings.values())


def test_an_edit_inside_while_there_is_no_sidecar_makes_none(photo):
    photo.merge()
    photo.inside = seen(full("Oma", "rose"), texts={DC: "Oma rests"})
    photo.merge()
    assert photo.truth.words.keys() == keys("Oma", "rose")
    assert photo.truth.refused.keys() == keys("garden")
    assert photo.truth.caption == "Oma rests"
    assert photo.sidecar is None


def test_what_a_standing_sidecar_lacks_is_no_wish(photo):
    photo.sidecar = seen(full("mine"))
    photo.merge()
    assert photo.truth.words.keys() == keys("mine")
    assert photo.truth.caption == ""


def test_words_that_come_and_go_inside_are_carried(photo):
    photo.merge("cat")
    photo.inside = seen(full("Oma", "rose"), texts={DC: "Oma waters"})
    photo.merge("cat")
    assert set(photo.sidecar.lists[SUBJECT]) == {"Oma", "rose", "cat"}
    assert photo.truth.refused.keys() == keys("garden")


def test_an_earlier_state_that_is_back_takes_nothing_away(photo):
    photo.merge("cat")
    first = photo.inside
    photo.inside = seen(full("Oma", "garden", "rose"), texts={DC: "Oma rests"})
    photo.merge("cat")
    photo.inside = first
    photo.merge("cat")
    assert "rose" in photo.sidecar.lists[SUBJECT]
    assert photo.truth.caption == "Oma rests"


def test_a_photo_that_is_emptied_takes_nothing_away(photo):
    photo.merge("cat")
    photo.inside = Seen(True, b"")
    photo.merge("cat")
    assert {"Oma", "garden"} < set(photo.sidecar.lists[SUBJECT])
    assert photo.truth.caption == "Oma waters"
    assert not photo.truth.refused


def test_our_words_are_never_missed_inside(photo):
    photo.merge("cat")
    photo.inside = seen(full("Oma", "garden", "cat"), texts={DC: "Oma waters"})
    photo.merge("cat")
    assert photo.truth.ours == keys("cat")
    photo.inside = seen(full("Oma", "garden"), texts={DC: "Oma waters", "dc:title": "new"})
    outcome = photo.merge("cat")
    assert outcome.readings["embedded"].removed == keys("cat")
    assert not outcome.readings["embedded"].lost


def test_a_deleted_sidecar_is_no_edit_and_what_the_photo_shows_is_not_missed(photo):
    photo.merge("cat")
    photo.sidecar = replace(photo.sidecar, lists=full("Oma", "garden", "cat", "mine"), digest=b"edited")
    photo.merge("cat")
    photo.sidecar = None
    outcome = photo.merge("cat")
    assert outcome.readings["sidecar"].overwritten == keys("cat", "mine")
    assert set(photo.sidecar.lists[SUBJECT]) == {"Oma", "garden", "cat", "mine"}
    assert not photo.truth.refused


@pytest.mark.parametrize(
    "given",
    [
        Seen(True, b""),
        Seen(
            True,
            b"digest",
            {SUBJECT: ("Oma", "\udcff")},
            {DC: "Oma"},
            frozenset({"darktable"}),
            frozenset({"Ute"}),
            Claim("book", 3, ("cat",), (DC,)),
        ),
    ],
)
def test_the_ledger_gives_back_what_it_was_given(given):
    assert embedded.unpack((given.digest, embedded.pack(given))) == given
