"""What is decided in another process is what would have been decided here."""

from __future__ import annotations

import gc
import subprocess
import sys
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metadata.sinks import Change
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST
from tests.flow.house_world import World, paint
from watcher import deciding, pages, undo
from watcher.afar import Afar, joined
from watcher.ledger import work


@pytest.fixture
def app(tmp_path):
    world = World(tmp_path, real=True)
    for number in range(3):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    (world.photos / "0.jpg.xmp").unlink()
    (world.photos / "1.jpg.xmp").write_bytes(b"no sidecar")
    with world.open() as app:
        yield app


def test_a_batch_is_decided_in_another_process_as_it_is_here(app):
    made = pages.of(app.ledger.db, work.jobs(app.ledger.db, [1, 2, 3]))
    context, house = app.worker.context(), app.worker.house
    crew = app.worker._desk.crew
    pool = crew.suspects()
    with pool:
        there = joined(made, crew.afar.submit(pool, made, house, context).result())
    here = deciding.decide(made, house, context)
    assert any(decision.errors for decision in here)
    for one, other in zip(here, there, strict=True):
        assert (one.page, one.outcome, one.chosen, one.renames) == (
            other.page,
            other.outcome,
            other.chosen,
            other.renames,
        )
        assert (one.seal, one.rests, one.tried, one.read) == (other.seal, other.rests, other.tried, other.read)
        assert (one.kept, one.aside, _said(one)) == (other.kept, other.aside, _said(other))
        assert list(map(str, one.errors.values())) == list(map(str, other.errors.values()))
        assert one.drafts.keys() == other.drafts.keys()


def test_a_process_that_decides_reads_no_settings():
    code = "import sys, watcher.afar, watcher.beside; print({'pydantic', 'watcher.settings'} & set(sys.modules))"
    house = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=house, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def _said(decision):
    """What is booked of each write, but for the content that holds the time."""
    return {name: (row[:5], row[7:]) for name, row in decision.intended.items()}


def test_another_house_is_sent_anew(app):
    made = pages.of(app.ledger.db, work.jobs(app.ledger.db, [1]))
    crew, house = app.worker._desk.crew, app.worker.house
    with crew.suspects() as pool:
        stopped = replace(house, stopped=frozenset({("p", "sidecar")}))
        there = crew.afar.submit(pool, made, house, app.worker.context()).result()
        none = crew.afar.submit(pool, made, stopped, app.worker.context()).result()
    assert "sidecar" in joined(made, there)[0].read or joined(made, there)[0].rests
    assert "sidecar" not in joined(made, none)[0].read
    assert {"sinks"} < {part.name for part in fields(house)}


def test_many_photos_that_nobody_has_to_look_at_are_decided_by_processes_alone(tmp_path, monkeypatch):
    world = World(tmp_path, real=True)
    for number in range(10):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    for number in range(10):
        (world.photos / f"{number}.jpg.xmp").unlink()
    sent: list[int] = []
    submit = Afar.submit

    def counted(self, executor, made, *others):
        sent.append(len(made))
        return submit(self, executor, made, *others)

    monkeypatch.setattr(Afar, "submit", counted)
    with world.open() as app:
        desk, hands = app.worker._desk, app.worker._desk.crew.hands
        desk.looking = replace(desk.looking, batch=1)
        app.worker.prepare(499)
        assert hands.at_work is None
        app.worker.prepare(2500)
        assert hands.deciders == 2
        assert app.worker._deliverer.room == 6
        with app.ledger.transaction() as db:
            work.again(db, range(1, 11), app.now())
        gc.collect()
        gc.disable()  # the service looks for what only holds itself seldom, and nothing of a batch may be among it
        try:
            world.work(app)
            left = [
                one for one in gc.get_objects() if type(one) is pages.Page
            ]  # others, asked for their class, warn
        finally:
            gc.enable()
        assert sum(sent) >= 2
        assert left == []
        hands.broken()
        assert hands.deciders == 0
    assert all((world.photos / f"{number}.jpg.xmp").exists() for number in range(10))


def test_many_writes_are_taken_back_by_processes_and_what_somebody_changed_is_looked_at_again_here(
    tmp_path, monkeypatch
):
    world = World(tmp_path, real=True)
    for number in range(6):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    persons, photo = SidecarSink(clock=lambda: datetime.now(UTC)), world.photo("3.jpg")
    change = Change(add=dict.fromkeys((TAGS_LIST, HIERARCHICAL, SUBJECT), ("Oma",)))
    persons.write([persons.draft(photo, persons.read([photo])[0], change)])
    here: list[bytes] = []
    revert = SidecarSink.revert

    def noted(self, photo, *write):
        here.append(photo.path)
        return revert(self, photo, *write)

    monkeypatch.setattr(SidecarSink, "revert", noted)
    monkeypatch.setattr(undo, "BATCH", 1)
    with world.open() as app:
        app.begin("undo everything")
        app.worker.prepare(2500)
        done = undo.undo_writes(app, range(1, 7), None)
        assert app.worker._desk.crew.hands.deciders == 2
        world.work(app)
    assert here == [b"3.jpg"]
    assert (done.photos, done.restored) == (6, 5)
    assert [path.name for path in world.photos.glob("*.xmp")] == ["3.jpg.xmp"]
    assert persons.read([photo])[0].lists[SUBJECT] == ("Oma",)


def test_writes_are_taken_back_here_where_the_process_for_that_died(tmp_path):
    world = World(tmp_path, real=True)
    paint(world.photos / "0.jpg")
    world.run()
    with world.open() as app:
        hands = app.worker._desk.crew.hands
        app.begin("undo everything")
        app.worker.prepare(2500)
        hands.at_work.submit(int).result()
        for process in hands.at_work._processes.values():
            process.kill()
            process.join()
        done = undo.undo_writes(app, [1], None)
        assert hands.deciders == 0
    assert done.restored == 1
    assert not (world.photos / "0.jpg.xmp").exists()
