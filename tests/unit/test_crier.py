from __future__ import annotations

import http.server
import json
import threading

import pytest

from watcher.crier import Crier, Message, webhook
from watcher.home_settings import Notify
from watcher.ledger import store


@pytest.fixture
def db(tmp_path):
    ledger = store.open_for_writing(tmp_path / "state")
    ledger.db.execute("INSERT INTO folders (id, root, path) VALUES (1, 'p', '')")
    yield ledger.db
    ledger.close()


def aside(db, *names, reason="cannot be decoded"):
    db.executemany(
        "INSERT INTO photos (folder, name, stem, size, mtime_ns, ctime_ns, inode, seen, state, reason) "
        "VALUES (1, ?, 'a', 1, 1, 1, 1, 1, 'aside', ?)",
        [(name, reason) for name in names],
    )


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(db, *steps, **settings):
    """What is said while these steps happen, the look after each included."""
    said: list[Message] = []
    clock = Clock()
    with Crier(Notify(url="http://x", **settings), said.append, clock) as crier:
        for step in steps:
            if isinstance(step, float):
                clock.now += step
            else:
                step()
            crier.look(db)
    return said


def test_photos_that_are_set_aside_are_told_together_and_old_ones_never(db):
    aside(db, "old")
    said = told(db, lambda: None, lambda: aside(db, "a", "b"), lambda: None)
    assert [(one.event, one.title) for one in said] == [("aside", "2 photos were set aside")]
    assert "tagwright retry" in said[0].text


def test_more_of_the_same_waits_for_the_pause(db):
    said = told(db, lambda: None, lambda: aside(db, "a"), lambda: aside(db, "b"), 599.0, 1.0)
    assert [one.title for one in said] == ["a photo was set aside", "a photo was set aside"]


def test_a_place_that_stops_is_told_once_and_again_when_it_stops_again(db):
    stop = "INSERT INTO stops VALUES ('p', 'sidecar', 'the disk is full', 1)"
    said = told(
        db,
        lambda: db.execute(stop),
        600.0,
        lambda: db.execute("DELETE FROM stops"),
        lambda: db.execute(stop),
        600.0,
    )
    assert [one.text for one in said] == ["the disk is full", "the disk is full"]


def test_what_is_not_wanted_is_not_told(db):
    assert told(db, lambda: None, lambda: aside(db, "a"), events=("stopped",)) == []


def test_a_service_that_fails_says_so_and_one_that_ends_does_not(db):
    said: list[Message] = []
    with pytest.raises(RuntimeError), Crier(Notify(url="http://x"), said.append, Clock()):
        raise RuntimeError("the ledger failed")
    with pytest.raises(KeyboardInterrupt), Crier(Notify(url="http://x"), said.append, Clock()):
        raise KeyboardInterrupt
    assert [(one.event, one.text) for one in said] == [("stopped", "the ledger failed")]


def test_without_an_address_no_thread_is_started(db):
    with Crier(Notify(), None, Clock()) as crier:
        crier.look(db)
        assert not [thread for thread in threading.enumerate() if thread.name == "crier"]


def test_a_webhook_gets_json_with_its_token(db):
    got = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got["token"] = self.headers["Authorization"]
            got["body"] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        webhook(f"http://127.0.0.1:{server.server_port}/hook", "geheim")(Message("aside", "2 set aside", "why"))
        thread.join()
    assert got["token"] == "Bearer geheim"
    assert got["body"] | {"event": "aside", "title": "2 set aside", "message": "why"} == got["body"]
    assert got["body"]["text"] == got["body"]["content"] == "2 set aside: why"


def test_a_webhook_that_fails_is_a_line_with_its_host_and_without_its_secret(db, caplog):
    settings = Notify(url="http://127.0.0.1:1/very-secret-path")
    with Crier(settings, webhook(settings.url), Clock()) as crier:
        crier._cry(Message("aside", "one", "two"))
    assert "127.0.0.1 was not told 'one'" in caplog.text
    assert "very-secret-path" not in caplog.text
