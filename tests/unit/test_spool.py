"""Small pictures in files: bounded, whole or not there, used again by the next process, and never in the way."""

import errno
import gc
import os
import stat
import threading
import tracemalloc
from typing import NamedTuple

import pytest

from models.prints import Print
from watcher import spool
from watcher.spool import BLOCK, Spool, packed, unpacked

WISH = Print(100, 80)
ROOM = 1 << 30


def digest(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.fixture
def made(tmp_path):
    """Spools of one folder; each is closed."""
    opened = []

    def make(most=ROOM, wish=WISH):
        opened.append(Spool(tmp_path / "prints", most))
        opened[-1].open(wish)
        opened[-1].drain()
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def files(folder):
    return sorted(path.name for path in folder.glob("prints/*/*"))


def test_what_is_put_is_read_again_while_it_is_written_and_after(made, tmp_path):
    kept, go = made(), threading.Event()
    kept._do(go.wait)
    kept.put(digest(1), 6, [b"one", b"another"])
    assert kept.read(digest(1), 6) == (b"one", b"another")
    assert files(tmp_path) == []
    go.set()
    kept.drain()
    assert kept.read(digest(1), 6) == (b"one", b"another")
    assert digest(1) in kept
    (path,) = tmp_path.glob("prints/*/*")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert (
        (tmp_path / "prints" / "CACHEDIR.TAG")
        .read_bytes()
        .startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    )


def test_what_is_dropped_is_gone_even_before_it_was_written(made, tmp_path):
    kept, go = made(), threading.Event()
    kept.put(digest(1), 1, [b"a"])
    kept.drain()
    kept._do(go.wait)
    kept.put(digest(2), 1, [b"b"])
    kept.drop(digest(1))
    kept.drop(digest(2))
    go.set()
    kept.drain()
    assert files(tmp_path) == []
    assert kept.every() == []
    assert kept._used == kept._waiting == 0
    assert kept._queued == {}


def test_the_next_process_goes_on_with_what_one_left(made, tmp_path):
    first = made()
    for number in range(3):
        first.put(digest(number), 1, [b"x" * number])
    first.close()
    half = tmp_path / "prints" / "100-80" / "part"
    half.write_bytes(b"half")
    again = made()
    assert sorted(again.every()) == [digest(number) for number in range(3)]
    assert again.read(digest(2), 1) == (b"xx",)
    assert again._used == 3 * BLOCK
    assert not half.exists()


def test_pictures_of_another_size_are_removed_at_the_start(made, tmp_path):
    first = made()
    first.put(digest(1), 1, [b"x"])
    first.close()
    made(wish=Print(200, 80)).drain()
    assert [path.name for path in (tmp_path / "prints").iterdir() if path.is_dir()] == ["200-80"]


def test_where_nothing_is_to_be_kept_all_is_removed(made, tmp_path):
    first = made()
    first.put(digest(1), 1, [b"x"])
    first.close()
    none = made(most=0)
    assert not (tmp_path / "prints").exists()
    none.put(digest(1), 1, [b"x"])
    assert not none.room
    assert none.read(digest(1), 1) == ()


def test_no_more_is_kept_than_may_be(made, tmp_path):
    kept = made(most=3 * BLOCK)
    for number in range(5):
        kept.put(digest(number), 1, [b"x"])
        kept.drain()
    assert len(files(tmp_path)) == 3
    assert not kept.room
    kept.drop(digest(0))
    kept.drain()
    assert kept.room


def test_no_more_files_are_kept_than_may_be(made, monkeypatch):
    monkeypatch.setattr(spool, "FILES", 2)
    kept = made()
    for number in range(5):
        kept.put(digest(number), 1, [b"x"])
    assert len(kept.every()) == 2


class Room(NamedTuple):
    f_bavail: int
    f_frsize: int


def test_a_quarter_of_the_free_room_is_taken_at_most_and_given_back_when_others_fill_the_disk(
    made, tmp_path, monkeypatch
):
    free = [Room(40, BLOCK)]
    monkeypatch.setattr(spool.os, "statvfs", lambda _: free[0])
    kept = made()
    for number in range(20):
        kept.put(digest(number), 1, [b"x"])
        kept.drain()
    assert len(files(tmp_path)) == 10
    monkeypatch.setattr(spool, "MEASURE", 0.0)
    free[0] = Room(10, BLOCK)
    kept.look()
    kept.drain()
    assert len(files(tmp_path)) == 5


def test_a_slow_disk_makes_nobody_wait_and_no_more_is_held_for_it_than_a_little(made, monkeypatch):
    monkeypatch.setattr(spool, "QUEUE", 50)
    kept, go = made(), threading.Event()
    kept._do(go.wait)
    for number in range(20):
        kept.put(digest(number), 1, [b"x" * 30])
    assert len(kept.every()) == 2
    go.set()
    kept.drain()
    assert kept.room


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_left_alone_for_a_while(made, tmp_path, monkeypatch, code):
    kept = made()
    do = os.replace

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(spool.os, "replace", refuse)
    kept.put(digest(1), 1, [b"x"])
    kept.drain()
    assert digest(1) not in kept
    assert kept.read(digest(1), 1) == ()
    assert files(tmp_path) == []
    assert not kept.room
    monkeypatch.setattr(spool.os, "replace", do)
    kept._rests = 0.0
    kept.put(digest(1), 1, [b"x"])
    kept.drain()
    assert kept.read(digest(1), 1) == (b"x",)


def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    kept = Spool(tmp_path / "file" / "prints", ROOM)
    kept.open(WISH)
    kept.drain()
    assert not kept.room
    kept.drop(digest(1))
    assert kept.every() == []
    kept.close()


def test_a_folder_that_was_taken_away_is_made_again(made, tmp_path):
    kept = made()
    (tmp_path / "prints" / "100-80").rmdir()
    kept.put(digest(1), 1, [b"x"])
    kept.drain()
    assert files(tmp_path) == [digest(1).hex()]


def test_pictures_are_dropped_and_listed_before_anybody_is_asked(made, tmp_path):
    first = made()
    for number in (1, 2):
        first.put(digest(number), 1, [b"x"])
    first.close()
    shut = Spool(tmp_path / "prints", ROOM)
    assert sorted(shut.every()) == [digest(1), digest(2)]
    shut.drop(digest(1))
    shut.close()
    assert files(tmp_path) == [digest(2).hex()]


def test_all_have_their_turn(made):
    kept = made()
    for number in range(5):
        kept.put(digest(number), 1, [b"x"])
    kept.drain()
    kept.some(2)  # the end of a turn in which there was none yet
    for _ in range(2):
        turn = [kept.some(2) for _ in range(3)]
        assert [len(some) for some in turn] == [2, 2, 1]
        assert {each for some in turn for each in some} == {digest(number) for number in range(5)}


def test_what_waits_in_files_takes_no_memory(made):
    kept = made()

    def held(photos):
        for number in photos:
            kept.put(digest(number), 1, [b"x"])
            if number % 50 == 0:
                kept.drain()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = held(range(200))
        assert held(range(200, 1201)) - before < 1000 * 10
    finally:
        tracemalloc.stop()
    assert len(kept.every()) == 1201


def test_files_that_others_removed_make_room_again(made, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "FILES", 2)
    kept = made()
    for number in range(2):
        kept.put(digest(number), 1, [b"x"])
    kept.drain()
    (tmp_path / "prints" / "100-80" / digest(0).hex()).unlink()
    kept.look()
    kept.drain()
    assert not kept.room
    monkeypatch.setattr(spool, "MEASURE", 0.0)
    monkeypatch.setattr(spool, "COUNT", 0.0)
    kept.look()
    kept.drain()
    assert kept.room


def test_what_is_to_come_counts_while_files_are_counted_anew(made, monkeypatch):
    monkeypatch.setattr(spool, "MEASURE", 0.0)
    monkeypatch.setattr(spool, "COUNT", 0.0)
    kept, go = made(), threading.Event()
    kept.put(digest(1), 1, [b"x"])
    kept.drain()
    kept._do(go.wait)
    kept.look()
    kept.put(digest(2), 1, [b"x" * BLOCK])
    go.set()
    kept.drain()
    assert (kept._count, kept._used) == (2, 3 * BLOCK)


def test_one_that_is_there_already_counts_once(made, tmp_path):
    kept = made()
    for _ in range(2):
        kept.put(digest(1), 1, [b"x"])
        kept.drain()
    assert (kept._count, kept._used) == (1, BLOCK)
    kept.drop(digest(1))
    kept.drop(digest(1))
    kept.drain()
    assert (kept._count, kept._used) == (0, 0)
    assert not kept._any


def test_a_broken_file_and_one_of_a_photo_that_was_turned_count_as_none():
    whole = packed(6, [b"one", b"", b"three"])
    assert unpacked(whole, 6) == (b"one", b"", b"three")
    assert unpacked(whole, 1) == ()
    for broken in (b"", whole[:5], whole[:-1], whole + b"x", bytes(len(whole)), whole[:-1] + b"X"):
        assert unpacked(broken, 6) == ()
