"""Vectors of texts in the ledger: by model and text, bounded, and never more than a thing that is made anew."""

import sqlite3
import threading
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from metadata.errors import UserError
from models.embedders._cache import Cached, Files
from models.making import packed
from tests.patience import PATIENCE
from watcher import handing, texts
from watcher.ledger import store
from watcher.ledger import texts as kept
from watcher.ledger import vectors as pictures
from watcher.texts import Slip, Texts

DAY = 86400.0


class Model:
    name, version = "model", "1"

    def __init__(self) -> None:
        self.asked = []

    def embed(self, some):
        self.asked.append(list(some))
        return np.asarray([[len(text), 1.0, 0.1] for text in some], np.float32)


@pytest.fixture
def ledger(tmp_path):
    made = store.open_for_writing(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def slip(ledger):
    return Slip(ledger, lambda: 4e9)


def count(ledger):
    return ledger.db.execute("SELECT count(*) FROM texts").fetchone()[0]


def test_a_text_is_asked_for_once_and_is_the_same_when_it_is_read(slip, ledger):
    model = Model()
    first = Cached(model, slip.shelf).embed(["a", "bb", "a"])
    assert slip()
    assert not slip()
    again = Cached(model, slip.shelf).embed(["bb", "ccc", "a"])
    slip()
    assert model.asked == [["a", "bb"], ["ccc"]]
    assert np.array_equal(again[[2, 0, 2]], first)
    assert np.linalg.norm(again, axis=1) == pytest.approx(1, abs=1e-3)
    assert count(ledger) == 3


def test_models_of_one_name_are_kept_apart_by_their_mark(slip, ledger):
    model = Model()
    for mark in ("", "one", "other", "one"):
        Cached(model, slip.shelf, mark).embed(["a"])
        slip()
    assert model.asked == [["a"]] * 3
    assert count(ledger) == 3


def test_what_was_kept_in_a_file_is_taken_over_and_then_the_file_goes(slip, ledger, tmp_path):
    model, files = Model(), Files(tmp_path / "files")
    Cached(model, files).embed(["a", "bb"])
    slip.shelf.before = files
    moved = Cached(model, slip.shelf).embed(["a", "bb", "ccc"])
    while slip():
        pass
    assert model.asked == [["a", "bb"], ["ccc"]]
    assert len(list((tmp_path / "files").iterdir())) == 1
    other = Texts(ledger.path.parent, slip.write, files)  # of a command that has a ledger, where others have none
    assert np.array_equal(Cached(model, other).embed(["a", "bb", "ccc"]), moved)
    assert len(list((tmp_path / "files").iterdir())) == 1
    again = Cached(model, slip.shelf).embed(["a", "bb", "ccc"])
    assert np.array_equal(again, moved)
    assert list((tmp_path / "files").iterdir()) == []
    assert len(model.asked) == 2


def test_they_are_read_and_handed_over_by_other_threads(slip, ledger):
    model, woken = Model(), threading.Event()
    slip.wake = woken.set
    thread = threading.Thread(target=lambda: Cached(model, slip.shelf).embed(["a"]))
    thread.start()
    assert woken.wait(PATIENCE)
    thread.join(PATIENCE)
    assert slip()
    assert count(ledger) == 1


def test_a_text_that_is_no_unicode_is_asked_for_each_time(slip, ledger):
    model = Model()
    for _ in range(2):
        assert len(Cached(model, slip.shelf).embed(["a", "\udc80"])) == 2
        slip()
    assert count(ledger) == 1


def test_without_a_ledger_or_with_one_of_an_older_format_all_is_made_anew(tmp_path):
    model, writes = Model(), []
    shelf = Texts(tmp_path, lambda *made: writes.append(made))
    assert len(Cached(model, shelf).embed(["a"])) == 1
    ledger = store.open_for_writing(tmp_path)
    ledger.db.execute("DROP TABLE texts")
    ledger.close()
    assert len(Cached(model, shelf).embed(["a"])) == 1
    assert len(model.asked) == len(writes) == 2


def test_that_they_cannot_be_kept_is_no_fault(tmp_path):
    def refuse(*_):
        raise UserError("the ledger belongs to somebody else")

    assert len(Cached(Model(), Texts(tmp_path, refuse)).embed(["a"])) == 1


def test_a_command_writes_them_itself_while_nobody_holds_the_ledger(tmp_path):
    settings = SimpleNamespace(state=tmp_path)
    shelf = Texts(tmp_path, lambda *made: handing.keep_texts(settings, *made))
    Cached(Model(), shelf).embed(["a", "bb"])
    ledger = store.open_for_reading(tmp_path)
    assert count(ledger) == 2
    ledger.close()


def test_only_a_file_that_was_handed_over_is_taken_in(ledger, tmp_path):
    app = SimpleNamespace(ledger=ledger, now=lambda: 1.0)
    file = texts.handed(ledger.path.parent, "m", [("a", packed(np.ones(4, np.float32)))])
    assert file.stat().st_mode & 0o777 == 0o600
    assert texts.take_in(app, file=str(file)) == {"texts": 1}
    assert not file.exists()
    assert count(ledger) == 1
    nothing = texts.handed(ledger.path.parent, "m", ())
    assert texts.take_in(app, file=str(nothing)) == {"texts": 0}
    other = tmp_path / "texts-1.npz"
    other.write_bytes(b"")
    for path in (other, ledger.path, ledger.path.parent / "texts-gone.npz"):
        with pytest.raises(UserError):
            texts.take_in(app, file=str(path))
    assert other.exists()
    assert ledger.path.exists()


def test_of_each_model_the_newest_are_kept_and_one_that_nobody_asks_any_more_goes(ledger, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 3)
    db = ledger.db
    for number in range(5):
        kept.keep(db, "a", [(f"t{number}", b"v")], 0.0)
    kept.keep(db, "b", [("t", b"v")], 0.0)
    assert kept.of(db, "a", [f"t{number}" for number in range(5)]).keys() == {"t2", "t3", "t4"}
    kept.tidy(db, ["a"], 50 * DAY)
    kept.tidy(db, [], 100 * DAY)
    assert kept.of(db, "b", ["t"]) == {}
    assert len(kept.of(db, "a", ["t2", "t3", "t4"])) == 3
    kept.tidy(db, [], 200 * DAY)
    assert count(ledger) == 0
    assert db.execute("SELECT count(*) FROM text_models").fetchone() == (0,)


def test_that_a_model_is_asked_is_noted_now_and_then(ledger):
    written = []
    shelf = Texts(ledger.path.parent, lambda *made: written.append(made))
    kept.keep(ledger.db, "m", [("a", packed(np.ones(4, np.float32)))], 0.0)
    assert shelf.known("m", ["a"]).keys() == {"a"}
    assert written == [("m", ())]
    kept.keep(ledger.db, "m", (), 4e9)
    shelf.known("m", ["a"])
    assert len(written) == 1


def test_vectors_of_pictures_outlive_the_migration_and_take_half_the_room(tmp_path):
    scripts = dict(store._migrations())
    path = tmp_path / store.NAME
    rows = [(bytes([number]) * 32, "clip:1", bytes(1024)) for number in range(200)]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for version in range(1, 11):
            store._apply(db, version, scripts[version])
        pictures.keep(db, rows)
        db.execute("VACUUM")
    before = path.stat().st_size
    ledger = store.open_for_writing(tmp_path)
    assert ledger.db.execute("SELECT * FROM vectors ORDER BY digest").fetchall() == rows
    pictures.keep(ledger.db, rows[:1])
    assert ledger.db.execute("SELECT count(*) FROM vectors").fetchone() == (200,)
    ledger.db.execute("VACUUM")
    ledger.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert before - path.stat().st_size > 200 * 2500
    ledger.close()
