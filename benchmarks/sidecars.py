"""How fast sidecars are made and changed, every check before the replacement included.

On a tmpfs beside the way that most programs use, one long-lived exiftool; on a real disk beside a bare loop
that creates, writes, syncs and renames the same bytes, and once more with syncs that take as long as a NAS's hard
disk needs for them. Both ways take turns in one run; medians are told.
A goal a second and core is judged by the processor's time, since the cores are shared with others.

The words of new sidecars vary from photo to photo as in a library: 5 to 15 of a vocabulary in which some are far
more frequent than others, places, and a caption of its own. The service knows from looking whether a photo holds
words itself; these do not.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from exiftool import ExifToolHelper

from benchmarks.household import as_the_service
from benchmarks.table import Figure
from metadata import rename
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.sidecar import SidecarSink
from watcher.mounts import fstype

BATCH = 64  # as many as the service writes at once
UNDER_WAY = 2  # and so many batches are with its writing thread at most
MERGES, NEW, FACTOR, SLOWER = 1000, 5000, 20, 1.25
NAS = 0.01  # seconds: a sync of a hard disk takes 10 to 30 ms, this machine's may take less than one
WORDS = tuple(f"keyword {number}" for number in range(12))
LEVELS = (("Places", "Norway", "Oslo"), ("animals", "cat"), ("scene", "beach"))
CAPTION = "A cat on a beach near Oslo & its fish"
CHANGE = Change(
    add={
        "digiKam:TagsList": WORDS + tuple("/".join(each) for each in LEVELS),
        "lr:hierarchicalSubject": WORDS + tuple("|".join(each) for each in LEVELS),
        "dc:subject": WORDS + tuple(each[-1] for each in LEVELS),
    },
    texts={"dc:description": CAPTION, "tiff:ImageDescription": CAPTION},
    claim=Claim("0123456789abcdef", 1, WORDS, ("dc:description", "tiff:ImageDescription")),
)

COUNTRIES = ("Norway", "France", "Chile")
TOWNS = [("Places", country, f"{country} {town}") for country in COUNTRIES for town in range(9)]

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
   xmp:Rating="1"
   darktable:xmp_version="5"
   darktable:auto_presets_applied="1">
   <darktable:history>
    <rdf:Seq>
"""
STEP = """     <rdf:li
      darktable:num="%d"
      darktable:operation="toneequal"
      darktable:enabled="1"
      darktable:modversion="3"
      darktable:params="gz04eJxjZWBgYAFiCQYYOOHEgAZY0QWAgBGLGANDgz0Ej1Q%%2BeSA5Pye/KCkxJzEvObUoPQlDHgD8Bh80"
      darktable:multi_name=""
      darktable:multi_name_hand_edited="0"
      darktable:multi_priority="0"
      darktable:blendop_version="13"
      darktable:blendop_params="gz06eJxjZWBgYAFiCQYYOOEEZwIljI0nO7ICmbNmrnQQWXfc7sKZM7YgKUYGbKDBHoIHJ3"/>
"""
TAIL = """    </rdf:Seq>
   </darktable:history>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Folk</rdf:li>
     <rdf:li>darktable</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>Folk</rdf:li>
     <rdf:li>darktable|changed</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


def darktable(size: int = 43_000) -> bytes:
    steps = (size - len(HEAD) - len(TAIL)) // len(STEP % 10)
    return (HEAD + "".join(STEP % number for number in range(steps)) + TAIL).encode()


def varied(count: int) -> list[Change]:
    """What is to be said of so many photos, each time the same."""
    rng = random.Random(7)
    vocabulary = [f"keyword {number}" for number in range(600)]
    weights = [1 / (number + 1) ** 0.8 for number in range(600)]
    return [
        _said(
            tuple(dict.fromkeys(rng.choices(vocabulary, weights, k=rng.randint(5, 15)))),
            rng.sample(TOWNS, 3),
            f"A {vocabulary[number % 600]} & its fish, number {number}",
        )
        for number in range(count)
    ]


def _said(words: tuple[str, ...], levels: list[tuple[str, ...]], caption: str) -> Change:
    add = {
        "digiKam:TagsList": words + tuple("/".join(each) for each in levels),
        "lr:hierarchicalSubject": words + tuple("|".join(each) for each in levels),
        "dc:subject": words + tuple(each[-1] for each in levels),
    }
    ours = words + tuple("\x1f".join(each) for each in levels)
    claim = Claim("0123456789abcdef", 1, ours, ("dc:description", "tiff:ImageDescription"))
    return Change(add=add, texts={"dc:description": caption, "tiff:ImageDescription": caption}, claim=claim)


def photos(folder: bytes, count: int, content: bytes | None) -> list[Photo]:
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    found = [Photo(number, "r", folder, b"%d.jpg" % number) for number in range(count)]
    for photo in found:
        for path, data in ((photo.file, b""), (photo.file + b".xmp", content)):
            if data is not None:
                Path(os.fsdecode(path)).write_bytes(data)
    return found


def drafted(sink: SidecarSink, batch: list[Photo], changes: list[Change]) -> list[Draft]:
    drafts = []
    for photo, seen in zip(batch, sink.read(batch), strict=True):
        assert isinstance(seen, Seen), seen
        os.stat(photo.file)  # as the service does, to be sure of what it knows
        shown = seen if seen.exists else replace(seen, hides_nothing=True)
        draft = sink.draft(photo, shown, changes[photo.id])
        assert isinstance(draft, Draft), draft
        drafts.append(draft)
    return drafts


def written(sink: SidecarSink, drafts: list[Draft]) -> None:
    answers = sink.write(drafts)
    assert all(isinstance(answer, Seen) for answer in answers), answers


def ours(changes: list[Change]) -> Callable[[list[Photo]], None]:
    """One thread: what it takes of a core."""

    def run(several: list[Photo]) -> None:
        sink = SidecarSink(clock=lambda: datetime.now(UTC))
        for start in range(0, len(several), BATCH):
            written(sink, drafted(sink, several[start : start + BATCH], changes))

    return run


def served(changes: list[Change]) -> Callable[[list[Photo]], None]:
    """As the service does it: one thread reads and drafts while another writes, two batches under way."""

    def run(several: list[Photo]) -> None:
        sink = SidecarSink(clock=lambda: datetime.now(UTC))
        with ThreadPoolExecutor(1) as pen:
            under_way: deque[Future[None]] = deque()
            for start in range(0, len(several), BATCH):
                drafts = drafted(sink, several[start : start + BATCH], changes)
                if len(under_way) == UNDER_WAY:
                    under_way.popleft().result()
                under_way.append(pen.submit(written, sink, drafts))
            for each in under_way:
                each.result()

    return run


def theirs(tool: ExifToolHelper) -> Callable[[list[Photo]], None]:
    names = {
        "digiKam:TagsList": "XMP-digiKam:TagsList",
        "lr:hierarchicalSubject": "XMP-lr:HierarchicalSubject",
        "dc:subject": "XMP-dc:Subject",
    }
    arguments = [f"-{names[name]}+={value}" for name, values in CHANGE.add.items() for value in values]
    arguments += [f"-XMP-dc:Description={CAPTION}", f"-XMP-tiff:ImageDescription={CAPTION}"]

    def run(several: list[Photo]) -> None:
        for photo in several:
            tool.execute("-overwrite_original", *arguments, os.fsdecode(photo.file + b".xmp"))

    return run


def bare(contents: list[bytes]) -> Callable[[list[Photo]], None]:
    """Create, write, one sync for a batch, rename, the folder's sync: what the disk takes of any program."""

    def run(several: list[Photo]) -> None:
        for start in range(0, len(several), BATCH):
            _bare(several[start : start + BATCH], contents[start : start + BATCH])

    return run


