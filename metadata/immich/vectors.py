"""CLIP vectors out of `smart_search` by binary COPY, straight into one array.

A row on the wire (PostgreSQL manual, "COPY, Binary Format"; pgvector's `vector_send`): int16 number of fields,
int32 16 and the uuid, int32 length and int16 dimension, int16 unused, float32 numbers, all big-endian. With one
dimension all rows are of one length, so a block of them is one structured array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER = len(SIGNATURE) + 8
BLOCK = 256
"""Rows that are turned into numbers at once: half a megabyte at 512 numbers, which stays in the caches."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """`values[i]` (float32, shape n x dim, as Immich stores them) is the vector of the asset `ids[i]`."""

    ids: list[str]
    values: np.ndarray[Any, np.dtype[np.float32]]

    @property
    def dim(self) -> int:
        """Numbers a vector; 0 where there is none."""
        return int(self.values.shape[1])


VISIBLE = """a."deletedAt" IS NULL AND a.status = 'active' AND NOT a."isOffline"
AND a.visibility IN ('timeline', 'archive') AND a.type = 'IMAGE'"""


def read(connection: psycopg.Connection[Any], owners: Sequence[str] | None, ids: Sequence[str] | None) -> Vectors:
    """The vectors of visible photos; None asks for all. Raises psycopg's errors."""
    where, values = [sql.SQL(VISIBLE)], []
    if owners is not None:
        where.append(sql.SQL('a."ownerId" = ANY(%s::uuid[])'))
        values.append(list(owners))
    if ids is not None:
        where.append(sql.SQL('s."assetId" = ANY(%s::uuid[])'))
        values.append(list(ids))
    query = sql.SQL(
        'COPY (SELECT s."assetId", s.embedding FROM public.smart_search s '
        'JOIN public.asset a ON a.id = s."assetId" WHERE {}) TO STDOUT (FORMAT BINARY)'
    ).format(sql.SQL(" AND ").join(where))
    with connection.cursor() as cursor:
        found = cursor.execute('SELECT count("assetId") FROM public.smart_search').fetchone()
        with cursor.copy(query, values) as copy:
            return parse(copy, expected=found[0] if found and ids is None else 0)


def parse(blocks: Any, *, expected: int = 0) -> Vectors:
    """The vectors of the blocks of a binary COPY of (uuid, vector); Postgres sends a row a block.

    `expected` rows get their room at once. Raises ValueError where the blocks are something else.
    """
    waiting, enough = bytearray(), HEADER + 26
    reader: _Reader | None = None
    for block in blocks:
        waiting += block
        if len(waiting) >= enough:
            if reader is None:
                reader = _Reader(waiting, expected)
                enough = reader.stride * BLOCK
            reader.take(waiting)
    if reader is None:
        _check_header(waiting)
        del waiting[:HEADER]
    else:
        reader.take(waiting)
    if bytes(waiting) != b"\xff\xff":
        raise ValueError("these rows are no vectors of one dimension")
    return reader.vectors() if reader else Vectors([], np.empty((0, 0), np.float32))


class _Reader:
    """Puts whole rows into one array, which grows where more came than was expected."""

    def __init__(self, waiting: bytearray, expected: int) -> None:
        """Takes the header away, and the rows' length from the first."""
        _check_header(waiting)
        del waiting[:HEADER]
        self.stride = 26 + int.from_bytes(waiting[22:26], "big")
        self._dim = (self.stride - 30) // 4
        if self._dim < 1:
            raise ValueError("these rows are no vectors of one dimension")
        self._kind = np.dtype(
            [
                *(("fields", ">i2"), ("size", ">i4"), ("id", "V16"), ("length", ">i4"), ("dim", ">u2")),
                *(("unused", ">u2"), ("values", ">f4", (self._dim,))),
            ]
        )
        self._ids: list[str] = []
        self._values = np.empty((expected, self._dim), np.float32)

    def take(self, waiting: bytearray) -> None:
        """Takes all whole rows out of what waits."""
        count, begin = len(waiting) // self.stride, len(self._ids)
        rows = np.frombuffer(waiting, self._kind, count)
        good = (rows["fields"] == 2) & (rows["size"] == 16) & (rows["length"] == self.stride - 26)
        if not (good & (rows["dim"] == self._dim)).all():
            raise ValueError("these rows are no vectors of one dimension")
        if begin + count > len(self._values):
            more = np.empty((max(begin + count, 2 * len(self._values)), self._dim), np.float32)
            more[:begin] = self._values[:begin]
            self._values = more
        self._values[begin : begin + count] = rows["values"]
        text = rows["id"].tobytes().hex()
        self._ids += [_uuid(text[at : at + 32]) for at in range(0, 32 * count, 32)]
        del rows  # it holds on to the buffer, which could not shrink
        del waiting[: self.stride * count]

    def vectors(self) -> Vectors:
        """What was taken."""
        return Vectors(self._ids, self._values[: len(self._ids)])


def _check_header(begin: bytearray) -> None:
    if not begin.startswith(SIGNATURE) or any(begin[len(SIGNATURE) : HEADER]):
        raise ValueError("no binary COPY")


def _uuid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
