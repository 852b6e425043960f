"""A film is looked at by some of its pictures, and what is said of them becomes one set of evidence.

PyAV decodes; it is imported only for a film, and may be missing. The film is read by the format that its content
showed, so that nothing in it makes the decoder open other files or addresses. What is read, decoded and waited for
is bounded, whatever the file says of itself.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from PIL import Image

from metadata.errors import PhotoError
from metadata.source import Source
from metadata.tags import Word
from models import hdr
from models.protocols import BUDGET, FEW, PICTURES, Scored

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

SECONDS: Final = 12.0
"""A film may take so long; what was found until then counts."""
FORWARD: Final = 5.0
"""Seconds of looking for pictures between keyframes, in a film that has fewer than `FEW`."""
READ: Final = 512 * 2**20
"""Bytes that are read of one film: a keyframe of 8K has some megabytes."""
MISSING: Final = "PyAV is not installed, which decodes films: pip install 'tagwright[films]'"

_READERS: Final = {
    "MP4": "mov",
    "MKV": "matroska",
    "AVI": "avi",
    "MPEG": "mpeg",
    "MPEG-TS": "mpegts",
    "WMV": "asf",
    "FLV": "flv",
}
"""What FFmpeg calls its readers; none of these opens anything but the file that it is given."""


def available() -> bool:
    """Whether films can be decoded here."""
    return importlib.util.find_spec("av") is not None


def pictures(  # noqa: PLR0913 - bounds are for tests to set
    source: Source,
    kind: str,
    edge: int,
    most: int = PICTURES,
    *,
    path: bytes = b"",
    budget: int = BUDGET,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> list[Image.Image]:
    """Up to `most` pictures spread over a film, in their order: upright RGB, longest edge at most `edge`.

    Raises PhotoError with a plain reason where there is not one, ImportError without PyAV.
    """
    import av  # noqa: PLC0415 - 70 MB that only films need

    bounds = _Bounds(clock, clock() + seconds)
    found: dict[float, Image.Image] = {}
    try:
        with contextlib.closing(source.file()) as file:
            reader = _Reader(file, bounds)
            with av.open(
                reader, "r", format=_READERS[kind], buffer_size=2**18, timeout=seconds, metadata_errors="replace"
            ) as film:
                _collect(_Film(film, edge, budget, bounds), most, found)
    except _OverError as over:
        if not found:
            raise PhotoError(path, _nothing(bounds)) from over
    except Exception as error:  # a decoder may raise anything at all for hostile bytes
        if isinstance(error, MemoryError) and not isinstance(error, av.error.FFmpegError):
            raise  # FFmpeg's own says that it was asked for what cannot be
        if not found:
            raise PhotoError(path, _nothing(bounds, error)) from error
    if not found:
        raise PhotoError(path, _nothing(bounds))
    return [found[at] for at in sorted(found)]


def _nothing(bounds: _Bounds, error: Exception | None = None) -> str:
    """Why there is no picture."""
    if over := bounds.over():
        return f"no picture of this film was found {over}"
    said = getattr(error, "strerror", None) or error or "it has no picture that can be decoded"
    return f"damaged film: {' '.join(str(said).split())[:200]}"


class _OverError(Exception):
    """A bound was reached."""


class _Bounds:
    """When a film has taken enough."""

    def __init__(self, clock: Callable[[], float], end: float) -> None:
        self.clock, self.end, self.read = clock, end, 0

    def over(self) -> str:
        """Which bound is reached, or ""."""
        if self.read > READ:
            return f"in {READ >> 20} MB of it"
        return "in the time that a film may take" if self.clock() > self.end else ""

    def check(self) -> None:
        if over := self.over():
            raise _OverError(over)


class _Reader:
    """A file that ends the decoder's reading when enough was read."""

    def __init__(self, file: BinaryIO, bounds: _Bounds) -> None:
        self._file, self._bounds = file, bounds

    def read(self, size: int = -1) -> bytes:
        """As a file's; at its end when enough was read, since FFmpeg goes on after an error."""
        if self._bounds.over():
            return b""
        data = self._file.read(size)
        self._bounds.read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """As a file's."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As a file's."""
        return self.seek(0, 1)


