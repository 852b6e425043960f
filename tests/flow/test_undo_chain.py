"""Undo of words, of a run and of everything, one after the other, leaves nothing behind."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.flow.house_world import World, paint
from watcher import undo
from watcher.app import App
from watcher.cli import main
from watcher.ledger import work
from watcher.progress import Progress


def call(tmp_path: Path, *words: Sequence[str] | str) -> None:
    assert main([*map(str, words), "--state", str(tmp_path / "state")]) == 0


def test_a_word_that_was_undone_does_not_come_back_when_its_removal_is_undone(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (1080, 2340), "white").save(photos / "Screenshot_20230401-101112.png")
    call(tmp_path, "run", str(photos), "--once")
    assert b"screenshot" in (photos / "Screenshot_20230401-101112.png.xmp").read_bytes()

    call(tmp_path, "undo", "--keyword", "screenshot")
    call(tmp_path, "undo", "--run", "1")
    call(tmp_path, "undo")

    assert [file.name for file in photos.iterdir()] == ["Screenshot_20230401-101112.png"]


def test_an_undo_of_many_photos_syncs_once_a_batch_and_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, real=True)
    monkeypatch.setattr(undo, "BATCH", 8)
    for number in range(24):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.run()
    told, now = io.StringIO(), iter(range(0, 10_000, 100))
    watched = undo.Watched(None, Progress("photos done", told, lambda: float(next(now))))
    commits = []
    with world.open() as app:
        app.begin("undo everything")
        app.watch = lambda: watched(app.ledger.db)
        app.ledger.db.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)
        done = undo.undo_writes(app, [row[0] for row in app.ledger.db.execute("SELECT id FROM photos")], None)
        app.ledger.db.set_trace_callback(None)
        assert (done.photos, done.restored, done.words) == (24, 24, 24)
        assert not list(world.photos.glob("*.xmp"))
        assert len(commits) == 3 * 4
        assert told.getvalue().splitlines()[0].startswith("photos done: 0 of 24")
        _told_while_looked_at_again(app, watched, told)


def _told_while_looked_at_again(app: App, watched: undo.Watched, told: io.StringIO) -> None:
    """A third of the time is still to come when all is taken back; nothing is said to be done before it is."""
    lines = [told.getvalue().splitlines()[-1]]
    due = [24]

    def every() -> None:
        watched(app.ledger.db)
        lines.append(told.getvalue().splitlines()[-1])
        due.append(len(work.pending(app.ledger.db)))

    app.worker.run(until_idle=True, every=every)
    assert lines[0].startswith("photos done: 16 of 24")
    assert lines[-1].startswith("photos done: 24 of 24")
    assert all(left == 0 for line, left in zip(lines, due, strict=True) if "done: 24 of" in line)
