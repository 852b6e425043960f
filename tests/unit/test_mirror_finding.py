"""Which asset a photo is, and which one may be touched."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime

import pytest

from metadata.errors import PlaceClosed, TryAgain
from metadata.immich import Asset, PathMap, Paths, path_checksum
from metadata.mirror.finding import by_api, by_database
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks.immich import Home
from watcher.mirrored import Clients, Mirrored, Ways


def asset(name, path, checksum=b"", **more):
    given = {"owner": "me", "visibility": "timeline", "trashed": False, "offline": False, **more}
    return Asset(id=name, path=path, checksum=checksum, type="IMAGE", description="", tags=None,
                 updated=datetime.now(UTC), **given)  # fmt: skip


def photo(base, name):
    return Photo(1, "r", os.fsencode(base), name.encode())


def ways_to_find(assets, paths, own=lambda _: False):
    def at(names):
        return [each for each in assets if each.path in names]

    def asked(sha1):
        return [each for each in assets if each.checksum == sha1]

    return [by_database(at, paths, {"me"}, own), by_api(asked, paths, {"me"}, own)]


@pytest.fixture
def paths(tmp_path):
    return Paths([PathMap("/ext", os.fsencode(tmp_path))])


def test_an_external_photo_is_found_by_its_path(tmp_path, paths):
    known = asset("x", "/ext/a.jpg", path_checksum("/ext/a.jpg"))
    for find in ways_to_find([known], paths):
        assert find([photo(tmp_path, "a.jpg"), photo(tmp_path, "b.jpg")]) == [Home("x", "me"), None]


def test_an_upload_is_found_by_what_it_holds(tmp_path, paths):
    (tmp_path / "a.jpg").write_bytes(b"picture")
    known = asset("x", "/ext/a.jpg", hashlib.sha1(b"picture").digest())
    for find in ways_to_find([known], paths, own=lambda _: True):
        assert find([photo(tmp_path, "a.jpg")]) == [Home("x", "me")]


def test_a_photo_in_immichs_own_folder_is_waited_for(tmp_path, paths):
    (tmp_path / "a.jpg").write_bytes(b"picture")
    for find in ways_to_find([], paths, own=lambda _: True):
        assert isinstance(find([photo(tmp_path, "a.jpg")])[0], TryAgain)


@pytest.mark.parametrize(
    "state",
    [{"trashed": True}, {"offline": True}, {"visibility": "locked"}, {"visibility": "hidden"}, {"owner": "you"}],
    ids=str,
)
def test_what_may_not_be_touched_is_no_place(tmp_path, paths, state):
    known = asset("x", "/ext/a.jpg", path_checksum("/ext/a.jpg"), **state)
    for find in ways_to_find([known], paths):
        assert find([photo(tmp_path, "a.jpg")]) == [None]


def test_what_was_found_by_the_api_is_not_asked_for_again(tmp_path, paths):
    known, asked = asset("x", "/ext/a.jpg", path_checksum("/ext/a.jpg")), []

    def ask(sha1):
        asked.append(sha1)
        return [known] if sha1 == known.checksum else []

    find = by_api(ask, paths, {"me"}, lambda _: False)
    find([photo(tmp_path, "a.jpg")])
    find([photo(tmp_path, "a.jpg")])
    assert asked == [known.checksum]


def test_a_photo_that_cannot_be_read_now_is_for_later_and_stops_no_other(tmp_path, paths):
    known = asset("x", "/ext/a.jpg", path_checksum("/ext/a.jpg"))
    _, find = ways_to_find([known], paths, own=lambda _: True)
    gone, here = find([photo(tmp_path, "gone.jpg"), photo(tmp_path, "a.jpg")])
    assert isinstance(gone, TryAgain)
    assert here == Home("x", "me")


def test_the_innermost_mount_says_how_it_is_written(tmp_path, paths):
    ways = Ways(paths, {os.fsencode(tmp_path): Way.FILE_FIRST, os.fsencode(tmp_path / "in"): Way.SERVER_ONLY})
    assert ways(photo(tmp_path, "a.jpg")) is Way.FILE_FIRST
    assert ways(photo(tmp_path, "in/a.jpg")) is Way.SERVER_ONLY
    assert ways(photo(tmp_path, "inner.jpg")) is Way.FILE_FIRST
    assert Ways(paths)(photo(tmp_path, "a.jpg")) is Way.SERVER_FIRST
    assert ways(photo(tmp_path.parent, "a.jpg")) is None


def test_an_upload_whose_sidecar_nobody_knows_gets_none_of_ours(tmp_path):
    def mirrored(way):
        return Mirrored(None, frozenset("r"), lambda _: way, os.fsencode, hidden=lambda _: True)

    one = photo(tmp_path, "a.jpg")
    assert mirrored(Way.SERVER_FIRST).way(one) is Way.SERVER_ONLY
    assert mirrored(Way.FILE_FIRST).way(one) is Way.NONE
    assert mirrored(Way.SERVER_FIRST).only_reads("sidecar", one)
    assert not mirrored(Way.SERVER_FIRST).only_reads("server", one)
    assert mirrored(Way.SERVER_FIRST).way(Photo(1, "other", b"/", b"x")) is None


def test_at_the_end_nobody_waits_for_immich_any_more():
    import threading

    from watcher.mirrored import _sleep

    ends = threading.Event()
    _sleep(ends, 0.0)
    ends.set()
    with pytest.raises(TryAgain):
        _sleep(ends, 600.0)


def test_nobody_is_asked_who_a_key_belongs_to_before_that_is_needed():
    class Keys:
        def __init__(self) -> None:
            self.down = True

        def by_owner(self):
            if self.down:
                raise PlaceClosed(b"Immich", "it does not answer")
            return {"me": "client"}

    keys = Keys()
    clients = Clients(keys)
    with pytest.raises(PlaceClosed):
        clients["me"]
    keys.down = False
    assert (clients["me"], [*clients], len(clients)) == ("client", ["me"], 1)
