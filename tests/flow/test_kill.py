"""A process that is killed at any moment leaves nothing half, and its successor ends where it would have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(*flags: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.flow.killing", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_hundred_kills_at_random_moments_change_nothing_in_the_end(seed):
    found = _run("--kills", "100", "--seed", str(seed))
    assert found["problems"] == []
    assert found["kills"] >= 100
    assert found["sidecars"] == 13


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_a_kill_between_any_two_steps_changes_nothing_in_the_end():
    found = _run("--steps", "--kills", "1000")
    assert found["problems"] == []
    assert found["kills"] > 30


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_an_undo_that_is_killed_is_finished_by_the_next_one():
    found = _run("--undo", "--kills", "1000", "--stride", "3")
    assert found["problems"] == []
    assert found["kills"] > 15
