"""The reference tagger: which colours a picture mostly has. Real and tiny, for tests and demonstrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PIL import Image

from models.protocols import Scored, Tagger, View

EDGE = 64
_HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (265, "blue"),
    (330, "purple"),
    (361, "red"),
)
"""Up to which degree of hue a colour has which name."""


class Colour:
    """Looks at 64 pixels of longest edge."""

    name = "colour"
    version = "1"
    edge = EDGE
    of_file = False

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """`colour/<name>` with the share of the picture that has it, from a tenth on."""
        return [self._one(view) for view in views]

    def _one(self, view: View) -> list[Scored]:
        return [(("colour", name), share) for name, share in shares(view.pixels(EDGE)) if share >= 0.1]


def shares(image: Image.Image) -> list[tuple[str, float]]:
    """Each colour's share of an RGB picture (0..1, together 1), the largest first."""
    counted: Counter[str] = Counter()
    small = image.resize((32, 32), Image.Resampling.BOX).convert("HSV")
    for count, value in small.getcolors(32 * 32) or []:
        counted[_named(*value)] += count  # type: ignore[misc]  # three numbers in HSV
    return [(name, count / 1024) for name, count in counted.most_common()]


def _named(hue: int, saturation: int, value: int) -> str:
    if value < 48:
        return "black"
    if saturation < 40:
        return "white" if value > 215 else "grey"
    degrees = hue * 360 / 255
    name = next(name for limit, name in _HUES if degrees < limit)
    return "brown" if name in ("red", "orange") and value < 150 else name


def make() -> Tagger:
    """A tagger of colours; it has no settings."""
    return Colour()
