"""How fast words go into photos, beside exiftool's usual ways: one process a file, and one long-lived process.

Run as `python benchmarks/embedding.py [FOLDER]`; FOLDER should be on a tmpfs (default /dev/shm). The ways
take turns in one run, medians are printed. Ours includes every check before the photo is exchanged; the
others check nothing.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from exiftool import ExifToolHelper
from PIL import Image

from metadata.exiftool import Exiftool
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.embedded import EmbeddedSink

ROUNDS = 5
COUNT = 60
SLOW = 6
"""One process a file is too slow for more."""
LISTS = {
    "digiKam:TagsList": ("animals/cat", "Places/Norway/Oslo", "beach"),
    "lr:hierarchicalSubject": ("animals|cat", "Places|Norway|Oslo", "beach"),
    "dc:subject": ("cat", "Oslo", "beach"),
}
CAPTION = "A cat on a beach near Oslo & its fish"
CHANGE = Change(
    add=LISTS,
    texts={"dc:description": CAPTION, "tiff:ImageDescription": CAPTION},
    claim=Claim("0123456789abcdef", 1, ("beach",), ("dc:description",)),
)
TAGS = {
    "XMP-digiKam:TagsList": list(LISTS["digiKam:TagsList"]),
    "XMP-lr:HierarchicalSubject": list(LISTS["lr:hierarchicalSubject"]),
    "XMP-dc:Subject": list(LISTS["dc:subject"]),
    "XMP-dc:Description": CAPTION,
    "IFD0:ImageDescription": CAPTION,
}


def jpeg(megabytes: float) -> bytes:
    """A photo of about this size: noise does not compress."""
    side = round((megabytes * 1e6 * 1.05) ** 0.5)
    file = io.BytesIO()
    Image.effect_noise((side, side), 120).convert("RGB").save(file, "JPEG", quality=91)
    return file.getvalue()


def photos(folder: Path, data: bytes, count: int) -> list[Photo]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    found = [Photo(number, "r", os.fsencode(folder), b"%d.jpg" % number) for number in range(count)]
    for photo in found:
        Path(os.fsdecode(photo.file)).write_bytes(data)
    return found


def ours(tool: Exiftool) -> Callable[[list[Photo]], None]:
    def run(several: list[Photo]) -> None:
        sink = EmbeddedSink(exiftool=tool, clock=lambda: datetime.now(UTC))
        drafts = []
        for photo, seen in zip(several, sink.read(several), strict=True):
            assert isinstance(seen, Seen), seen
            draft = sink.draft(photo, seen, CHANGE)
            assert isinstance(draft, Draft), draft
            drafts.append(draft)
        answers = sink.write(drafts)
        assert all(isinstance(answer, Seen) for answer in answers), answers

    return run


def reading(tool: Exiftool) -> Callable[[list[Photo]], None]:
    return lambda several: [*EmbeddedSink(exiftool=tool, clock=lambda: datetime.now(UTC)).read(several)] and None


def long_lived(tool: ExifToolHelper) -> Callable[[list[Photo]], None]:
    def run(several: list[Photo]) -> None:
        for photo in several:
            tool.set_tags([os.fsdecode(photo.file)], TAGS, params=["-overwrite_original"])

    return run


def each_its_own(several: list[Photo]) -> None:
    words = [
        f"-{tag}={value}" for tag, each in TAGS.items() for value in ([each] if isinstance(each, str) else each)
    ]
    for photo in several:
        done = subprocess.run(
            ["exiftool", "-q", "-overwrite_original", *words, os.fsdecode(photo.file)], check=False
        )
        assert done.returncode == 0


def main() -> None:
    base = Path(tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm"))
    try:
        with Exiftool() as tool, ExifToolHelper() as helper:
            ways = {
                "tagwright, read, written and proved": (ours(tool), COUNT),
                "exiftool, one long-lived process": (long_lived(helper), COUNT),
                "exiftool, one process a file": (each_its_own, SLOW),
                "tagwright, read alone": (reading(tool), COUNT),
            }
            for size in (0.3, 5.0):
                _compare(base, jpeg(size), ways)
    finally:
        shutil.rmtree(base)


def _compare(base: Path, data: bytes, ways: dict[str, tuple[Callable[[list[Photo]], None], int]]) -> None:
    print(f"JPEG of {len(data) / 1e6:.1f} MB, files a second, median of {ROUNDS} (least to most)")
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, count) in ways.items():
            several = photos(base / "photos", data, count)
            begun = time.perf_counter()
            way(several)
            rates[name].append(count / (time.perf_counter() - begun))
    for name, found in rates.items():
        print(f"  {name:40} {statistics.median(found):8.1f}  ({min(found):.1f} to {max(found):.1f})")


if __name__ == "__main__":
    main()
