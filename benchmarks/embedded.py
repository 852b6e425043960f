"""How fast a photo's own metadata is read, beside one exiftool that is given all files at once.

Run as `python benchmarks/embedded.py [FOLDER]`; FOLDER should be on a tmpfs (default /dev/shm). Both ways
take turns in one run: keywords, caption, date, place, camera and orientation of 1,000 JPEGs. Printed are
medians by the clock, and by the processor's time, which other work on the machine does not disturb.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image

from benchmarks.household import as_the_service
from metadata.embedded import glance
from watcher.sample import SHOTS, exif

ROUNDS = 7
PHOTOS = 1000
KINDS = 20
TAGS = [
    *("-XMP:TagsList", "-XMP:HierarchicalSubject", "-XMP:Subject", "-IPTC:Keywords", "-EXIF:XPKeywords"),
    *("-XMP:Description", "-IPTC:Caption-Abstract", "-EXIF:ImageDescription"),
    *("-DateTimeOriginal", "-OffsetTimeOriginal", "-GPSLatitude", "-GPSLongitude"),
    *("-Make", "-Model", "-LensModel", "-Orientation"),
]
WORDS = ("-Subject=cat", "-Subject=animals", "-Subject=Oslo", "-HierarchicalSubject=animals|cat")
TEXTS = ("-XMP:Description=A cat in Oslo", "-IPTC:Caption-Abstract=A cat in Oslo", "-IPTC:Keywords=cat")
MADE = ("-XMP:Rating=3", "-XMP:City=Oslo", "-TagsList=animals/cat", "-EXIF:XPKeywords=cat;animals")


def library(folder: Path) -> list[bytes]:
    """Photos of about a megabyte, each with EXIF, IPTC and XMP; links, so that memory holds them."""
    folder.mkdir()
    shots = list(SHOTS.values())
    for kind in range(KINDS):
        image = Image.effect_noise((1400, 1000), 40 + kind).convert("RGB")
        image.save(folder / f"{kind}.jpg", quality=92, exif=exif(shots[kind % len(shots)]))
    subprocess.run(["exiftool", "-q", "-overwrite_original", *WORDS, *TEXTS, *MADE, folder], check=True)
    for number in range(KINDS, PHOTOS):
        os.link(folder / f"{number % KINDS}.jpg", folder / f"{number}.jpg")
    return [bytes(folder / f"{number}.jpg") for number in range(PHOTOS)]


def ours(paths: list[bytes]) -> None:
    for path in paths:
        embedded, facts = glance(path)
        assert embedded.seen.lists["dc:subject"] == ("cat", "animals", "Oslo")
        assert embedded.seen.texts["dc:description"] == "A cat in Oslo"
        assert facts.taken is not None
        assert facts.model is not None


def theirs(paths: list[bytes]) -> None:
    names = b"\n".join(paths)
    command = ["exiftool", "-fast2", "-n", "-j", *TAGS, "-@", "-"]
    done = subprocess.run(command, input=names, capture_output=True, check=True)
    assert done.stdout.count(b'"SourceFile"') == len(paths)


def seconds(way: Callable[[list[bytes]], None], paths: list[bytes]) -> tuple[float, float]:
    start, busy = time.perf_counter(), sum(os.times()[:4])
    way(paths)
    return time.perf_counter() - start, sum(os.times()[:4]) - busy


def main() -> None:
    where = tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm")
    try:
        paths = library(Path(where) / "photos")
        found: dict[str, list[tuple[float, float]]] = {"tagwright": [], "exiftool -fast2, one batch": []}
        for _ in range(ROUNDS):
            with as_the_service():
                found["tagwright"].append(seconds(ours, paths))
            found["exiftool -fast2, one batch"].append(seconds(theirs, paths))
        medians = {}
        for name, times in found.items():
            clock, busy = (statistics.median(each) for each in zip(*times, strict=True))
            rates = sorted(PHOTOS / each for each, _ in times)
            medians[name] = clock, busy
            print(f"{name:<28} {PHOTOS / clock:9,.0f} photos/s  ({rates[0]:,.0f} to {rates[-1]:,.0f})")
        (mine, own), (other, their) = medians.values()
        print(f"{'ratio':<28} {other / mine:9.1f} by the clock, {their / own:.1f} by the processor's time")
    finally:
        shutil.rmtree(where)


if __name__ == "__main__":
    main()
