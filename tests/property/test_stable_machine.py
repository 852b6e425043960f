"""Files that are written, closed, renamed over and deleted at any moment, under a clock that may step back."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from metadata.photo import Stat
from watcher.stable import LEASE, Calm, Settled, Settling, Vanished

PATHS = st.sampled_from([b"a", b"b", b"c"])


class Disk(RuleBasedStateMachine):
    """A model of three files and of what is owed for each: an answer after its last event."""

    def __init__(self) -> None:
        super().__init__()
        self.calm = Calm(settle=0.5, settle_max=20.0, cooldown=2.0)
        self.settling = Settling(self.calm)
        self.true = 0.0  # time as it passes
        self.shift = 0.0  # how far the clock of the caller is off
        self.files = {}
        self.serial = 0
        self.changed = {}  # when the state last changed
        self.owed = {}  # path -> time of the last event that has no answer yet
        self.settled = {}  # path -> when it was last told
        self.handed = []  # (path, stat at the time of the look)

    @property
    def clock(self):
        return self.true + self.shift

    def stamp(self, path, size):
        self.serial += 1
        self.files[path] = Stat(size, 0, self.serial, 1)
        self.changed[path] = self.true

    def note(self, path, *, closed, stat=None):
        self.settling.note(path, closed=closed, now=self.clock, stat=stat)
        self.owed[path] = self.true

    @rule(path=PATHS, size=st.integers(0, 3))
    def a_file_is_written_and_closed(self, path, size):
        self.stamp(path, size)
        self.note(path, closed=True)

    @rule(path=PATHS, size=st.integers(0, 3))
    def a_file_is_written_and_left_open(self, path, size):
        self.stamp(path, size)

    @rule(path=PATHS, given=st.booleans())
    def a_walk_sees_the_file(self, path, given):
        self.note(path, closed=False, stat=self.files.get(path) if given else None)

    @rule(path=PATHS)
    def a_file_is_deleted_without_a_word(self, path):
        if self.files.pop(path, None):
            self.changed[path] = self.true

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0, 3.0, 30.0, 100.0]))
    def time_passes(self, seconds):
        self.true += seconds

    @rule(seconds=st.floats(0.0, 1e6))
    def the_clock_steps_back(self, seconds):
        self.shift -= seconds

    @rule(most=st.integers(1, 3))
    def paths_are_looked_at(self, most):
        for path in self.settling.due(self.clock, most=most):
            assert self.owed.get(path) is not None, "handed out though nothing happened"
            until = self.settled.get(path, -1e9) + self.calm.cooldown
            assert self.true >= until - 1e-3 or self.shift, "handed out while it cools down"
            self.handed.append((path, self.files.get(path), self.true))

    @precondition(lambda self: self.handed)
    @rule(at=st.integers(0, 9))
    def a_look_is_answered(self, at):
        path, stat, looked = self.handed.pop(at % len(self.handed))
        result = self.settling.looked(path, stat, self.clock)
        if isinstance(result, Settled):
            assert result.stat == stat
            assert looked - self.owed[path] >= 0, "settled by a look older than an event"
            self.settled[path] = self.true
        if isinstance(result, Settled | Vanished) and path not in self.settling:
            self.owed.pop(path, None)

    @precondition(lambda self: self.handed)
    @rule()
    def a_look_is_never_answered(self):
        self.handed.pop()

    @invariant()
    def no_path_is_lost(self):
        assert set(self.owed) == {path for path in (b"a", b"b", b"c") if path in self.settling}

    @invariant()
    def somebody_is_due_while_anybody_waits(self):
        due = self.settling.next_due()
        assert (due is None) == (not self.owed)
        assert due is None or due <= self.settling._last - self.settling._back + 60.0 + LEASE

    def teardown(self):
        """When all is quiet every path gets its answer, and the state told is the one that stands."""
        for _ in range(2000):
            due = self.settling.next_due()
            if due is None:
                break
            self.true = max(self.true, due - self.shift)
            for path in self.settling.due(self.clock):
                result = self.settling.looked(path, self.files.get(path), self.clock)
                if isinstance(result, Settled):
                    assert self.true - self.changed[path] >= 0
                    assert result.stat == self.files[path]
                elif isinstance(result, Vanished):
                    assert path not in self.files
        assert not self.settling


Disk.TestCase.settings = settings(stateful_step_count=40, deadline=None)
TestNoPathIsLostOrTakenTooSoon = Disk.TestCase


class Writer(RuleBasedStateMachine):
    """One file that changes while looks are prompt: it is never called at rest within the settle time."""

    def __init__(self) -> None:
        super().__init__()
        self.settling = Settling(Calm(settle=0.5, cooldown=0.0))
        self.now = 0.0
        self.stat = Stat(0, 0, 0, 1)
        self.last_event = self.last_change = 0.0

    @rule(seconds=st.floats(0.0, 3.0), closes=st.booleans())
    def the_file_changes(self, seconds, closes):
        self.pass_time(seconds)
        self.stat = Stat(self.stat.size + 1, 0, self.stat.ctime_ns + 1, 1)
        self.last_change = self.now
        if closes:
            self.settling.note(b"x", closed=True, now=self.now)
            self.last_event = self.now

    def pass_time(self, seconds):
        end = self.now + seconds
        while (due := self.settling.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            for path in self.settling.due(self.now):
                if isinstance(self.settling.looked(path, self.stat, self.now), Settled):
                    assert self.now - self.last_event >= 0.5 - 1e-3
                    assert self.now - self.last_change >= 0.25 - 1e-3
        self.now = end


Writer.TestCase.settings = settings(stateful_step_count=30, deadline=None)
TestAFileIsNotTakenWhileItChanges = Writer.TestCase
