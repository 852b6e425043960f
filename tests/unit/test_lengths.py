from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from watcher.ledger.files import marks
from watcher.ledger.lengths import Evened, evened

QUERY = "SELECT n FROM t WHERE n > ? AND n IN ({}) AND n NOT IN ({}) AND n < ? ORDER BY n"


@pytest.fixture
def db():
    with closing(sqlite3.connect(":memory:", factory=Evened)) as made:
        made.execute("CREATE TABLE t (n INTEGER)")
        made.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
        yield made


def test_lists_of_all_lengths_are_few_queries():
    made = {evened(f"SELECT 1 FROM t WHERE n IN ({marks([0] * n)})", [0] * n)[0] for n in range(1, 2000)}
    assert len(made) == 12


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 9, 33])
@pytest.mark.parametrize("other", [1, 3, 7])
def test_every_answer_is_as_without(db, size, other):
    here, out = list(range(5, 5 + size)), tuple(range(6, 6 + other))
    found = db.execute(QUERY.format(marks(here), marks(out)), (4, *here, *out, 90)).fetchall()
    assert found == [(n,) for n in here if n not in out]


def test_marks_that_are_no_list_of_in_stay(db):
    db.execute("CREATE TABLE u (a, b, c)")
    db.execute("INSERT INTO u VALUES (?,?,?)", (1, 2, 3))
    assert db.execute(
        "SELECT a FROM u WHERE (a, b) IN (VALUES (?,?)) AND c IN (?,?,?)", [1, 2, 7, 8, 3]
    ).fetchall() == [(1,)]


def test_values_by_name_and_very_long_lists_stay(db):
    assert db.execute("SELECT count(*) FROM t WHERE n = :n", {"n": 3}).fetchone() == (1,)
    many = list(range(9000))
    query = f"SELECT 1 FROM t WHERE n IN ({marks(many)})"
    assert evened(query, many) == (query, many)
