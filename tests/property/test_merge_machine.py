"""The merge in a small world: people, programs that overwrite, a server, a killer, and the five invariants."""

from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from merge_world import FIELDS, WORDS, World, life, live

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

words = st.sampled_from(WORDS)
numbers = st.integers(0, 20)


class Merging(RuleBasedStateMachine):
    """Everything that people and programs do to one photo, in any order; its wishes are kept by the world."""

    connected = True

    def __init__(self) -> None:
        super().__init__()
        self.world = World(server=[] if self.connected else None)

    @rule(word=words, present=st.booleans())
    def somebody_in_digikam(self, word, present):
        self.world.digikam(word, present)

    @rule(word=words, present=st.booleans())
    def somebody_in_lightroom(self, word, present):
        self.world.lightroom(word, present)

    @rule(word=words, present=st.booleans(), field=st.sampled_from(FIELDS))
    def somebody_with_exiftool(self, word, present, field):
        self.world.exiftool(word, present, field)

    @rule(word=words, present=st.booleans())
    def somebody_in_immich(self, word, present):
        self.world.immich(word, present)

    @rule(old=words, new=words)
    def somebody_renames_in_digikam(self, old, new):
        self.world.rename(old, new)

    @rule()
    def immich_writes_the_sidecar_and_reads_it(self):
        self.world.immich_jobs()

    @rule()
    def darktable_imports(self):
        self.world.darktable_import()

    @rule()
    def a_slider_is_moved_in_darktable(self):
        self.world.slider()

    @rule(word=words, present=st.booleans())
    def somebody_in_darktable(self, word, present):
        self.world.darktable(word, present)

    @rule()
    def the_sidecar_is_deleted(self):
        self.world.delete()

    @rule()
    def a_backup_is_made(self):
        self.world.back_up()

    @rule(number=numbers)
    def a_backup_comes_back(self, number):
        self.world.restore(number)

    @rule()
    def the_photo_is_moved_without_its_sidecar(self):
        self.world.move_without_sidecar()

    @rule()
    def the_ledger_is_backed_up(self):
        self.world.copy_ledger()

    @rule(number=numbers)
    def an_old_ledger_comes_back(self, number):
        self.world.old_ledger(number)

    @rule(wanted=st.sets(words, max_size=4))
    def choice_changes(self, wanted):
        self.world.want(wanted)

    @rule()
    def everything_is_undone(self):
        self.world.undo()

    @rule()
    def everything_is_redone(self):
        self.world.redo()

    @rule()
    def a_new_run_begins(self):
        self.world.run()

    @rule(seconds=st.sampled_from([1, 60, 700, 7200, 200_000]))
    def time_passes(self, seconds):
        self.world.wait(seconds)

    @rule()
    def tagwright_passes(self):
        self.world.tagwright()

    @rule(at=st.integers(0, 6))
    def tagwright_is_killed(self, at):
        self.world.kill(at)

    @rule(at=st.integers(1, 4), word=words, present=st.booleans())
    def somebody_saves_between_two_steps(self, at, word, present):
        self.world.meddle(at, word, present)

    @rule()
    def all_comes_to_rest(self):
        self.world.rest()

    @rule()
    def a_person_deals_with_what_was_set_aside(self):
        self.world.retry()

    @invariant()
    def no_word_is_ours_and_refused(self):
        truth = self.world.ledger.truth
        assert not truth.ours & truth.refused.keys()
        assert truth.ours <= truth.words.keys()

    def teardown(self):
        self.world.wait(100_000)
        self.world.rest()


class Alone(Merging):
    """The same with a sidecar and no server."""

    connected = False


PROFILE = settings(
    max_examples=4000 if LONG else 150,
    stateful_step_count=50 if LONG else 25,
    deadline=None,
    derandomize=not LONG,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
Merging.TestCase.settings = PROFILE
Alone.TestCase.settings = PROFILE
TestWithServer = Merging.TestCase
TestAlone = Alone.TestCase


@pytest.mark.parametrize("server", [[], None], ids=["with a server", "alone"])
def test_the_invariants_hold_through_many_random_lives(server):
    for seed in range(20_000 if LONG else 300):
        live(World(server=None if server is None else []), life(seed))
