"""Undo of words, of a run and of everything, one after the other, leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from watcher.cli import main


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
