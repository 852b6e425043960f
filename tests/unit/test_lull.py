"""No turn is made while nothing can have changed, and the next one at once when something has."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from watcher import lull
from watcher.ledger.store import open_for_writing


@pytest.fixture
def ledger(tmp_path):
    made = open_for_writing(tmp_path)
    yield made
    made.close()


@pytest.fixture
def rests(ledger):
    made = lull.Lull(ledger)
    made.mark()
    made.begin(60.0)
    return made


def test_nothing_is_to_be_done_for_as_long_as_was_said_and_five_seconds_at_most(rests):
    assert 0 < rests.holds() <= lull.LONGEST
    rests.begin(0.0)
    assert not rests.holds()


def test_what_we_write_ends_it(rests, ledger):
    ledger.put("x", "y")
    assert not rests.holds()


def test_what_another_process_writes_ends_it(rests, ledger):
    with closing(sqlite3.connect(ledger.path)) as other, other:
        other.execute("INSERT INTO meta (name, value) VALUES ('x', 'y')")
    assert not rests.holds()


def test_what_is_written_while_the_turn_is_made_lets_none_begin(ledger):
    made = lull.Lull(ledger)
    made.mark()
    ledger.put("x", "y")
    made.begin(60.0)
    assert not made.holds()


def test_news_end_it(rests):
    rests.end()
    assert not rests.holds()
