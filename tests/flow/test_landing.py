from __future__ import annotations

import pytest

from metadata.errors import UserError
from tests.flow.house_world import BLUE, GREEN, RED, World, paint, soon
from watcher import commands, handing, plan
from watcher.ledger import files, work
from watcher.ledger.store import Busy


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_photo_lands_is_looked_at_chosen_and_delivered(world):
    paint(world.photos / "a.jpg", RED)
    app = world.run()
    assert world.words("a.jpg") == {"colour/red"}
    assert world.truth("a.jpg") == {"colour/red": True}
    assert world.state_of("a.jpg")[0] == "delivered"
    assert (app.worker.counts.looked, app.worker.counts.written, app.worker.counts.failed) == (1, 1, 0)


def test_a_second_pass_does_nothing(world):
    for number in range(5):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    app = world.run()
    counts = app.worker.counts
    assert (counts.looked, counts.delivered, counts.written) == (0, 0, 0)


def test_copies_share_what_was_said_and_nothing_else(world):
    paint(world.photos / "a.jpg")
    world.run()
    (world.photos / "b.jpg").write_bytes((world.photos / "a.jpg").read_bytes())
    world.run()
    assert world.words("b.jpg") == {"colour/red"}
    assert world.ask("SELECT count(*) FROM evidence") == [(1,)]
    world.edit("b.jpg", add=("Oma",))
    world.run()
    assert "Oma" in world.truth("b.jpg")
    assert "Oma" not in world.truth("a.jpg")


def test_a_lower_threshold_is_applied_to_few_photos_at_once(world):
    paint(world.photos / "a.jpg")
    world.run(threshold=1.0, thresholds={"colour": 1.0}, block=["colour/red"])
    assert world.words("a.jpg") == set()
    world.run()
    assert world.words("a.jpg") == {"colour/red"}
    world.run(block=["colour"])
    assert world.words("a.jpg") == set()
    assert world.refusals() == 0


def test_rules_that_change_more_photos_than_auto_apply_wait_for_apply(tmp_path):
    world = World(tmp_path, auto_apply=2)
    for number in range(4):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    world.changed["block"] = ["colour/red"]
    world.run()
    assert world.words("0.jpg") == {"colour/red"}
    assert [(row["gate"], row["photos"]) for row in world.status()["held"]] == [("rules", 4)]
    with world.open() as app:
        made = plan.plan(app, files.below(app.ledger.db, "p", b""))
    assert made.changed == 4
    assert {tuple(row["remove"]) for row in made.rows} == {("colour/red",)}
    assert world.do("apply")["photos"] == 4
    assert [world.words(f"{n}.jpg") for n in range(4)] == [set()] * 4


def test_rules_that_are_put_back_hold_nobody_any_more(tmp_path):
    world = World(tmp_path, auto_apply=0)
    paint(world.photos / "a.jpg")
    world.run()
    world.run(block=["colour/red"])
    assert world.status()["held"]
    world.run()
    assert not world.status()["held"]


def test_a_photo_that_is_walked_anyway_gets_the_new_rules_at_once(tmp_path):
    world = World(tmp_path, auto_apply=0)
    for name in ("a.jpg", "b.jpg"):
        paint(world.photos / name, mark=ord(name[0]))
    world.run()
    world.changed["block"] = ["colour/red"]
    world.touch("a.jpg")
    world.run()
    assert (world.words("a.jpg"), world.words("b.jpg")) == (set(), {"colour/red"})


def test_the_first_look_at_more_photos_than_auto_apply_waits(tmp_path):
    world = World(tmp_path, agreed=False, auto_apply=2)
    for number in range(3):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    assert world.words("0.jpg") == set()
    assert [(row["gate"], row["photos"]) for row in world.status()["held"]] == [("first look", 3)]
    paint(world.photos / "later.jpg", GREEN)
    world.do("apply")
    assert world.words("0.jpg") == {"colour/red"}
    world.run()
    assert world.words("later.jpg") == {"colour/green"}


def test_a_small_first_look_is_written_without_asking(tmp_path):
    world = World(tmp_path, agreed=False, auto_apply=3)
    for number in range(3):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    assert world.words("2.jpg") == {"colour/red"}


def test_new_only_leaves_the_backlog_alone_until_it_is_taken_up(tmp_path):
    world = World(tmp_path, agreed=False)
    paint(world.photos / "old.jpg")
    with world.open(backlog=False) as app:
        world.work(app, take_up=False)
        paint(world.photos / "new.jpg", BLUE)
        app.intake.doors["p"].full_due = 0.0
        app.intake.doors["p"].gated_due = 0.0
        app.worker.turn()
        world.work(app, take_up=False)
    assert world.state_of("old.jpg")[0] == "left"
    assert world.words("new.jpg") == {"colour/blue"}
    world.touch("old.jpg")
    world.run()
    assert world.words("old.jpg") == {"colour/red"}


