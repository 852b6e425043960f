"""Any file -> upright RGB at the wanted size, decoded once; every library's error becomes a plain reason.

The content decides what a file is, its name never does. Pillow's file classes are used directly: its
`Image.open` imports forty formats that nobody asked for and warns through a global. Colour profiles are
ignored, as the models we know were trained that way.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from PIL import Image, ImageFile

from metadata.container import RAW, Anatomy, dissect
from metadata.errors import PhotoError
from metadata.film import FILMS
from metadata.photo import Facts
from metadata.source import Source, opened
from models.prints import Print, jpeg
from models.protocols import BUDGET, FEW, UNKNOWN, Hints

if TYPE_CHECKING:
    import rawpy

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PILLOW = r"PIL\."


def decode(source: Source, facts: Facts, edge: int, *, path: bytes = b"", budget: int = BUDGET) -> Image.Image:
    """Upright RGB, longest edge at most `edge`, never enlarged. Raises PhotoError with a plain reason."""
    _quieten()
    try:
        return _decode(source, facts, edge, path, budget)
    except (PhotoError, MemoryError):
        raise
    except ImportError as error:
        raise PhotoError(path, f"{facts.format} needs {error.name}, which is not installed") from error
    except Exception as error:  # a decoder may raise anything at all for hostile bytes
        raise PhotoError(path, _reason(error, source, facts)) from error


def _quieten() -> None:
    """Pillow tells of odd tags by warnings, which nobody reads; what matters it raises."""
    if not any(getattr(kept[3], "pattern", None) == _PILLOW for kept in warnings.filters):
        warnings.filterwarnings("ignore", module=_PILLOW)


def _decode(source: Source, facts: Facts, edge: int, path: bytes, budget: int) -> Image.Image:
    if facts.format in RAW:
        with contextlib.closing(source.file()) as file:
            return _raw(file, facts, edge, path, budget)
    if facts.format in FILMS:
        from models import film  # noqa: PLC0415 - hardly any photo is one

        found = film.pictures(source, facts.format, edge, FEW, path=path, budget=budget)
        return found[len(found) // 2]
    make = _opener(facts.format)
    if make is None:
        raise PhotoError(path, _unknown(source))
    with contextlib.closing(source.file()) as file, make(file) as image:
        turn = _turn(image, facts)
        return _upright(_small(image, edge, path, budget), turn)


_OPENERS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
}


def _opener(name: str) -> Callable[[BinaryIO], ImageFile.ImageFile] | None:
    """The class that reads a format, imported only now."""
    if name not in _OPENERS:
        return None
    module, kind = _OPENERS[name]
    made: Any = importlib.import_module(module)
    if name == "JPEG":
        return _jpeg(made.JpegImageFile)
    if name == "HEIF":
        made.options.DECODE_THREADS = 0  # in ours: whoever looks at photos has its threads already
    if name == "AVIF":
        made.DEFAULT_MAX_THREADS = 1
    return cast("Callable[[BinaryIO], ImageFile.ImageFile]", getattr(made, kind))


@lru_cache(maxsize=1)
def _jpeg(plain: type[ImageFile.ImageFile]) -> type[ImageFile.ImageFile]:
    """Pillow's reader without its reading of all EXIF for a resolution that nobody asks for."""
    return type("Jpeg", (plain,), {"_read_dpi_from_exif": lambda _: None})


def _turn(image: Image.Image, facts: Facts) -> int:
    """Which EXIF turn is still to be made: libheif and Pillow's TIFF reader have made theirs by themselves."""
    if facts.format == "AVIF":
        return int(image.getexif().get(274, 1))  # Pillow puts irot and imir there
    return 1 if facts.format in ("HEIF", "TIFF") else facts.orientation


