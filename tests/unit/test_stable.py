import pytest

from metadata.photo import Stat
from watcher.stable import LEASE, Calm, Settled, Settling, Vanished, Waiting

ONE = Stat(size=100, mtime_ns=1, ctime_ns=10, inode=5)
PATH = b"a.jpg"


def run(settling, files, until, step=0.05, now=0.0):
    """Let time pass and answer every look from `files` (path -> function of the time); what was answered, when."""
    told = []
    for tick in range(round((until - now) / step) + 1):
        at = now + tick * step
        told += [(at, settling.looked(path, files[path](at), at)) for path in settling.due(at)]
    return told


def ends(told):
    return [(at, result) for at, result in told if not isinstance(result, Waiting)]


def test_a_closed_file_is_at_rest_after_the_settle_time():
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=True, now=0.0)
    ((at, result),) = ends(run(settling, {PATH: lambda at: ONE}, 5.0))
    assert result == Settled(PATH, ONE)
    assert at == pytest.approx(0.5, abs=0.06)
    assert not settling
    assert settling.next_due() is None


def test_two_looks_are_made_before_a_file_is_called_at_rest():
    settling = Settling(Calm())
    settling.note(PATH, closed=True, now=0.0)
    assert len(run(settling, {PATH: lambda at: ONE}, 5.0)) == 2


def test_a_file_that_was_only_seen_is_given_longer():
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=False, now=0.0)
    ((at, _),) = ends(run(settling, {PATH: lambda at: ONE}, 9.0))
    assert 2.0 <= at <= 3.0


def test_each_event_begins_the_wait_anew():
    settling = Settling(Calm(settle=0.5))
    told = []
    for tick in range(20):
        settling.note(PATH, closed=True, now=tick * 0.2)
        told += run(settling, {PATH: lambda at: ONE}, tick * 0.2 + 0.19, now=tick * 0.2)
    assert not ends(told)
    ((at, _),) = ends(run(settling, {PATH: lambda at: ONE}, 9.0, now=4.0))
    assert at >= 3.8 + 0.5


def test_a_time_set_into_the_past_is_no_proof_and_no_hindrance():
    past = ONE._replace(mtime_ns=-1, ctime_ns=11)
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=True, now=0.0)
    ((at, result),) = ends(run(settling, {PATH: lambda at: ONE if at < 0.4 else past}, 9.0))
    assert result.stat == past
    assert at < 1.0


def test_a_growing_file_is_not_at_rest_and_is_told_after_settle_max():
    settling = Settling(Calm(settle=0.5, settle_max=20.0))
    settling.note(PATH, closed=False, now=0.0)
    told = run(settling, {PATH: lambda at: ONE._replace(size=int(at * 100))}, 400.0)
    assert not ends(told)
    assert not any(result.growing for at, result in told if at < 20.0)
    assert all(result.growing for at, result in told if at > 20.0)
    assert 4 <= sum(at > 100 for at, _ in told) <= 8  # looked at with patience


def test_a_file_that_grew_for_long_is_taken_soon_after_its_close():
    settling = Settling(Calm(settle=0.5, settle_max=20.0))
    settling.note(PATH, closed=False, now=0.0)
    run(settling, {PATH: lambda at: ONE._replace(size=int(at * 100))}, 200.0)
    settling.note(PATH, closed=True, now=200.1)
    ((at, _),) = ends(run(settling, {PATH: lambda at: ONE}, 210.0, now=200.1))
    assert at < 202.0


def test_a_file_opened_and_closed_without_end_is_told_as_growing():
    settling = Settling(Calm(settle=0.5, settle_max=10.0))
    told = []
    for tick in range(400):
        settling.note(PATH, closed=True, now=tick * 0.1)
        told += run(settling, {PATH: lambda at: ONE}, tick * 0.1, now=tick * 0.1)
    assert told
    assert told[-1][1] == Waiting(PATH, growing=True)


def test_a_file_that_grows_after_its_close_waits_for_the_next_one():
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=True, now=0.0)
    more = ONE._replace(size=200)
    ((at, result),) = ends(run(settling, {PATH: lambda at: ONE if at < 0.4 else more}, 9.0))
    assert result.stat == more
    assert at >= 2.0


def test_a_file_closed_and_deleted_leaves_no_trace():
    settling = Settling(Calm())
    settling.note(PATH, closed=True, now=0.0)
    assert [result for _, result in run(settling, {PATH: lambda at: None}, 5.0)] == [Vanished(PATH)]
    assert PATH not in settling
    assert settling.next_due() is None


