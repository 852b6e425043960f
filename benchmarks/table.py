"""The table of figures: what was to be reached, what was measured, and whether it was reached."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: `reached` None where this run was too small to say, or the system does not allow it."""

    name: str
    goal: str
    measured: str
    reached: bool | None

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "reached", False: "MISSED", None: "-"}[self.reached]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a table that Markdown understands."""
    rows = [("figure", "goal", "measured", "verdict")]
    rows += [(each.name, each.goal, each.measured, each.verdict) for each in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def in_turns(*works: Callable[[], object], rounds: int) -> list[float]:
    """Each work's median seconds, A B A B."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for kept, work in zip(taken, works, strict=True):
            began = time.perf_counter()
            work()
            kept.append(time.perf_counter() - began)
    return [statistics.median(each) for each in taken]
