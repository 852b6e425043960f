"""The invariants of the merge, in random lives beside the stand-in: real HTTP, tables, files and exiftool."""

from __future__ import annotations

import os

import pytest
from merge_world import life, live
from stand_in_world import QUEUES, standing
from test_mirror_machine import never_repaired

from tests.immich import missing, running
from tests.immich_stand_in import Links

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LIVES = int(os.environ.get("STAND_IN_LIVES", "100" if LONG else "2"))
FIRST = int(os.environ.get("STAND_IN_FIRST_LIFE", "0"))


@pytest.fixture(scope="module")
def immich():
    with running() as found:
        for queue in QUEUES:
            found.pause(queue)
        yield found


@pytest.fixture
def links(immich):
    made = Links.of(immich)
    yield made
    made.close()


@pytest.mark.timeout(7200 if LONG else 1200)
@pytest.mark.parametrize(
    ("exact", "registered"), [(True, True), (True, False), (False, False)],
    ids=["sidecars are looked for", "sidecars are not looked for", "no database"],
)  # fmt: skip
def test_no_word_is_lost_and_none_comes_back_beside_a_real_server(links, exact, registered):
    for seed in range(FIRST, FIRST + LIVES):
        with standing(links, exact=exact, registered=registered) as world:
            try:
                live(world, life(seed))
            except AssertionError as error:
                pytest.fail(f"life {seed}: {error}")


def test_lost_tags_that_are_not_repaired_are_missed_here_too(links, monkeypatch):
    never_repaired(monkeypatch)
    with standing(links, exact=True, registered=False) as world, pytest.raises(AssertionError):
        live(world, life(6))
