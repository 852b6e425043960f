"""What goes wrong outside: roots, disks, clocks, files that are none."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from metadata.errors import UserError
from tests.flow.house_world import BLUE, GREEN, RED, World, paint, soon
from tests.patience import PATIENCE
from watcher import commands
from watcher.ledger import store, writes
from watcher.ledger.store import LedgerFault

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True)


def sidecar(world, name):
    path = world.photos / (name + ".xmp")
    return path.read_text() if path.exists() else ""


def _some(world, count=3, folder=""):
    for number in range(count):
        paint(world.photos / f"{folder}{number}.jpg", mark=number)


# Roots


def test_a_root_that_is_not_there_waits_and_nothing_of_it_is_gone(world):
    _some(world)
    world.run()
    away = world.photos.rename(world.photos.with_name("away"))
    started = time.monotonic()
    world.run()
    assert time.monotonic() - started < 50, "a pass does not wait for a root that is not there"
    assert world.status()["gone"] == 0
    assert "is not there" in world.status()["roots"][0]["waits"]
    away.rename(world.photos)
    paint(world.photos / "new.jpg", GREEN)
    app = world.run()
    assert world.status()["roots"][0]["waits"] == ""
    assert app.worker.counts.written == 1
    assert "green" in sidecar(world, "new.jpg")


def test_an_empty_folder_in_the_place_of_a_root_is_not_the_root(world):
    _some(world)
    world.run()
    away = world.photos.rename(world.photos.with_name("away"))
    world.photos.mkdir()
    world.run()
    assert world.status()["gone"] == 0
    assert "0 of 3 files" in world.status()["roots"][0]["waits"]
    world.photos.rmdir()
    away.rename(world.photos)
    assert world.run().worker.counts.written == 0
    assert world.status()["roots"][0]["waits"] == ""


def test_another_folder_in_the_place_of_a_root_waits_until_it_is_accepted(world):
    _some(world)
    world.run()
    world.photos.rename(world.photos.with_name("away"))
    paint(world.photos / "other.jpg", BLUE)
    world.run()
    assert "accept p" in world.status()["roots"][0]["waits"]
    assert sidecar(world, "other.jpg") == ""
    world.do("accept", root="p")
    world.run()
    assert "blue" in sidecar(world, "other.jpg")
    assert world.status()["gone"] == 3


def test_a_root_that_goes_away_and_comes_back_while_the_service_runs(world):
    _some(world)
    with world.serving() as app:
        app.intake._times = replace(app.intake._times, back=0.05)
        soon(lambda: world.status()["states"] == {"delivered": 3})
        away = world.photos.rename(world.photos.with_name("away"))
        world.photos.mkdir()
        app.intake.doors["p"].full_due = app.intake.doors["p"].gated_due = 0.0
        soon(lambda: world.status()["roots"][0]["waits"])
        world.photos.rmdir()
        away.rename(world.photos)
        paint(world.photos / "new.jpg", GREEN)
        app.intake.doors["p"].full_due = app.intake.doors["p"].gated_due = 0.0
        soon(lambda: "green" in sidecar(world, "new.jpg"))
    assert world.status()["gone"] == 0


def test_a_waiting_root_does_not_spin(world):
    _some(world, 1)
    world.run()
    world.photos.rename(world.photos.with_name("away"))
    with world.open() as app:
        app.worker.turn()
        assert app.intake.next_due() > 1.0


@as_root
def test_a_root_unmounted_in_the_middle_of_a_walk_loses_nothing(world):
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", world.photos], check=False)
    if mount.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        for folder in range(30):
            _some(world, 1, f"{folder}/")
        world.run()
        with world.open() as app:
            door = app.intake.doors["p"]
            assert app.intake._begin(door, time.monotonic())
            subprocess.run(["umount", world.photos], check=True)
            for _ in range(20):
                app.intake.walks()
            assert app.ledger.db.execute("SELECT count(*) FROM photos WHERE gone IS NOT NULL").fetchone() == (0,)
            assert app.ledger.db.execute("SELECT waits FROM roots").fetchone() != ("",)
    finally:
        subprocess.run(["umount", "-q", world.photos], check=False)


@as_root
def test_a_disk_inside_a_root_that_is_away_makes_the_root_wait_and_nothing_is_gone(world):
    _some(world, 2)
    _tmpfs(world.photos / "disk", "1m")
    try:
        _some(world, 2, "disk/")
        world.run()
        subprocess.run(["umount", world.photos / "disk"], check=True)
        world.run()
        assert world.status()["gone"] == 0
        assert "disk of its own was mounted at" in world.status()["roots"][0]["waits"]
        _tmpfs(world.photos / "disk", "1m")
        _some(world, 3, "disk/")
        world.run()
        assert (world.status()["roots"][0]["waits"], world.status()["states"]) == ("", {"delivered": 5})
        subprocess.run(["umount", world.photos / "disk"], check=True)
        world.do("accept", root="p")
        world.run()
        assert (world.status()["roots"][0]["waits"], world.status()["gone"]) == ("", 3)
    finally:
        subprocess.run(["umount", "-q", world.photos / "disk"], check=False)


# Disks


def _fill(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError):  # noqa: PT012 - until it is full
        while True:
            os.write(handle, b"x" * 4096)
    os.close(handle)


def _tmpfs(folder: Path, size: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False)
    if done.returncode:
        pytest.skip("mounting is not allowed here")


@as_root
def test_a_full_disk_is_one_state_of_the_root_and_passes_by_itself(world):
    _tmpfs(world.photos, "400k")
    try:
        _some(world, 6)
        filler = world.photos / "filler.bin"
        _fill(filler)
        app = world.run()
        assert app.worker.counts.failed == 0
        stops = world.status()["stops"]
        assert len(stops) == 1
        assert "full" in stops[0]["reason"]
        assert [(row["gate"], row["photos"]) for row in world.status()["held"]] == [("closed", 6)]
        assert sorted(path.name for path in world.photos.glob(".tagwright*")) == []
        assert not list(world.photos.glob("*.xmp"))
        with world.serving(probe=0.05):
            filler.unlink()
            soon(lambda: world.status()["states"] == {"delivered": 6})
        assert world.status()["stops"] == []
        assert all("red" in sidecar(world, f"{number}.jpg") for number in range(6))
    finally:
        subprocess.run(["umount", "-q", world.photos], check=False)


@as_root
def test_a_read_only_root_is_one_state_and_goes_on_when_it_is_writable_again(world):
    _tmpfs(world.photos, "2m")
    try:
        _some(world, 40)
        subprocess.run(["mount", "-o", "remount,ro", world.photos], check=True)
        app = world.run()
        assert app.worker.counts.failed == 0
        assert world.status()["aside"] == []
        assert len(world.status()["stops"]) == 1
        assert "read-only" in world.status()["stops"][0]["reason"]
        with world.serving(probe=0.05):
            subprocess.run(["mount", "-o", "remount,rw", world.photos], check=True)
            soon(lambda: world.status()["states"] == {"delivered": 40})
        assert world.status()["stops"] == []
    finally:
        subprocess.run(["umount", "-q", world.photos], check=False)


@as_root
def test_a_read_only_folder_does_not_hold_up_the_others(world):
    _some(world, 2, "shut/")
    _some(world, 2, "open/")
    _tmpfs(world.photos / "shut", "1m")
    try:
        _some(world, 2, "shut/")
        subprocess.run(["mount", "-o", "remount,ro", world.photos / "shut"], check=True)
        world.run()
        assert "red" in sidecar(world, "open/0.jpg")
        assert [(row["gate"], row["photos"]) for row in world.status()["held"]] == [("closed", 2)]
        paint(world.photos / "open/new.jpg", GREEN)
        world.run()
        assert "green" in sidecar(world, "open/new.jpg")
        assert len(world.status()["stops"]) == 1
    finally:
        subprocess.run(["umount", "-q", world.photos / "shut"], check=False)


@as_root
def test_a_full_disk_of_the_ledger_ends_with_one_line_and_loses_nothing(world):
    _some(world, 60)
    world.run(taggers=[])
    _tmpfs(world.state.with_name("small"), "700k")
    small = world.state.with_name("small")
    try:
        shutil.copy(world.state / "ledger.db", small / "ledger.db")
        _fill(small / "filler")
        command = [
            *(sys.executable, "-m", "watcher.cli", "run", "--once", "--state", str(small)),
            str(world.photos),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.strip().splitlines()[-1].startswith("tagwright: the ledger")
    finally:
        subprocess.run(["umount", "-q", small], check=False)


def test_a_ledger_that_fills_up_ends_the_run_and_what_was_written_is_booked(world):
    _some(world, 60)
    with world.open() as app:
        app.ledger.db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(LedgerFault, match="make room"):
            world.work(app)
    booked = {os.fsdecode(row[0]) for row in world.ask("SELECT path FROM writes")}
    assert {str(path) for path in world.photos.glob("*.xmp")} <= booked
    world.run()
    assert len(list(world.photos.glob("*.xmp"))) == 60
    assert world.do("undo")["byte_for_byte"] == 60
    assert not list(world.photos.glob("*.xmp"))


# Ledgers


def test_a_newer_ledger_is_refused_untouched(world):
    world.run()
    path = world.state / "ledger.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    before = path.read_bytes()
    for opening in (store.open_for_writing, store.open_for_reading):
        with pytest.raises(UserError, match="newer tagwright"):
            opening(world.state)
    assert path.read_bytes() == before


def test_a_migration_copies_the_ledger_first(world, monkeypatch):
    _some(world, 1)
    world.run()
    assert store.backups(world.state) == [], "a new ledger has nothing to keep"
    scripts = store._migrations()
    newest = scripts[-1][0]
    monkeypatch.setattr(store, "_migrations", lambda: [*scripts, (newest + 1, "CREATE TABLE later (a INTEGER);")])
    ledger = store.open_for_writing(world.state)
    assert ledger.db.execute("PRAGMA user_version").fetchone() == (newest + 1,)
    ledger.db.execute("INSERT INTO later VALUES (1)")
    ledger.close()
    copy = world.state / f"ledger.db.before-{newest + 1:04}"
    with sqlite3.connect(copy) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (newest,)
        assert db.execute("SELECT count(*) FROM photos").fetchone() == (1,)
    db.close()


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(world, monkeypatch):
    world.run()
    scripts = store._migrations()
    newest = scripts[-1][0]
    bad = "CREATE TABLE later (a INTEGER);\nINSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(store, "_migrations", lambda: [*scripts, (newest + 1, bad)])
    with pytest.raises(LedgerFault):
        store.open_for_writing(world.state)
    monkeypatch.undo()
    ledger = store.open_for_writing(world.state)
    assert ledger.db.execute("PRAGMA user_version").fetchone() == (newest,)
    assert not ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchone()
    ledger.close()


def test_a_ledger_on_a_network_file_system_is_refused(world, monkeypatch):
    monkeypatch.setattr(store.mounts, "fstype", lambda path: "nfs4")
    monkeypatch.setattr(store.mounts, "in_image", lambda: False)
    monkeypatch.setattr(store.lodging, "better", lambda table, room: "/mnt/cache/tagwright")
    with pytest.raises(UserError, match=r"nfs4; set `state` to a folder .*, such as /mnt/cache/tagwright"):
        store.open_for_writing(world.state)
    assert not (world.state / "ledger.db").exists()


def test_a_file_that_is_no_ledger_is_named(world):
    world.state.mkdir(parents=True)
    (world.state / "ledger.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(UserError, match="not a ledger"):
        store.open_for_writing(world.state)


def test_an_old_ledger_put_back_invents_no_word_of_a_person_and_no_refusal(world, tmp_path):
    for number, colour in enumerate((RED, GREEN, BLUE)):
        paint(world.photos / f"{number}.jpg", colour)
    world.run(block=["colour"])
    saved = tmp_path / "saved"
    saved.mkdir()
    world.do("backup", file=str(saved / "ledger.db"))
    world.ahead += 3600
    world.run()
    before = [sidecar(world, f"{number}.jpg") for number in range(3)]
    assert "blue" in before[2]
    shutil.rmtree(world.state)
    world.state = saved
    world.ahead += 3600
    world.run()
    assert world.truth("0.jpg") == {"colour/red": True}
    assert [sidecar(world, f"{number}.jpg") for number in range(3)] == before
    assert world.refusals() == 0


def test_an_old_ledger_put_back_does_not_write_what_was_undone_after_it(world, tmp_path):
    for name, colour in (("a.jpg", RED), ("b.jpg", GREEN)):
        paint(world.photos / name, colour)
    world.run()
    saved = tmp_path / "saved"
    saved.mkdir()
    world.do("backup", file=str(saved / "ledger.db"))
    world.ahead += 3600
    path = world.photos / "a.jpg.xmp"
    world.do("keep", paths=[str(world.photos / "b.jpg")])
    path.write_text(path.read_text().replace("<rdf:RDF", "<!-- Oma -->\n <rdf:RDF", 1))
    world.run()
    world.do("undo", paths=[str(world.photos / "a.jpg")])
    assert "red" not in sidecar(world, "a.jpg")
    world.state = saved
    world.ahead += 3600
    world.run()
    assert world.refusals() == 0


# Files that are none


def test_broken_images_are_set_aside_each_with_its_reason_and_the_others_go_on(world):
    whole = paint(world.photos / "good.jpg").read_bytes()
    (world.photos / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (world.photos / "empty.jpg").write_bytes(b"")
    (world.photos / "text.jpg").write_bytes(b"Dear Oma,\n")
    paint(world.photos / "wrong.png").rename(world.photos / "wrong.jpg")
    bomb = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + (65000).to_bytes(4, "big") * 2
    import struct
    import zlib

    head = b"IHDR" + struct.pack(">IIBBBBB", 65000, 65000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data = zlib.compress(b"\0" * 1_000_000)
    bomb += struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    (world.photos / "bomb.png").write_bytes(bomb)
    world.run()
    assert "red" in sidecar(world, "good.jpg")
    assert "red" in sidecar(world, "wrong.jpg")
    for name in ("truncated.jpg", "empty.jpg", "text.jpg", "bomb.png"):
        state, _, reason = world.state_of(name)
        assert (name, state) == (name, "aside")
        assert reason
        assert sidecar(world, name) == ""
    assert sum(row["photos"] for row in world.status()["aside"]) == 4


def test_odd_names_are_names(world):
    odd = [b"caf\xe9.jpg", b"two\nlines.jpg", b"x" * 247 + b".jpg", b"'; DROP TABLE photos.jpg", b"%s.jpg"]
    for number, name in enumerate(odd):
        source = paint(world.photos / "source.jpg", mark=number + 1)
        os.rename(source, os.path.join(os.fsencode(world.photos), name))
    too_long = b"y" * 251 + b".jpg"
    source = paint(world.photos / "source.jpg", mark=99)
    os.rename(source, os.path.join(os.fsencode(world.photos), too_long))
    world.run()
    for name in odd:
        with open(os.path.join(os.fsencode(world.photos), name + b".xmp")) as file:
            assert "red" in file.read()
    rows = world.ask("SELECT name, reason FROM photos WHERE state = 'aside'")
    assert [row[0] for row in rows] == [too_long]
    assert "255" in rows[0][1]
    assert world.run().worker.counts.written == 0


def _config(world, tagger: str) -> Path:
    config = world.state.with_name("tagwright.toml")
    config.write_text(
        f'state = "{world.state}"\nsettle = 0.02\ntaggers = ["{tagger}"]\nfacts = []\n'
        f'[[roots]]\nname = "p"\npath = "{world.photos}"\n'
    )
    return config


def _plugin(folder: Path) -> None:
    """A tagger from outside that dies in C on photos called boom."""
    folder.mkdir()
    (folder / "grim.py").write_text(
        "import os\n"
        "class Grim:\n"
        "    name, version, edge, of_file = 'grim', '1', 0, False\n"
        "    def tag(self, views):\n"
        "        for view in views:\n"
        "            if 'boom' in view.name:\n"
        "                os.abort()\n"
        "        return [[(('grim',), 1.0)] for _ in views]\n"
        "def make():\n"
        "    return Grim()\n"
    )
    info = folder / "grim-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: grim\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[tagwright.taggers]\ngrim = grim:make\n")


def test_a_decoder_that_kills_the_process_costs_one_photo(world, tmp_path):
    _plugin(tmp_path / "plugin")
    for number in range(8):
        paint(world.photos / f"{number}.jpg", mark=number)
    paint(world.photos / "boom.jpg", mark=500)
    config = _config(world, "grim")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path / 'plugin'}:{ROOT}"}
    command = [sys.executable, "-m", "watcher.cli", "--config", str(config), "run", "--once"]

    def go():
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    assert go().returncode == -signal.SIGABRT
    done = go()
    assert done.returncode == 1, done.stderr
    assert world.state_of("boom.jpg")[::2] == ("aside", "the decoder died")
    assert all("grim" in sidecar(world, f"{number}.jpg") for number in range(8))
    assert go().returncode == 0, "it is not tried again by itself"


# Clocks and ends


def test_a_clock_that_jumps_back_delays_nothing(world):
    _some(world, 2)
    world.ahead = 86400.0 * 400
    with world.open() as app:
        app.intake.walks()
        app.worker.settle_all()
        assert app.ledger.db.execute("SELECT count(*) FROM photos WHERE due > ?", (time.time(),)).fetchone() == (
            2,
        )
        world.ahead = 0.0
        world.work(app)
    assert "red" in sidecar(world, "1.jpg")
    assert world.run().worker.counts.written == 0


def test_a_clock_put_back_while_the_service_was_off_delays_nothing(world):
    world.ahead = 86400.0 * 400
    _some(world, 2)
    with world.open() as app:
        app.intake.walks()
        app.worker.settle_all()
    world.ahead = -86400.0
    world.run()
    assert "red" in sidecar(world, "1.jpg")
    world.ahead = 86400.0 * 800
    assert world.run().worker.counts.written == 0
    assert world.refusals() == 0


def test_what_was_noted_before_ntp_set_the_clock_is_not_taken_for_old(world):
    world.ahead = -86400.0 * 365 * 40  # a box without a battery begins in the past
    _some(world, 2)
    with world.open() as app:
        world.work(app)
        (world.photos / "0.jpg").unlink()
        app.intake.look("p")
        world.work(app)
        world.ahead = 0.0
        world.work(app)
        assert commands.prune(app, apply=True)["photos"] == 0, "its days of grace begin"
        assert writes.forget(app.ledger.db, time.time() - 86400.0 * 365) == 0, "and what was written can be undone"
    world.ahead = 86400.0 * 8
    with world.open() as app:
        assert commands.prune(app, apply=True)["photos"] == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_the_service_cleanly(world, number, code):
    _some(world, 30)
    command = [sys.executable, "-m", "watcher.cli", "--config", str(_config(world, "colour")), "run"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        soon(lambda: any(world.photos.glob("*.xmp")))
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == code, output
    assert "Traceback" not in output
    assert world.ask("SELECT count(*) FROM photos WHERE booked IS NOT NULL") == [(0,)]
    assert world.ask("SELECT count(*) FROM writes WHERE state = 'intent'") == [(0,)]
    assert not list(world.photos.glob(".tagwright*"))
