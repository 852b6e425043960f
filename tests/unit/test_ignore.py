import os

import pytest

from watcher.ignore import OURS, Ignore, is_photo, is_sidecar, matters

NEVER = """
    IMG_1.jpg.xmp_exiftool_tmp .immich .hidden.jpg ._IMG_1.jpg @eaDir #recycle @Recycle .@__thumb #snapshot
    .snapshots .zfs .Trash-1000 .dtrash lost+found .stversions .stfolder
    @Recently-Snapshot @sharesnap @snapshots ~snapshot .snapshot
"""


@pytest.mark.parametrize("name", [*map(os.fsencode, NEVER.split()), OURS + b"4f2a.xmp"])
def test_names_of_bins_snapshots_and_unfinished_files_are_never_looked_at(name):
    assert Ignore().skips(b"2024/summer", name)
    assert Ignore().skips_path(b"2024/" + name + b"/IMG_1.jpg")


@pytest.mark.parametrize(
    "name", [b"IMG_1.jpg", b"eaDir", b"recycle", b"a.b", b"x@eaDir", b"\xff\xfe.jpg", b"lost"]
)
def test_other_names_are_looked_at(name):
    assert not Ignore().skips(b"2024", name)


def test_a_pattern_without_a_slash_is_held_against_names_at_any_depth():
    ignore = Ignore(["*_draft.jpg", "Exports"])
    assert ignore.skips(b"a/b", b"x_draft.jpg")
    assert ignore.skips(b"", b"Exports")
    assert ignore.skips_path(b"a/Exports/x.jpg")
    assert not ignore.skips_path(b"a/exports/x.jpg")


def test_a_pattern_with_a_slash_is_held_against_the_path_below_the_root():
    ignore = Ignore(["work/raw"])
    assert ignore.skips(b"work", b"raw")
    assert not ignore.skips(b"more/work", b"raw")
    assert not ignore.skips(b"", b"raw")


@pytest.mark.parametrize("pattern", ["**/Cache/**", "Cache/**", "Cache/", "**/Cache"])
def test_the_spellings_for_a_whole_folder_stop_the_walk_at_that_folder(pattern):
    assert Ignore([pattern]).skips(b"", b"Cache")


def test_a_pattern_for_any_depth_with_a_slash_is_found_below():
    ignore = Ignore(["**/done/raw/**"])
    assert ignore.skips(b"a/b/done", b"raw")
    assert ignore.skips(b"done", b"raw")
    assert not ignore.skips(b"undone", b"raw")


def test_a_pattern_fits_names_that_are_not_utf_8():
    assert Ignore(["*.jpg"]).skips(b"", b"\xff\xfe.jpg")
    assert Ignore(["ä*"]).skips(b"", "älter.jpg".encode())


def test_an_empty_pattern_hides_nothing():
    assert not Ignore([""]).skips(b"", b"IMG_1.jpg")


def test_suffixes_tell_photos_and_sidecars_in_any_case():
    assert is_photo(b"a.JPG")
    assert is_photo(b"a.b.Cr3")
    assert is_sidecar(b"a.jpg.XMP")
    assert not is_photo(b"a.xmp")
    assert not is_photo(b"jpg")
    assert not matters(b"a.txt")
    assert not matters(b"")
    assert matters(b"a.xmp")
