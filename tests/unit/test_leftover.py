"""Temporary files of a killed process: what is known goes, what is not is kept."""

import os
from pathlib import Path

from metadata import files, replace
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


def test_what_is_not_a_killed_process_s_file_stays(tmp_path: Path) -> None:
    own = os.fsdecode(replace.own()) + "7"
    for name in (".tagwright-0123-4", ".tagwright.toml", own):
        (tmp_path / name).write_bytes(b"known")
    (tmp_path / ".tagwright-folder").mkdir()
    known = frozenset({files.digest(b"known")})
    assert leftover.clear([os.fsencode(tmp_path)], known, tmp_path / "aside") == 1
    assert sorted(os.listdir(tmp_path)) == sorted([".tagwright.toml", own, ".tagwright-folder"])
