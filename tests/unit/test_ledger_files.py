from __future__ import annotations

import pytest

from metadata.photo import Stat
from watcher.ledger import files, store
from watcher.walk import Files, Folder


@pytest.fixture
def db(tmp_path):
    ledger = store.open_for_writing(tmp_path)
    files.root(ledger.db, "p", b"/p", agreed=0.0)
    yield ledger.db
    ledger.close()


def stat(number):
    return Stat(number, number, number, number)


def listed(db, path, photos, sidecars=(), **more):
    return files.listed(db, "p", Folder(path, 1, Files.of(photos), Files.of(sidecars)), now=5.0, **more)


def due(db):
    return {row[0] for row in db.execute("SELECT name FROM photos WHERE due IS NOT NULL")}


def _rest(db):
    db.execute("UPDATE photos SET due = NULL, look = 0, state = 'delivered', digest = x'01'")


def test_a_listing_tells_new_changed_and_gone(db):
    assert listed(db, b"", [(b"a.jpg", stat(1)), (b"b.jpg", stat(2))]) == files.Found(new=2)
    _rest(db)
    assert listed(db, b"", [(b"a.jpg", stat(1)), (b"b.jpg", stat(2))]) == files.Found()
    assert not due(db)
    assert listed(db, b"", [(b"a.jpg", stat(3))]) == files.Found(changed=1, gone=1)
    assert due(db) == {b"a.jpg"}


def test_a_young_file_is_neither_new_nor_gone(db):
    listed(db, b"", [(b"a.jpg", stat(1))])
    assert listed(db, b"", [], young=frozenset({b"a.jpg", b"b.jpg"})) == files.Found()
    assert db.execute("SELECT count(*) FROM photos WHERE gone IS NOT NULL").fetchone() == (0,)


def test_a_sidecar_makes_all_photos_of_its_name_due(db):
    listed(db, b"", [(b"a.jpg", stat(1)), (b"a.nef", stat(2)), (b"b.jpg", stat(3))])
    _rest(db)
    listed(db, b"", [(b"a.jpg", stat(1)), (b"a.nef", stat(2)), (b"b.jpg", stat(3))], [(b"a.xmp", stat(9))])
    assert due(db) == {b"a.jpg", b"a.nef"}
    _rest(db)
    assert files.sidecar(db, 1, b"b.jpg.xmp", stat(10), now=6.0) == 1
    assert files.sidecar(db, 1, b"b.jpg.xmp", stat(10), now=6.0) == 0, "our own write, or nothing at all"


def test_a_sidecar_that_is_gone_makes_its_photo_due(db):
    listed(db, b"", [(b"a.jpg", stat(1))], [(b"a.jpg.xmp", stat(2))])
    _rest(db)
    listed(db, b"", [(b"a.jpg", stat(1))])
    assert due(db) == {b"a.jpg"}


def test_a_mended_sidecar_takes_a_photo_in_that_was_aside_for_it_and_no_broken_one(db):
    listed(db, b"", [(b"a.jpg", stat(1)), (b"b.jpg", stat(2))])
    db.execute("UPDATE photos SET due = NULL, state = 'aside'")
    db.execute("UPDATE photos SET digest = x'01' WHERE name = ?", (b"a.jpg",))
    for name in (b"a.jpg.xmp", b"b.jpg.xmp"):
        files.sidecar(db, 1, name, stat(9), now=6.0)
    assert due(db) == {b"a.jpg"}


