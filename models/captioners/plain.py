"""The reference captioner: one sentence from shape and colour. Real and tiny, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Sequence

from models.protocols import Captioner, View
from models.taggers.colour import EDGE, shares


class Plain:
    """Looks at 64 pixels of longest edge."""

    name = "plain"
    version = "1"
    edge = EDGE

    def caption(self, views: Sequence[View]) -> list[str]:
        """`A wide, mostly blue picture`; two colours where none has half of it."""
        return [self._one(view) for view in views]

    def _one(self, view: View) -> str:
        image = view.pixels(EDGE)
        (first, share), *rest = shares(image)
        colours = f"mostly {first}" if share >= 0.5 or not rest else f"{first} and {rest[0][0]}"
        return f"A {_shape(*image.size)}, {colours} picture"


def _shape(width: int, height: int) -> str:
    if width > height * 1.1:
        return "wide"
    return "tall" if height > width * 1.1 else "square"


def make() -> Captioner:
    """A captioner that needs no model; it has no settings."""
    return Plain()
