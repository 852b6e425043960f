"""Small pictures that a look makes besides, so that whoever describes a photo later need not decode it again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from metadata.errors import PhotoError
from metadata.photo import Facts
from metadata.source import Opened
from models.protocols import FEW
from models.shown import pictures

if TYPE_CHECKING:
    from PIL import Image

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Print:
    """How it is made: its longest edge in pixels, and the quality of the JPEG."""

    edge: int
    quality: int


def jpeg(image: Image.Image, quality: int) -> bytes:
    """The picture as a JPEG; nothing of the file's metadata is in it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def spread(some: Sequence[Each], most: int = FEW) -> Sequence[Each]:
    """At most so many of them, evenly over all."""
    if len(some) <= most:
        return some
    return [some[(2 * number + 1) * len(some) // (2 * most)] for number in range(most)]


def taken(
    file: Opened, preview: bytes, facts: Facts, edge: int, most: int, budget: int, *, wish: Print | None
) -> tuple[list[Image.Image], PhotoError | None, tuple[bytes, ...]]:
    """The pictures for those who look, 0 for `edge` where nobody does; why there are none; and prints of them.

    One decode for both. That no print can be made is no fault where nobody looks: who wants it will be told.
    """
    if wish is None:
        return (*(pictures(file, preview, facts, edge, most, budget) if edge else ([], None)), ())
    many = most if edge else FEW
    found, error = pictures(file, preview, facts, max(edge, wish.edge), many, budget, kept=edge)
    if error is not None:
        return [], error if edge else None, ()
    from models.image import shrunk  # noqa: PLC0415 - a service starts without Pillow and numpy

    made = tuple(jpeg(shrunk(each, wish.edge), wish.quality) for each in spread(found))
    return [shrunk(each, edge) for each in found] if edge else [], None, made