def _bare(batch: list[Photo], contents: list[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    handles = []
    for photo, content in zip(batch, contents, strict=True):
        handles.append(os.open(photo.file + b".new", flags))
        os.write(handles[-1], content)
    rename.flush(handles[0])
    for photo in batch:
        os.rename(photo.file + b".new", photo.file + b".xmp")
    folder = os.open(batch[0].base, os.O_RDONLY)
    for handle in (folder, *handles):
        if handle == folder:
            os.fsync(folder)
        os.close(handle)


def seconds(way: Callable[[list[Photo]], None], several: list[Photo]) -> tuple[float, float]:
    """By the clock and by the processor, a file; the last round's leftovers are on the disk before."""
    os.sync()
    busy, start = time.process_time(), time.perf_counter()
    way(several)
    return (time.perf_counter() - start) / len(several), (time.process_time() - busy) / len(several)


def figures(*, rounds: int, count: int) -> Iterator[Figure]:
    """All of them; on the disk that holds the folder for temporary files."""
    with as_the_service():
        yield from _in_memory(rounds, count)
        yield _on_disk(rounds, count)
        yield _on_disk(rounds, count, NAS)


def _in_memory(rounds: int, count: int) -> Iterator[Figure]:
    sidecar = darktable()
    kinds = (
        (f"merge into {len(sidecar) / 1000:.0f} kB, tmpfs", sidecar, MERGES, [CHANGE] * count),
        ("new sidecar, tmpfs", None, NEW, varied(count)),
    )
    with tempfile.TemporaryDirectory(dir="/dev/shm") as where, ExifToolHelper(check_execute=False) as tool:
        folder = os.fsencode(where) + b"/photos"
        for name, content, goal, changes in kinds:
            mine, other = [], []
            for _ in range(rounds):
                mine.append(seconds(ours(changes), photos(folder, count, content)))
                other.append(seconds(theirs(tool), photos(folder, 20, content))[0])
            clock, busy = (1 / statistics.median(each) for each in zip(*mine, strict=True))
            measured = f"{busy:,.0f}/s of a core, {clock:,.0f}/s by the clock"
            yield Figure(name, f">= {goal:,}/s per core", measured, busy >= goal)
            times = clock * statistics.median(other)
            if content is not None:
                measured = f"{times:.1f}x ({1 / statistics.median(other):.0f}/s)"
                yield Figure(f"{name} / long-lived exiftool", f">= {FACTOR}x", measured, times >= FACTOR)


def _on_disk(rounds: int, count: int, sync: float = 0.0) -> Figure:
    """A folder for each round: ext4 is slow to give out anew what was deleted a moment before."""
    with tempfile.TemporaryDirectory() as where, _waiting(sync) as took:

        def fresh() -> list[Photo]:
            return photos(os.fsencode(tempfile.mkdtemp(dir=where)), count, None)

        several, changes = fresh(), varied(count)
        ours(changes)(several)
        contents = [Path(os.fsdecode(photo.file + b".xmp")).read_bytes() for photo in several]
        mine, other = [], []
        for _ in range(rounds):
            mine.append(seconds(served(changes), fresh())[0])
            other.append(seconds(bare(contents), fresh())[0])
    clock, bound = statistics.median(mine), statistics.median(other)
    kind = f"{fstype(os.fsencode(tempfile.gettempdir()))}, a sync {statistics.median(took) * 1e3:.1f} ms"
    measured = f"{clock / bound:.2f}x ({clock * 1e6:,.0f} us a file; bare {bound * 1e6:,.0f} us), {kind}"
    slow = f", syncs {sync * 1e3:.0f} ms longer as on a NAS" if sync else ""
    name = f"new sidecar, disk{slow} / bare create, write, sync, rename"
    return Figure(name, f"<= {SLOWER}x", measured, clock <= SLOWER * bound)


@contextmanager
def _waiting(more: float) -> Iterator[list[float]]:
    """All syncs take so many seconds more, ours and the bare loop's; how long each took."""
    took: list[float] = []

    def slow(sync: Callable[[int], None]) -> Callable[[int], None]:
        def run(handle: int) -> None:
            began = time.perf_counter()
            time.sleep(more)
            sync(handle)
            took.append(time.perf_counter() - began)

        return run

    with mock.patch.object(rename, "flush", slow(rename.flush)), mock.patch.object(os, "fsync", slow(os.fsync)):
        yield took
