"""A power cut: what the file system had not given to its disk is gone, and what was promised still holds.

The library and the ledger lie on an ext4 of their own on a loop device, whose file is copied between two steps of
the service: the copy is the disk as the cut leaves it, without all that only memory held. While it is made no
thread may sync, or the copy would be of several moments and of no disk that ever was. It is mounted, which
replays its journal, and looked at.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager
from xml.etree import ElementTree

import pytest

from metadata import files, rename
from tests.flow.house_world import BLUE, GREEN, RED, World, paint
from watcher.chores import Chores

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or not os.path.exists("/dev/loop-control") or shutil.which("mkfs.ext4") is None,
        reason="needs root, loop devices and mkfs.ext4",
    ),
    pytest.mark.timeout(1800),  # a dozen file systems made and mounted, however many others want the disk
]
PHOTOS = 60


@pytest.fixture
def still(monkeypatch):
    """Whoever holds this lock is alone with the disk: writing without a sync stays in memory meanwhile."""
    lock = threading.Lock()

    def alone(sync):
        def synced(handle):
            with lock:
                sync(handle)

        return synced

    for module, name in ((os, "fsync"), (os, "fdatasync"), (rename, "flush")):
        monkeypatch.setattr(module, name, alone(getattr(module, name)))
    return lock


@contextmanager
def mounted(image, point):
    point.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop,commit=600", image, point], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no loop device can be mounted: {done.stderr.decode().strip()}")
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)


def library(folder):
    world = World(folder, real=True)
    for number in range(PHOTOS):
        paint(world.photos / f"{number % 4}/{number}.jpg", (RED, GREEN, BLUE)[number % 3], mark=number)
    return world


def cut_again_and_again(world, image, copies, still):
    """Work through the library; the disk as it would be found, at each turn that a photo was written in."""
    seen = 0
    with world.open() as app:
        app.begin_today()
        chores = Chores(app)

        def every():
            nonlocal seen
            chores()
            written = app.ledger.db.execute("SELECT count(*) FROM writes WHERE state = 'done'").fetchone()[0]
            if written > seen and len(copies) < 5:
                seen = written
                copy = image.with_name(f"cut{len(copies)}")
                with still:
                    shutil.copy(image, copy)
                copies.append((copy, written))

        app.worker.run(until_idle=True, every=every, rest=chores.rest)


@pytest.mark.parametrize("durability", ["batch", "file"])
def test_after_a_power_cut_every_confirmed_write_stands_whole_and_the_rest_is_done_again(
    tmp_path, durability, still
):
    image = tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    copies = []
    with mounted(image, tmp_path / "mounted") as point:
        world = library(point)
        world.changed |= {"durability": durability, "auto_apply": 1000}
        os.sync()
        cut_again_and_again(world, image, copies, still)
    assert copies, "no cut was made while photos were written"
    lost = 0
    for copy, written in copies:
        with mounted(copy, tmp_path / "mounted"):
            promised = confirmed(world)
            assert promised >= written, "what was confirmed is in the ledger on the disk"
            lost += PHOTOS - promised
            whole(world)
            world.run()
            assert world.status()["states"] == {"delivered": PHOTOS}
            assert len(list(world.photos.rglob("*.jpg.xmp"))) == PHOTOS
            assert world.refusals() == 0, "nothing that the cut took is taken for a person's wish"
    assert lost or len(copies) == 1, "a cut came in the middle"


def confirmed(world):
    """How many writes the ledger confirms; each stands there, byte for byte."""
    with closing(sqlite3.connect(world.state / "ledger.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT path, after FROM writes WHERE state = 'done'").fetchall()
    for path, after in rows:
        with open(path, "rb") as file:
            assert files.digest(file.read()) == after, os.fsdecode(path)
    return len(rows)


def whole(world):
    """No sidecar is half a one."""
    for path in world.photos.rglob("*.xmp"):
        assert ElementTree.fromstring(path.read_bytes()) is not None, path
