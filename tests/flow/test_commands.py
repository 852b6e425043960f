from __future__ import annotations

import shutil

import pytest

from metadata.errors import TryAgain, UserError
from tests.flow.house_world import BLUE, GREEN, RED, World, paint
from watcher.ledger import writes


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def real(tmp_path):
    return World(tmp_path, real=True)


def tree(world):
    return {
        str(path.relative_to(world.photos)): path.read_bytes()
        for path in sorted(world.photos.rglob("*"))
        if path.is_file()
    }


def test_undo_of_everything_gives_back_every_file_and_redo_writes_it_again(real):
    for name, colour in (("a.jpg", RED), ("b.jpg", GREEN), ("in/c.jpg", BLUE)):
        paint(real.photos / name, colour)
    from datetime import UTC, datetime

    from metadata import xmp
    from metadata.sinks import Change

    foreign = xmp.create(Change(add={"dc:subject": ("Oma",)}), datetime(2020, 1, 1, tzinfo=UTC), b"a").data
    (real.photos / "b.jpg.xmp").write_bytes(foreign)
    before = tree(real)
    real.run()
    written = tree(real)
    assert set(written) - set(before) == {"a.jpg.xmp", "in/c.jpg.xmp"}
    run = real.ask("SELECT max(run) FROM writes")[0][0]
    answer = real.do("undo")
    assert (answer["photos"], answer["byte_for_byte"], answer["words"]) == (3, 3, 3)
    assert tree(real) == before
    real.run()
    assert tree(real) == before, "undone words are kept back"
    assert real.refusals() == 0
    real.do("redo", run=run)
    assert set(tree(real)) == set(written)
    assert real.truth("b.jpg") == {"Oma": False, "colour/green": True}
    assert real.refusals() == 0


def test_undo_keeps_what_others_wrote_since(real):
    paint(real.photos / "a.jpg")
    real.run()
    path = real.photos / "a.jpg.xmp"
    path.write_text(path.read_text().replace("<rdf:RDF", "<!-- Oma -->\n <rdf:RDF", 1))
    answer = real.do("undo")
    assert answer["byte_for_byte"] == 0
    text = path.read_text()
    assert "Oma" in text
    assert "red" not in text


def test_undo_of_one_run_leaves_the_others(world):
    paint(world.photos / "a.jpg")
    world.run()
    first = world.ask("SELECT max(run) FROM writes")[0][0]
    world.ahead += 3 * 86400
    paint(world.photos / "b.jpg", BLUE)
    world.run()
    second = world.ask("SELECT max(run) FROM writes")[0][0]
    assert second > first
    world.do("undo", run=second)
    assert (world.words("a.jpg"), world.words("b.jpg")) == ({"colour/red"}, set())
    with world.book() as db:
        undone = {row["run"]: row["undone"] for row in writes.runs(db)}
    assert (undone[first], undone[second]) == (0, 1)
    with pytest.raises(UserError, match="no run 77"):
        world.do("undo", run=77)


def test_undo_of_a_keyword_a_source_and_a_path(world):
    for name, colour in (("a.jpg", RED), ("b.jpg", BLUE), ("in/c.jpg", GREEN)):
        paint(world.photos / name, colour)
    world.run()
    world.do("undo", keyword="colour/red")
    assert (world.words("a.jpg"), world.words("b.jpg")) == (set(), {"colour/blue"})
    world.do("undo", paths=[str(world.photos / "in")])
    assert (world.words("in/c.jpg"), world.words("b.jpg")) == (set(), {"colour/blue"})
    answer = world.do("undo", source="colour")
    assert answer["words"] == 1
    assert world.words("b.jpg") == set()
    assert world.refusals() == 0


def test_redo_of_an_undone_keyword_writes_it_again(world):
    paint(world.photos / "a.jpg")
    world.run()
    answer = world.do("undo", keyword="colour/red")
    world.do("redo", run=answer["run"])
    assert world.words("a.jpg") == {"colour/red"}
    with pytest.raises(UserError, match="nothing of run"):
        world.do("redo", run=answer["run"])


def test_new_evidence_lets_an_undone_word_go(world, monkeypatch):
    from models.taggers.colour import Colour

    paint(world.photos / "a.jpg")
    world.run()
    world.do("undo")
    assert world.words("a.jpg") == set()
    monkeypatch.setattr(Colour, "version", "2")
    world.do("scan", paths=[str(world.photos)], again="colour")
    assert world.words("a.jpg") == {"colour/red"}


def test_kept_words_are_the_persons_own(world):
    for name in ("a.jpg", "b.jpg"):
        paint(world.photos / name, mark=ord(name[0]))
    world.run()
    assert world.do("keep", paths=[str(world.photos / "a.jpg")], keywords=["colour/red"])["words"] == 1
    assert world.truth("a.jpg") == {"colour/red": False}
    world.do("undo")
    assert (world.words("a.jpg"), world.words("b.jpg")) == ({"colour/red"}, set())
    world.run(block=["colour/red"])
    assert world.words("a.jpg") == {"colour/red"}


