from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime

import pytest

from metadata.immich import Asset, PathMap, Paths, located, path_checksum
from metadata.immich.paths import find, from_settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def asset(path, *, content=None, checksum=None, ident="a") -> Asset:
    given = checksum or (hashlib.sha1(content).digest() if content is not None else path_checksum(path))
    size = None if content is None else len(content)
    return Asset(ident, "anna", path, given, "timeline", False, False, "IMAGE", "", None, NOW, size=size)


@pytest.fixture
def paths():
    return Paths(
        [
            PathMap("/data", b"/srv/immich"),
            PathMap("/data/upload/", b"/fast/upload/"),
            PathMap("/mnt/media", b"/srv/media"),
        ]
    )


@pytest.mark.parametrize(
    ("container", "host"),
    [
        ("/data/thumbs/a.jpeg", b"/srv/immich/thumbs/a.jpeg"),
        ("/data/upload/a.jpg", b"/fast/upload/a.jpg"),
        ("/data/upload", b"/fast/upload"),
        ("/mnt/media/Bücher/a.jpg", "/srv/media/Bücher/a.jpg".encode()),
    ],
)
def test_the_longest_prefix_counts_in_both_directions(paths, container, host):
    assert paths.host(container) == host
    assert paths.container(host) == container


def test_a_name_that_only_begins_like_a_folder_is_not_in_it(paths):
    assert paths.host("/database/a.jpg") is None
    assert paths.host("/data/uploads/a.jpg") == b"/srv/immich/uploads/a.jpg"
    assert paths.container(b"/srv/media2/a.jpg") is None


def test_a_name_that_is_no_utf8_has_no_container_path(paths):
    assert paths.container(b"/srv/media/\xff.jpg") is None


def test_no_map_is_false_and_the_root_can_be_one():
    assert not Paths([])
    whole = Paths([PathMap("/", b"/host")])
    assert whole.host("/a/b") == b"/host/a/b"
    assert whole.container(b"/host/a/b") == "/a/b"


def test_the_upload_location_stands_for_both_media_locations_unless_one_was_named():
    maps = Paths(from_settings({"/mnt": b"/m"}, b"/srv/immich"))
    assert maps.host("/data/a") == maps.host("/usr/src/app/upload/a") == b"/srv/immich/a"
    named = Paths(from_settings({"/data": b"/other"}, b"/srv/immich"))
    assert named.host("/data/a") == b"/other/a"
    assert not Paths(from_settings({}, None))


def test_an_external_checksum_is_that_of_the_path():
    assert path_checksum("/mnt/media/a.jpg") == hashlib.sha1(b"path:/mnt/media/a.jpg").digest()


def put(folder, name, content):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_one_upload_whose_content_is_the_same_proves_a_map(tmp_path):
    put(tmp_path, "upload/u/ab/cd/x.jpg", b"photo")
    found = located([asset("/data/upload/u/ab/cd/x.jpg", content=b"photo")], [os.fsencode(tmp_path)])
    assert found == [PathMap("/data", os.fsencode(tmp_path))]


def test_a_file_of_that_name_with_another_content_proves_nothing(tmp_path):
    put(tmp_path, "x.jpg", b"other")
    assert located([asset("/data/upload/x.jpg", content=b"photo")], [os.fsencode(tmp_path)]) == []


def test_external_photos_are_found_when_several_agree(tmp_path):
    for name in ("2024/a.jpg", "2024/b.jpg", "2025/c.jpg"):
        put(tmp_path, name, b"x")
    assets = [asset(f"/mnt/media/{name}") for name in ("2024/a.jpg", "2024/b.jpg", "2025/c.jpg")]
    assert located(assets, [os.fsencode(tmp_path)]) == [PathMap("/mnt/media", os.fsencode(tmp_path))]
    assert located(assets[:2], [os.fsencode(tmp_path)]) == []


def test_each_folder_gets_the_map_that_fits_it(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    put(first, "a.jpg", b"one")
    put(second, "deep/b.jpg", b"two!")
    assets = [asset("/data/library/anna/a.jpg", content=b"one"), asset("/mnt/x/deep/b.jpg", content=b"two!")]
    found = located(assets, [os.fsencode(first), os.fsencode(second)])
    assert set(found) == {
        PathMap("/data/library/anna", os.fsencode(first)),
        PathMap("/mnt/x", os.fsencode(second)),
    }


def test_a_folder_of_which_another_map_speaks_already_needs_none_of_its_own(tmp_path):
    put(tmp_path, "upload/x.jpg", b"photo")
    folders = [os.fsencode(tmp_path), os.fsencode(tmp_path / "upload")]
    assert located([asset("/data/upload/x.jpg", content=b"photo")], folders) == [PathMap("/data", folders[0])]


def test_paths_of_a_stranger_lead_nowhere(tmp_path):
    assert located([asset("/data/\0.jpg"), asset("/" + "x/" * 3000)], [os.fsencode(tmp_path)]) == []


def looked_up(*assets):
    asked = []

    def by_checksum(checksum):
        asked.append(checksum)
        return [each for each in assets if each.checksum == checksum]

    return by_checksum, asked


def test_an_external_photo_is_found_by_its_path_and_never_read(paths):
    wanted = asset("/mnt/media/a.jpg")
    by_checksum, asked = looked_up(wanted)

    def sha1(_):
        raise AssertionError

    assert find(b"/srv/media/a.jpg", paths, by_checksum, sha1=sha1) == wanted
    assert len(asked) == 1


def test_an_upload_is_found_by_its_content_and_at_its_own_path_only(paths):
    content = hashlib.sha1(b"photo").digest()
    mine = asset("/data/upload/a.jpg", checksum=content)
    by_checksum, _ = looked_up(asset("/data/upload/b.jpg", checksum=content, ident="b"), mine)
    assert find(b"/fast/upload/a.jpg", paths, by_checksum, sha1=lambda _: content) == mine
    assert find(b"/fast/upload/c.jpg", paths, by_checksum, sha1=lambda _: content) is None


def test_a_file_outside_of_immichs_folders_is_not_asked_about(paths):
    by_checksum, asked = looked_up()
    assert find(b"/elsewhere/a.jpg", paths, by_checksum, sha1=lambda _: b"") is None
    assert asked == []
