"""A photo that needs nothing is told by its seal, and by nothing else than all that was decided from."""

from __future__ import annotations

import pytest

from tests.flow.house_world import World, paint
from watcher import deciding, pages
from watcher.ledger import work


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    world.run()
    again(world)
    return world


def again(world, **settings):
    """Decide for the photo once more."""
    with world.open(**settings) as app:
        with app.ledger.transaction() as db:
            work.again(db, [1], app.now())
        world.work(app)
        return decided(app)


def decided(app):
    made = pages.of(app.ledger.db, work.jobs(app.ledger.db, [1]))
    return deciding.decide(made, app.worker.house, app.worker.context())[0]


def test_a_photo_with_nothing_to_do_is_not_unpacked_again(world):
    decision = again(world)
    assert decision.rests
    assert not {"truth", "memories", "evidence"} & vars(decision.page).keys()


def test_an_edit_of_the_place_is_read_though_the_photo_was_sealed(world):
    assert again(world).rests
    world.edit("a.jpg", add=("Oma",))
    again(world)
    assert world.truth("a.jpg") == {"colour/red": True, "Oma": False}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence SET said = CAST('[[[\"night\",1.0]]]' AS BLOB)",
        "UPDATE photos SET digest = x'00'",
        "UPDATE standing SET ours = 0",
        "INSERT INTO refusals SELECT folder, stem, 'colour', 'colour', '', 0, 1, 0 FROM photos",
        "INSERT INTO withheld VALUES (1, 'colour', 'colour', '', 1, 0)",
        "INSERT INTO captions VALUES (1, 'x', 0, 0, '[[], []]')",
        "UPDATE memory SET aside = 'x'",
        "UPDATE photos SET orientation = 6",
        "UPDATE photos SET gate = 'loss'",
        "UPDATE embedded SET digest = x'00'",
        "INSERT INTO merges (run, photo, key, word) SELECT max(id), 1, 'colour/red', 'scarlet' FROM runs",
        "INSERT INTO only_read VALUES (1, x'00', 'read-only')",
        "INSERT INTO assets (id, owner, path, mark, verdict, reason, photo) VALUES ('a', 'o', '', '', '', '', 1)",
    ],
)
def test_whatever_a_decision_rests_on_breaks_the_seal(world, change):
    with world.open() as app:
        assert decided(app).rests
        app.ledger.db.execute(change)
        assert not decided(app).rests


def test_other_rules_break_the_seal(world):
    with world.open() as app:
        assert decided(app).rests
    with world.open(block=["night"]) as app:
        assert not decided(app).rests
