"""A bug of ours costs one photo or one round, and never the service."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from tests.flow.house_world import BLUE, World, paint, soon
from tests.patience import PATIENCE
from watcher import booking, chores, deciding, handing


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for number in range(6):
        paint(world.photos / f"{number}.jpg", mark=number)
    return world


def test_a_bug_in_a_decision_sets_one_photo_aside(world, monkeypatch):
    real = deciding.choose

    paint(world.photos / "0.jpg", BLUE)

    def blaming(said, rules):
        said = list(said)
        if any(("colour", "blue") in dict(one.words) for one in said):
            raise ZeroDivisionError("a bug")
        return real(said, rules)

    monkeypatch.setattr(deciding, "choose", blaming)
    app = world.run()
    assert app.worker.counts.failed == 1
    state, _, reason = world.state_of("0.jpg")
    assert state == "aside"
    assert "ZeroDivisionError" in reason
    assert world.words("5.jpg") == {"colour/red"}


def test_a_bug_while_a_write_is_booked_is_tried_again_later(world, monkeypatch):
    real, bugs = booking.confirm, [1]

    def confirm(*values):
        if bugs:
            bugs.pop()
            raise ZeroDivisionError("a bug")
        return real(*values)

    monkeypatch.setattr(booking, "confirm", confirm)
    world.run()
    later = world.status()["later"]
    assert "ZeroDivisionError" in later[0]["reason"]
    world.ahead += 60
    world.run()
    assert all(world.words(f"{number}.jpg") == {"colour/red"} for number in range(6))
    assert world.refusals() == 0
    assert world.do("undo")["photos"] == 6
    assert all(world.words(f"{number}.jpg") == set() for number in range(6))


def test_a_bug_in_a_chore_does_not_end_the_service(world, monkeypatch):
    real, bugs = chores.Chores._look_over, [1, 1, 1]

    def look_over(self):
        if bugs:
            bugs.pop()
            raise ZeroDivisionError("a bug")
        real(self)

    monkeypatch.setattr(chores.Chores, "_look_over", look_over)
    with world.serving():
        soon(lambda: world.status()["states"] == {"delivered": 6})
        soon(lambda: not bugs)
        paint(world.photos / "new.jpg", mark=99)


def test_a_pass_that_meets_the_same_bug_again_and_again_ends_with_it(world, monkeypatch):
    def look_over(self):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(chores.Chores, "_look_over", look_over)
    with pytest.raises(ZeroDivisionError):
        world.run()


def test_a_command_whose_holder_ends_without_hearing_it_is_done_here(world):
    world.run()
    released = threading.Event()

    def asked():
        with sqlite3.connect(world.state / "ledger.db") as db:
            waits = db.execute("SELECT count(*) FROM requests WHERE state = 'waiting'").fetchone()[0]
        db.close()
        return waits

    def hold():
        with world.open():
            holding.set()
            soon(asked)
        released.set()

    holding = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(PATIENCE)
    answer = handing._handed(world.settings(), "retry", {})
    thread.join(PATIENCE)
    assert answer is None
    assert released.is_set()
    assert asked() == 0
