"""What the photos themselves say about two words: do they stand together, or does one exclude the other? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

from models.dedupe.library import Pair


class Together:
    """How often words stand on the same photos; counted only for the pairs asked for."""

    def __init__(self, photos: Sequence[frozenset[int]], pairs: Iterable[Pair]) -> None:
        self.size = len(photos)
        self.single: Counter[int] = Counter(word for photo in photos for word in photo)
        self.both: Counter[Pair] = Counter()
        on: dict[int, set[int]] = {}
        wanted = {word for pair in pairs for word in pair}
        for place, photo in enumerate(photos):
            for word in photo & wanted:
                on.setdefault(word, set()).add(place)
        self._on = on

    def count(self, a: int, b: int) -> int:
        """Photos that have both."""
        return len(self._on.get(a, set()) & self._on.get(b, set()))

    def lean(self, a: int, b: int) -> float:
        """How much oftener (above 0) or rarer (below) than by chance two words stand together; -3 to 3.

        Two words for one thing, said by two sources, stand together; siblings (`cat`, `dog`) of an album do so
        less
        than chance has it. A word that nobody used often says nothing.
        """
        if not self.size:
            return 0.0
        expected = self.single[a] * self.single[b] / self.size
        return max(-3.0, min(3.0, log((self.count(a, b) + 0.5) / (expected + 0.5))))

    def said(self, a: int, b: int) -> str:
        """The same for a person to read; empty where there are no photos to tell."""
        if not self.size or not self.single[a] or not self.single[b]:
            return ""
        return f"together on {self.count(a, b)} of {self.single[a]} and {self.single[b]} photos"
