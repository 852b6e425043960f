"""Black and white, also toned (sepia, cyanotype, selenium) and faded: colour that only follows the light.

In a monochrome picture, however it was toned and however it yellowed, all places of one brightness have
one colour. So the mean colour of each brightness is taken away, what is left is averaged over small blocks
(grain and JPEG noise go, things do not) and freed of a smooth stain (uneven fading). Grey pictures leave
nothing; colour photos, even dull ones, leave their things. A tone has to be one that toning and fading
give (warm, blue or purple, never green), and a blue one has to reach into the darks, or sky would be one.

The numbers were set on toned, faded, noisy and recompressed forms of two photographs and on dull, foggy,
dark and warm ones (tests/unit/test_monochrome.py): at 0.5 it misses 4 % of the former and takes none of
the latter that keeps half of its colours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from models.protocols import Scored, Tagger, View

WORD = ("black and white",)
EDGE = 128
_LIMIT, _STEEP = 1.6, 4.0
"""Colour left over (in steps of 8-bit YCbCr) at which the answer is 0.5, and how fast it turns."""

Plane = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Monochrome:
    """Looks at 128 pixels of longest edge."""

    name = "monochrome"
    version = "1"
    edge = EDGE
    of_file = False
    every = True  # a film with two dull pictures is none

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """`black and white` with how sure it is; nothing below 0.05."""
        return [self._one(view) for view in views]

    def _one(self, view: View) -> list[Scored]:
        score = likeness(view.pixels(EDGE))
        return [(WORD, score)] if score >= 0.05 else []


def likeness(image: Image.Image) -> float:
    """How surely an RGB picture is monochrome, 0..1; 0 for what is no photograph (flat, line art, black)."""
    block = max(1, max(image.size) // 16)
    width, height = (size // block * block for size in image.size)
    if min(width, height) < 8:
        return 0.0
    planes = np.asarray(image.convert("YCbCr"))[:height, :width]
    level = (planes[..., 0] >> 2).astype(np.intp).ravel()
    counts = np.bincount(level, minlength=64)
    light = _Light(counts, level.size)
    if light.spread < 6 or light.high < 30 or counts.max() > 0.7 * level.size:
        return 0.0
    blue, red = (planes[..., band].astype(np.float32).ravel() - 128 for band in (1, 2))
    if not _a_tone(_mean(blue), _mean(red), light.low):
        return 0.0
    shape = (height // block, block, width // block, block)
    curves = [np.bincount(level, weights=plane, minlength=64) / np.maximum(counts, 1) for plane in (blue, red)]
    if np.hypot(*curves)[counts > level.size / 200].max() > 60:  # no toner is that strong: print in two colours
        return 0.0
    left = 0.0
    tone = 0.0
    for plane, curve in zip((blue, red), curves, strict=True):
        followed = curve[level]
        tone += _mean(np.square(followed - _mean(followed)))
        blocks = np.add.reduce((plane - followed).reshape(shape), axis=(1, 3)) / (block * block)
        left += _mean(np.square(_unstained(blocks)))
    # in a dim or foggy picture colours are as weak as the light; a strong tone leaves more at JPEG's edges
    weight = min(3.0, max(1.0, 40 / light.spread)) / (1 + 0.03 * math.sqrt(tone))
    return 1 / (1 + math.exp(min(50.0, _STEEP * (math.sqrt(left) * weight - _LIMIT))))


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.floating[Any]]]) -> float:
    """As the method of that name, which takes three times as long for so few."""
    return float(np.add.reduce(values, axis=None)) / values.size


class _Light:
    """How the brightnesses (0..255) of a picture spread, from a histogram of 64 steps."""

    def __init__(self, counts: np.ndarray[tuple[int], np.dtype[np.intp]], total: int) -> None:
        mean = float(counts @ _LEVELS) / total
        self.spread = max(0.1, math.sqrt(float(counts @ np.square(_LEVELS - mean)) / total))
        below = counts.cumsum()
        self.low, self.high = (int(_LEVELS[place]) for place in below.searchsorted((0.02 * total, 0.98 * total)))


_LEVELS = np.arange(64) * 4.0 + 2
"""The brightness in the middle of each step."""


def _a_tone(blue: float, red: float, low: int) -> bool:
    """Whether a mean colour (Cb, Cr around 0) is grey, or one that toning and fading give."""
    strength = math.hypot(blue, red)
    if blue > 4 and low >= 64:  # cloud, haze, snow
        return False
    if strength <= 12:
        return True
    green = blue < -3 and red < -3
    violet = blue > 3 and red > 3 and strength > 18
    return strength <= 45 and not green and not violet


def _unstained(blocks: Plane) -> Plane:
    """The blocks without their least-squares fit of a plane and a bowl: light that yellowed from the rim."""
    if blocks.size < 16:
        return blocks
    basis = _stains(*blocks.shape)
    clean: Plane = blocks.ravel() - basis @ (basis.T @ blocks.ravel())
    return clean


@lru_cache(maxsize=64)
def _stains(height: int, width: int) -> Plane:
    """Constant, two slopes and a bowl over a grid, as orthonormal columns (height * width, 4)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    basis, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x + y * y], axis=-1).reshape(-1, 4))
    return basis.astype(np.float32)


def make() -> Tagger:
    """A tagger of black and white; it has no settings."""
    return Monochrome()