def test_a_folder_that_vanished_takes_all_below_it_and_no_neighbour(db):
    for path in (b"a", b"a/deep", b"ab", b"a0", b"a-b"):
        listed(db, path, [(b"x.jpg", stat(1))])
    assert files.folder_vanished(db, "p", b"a", 7.0) == 2
    rows = db.execute(
        "SELECT folders.path FROM photos JOIN folders ON folders.id = photos.folder WHERE gone IS NULL ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in rows] == [b"a-b", b"a0", b"ab"]


def test_below_finds_a_folder_a_photo_and_everything(db):
    for path in (b"", b"a", b"a/deep", b"ab"):
        listed(db, path, [(b"x.jpg", stat(1))])
    assert len(files.below(db, "p", b"")) == 4
    assert len(files.below(db, "p", b"a")) == 2
    assert len(files.below(db, "p", b"a/x.jpg")) == 1
    assert files.below(db, "p", b"nowhere") == []


def test_a_photo_that_is_to_be_left_is_not_due(db):
    listed(db, b"", [(b"a.jpg", stat(1))], gate=files.LEFT)
    assert not due(db)
    assert db.execute("SELECT state, gate FROM photos").fetchone() == ("left", "")


def test_names_need_not_be_text(db):
    listed(db, b"caf\xe9", [(b"\xff\n.jpg", stat(1))])
    number = files.below(db, "p", b"caf\xe9/\xff\n.jpg")[0]
    assert files.photos_of(db, [number])[number].file == b"/p/caf\xe9/\xff\n.jpg"


A, B = (b"a.jpg", stat(1)), (b"a.jpg.xmp", stat(2))
BREAKS = {
    "a photo was rewritten": lambda db: files.photo(db, 1, b"a.jpg", stat(3), now=6.0),
    "another photo came": lambda db: files.photo(db, 1, b"b.jpg", stat(3), now=6.0),
    "a sidecar was rewritten": lambda db: files.sidecar(db, 1, b"a.jpg.xmp", stat(3), now=6.0),
    "we wrote a sidecar": lambda db: files.remember_sidecar(db, 1, b"b.xmp", stat(3)),
    "a sidecar is gone": lambda db: files.sidecar(db, 1, b"a.jpg.xmp", None, now=6.0),
    "a photo was forgotten": lambda db: db.execute("DELETE FROM photos"),
    "a photo was called gone": lambda db: db.execute("UPDATE photos SET gone = 6.0"),
    "the folder vanished": lambda db: files.folder_vanished(db, "p", b"", 6.0),
    "a photo went elsewhere": lambda db: db.execute(
        "UPDATE photos SET folder = ?", (files.folder(db, "p", b"other"),)
    ),
}


def is_sealed(db, photos, sidecars):
    return files.sealed(db, "p", Folder(b"", 1, Files.of(photos), Files.of(sidecars)))


def test_a_folder_that_is_as_it_was_listed_is_known_by_its_seal(db):
    assert not is_sealed(db, [A], [B])
    listed(db, b"", [A], [B])
    assert is_sealed(db, [A], [B])
    db.execute("UPDATE photos SET due = 7.0, state = 'looked'")
    assert is_sealed(db, [A], [B]), "what is done about a photo is no matter of its file"


@pytest.mark.parametrize("place", range(4), ids=Stat._fields)
def test_no_seal_hides_another_state_of_a_file(db, place):
    listed(db, b"", [A], [B])
    state = [*stat(1)]
    state[place] += 1
    assert not is_sealed(db, [(b"a.jpg", Stat(*state))], [B])
    state = [*stat(2)]
    state[place] += 1
    assert not is_sealed(db, [A], [(b"a.jpg.xmp", Stat(*state))])


def test_no_seal_hides_another_name_or_a_file_more_or_less(db):
    listed(db, b"", [A], [B])
    assert not is_sealed(db, [(b"b.jpg", stat(1))], [B])
    assert not is_sealed(db, [A], [])
    assert not is_sealed(db, [], [B])
    assert not is_sealed(db, [A, (b"b.jpg", stat(1))], [B])


@pytest.mark.parametrize("break_", BREAKS.values(), ids=BREAKS)
def test_what_the_book_changes_of_a_file_breaks_the_seal_of_its_folder(db, break_):
    listed(db, b"", [A], [B])
    break_(db)
    assert not is_sealed(db, [A], [B])
    assert db.execute("SELECT count(*) FROM folders WHERE seal IS NOT NULL").fetchone() == (0,)


def test_a_folder_with_a_file_that_has_not_come_to_rest_has_no_seal(db):
    listed(db, b"", [A], [], young=frozenset({b"b.jpg"}))
    assert not is_sealed(db, [A], [])


def test_a_folder_in_another_order_is_the_same_and_gets_its_seal_anew(db):
    photos = [A, (b"b.jpg", stat(2))]
    listed(db, b"", photos)
    _rest(db)
    assert not is_sealed(db, photos[::-1], [])
    assert listed(db, b"", photos[::-1]) == files.Found()
    assert not due(db)
    assert is_sealed(db, photos[::-1], [])


def test_a_sealed_folder_keeps_its_time(db):
    listed(db, b"", [A], [B])
    files.sealed(db, "p", Folder(b"", 77, Files.of([A]), Files.of([B])))
    assert files.folder_times(db, "p") == {b"": 77}
