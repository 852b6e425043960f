"""What must never be one, a hundred lines and more of each kind, with vectors that say it is.

The words of a line (dedupe_never.txt) get the same vector, of a direction of their own, so that they are each
other's nearest: whatever keeps them apart is a rule.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.dedupe.find import find

FILE = Path(__file__).with_name("dedupe_never.txt")
KINDS = ("years", "numbers", "opposites", "gender", "colours", "places", "people")


def lines_of(kind: str) -> list[list[str]]:
    """The lines of one kind."""
    section = FILE.read_text("utf-8").partition(f"[{kind}]\n")[2].partition("[")[0]
    return [line.split(" | ") for line in section.splitlines()]


def groups(lines: Sequence[Sequence[str]]) -> list[set[str]]:
    """What is merged among all words of some lines, those of a line with the same vector."""
    line_of = {word: number for number, line in enumerate(lines) for word in line}
    directions = np.random.default_rng(1).normal(size=(len(lines), 64)).astype(np.float32)
    words = sorted(line_of)  # as a library numbers them
    found = find(dict.fromkeys(words, 7), embed=lambda _: directions[[line_of[word] for word in words]])
    return [set(group.words) for group in found.groups]


def plain(word: str) -> str:
    """A word as its line has it."""
    return word.strip("#").replace("_", " ")


@pytest.mark.parametrize("kind", KINDS)
def test_two_of_a_kind_are_never_one_though_their_vectors_are(kind):
    lines = lines_of(kind)
    assert len(lines) >= 100
    wrong = [group for group in groups(lines) if any(len(group & {*line}) > 1 for line in lines)]
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_nor_where_each_stands_in_two_spellings(kind):
    lines = lines_of(kind)[::4]
    told = groups([[*line, *("#" + word.replace(" ", "_") for word in line)] for line in lines])
    wrong = [group for group in told if any(len({plain(word) for word in group} & {*line}) > 1 for line in lines)]
    assert wrong == []
    assert told
    assert max(map(len, told)) <= 6