def test_a_file_replaced_while_it_is_looked_at_is_not_taken_for_vanished():
    settling = Settling(Calm())
    settling.note(PATH, closed=True, now=0.0)
    assert settling.due(1.0) == [PATH]
    settling.note(PATH, closed=True, now=1.01)
    assert isinstance(settling.looked(PATH, None, 1.02), Waiting)
    assert ends(run(settling, {PATH: lambda at: ONE}, 9.0, now=1.05))


def test_a_look_older_than_an_event_settles_nothing():
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=True, now=0.0)
    settling.due(0.3)
    settling.looked(PATH, ONE, 0.3)
    assert settling.due(0.6) == [PATH]
    settling.note(PATH, closed=True, now=0.61)
    assert isinstance(settling.looked(PATH, ONE, 30.0), Waiting)


def test_a_path_that_settled_is_not_handed_out_during_the_cooldown_and_not_lost():
    settling = Settling(Calm(settle=0.5, cooldown=3.0))
    settling.note(PATH, closed=True, now=0.0)
    ((first, _),) = ends(run(settling, {PATH: lambda at: ONE}, 1.0))
    settling.note(PATH, closed=True, now=1.1)
    told = run(settling, {PATH: lambda at: ONE}, 20.0, now=1.1)
    assert told[0][0] >= first + 3.0
    assert len(ends(told)) == 1


def test_on_a_network_two_equal_looks_lie_further_apart_than_the_cache_time():
    settling = Settling(Calm(settle=0.5, cache_time=5.0))
    settling.note(PATH, closed=True, now=0.0)
    told = run(settling, {PATH: lambda at: ONE}, 30.0)
    assert told[-1][0] - told[0][0] > 5.0
    assert len(told) == 2


def test_a_stat_that_came_with_the_note_counts_as_a_look():
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=False, now=0.0, stat=ONE)
    told = run(settling, {PATH: lambda at: ONE}, 9.0)
    assert len(told) == 1
    assert ends(told)


def test_a_path_that_was_handed_out_and_never_answered_comes_again():
    settling = Settling(Calm())
    settling.note(PATH, closed=True, now=0.0)
    assert settling.due(1.0) == [PATH]
    assert settling.due(1.0 + LEASE - 1) == []
    assert settling.due(1.0 + LEASE) == [PATH]


def test_a_clock_that_steps_back_keeps_nobody_waiting():
    settling = Settling(Calm(settle=0.5))
    settling.note(PATH, closed=True, now=10_000.0)
    assert not settling.due(0.0)
    assert settling.next_due() == pytest.approx(0.25)
    assert ends(run(settling, {PATH: lambda at: ONE}, 2.0))


def test_the_next_look_is_known():
    settling = Settling(Calm(settle=0.5))
    assert settling.next_due() is None
    settling.note(PATH, closed=True, now=7.0)
    assert settling.next_due() == pytest.approx(7.25)


def test_those_who_wait_longest_come_first_and_no_more_than_asked_for():
    settling = Settling(Calm())
    for number in range(5):
        settling.note(b"%d" % number, closed=True, now=number / 10)
    assert settling.due(9.0, most=2) == [b"0", b"1"]
    assert settling.due(9.0, most=9) == [b"2", b"3", b"4"]


def test_memory_does_not_grow_with_events():
    settling = Settling(Calm())
    for number in range(50_000):
        settling.note(PATH, closed=bool(number % 2), now=number * 0.001)
    assert len(settling._heap) < 100
    run(settling, {PATH: lambda at: None}, 200.0, now=60.0, step=1.0)
    assert not settling._cooling


def test_a_film_whose_writer_pauses_is_not_at_rest_before_it_stood_still_for_long():
    settling = Settling(Calm(settle=0.5))
    settling.note(b"a.MOV", closed=False, now=0.0)
    stalls = {b"a.MOV": lambda at: ONE._replace(size=100 + int(at / 20))}  # a megabyte, and then nothing for 20 s
    assert not ends(run(settling, stalls, 120.0))
    done = {b"a.MOV": lambda at: ONE}
    ((at, result),) = ends(run(settling, done, 200.0, now=120.0))
    assert result == Settled(b"a.MOV", ONE)
    assert 149.0 <= at <= 156.0


def test_a_film_that_was_closed_is_at_rest_as_soon_as_any_photo():
    settling = Settling(Calm(settle=0.5))
    settling.note(b"a.mp4", closed=False, now=0.0)
    settling.note(b"a.mp4", closed=True, now=1.0)
    ((at, _),) = ends(run(settling, {b"a.mp4": lambda at: ONE}, 9.0, now=1.0))
    assert at <= 1.6