def test_a_forgotten_photo_is_new_again_and_no_file_is_touched(real):
    paint(real.photos / "a.jpg")
    real.run()
    before = tree(real)
    assert real.do("forget", paths=[str(real.photos / "a.jpg")])["photos"] == 1
    assert real.ask("SELECT count(*) FROM photos") == [(0,)]
    assert real.ask("SELECT count(*) FROM evidence") == [(0,)]
    assert tree(real) == before
    real.run()
    assert real.truth("a.jpg") == {"colour/red": True}, "provenance says whose word it is"
    assert tree(real) == before


def test_retry_takes_in_what_was_set_aside_for_a_reason(world):
    for name in ("a.jpg", "b.jpg"):
        (world.photos / name).write_bytes(b"no picture " + name.encode())
    paint(world.photos / "c.jpg")
    app = world.run()
    assert app.worker.counts.failed == 2
    reason = world.state_of("a.jpg")[2]
    assert world.status()["aside"][0]["photos"] == 2
    assert world.do("retry", reason="moon")["photos"] == 0
    assert world.do("retry", reason=reason)["photos"] == 2
    assert world.state_of("a.jpg")[0] == "aside"
    paint(world.photos / "a.jpg")
    world.run()
    assert world.words("a.jpg") == {"colour/red"}, "a changed file is looked at by itself"


def test_a_passing_failure_is_tried_again_with_growing_patience(world):
    paint(world.photos / "a.jpg")
    world.run(taggers=[])
    photo = world.photo("a.jpg")
    world.sink.fail(photo, TryAgain(photo.file, "the server sleeps"))
    waits = []
    for _ in range(3):
        world.touch("a.jpg") if not waits else None
        world.run()
        due = world.ask("SELECT due, attempts, reason FROM photos")[0]
        waits.append(due[0] - world.now())
        assert due[2] == "the server sleeps"
        world.ahead += waits[-1] + 1
    assert waits[0] < 13 < waits[1] < 80 < waits[2]
    assert world.status()["later"][0]["reason"] == "the server sleeps"
    world.sink.fail(photo, None)
    world.run()
    assert world.words("a.jpg") == {"colour/red"}


def test_a_backup_can_be_opened_and_goes_on(world, tmp_path):
    paint(world.photos / "a.jpg")
    world.run()
    target = tmp_path / "backup" / "ledger.db"
    target.parent.mkdir()
    with world.serving():
        from watcher import handing

        answer = handing._handed(world.settings(), "backup", {"file": str(target)})
    assert answer["bytes"] == target.stat().st_size
    assert target.stat().st_mode & 0o077 == 0
    with pytest.raises(UserError, match="there already"):
        world.do("backup", file=str(target))
    shutil.rmtree(world.state)
    world.state = target.parent
    app = world.run()
    assert app.worker.counts.written == 0
    assert world.truth("a.jpg") == {"colour/red": True}


def test_runs_list_what_each_wrote(world):
    paint(world.photos / "a.jpg")
    world.run()
    with world.book() as db:
        rows = [row for row in writes.runs(db) if row["writes"]]
    assert [(row["photos"], row["undone"]) for row in rows] == [(1, 0)]
    assert rows[0]["why"].startswith("service ")


def test_a_command_that_is_done_has_ended_its_run(world):
    paint(world.photos / "a.jpg")
    world.do("scan", paths=[str(world.photos)])
    run = world.do("undo")["run"]
    with world.book() as db:
        assert [row["run"] for row in writes.runs(db) if row["ended"] is None] == []
    assert run == world.ask("SELECT max(id) FROM runs")[0][0]


def test_a_run_of_the_service_goes_on_after_a_restart_and_ends_with_the_day(world):
    world.run()
    first = world.ask("SELECT id FROM runs")
    world.run()
    assert world.ask("SELECT id FROM runs") == first
    world.ahead += 86400
    world.run()
    assert len(world.ask("SELECT id FROM runs")) == 2


def test_commands_name_what_is_wrong(world):
    paint(world.photos / "a.jpg")
    world.run()
    with pytest.raises(UserError, match="no root 'q'"):
        world.do("accept", root="q")
    with pytest.raises(UserError, match="not below any root"):
        world.do("forget", paths=["/nowhere"])
    with pytest.raises(UserError, match="no known photo"):
        world.do("retry", paths=[str(world.photos / "x.jpg")])
    with pytest.raises(UserError, match="no source 'moon'"):
        world.do("scan", paths=[str(world.photos)], again="moon")
