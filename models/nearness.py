"""From vectors of pictures and of words to a few words for each picture. Pure numbers; no model is asked.

A cosine of CLIP or SigLIP says nothing by itself: it differs from word to word and from picture to picture. So
the vector of texts that say nothing is taken from each word's, and what is left is counted in that word's own
spread over the library: from `SURE` spreads above its middle on, a word is said. Middle and spread are those of
the pictures that do not show the thing, by the lower part of the library's values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SURE = 4.0
"""Spreads above the middle from which a word is said. Of chance alone, one in 30,000 values lies there."""
FLOOR = 2.9
"""And from which it is remembered, with a score of 0.25."""
BEHIND = 3.5
"""Spreads that a word may lie behind the picture's surest one."""
MOST = 8
"""Words a picture is given; others are remembered with scores below a half."""
KEPT = 24
"""Words a picture that are remembered."""
ALIKE = 0.93
"""Cosine of two words' vectors from which only the surer is said of a picture."""
BLOCK = 256
"""Pictures that are compared at once: 5 MB of scores, which stay in the caches."""
SAMPLE = 4096
"""Pictures that middles and spreads are taken from."""
ENOUGH = 256
"""Pictures below which a word's own spread is mixed with that of all words."""
EXAMPLES = 5
"""Pictures with a person's own tag from which the word's threshold is theirs."""


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors of the words (one a row, length 1), and the mean of those that say nothing."""

    words: Array
    neutral: Array


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a library says of each word: its middle, its spread, and from how many spreads on it is said."""

    middle: Array
    spread: Array
    sure: Array
    pictures: int

    @property
    def stamp(self) -> str:
        """A digest, part of the version of what is said."""
        data = b"".join(each.tobytes() for each in (self.middle, self.spread, self.sure))
        return hashlib.sha256(data).hexdigest()[:6]


