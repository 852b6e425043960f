"""The service in figures, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from watcher import __version__
from watcher.desk import Counts
from watcher.vitals import Body, Part, parts, reading

TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH = 15.0
"""Seconds for which what was counted in the ledger is given out again."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: `tagwright_` and the name, its labels, its value; names ending in `_total` only grow."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


More = Callable[[], Iterable[Figure]]
"""Somebody else's figures: calls to a server, the hosts of a model."""

HELP = {
    "up": "1 where every part of the service is well",
    "part_up": "1 where this part is well",
    "part_age_seconds": "seconds since this part last did something",
    "photos": "photos by state",
    "photos_gone": "photos that are gone and not forgotten yet",
    "queue_photos": "photos that are due now",
    "queue_age_seconds": "how long the photo has waited that is due longest",
    "held_photos": "photos that wait behind a gate, by root",
    "stopped": "roots and places where nothing is written",
    "room_seconds_total": "seconds that each room took, waiting for its turn included",
    "room_batches_total": "batches that went through each room",
    "done_photos_total": "photos since the start, by what was done",
    "calls_total": "calls to servers",
    "host_up": "1 where a host of a model answers",
    "resident_memory_bytes": "memory of the process",
    "open_files": "file descriptors of the process",
    "cpu_seconds_total": "seconds of a processor core that the process used",
    "info": "the version",
}


class Figures:
    """Made once; `text` may be called from any thread. `more` holds who else has figures."""

    def __init__(self, body: Body, counts: Counts, now: Callable[[], float] = time.time) -> None:
        self._body, self._counts, self._now = body, counts, now
        self.more: list[More] = []
        self._kept: tuple[float, list[Figure]] = (float("-inf"), [])

    def text(self) -> str:
        """Everything, one figure a line."""
        found = [*self._service(), *self._book(), *_process(), *(one for each in self.more for one in each())]
        return "".join(_lines(found))

    def _service(self) -> Iterator[Figure]:
        found = parts(self._body)
        yield Figure("info", 1, {"version": __version__})
        yield Figure("up", float(not any(part.reason for part in found)))
        yield from (figure for part in found for figure in _part(part))
        for room, tally in sorted(self._body.pulse.tallies().items()):
            yield Figure("room_seconds_total", tally.seconds, {"room": room})
            yield Figure("room_batches_total", tally.count, {"room": room})
        for what in ("looked", "delivered", "written", "failed"):
            yield Figure("done_photos_total", getattr(self._counts, what), {"what": what})

    def _book(self) -> list[Figure]:
        at = time.monotonic()
        if at - self._kept[0] > FRESH:
            with reading(self._body.state) as db:
                self._kept = (at, list(_counted(db, self._now())))
        return self._kept[1]


def _part(part: Part) -> Iterator[Figure]:
    yield Figure("part_up", float(not part.reason), {"part": part.name})
    if part.age_s is not None:
        yield Figure("part_age_seconds", part.age_s, {"part": part.name})


_HELD = (
    "SELECT folders.root, photos.gate, count(*) FROM photos JOIN folders ON folders.id = photos.folder "
    "WHERE photos.gate != '' AND photos.gone IS NULL AND photos.due IS NULL GROUP BY 1, 2"
)
_COUNTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("photos", ("state",), "SELECT state, count(*) FROM photos WHERE gone IS NULL GROUP BY 1"),
    ("photos_gone", (), "SELECT count(*) FROM photos WHERE gone IS NOT NULL"),
    (
        "held_photos",
        ("root", "gate"),
        _HELD,
    ),
    ("stopped", ("root", "place"), "SELECT root, place, 1 FROM stops"),
    ("stopped", ("root", "place"), "SELECT name, '', 1 FROM roots WHERE waits != ''"),
)


def _counted(db: sqlite3.Connection, now: float) -> Iterator[Figure]:
    for name, labels, query in _COUNTS:
        for *values, count in db.execute(query):
            yield Figure(name, count, dict(zip(labels, map(str, values), strict=True)))
    due, first = db.execute(
        "SELECT count(*), min(due) FROM photos WHERE due <= ? AND gone IS NULL", (now,)
    ).fetchone()
    yield Figure("queue_photos", due)
    yield Figure("queue_age_seconds", max(0.0, now - first) if first is not None else 0.0)


def _process() -> Iterator[Figure]:
    with open("/proc/self/statm", "rb") as file:
        yield Figure("resident_memory_bytes", int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    yield Figure("open_files", len(os.listdir("/proc/self/fd")))
    used = os.times()
    yield Figure("cpu_seconds_total", used.user + used.system + used.children_user + used.children_system)


def _lines(found: Iterable[Figure]) -> Iterator[str]:
    """Grouped by name, as the format wants it."""
    groups: dict[str, list[Figure]] = {}
    for figure in found:
        groups.setdefault(figure.name, []).append(figure)
    for name, figures in groups.items():
        yield f"# HELP tagwright_{name} {HELP.get(name, name)}\n"
        yield f"# TYPE tagwright_{name} {'counter' if name.endswith('_total') else 'gauge'}\n"
        yield from (f"tagwright_{name}{_labels(figure.labels)} {_number(figure.value)}\n" for figure in figures)


def _labels(labels: Mapping[str, Any]) -> str:
    said = ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"
