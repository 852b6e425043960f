"""Batches that come back from other machines: undone, as one over which workers die, or not at all."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from metadata.errors import UserError
from models.look import look
from tests.flow.house_world import World, paint
from watcher import sending
from watcher.cluster.ends import Died, Lost


class Elsewhere:
    """A way to other machines that lead back here; `fails` says how a batch ends otherwise."""

    def __init__(self, fails=lambda job: None, why: str = "") -> None:
        self.fails, self.why, self.here, self.leaves, self.room = fails, why, False, True, 4
        self.cluster = SimpleNamespace(says=frozenset({"colour@1"}))
        self.batches: list[int] = []

    def away(self) -> str:
        return self.why

    def close(self) -> None:
        pass

    def send(self, job, whences) -> Future:
        assert len(whences) == len(job.photos)
        self.batches.append(len(job.photos))
        future: Future = Future()
        error = self.fails(job)
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(look(job))
        return future


@pytest.fixture
def world(tmp_path) -> World:
    made = World(tmp_path, memory="4G")
    for number in range(9):
        paint(made.photos / f"p{number}.jpg", mark=number)
    return made


def test_a_photo_over_which_workers_die_is_found_by_halves_and_set_aside(world):
    bad = bytes(world.photos / "p3.jpg")
    post = Elsewhere(lambda job: Died("4 workers died over it") if bad in [p.path for p in job.photos] else None)
    with world.open() as app:
        app.worker._desk.crew.hands.post = post
        world.work(app)
        assert app.worker.counts.failed == 1
    assert world.state_of("p3.jpg") == ("aside", "", "4 workers died over it")
    assert {world.state_of(f"p{n}.jpg")[0] for n in range(9) if n != 3} == {"delivered"}
    assert post.batches[0] == 9
    assert post.batches.count(1) >= 1


def test_a_bug_on_a_worker_is_one_photos_alone(world):
    bad = bytes(world.photos / "p5.jpg")
    post = Elsewhere(lambda job: ValueError("odd") if bad in [p.path for p in job.photos] else None)
    with world.open() as app:
        app.worker._desk.crew.hands.post = post
        world.work(app)
    assert world.state_of("p5.jpg")[0] == "aside"
    assert "odd" in world.state_of("p5.jpg")[2]
    assert world.state_of("p4.jpg")[0] == "delivered"


def test_what_came_back_undone_is_sent_again_and_no_try_is_counted(world):
    lost = iter([Lost("gone"), Lost("gone")])
    post = Elsewhere(lambda job: next(lost, None))
    with world.open() as app:
        app.worker._desk.crew.hands.post = post
        world.work(app)
        assert app.worker.counts.looked == 9
        assert app.worker.counts.failed == 0
    assert len(post.batches) == 3
    assert world.ask("SELECT max(attempts) FROM photos") == [(0,)]


def test_a_command_waits_a_moment_for_workers_and_leaves_the_photos_to_the_service(world, monkeypatch):
    monkeypatch.setattr(sending, "GIVES_UP", 0.2)
    with world.open() as app:
        app.worker._desk.crew.hands.post = post = Elsewhere(why="nobody is there")
        app.worker.patient = False
        world.work(app)
        assert app.worker.counts.looked == 0
        assert app.ledger.get("rests") == "nobody is there"
        assert "rests: nobody is there" in _status(world)
        post.why = ""
        world.work(app)
        assert app.worker.counts.looked == 9


def _status(world: World) -> list[str]:
    from watcher import tell

    return list(tell.status(world.status(), None))


def test_what_the_sources_are_called_is_asked_of_the_workers(world):
    with world.open() as app:
        app.worker._desk.crew.hands.post = post = Elsewhere()
        world.work(app)
        jobs = world.ask("SELECT id FROM photos")
        from watcher.ledger import work

        found = work.jobs(app.ledger.db, [row[0] for row in jobs])
        assert app.worker.unasked(found) == []
        post.cluster.says = frozenset({"colour@2"})
        assert len(app.worker.unasked(found)) == 9
        post.why = "nobody is there"
        with pytest.raises(UserError, match="nobody is there"):
            app.worker.unasked(found)


def test_looking_for_a_plan_is_done_elsewhere_too(world):
    with world.open() as app:
        world.work(app)
        ids = [row[0] for row in world.ask("SELECT id FROM photos")]
        app.worker._desk.crew.hands.post = post = Elsewhere()
        post.cluster.says = frozenset({"colour@2"})
        app.worker.only_look(ids)
        assert post.batches == [9]
        post.fails = lambda job: Lost("the scheduler was lost")
        with pytest.raises(UserError, match="the scheduler was lost"):
            app.worker.only_look(ids)
