from __future__ import annotations

import os
from functools import partial, wraps

import pytest

from tests.flow.house_world import BLUE, RED, World, paint, soon

DAY = 86400.0


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True, facts=[])


def sidecar(world, name):
    path = world.photos / (name + ".xmp")
    return path.read_text() if path.exists() else ""


def _walked(world):
    """Two passes: what waits for a walk, and what that walk found."""
    world.run()


def test_a_photo_that_moves_with_its_sidecar_keeps_its_history(world):
    paint(world.photos / "a.jpg")
    world.run()
    before = sidecar(world, "a.jpg")
    number = world.photo("a.jpg").id
    (world.photos / "in").mkdir()
    for name in ("a.jpg", "a.jpg.xmp"):
        os.rename(world.photos / name, world.photos / "in" / name)
    _walked(world)
    assert world.photo("in/a.jpg").id == number
    assert sidecar(world, "in/a.jpg") == before, "nothing had to be written"
    assert world.ask("SELECT count(*) FROM photos") == [(1,)]
    assert world.truth("in/a.jpg") == {"colour/red": True}


def test_a_sidecar_that_a_move_left_behind_comes_along(world):
    paint(world.photos / "a.jpg")
    world.run()
    before = sidecar(world, "a.jpg")
    os.rename(world.photos / "a.jpg", world.photos / "b.jpg")
    _walked(world)
    assert sidecar(world, "b.jpg") == before
    assert not (world.photos / "a.jpg.xmp").exists()
    answer = world.do("undo")
    assert answer["byte_for_byte"] == 1
    assert not (world.photos / "b.jpg.xmp").exists()


def test_a_folder_that_is_renamed_moves_all_its_photos(world):
    for number in range(25):
        paint(world.photos / f"old/{number}.jpg", mark=number)
    world.run()
    ids = world.ask("SELECT id FROM photos ORDER BY id")
    os.rename(world.photos / "old", world.photos / "new")
    _walked(world)
    assert world.ask("SELECT id FROM photos WHERE gone IS NULL ORDER BY id") == ids
    assert world.status()["stops"] == []
    assert world.truth("new/7.jpg") == {"colour/red": True}
    assert world.ask("SELECT count(*) FROM writes") == [(25,)]


def test_photos_that_moved_without_their_sidecars_are_no_accident(world):
    for number in range(25):
        paint(world.photos / f"old/{number}.jpg", mark=number)
    world.run()
    (world.photos / "new").mkdir()
    for number in range(25):
        os.rename(world.photos / f"old/{number}.jpg", world.photos / f"new/{number}.jpg")
        (world.photos / f"old/{number}.jpg.xmp").unlink()
    _walked(world)
    assert world.status()["stops"] == []
    assert "red" in sidecar(world, "new/3.jpg")
    assert world.refusals() == 0


def test_a_copy_is_no_move(world):
    paint(world.photos / "a.jpg")
    world.run()
    (world.photos / "b.jpg").write_bytes((world.photos / "a.jpg").read_bytes())
    world.run()
    assert world.ask("SELECT count(*) FROM photos WHERE gone IS NULL") == [(2,)]
    assert "red" in sidecar(world, "a.jpg")
    assert "red" in sidecar(world, "b.jpg")


def test_a_refusal_moves_along(world):
    paint(world.photos / "a.jpg")
    world.run()
    with world.open() as app:
        app.ledger.db.execute(
            "INSERT INTO refusals SELECT folder, stem, 'oma', 'Oma', 'removed by a person', 0, 1, 0 FROM photos"
        )
    os.rename(world.photos / "a.jpg", world.photos / "b.jpg")
    _walked(world)
    assert world.refused("b.jpg") == {"Oma"}


def test_a_photo_that_moves_while_the_service_watches_is_followed(world):
    paint(world.photos / "a.jpg")
    with world.serving(rescan_folders=1.0):
        soon(lambda: "red" in sidecar(world, "a.jpg"))
        soon(lambda: world.ask("SELECT 1 FROM photos WHERE state = 'delivered'"))
        number = world.photo("a.jpg").id
        os.rename(world.photos / "a.jpg", world.photos / "b.jpg")
        soon(lambda: "red" in sidecar(world, "b.jpg"))
        soon(lambda: not (world.photos / "a.jpg.xmp").exists())
    assert world.photo("b.jpg").id == number


def test_a_deleted_photo_takes_a_sidecar_of_only_our_words_along_after_forget_after(world):
    for name, colour in (("a.jpg", RED), ("b.jpg", BLUE)):
        paint(world.photos / name, colour)
    world.run()
    path = world.photos / "b.jpg.xmp"
    path.write_text(path.read_text().replace("<rdf:RDF", "<!-- Oma -->\n <rdf:RDF", 1))
    paint(world.photos / "stays.jpg")
    world.run()
    for name in ("a.jpg", "b.jpg"):
        (world.photos / name).unlink()
    world.run()
    assert world.status()["gone"] == 2
    assert world.do("prune", apply=True)["photos"] == 0, "not gone for long enough"
    world.ahead += 8 * DAY
    listed = world.do("prune")
    assert listed["sidecars_of_ours"] == [str(world.photos / "a.jpg.xmp")]
    assert listed["sidecars_of_others"] == [str(world.photos / "b.jpg.xmp")]
    assert (world.photos / "a.jpg.xmp").exists()
    world.do("prune", apply=True)
    assert not (world.photos / "a.jpg.xmp").exists()
    assert path.exists()
    assert world.ask("SELECT name FROM photos") == [(b"stays.jpg",)]