def unit(values: NDArray[np.floating]) -> Array:
    """Rows of length 1; a row of zeros stays one."""
    rows = np.asarray(values, np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def space(vectors: Array, counts: Sequence[int], anchors: Array) -> Space:
    """`vectors` are those of all words' texts behind each other, `counts` how many each word has."""
    starts = np.cumsum([0, *counts[:-1]])
    summed = np.add.reduceat(unit(vectors), starts, axis=0)
    return Space(unit(summed), np.asarray(unit(anchors).mean(0), np.float32))


def calibrate(sample: Array, where: Space, examples: Mapping[int, Sequence[int]] | None = None) -> Calibration:
    """Middles and spreads over a sample of the library (at most SAMPLE rows are looked at).

    `examples` names rows of the sample that a person has tagged with a word: the word is then said from where on
    that agrees best with these, precision counted double.
    """
    pictures = unit(sample[:SAMPLE])
    count = len(where.words)
    middle, spread = np.zeros(count, np.float32), np.ones(count, np.float32)
    for start in range(0, count, BLOCK):
        values = pictures @ (where.words[start : start + BLOCK] - where.neutral).T
        middle[start : start + BLOCK], spread[start : start + BLOCK] = _of_others(np.sort(values, axis=0))
    middle, spread = _mixed(middle, spread, len(pictures))
    sure = np.full(count, SURE, np.float32)
    for word, rows in (examples or {}).items():
        rows = [row for row in rows if row < len(pictures)]  # noqa: PLW2901 - those beyond the sample
        if len(rows) >= EXAMPLES:
            values = (pictures @ (where.words[word] - where.neutral) - middle[word]) / spread[word]
            sure[word] = _agreed(values, rows)
    return Calibration(middle, spread, sure, len(pictures))


def _of_others(values: Array) -> tuple[Array, Array]:
    """Middle and spread of the pictures that do not show a word, by the lower third of the sorted values.

    How many do show it is guessed from what lies far above, and the third is taken of the others; three rounds
    settle it. With a normal distribution a tenth lies 1.2816 spreads below the middle, three tenths 0.5244.
    """
    count = len(values)
    others = np.full(values.shape[1], count, np.float32)
    columns = np.arange(values.shape[1])
    for _ in range(3):
        low = values[(0.1 * (others - 1)).astype(int), columns]
        high = values[(0.3 * (others - 1)).astype(int), columns]
        spread = np.maximum((high - low) / 0.7572, 1e-6)
        middle = low + 1.2816 * spread
        showing = (values > middle + 3 * spread).sum(0)
        others = np.maximum(count - showing, count // 4 + 1).astype(np.float32)
    return np.asarray(middle, np.float32), np.asarray(spread, np.float32)


def _mixed(middle: Array, spread: Array, pictures: int) -> tuple[Array, Array]:
    """Where the library is small a word's own spread is mostly chance; it is never much below that of all."""
    all_ = float(np.median(spread)) or 1e-3
    own = pictures / (pictures + ENOUGH)
    mixed = own * spread + (1 - own) * all_
    return middle, np.asarray(np.maximum(mixed, 0.5 * all_), np.float32)


def _agreed(values: Array, rows: Sequence[int]) -> float:
    """The threshold with the best F0.5 against the rows that a person has tagged."""
    tagged = np.zeros(len(values), bool)
    tagged[list(rows)] = True
    order = np.argsort(-values)
    right = np.cumsum(tagged[order])
    said = np.arange(1, len(values) + 1)
    precision, recall = right / said, right / max(1, int(tagged.sum()))
    worth = 1.25 * precision * recall / np.maximum(0.25 * precision + recall, 1e-9)
    best = int(worth.argmax())
    below = values[order[min(best + 1, len(values) - 1)]]
    return float(np.clip((values[order[best]] + below) / 2, FLOOR, 2.5 * SURE))


class Scorer:
    """Says for vectors of pictures which words they are near to."""

    def __init__(self, where: Space, calibration: Calibration | None = None, block: int = BLOCK) -> None:
        """Without a calibration a picture's own values over all words are the measure."""
        self._calibration, self._block = calibration, block
        shifted = where.words - where.neutral
        if calibration is not None:
            shifted = shifted / calibration.spread[:, None]
        self._matrix = np.ascontiguousarray(shifted.T, np.float32)
        count = len(where.words)
        self._sure = np.full(count, SURE, np.float32) if calibration is None else calibration.sure
        self._shift = (
            np.zeros(count, np.float32) if calibration is None else calibration.middle / calibration.spread
        )
        self._least = np.asarray(self._shift + self._sure - SURE + FLOOR, np.float32)
        self._alike = _alike(where.words)

    def score(self, vectors: NDArray[np.floating]) -> Iterator[list[tuple[int, float]]]:
        """For each row the words (numbers) with scores in 0..1, the surest first; 0.5 is sure enough."""
        for start in range(0, len(vectors), self._block):
            yield from self._few(unit(vectors[start : start + self._block]))

    def _few(self, pictures: Array) -> Iterator[list[tuple[int, float]]]:
        values = pictures @ self._matrix
        if self._calibration is None:
            values -= values.mean(1, keepdims=True)
            values /= np.maximum(values.std(1, keepdims=True), 1e-6)
        found = np.flatnonzero(values > self._least)
        rows, words = np.divmod(found, values.shape[1])
        above = values.ravel()[found] - self._shift[words] - self._sure[words]
        order = np.lexsort((words, -above, rows))
        ends = np.searchsorted(rows[order], np.arange(len(pictures) + 1)).tolist()
        names, heights, scores = words[order].tolist(), above[order].tolist(), _scores(above[order]).tolist()
        for row in range(len(pictures)):
            part = slice(ends[row], min(ends[row + 1], ends[row] + KEPT * 2))
            yield self._chosen(names[part], heights[part], scores[part])

    def _chosen(self, words: list[int], above: list[float], scores: list[float]) -> list[tuple[int, float]]:
        """The surest words; those that say nearly the same as a surer one, or lie far behind it, are not said."""
        said: list[tuple[int, float]] = []
        taken: set[int] = set()
        for word, height, score in zip(words, above, scores, strict=True):
            if word in taken:
                continue
            if word in self._alike:
                taken |= self._alike[word]
            held = len(said) >= MOST or height < above[0] - BEHIND
            said.append((word, min(score, 0.49) if held else score))
            if len(said) == KEPT:
                break
        return said


def _scores(above: Array) -> NDArray[np.float64]:
    """0.5 at the threshold, 0.25 at the floor, 0.95 three spreads above."""
    return np.asarray(np.round(1 / (1 + np.exp(-np.maximum(above.astype(np.float64), -30.0))), 4), np.float64)


def _alike(words: Array) -> dict[int, frozenset[int]]:
    """For each word the others whose vectors are nearly its own."""
    found: dict[int, frozenset[int]] = {}
    for start in range(0, len(words), BLOCK):
        near = words[start : start + BLOCK] @ words.T
        for row in np.flatnonzero((near > ALIKE).sum(1) > 1):
            found[start + int(row)] = frozenset(np.flatnonzero(near[row] > ALIKE).tolist()) - {start + int(row)}
    return found
