"""Nothing is kept of a photo that was delivered: what is alive after many is what was alive after few."""

from __future__ import annotations

import gc
import os
import sys

import pytest

from benchmarks.household import pictures
from tests.flow.house_world import World, soon
from tests.patience import PATIENCE
from watcher.chores import Chores
from watcher.service import _watch

LOT, LOTS, WARM = 150, 12, 5
"""Photos that land together, and how often: less than one object may stay of each when
what is kept of words is full."""


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True, taggers=[], facts=["place", "monochrome", "night"], workers=1)


def alive():
    """Objects of any kind that this process holds, bytes and numbers among them, and its open files."""
    gc.collect()
    return sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))


def test_photos_that_were_delivered_leave_nothing_in_memory_and_no_file_open(world):
    data = pictures(LOTS * (LOT + 1))
    landed = 0
    with world.open() as app:
        app.begin_today()
        arrivals, chores = _watch(app, app.settings), Chores(app)

        def land(count):
            nonlocal landed
            for number in range(landed, landed + count):
                (world.photos / f"{number}.jpg").write_bytes(data[number])
            landed += count
            soon(delivered, seconds=2 * PATIENCE)

        def delivered():
            app.worker.run(until_idle=True, every=chores)
            return app.worker.counts.delivered >= landed

        counts = []
        try:
            for _ in range(LOTS):
                land(LOT)
                land(1)  # what is kept of the last batch is little
                counts.append(alive())
        finally:
            arrivals.stop()
    few, many = counts[WARM : WARM + 2], counts[-2:]
    assert min(many)[0] - min(few)[0] < (LOTS - WARM - 2) * LOT, counts
    assert min(files for _, files in many) <= min(files for _, files in few), counts
