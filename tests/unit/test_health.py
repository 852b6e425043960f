from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import PATIENCE
from watcher.health import Feeder, Notifier, Pulse, interval


@pytest.fixture
def inbox(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(PATIENCE)
        yield door


def read(inbox) -> str:
    return inbox.recv(4096).decode()


def test_systemd_is_told_ready_stopping_alive_and_what_we_are_at(inbox):
    notifier = Notifier(inbox.getsockname())
    assert all([notifier.ready(), notifier.status("12 photos\nwait"), notifier.alive(), notifier.stopping()])
    assert [read(inbox) for _ in range(4)] == ["READY=1", "STATUS=12 photos wait", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_is_reached():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind("")  # Linux picks a free abstract name
        door.settimeout(PATIENCE)
        assert Notifier("@" + door.getsockname()[1:].decode()).ready()
        assert read(door) == "READY=1"


def test_without_systemd_nothing_is_sent():
    assert not Notifier(None).ready()
    assert not Notifier("").ready()


def test_a_service_manager_that_went_away_stops_nobody(tmp_path):
    assert not Notifier(str(tmp_path / "gone")).alive()


def test_an_idle_night_is_fed():
    assert Pulse().fed(now=1e9)


def test_a_step_is_fed_until_its_own_deadline_and_no_longer():
    pulse = Pulse()
    pulse.begin("look", 60, now=100)
    assert pulse.fed(now=160)
    assert not pulse.fed(now=160.1)
    assert pulse.late(now=161) == ["look"]


def test_one_stuck_worker_starves_the_watchdog_while_others_work():
    pulse = Pulse()
    pulse.begin("deliver", 10, now=0)
    for now in range(0, 100, 5):
        pulse.end(pulse.begin("look", 10, now=now))
    assert not pulse.fed(now=100)


def test_a_step_that_ends_late_is_forgiven():
    pulse = Pulse()
    step = pulse.begin("look", 1, now=0)
    assert not pulse.fed(now=5)
    pulse.end(step)
    pulse.end(step)
    assert pulse.fed(now=5)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.booleans())), st.floats(0, 300))
def test_fed_means_that_no_open_step_is_past_its_deadline(steps, now):
    pulse = Pulse()
    for begun, deadline, over in steps:
        token = pulse.begin("step", deadline, now=begun)
        if over:
            pulse.end(token)
    assert pulse.fed(now) == all(over or now <= begun + deadline for begun, deadline, over in steps)


def test_many_workers_may_report_at_once():
    pulse = Pulse()
    workers = [
        threading.Thread(target=lambda: [pulse.end(pulse.begin("s", 0, now=0)) for _ in range(500)])
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert pulse.fed(now=1e9)


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time_and_only_when_it_waits_for_us(environment, seconds):
    assert interval(environment, pid=7) == seconds


def test_the_feeder_feeds_a_good_pulse_again_and_again(inbox):
    with Feeder(Pulse(), Notifier(inbox.getsockname()), 0.001):
        assert [read(inbox) for _ in range(3)] == ["WATCHDOG=1"] * 3


def test_the_feeder_lets_a_stuck_worker_starve_it_and_says_which(inbox):
    pulse = Pulse()
    pulse.begin("deliver", 5, now=0)
    feeder = Feeder(pulse, Notifier(inbox.getsockname()), None, clock=lambda: 6.0)
    assert not feeder.feed()
    assert read(inbox) == "STATUS=stuck: deliver"


def test_without_a_watchdog_no_thread_is_started():
    before = set(threading.enumerate())
    with Feeder(Pulse(), Notifier(None), None):
        assert set(threading.enumerate()) <= before
