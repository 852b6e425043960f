"""Queries with lists of values come in few lengths, so that few of them are kept compiled.

A batch has any number of photos, and SQLite keeps a compiled query of about 200 bytes a value for each number it
has met. Lists are filled up to the next power of two with their last value, which changes no answer of IN.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_BEGINS = " IN (?,?"
_LIST = re.compile(r" IN \((\?(?:,\?)+)\)")
MOST = 1 << 13
"""Values from which a list stays as it is: it is rare, and SQLite takes no more than four times as many."""


class Evened(sqlite3.Connection):
    """A connection that evens its queries out."""

    def execute(self, query: str, values: Any = (), /) -> sqlite3.Cursor:
        """As the connection that it is."""
        if _BEGINS in query and isinstance(values, (list, tuple)):
            query, values = evened(query, values)
        return super().execute(query, values)


def evened(query: str, values: Sequence[object]) -> tuple[str, Sequence[object]]:
    """The query and its values with every list filled up; the marks of lists have no blanks between them."""
    query, lists = _filled(query)
    for last, more in lists:
        values = [*values[:last], *[values[last - 1]] * more, *values[last:]]
    return query, values


@lru_cache(maxsize=128)
def _filled(query: str) -> tuple[str, list[tuple[int, int]]]:
    """The longer query, and from the last list to the first where its values end and how many are to be added."""
    lists: list[tuple[int, int]] = []
    for found in reversed(list(_LIST.finditer(query))):
        begin, end = found.span(1)
        count = (end - begin + 1) // 2
        more = (1 << (count - 1).bit_length()) - count
        if more and count <= MOST:
            lists.append((query.count("?", 0, begin) + count, more))
            query = query[:end] + ",?" * more + query[end:]
    return query, lists
