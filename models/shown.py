"""Which pictures stand for a file: a server's preview where there is one, else the photo, else pictures of a film.

One decode for all who look, at the largest size that any of them wants.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from metadata.errors import PhotoError, TryAgain
from metadata.film import FILMS
from metadata.photo import Facts
from metadata.source import Opened, opened
from models.protocols import FEW

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

PREVIEW_EDGE = 1024
"""The longest edge for which a server's preview (1440 pixels by default) will do; of a film it always does."""

LARGE = 640
"""The longest edge from which on few pictures of a film are kept in memory."""

Shown = tuple[list["Image.Image"], PhotoError | None]


class Unready(PhotoError):
    """Nothing is wrong with the file: what would decode it is not installed."""


def pictures(
    file: Opened, preview: bytes, facts: Facts, edge: int, most: int, budget: int, *, kept: int = 0
) -> Shown:
    """The pictures that are looked at, at least one, or why there is none. `most` bounds those of a film.

    `kept` is the edge to which they are made smaller at once, where they are.
    """
    film = facts.format in FILMS
    if preview and (film or edge <= PREVIEW_EDGE):
        try:
            with opened(preview) as small:
                found = _decoded(small, _facts_of(small), edge, budget)
        except (OSError, PhotoError, TryAgain):
            found = [], None
        if found[0] and (film or max(found[0][0].size) >= min(edge, max(facts.width, facts.height))):
            return found
    if film:
        return _of_film(file, facts, edge, most if (kept or edge) <= LARGE else min(most, FEW), budget)
    return _decoded(file, facts, edge, budget)


def _facts_of(file: Opened) -> Facts:
    from metadata.container import dissect  # noqa: PLC0415 - a service starts without what reads photos
    from metadata.facts import read_facts  # noqa: PLC0415 - as above

    return read_facts(file.source, dissect(file.source))


def _decoded(file: Opened, facts: Facts, edge: int, budget: int) -> Shown:
    from models.image import decode  # noqa: PLC0415 - a service starts without Pillow and numpy

    try:
        return [decode(file.source, facts, edge, path=file.path, budget=budget)], None
    except PhotoError as error:
        return [], error


def _of_film(file: Opened, facts: Facts, edge: int, most: int, budget: int) -> Shown:
    from models import film  # noqa: PLC0415 - as above

    if not film.available():
        _tell(film.MISSING)
        return [], Unready(file.path, film.MISSING)
    try:
        return film.pictures(file.source, facts.format, edge, most, path=file.path, budget=budget), None
    except PhotoError as error:
        return [], error
    except ImportError as error:
        return [], Unready(file.path, f"films cannot be decoded: {error}")


@lru_cache(maxsize=1)
def _tell(reason: str) -> None:
    """Once is enough."""
    log.warning("films are not looked at, only what they say of themselves: %s", reason)
