"""How fast an approved report is applied and undone, beside what the sidecar writer takes for the same files.

python -m benchmarks.merging [--photos 8000] [--bytes 43000]

A library of small JPEGs whose sidecars a person filled: without `--bytes` about 1 kB each, else darktable's, of
that size. `long_hair` becomes `long hair` on all of them, by the command line. The writer alone reads, drafts
and writes the same change on a copy of the same sidecars in batches, as the service does: one thread reads and
drafts while another writes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.household import HOUSE, as_the_service, pictures
from benchmarks.sidecars import UNDER_WAY, darktable, written
from metadata import xmp
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST

BATCH = 128
FIELDS = (TAGS_LIST, HIERARCHICAL, SUBJECT)
FOLDER = 500
CLAIM = Claim("0123456789abcdef", 1, ())


def sidecar(number: int, size: int) -> bytes:
    """A person's sidecar; the words that are to be one stand in all three fields."""
    words = ("long_hair", f"album {number % 50}", "Oma")
    change = Change(add=dict.fromkeys(FIELDS, words))
    when = datetime(2020, 1, 2, tzinfo=UTC)
    if not size:
        return xmp.create(change, when, b"x").data
    document = xmp.parse(darktable(size), b"x")
    return xmp.revise(document, xmp.seen(document), change, when).data


def library(tree: Path, photos: int, size: int) -> list[Photo]:
    """So many photos with their sidecars, and three whose word is `long hair` already for each hundred."""
    found = []
    for number, picture in enumerate(pictures(photos)):
        folder = tree / f"{number // FOLDER:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(picture)
        (folder / f"{number}.jpg.xmp").write_bytes(sidecar(number, size))
        found.append(Photo(number, "r", os.fsencode(tree), b"%03d/%d.jpg" % (number // FOLDER, number)))
    for number, picture in enumerate(pictures(photos // 20, seed=2)):
        (tree / f"s{number}.jpg").write_bytes(picture)
        data = xmp.create(
            Change(add=dict.fromkeys(FIELDS, ("long hair",))), datetime(2020, 1, 2, tzinfo=UTC), b"x"
        )
        (tree / f"s{number}.jpg.xmp").write_bytes(data.data)
    return found


def alone(photos: Sequence[Photo]) -> float:
    """Seconds of the sidecar writer by itself."""
    sink = SidecarSink(clock=lambda: datetime.now(UTC))
    change = Change(dict.fromkeys(FIELDS, ("long hair",)), dict.fromkeys(FIELDS, ("long_hair",)), claim=CLAIM)
    os.sync()
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as pen:
        under_way: deque[Future[None]] = deque()
        for start in range(0, len(photos), BATCH):
            drafts = _drafted(sink, photos[start : start + BATCH], change)
            if len(under_way) == UNDER_WAY:
                under_way.popleft().result()
            under_way.append(pen.submit(written, sink, drafts))
        for each in under_way:
            each.result()
    return time.perf_counter() - began


def _drafted(sink: SidecarSink, batch: Sequence[Photo], change: Change) -> list[Draft]:
    drafts = []
    for photo, seen in zip(batch, sink.read(batch), strict=True):
        assert isinstance(seen, Seen), seen
        draft = sink.draft(photo, seen, change)
        assert isinstance(draft, Draft), draft
        assert draft.before != draft.after, draft
        drafts.append(draft)
    return drafts


def told(config: Path, *command: str) -> float:
    """Seconds that a command takes, its start included."""
    os.sync()
    began = time.perf_counter()
    called = [sys.executable, "-m", "watcher.cli", "--config", str(config), *command]
    done = subprocess.run(called, check=False, cwd=HOUSE, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return time.perf_counter() - began


def measure(where: Path, count: int, size: int) -> None:
    """One library, one copy of it for the writer; the figures are printed."""
    tree, copy = where / "tree", where / "copy"
    library(tree, count, size)
    photos = library(copy, count, size)
    before = {path: path.read_bytes() for path in tree.rglob("*.xmp")}
    config = where / "settings.toml"
    config.write_text(
        f'state = "{where}/state"\ntaggers = []\nfacts = []\n[log]\nlevel = "warning"\n'
        f'[[roots]]\nname = "tree"\npath = "{tree}"\n'
    )
    told(config, "run", "--once", "--yes")
    assert before == {path: path.read_bytes() for path in tree.rglob("*.xmp")}, "nothing was to be written yet"
    told(config, "dedupe", "--embedder", "none")
    with as_the_service():
        writer = alone(photos)
    applied = told(config, "dedupe", "--apply")
    start = told(config, "dedupe", "--apply")  # once more: nothing is left to do
    changed = sum(path.read_bytes() != data for path, data in before.items())
    assert changed == count, f"{changed} sidecars were changed"
    print(f"sidecars of {max(map(len, before.values())):,} bytes, {count:,} photos")
    print(f"writer alone  {count / writer:8,.0f}/s")
    _tell("dedupe --apply", count, applied, start, writer)
    run = _last(config)
    undone = told(config, "undo", "--run", run)
    _tell("undo --run", count, undone, start, writer)
    same = sum(path.read_bytes() == data for path, data in before.items())
    print(f"given back byte for byte: {same:,} of {len(before):,}", flush=True)


def _tell(name: str, count: int, whole: float, start: float, writer: float) -> None:
    rest = whole - start
    print(
        f"{name:14}{count / whole:8,.0f}/s ({whole / writer:.2f}x the writer's time); "
        f"without the {start:.1f} s of a start {count / rest:,.0f}/s ({rest / writer:.2f}x)"
    )


def _last(config: Path) -> str:
    called = [sys.executable, "-m", "watcher.cli", "--config", str(config), "runs"]
    said = subprocess.run(called, cwd=HOUSE, capture_output=True, text=True, check=True).stdout
    return next(line.split()[0].rstrip(":") for line in reversed(said.splitlines()) if "dedupe" in line)


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=8000)
    parser.add_argument("--bytes", type=int, default=0)
    given = parser.parse_args()
    where = Path(tempfile.mkdtemp(prefix="tagwright-benchmark-"))
    try:
        measure(where, given.photos, given.bytes)
    finally:
        shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
