"""A photo that Immich is at work on waits for that, and not for a patience that grows; a kill is no failure."""

from __future__ import annotations

import pytest

from metadata.errors import TryAgain
from tests.flow.house_world import soon
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher.ledger import work

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

MINUTE = 60 * 1.2
"""Patience has some jitter."""


@pytest.fixture
def world(tmp_path, immich):
    made = ImmichWorld(tmp_path, immich)
    made.asset = immich.upload_photo(photo(mark=611))
    immich.idle()
    made.rest()
    yield made
    immich.release("sidecar-write")
    immich.idle()


def waits(world, app):
    """Seconds until the photo is due again, and the attempts so far."""
    number = world.known(world.asset)[3]
    row = app.ledger.db.execute("SELECT due, attempts FROM photos WHERE id = ?", (number,)).fetchone()
    return (None if row[0] is None else row[0] - app.now()), row[1]


def tries(world, app, times):
    """So many attempts while a person's change is not written yet; what is waited for after each."""
    number, found = world.known(world.asset)[3], []
    for _ in range(times):
        with app.ledger.transaction() as db:
            db.execute("UPDATE photos SET due = ? WHERE id = ?", (app.now(), number))
        soon(lambda: world.work(app) or waits(world, app)[0])
        found.append(waits(world, app)[0])
    return found


def test_a_photo_that_immich_is_at_work_on_is_tried_each_minute_and_at_once_when_immich_tells_of_it(world):
    world.immich.hold("sidecar-write")
    world.immich.tag([world.asset], ["Oma"])
    world.immich.held("sidecar-write")
    with world.open() as app:
        world.work(app)
        found = tries(world, app, 6)
        assert all(0 < seconds <= MINUTE for seconds in found)
        assert tries(world, app, 2)[-1] > 2 * MINUTE  # a queue that is paused for days costs next to nothing
        world.immich.release("sidecar-write")
        world.immich.idle()
        soon(lambda: app.poll.soon() or world.work(app) or waits(world, app) == (None, 0))  # the clock stands
    assert world.tags(world.asset) == world.fields(world.asset) == {"colour/red", "Oma"}


def test_what_is_the_photos_own_trouble_is_tried_ever_less_often(world):
    number = world.known(world.asset)[3]
    with world.open() as app:
        for attempts, least in ((1, 8.0), (2, 48.0), (3, 480.0), (4, 2880.0)):
            with app.ledger.transaction() as db:
                job = work.jobs(db, [number])[0]._replace(attempts=attempts - 1)
                db.execute("UPDATE photos SET due = NULL WHERE id = ?", (number,))
                app.worker._deliverer._refused(job, TryAgain(job.photo.file, "no memory"))
            assert waits(world, app)[0] > least / 2  # some of it may be over by now


def test_a_kill_while_a_photo_is_decided_is_no_attempt_of_it(world):
    number = world.known(world.asset)[3]
    with world.open() as app, app.ledger.transaction() as db:
        work.again(db, [number], app.now())
    for _ in range(4):
        with world.open() as app, app.ledger.transaction() as db:
            assert [job.photo.id for job in work.take(db, app.now(), 10)] == [number]  # and the process dies
    with world.open() as app:
        assert waits(world, app)[1] == 0
