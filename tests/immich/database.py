"""The stand-in's own way to its Postgres: a handful of connections, every statement at once durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.rows import dict_row

Row = dict[str, Any]


class _Text(Loader):
    def load(self, data: Any) -> str:
        return bytes(data).decode()


class Database:
    """A pool; `dsn` names the database. Rows are dicts, UUIDs are text."""

    def __init__(self, dsn: str, size: int = 12) -> None:
        self._dsn, self._size = dsn, size
        self._free: asyncio.Queue[psycopg.AsyncConnection[Row]] = asyncio.Queue()
        self._all: list[psycopg.AsyncConnection[Row]] = []

    async def open(self) -> None:
        """Connect."""
        self._all = list(await asyncio.gather(*[self._connect() for _ in range(self._size)]))
        for each in self._all:
            self._free.put_nowait(each)

    async def _connect(self) -> psycopg.AsyncConnection[Row]:
        door = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True, row_factory=dict_row)
        door.adapters.register_loader("uuid", _Text)
        return door

    async def close(self) -> None:
        """Let every connection go."""
        for each in self._all:
            await each.close()

    @asynccontextmanager
    async def door(self) -> AsyncIterator[psycopg.AsyncConnection[Row]]:
        """One connection for as long as the block lasts."""
        taken = await self._free.get()
        try:
            yield taken
        finally:
            self._free.put_nowait(taken)

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[psycopg.AsyncConnection[Row]]:
        """One transaction."""
        async with self.door() as door, door.transaction():
            yield door

    async def rows(self, sql: str, *values: Any) -> list[Row]:
        """What a query answers."""
        async with self.door() as door:
            return await (await door.execute(sql, values or None)).fetchall()

    async def row(self, sql: str, *values: Any) -> Row | None:
        """The first row, or none."""
        async with self.door() as door:
            return await (await door.execute(sql, values or None)).fetchone()

    async def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or none."""
        found = await self.row(sql, *values)
        return next(iter(found.values())) if found else None

    async def run(self, sql: str, *values: Any) -> int:
        """Change something; how many rows were touched."""
        async with self.door() as door:
            return (await door.execute(sql, values or None)).rowcount

    async def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The same change for many rows, in one transaction."""
        async with self.whole() as door, door.cursor() as cursor:
            await cursor.executemany(sql, rows)
