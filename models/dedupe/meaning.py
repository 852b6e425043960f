"""Which vectors lie near each other, found by blocks of matrix products, so that the full matrix never exists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 1024, 4096
"""Sides of a block: 16 MiB of cosines at a time, wide enough for the product to run at the processor's speed."""

HEAD = 128
FEW = 4096
"""Rows below which shorter vectors save nothing."""
ENOUGH = 100
"""Near pairs of a sample from which the scatter is measured instead of reckoned."""
SELDOM = 0.004
"""The share of all pairs that shorter vectors may let through to the full product."""

Vectors = NDArray[np.float32]
Found = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""Places of the two, and the cosine."""


@dataclass(frozen=True, slots=True)
class Near:
    """Pairs of places, the smaller first, with their cosine; sorted by the pair."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    cosine: NDArray[np.float32]


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1, float32; a row of zeros stays, and is near to nothing."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if np.all(np.abs(lengths - 1) < 1e-3):
        return rows
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def near(vectors: Vectors, least: float, most: int = 4_000_000) -> Near:
    """Every pair of rows whose cosine is at least `least`; where there are more than `most`, the nearest of them.

    Each pair is looked at once (the upper half), in blocks.
    """
    rows = unit(vectors)
    heads, slack = _heads(rows, least)
    found: list[Found] = []
    held = 0
    for top in range(0, len(rows), ROWS):
        for left in range(top, len(rows), COLUMNS):
            a, b, cosine = _block(heads, top, left, least - slack)
            if slack:
                cosine = _cosines(rows, a, b)
                near_enough = cosine >= least
                a, b, cosine = a[near_enough], b[near_enough], cosine[near_enough]
            found.append((a, b, cosine))
            held += len(a)
        if held > 2 * most:
            found = [_nearest(found, most)]
            held, least = most, max(least, float(found[0][2].min()))
    if not found:
        found = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))]
    a, b, cosine = _nearest(found, most)
    order = np.lexsort((b, a))
    return Near(a[order], b[order], cosine[order])


def _block(rows: Vectors, top: int, left: int, least: float) -> Found:
    """The pairs of one block of products, each once."""
    block = rows[top : top + ROWS] @ rows[left : left + COLUMNS].T
    flat = np.flatnonzero(block >= np.float32(least))
    i, j = np.divmod(flat, block.shape[1])
    i, j = i + top, j + left
    upper = i < j
    return i[upper].astype(np.int32), j[upper].astype(np.int32), block.ravel()[flat[upper]]


def _heads(rows: Vectors, least: float) -> tuple[Vectors, float]:
    """Shorter vectors that find what is worth a full product, and how far their cosine may be off.

    The first HEAD principal directions, at length 1. The cosine `c` in them scatters around the full one by
    (1 - c * c) / sqrt(HEAD), as it would in directions taken at random (less in words: measured where a sample has
    pairs enough); four times that misses about one pair in thirty thousand of those that lie exactly at `least`.
    Where the shorter vectors let too much through (words of one narrow field), the rows themselves come back, with
    no slack.
    """
    size, width = rows.shape
    slack = 4 * (1 - least * least) / HEAD**0.5
    if size < FEW or width < 2 * HEAD or least <= slack:
        return rows, 0.0
    some = rows[:: max(1, size // FEW)]
    directions = np.linalg.eigh(some.T @ some)[1][:, -HEAD:]
    heads = unit(rows @ np.ascontiguousarray(directions, np.float32))
    sample = slice(0, size, max(1, size // 256))
    short, whole = heads[sample] @ heads.T, rows[sample] @ rows.T
    error = (whole - short)[(whole >= least - 0.05) & (whole < 0.999)]
    if len(error) >= ENOUGH:
        slack = max(0.01, float(error.mean() + 4 * error.std()))
    return (heads, slack) if np.count_nonzero(short >= least - slack) < SELDOM * short.size else (rows, 0.0)


def _cosines(rows: Vectors, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float32]:
    made = np.empty(len(a), np.float32)
    for at in range(0, len(a), ROWS):
        part = slice(at, at + ROWS)
        made[part] = np.einsum("ij,ij->i", rows[a[part]], rows[b[part]])
    return made


def _nearest(found: list[Found], most: int) -> Found:
    a, b, cosine = (np.concatenate(column) for column in zip(*found, strict=True))
    if len(a) > most:
        kept = np.argpartition(-cosine, most)[:most]
        a, b, cosine = a[kept], b[kept], cosine[kept]
    return a, b, cosine


def ranks(pairs: Near, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each pair, the place of `b` among the neighbours of `a`, and of `a` among those of `b`, from 0."""
    ends = np.concatenate([pairs.a, pairs.b])
    order = np.lexsort((-np.concatenate([pairs.cosine, pairs.cosine]), ends))
    starts = np.zeros(size + 1, np.int64)
    np.add.at(starts, ends + 1, 1)
    starts = np.cumsum(starts)
    place = np.empty(len(ends), np.int32)
    place[order] = np.arange(len(ends)) - starts[ends[order]]
    half = len(pairs.a)
    return place[:half], place[half:]


def crowd(pairs: Near, first: NDArray[np.int32], second: NDArray[np.int32], size: int) -> NDArray[np.float32]:
    """Each row's mean cosine to its neighbours from the fourth to the eighth; 0.55 for each that is not there."""
    total = np.full(size, 5 * 0.55, np.float32)
    for ends, place in ((pairs.a, first), (pairs.b, second)):
        lesser = (place >= 3) & (place < 8)
        np.add.at(total, ends[lesser], pairs.cosine[lesser] - np.float32(0.55))
    return total / np.float32(5)