class _Film:
    """An open film: its stream of pictures, and how one of them becomes what models see."""

    def __init__(self, film: InputContainer, edge: int, budget: int, bounds: _Bounds) -> None:
        self.film, self.bounds = film, bounds
        self._edge, self._budget = edge, budget
        self.stream = _stream(film)
        self.stream.thread_type = "NONE"
        self.stream.codec_context.thread_count = 1  # whoever looks at photos has its threads already
        self.stream.codec_context.options = {"max_pixels": str(budget)}
        scale = float(self.stream.time_base or 0)
        length = float(self.stream.duration or 0) * scale or float(film.duration or 0) / 1e6
        self.start, self.length = float(self.stream.start_time or 0) * scale, max(0.0, length)

    def seek(self, seconds: float) -> None:
        """Go to the keyframe before this moment; stay where there is no way, as without an index."""
        import av  # noqa: PLC0415 - see above

        assert self.stream.time_base is not None
        with contextlib.suppress(av.error.FFmpegError):
            self.film.seek(int(seconds / self.stream.time_base), stream=self.stream, backward=True)

    def frames(self) -> Iterator[av.VideoFrame]:
        """The frames from here on; packets that are broken are passed over."""
        import av  # noqa: PLC0415 - see above

        for packet in self.film.demux(self.stream):
            self.bounds.check()
            with contextlib.suppress(av.error.InvalidDataError):
                yield from packet.decode()
            self.bounds.check()

    def picture(self, frame: av.VideoFrame) -> Image.Image:
        """Upright RGB of square pixels."""
        width, height = frame.width, frame.height
        ratio = self.stream.sample_aspect_ratio
        if ratio and 0.1 < float(ratio) < 10:
            width = max(1, round(width * float(ratio)))
        scale = min(1.0, self._edge / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = _image(frame, size)
        return image.rotate(frame.rotation, expand=True) if frame.rotation % 360 else image


def _image(frame: av.VideoFrame, size: tuple[int, int]) -> Image.Image:
    """RGB of this size as Pillow has it."""
    transfer = int(frame.color_trc)
    if transfer in (hdr.PQ, hdr.HLG):
        wide = frame.reformat(*size, format="rgb48le", src_colorspace="BT2020", interpolation="AREA", threads=1)
        return Image.fromarray(hdr.shown(np.asarray(wide.to_ndarray(), dtype=np.uint16), transfer))
    plane = frame.reformat(*size, format="rgb24", interpolation="AREA", threads=1).planes[0]
    return Image.frombuffer("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1).copy()


def _stream(film: InputContainer) -> VideoStream:
    """The film's pictures, and not the cover that some files have besides."""
    for stream in film.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            if stream.codec_context is None:
                raise ValueError("how its pictures are packed is not known")
            return stream
    raise ValueError("it holds no pictures")


def _collect(film: _Film, most: int, found: dict[float, Image.Image]) -> None:
    """Keyframes spread over the film; of a film with hardly any also what lies between them."""
    times = [film.start + film.length * (number + 0.5) / most for number in range(most)]
    film.stream.codec_context.skip_frame = "NONKEY"
    for wanted in times if film.length else (film.start,):
        _one(film, wanted, found)
    if len(found) < min(FEW, most):
        film.bounds.end = min(film.bounds.end, film.bounds.clock() + FORWARD)
        _forward(film, most, times, found)


def _one(film: _Film, wanted: float, found: dict[float, Image.Image]) -> None:
    if film.length:
        film.seek(wanted)
    for frame in film.frames():
        at = float(frame.time or 0.0)
        if at not in found:
            found[at] = film.picture(frame)
        return


def _forward(film: _Film, most: int, times: Sequence[float], found: dict[float, Image.Image]) -> None:
    """Every frame from the beginning, taking one as each of the wanted moments comes."""
    film.stream.codec_context.skip_frame = "DEFAULT"
    film.seek(film.start)
    open_ = list(times)
    for frame in film.frames():
        at = float(frame.time or 0.0)
        if open_ and at >= open_[0]:
            open_ = [wanted for wanted in open_ if wanted > at]
            found.setdefault(at, film.picture(frame))
        if len(found) >= most or not open_:
            return


def merged(said: Sequence[Sequence[Scored]], *, every: bool = False) -> list[Scored]:
    """One set of words for a film out of those of its pictures, the highest scores first.

    A word has the second highest of its scores: what one picture alone shows may be a slip, and with each picture
    more slips would add up; the mean would lose what is seen in one scene. With `every` it has the least of all,
    for what is true of a film only where it is true throughout.
    """
    if len(said) == 1:
        return list(said[0])
    scores: dict[Word, list[float]] = {}
    for one in said:
        best: dict[Word, float] = {}
        for word, score in one:
            best[word] = max(score, best.get(word, score))
        for word, score in best.items():
            scores.setdefault(word, []).append(score)
    rank = len(said) - 1 if every else 1
    kept = {word: sorted(given, reverse=True)[rank] for word, given in scores.items() if len(given) > rank}
    return sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))


def texts(said: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    """Title and caption of a film: those of its picture in the middle, else of the first that has any."""
    middle = said[len(said) // 2]
    return middle or next((one for one in said if one), {})
