"""Small films, made by the encoders that PyAV brings along; what asks for one is skipped without it."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

av = pytest.importorskip("av")

import numpy as np  # noqa: E402 - nothing of this without PyAV

RED, GREEN, BLUE, GREY = (200, 20, 20), (20, 180, 20), (20, 20, 200), (128, 128, 128)
CODECS = {
    "mp4": "libx264", "mov": "mpeg4", "matroska": "libx264", "webm": "libvpx", "avi": "mpeg4",
    "mpegts": "libx264", "mpeg": "mpeg2video", "flv": "libx264", "asf": "mpeg4",
}  # fmt: skip
_UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
TURNED = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
"""A quarter turn to the right, as phones write that are held upright (ISO/IEC 14496-12 8.3.2)."""


def film(  # noqa: PLR0913
    colours: Sequence[tuple[int, int, int]] = (RED,),
    *,
    kind: str = "mp4",
    size: tuple[int, int] = (64, 48),
    seconds: float = 4,
    fps: int = 10,
    gop: int = 10,
    says: Mapping[str, str] | None = None,
    top: tuple[int, int, int] | None = None,
) -> bytes:
    """A film that shows these colours one after the other, each as long; `top` is its upper quarter."""
    out = io.BytesIO()
    options = {"movflags": "use_metadata_tags"} if says else {}
    with av.open(out, "w", format=kind, options=options) as container:
        for name, value in (says or {}).items():
            container.metadata[name] = value
        stream = container.add_stream(CODECS[kind], rate=fps, options={"threads": "1"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        count = max(1, round(seconds * fps))
        for number in range(count):
            picture = np.zeros((size[1], size[0], 3), np.uint8)
            picture[:] = colours[number * len(colours) // count]
            if top is not None:
                picture[: size[1] // 4] = top
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def hdr_film(signal: Sequence[float], transfer: int) -> bytes:
    """A film of ten bits in BT.2020 whose every picture is this one colour, as parts of the signal's range."""
    out = io.BytesIO()
    marks = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=10, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p10le"
        for name, mark in marks.items():
            setattr(stream.codec_context, name, mark)
        picture = np.full((48, 64, 3), np.rint(65535 * np.asarray(signal)), np.uint16)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb48le")
            frame = frame.reformat(format="yuv444p10le", dst_colorspace=9, dst_color_range=1)
            frame.pts = number
            for name, mark in marks.items():
                setattr(frame, name, mark)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def turned(data: bytes) -> bytes:
    """The film, shown a quarter turn to the right."""
    place = data.rindex(_UPRIGHT)
    return data[:place] + TURNED + data[place + len(TURNED) :]


def apple(taken: str, *, place: str = "", moment: str = "") -> dict[str, str]:
    """What an iPhone's film says."""
    told = {"creationdate": taken, "location.ISO6709": place, "content.identifier": moment, "make": "Apple"}
    return {f"com.apple.quicktime.{name}": value for name, value in told.items() if value}


def clocked(data: bytes, when: datetime) -> bytes:
    """The film with another time on its own clock."""
    seconds = int((when - datetime(1904, 1, 1)).total_seconds())  # noqa: DTZ001
    place = data.index(b"mvhd") + 8
    return data[:place] + struct.pack(">II", seconds, seconds) + data[place + 8 :]


def put(path: Path, data: bytes) -> Path:
    """The film as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
