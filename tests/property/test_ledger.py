"""Work states at random: no photo is lost, none is booked twice, attempts are counted before they start."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from metadata.photo import Facts, Stat
from watcher.ledger import files, store, work

ENDS = ("deliver", "deliver", "aside", "later", "soon", "unbook", "hold", "wait")
GATES = ("first look", "rules", "loss", "closed", "move")


class Working(RuleBasedStateMachine):
    """The ledger under a worker that dies now and then, beside a model of what each photo is waiting for."""

    booked = Bundle("booked")

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = store.open_for_writing(Path(self.folder.name))
        self.db = self.ledger.db
        self.now = 1_000_000.0
        files.root(self.db, "p", b"/p", agreed=0.0)
        self.number = files.folder(self.db, "p", b"")
        self.stamp = 0
        self.names: list[bytes] = []
        self.under_way: dict[int, int] = {}
        self.moved: set[int] = set()

    def teardown(self):
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()

    def _stat(self):
        self.stamp += 1
        return Stat(self.stamp, self.stamp, self.stamp, self.stamp)

    def _id(self, name):
        return self.db.execute("SELECT id FROM photos WHERE name = ?", (name,)).fetchone()[0]

    @rule()
    def land(self):
        name = b"%d.jpg" % len(self.names)
        self.names.append(name)
        assert files.photo(self.db, self.number, name, self._stat(), now=self.now)

    @rule(data=st.data(), sidecar=st.booleans())
    def change(self, data, sidecar):
        if not self.names:
            return
        name = data.draw(st.sampled_from(self.names))
        if sidecar:
            files.sidecar(self.db, self.number, name + b".xmp", self._stat(), now=self.now)
            if not self._due(self._id(name)):
                return  # set aside for its own fault, or waiting for a person: a sidecar changes nothing
        else:
            files.photo(self.db, self.number, name, self._stat(), now=self.now)
        self.moved.add(self._id(name))

    def _due(self, photo):
        return self.db.execute("SELECT due FROM photos WHERE id = ?", (photo,)).fetchone()[0] is not None

    @rule(target=booked, most=st.integers(1, 3))
    def take(self, most):
        before = dict(self.db.execute("SELECT id, attempts FROM photos"))
        jobs = work.take(self.db, self.now, most, suspects=True) or work.take(self.db, self.now, most)
        assert len(jobs) <= most
        for job in jobs:
            number = job.photo.id
            assert number not in self.under_way, "booked twice"
            attempts = self.db.execute("SELECT attempts FROM photos WHERE id = ?", (number,)).fetchone()[0]
            assert attempts == before[number] + 1, "counted before it starts"
            self.under_way[number] = attempts
            self.moved.discard(number)
        return multiple(*jobs)

    def _over(self, job):
        """Whether this attempt is still under way; now it is over."""
        return self.under_way.pop(job.photo.id, None) is not None

    def _still_due(self, job):
        if job.photo.id in self.moved:
            assert self._due(job.photo.id), "what happened meanwhile was lost"

    @rule(job=consumes(booked), how=st.sampled_from(ENDS), gate=st.sampled_from(GATES), meanwhile=st.booleans())
    def end(self, job, how, gate, meanwhile):
        """An attempt is over, in one of the ways it can; `meanwhile` the photo's file changed once more."""
        photo = job.photo.id
        if self.under_way.pop(photo, None) is None:
            return  # it died with its process
        if meanwhile:
            files.photo(self.db, self.number, job.photo.path, self._stat(), now=self.now)
            self.moved.add(photo)
        if how == "deliver":
            work.looked(self.db, photo, b"%016d" % photo, Facts("JPEG", 1, 1), job.stat)
            work.delivered(self.db, [photo], "rules", self.now)
        elif how == "aside":
            work.set_aside(self.db, photo, "broken")
        elif how == "later":
            work.later(self.db, photo, "busy", job.attempts + 1, self.now)
        elif how == "soon":
            work.soon(self.db, photo, self.now + 1)
        elif how == "unbook":
            work.unbook(self.db, [photo])
        elif how == "hold":
            work.hold(self.db, [photo], gate)  # decided anew when it is released, whatever happened
        elif how == "wait":
            work.wait(self.db, [photo], "a setting is missing")
        if how in ("later", "soon", "unbook"):
            assert self._due(photo), "it has to be tried again"
        elif how in ("deliver", "aside") and photo in self.moved:
            assert self._due(photo), "what happened meanwhile was lost"
            assert (
                self.db.execute("SELECT look FROM photos WHERE id = ?", (photo,)).fetchone() == (1,)
                or not meanwhile
            )

    @rule(gate=st.sampled_from(GATES))
    def release(self, gate):
        held = self.db.execute("SELECT id FROM photos WHERE gate = ? AND state != 'aside'", (gate,)).fetchall()
        assert work.release(self.db, [gate], self.now) == len(held)
        assert all(self._due(number) for (number,) in held)

    @rule()
    def look_over(self):
        waiting = work.waiting(self.db)
        work.look_over_waiting(self.db, waiting, self.now)
        assert all(self._due(number) for number in waiting)

    @rule()
    def retry(self):
        aside = [row[0] for row in self.db.execute("SELECT id FROM photos WHERE state = 'aside'")]
        work.again(self.db, aside, self.now)
        assert all(self._due(number) for number in aside)

    @rule()
    def die(self):
        """The process is gone; the next one finds what was under way."""
        reading = {
            row[0] for row in self.db.execute("SELECT id FROM photos WHERE booked IS NOT NULL AND look = 1")
        }
        assert work.interrupted(self.db) == len(reading)
        suspects = {row[0] for row in self.db.execute("SELECT id FROM photos WHERE reason = 'suspect'")}
        assert reading <= suspects
        assert all(self._due(number) for number in self.under_way)
        self.under_way.clear()

    @rule(seconds=st.floats(0, 100_000))
    def tick(self, seconds):
        self.now += seconds

    @rule(seconds=st.floats(-1e9, 0))
    def put_the_clock_back(self, seconds):
        self.now += seconds
        work.clock_set(self.db, seconds, since=0.0, until=self.now)

    @rule(seconds=st.floats(work.LEAP, 1e9))
    def set_a_clock_that_was_behind(self, seconds):
        work.clock_set(self.db, seconds, since=0.0, until=self.now)
        self.now += seconds

    @invariant()
    def every_photo_is_somewhere(self):
        if not hasattr(self, "db"):
            return
        rows = self.db.execute("SELECT id, state, gate, due, booked FROM photos").fetchall()
        assert len(rows) == len(self.names)
        for number, state, gate, due, booked in rows:
            assert (booked is not None) == (number in self.under_way)
            resting = state in ("delivered", "aside", "waits") or gate in GATES
            assert due is not None or booked is not None or resting, (number, state, gate)

    @invariant()
    def nothing_due_is_overlooked(self):
        if not hasattr(self, "db"):
            return
        due = work.next_due(self.db)
        free = [
            row[0] for row in self.db.execute("SELECT due FROM photos WHERE due IS NOT NULL AND booked IS NULL")
        ]
        assert due == (min(free) if free else None)


TestWorking = Working.TestCase
TestWorking.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
