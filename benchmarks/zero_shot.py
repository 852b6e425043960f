"""Zero shot: a library's vectors against the vocabulary, beside one product of that shape, and memory.

python -m benchmarks.zero_shot [number]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.table import Figure, in_turns, table
from models import runtime
from models.nearness import Scorer, calibrate, space, unit

WORDS, DIM = 4585, 512


def world(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of pictures and of words in two cones, as CLIP's lie; a picture shows a few of the words."""
    rng = np.random.default_rng(1)
    cone, other = unit(rng.normal(size=(2, DIM)))
    words = unit(0.8 * cone + 0.04 * rng.standard_normal((WORDS, DIM), np.float32))
    pictures = 0.03 * rng.standard_normal((count, DIM), np.float32)
    pictures += 0.7 * other
    for _ in range(3):
        pictures += 0.3 * (words[rng.integers(0, WORDS, count)] - words.mean(0))
    return pictures, words


def measure(count: int, rounds: int = 5) -> Iterable[Figure]:
    """Time beside one product of the same shape, and the peak of a process of its own."""
    pictures, words = world(count)
    where = space(words, [1] * WORDS, words[:5])
    scorer = Scorer(where, calibrate(pictures, where))
    matrix, part = np.ascontiguousarray(words.T), min(count, 20_000)

    def product() -> None:
        for start in range(0, count, part):  # as one product, in as many parts as memory asks for
            pictures[start : start + part] @ matrix

    said: list[int] = []

    def scored() -> None:
        said[:] = [len(one) for one in scorer.score(pictures)]

    with runtime.threads(1):  # as in the service
        alone, ours = in_turns(product, scored, rounds=rounds)
    told = f"{count:,} x {DIM} against {WORDS:,}: {ours:.2f} s, product {alone:.2f} s, {np.mean(said):.1f} words"
    yield Figure(
        "zero shot / one product, both on one core",
        "<= 1.5x",
        f"{ours / alone:.2f}x ({told})",
        ours / alone <= 1.5,
    )
    for limit, argument in ((1000, "whole"), (400, "parts")):
        peak = _peak(count, argument)
        name = "zero shot, peak memory" + (" with `memory` set" if argument == "parts" else "")
        yield Figure(name, f"< {limit} MB", f"{peak:.0f} MB", peak < limit)


def _peak(count: int, how: str) -> float:
    command = [sys.executable, "-m", "benchmarks.zero_shot", str(count), how]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ})
    return float(made.stdout)


def peak(count: int, how: str) -> float:
    """MB at most: all vectors at once, or read in parts of 5,000 as the service does with little memory."""
    sample, words = world(4096)
    where = space(words, [1] * WORDS, words[:5])
    scorer = Scorer(where, calibrate(sample, where))
    step = count if how == "whole" else 5000
    chance = np.random.default_rng(2)
    for start in range(0, count, step):
        part = chance.standard_normal((min(step, count - start), DIM), np.float32)
        for _ in scorer.score(part):
            pass
    lines = Path("/proc/self/status").read_text().splitlines()  # getrusage counts who started us, too
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    if len(sys.argv) > 2:
        print(peak(number, sys.argv[2]))
    else:
        began = time.perf_counter()
        print(table(list(measure(number))))
        print(f"{time.perf_counter() - began:.0f} s")
