"""Panoramas: what the file declares as one (GPano), or a picture at least 2.2 times as wide as high."""

from __future__ import annotations

from collections.abc import Sequence

from metadata.film import FILMS
from models.protocols import Scored, Tagger, View

ASPECT = 2.2
"""Wider than any camera's own frame (XPan film is 2.7, but a phone's widest is 21:9 = 2.33, turned upright)."""


class Panorama:
    """Looks at the file's facts only."""

    name = "panorama"
    version = "1"
    edge = 0
    of_file = True

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """`panorama` with 1.0 where declared, 0.9 where only the shape says so."""
        return [self._one(view) for view in views]

    def _one(self, view: View) -> list[Scored]:
        width, height = view.facts.upright
        if view.facts.panorama:
            return [(("panorama",), 1.0)]
        if view.facts.format in FILMS:  # cinema is as wide
            return []
        return [(("panorama",), 0.9)] if height and width / height >= self._aspect else []


def make(*, aspect: float = ASPECT) -> Tagger:
    """A tagger that calls pictures from this shape (width / height, upright) on a panorama."""
    return Panorama(aspect)
