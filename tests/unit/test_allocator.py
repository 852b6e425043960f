"""Memory that a wave of photos needed is the system's again afterwards."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
WAVE = """
import gc
from pathlib import Path
from watcher import allocator

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

allocator.steady()
wave = [bytes(100_000) for _ in range(800)]
kept = wave[::100]  # what stays lies between what goes, and the end of the heap is taken
del wave
gc.collect()
before = resident()
allocator.tidy()
asleep = resident()
circles = []
for _ in range(2 * allocator.MUCH):
    circles.append([circles])
del circles
allocator.tidy()
print(before, asleep, resident(), gc.get_count()[0])
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library gives back by itself")
def test_holes_that_a_wave_left_are_given_back_and_a_quiet_service_looks_for_none():
    told = subprocess.run([sys.executable, "-c", WAVE], cwd=HOUSE, capture_output=True, text=True, check=True)
    before, asleep, after, left = map(int, told.stdout.split())
    assert asleep >= before - 10  # the kernel counts about
    assert after < before - 40
    assert left < 1000


THREADS = """
import re
import threading
from pathlib import Path
from watcher import allocator

allocator.steady()
made, go = threading.Barrier(9), threading.Event()
SIZE = 1 << 26  # of a heap's place, all of which is its own, and the rest of which nobody may read yet

def take():
    kept = [bytes(2000 + number) for number in range(1000)]
    made.wait()
    go.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
made.wait()
places = re.findall(r"^(\\w+)-(\\w+) rw.*\\n\\2-(\\w+) ---p", Path("/proc/self/maps").read_text(), re.M)
heaps = [first for first, _, last in places if int(first, 16) % SIZE == int(last, 16) % SIZE == 0]
go.set()
print(len(heaps))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has one heap for all")
def test_threads_share_one_heap():
    told = subprocess.run([sys.executable, "-c", THREADS], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert int(told.stdout) == 0
