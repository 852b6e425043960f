"""Processes that look at photos never outlive the one that began them."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from tests.patience import PATIENCE
from watcher import hands


@pytest.mark.parametrize(("parent", "code"), [(os.getpid, 0), (lambda: os.getpid() + 1, 1)])
def test_a_process_whose_parent_was_killed_before_it_had_begun_ends(parent, code):
    child = multiprocessing.get_context("spawn").Process(target=hands._begin, args=(parent(),))
    child.start()
    child.join(PATIENCE)
    assert child.exitcode == code
