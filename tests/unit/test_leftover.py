"""Temporary files of a killed process: what is known goes, what is not is kept."""

import os
from pathlib import Path

from metadata import files
from watcher import leftover


def test_known_content_goes_and_unknown_content_is_moved_aside(tmp_path: Path) -> None:
    folder, aside = tmp_path / "photos", tmp_path / "state" / "left-over"
    folder.mkdir()
    (folder / ".tagwright-0123456789-1").write_bytes(b"before")
    (folder / ".tagwright-0123456789-2").write_bytes(b"somebody else's")
    (folder / "photo.jpg").write_bytes(b"photo")

    count = leftover.clear([os.fsencode(folder)], frozenset({files.digest(b"before")}), aside)

    assert count == 2
    assert sorted(os.listdir(folder)) == ["photo.jpg"]
    assert [(path.name, path.read_bytes()) for path in aside.iterdir()] == [
        (".tagwright-0123456789-2", b"somebody else's")
    ]


def test_a_folder_that_is_not_there_has_nothing_left_over(tmp_path: Path) -> None:
    assert leftover.clear([os.fsencode(tmp_path / "gone")], frozenset(), tmp_path) == 0
