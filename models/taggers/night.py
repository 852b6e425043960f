"""Night: the sun stood more than 6 degrees below the horizon at the photo's place and moment.

Said only when both are known: a position, and a time with its distance from UTC. Civil twilight ends at
-6 degrees (US Naval Observatory's definition); the sun's place is computed by astral (NOAA's equations,
good to a tenth of a degree between 1901 and 2099).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta

from astral import Observer
from astral.sun import elevation

from metadata.photo import Facts
from models.protocols import Scored, Tagger, View

BELOW = -6.0
_YEARS = range(1901, 2100)


class Night:
    """Looks at the file's facts only."""

    name = "night"
    version = "1"
    edge = 0
    of_file = True

    def __init__(self, below: float) -> None:
        self._below = below

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """`night` with 1.0 where the sun was down, nothing where it was up or is not known."""
        return [self._one(view.facts) for view in views]

    def _one(self, facts: Facts) -> list[Scored]:
        height = sun(facts)
        return [(("night",), 1.0)] if height is not None and height < self._below else []


def sun(facts: Facts) -> float | None:
    """The sun's height above the horizon in degrees, without refraction; None where place or time is not known."""
    if facts.taken is None or facts.offset is None or facts.latitude is None or facts.longitude is None:
        return None
    if facts.taken.year not in _YEARS:
        return None
    moment = (facts.taken - timedelta(minutes=facts.offset)).replace(tzinfo=UTC)
    place = Observer(facts.latitude, facts.longitude)
    return float(elevation(place, moment, with_refraction=False))


def make(*, below: float = BELOW) -> Tagger:
    """A tagger that calls it night when the sun is lower than `below` degrees."""
    return Night(below)