def _small(image: Image.Image, edge: int, path: bytes, budget: int) -> Image.Image:
    """Reduce while decoding where the format can, refuse a bomb, then shrink and make it RGB."""
    width, height = image.size
    if image.format == "JPEG":
        image.draft(None, _fit(image.size, edge))
        if "progressive" not in image.info:  # a progressive one is held whole while it is decoded
            width, height = image.size
    if width * height > budget:
        raise PhotoError(path, f"{image.size[0]} x {image.size[1]} pixels are too many to decode")
    image.load()
    if image.mode in ("P", "PA", "1", "I", "F") or image.mode.startswith("I;"):
        return _rgb(image).resize(_fit(image.size, edge), Image.Resampling.BILINEAR, reducing_gap=2.0)
    if max(image.size) <= edge:
        return _rgb(image)
    small = image.resize(_fit(image.size, edge), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return small if _is_rgb(small) else _rgb(small)


def _fit(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """The size with its longest edge at most `edge`, shape kept, at least one pixel each way."""
    scale = min(1.0, edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrunk(image: Image.Image, edge: int) -> Image.Image:
    """The picture with its longest edge at most `edge`; itself where it has no more."""
    if max(image.size) <= edge:
        return image
    return image.resize(_fit(image.size, edge), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _rgb(image: Image.Image) -> Image.Image:
    """RGB of any mode: transparent parts show white, deep greys keep their range."""
    if _is_rgb(image):
        return image.copy()
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _deep(image).convert("RGB")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _is_rgb(image: Image.Image) -> bool:
    return image.mode == "RGB" and "transparency" not in image.info


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _deep(image: Image.Image) -> Image.Image:
    """16-bit whole numbers by their high byte; anything else by its own range."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    low = min(0.0, float(values.min()))
    high = float(values.max())
    if image.mode.startswith("I") and 255 < high <= 65535 and low >= 0:
        high = 65535.0
    elif image.mode == "I" and high <= 255 and low >= 0:
        high = 255.0
    elif image.mode.startswith("I;16"):
        high = 65535.0
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def _upright(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _raw(file: BinaryIO, facts: Facts, edge: int, path: bytes, budget: int) -> Image.Image:
    """The preview in a RAW when it is large enough, else the sensor's data at half its size."""
    import rawpy  # noqa: PLC0415 - 20 MB that only RAW photos need

    with rawpy.imread(file) as raw:
        preview = _preview(raw, facts, edge, budget)
        if preview is not None:
            return preview
        sizes = raw.sizes
        if sizes.raw_width * sizes.raw_height // 4 > budget:
            raise PhotoError(path, f"{sizes.raw_width} x {sizes.raw_height} pixels are too many to decode")
        pixels = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    image = Image.fromarray(pixels)  # LibRaw has turned it upright
    return image.resize(_fit(image.size, edge), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _preview(raw: rawpy.RawPy, facts: Facts, edge: int, budget: int) -> Image.Image | None:
    import rawpy  # noqa: PLC0415 - see above

    try:
        thumb = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if not isinstance(thumb.data, bytes):
        image = Image.fromarray(thumb.data)
        size = image.size
        image = image.resize(_fit(size, edge), Image.Resampling.BILINEAR, reducing_gap=2.0)
    else:
        block = Source(thumb.data)
        found = dissect(block)
        size = found.width, found.height
        if found.format != "JPEG" or max(size) < edge:
            return None
        image = decode(block, Facts("JPEG", *size), edge, budget=budget)
    if max(size) < edge:
        return None
    # some cameras store the preview upright already: then it stands where the sensor lies
    lies = raw.sizes.raw_width >= raw.sizes.raw_height
    turned = facts.orientation >= 5 and lies != (size[0] >= size[1])
    return image if turned else _upright(image, facts.orientation)


def _reason(error: Exception, source: Source, facts: Facts) -> str:
    said = error.args[0] if error.args else error
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else error  # rawpy speaks bytes
    text = " ".join(str(said).split())[:200] or type(error).__name__
    anatomy = dissect(source)
    if _cut(source, anatomy) or "truncated" in text.lower():
        return f"truncated {facts.format}: the end of the picture is missing"
    return f"damaged {facts.format}: {text}"


def _cut(source: Source, anatomy: Anatomy) -> bool:
    """Whether the picture's data ought to go on behind the end of the file."""
    spans = [piece for piece in anatomy.image if not isinstance(piece, bytes)]
    return any(offset + length > source.size for offset, length in spans)


_OTHERS = {
    b"%PDF": "a PDF",
    b"PK\3\4": "a ZIP archive",
    b"<?xm": "XML text",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"8BPS": "a Photoshop document",
}


def _unknown(source: Source) -> str:
    head = source.at(0, 4096)
    if not head.strip(b"\0"):
        return "holds only zero bytes"
    if head[4:8] == b"ftyp":
        return "a video, or a kind of picture that we do not open"
    return f"holds {_OTHERS.get(head[:4], 'no picture that we open')}"


class FileView:
    """One photo as a model looks at it: decoded at most once for the edge that was planned (a `View`).

    `image` is what was decoded when the file was open, `edge` the edge it was asked for; a larger wish
    opens the file again. `error` is what decoding said; asking again says the same. `print_` is a JPEG of it that
    was made before.
    """

    def __init__(  # noqa: PLR0913 - what is known of one photo
        self,
        path: bytes,
        facts: Facts,
        *,
        image: Image.Image | None = None,
        edge: int = 0,
        error: PhotoError | None = None,
        budget: int = BUDGET,
        hints: Hints = UNKNOWN,
        private: bool = False,
        print_: tuple[Print, bytes] | None = None,
    ) -> None:
        self.path = path
        self.hints = hints
        self.private = private
        self.error = error
        self._facts = facts
        self._image = image
        self._edge = edge
        self._budget = budget
        self._print = print_
        self._lock = threading.Lock()

    @property
    def facts(self) -> Facts:
        """What the file says about itself."""
        return self._facts

    @property
    def name(self) -> str:
        """The file's name; bytes that are not UTF-8 come as surrogate escapes."""
        return os.fsdecode(os.path.basename(self.path))

    def pixels(self, edge: int) -> Image.Image:
        """Upright RGB, longest edge at most `edge`; the caller may keep it but not change it."""
        with self._lock:
            if self.error is not None:
                raise self.error
            if self._image is None or (edge > self._edge and max(self._image.size) >= self._edge):
                self._load(edge)
            image = self._image
            assert image is not None
        return shrunk(image, edge)

    def jpeg(self, edge: int, quality: int) -> bytes:
        """The same as a JPEG without metadata; one that was made of it before is not made again."""
        if self._print is not None and self._print[0] == Print(edge, quality):
            return self._print[1]
        return jpeg(self.pixels(edge), quality)

    def _load(self, edge: int) -> None:
        try:
            with opened(self.path) as file:
                self._image = decode(file.source, self._facts, edge, path=self.path, budget=self._budget)
        except PhotoError as error:
            self.error = error
            raise
        self._edge = edge


def mismatch(name: str, kind: str) -> str | None:
    """A sentence when a file's ending names another kind than its content, else None."""
    ending = os.path.splitext(name)[1].lower().lstrip(".")
    meant = _ENDINGS.get(ending)
    if meant is None or not kind or meant == kind or (kind in RAW and meant in ("TIFF", "RAW")):
        return None
    return f"named .{ending} but holds {kind}"


_ENDINGS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "JPEG"),
    **dict.fromkeys(("tif", "tiff"), "TIFF"),
    **dict.fromkeys(("heic", "heif", "hif"), "HEIF"),
    **{name.lower(): name for name in ("PNG", "WEBP", "GIF", "AVIF", "CR3", "RAF")},
}