def test_photos_that_landed_while_a_new_only_service_was_off_are_new(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "old.jpg")
    with world.open(backlog=False) as app:
        world.work(app, take_up=False)
    paint(world.photos / "new.jpg", BLUE)
    with world.open(backlog=False) as app:
        world.work(app, take_up=False)
    assert world.state_of("old.jpg")[0] == "left"
    assert world.words("new.jpg") == {"colour/blue"}


def test_scan_takes_up_what_is_named_and_leaves_the_rest(tmp_path):
    world = World(tmp_path)
    for number in range(4):
        paint(world.photos / f"in/{number}.jpg", mark=number)
    paint(world.photos / "out/x.jpg")
    answer = world.do("scan", paths=[str(world.photos / "in")], limit=3)
    assert answer["photos"] == 3
    states = [row[0] for row in world.ask("SELECT state FROM photos ORDER BY name")]
    assert sorted(states) == ["delivered"] * 3 + ["left"]
    world.do("scan", paths=[str(world.photos)])
    assert {row[0] for row in world.ask("SELECT state FROM photos")} == {"delivered"}


def test_scan_since_looks_at_newer_photos_only(tmp_path):
    import os

    world = World(tmp_path)
    for name, year in (("old", 2001), ("new", 2024)):
        path = paint(world.photos / f"{name}.jpg", mark=year)
        os.utime(path, (0, (year - 1970) * 31557600))
    world.do("scan", paths=[str(world.photos)], since="2020-01-01")
    assert world.state_of("old.jpg")[0] == "left"
    assert world.state_of("new.jpg")[0] == "delivered"


def test_scan_again_asks_anew_and_keeps_what_was_undone_back(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    world.run()
    world.do("undo", keyword="colour/red")
    with world.open() as app:
        handing._here(app, "scan", {"paths": [str(world.photos)], "again": "colour"})
    assert app.worker.counts.looked == 1
    assert world.words("a.jpg") == set(), "the same said again is no new evidence"


def test_plan_look_keeps_the_evidence_and_writes_nothing(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    with world.open() as app:
        handing._look(app, [])
        made = plan.plan(app, files.below(app.ledger.db, "p", b""))
    assert made.changed == 1
    assert world.words("a.jpg") == set()
    assert world.run().worker.counts.written == 1


@pytest.mark.parametrize("named", ["", "in", "in/a.jpg"])
def test_plan_look_finds_what_the_ledger_has_not_met(tmp_path, named):
    world = World(tmp_path)
    paint(world.photos / "in" / "a.jpg")
    paint(world.photos / "b.jpg")
    path = str(world.photos / named)
    with world.open() as app:
        with pytest.raises(UserError, match="plan --look"):
            plan.plan(app, commands.chosen(app, [path]))
        handing._look(app, [path])
        made = plan.plan(app, commands.chosen(app, [path]))
    assert made.changed == (1 if named else 2)
    assert (made.unasked, world.words("in/a.jpg")) == (0, set())


def test_plan_says_for_how_many_photos_nobody_was_asked(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    with world.open() as app:
        app.intake.walks()
        app.worker.settle_all()
        made = plan.plan(app, files.below(app.ledger.db, "p", b""))
    assert (made.photos, made.changed, made.unasked) == (1, 0, 1)


def test_a_second_service_on_one_ledger_refuses(world):
    with world.open(), pytest.raises(Busy, match="another tagwright"), world.open():
        pass


def test_commands_are_handed_to_the_running_service(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    with world.serving():
        soon(lambda: world.ask("SELECT 1 FROM photos WHERE state = 'delivered'"))
        answer = handing._handed(world.settings(), "undo", {"keyword": "colour/red"})
        assert answer["words"] == 1
        assert answer["handed_to"] == "the running service"
        soon(lambda: world.words("a.jpg") == set())
        with pytest.raises(UserError, match="no run 99"):
            handing._handed(world.settings(), "undo", {"run": 99})
    assert world.refusals() == 0


def test_an_end_that_comes_in_the_middle_of_a_turn_begins_nothing_more(world):
    paint(world.photos / "a.jpg")
    with world.open() as app:
        keep = app.worker._looker.keep

        def and_end(jobs, answers):
            keep(jobs, answers)
            app.worker.stop()
            app.worker.turn()  # as the turn goes on in which a signal comes

        app.worker._looker.keep = and_end
        world.work(app)
        assert (app.worker.counts.looked, app.worker.counts.delivered) == (1, 0)
    assert world.words("a.jpg") == set()
    world.run()
    assert world.words("a.jpg") == {"colour/red"}


def test_a_change_while_a_photo_is_worked_on_is_not_lost(world):
    paint(world.photos / "a.jpg")
    world.run()
    with world.open() as app, app.ledger.transaction() as db:
        number = files.below(db, "p", b"")[0]
        work.again(db, [number], world.now())
        assert len(work.take(db, world.now(), 10)) == 1
        folder = db.execute("SELECT folder FROM photos").fetchone()[0]
        from metadata.photo import Stat

        files.sidecar(db, folder, b"a.jpg.xmp", Stat(1, 2, 3, 4), now=world.now())
        work.delivered(db, [number], "x", world.now())
        assert len(work.take(db, world.now(), 10)) == 1
