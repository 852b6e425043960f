"""The invariants of the merge with the real sink of Immich beside the sidecar's, with and without a database."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from merge_world import life, live
from mirror_world import Files, MirrorWorld

from metadata.mirror.plan import Wish
from metadata.sinks.immich import ImmichSink

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LIVES = 20_000 if LONG else 400


@pytest.mark.parametrize(
    ("exact", "registered"), [(True, True), (True, False), (False, False)],
    ids=["registered", "not yet registered", "no database"],
)  # fmt: skip
def test_no_word_is_lost_and_none_comes_back_in_any_life(exact, registered):
    for seed in range(LIVES):
        try:
            live(MirrorWorld(exact=exact, registered=registered), life(seed))
        except AssertionError as error:
            pytest.fail(f"life {seed}: {error}")


def unlocked(monkeypatch):
    monkeypatch.setattr("metadata.sinks.immich.ImmichSink._seen", _careless(ImmichSink._seen))


def _careless(seen):
    def told(self, photo, home, shown):
        return seen(self, photo, home, {name: replace(state, locked=False) for name, state in shown.items()})

    return told


def never_repaired(monkeypatch):
    monkeypatch.setattr("metadata.mirror.bring.Mirror._call", lambda *_: None)
    monkeypatch.setattr("metadata.mirror.bring.wrong", lambda wish, shown: Wish(wish.asset, wish.owner))


def overwritten(monkeypatch):
    monkeypatch.setattr(Files, "_write", _blind(Files._write))


def _blind(write):
    def blindly(self, draft):
        (now,) = self.read([draft.photo])
        return write(self, replace(draft, before=now.digest))

    return blindly


@pytest.mark.parametrize("without", [unlocked, never_repaired, overwritten])
def test_each_line_that_holds_them_is_missed(without, monkeypatch):
    without(monkeypatch)
    with pytest.raises(AssertionError):
        lives(4000)


def lives(count):
    for seed in range(count):
        live(MirrorWorld(exact=True, registered=bool(seed % 2)), life(seed))
