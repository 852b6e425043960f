"""The way from one file back to another that is nearly the same: parts to copy, bytes to put in.

Metadata edits move a picture's data about and change little of it. The recipe holds what the newer file
does not hold; a recipe that would grow past a bound is not made.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from metadata.squeeze import squeezed

Bytes = bytes | memoryview | mmap.mmap

_OPERATION: Final = struct.Struct("<QQ")
_LITERAL: Final = 2**63
_SUM: Final = 16
_STEP: Final = 2**16
_BLOCKS: Final = 2**15
"""At most so many blocks of the newer file are known by their content: more would cost time and memory."""


def between(old: Bytes, new: Bytes, *, most: int) -> bytes | None:
    """The recipe that makes `old` of `new`; None where it would have more than `most` bytes."""
    with memoryview(old) as one, memoryview(new) as other:
        parts: list[bytes] = [digest(one), digest(other)]
        size = 0
        for start, end, literal in _operations(one, other):
            parts.append(_OPERATION.pack(start | _LITERAL if literal else start, end))
            if literal:
                parts.append(bytes(one[start:end]))
                size += end - start
            if size > 4 * most:  # compression will not gain more
                return None
    recipe = squeezed(b"".join(parts), 6)
    return recipe if len(recipe) <= most else None


def patch(recipe: bytes, new: Bytes) -> bytes:
    """The old content. Raises ValueError where the recipe is damaged or for another content."""
    try:
        packed = zlib.decompress(recipe)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    before, after = packed[:_SUM], packed[_SUM : 2 * _SUM]
    if digest(new) != after:
        raise ValueError("recipe for another content")
    old = b"".join(_parts(packed, memoryview(new)))
    if digest(old) != before:
        raise ValueError("the recipe is damaged")
    return old


def digest(data: Bytes) -> bytes:
    """What a recipe knows a whole content by (SHA-256, shortened)."""
    return hashlib.sha256(data).digest()[:_SUM]


def _parts(packed: bytes, new: memoryview) -> Iterator[Bytes]:
    place = 2 * _SUM
    while place < len(packed):
        try:
            start, end = _OPERATION.unpack_from(packed, place)
        except struct.error as error:
            raise ValueError(str(error)) from error
        place += _OPERATION.size
        if start & _LITERAL:
            length = end - (start & ~_LITERAL)
            yield packed[place : place + length]
            place += length
        else:
            yield new[start:end]


def _operations(old: memoryview, new: memoryview) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether of the old content): together they are the old content, in order."""
    first = _common(old, 0, new, 0)
    last = _common_end(old[first:], new[first:])
    if first:
        yield 0, first, False
    for start, end, literal in _matched(old[first : len(old) - last], new[first : len(new) - last]):
        yield start + first, end + first, literal
    if last:
        yield len(new) - last, len(new), False


def _matched(old: memoryview, new: memoryview) -> Iterator[tuple[int, int, bool]]:
    size = max(16, len(new) // _BLOCKS)
    known = {bytes(new[place : place + size]): place for place in range(0, len(new) - size + 1, size)}
    place = begun = 0
    while known and place + size <= len(old):
        found = known.get(bytes(old[place : place + size]))
        if found is None:
            place += 1
            continue
        length = _common(old, place, new, found)
        if begun < place:
            yield begun, place, True
        yield found, found + length, False
        place = begun = place + length
    if begun < len(old):
        yield begun, len(old), True


def _common(one: memoryview, start: int, other: memoryview, begin: int) -> int:
    """How many bytes are the same from these two places on."""
    most = min(len(one) - start, len(other) - begin)
    length, step = 0, _STEP
    while length < most and step:
        step = min(step, most - length)
        if _same(one[start + length : start + length + step], other[begin + length : begin + length + step]):
            length += step
        else:
            step //= 2
    return length


def _common_end(one: memoryview, other: memoryview) -> int:
    most = min(len(one), len(other))
    length, step = 0, _STEP
    while length < most and step:
        step = min(step, most - length)
        first, second = len(one) - length, len(other) - length
        if _same(one[first - step : first], other[second - step : second]):
            length += step
        else:
            step //= 2
    return length


def _same(one: memoryview, other: memoryview) -> bool:
    return one.tobytes() == other.tobytes()  # views are compared byte by byte, thirty times slower
