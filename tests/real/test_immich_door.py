"""A database that falls silent, and questions that are broken off: nobody hangs, and no later one is spoiled."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from metadata.errors import TryAgain
from tests.flow.house_world import soon
from tests.patience import PATIENCE
from tests.relay import Relay

pytest.importorskip("psycopg")
from metadata.immich.database import Database
from tests.immich import postgres
from tests.real.test_immich_database import House

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-"),
]


@pytest.fixture(scope="module")
def house():
    made = House()
    made.grant()
    yield made
    made.drop()


@pytest.fixture
def relay(house):
    made = Relay(house.server.port)
    yield made
    made.close()


def login(house, relay):
    """As the owner, who may have many connections: what a silent server holds on to, it counts."""
    return house.login(port=relay.port, user="postgres", password=postgres.PASSWORD)


@pytest.fixture
def far(house, relay):
    """The database by a way that can fall silent."""
    with Database(login(house, relay)) as made:
        assert made.looks([]) == {}
        yield made


@contextmanager
def silence(relay, far, *, after=0):
    """Nothing is heard meanwhile; only then there is little patience, as a full machine takes its time."""
    patience = far._patience
    far._patience = 1.0
    if far._connection is not None:
        far._connection.patience = 1.0
    relay.hush(after=after)
    yield
    relay.mend()
    far._patience = patience


def test_a_server_that_falls_silent_is_given_up_and_asked_by_a_new_connection_afterwards(far, relay):
    with silence(relay, far), pytest.raises(TryAgain, match="answered none for"):
        far.looks([])
    assert far.silent == 0.0
    assert far.looks([]) == {}
    assert relay.made == 2


def test_a_server_that_takes_connections_and_says_nothing_is_given_up(far, relay):
    far.close()
    with silence(relay, far), pytest.raises(TryAgain, match="timeout"):
        far.looks([])
    assert far.looks([]) == {}


def test_how_long_it_has_been_silent_is_known_and_waiting_can_be_ended(house, relay):
    with Database(login(house, relay)) as database, ThreadPoolExecutor(1) as thread:
        assert database.looks([]) == {}
        relay.hush()
        asked = thread.submit(database.looks, [])
        soon(lambda: database.silent > 0)
        database.abort()
        with pytest.raises(TryAgain, match="ending"):
            asked.result(PATIENCE)
        with pytest.raises(TryAgain, match="ending"):
            database.looks([])


def test_a_vector_half_read_from_a_server_that_falls_silent_is_given_up(house, far, relay):
    for _ in range(300):
        house.vector(house.asset(), range(512))
    with silence(relay, far, after=100_000), pytest.raises(TryAgain, match="answered none for"):
        far.vectors()
    assert len(far.vectors().ids) == 300


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_in_the_middle_of_a_question_spoils_no_later_one(far, signals):
    def interrupt():
        soon(lambda: far.silent > 0)
        for _ in range(signals):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with ThreadPoolExecutor(1) as thread:
        for _ in range(2):
            sent = thread.submit(interrupt)
            try:
                with pytest.raises(KeyboardInterrupt):
                    far._rows("SELECT pg_sleep(600)", [])
                sent.result(PATIENCE)
            except KeyboardInterrupt:  # the second one came late
                sent.result(PATIENCE)
            assert far.looks([]) == {}


def test_a_question_that_was_left_half_asked_spoils_no_later_one(far, monkeypatch):
    """As where a signal comes in the midst of psycopg's own work: what was asked is answered to nobody."""
    with far._reading() as connection:
        connection.pgconn.send_query(b"SELECT 1")
    assert far.looks([]) == {}
