"""What looking costs: decoding against plain Pillow, facts, digest, places, and the whole look at small JPEGs.

Run `python benchmarks/look.py`. Pairs run A B A B; medians; one process on one core. About a minute.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from metadata.digest import digest
from metadata.facts import read_facts
from metadata.source import Source, opened
from models.image import decode
from models.look import Item, LookJob, PlaceSpec, look
from watcher.sample import SHOTS, dng, exif, make_sample

ROUNDS = 5
LOCAL = tuple((name, ()) for name in ("monochrome", "panorama", "screenshot", "night"))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Each work's median seconds, taken in turns."""
    for work in works:
        work()
    taken = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def noise(width: int, height: int) -> Image.Image:
    """A picture as busy as a photograph: noise whose power falls with frequency (1/f)."""
    chance = np.random.default_rng(5)
    total = np.zeros((height, width, 3), np.float32)
    for step in (1, 4, 16, 64, 256):
        small = chance.normal(0, 6 * step**0.6, (height // step + 1, width // step + 1, 3)).astype(np.float32)
        grown = small.repeat(step, 0).repeat(step, 1)[:height, :width]
        total += grown
    return Image.fromarray((total + 128).clip(0, 255).astype(np.uint8))


def formats() -> dict[str, bytes]:
    large, preview = noise(4000, 3000), noise(1440, 1080)
    made = {}
    for name, image, form, options in (
        ("JPEG 12 MP", large, "JPEG", {"quality": 88}),
        ("JPEG 12 MP progressive", large, "JPEG", {"quality": 88, "progressive": True}),
        ("JPEG 1440 px", preview, "JPEG", {"quality": 85}),
        ("PNG 1440 px", preview, "PNG", {"compress_level": 1}),
        ("WebP 1440 px", preview, "WEBP", {"method": 0}),
        ("TIFF 1440 px", preview, "TIFF", {}),
        ("AVIF 1440 px", preview, "AVIF", {"speed": 10}),
    ):
        file = io.BytesIO()
        image.save(file, form, exif=exif(SHOTS["lisbon"]), **options)
        made[name] = file.getvalue()
    file = io.BytesIO()
    pillow_heif.from_pillow(preview).save(file, exif=exif(SHOTS["lisbon"]), quality=60)
    made["HEIC 1440 px"] = file.getvalue()
    made["DNG 12 MP, no preview"] = dng(large, SHOTS["lisbon"])
    return made


def plain(data: bytes) -> None:
    """As one would write it: open, turn, convert, shrink."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    image.thumbnail((448, 448))


def decoding(made: dict[str, bytes]) -> None:
    pillow_heif.register_heif_opener()
    print("decode to 448 px, pictures/s        ours   plain Pillow")
    for name, data in made.items():
        source = Source(data)
        facts = read_facts(source)
        if "DNG" in name:
            (ours,) = medians(lambda source=source, facts=facts: decode(source, facts, 448), rounds=3)
            print(f"  {name:30} {1 / ours:9.1f}")
            continue
        ours, theirs = medians(
            lambda source=source, facts=facts: decode(source, facts, 448), lambda data=data: plain(data), rounds=3
        )
        print(f"  {name:30} {1 / ours:9.1f} {1 / theirs:9.1f}   {theirs / ours:4.1f}x")


def pillow_exif(path: Path) -> None:
    with Image.open(path) as image:
        block = image.getexif()
        for pointer in (34665, 34853):
            dict(block.get_ifd(pointer))


def reading(folder: Path, made: dict[str, bytes]) -> None:
    paths = sorted(path for path in folder.rglob("*.jpg"))

    def facts() -> None:
        for path in paths:
            with opened(bytes(path)) as file:
                read_facts(file.source)

    ours, theirs = medians(facts, lambda: [pillow_exif(path) for path in paths])
    print(f"facts, files/s: {len(paths) / ours:,.0f} (Pillow's EXIF alone {len(paths) / theirs:,.0f})")
    for name in ("JPEG 12 MP", "TIFF 1440 px", "DNG 12 MP, no preview"):
        source = Source(made[name])
        (taken,) = medians(lambda source=source: digest(source))
        print(f"digest of {name}: {source.size / taken / 1e9:.2f} GB/s")


def small(folder: Path, count: int) -> LookJob:
    base = noise(1200, 900)
    chance = np.random.default_rng(7)
    items = []
    for number in range(count):
        edge = int(chance.choice((64, 120, 200)))
        left, top = int(chance.integers(0, 1000)), int(chance.integers(0, 700))
        path = folder / f"{number}.jpg"
        shot = list(SHOTS.values())[number % len(SHOTS)]
        base.crop((left, top, left + edge, top + edge * 3 // 4)).save(path, quality=85, exif=exif(shot))
        items.append(Item(number, bytes(path)))
    return LookJob(tuple(items), LOCAL, place=PlaceSpec())


def looking(folder: Path) -> None:
    job = small(folder, 2000)
    every = medians(lambda: look(job), rounds=3)[0]
    bare = medians(lambda: look(LookJob(job.photos)), rounds=3)[0]
    print(f"look at 2,000 JPEGs of 64-200 px: {every / 2:.3f} ms each, {bare / 2:.3f} ms without taggers")


PLACES = """
import time, numpy
def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20
before, start = rss(), time.perf_counter()
from metadata import places
places.nearest(51.96, 7.63)
loaded, grown = time.perf_counter() - start, rss() - before
start = time.perf_counter()
for number in range(20000):
    places.nearest(-60 + number % 120 + 0.013, number * 0.017 % 360 - 180)
each = (time.perf_counter() - start) / 20000
print(f"places: first answer after {loaded:.2f} s and {grown:.0f} MiB, then {1 / each:,.0f}/s")
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tagwright-look-") as name:
        folder = Path(name)
        taken = seconds(lambda: make_sample(folder / "sample"))
        print(f"sample library: {taken:.2f} s")
        made = formats()
        decoding(made)
        reading(folder / "sample", made)
        (folder / "small").mkdir()
        looking(folder / "small")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", PLACES], check=True, cwd=Path(__file__).parent.parent)


if __name__ == "__main__":
    main()
