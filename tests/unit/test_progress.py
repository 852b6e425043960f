"""How far something is, with an estimate."""

from __future__ import annotations

import io

from watcher.progress import Progress, duration


def test_the_rate_and_what_is_left_are_told():
    at, out = [0.0], io.StringIO()
    progress = Progress("photos", out, clock=lambda: at[0])
    progress(0, 1000)
    at[0] = 40.0
    assert progress.due
    progress(400, 1000)
    progress(401, 1000)
    progress.end()
    assert out.getvalue() == "photos: 0 of 1,000\nphotos: 400 of 1,000, 10/s, 60 s left\n"


def test_what_is_counted_slowly_is_told_less_often():
    at, out = [0.0], io.StringIO()
    progress = Progress("photos", out, clock=lambda: at[0])
    assert progress.due
    at[0] = 0.9  # so long it took to count
    progress(0, 1000)
    at[0] = 0.9 + 44.0
    assert not progress.due
    at[0] = 0.9 + 46.0
    assert progress.due
    progress(100, 1000)
    assert len(out.getvalue().splitlines()) == 2
    at[0] += 31.0
    assert progress.due


def test_durations_are_read_easily():
    assert [duration(seconds) for seconds in (5, 300, 9000)] == ["5 s", "5 min", "2.5 h"]
