"""The commands as a person types them, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.house_world import RED, World, paint, soon

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True)


def tagwright(world, *arguments, code=0):
    config = world.state.with_name("tagwright.toml")
    config.write_text(
        f'state = "{world.state}"\nsettle = 0.02\ntaggers = ["colour"]\nfacts = []\n'
        f'[[roots]]\nname = "p"\npath = "{world.photos}"\n'
    )
    command = [sys.executable, "-m", "watcher.cli", "--config", str(config), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=600, check=False)
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == code, output
    assert "Traceback" not in output
    assert "Logging error" not in output
    return done.stdout.decode(errors="surrogateescape")


def test_commands_in_another_process_are_done_by_the_service(world):
    paint(world.photos / "a.jpg", RED)
    sidecar = world.photos / "a.jpg.xmp"
    with world.serving():
        soon(sidecar.exists)
        soon(lambda: world.status()["states"] == {"delivered": 1})
        assert "1 photos" in tagwright(world, "status")
        assert json.loads(tagwright(world, "undo", "--json"))["byte_for_byte"] == 1
        assert not sidecar.exists()
        run = world.ask("SELECT run FROM writes WHERE state = 'undone'")[0][0]
        tagwright(world, "redo", str(run))
        soon(sidecar.exists)
        assert tagwright(world, "undo", "--run", "99", code=2) == ""
        tagwright(world, "run", "--once", code=2)  # a second service is refused


def test_names_that_are_no_text_are_shown_by_every_command(world):
    odd = os.fsencode(world.photos) + b"/caf\xe9\n.jpg"
    os.rename(paint(world.photos / "a.jpg", RED), odd)
    (world.photos / "plain.jpg").write_bytes(b"no picture")
    os.rename(world.photos / "plain.jpg", os.fsencode(world.photos) + b"/\xff.jpg")
    tagwright(world, "run", "--once", "--show", "5", code=1)
    tagwright(world, "status")
    assert "red" in tagwright(world, "show", os.fsdecode(odd))
    assert "red" in tagwright(world, "show", "--json", os.fsdecode(odd))
    assert tagwright(world, "list", "--tag", "colour/red")
    assert tagwright(world, "plan", os.fsdecode(odd)) is not None
    tagwright(world, "stats")
    tagwright(world, "runs")
    tagwright(world, "forget", os.fsdecode(odd))


def test_exit_codes_say_how_it_went(world):
    paint(world.photos / "a.jpg", RED)
    tagwright(world, "run", "--once")
    (world.photos / "b.jpg").write_bytes(b"no picture")
    tagwright(world, "run", "--once", code=1)
    tagwright(world, "accept", "nowhere", code=2)
    tagwright(world, "scan", "/nowhere", code=2)
