"""A picture becomes the numbers that a model was trained on: shape, channels, range. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FITS = ("stretch", "pad", "fit", "edge", "crop")
"""How a picture comes into a square: drawn out of shape; bordered, then resized; resized, then bordered; resized,
then its border repeated; its shorter edge resized, then the middle cut out."""
RESAMPLE = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Input:
    """What a model takes. `top` is the number that white becomes before `mean` and `std` are applied.

    `edge` is how large a picture is asked for, the longest edge in pixels.
    """

    size: int
    layout: str = "NCHW"
    channels: str = "RGB"
    top: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    fit: str = "stretch"
    border: tuple[int, int, int] = (255, 255, 255)
    resample: str = "bicubic"
    edge: int = 0

    @property
    def wanted(self) -> int:
        """The longest edge to ask for: half as much again where the shorter edge has to fill the square."""
        return self.edge or (self.size * 3 // 2 if self.fit in ("stretch", "crop") else self.size)


def numbers(image: Image.Image, spec: Input) -> NDArray[np.float32]:
    """One picture (RGB) as float32, `size` x `size` x 3 or 3 x `size` x `size`."""
    values = np.asarray(squared(image, spec), np.float32)
    if spec.channels == "BGR":
        values = values[:, :, ::-1]
    if spec.top != 255:
        values = values * np.float32(spec.top / 255)
    if spec.mean:
        shifted = values - np.array(spec.mean, np.float32)
        values = np.asarray(shifted / np.array(spec.std or (1.0, 1.0, 1.0), np.float32), np.float32)
    if spec.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values, np.float32)


def squared(image: Image.Image, spec: Input) -> Image.Image:
    """The picture as a square of `size`."""
    how = RESAMPLE[spec.resample]
    if spec.fit == "stretch":
        return image.resize((spec.size, spec.size), how) if image.size != (spec.size, spec.size) else image
    if spec.fit == "crop":
        return _cropped(image, spec.size, how)
    if spec.fit == "pad":
        return _bordered(image, max(image.size), spec.border).resize((spec.size, spec.size), how)
    small = _shrunk(image, spec.size, how)
    return _repeated(small, spec.size) if spec.fit == "edge" else _bordered(small, spec.size, spec.border)


def _shrunk(image: Image.Image, size: int, how: Image.Resampling) -> Image.Image:
    scale = size / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image if image.size == (width, height) else image.resize((width, height), how)


def _bordered(image: Image.Image, size: int, colour: tuple[int, int, int]) -> Image.Image:
    if image.size == (size, size):
        return image
    square = Image.new("RGB", (size, size), colour)
    square.paste(image, ((size - image.width) // 2, (size - image.height) // 2))
    return square


def _repeated(image: Image.Image, size: int) -> Image.Image:
    left, top = (size - image.width) // 2, (size - image.height) // 2
    around: Any = ((top, size - image.height - top), (left, size - image.width - left), (0, 0))
    return Image.fromarray(np.pad(np.asarray(image), around, mode="edge"))


def _cropped(image: Image.Image, size: int, how: Image.Resampling) -> Image.Image:
    """As torchvision's and Immich's: the shorter edge becomes `size`, the longer is cut off and rounded down."""
    width, height = image.size
    wide, high = (int(width / height * size), size) if width >= height else (size, int(height / width * size))
    image = image.resize((wide, high), how) if image.size != (wide, high) else image
    left, top = int(wide / 2 - size / 2), int(high / 2 - size / 2)
    return image.crop((left, top, left + size, top + size))
