import os
import time

import pytest

from metadata.photo import Stat
from watcher.ignore import Ignore
from watcher.walk import UNSURE, Identity, identity, matches, proof, state, walk, walk_changed

LONG_AGO = 1_000_000_000


@pytest.fixture
def base(tmp_path):
    for path in (
        "2024/summer/a.jpg",
        "2024/summer/a.jpg.xmp",
        "2024/b.CR2",
        "c.heic",
        "2024/notes.txt",
        "2024/d.txt",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    rest(tmp_path)
    return os.fsencode(tmp_path)


def rest(top):
    """Give every folder a time that is a proof."""
    for path, _, _ in os.walk(top):
        os.utime(path, (LONG_AGO, LONG_AGO))


def fail(path, error):
    raise AssertionError(path) from error


def listed(base, ignore=None, **about):
    return {folder.path: folder for folder in walk(base, ignore or Ignore(), on_error=fail, **about)}


def times(base):
    return {path: folder.mtime_ns for path, folder in listed(base).items()}


def changed(base, known, on_error=fail):
    return {folder.path: folder for folder in walk_changed(base, known, Ignore(), on_error=on_error)}


def test_a_full_walk_stats_every_photo_and_sidecar_and_nothing_else(base):
    found = listed(base)
    assert set(found) == {b"", b"2024", b"2024/summer"}
    summer = found[b"2024/summer"]
    assert list(summer.photos) == [(b"a.jpg", Stat.of(os.stat(base + b"/2024/summer/a.jpg")))]
    assert list(summer.sidecars) == [(b"a.jpg.xmp", Stat.of(os.stat(base + b"/2024/summer/a.jpg.xmp")))]
    assert [name for name, _ in found[b"2024"].photos] == [b"b.CR2"]
    assert found[b""].mtime_ns == LONG_AGO * 10**9


def test_a_walk_may_begin_below_the_root(base):
    assert set(listed(base, below=b"2024/summer")) == {b"2024/summer"}


def test_a_name_that_is_not_utf_8_is_walked_as_it_is(base):
    os.mkdir(base + b"/\xff")
    os.close(os.open(base + b"/\xff/\xfe.jpg", os.O_CREAT | os.O_WRONLY))
    assert next(iter(listed(base)[b"\xff"].photos))[0] == b"\xfe.jpg"


def test_no_link_is_followed_but_the_root_may_be_one(base, tmp_path_factory):
    outside = os.fsencode(tmp_path_factory.mktemp("outside"))
    os.symlink(base + b"/2024", base + b"/way")
    os.symlink(base + b"/c.heic", base + b"/way.jpg")
    os.symlink(base, outside + b"/root")
    found = listed(outside + b"/root")
    assert set(found) == {b"", b"2024", b"2024/summer"}
    assert [name for name, _ in found[b""].photos] == [b"c.heic"]


def test_what_is_ignored_is_not_entered(base):
    assert set(listed(base, Ignore(["summer"]))) == {b"", b"2024"}
    assert not listed(base, Ignore(["2024/*.CR2"]))[b"2024"].photos
    os.rename(base + b"/c.heic", base + b"/.c.heic")
    assert not listed(base)[b""].photos


def test_a_folder_that_cannot_be_read_is_told_and_left_out_and_the_walk_goes_on(base, tmp_path):
    errors = []
    (tmp_path / "loop").mkdir()
    found = [
        folder.path for folder in walk(base + b"/none", Ignore(), on_error=lambda *about: errors.append(about))
    ]
    assert found == []
    assert [path for path, _ in errors] == [b""]
    if os.getuid():
        os.chmod(base + b"/2024/summer", 0)
        errors.clear()
        found = [folder.path for folder in walk(base, Ignore(), on_error=lambda *about: errors.append(about))]
        os.chmod(base + b"/2024/summer", 0o700)
        assert b"2024/summer" not in found
        assert [path for path, _ in errors] == [b"2024/summer"]


def test_nothing_is_listed_where_no_folder_changed(base):
    assert changed(base, times(base)) == {}


def test_a_new_file_a_new_folder_and_a_vanished_one_are_found_by_the_folders_times(base):
    known = times(base)
    os.makedirs(base + b"/2025/new")
    os.close(os.open(base + b"/2025/new/x.jpg", os.O_CREAT | os.O_WRONLY))
    os.rename(base + b"/2024/summer", base + b"/winter")
    found = changed(base, known)
    assert set(found) == {b"", b"2024", b"2024/summer", b"2025", b"2025/new", b"winter"}
    assert found[b"2024/summer"].gone
    assert [name for name, _ in found[b"winter"].photos] == [b"a.jpg"]
    assert [name for name, _ in found[b"2025/new"].photos] == [b"x.jpg"]


def test_a_folder_that_became_a_link_is_not_entered(base):
    known = times(base)
    os.rename(base + b"/2024/summer", base + b"/winter")
    os.symlink(base + b"/winter", base + b"/2024/summer")
    assert b"2024/summer" not in changed(base, known)


def test_a_root_that_is_away_makes_no_folder_gone(base):
    known, errors = times(base), []
    os.rename(base, base + b"-away")
    assert changed(base, known, on_error=lambda path, error: errors.append(path)) == {}
    assert errors == [b""]
    os.rename(base + b"-away", base)


def test_a_walk_that_knows_nothing_finds_all(base):
    assert set(changed(base, {})) == set(listed(base))


def test_the_time_of_a_folder_that_has_just_changed_is_no_proof(base):
    os.utime(base + b"/2024")
    known = times(base)
    assert known[b"2024"] == UNSURE
    assert set(changed(base, known)) == {b"2024"}


def test_a_time_is_a_proof_when_it_is_further_from_now_than_the_coarsest_clock():
    now = 10**18
    assert proof(now - 2 * 10**9, now) == UNSURE
    assert proof(now + 2 * 10**9, now) == UNSURE
    assert proof(now - 4 * 10**9, now) == now - 4 * 10**9


def test_the_state_of_a_path_is_told_only_of_a_plain_file(base):
    assert state(base, b"c.heic").size == 6
    assert state(base, b"none.jpg") is None
    assert state(base, b"c.heic/none.jpg") is None
    assert state(base, b"2024") is None
    os.symlink(b"c.heic", base + b"/link.heic")
    assert state(base, b"link.heic") is None


SAMPLE = [b"2024/summer/a.jpg", b"2024/b.CR2", b"c.heic"]


def test_a_root_is_itself_again(base):
    now = identity(base, SAMPLE)
    assert now.found == now.asked == 3
    assert matches(now, identity(base, SAMPLE))


def test_an_empty_mount_point_and_another_disk_are_not_the_root(base, tmp_path_factory):
    then = identity(base, SAMPLE)
    empty = os.fsencode(tmp_path_factory.mktemp("empty"))
    assert not matches(then, identity(empty, SAMPLE))
    assert not matches(then, Identity("another", 3, 1))
    assert not matches(then, identity(base + b"/none", SAMPLE))
    assert not matches(then, identity(base + b"/c.heic", SAMPLE))


def test_a_library_moved_to_another_disk_is_still_the_root(base):
    assert matches(Identity("another disk"), identity(base, SAMPLE))


def test_a_root_of_which_nothing_is_known_is_taken_if_it_is_there(base):
    assert matches(None, identity(base, []))
    assert matches(Identity("another disk"), identity(base, []))
    assert not matches(None, identity(base + b"/none", []))


def test_an_identity_does_not_change_with_time(base):
    before = identity(base, SAMPLE)
    os.utime(base, (time.time(), time.time()))
    assert identity(base, SAMPLE) == before
