"""Which names a folder has: asked one by one, or listed at once where many of its photos are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from metadata.which import Folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names that the file system is asked for."""
    names: list[bytes] = []
    real = os.lstat

    def lstat(path: bytes) -> os.stat_result:
        names.append(os.path.basename(path))
        return real(path)

    monkeypatch.setattr(os, "lstat", lstat)
    return names


def folder(path: Path, *names: str) -> Folder:
    for name in names:
        (path / name).touch()
    return Folder(os.fsencode(path))


def test_a_name_that_no_file_system_would_find_in_the_list_is_not_asked_for(
    tmp_path: Path, asked: list[bytes]
) -> None:
    here = folder(tmp_path, "a.jpg", "b.jpg.xmp")
    here.expect(1000)
    assert not here.has(b"a.jpg.xmp")
    assert asked == []


@pytest.mark.parametrize("other", ["A.JPG.XMP", "a.jpg.xmp", "A.jpg.Xmp"])
def test_a_name_that_is_there_in_another_case_is_asked_for(tmp_path: Path, asked: list[bytes], other: str) -> None:
    here = folder(tmp_path, other)
    here.expect(1000)
    assert here.has(b"a.jpg.xmp") == (other == "a.jpg.xmp")
    assert asked == [b"a.jpg.xmp"]


def test_a_kelvin_sign_may_be_a_k(tmp_path: Path, asked: list[bytes]) -> None:
    here = folder(tmp_path, "\u212a.jpg.xmp")
    here.expect(1000)
    assert not here.has(b"k.jpg.xmp")
    assert asked == [b"k.jpg.xmp"]


def test_names_beyond_ascii_are_always_asked_for(tmp_path: Path, asked: list[bytes]) -> None:
    here = folder(tmp_path, "\u00e9.jpg")
    here.expect(1000)
    assert not here.has("\u00e8.jpg".encode())
    assert asked == ["\u00e8.jpg".encode()]


@pytest.mark.parametrize("photos", [1, 7])
def test_for_a_few_photos_no_folder_is_listed(
    tmp_path: Path, asked: list[bytes], monkeypatch: pytest.MonkeyPatch, photos: int
) -> None:
    here = folder(tmp_path, "a.jpg")
    monkeypatch.delattr(os, "listdir")
    here.expect(photos)
    assert not here.has(b"b.jpg")
    assert asked == [b"b.jpg"]


def test_a_folder_that_may_not_be_listed_is_asked(
    tmp_path: Path, asked: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: bytes) -> list[bytes]:
        raise PermissionError

    here = folder(tmp_path, "a.jpg")
    monkeypatch.setattr(os, "listdir", refused)
    here.expect(1000)
    assert here.has(b"a.jpg")
    assert asked == [b"a.jpg"]
