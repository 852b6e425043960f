"""The short form of the soak: kills, a model's host that is away, a folder that becomes read-only."""

from __future__ import annotations

import os

import pytest

from benchmarks import soak


@pytest.mark.slow
@pytest.mark.real
def test_everything_that_lands_is_delivered_whatever_dies_meanwhile():
    seen = soak.soak(soak.Wish(seconds=9, rate=5, kill=4, settled=1))
    assert seen.left == []
    assert seen.photos == 45
    assert seen.kills >= 1
    assert all(seen.faults.values()), seen.faults


def test_growth_is_told_for_each_ten_thousand_photos():
    seen = soak.Seen(samples=[(1000 * n, 100 + 0.5 * n, 14, 0) for n in range(10)])
    assert seen.slope(1) == pytest.approx(5.0)
    assert seen.slope(2) == pytest.approx(0.0)
    judged = soak.figures(soak.Wish(), soak.Seen(photos=9000, samples=seen.samples))
    assert [figure.reached for figure in judged] == [True, False, True]
    wild = [(x, mib + 50 * (x // 1000 % 2), *rest) for x, mib, *rest in seen.samples]
    assert soak.figures(soak.Wish(), soak.Seen(photos=9000, samples=wild))[1].reached is None


def test_who_is_not_to_be_killed_lives_on_while_the_last_photos_wait_for_their_folder(tmp_path, monkeypatch):
    closed = soak.Fault("folder read-only", 1.0, lambda: None, lambda: None)
    closed.active = True

    class House:
        tree, pid, looks = tmp_path, os.getpid(), 0

        def memory(self, _name):
            self.looks += 1
            closed.active = self.looks < 5
            return 100.0

    monkeypatch.setattr(soak, "EACH", 0.0)
    wish, seen = soak.Wish(seconds=0.01, rate=300, kill=0, settled=0), soak.Seen()
    soak._rain(wish, House(), [closed], seen, None, [b"a", b"b", b"c"])
    assert (seen.photos, seen.kills) == (3, 0)
