"""A name for the picture alone: copies and metadata edits share it, one changed pixel does not.

Evidence of models hangs on it. Where the picture cannot be told from the rest of the file (an unknown or
broken file), it is the digest of the whole file. Of a long film not every byte is read: its length and 32 pieces
stand for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from metadata.container import Anatomy, Piece, dissect
from metadata.film import FILMS
from metadata.source import Source

SIZE = 16
"""Bytes of a digest: SHA-256, cut; two of a million photos share one by chance in 1 of 10^27 libraries."""


LONG = 32 * 2**20
"""Bytes of a film up to which all of it is read; of a longer one `SPOTS` pieces that lie evenly in it."""
SPOTS = 32
SPOT = 2**20


def digest(source: Source, anatomy: Anatomy | None = None, *, whole: bool = False) -> bytes:
    """The digest of a file's picture, read in pieces of a megabyte. Raises OSError only.

    A long film is known by its length and by pieces of it, unless the `whole` of it is asked for.
    """
    anatomy = dissect(source) if anatomy is None else anatomy
    name, pieces = b"file", _whole(source)
    if anatomy.image and _inside(source, anatomy):
        name, pieces = anatomy.format.encode(), anatomy.image
    if anatomy.format in FILMS and not whole:
        pieces = _spots(source, pieces)
    summed = hashlib.sha256(name)
    for piece in pieces:
        if isinstance(piece, bytes):
            summed.update(piece)
        else:
            for chunk in source.chunks(*piece):
                summed.update(chunk)
    return summed.digest()[:SIZE]


def _whole(source: Source) -> Sequence[Piece]:
    return [(0, source.size)]


def _inside(source: Source, anatomy: Anatomy) -> bool:
    """Whether any of the picture's data is really there; headers alone would make cut files look alike."""
    return any(not isinstance(piece, bytes) and piece[0] < source.size for piece in anatomy.image)


def _spots(source: Source, pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces of a film that stand for all of it: the first, the last, others between, and its length."""
    spans = [(piece[0], min(piece[1], source.size - piece[0])) for piece in pieces if not isinstance(piece, bytes)]
    spans = [span for span in spans if span[1] > 0]
    length = sum(span[1] for span in spans)
    if length <= LONG:
        return pieces
    found: list[Piece] = [b"%d" % length]
    for number in range(SPOTS):
        place = (length - SPOT) * number // (SPOTS - 1)
        for start, size in spans:
            if place < size:
                found.append((start + place, min(SPOT, size - place)))
                break
            place -= size
    return found
