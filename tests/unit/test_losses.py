from __future__ import annotations

import pytest

from metadata.memory import Outcome, Reading, Truth
from metadata.photo import Photo, Stat
from watcher.ledger import files, store
from watcher.ledger.work import Job
from watcher.losses import WINDOW, Losses
from watcher.pages import Page
from watcher.rooms import JUDGED, LOSS, Decision


@pytest.fixture
def ledger(tmp_path):
    ledger = store.open_for_writing(tmp_path)
    files.root(ledger.db, "p", b"/p", agreed=0.0)
    yield ledger
    ledger.close()


def _photos(db, count):
    folder = files.folder(db, "p", b"")
    for number in range(count):
        files.photo(db, folder, b"%d.jpg" % number, Stat(1, 1, 1, number), now=0.0)
    return [row[0] for row in db.execute("SELECT id FROM photos ORDER BY id")]


def _lost(number, *, renames=frozenset()):
    photo = Photo(number, "p", b"/p", b"%d.jpg" % number)
    job = Job(photo, 1, look=False, digest=b"x", stat=Stat(1, 1, 1, 1), attempts=0, gate="", rules="")
    page = Page(job, None, {}, [])
    reading = Reading(lost=frozenset({"red"}), removed=frozenset({"red"}))
    return Decision(page, Outcome(Truth(), {}, {"sidecar": reading}), {}, renames=renames)


def _gates(db):
    return {row[0] for row in db.execute("SELECT gate FROM photos WHERE gate != ''")}


def _judge(db, count, *, of, now=1000.0, losses=None, start=0):
    losses = losses or Losses()
    ids = _photos(db, of) if not db.execute("SELECT 1 FROM photos").fetchone() else None
    ids = ids or [row[0] for row in db.execute("SELECT id FROM photos ORDER BY id")]
    for number in ids[start : start + count]:
        losses.hold(db, _lost(number))
    assert losses.waiting() == {"p"}
    losses.judge(db, "p", now)
    return losses


def test_twenty_photos_are_let_through(ledger):
    _judge(ledger.db, 20, of=20)
    assert _gates(ledger.db) == {JUDGED}
    assert not ledger.db.execute("SELECT 1 FROM stops").fetchone()


def test_twenty_one_photos_of_a_small_root_stop_it(ledger):
    _judge(ledger.db, 21, of=21)
    assert _gates(ledger.db) == {LOSS}
    assert "21 photos" in ledger.db.execute("SELECT reason FROM stops").fetchone()[0]


def test_twenty_one_photos_of_a_large_root_are_a_persons_acts(ledger):
    _judge(ledger.db, 21, of=21 * 20)
    assert _gates(ledger.db) == {JUDGED}


def test_losses_that_come_one_after_the_other_are_counted_together_for_an_hour(ledger):
    losses = _judge(ledger.db, 15, of=40)
    _judge(ledger.db, 15, of=40, losses=losses, start=15, now=1000.0 + WINDOW - 1)
    assert ledger.db.execute("SELECT count(*) FROM stops").fetchone() == (1,)


def test_losses_an_hour_apart_are_not_counted_together(ledger):
    losses = _judge(ledger.db, 15, of=40)
    _judge(ledger.db, 15, of=40, losses=losses, start=15, now=1000.0 + WINDOW + 1)
    assert not ledger.db.execute("SELECT 1 FROM stops").fetchone()


@pytest.mark.parametrize(("photos", "offers"), [(4, 0), (5, 1)])
def test_five_photos_make_a_rename(ledger, photos, offers):
    losses = Losses()
    for number in _photos(ledger.db, 50)[:photos]:
        losses.hold(ledger.db, _lost(number, renames=frozenset({("red", "warm|red")})))
    losses.judge(ledger.db, "p", 0.0)
    assert len(losses.renamed) == offers
    assert ledger.db.execute("SELECT count(*) FROM offers").fetchone() == (offers,)


def test_a_rename_is_no_accident(ledger):
    losses = Losses()
    for number in _photos(ledger.db, 30):
        losses.hold(ledger.db, _lost(number, renames=frozenset({("red", "warm|red")})))
    assert losses.judge(ledger.db, "p", 0.0)
    assert not ledger.db.execute("SELECT 1 FROM stops").fetchone()
