"""Vectors of pictures, made by their look: who compares them with words later need not look again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.protocols import Scored, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.taggers.zero_shot import ZeroShot

MADE = "vectors"


class Maker:
    """The model behind a zero-shot tagger, as one that is asked in a look; of a film the mean of its pictures."""

    name = MADE

    def __init__(self, tagger: ZeroShot) -> None:
        self._tagger = tagger
        self.version, self.edge, self.away = tagger.model, tagger.edge, tagger.away

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """It says no words."""
        return [[] for _ in views]

    def make(self, views: Sequence[View]) -> list[bytes]:
        """A vector a view, of length 1, as half precision."""
        return [packed(row) for row in self._tagger.vectors(views)]


def packed(row: NDArray[np.floating[Any]]) -> bytes:
    """A vector as it is kept."""
    import numpy as np  # noqa: PLC0415 - a service starts without it

    length = float(np.sqrt(np.dot(row, row))) or 1.0
    return np.asarray(row / length, "<f2").tobytes()


def unpacked(kept: Sequence[bytes]) -> NDArray[np.float32]:
    """Vectors as they are compared, a row each."""
    import numpy as np  # noqa: PLC0415 - as above

    if not kept:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(kept), "<f2").reshape(len(kept), -1).astype(np.float32)


def mean(kept: Sequence[bytes]) -> bytes:
    """One vector for several pictures."""
    return packed(unpacked(kept).mean(0))
