from __future__ import annotations

import json
import re
import socket
import threading

import pytest

from metadata.errors import UserError
from tests.patience import PATIENCE
from watcher import figures, vitals, web
from watcher.desk import Counts
from watcher.health import Pulse
from watcher.ledger import store


@pytest.fixture
def state(tmp_path):
    store.open_for_writing(tmp_path / "state").close()
    return tmp_path / "state"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def body(state, *, turns=None):
    return vitals.Body(Pulse(Clock()), state, turns)


def by_name(found):
    return {part.name: part for part in found}


def write(state, statement):
    ledger = store.open_for_writing(state)
    with ledger.transaction() as db:
        db.execute(statement)
    ledger.close()


def test_a_service_that_waits_for_work_is_well(state):
    one = body(state, turns=lambda: {"photos": (True, 998.0)})
    one.pulse.end(one.pulse.begin("ledger", 5, 999.0))
    one.pulse.clock.now = 1003.0
    told = vitals.told(vitals.parts(one))
    assert told["ok"]
    assert told["reason"] == ""
    ages = {name: part["age_s"] for name, part in told["parts"].items()}
    assert ages == {"arrival": 5.0, "ledger": 3.0, "workers": None, "places": None}


def test_a_stuck_step_is_named_and_the_other_parts_stay_well(state):
    one = body(state)
    one.pulse.begin("looking", 10, 1000.0)
    one.pulse.clock.now = 1011.0
    found = by_name(vitals.parts(one))
    assert found["workers"].reason == "stuck: looking"
    assert found["ledger"].reason == ""
    assert vitals.told(list(found.values()))["reason"] == "workers: stuck: looking"


def test_a_ledger_that_books_nothing_any_more_is_told(state):
    one = body(state)
    one.pulse.end(one.pulse.begin("ledger", 5, 1000.0))
    one.pulse.clock.now += vitals.STILL + 1
    assert "nothing was booked for 301 s" in by_name(vitals.parts(one))["ledger"].reason


def test_a_root_that_nobody_watches_any_more_is_told(state):
    one = body(state, turns=lambda: {"photos": (True, 999.0), "scans": (False, 500.0)})
    part = by_name(vitals.parts(one))["arrival"]
    assert "nobody watches scans any more" in part.reason
    assert part.age_s == 500.0


def test_a_place_that_takes_nothing_and_a_root_that_waits_are_told_in_their_own_words(state):
    write(state, "INSERT INTO stops VALUES ('photos', 'sidecar', 'the disk is full', 1)")
    write(state, "INSERT INTO roots (name, base, waits) VALUES ('scans', '/s', 'root scans waits')")
    assert by_name(vitals.parts(body(state)))["places"].reason == "root scans waits; the disk is full"


def test_a_ledger_that_cannot_be_read_is_the_ledgers_fault(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"no ledger at all, and far too long to be empty" * 100)
    assert "cannot be read" in by_name(vitals.parts(body(tmp_path)))["ledger"].reason


LINE = re.compile(r'tagwright_[a-z_]+(\{[a-z_]+="(?:[^"\\]|\\.)*"(,[a-z_]+="(?:[^"\\]|\\.)*")*\})? -?[0-9.]+')


def test_the_figures_are_what_prometheus_reads(state):
    one = body(state)
    one.pulse.end(one.pulse.begin("looking", 10, 998.5))
    write(state, "INSERT INTO stops VALUES ('my \"photos\"', 'sidecar', 'full', 1)")
    made = figures.Figures(one, Counts(looked=7))
    made.more.append(lambda: [figures.Figure("host_up", 0, {"host": "http://gpu:11434"})])
    lines = made.text().splitlines()
    assert all(line.startswith("# ") or LINE.fullmatch(line) for line in lines), lines
    assert 'tagwright_room_seconds_total{room="looking"} 1.500000' in lines
    assert 'tagwright_done_photos_total{what="looked"} 7' in lines
    assert 'tagwright_stopped{root="my \\"photos\\"",place="sidecar"} 1' in lines
    assert 'tagwright_host_up{host="http://gpu:11434"} 0' in lines
    assert "# TYPE tagwright_room_seconds_total counter" in lines
    types = [line for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types)), "each name stands once"


def test_the_queues_age_is_that_of_the_photo_that_is_due_longest(state):
    write(state, "INSERT INTO folders (id, root, path) VALUES (1, 'p', '')")
    for number, due in ((1, 40), (2, 70), (3, 500)):
        write(
            state,
            "INSERT INTO photos (folder, name, stem, size, mtime_ns, ctime_ns, inode, seen, due) "
            f"VALUES (1, '{number}', '{number}', 1, 1, 1, 1, 1, {due})",
        )
    lines = figures.Figures(body(state), Counts(), now=lambda: 100.0).text().splitlines()
    assert "tagwright_queue_age_seconds 60" in lines
    assert "tagwright_queue_photos 2" in lines
    assert 'tagwright_photos{state="seen"} 3' in lines


def pages(told):
    return {"/health": lambda: (200 if told["ok"] else 503, "application/json", json.dumps(told))}


def test_the_socket_in_the_ledgers_folder_answers_its_owner_alone(state):
    told = {"ok": False, "reason": "workers: stuck: looking", "parts": {}}
    with web.Window(pages(told), web.local(state)):
        assert web.asked(state) == told
        assert (state / web.SOCKET).stat().st_mode & 0o777 == 0o600
    assert not web.asked(state)["ok"]
    assert "no service answers" in web.asked(state)["reason"]


def test_a_folder_with_a_long_name_has_its_socket_too(tmp_path):
    state = tmp_path / ("x" * 120) / "state"
    store.open_for_writing(state).close()
    with web.Window(pages({"ok": True}), web.local(state)):
        assert web.asked(state)["ok"]


def get(door, path, method="GET"):
    with socket.create_connection(door.getsockname()[:2], timeout=PATIENCE) as line:
        line.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := line.recv(4096):
            answer += data
    return answer


def test_the_port_answers_503_with_the_reason_and_knows_no_other_page(state):
    told = {"ok": False, "reason": "places: the disk is full"}
    doors = web.port("127.0.0.1:0")
    with web.Window(pages(told), doors):
        answer = get(doors[0], "/health")
        assert answer.startswith(b"HTTP/1.0 503")
        assert b"the disk is full" in answer
        assert get(doors[0], "/health", "HEAD").startswith(b"HTTP/1.0 503")
        assert get(doors[0], "/ledger.db").startswith(b"HTTP/1.0 404")
        assert get(doors[0], "/health", "POST").startswith(b"HTTP/1.0 501")


def test_one_who_says_nothing_holds_up_nobody_at_the_end(state, monkeypatch):
    monkeypatch.setattr(web, "PATIENCE", 2.0)  # less, and one who is slow to ask is taken for it
    doors = web.port("127.0.0.1:0")
    with socket.socket() as silent, web.Window(pages({"ok": True}), doors):
        silent.connect(doors[0].getsockname())
        assert get(doors[0], "/health").startswith(b"HTTP/1.0 200")
    assert not [thread for thread in threading.enumerate() if thread.name == "window"]


def test_a_port_that_is_taken_is_told_with_the_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="name another port"):
        web.port(f"127.0.0.1:{taken.getsockname()[1]}")
