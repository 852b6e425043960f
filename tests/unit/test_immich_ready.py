from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from metadata.immich import Asset, Look, Space, Tag, ready, settled

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PHOTO = Asset(
    id="a", owner="anna", path="/data/a.jpg", checksum=b"", visibility="timeline", trashed=False, offline=False,
    type="IMAGE", description="", tags=(), updated=NOW, extracted=True, preview=True,
)  # fmt: skip


def verdict(asset, **more) -> str:
    return ready(asset, {"anna"}, **more).verdict


@pytest.mark.parametrize("visibility", ["timeline", "archive"])
def test_a_photo_that_is_extracted_and_has_a_preview_is_ready(visibility):
    answer = ready(replace(PHOTO, visibility=visibility), ["anna"])
    assert (answer.verdict, answer.reason) == ("ready", "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"owner": "ben"}, "there is no key of its owner"),
        ({"visibility": "hidden"}, "its visibility is hidden"),
        (
            {"visibility": "hidden", "type": "VIDEO"},
            "it is the film of a Live Photo, which Immich shows with its still",
        ),
        ({"trashed": True}, "it is in the trash"),
        ({"offline": True}, "Immich finds its file no more"),
        ({"type": "AUDIO"}, "it is neither a photo nor a film"),
    ],
)
def test_what_is_not_for_us_is_left_alone(change, reason):
    answer = ready(replace(PHOTO, **change), {"anna"})
    assert (answer.verdict, answer.reason) == ("leave", reason)


@pytest.mark.parametrize(
    "change", [{"extracted": False}, {"extracted": None}, {"preview": False}, {"preview": None}]
)
def test_what_is_not_done_yet_or_not_told_is_waited_for(change):
    assert verdict(replace(PHOTO, **change)) == "wait"


def test_a_file_that_immich_does_not_know_yet_is_waited_for():
    assert verdict(None) == "wait"


def test_what_was_looked_at_and_is_shown_no_more_is_forgotten():
    assert verdict(None, known=True) == "forget"


@pytest.mark.parametrize("change", [{}, {"owner": "ben"}, {"trashed": True}, {"extracted": False}])
@pytest.mark.parametrize("known", [True, False])
def test_a_locked_photo_is_forgotten_whatever_else_is_true_of_it(change, known):
    assert verdict(replace(PHOTO, visibility="locked", **change), known=known) == "forget"


def test_visibilities_can_be_fewer():
    assert verdict(replace(PHOTO, visibility="archive"), visible=("timeline",)) == "leave"


def test_a_marked_photo_is_passed_over_unless_the_ledger_knows_it():
    marked = replace(PHOTO, tags=(Tag("t", "auto:processed"),))
    assert verdict(marked, marker="auto:processed") == "leave"
    assert verdict(marked, marker="auto:processed", known=True) == "ready"
    assert verdict(marked) == "ready"


LOOK = Look(frozenset(), NOW, frozenset(), "", "")


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (None, False),
        (LOOK, False),
        (replace(LOOK, extracted=None), False),
        (replace(LOOK, extracted=NOW + timedelta(seconds=1)), True),
        (replace(LOOK, extracted=NOW + timedelta(seconds=1), locked=frozenset({"tags"})), False),
        (replace(LOOK, extracted=NOW + timedelta(seconds=1), locked=frozenset({"description"})), False),
    ],
)
def test_a_change_has_settled_when_nothing_is_locked_and_it_was_extracted_since(now, over):
    assert settled(LOOK, now) is over


def test_without_a_look_before_it_is_enough_that_nothing_is_under_way():
    assert settled(None, LOOK)
    assert not settled(None, replace(LOOK, extracted=None))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Space("a", 512, 1000), ""),
        (Space("a", 512, 600), ""),
        (Space("", 512, 1000), ""),
        (Space("b", 512, 1000), "the model is b now, a before"),
        (Space("a", 768, 1000), "vectors have 768 numbers now, 512 before"),
        (Space("a", 512, 400), "400 vectors are there, 1,000 before: they are being made anew"),
    ],
)
def test_a_change_of_the_vectors_is_said_and_a_few_missing_ones_are_none(now, said):
    assert Space("a", 512, 1000).changed(now) == said


def test_a_film_that_immich_shows_is_ready_like_a_photo():
    assert verdict(replace(PHOTO, type="VIDEO")) == "ready"
