"""How far something is, and how long it will take, on one line of the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

OFTEN, SELDOM = 0.5, 30.0
"""Seconds between two lines that replace each other on a terminal, and between lines of a log."""
COUNTING = 0.02
"""The share of time that counting may take: what is counted slowly is told less often,"""
LONGEST = 60.0
"""but after so many seconds in any case."""


class Progress:
    """Tells `done` of `total`, the rate and an estimate; call `end` when it is over."""

    def __init__(self, what: str, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._out, self._clock = what, out, clock
        self._live = out.isatty()
        self._began = self._due = clock()
        self._asked: float | None = None
        self._first: int | None = None
        self._told = False

    def __call__(self, done: int, total: int) -> None:
        """So far."""
        now = self._clock()
        first = self._first = done if self._first is None else self._first
        if now < self._due:
            return
        took = now - self._asked if self._asked is not None else 0.0
        self._due, self._asked = now + max(OFTEN if self._live else SELDOM, min(took / COUNTING, LONGEST)), None
        rate = (done - first) / (now - self._began) if now > self._began else 0.0
        left = f", {rate:,.0f}/s, {duration((total - done) / rate)} left" if rate else ""
        line = f"{self._what}: {done:,} of {total:,}{left}"
        print(f"\r{line:<78}" if self._live else line, end="" if self._live else "\n", file=self._out, flush=True)
        self._told = True

    @property
    def due(self) -> bool:
        """Whether a line would be written now: before, nobody needs to count."""
        now = self._clock()
        due = self._first is None or now >= self._due
        self._asked = now if due else None
        return due

    def end(self) -> None:
        """Leave the line."""
        if self._told and self._live:
            print(file=self._out)


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
