"""How fast sidecars are made and changed, beside the way that most programs use: one long-lived exiftool.

Run as `python benchmarks/sidecars.py [FOLDER]`; FOLDER should be on a tmpfs (default /dev/shm). Both ways
take turns in one run, medians are printed: files a second on one core, every check included.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from exiftool import ExifToolHelper

from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.sidecar import SidecarSink

ROUNDS = 5
BATCH = 100
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


def photos(folder: bytes, count: int, content: bytes | None) -> list[Photo]:
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    found = [Photo(number, "r", folder, b"%d.jpg" % number) for number in range(count)]
    for photo in found:
        for path, data in ((photo.file, b""), (photo.file + b".xmp", content)):
            if data is not None:
                Path(os.fsdecode(path)).write_bytes(data)
    return found


def ours(several: list[Photo]) -> None:
    sink = SidecarSink(clock=lambda: datetime.now(UTC))
    for start in range(0, len(several), BATCH):
        batch = several[start : start + BATCH]
        drafts = []
        for photo, seen in zip(batch, sink.read(batch), strict=True):
            assert isinstance(seen, Seen), seen
            draft = sink.draft(photo, seen, CHANGE)
            assert isinstance(draft, Draft), draft
            drafts.append(draft)
        answers = sink.write(drafts)
        assert all(isinstance(answer, Seen) for answer in answers), answers


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


def rate(
    way: Callable[[list[Photo]], None],
    folder: bytes,
    count: int,
    content: bytes | None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    several = photos(folder, count, content)
    start = clock()
    way(several)
    return count / (clock() - start)


def main() -> None:
    where = tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm")
    folder = os.fsencode(where) + b"/photos"
    sidecar = darktable()
    try:
        with ExifToolHelper(check_execute=False) as tool:
            for title, content in ((f"merge into {len(sidecar)} bytes", sidecar), ("new sidecar", None)):
                found: dict[str, list[float]] = {"tagwright": [], "exiftool, long-lived": []}
                for _ in range(ROUNDS):
                    found["tagwright"].append(rate(ours, folder, 500, content))
                    found["exiftool, long-lived"].append(rate(theirs(tool), folder, 20, content))
                medians = {name: statistics.median(rates) for name, rates in found.items()}
                for name, median in medians.items():
                    low, high = min(found[name]), max(found[name])
                    print(f"{title:>24}  {name:<22} {median:9,.0f} files/s  ({low:,.0f} to {high:,.0f})")
                busy = statistics.median(
                    rate(ours, folder, 500, content, time.process_time) for _ in range(ROUNDS)
                )
                print(f"{'':>24}  {'tagwright, of one core':<22} {busy:9,.0f} files/s of processor time")
                mine, other = medians.values()
                print(f"{'':>24}  {'ratio':<22} {mine / other:9,.1f}")
    finally:
        shutil.rmtree(where)


if __name__ == "__main__":
    main()