def test_prune_knows_a_sidecar_that_we_wrote_twice(world):
    paint(world.photos / "a.jpg")
    paint(world.photos / "stays.jpg", BLUE)
    world.run(block=["colour/red"], threshold=0.0)
    world.run(under="auto")
    world.run()
    (world.photos / "a.jpg").unlink()
    world.run()
    world.ahead += 8 * DAY
    assert world.do("prune", apply=True)["sidecars_of_ours"] == [str(world.photos / "a.jpg.xmp")]


def test_a_photo_that_comes_back_is_the_same_photo(world):
    path = paint(world.photos / "a.jpg")
    paint(world.photos / "stays.jpg", BLUE)
    content = path.read_bytes()
    world.run()
    number = world.photo("a.jpg").id
    path.unlink()
    world.run()
    assert world.status()["gone"] == 1
    path.write_bytes(content)
    world.run()
    assert world.status()["gone"] == 0
    assert world.photo("a.jpg").id == number


def _counted(world, count, monkeypatch):
    """Statements and questions about files that so many new copies of one picture cost, all found at once."""
    asked, said = [], []
    lexists = os.path.lexists
    data = paint(world.photos / "0.jpg").read_bytes()
    for number in range(1, count):
        (world.photos / f"{number}.jpg").write_bytes(data)
    with monkeypatch.context() as patch, world.open(memory="1G") as app:
        patch.setattr("watcher.moves.os.path.lexists", lambda path: asked.append(path) or lexists(path))
        app.ledger.db.set_trace_callback(said.append)
        world.work(app)
        app.ledger.db.set_trace_callback(None)
    assert world.ask("SELECT count(*) FROM photos WHERE state = 'delivered'") == [(count,)]
    return len(said), len(asked)


def test_many_copies_of_one_picture_cost_as_many_statements_and_looks_as_photos(tmp_path, monkeypatch):
    few, many = (World(tmp_path / name, real=True, facts=[]) for name in ("few", "many"))
    statements, asked = _counted(few, 50, monkeypatch)
    more_statements, more_asked = _counted(many, 200, monkeypatch)
    assert more_statements < 4.4 * statements
    assert asked <= 50
    assert more_asked <= 200


def test_a_copy_that_stood_and_is_moved_later_is_still_known(world):
    data = paint(world.photos / "0.jpg").read_bytes()
    for number in range(1, 6):
        (world.photos / f"{number}.jpg").write_bytes(data)
    with world.open() as app:
        world.work(app)
        number = world.photo("3.jpg").id
        for name in ("3.jpg", "3.jpg.xmp"):
            os.rename(world.photos / name, world.photos / f"m{name}")
        (world.photos / "6.jpg").write_bytes(data)
        world.ahead += 100
        for _ in range(3):
            app.intake.look("p", b"")
            world.work(app)
            world.ahead += 100
    assert world.photo("m3.jpg").id == number
    assert world.ask("SELECT count(*) FROM photos") == [(7,)]


@pytest.fixture
def spelled_in_any_way(monkeypatch, world):
    """Below the library a name answers to every spelling, as on SMB and exFAT."""
    top = os.fsencode(world.photos)

    def found(path):
        if not isinstance(path, (str, bytes, os.PathLike)) or not os.fsencode(path).startswith(top + b"/"):
            return path
        at = top
        for name in os.fsencode(path)[len(top) + 1 :].split(b"/"):
            there = os.listdir(at)
            at += b"/" + (name if name in there else next((n for n in there if n.lower() == name.lower()), name))
        return at

    def first(call):
        return wraps(call)(lambda path, *more, **named: call(found(path), *more, **named))

    def onto(call, path, target):
        """A name that is taken by another file goes to that; the same file takes the new spelling."""
        real = found(target)
        if os.path.lexists(real) and real != found(path):
            return call(found(path), real)
        return call(found(path), target)

    for name in ("lstat", "stat", "unlink", "open"):
        monkeypatch.setattr(os, name, first(getattr(os, name)))
    monkeypatch.setattr(os.path, "samefile", lambda one, other: one == other)  # as servers without inodes have it
    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, partial(onto, getattr(os, name)))


@pytest.mark.usefixtures("spelled_in_any_way")
@pytest.mark.parametrize("new", ["in/img.jpg", "IN/IMG.JPG", "In/Img.jpg"])
def test_where_case_does_not_count_a_photo_that_is_spelled_otherwise_is_the_same(world, new):
    paint(world.photos / "in/IMG.JPG")
    world.run()
    number = world.photo("in/IMG.JPG").id
    path = world.photos / "in/IMG.JPG.xmp"
    path.write_text(path.read_text().replace("<rdf:li>", "<rdf:li>Oma</rdf:li>\n<rdf:li>"))
    world.run()
    words = {"colour/red": True, "Oma": False}
    assert world.truth("in/IMG.JPG") == words
    folder, name = new.split("/")
    os.rename(world.photos / "in", world.photos / folder)
    os.rename(world.photos / folder / "IMG.JPG", world.photos / folder / name)
    _walked(world)
    _walked(world)
    assert world.photo(new).id == number
    assert world.state_of(new)[0] == "delivered"
    assert world.ask("SELECT count(*) FROM photos") == [(1,)]
    assert world.truth(new) == words
    assert sorted(os.listdir(world.photos / folder)) == sorted([name, name + ".xmp"])
    assert "Oma" in sidecar(world, new)
