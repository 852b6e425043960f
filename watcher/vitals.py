"""How the service is: arrival, ledger, workers, places, each with the age of its last progress. Reads only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metadata.errors import TagwrightError
from watcher.health import Pulse
from watcher.ledger import store

LEDGER = "ledger"
PLACES = ("reading places", "writing places")
STILL = 300.0
"""Seconds without a booking round, which is made every second, after which the ledger counts as stuck."""

Turns = Callable[[], Mapping[str, tuple[bool, float]]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service; `reason` says why it is not well, and is empty where it is."""

    name: str
    age_s: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What is looked at: the steps under way, the emitters, and the folder of the ledger."""

    pulse: Pulse
    state: Path
    turns: Turns | None = None
    """None while nothing is watched, as before the first pass and with `--once`."""


def parts(body: Body) -> list[Part]:
    """Every part, as it is now; raises nothing."""
    now = body.pulse.clock()
    stuck = sorted(set(body.pulse.late(now)))
    ends = {name: tally.last for name, tally in body.pulse.tallies().items()}
    places = [end for name, end in ends.items() if name in PLACES]
    others = [end for name, end in ends.items() if name != LEDGER]
    away, unread = _stopped(body.state)
    return [
        *([_arrival(body.turns(), now)] if body.turns else []),
        _ledger(ends.get(LEDGER), now, stuck, unread),
        Part("workers", _age(others, now), _stuck([name for name in stuck if name != LEDGER])),
        Part("places", _age(places, now), "; ".join(away)),
    ]


def told(found: list[Part]) -> dict[str, Any]:
    """The parts as `/health` answers them."""
    reasons = [f"{part.name}: {part.reason}" for part in found if part.reason]
    parts_ = {part.name: {"ok": not part.reason, **asdict(part)} for part in found}
    return {"ok": not reasons, "reason": "; ".join(reasons), "parts": parts_}


def _arrival(turns: Mapping[str, tuple[bool, float]], now: float) -> Part:
    ages = {name: now - at for name, (_, at) in turns.items()}
    dead = sorted(name for name, (alive, _) in turns.items() if not alive)
    reason = (
        f"nobody watches {', '.join(dead)} any more: does its disk still answer? Restart the service"
        if dead
        else ""
    )
    return Part("arrival", _rounded(max(ages.values(), default=None)), reason)


def _ledger(last: float | None, now: float, stuck: list[str], unread: str) -> Part:
    age = None if last is None else now - last
    reason = unread or _stuck([name for name in stuck if name == LEDGER])
    if not reason and age is not None and age > STILL:
        reason = f"nothing was booked for {age:.0f} s"
    return Part(LEDGER, _rounded(age), reason)


def _stuck(names: list[str]) -> str:
    return f"stuck: {', '.join(names)}" if names else ""


def _age(ends: list[float], now: float) -> float | None:
    return _rounded(now - max(ends)) if ends else None


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 1)


def _stopped(state: Path) -> tuple[list[str], str]:
    """Why places and roots take nothing, and why the ledger cannot be read."""
    try:
        with reading(state) as db:
            return list(_waits(db)), ""
    except (TagwrightError, sqlite3.Error) as error:
        return [], f"cannot be read: {error}"


def reading(state: Path) -> closing[sqlite3.Connection]:
    """A connection of one's own that only reads; raises UserError where there is no ledger."""
    return closing(store.open_for_reading(state).db)


def _waits(db: sqlite3.Connection) -> Iterator[str]:
    yield from (row[0] for row in db.execute("SELECT waits FROM roots WHERE waits != '' ORDER BY name"))
    yield from (row[0] for row in db.execute("SELECT reason FROM stops ORDER BY root, place"))
