"""The ledger's copies, whose it is, and a library that moves to another mount point."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat

import pytest

from metadata.errors import UserError
from tests.flow.house_world import BLUE, RED, World, paint
from watcher import commands
from watcher.ledger import store


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    paint(made.photos / "a.jpg", RED)
    made.run()
    return made


def test_a_copy_is_made_before_every_migration_and_seven_are_kept(world, monkeypatch):
    scripts = store._migrations()
    newest = scripts[-1][0]
    for step in range(1, 10):
        more = [(newest + n, f"CREATE TABLE later{n} (a INTEGER);") for n in range(1, step + 1)]
        monkeypatch.setattr(store, "_migrations", lambda more=more: [*scripts, *more])
        store.open_for_writing(world.state).close()
    kept = [path.name for path in store.backups(world.state)]
    assert kept == [f"ledger.db.before-{newest + n:04}" for n in range(3, 10)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.backups(world.state)} == {0o600}


def test_a_backup_that_is_put_back_is_the_ledger_and_the_one_of_before_stays(world, tmp_path):
    saved = tmp_path / "saved.db"
    world.do("backup", file=str(saved))
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    paint(world.photos / "b.jpg", BLUE)
    world.run()
    assert world.status()["photos"] == 2
    kept = store.put_back(world.state, saved)
    assert world.status()["photos"] == 1
    with sqlite3.connect(kept) as db:
        assert db.execute("SELECT count(*) FROM photos").fetchone() == (2,)
    db.close()
    world.run()
    assert world.status()["states"] == {"delivered": 2}, "what the backup does not know is found again"
    assert saved.exists()


def test_no_backup_takes_the_place_of_a_ledger_that_is_in_use(world, tmp_path):
    world.do("backup", file=str(tmp_path / "saved.db"))
    with world.open(), pytest.raises(store.Busy):
        store.put_back(world.state, tmp_path / "saved.db")


@pytest.mark.parametrize("content", [b"", b"no ledger", None])
def test_what_is_no_ledger_is_not_put_back(world, tmp_path, content):
    file = tmp_path / "file"
    if content is None:
        with sqlite3.connect(file) as db:
            db.execute("CREATE TABLE meta (name TEXT, value TEXT)")
        db.close()
    else:
        file.write_bytes(content)
    with pytest.raises(UserError, match="is no ledger"):
        store.put_back(world.state, file)
    assert world.status()["photos"] == 1


def test_a_backup_inside_a_library_is_refused(world):
    with world.open() as app, pytest.raises(UserError, match="inside the folder of photos"):
        commands.backup(app, file=str(world.photos / "ledger.db"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("opening", [store.open_for_reading, store.open_for_writing])
def test_a_ledger_of_another_user_is_left_alone_with_one_line_that_helps(world, opening, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tagwright", "status", "--json"])
    monkeypatch.setattr("watcher.mounts.in_image", lambda: False)
    os.chown(world.state, 1, 1)
    with pytest.raises(UserError, match=r"belongs to daemon: sudo -u daemon tagwright status --json$"):
        opening(world.state)
    os.chown(world.state, 54321, 1)
    with pytest.raises(UserError, match="belongs to user 54321"):
        opening(world.state)
    monkeypatch.setattr("watcher.mounts.in_image", lambda: True)
    with pytest.raises(UserError, match=r"set PUID \(`user`\) to 54321 in the compose file"):
        opening(world.state)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("opening", [store.open_for_reading, store.open_for_writing])
def test_in_a_folder_that_is_open_to_all_as_a_new_volume_the_ledger_says_whose_it_is(tmp_path, opening):
    tmp_path.chmod(0o1777)
    os.chown(tmp_path, 54321, 1)
    store.open_for_writing(tmp_path).close()
    opening(tmp_path).close()
    os.chown(tmp_path / "ledger.db", 1, 1)
    with pytest.raises(UserError, match=r"belongs to (daemon|user 1)"):
        opening(tmp_path)


def test_a_library_at_another_mount_point_is_the_same_library(tmp_path):
    world = World(tmp_path, real=True)
    for number in range(25):
        paint(world.photos / f"{number % 3}/{number}.jpg", RED, mark=number)
    world.run()
    before = {path: path.read_bytes() for path in world.photos.rglob("*.xmp")}
    assert len(before) == 25
    writes = world.ask("SELECT count(*) FROM writes")
    moved = tmp_path / "volume1/photo"
    moved.parent.mkdir()
    shutil.move(world.photos, moved)
    world.photos = moved
    app = world.run()
    assert (app.worker.counts.written, app.worker.counts.looked) == (0, 0)
    assert world.status()["photos"] == 25
    assert world.ask("SELECT count(*) FROM writes") == writes
    assert {moved / path.relative_to(tmp_path / "photos"): data for path, data in before.items()} == {
        path: path.read_bytes() for path in moved.rglob("*.xmp")
    }
    answer = world.do("undo")
    assert answer["words"] == 25, "the way back goes to the new place"
    assert not list(moved.rglob("*.xmp"))


def test_the_unit_and_the_command_line_find_the_same_ledger():
    from pathlib import Path

    house = Path(__file__).resolve().parents[2]
    text = (house / "systemd/tagwright.toml").read_text()
    assert re.search(r'^state = "/var/lib/tagwright"$', text, re.MULTILINE)
    assert "StateDirectory=tagwright\n" in (house / "systemd/tagwright.service").read_text()
