"""A name for the picture alone: copies and metadata edits share it, one changed pixel does not.

Evidence of models hangs on it. Where the picture cannot be told from the rest of the file (an unknown or
broken file), it is the digest of the whole file.
"""

from __future__ import annotations

import hashlib

from metadata.container import Anatomy, dissect
from metadata.source import Source

SIZE = 16
"""Bytes of a digest: SHA-256, cut; two of a million photos share one by chance in 1 of 10^27 libraries."""


def digest(source: Source, anatomy: Anatomy | None = None) -> bytes:
    """The digest of a file's picture, read in pieces of a megabyte. Raises OSError only."""
    anatomy = dissect(source) if anatomy is None else anatomy
    if not anatomy.image or not _inside(source, anatomy):
        return _whole(source)
    summed = hashlib.sha256(anatomy.format.encode())
    for piece in anatomy.image:
        if isinstance(piece, bytes):
            summed.update(piece)
        else:
            for chunk in source.chunks(*piece):
                summed.update(chunk)
    return summed.digest()[:SIZE]


def _inside(source: Source, anatomy: Anatomy) -> bool:
    """Whether any of the picture's data is really there; headers alone would make cut files look alike."""
    return any(not isinstance(piece, bytes) and piece[0] < source.size for piece in anatomy.image)


def _whole(source: Source) -> bytes:
    summed = hashlib.sha256(b"file")
    for chunk in source.chunks(0, source.size):
        summed.update(chunk)
    return summed.digest()[:SIZE]
