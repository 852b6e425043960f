"""Files: read safely, replaced whole, and never over what somebody else wrote."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from metadata import files, rename, replace
from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TryAgain
from metadata.replace import Wish

DURABILITIES = ["batch", "file"]


@pytest.fixture
def folder(tmp_path):
    return os.fsencode(tmp_path)


def write(path: bytes, data: bytes = b"old", mode: int = 0o644) -> bytes:
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path


def renamed_over(path: bytes, data: bytes) -> None:
    os.rename(write(path + b".tmp", data), path)


def content(path: bytes) -> bytes | None:
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return file.read()


def wish(path: bytes, before: bytes | None, after: bytes | None) -> Wish:
    folder = os.path.dirname(path)
    return Wish(path, before, after, like=folder + b"/photo", base=folder)


def read(path: bytes, base: bytes):
    return files.read(path, base=base, limit=100)


def left(folder: bytes) -> list[bytes]:
    return [name for name in os.listdir(folder) if name.startswith(files.PREFIX)]


def test_what_is_not_there_is_none_and_what_is_there_is_its_bytes(folder):
    assert read(folder + b"/no", folder) is None
    assert read(write(folder + b"/a"), folder).data == b"old"


def test_only_regular_files_are_read_and_a_pipe_does_not_hang(folder):
    os.mkfifo(folder + b"/pipe")
    os.mkdir(folder + b"/dir")
    for name, reason in ((b"/pipe", "pipe"), (b"/dir", "folder")):
        with pytest.raises(Refused, match=reason):
            read(folder + name, folder)


def test_a_link_is_followed_inside_the_library_only(folder):
    os.mkdir(folder + b"/lib")
    write(folder + b"/lib/target")
    write(folder + b"/outside")
    for name, target in (("in", "target"), ("out", "../outside"), ("loop", "loop"), ("none", "nowhere")):
        os.symlink(target, os.path.join(folder, b"lib", name.encode()))
    assert read(folder + b"/lib/in", folder + b"/lib").path == folder + b"/lib/target"
    for name, reason in ((b"out", "out of the library"), (b"loop", "nowhere"), (b"none", "nowhere")):
        with pytest.raises(Refused, match=reason):
            read(folder + b"/lib/" + name, folder + b"/lib")


def test_a_file_above_the_limit_is_refused(folder):
    with pytest.raises(Refused, match="101 bytes"):
        read(write(folder + b"/big", b"x" * 101), folder)


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_batch_replaces_makes_and_deletes(folder, durability):
    wishes = [wish(write(folder + b"/old%d" % number), b"old", b"new") for number in range(6)]
    wishes += [wish(folder + b"/fresh%d" % number, None, b"new") for number in range(6)]
    wishes += [wish(write(folder + b"/gone"), b"old", None)]
    assert replace.put(wishes, durability=durability) == [None] * 13
    assert [content(each.path) for each in wishes] == [b"new"] * 12 + [None]
    assert not left(folder)


def test_what_is_no_longer_what_was_read_is_left_alone(folder):
    wishes = [
        wish(write(folder + b"/a", b"theirs"), b"old", b"new"),
        wish(write(folder + b"/b", b"theirs"), None, b"new"),
        wish(write(folder + b"/c", b"theirs"), b"old", None),
        wish(folder + b"/d", b"old", b"new"),
        wish(write(folder + b"/e"), b"old", b"new"),
    ]
    answers = replace.put(wishes)
    assert [type(answer) for answer in answers] == [ChangedMeanwhile] * 4 + [type(None)]
    assert [content(each.path) for each in wishes] == [b"theirs"] * 3 + [None, b"new"]
    assert not left(folder)


@pytest.mark.parametrize("supported", [True, False])
@pytest.mark.parametrize(
    ("before", "after"), [(b"old", b"new"), (None, b"new"), (b"old", None)], ids=["replace", "make", "delete"]
)
def test_a_write_between_our_last_look_and_the_rename_survives(folder, monkeypatch, before, after, supported):
    """The other writer strikes when everything of ours is staged and synced."""
    path = folder + b"/a"
    if before:
        write(path, before)

    def theirs(staged):
        write(path + b".tmp", b"theirs")
        os.rename(path + b".tmp", path)

    monkeypatch.setattr(replace, "_sync_files", theirs)
    if not supported:
        monkeypatch.setattr(rename, "_renameat2", lambda *_: False)
    (answer,) = replace.put([wish(path, before, after)])
    assert isinstance(answer, ChangedMeanwhile)
    assert content(path) == b"theirs"
    assert not left(folder)


def test_a_writer_who_deletes_in_the_last_moment_is_not_undone(folder, monkeypatch):
    path = write(folder + b"/a")
    monkeypatch.setattr(replace, "_sync_files", lambda _: os.unlink(path))
    (answer,) = replace.put([wish(path, b"old", b"new")])
    assert isinstance(answer, ChangedMeanwhile)
    assert content(path) is None


def test_a_third_writer_during_the_giving_back_wins_and_the_second_is_kept(folder, monkeypatch):
    path = write(folder + b"/a")
    swap, swaps = rename.exchange, []

    def exchange(one, other):
        renamed_over(path, b"theirs %d" % len(swaps)) if len(swaps) < 2 else None
        swaps.append(one)
        return swap(one, other)

    monkeypatch.setattr(rename, "exchange", exchange)
    (answer,) = replace.put([wish(path, b"old", b"new")])
    assert isinstance(answer, ChangedMeanwhile)
    assert content(path) == b"theirs 1"
    assert [content(os.path.join(folder, name)) for name in left(folder)] == [b"theirs 0"]


def test_exiftool_in_the_middle_of_its_work_is_waited_for_and_its_leavings_are_not(folder):
    path = write(folder + b"/a")
    working = write(path + b"_exiftool_tmp")
    (answer,) = replace.put([wish(path, b"old", b"new")])
    assert isinstance(answer, TryAgain)
    assert content(path) == b"old"
    os.utime(working, (1, 1))
    assert replace.put([wish(path, b"old", b"new")]) == [None]
    assert not left(folder)


def test_a_reader_who_never_closes_the_file_stops_nothing(folder):
    path = write(folder + b"/a")
    with open(path, "rb"):
        assert replace.put([wish(path, b"old", b"new")]) == [None]
    assert content(path) == b"new"


def test_what_somebody_wrote_before_the_exchange_is_never_exchanged(folder, monkeypatch):
    path = write(folder + b"/a")
    monkeypatch.setattr(replace, "_sync_files", lambda _: write(path, b"theirs") and None)
    monkeypatch.setattr(rename, "exchange", lambda *_: pytest.fail("exchanged"))
    (answer,) = replace.put([wish(path, b"old", b"new")])
    assert isinstance(answer, ChangedMeanwhile)
    assert content(path) == b"theirs"


def test_a_file_that_was_only_touched_is_still_what_was_read(folder, monkeypatch):
    path = write(folder + b"/a")
    monkeypatch.setattr(replace, "_sync_files", lambda _: os.utime(path, (1, 1)))
    assert replace.put([wish(path, b"old", b"new")]) == [None]
    assert content(path) == b"new"


@pytest.mark.parametrize("theirs", [None, b"theirs"])
def test_killed_right_after_the_exchange_the_old_bytes_lie_in_a_file_of_ours(folder, monkeypatch, theirs):
    path = write(folder + b"/a")
    swap = rename.exchange

    def exchange(one, other):
        if theirs:
            renamed_over(path, theirs)
        swap(one, other)
        os._exit(9)

    child = os.fork()
    if not child:
        rename.exchange = exchange
        replace.put([wish(path, b"old", b"new")])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert content(path) == b"new"
    assert [content(os.path.join(folder, name)) for name in left(folder)] == [theirs or b"old"]


def test_mode_and_attributes_of_the_old_file_stay(folder):
    path = write(folder + b"/a", mode=0o664)
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        pytest.skip("no extended attributes here")
    assert replace.put([wish(path, b"old", b"new")]) == [None]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o664
    assert os.getxattr(path, "user.note") == b"mine"


def test_a_new_file_takes_the_photos_rights_but_can_be_written(folder):
    write(folder + b"/photo", mode=0o555)
    assert replace.put([wish(folder + b"/a", None, b"new")]) == [None]
    assert stat.S_IMODE(os.stat(folder + b"/a").st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_of_several_new_files_each_takes_the_rights_of_its_own_photo(folder):
    """What was found out about the first file of a folder is asked no more; whose the photos are is."""
    rights = [(0o644, 0, 0), (0o600, 1234, 0), (0o664, 1234, 2345), (0o640, 0, 2345), (0o666, 0, 0), (0o555, 0, 0)]
    wishes = []
    for number, (mode, *owner) in enumerate(rights):
        photo = write(folder + b"/photo%d" % number, mode=mode)
        os.chown(photo, *owner)
        wishes.append(replace.Wish(folder + b"/a%d" % number, None, b"new", like=photo, base=folder))
    assert replace.put(wishes) == [None] * len(wishes)
    states = [os.stat(each.path) for each in wishes]
    wanted = [(mode & 0o666 | 0o200, *owner) for mode, *owner in rights]
    assert [(stat.S_IMODE(each.st_mode), each.st_uid, each.st_gid) for each in states] == wanted


def test_where_the_folder_gives_an_access_list_no_new_file_keeps_it(folder):
    photos = [write(folder + b"/photo%d" % number) for number in range(2)]
    try:
        os.setxattr(folder, "system.posix_acl_default", ACL)
    except OSError:
        pytest.skip("no access lists here")
    wishes = [replace.Wish(photo + b".xmp", None, b"new", like=photo, base=folder) for photo in photos]
    assert replace.put(wishes) == [None] * 2
    assert not [each for one in wishes for each in os.listxattr(one.path) if each.endswith("posix_acl_access")]


def test_a_new_file_is_nobody_elses_before_it_is_given_away(folder, monkeypatch):
    """Opened for all who may see the photo only where it is known to be the photo's owner's at once."""
    modes, real = [], os.open
    monkeypatch.setattr(os, "open", lambda *a, **n: (modes.append(a[2:]), real(*a, **n))[1])
    wishes = []
    for number in range(3):
        photo = write(folder + b"/photo%d" % number, mode=0o664)
        wishes.append(replace.Wish(photo + b".xmp", None, b"new", like=photo, base=folder))
    assert replace.put(wishes) == [None] * 3
    assert [mode for (mode,) in filter(None, modes)] == [0o600, 0o664, 0o664]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_stay(folder):
    path = write(folder + b"/a")
    os.chown(path, 1234, 2345)
    assert replace.put([wish(path, b"old", b"new")]) == [None]
    status = os.stat(path)
    assert (status.st_uid, status.st_gid) == (1234, 2345)


def test_what_the_system_does_not_allow_about_rights_fails_nothing(folder, monkeypatch):
    def no(*_):
        raise PermissionError(errno.EPERM, "no")

    for name in ("fchown", "fchmod", "setxattr"):
        monkeypatch.setattr(os, name, no)
    assert replace.put([wish(write(folder + b"/a"), b"old", b"new")]) == [None]


ACL = bytes.fromhex(
    "02000000 01000600 ffffffff 02000700 d2040000 04000400 ffffffff 10000700 ffffffff 20000000 ffffffff"
)
"""user::rw- user:1234:rwx group::r-- mask::rwx other::--- (Linux posix_acl_xattr.h, version 2)."""


def test_an_access_list_stays(folder):
    path = write(folder + b"/a")
    try:
        os.setxattr(path, "system.posix_acl_access", ACL)
    except OSError:
        pytest.skip("no access lists here")
    assert replace.put([wish(path, b"old", b"new")]) == [None]
    assert os.getxattr(path, "system.posix_acl_access") == ACL
    assert content(path) == b"new"


def test_a_new_file_takes_the_photos_access_list(folder):
    photo = write(folder + b"/photo")
    try:
        os.setxattr(photo, "system.posix_acl_access", ACL)
    except OSError:
        pytest.skip("no access lists here")
    assert replace.put([wish(folder + b"/a", None, b"new")]) == [None]
    assert os.getxattr(folder + b"/a", "system.posix_acl_access")[12:20] == ACL[12:20]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_where_the_owner_cannot_be_kept_the_file_is_written_in_place(folder, monkeypatch):
    path = write(folder + b"/a")
    os.chown(path, 1234, 2345)
    inode = os.stat(path).st_ino
    monkeypatch.setattr(os, "fchown", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EPERM, "no")))
    assert replace.put([wish(path, b"old", b"new, longer")]) == [None]
    status = os.stat(path)
    assert (status.st_uid, status.st_gid, status.st_ino) == (1234, 2345, inode)
    assert content(path) == b"new, longer"
    assert not left(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_file_that_we_may_not_write_is_refused(folder, monkeypatch):
    path, real = write(folder + b"/a"), os.open
    os.chown(path, 1234, 2345)

    def no(*arguments, **named):
        if arguments[0] != path or arguments[1] & os.O_WRONLY:
            raise PermissionError(errno.EPERM, "no")
        return real(*arguments, **named)

    monkeypatch.setattr(os, "fchown", no)
    monkeypatch.setattr(os, "open", lambda *a, **n: no(*a, **n) if a[0] == path else real(*a, **n))
    (answer,) = replace.put([wish(path, b"old", b"new")])
    monkeypatch.undo()
    assert isinstance(answer, Refused)
    assert "another user's" in answer.reason
    assert content(path) == b"old"
    assert not left(folder)


def test_a_file_marked_read_only_is_refused(folder):
    path = write(folder + b"/a", mode=0o444)
    (answer,) = replace.put([wish(path, b"old", b"new")])
    assert isinstance(answer, Refused)
    assert content(path) == b"old"


def test_a_hard_links_other_name_keeps_what_it_had(folder):
    path = write(folder + b"/a")
    os.link(path, folder + b"/backup")
    assert replace.put([wish(path, b"old", b"new")]) == [None]
    assert content(folder + b"/backup") == b"old"


def test_a_link_stays_a_link(folder):
    write(folder + b"/target")
    os.symlink("target", folder + b"/a")
    assert replace.put([wish(folder + b"/a", b"old", b"new")]) == [None]
    assert os.path.islink(folder + b"/a")
    assert content(folder + b"/target") == b"new"


def test_a_name_that_is_too_long_is_refused(folder):
    (answer,) = replace.put([wish(folder + b"/" + b"x" * 256, None, b"new")])
    assert isinstance(answer, Refused)
    assert "255 bytes" in answer.reason


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, PlaceClosed),
        (errno.EDQUOT, PlaceClosed),
        (errno.EROFS, PlaceClosed),
        (errno.EACCES, PlaceClosed),
        (errno.EIO, PlaceClosed),
        (errno.EAGAIN, TryAgain),
    ],
)
@pytest.mark.parametrize("step", ["write", "fdatasync", "open"])
def test_what_the_disk_refuses_leaves_the_file_and_no_litter(folder, monkeypatch, number, kind, step):
    path, real = write(folder + b"/a"), getattr(os, step)

    def fails(*arguments, **named):
        if step == "open" and not arguments[1] & os.O_CREAT:
            return real(*arguments, **named)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fails)
    (answer,) = replace.put([wish(path, b"old", b"new")])
    monkeypatch.undo()
    assert isinstance(answer, kind)
    assert kind is TryAgain or len(answer.reason) > 10
    assert content(path) == b"old"
    assert not left(folder)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EPERM, errno.EXDEV])
@pytest.mark.parametrize("data", [b"longer than before", b"x"])
def test_where_nothing_may_be_renamed_over_it_is_written_in_place(folder, monkeypatch, number, data):
    path = write(folder + b"/a")
    inode = os.stat(path).st_ino

    def busy(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(rename, "exchange", busy)
    assert replace.put([wish(path, b"old", data)]) == [None]
    assert content(path) == data
    assert os.stat(path).st_ino == inode
    assert not left(folder)


def test_a_full_disk_leaves_a_file_written_in_place_as_it_was(folder, monkeypatch):
    path, truncate, calls = write(folder + b"/a"), os.ftruncate, []

    def fails_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, "full")
        return truncate(*arguments)

    def busy(*_):
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(rename, "exchange", busy)
    monkeypatch.setattr(os, "ftruncate", fails_once)
    (answer,) = replace.put([wish(path, b"old", b"longer")])
    assert isinstance(answer, PlaceClosed)
    assert content(path) == b"old"


@pytest.mark.parametrize(
    ("count", "durability", "order"),
    [
        (2, "batch", ["file", "file", "rename", "rename", "folder"]),
        (5, "batch", ["all", *["rename"] * 5, "folder"]),
        (2, "file", ["file", "rename", "folder"] * 2),
    ],
)
def test_contents_are_on_the_disk_before_names_and_names_before_the_answer(
    folder, monkeypatch, count, durability, order
):
    steps: list[str] = []

    def recorded(module, name, step):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *arguments: (steps.append(step), real(*arguments))[1])

    for module, name, step in (
        (os, "fdatasync", "file"),
        (os, "fsync", "folder"),
        (rename, "flush", "all"),
        (rename, "exchange", "rename"),
    ):
        recorded(module, name, step)
    wishes = [wish(write(folder + b"/%d" % number), b"old", b"new") for number in range(count)]
    assert replace.put(wishes, durability=durability) == [None] * count
    assert steps == order


def test_each_disk_of_a_batch_is_synced(folder, monkeypatch):
    synced: list[int] = []
    real = os.stat

    class Elsewhere:
        """The numbers of a file as if every second one, and its folder, were on another disk."""

        def __init__(self, found, disk) -> None:
            self._found, self.st_dev = found, disk

        def __getattr__(self, name) -> object:
            return getattr(self._found, name)

    def stat(path, **options):
        found = real(path, **options)
        name = os.readlink(f"/proc/self/fd/{path}").encode() if isinstance(path, int) else bytes(path)
        return Elsewhere(found, 2 if b"/other" in name else 1)

    def sync(handle):
        synced.append(2 if "/other" in os.readlink(f"/proc/self/fd/{handle}") else 1)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(rename, "flush", sync)
    paths = []
    for name in (b"/here", b"/other"):
        os.mkdir(folder + name)
        paths += [write(folder + name + b"/%d" % number, b"old") for number in range(5)]
    assert replace.put([wish(path, b"old", b"new") for path in paths]) == [None] * 10
    assert synced[:2] == [1, 2], "contents, before the names"
