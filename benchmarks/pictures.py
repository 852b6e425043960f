"""Pictures for models: Immich's preview and RAW beside other ways to read them, and what a look costs besides.

python -m benchmarks.pictures
"""

from __future__ import annotations

import importlib.util
import io
import tempfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from benchmarks.look import noise
from benchmarks.table import Figure, in_turns, table
from metadata.facts import read_facts
from metadata.source import Source
from models import registry
from models.image import FileView, decode
from models.look import Item, LookJob, look
from tests.unit.test_raw_preview import with_preview

EDGE, SHAPE = 448, (448, 336)


def measure(rounds: int = 40, megapixels: int = 24) -> Iterable[Figure]:
    """All figures; simplejpeg is measured where it is installed."""
    file = io.BytesIO()
    noise(1440, 1080).save(file, "JPEG", quality=85)
    data = file.getvalue()
    yield _decoding(data, rounds)
    yield _raw(megapixels, max(3, rounds // 10))
    yield _overhead(data)


def _decoding(data: bytes, rounds: int) -> Figure:
    source = Source(data)
    facts = read_facts(source)

    def pillow() -> None:
        image = Image.open(io.BytesIO(data))
        image.draft("RGB", SHAPE)
        image.resize(SHAPE, Image.Resampling.BILINEAR, reducing_gap=2.0)

    def simple() -> None:
        import simplejpeg  # noqa: PLC0415 - may be missing

        made = simplejpeg.decode_jpeg(
            data, fastdct=True, fastupsample=True, min_width=SHAPE[0], min_height=SHAPE[1]
        )
        Image.fromarray(made).resize(SHAPE, Image.Resampling.BILINEAR, reducing_gap=2.0)

    others = [pillow, *([simple] if importlib.util.find_spec("simplejpeg") else [])]
    ours, *theirs = in_turns(lambda: decode(source, facts, EDGE), *others, rounds=rounds)
    best = min(theirs)
    told = ", ".join(f"{other.__name__} {1 / taken:.0f}" for other, taken in zip(others, theirs, strict=True))
    measured = f"{ours / best:.2f}x ({1 / ours:.0f} pictures/s; {told})"
    return Figure("preview to 448 px / the faster of two decoders", "<= 1.1x", measured, ours / best <= 1.1)


def _raw(megapixels: int, rounds: int) -> Figure:
    """A DNG with a preview of 1,620 pixels, as cameras put one in, beside LibRaw's own way to a picture."""
    import rawpy  # noqa: PLC0415 - only here

    width = round((megapixels * 1.5e6) ** 0.5) // 2 * 2
    sensor = noise(width, width * 2 // 3 // 2 * 2)
    data = with_preview(sensor, noise(1620, 1080))
    source = Source(data)
    facts = read_facts(source)

    def demosaiced() -> None:
        with rawpy.imread(io.BytesIO(data)) as raw:
            Image.fromarray(raw.postprocess(use_camera_wb=True)).resize(SHAPE, reducing_gap=2.0)

    (slow,) = in_turns(demosaiced, rounds=rounds)
    (ours,) = in_turns(lambda: decode(source, facts, EDGE), rounds=10 * rounds)
    told = f"{slow / ours:.0f}x ({megapixels} MP: {1 / ours:.0f} pictures/s, demosaiced {1 / slow:.2f})"
    return Figure("RAW by its embedded preview / demosaicing", ">= 50x", told, slow / ours >= 50)


def _overhead(data: bytes, count: int = 100) -> Figure:
    """A look with one small model, less decoding and the model."""
    source = Source(data)
    facts, colour = read_facts(source), registry.tagger("colour")
    views = [FileView(b"a.jpg", facts, image=decode(source, facts, 64), edge=64) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(count)]
        for path in paths:
            path.write_bytes(data)
        job = LookJob(tuple(Item(number, bytes(path)) for number, path in enumerate(paths)), (("colour", ()),))
        whole, decoded, said = in_turns(
            lambda: look(job),
            lambda: [decode(source, facts, 64) for _ in range(count)],
            lambda: colour.tag(views),
            rounds=5,
        )
    own = 1000 * (whole - decoded - said) / count
    return Figure("a look, less decoding and model", "< 2 ms", f"{own:.2f} ms a photo", own < 2)


if __name__ == "__main__":
    print(table(list(measure())))
