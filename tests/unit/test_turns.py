"""Taking turns is a courtesy between two threads: it holds nobody up for long."""

from __future__ import annotations

import threading

from metadata import turns
from metadata.turns import Turn
from tests.patience import PATIENCE


def test_nobody_waits_where_nobody_is_ahead(monkeypatch):
    turn = Turn()
    monkeypatch.setattr(turn._free, "wait", lambda _: 1 / 0)
    turn.give_way()
    with turn:
        pass
    turn.give_way()


def test_who_gives_way_goes_on_when_the_other_is_done(monkeypatch):
    monkeypatch.setattr(turns, "_MOST", 60.0)
    turn, order, ahead = Turn(), [], threading.Event()

    def follow():
        ahead.wait(PATIENCE)
        turn.give_way()
        order.append("second")

    thread = threading.Thread(target=follow)
    thread.start()
    with turn:
        ahead.set()
        order.append("first")
    thread.join(PATIENCE)
    assert order == ["first", "second"]


def test_who_is_ahead_and_hangs_is_waited_for_once_and_not_at_each_step(monkeypatch):
    turn, waits = Turn(), []
    monkeypatch.setattr(turn._free, "wait", lambda most: waits.append(most) or False)
    for _ in range(2):
        with turn:
            turn.give_way()
            turn.give_way()
    assert waits == [turns._MOST] * 2
