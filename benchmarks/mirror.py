"""How fast a library is mirrored into Immich, as far as that lies with us: every call is answered at once.

Photos with 12 keywords each out of 2,000, nearly all sets different, so that hardly any call is shared. The real
client speaks to a transport in this process; state is read from a table, as from the database. All calls,
sidecar writes and readings that Immich would make are counted. A process of its own, for its memory.

python -m benchmarks.mirror [--photos 100000]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import httpx

from benchmarks.household import HOUSE
from benchmarks.table import Figure
from metadata.immich import Look
from metadata.immich.client import Immich
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.ports import Wait
from metadata.mirror.sources import ByDatabase
from metadata.photo import Photo
from metadata.sinks import Change, Draft, Seen
from metadata.sinks.immich import Home, ImmichSink

BATCH = 128  # as many as the service delivers at once
WORDS, EACH = 2000, 12
GOAL, MEMORY, MOST_CALLS, SECOND = 1500, 400, 1.1, 500
OWNER = "00000000-0000-4000-8000-000000000000"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Transport(httpx.BaseTransport):
    """Immich without its work: it keeps what it is told, and has written and read a sidecar by the next look."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.assets: dict[str, frozenset[str]] = {}
        self.read: dict[str, int] = {}
        self.calls: Counter[str] = Counter()
        self.jobs: Counter[str] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Any call, answered at once."""
        path = request.url.path.removeprefix("/api")
        self.calls[f"{request.method} {path}"] += 1
        body = json.loads(request.content) if request.content else {}
        return httpx.Response(200, json=self._answer(request.method, path, body))

    def _answer(self, method: str, path: str, body: Mapping[str, Sequence[str]]) -> object:
        if (method, path) == ("PUT", "/tags/assets"):
            return {"count": self._tag(frozenset(map(self.names.__getitem__, body["tagIds"])), body["assetIds"])}
        if path == "/tags":
            return [self._named(value) for value in (body.get("tags") or self.tags)]
        return []

    def _named(self, value: str) -> dict[str, str]:
        number = self.tags.setdefault(value, f"{len(self.tags):08d}-0000-4000-8000-000000000000")
        self.names[number] = value
        return {"id": number, "name": value, "value": value}

    def _tag(self, words: frozenset[str], assets: Iterable[str]) -> int:
        count = 0
        for asset in assets:
            count += len(words - self.assets.get(asset, frozenset()))
            self.assets[asset] = self.assets.get(asset, frozenset()) | words
            self.read[asset] = self.read.get(asset, 0) + 1
            self.jobs.update(("sidecar", "extraction"))
        return count

    def looks(self, ids: Sequence[str]) -> dict[str, Look]:
        """As the database would tell."""
        nothing: frozenset[str] = frozenset()
        return {
            name: Look(
                nothing, EPOCH + timedelta(seconds=self.read.get(name, 0)), self.assets.get(name, nothing), "", ""
            )
            for name in ids
        }


def _find(photos: Sequence[Photo]) -> list[Home]:
    return [Home(f"{photo.id:08x}-1111-4000-8000-000000000000", OWNER) for photo in photos]


def _batches(photos: int) -> Iterator[list[Photo]]:
    for start in range(1, photos + 1, BATCH):
        numbers = range(start, min(start + BATCH, photos + 1))
        yield [Photo(number, "r", b"/photos", b"%08d.jpg" % number) for number in numbers]


def _wanted(words: Sequence[str], photo: Photo) -> tuple[str, ...]:
    return tuple(random.Random(photo.id).sample(words, EACH))


def _passed(sink: ImmichSink, words: Sequence[str], photos: int) -> float:
    """One pass over all photos: read, draft what is missing, write, read back. Its seconds."""
    began = time.perf_counter()
    for batch in _batches(photos):
        drafts = [
            sink.draft(photo, seen, Change(add={"tags": _wanted(words, photo)}))
            for photo, seen in zip(batch, sink.read(batch), strict=True)
            if isinstance(seen, Seen)
        ]
        answers = sink.write(
            [draft for draft in drafts if isinstance(draft, Draft) and draft.before != draft.after]
        )
        assert all(isinstance(answer, Seen) for answer in answers)
    return time.perf_counter() - began


def measured(photos: int) -> dict[str, float]:
    """Both passes in this process."""
    transport = Transport()
    words = [f"branch {number % 40}/keyword {number}" for number in range(WORDS)]
    client = Immich("http://immich", "key", transport=transport)
    wait = Wait(sleep=lambda _: None)
    source = ByDatabase(transport.looks)
    sink = ImmichSink(mirror=Mirror({OWNER: client}, source, pace=Pace(wait), wait=wait), find=_find)
    first = _passed(sink, words, photos)
    calls, jobs = transport.calls.total(), transport.jobs.copy()
    second = _passed(sink, words, photos)
    assert all(len(tags) == EACH for tags in transport.assets.values())
    return {
        "first": photos / first,
        "second": photos / second,
        "calls": calls / photos,
        "writes": jobs["sidecar"] / photos,
        "extractions": jobs["extraction"] / photos,
        "again": (transport.calls.total() - calls) / photos,
        "jobs": float(transport.jobs.total() - jobs.total()),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def figures(photos: int) -> Iterator[Figure]:
    """The goals of the mirror, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.mirror", "--photos", str(photos), "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=HOUSE).stdout)
    named = f"mirror of {photos:,} photos"
    yield Figure(named, f">= {GOAL}/s", f"{found['first']:.0f}/s", found["first"] >= GOAL)
    yield Figure("its memory", f"< {MEMORY} MB", f"{found['memory']:.0f} MB", found["memory"] < MEMORY)
    each = max(found[name] for name in ("calls", "writes", "extractions"))
    said = f"{found['calls']:.2f}, {found['writes']:.2f}, {found['extractions']:.2f}"
    yield Figure("calls, sidecar writes, readings a photo", f"<= {MOST_CALLS}", said, each <= MOST_CALLS)
    good = found["again"] <= 1 / SECOND and not found["jobs"]
    said = f"{found['again'] * SECOND:.2f} a {SECOND} photos, {found['jobs']:.0f} jobs"
    yield Figure("calls of a second pass", f"<= 1 a {SECOND} photos, no job", said, good)


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(given.photos)
    print(
        json.dumps(found) if given.json else "\n".join(f"{name:12} {value:10.2f}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
