"""Whose photos are whose, and aliases that are one user's own."""

from __future__ import annotations

import pytest

from metadata.errors import UserError
from watcher.ledger import aliases, owners, store
from watcher.ledger.owners import EVERYBODY, NOBODY

ANNA, BEN = "a-1", "b-2"
COUCH, SOFA, SETTEE = ("couch",), ("sofa",), ("settee",)


@pytest.fixture
def ledger(tmp_path):
    made = store.open_for_writing(tmp_path)
    made.db.execute("INSERT INTO roots (name, base) VALUES ('p', '/p')")
    made.db.execute("INSERT INTO folders (id, root, path) VALUES (1, 'p', '')")
    for number in range(1, 6):
        made.db.execute(
            "INSERT INTO photos (id, folder, name, stem, size, mtime_ns, ctime_ns, inode, seen, digest) "
            "VALUES (?, 1, ?, ?, 1, 1, 1, 1, 1, x'00')",
            (number, b"%d.jpg" % number, b"%d" % number),
        )
    yield made
    made.close()


def give(ledger, **photos):
    for owner, numbers in photos.items():
        for number in numbers:
            ledger.db.execute(
                "INSERT INTO assets (id, owner, path, mark, verdict, reason, photo) "
                "VALUES (?, ?, '', '', '', '', ?)",
                (f"asset{number}", {"anna": ANNA, "ben": BEN}[owner], number),
            )


def name(ledger):
    owners.remember(
        ledger,
        {
            ANNA: frozenset({ANNA, "Anna", "anna@example.org"}),
            BEN: frozenset({BEN, "Ben", "ben@example.org"}),
        },
    )


def test_without_users_all_photos_are_everybodys(ledger):
    assert owners.parts(ledger.db) == [EVERYBODY]
    assert owners.mine(ledger.db, EVERYBODY, [1, 2]) == {1, 2}
    assert owners.scope(ledger.db, "") == EVERYBODY


def test_photos_are_divided_among_users_and_nobody(ledger):
    give(ledger, anna=[1, 2], ben=[3])
    assert owners.parts(ledger.db) == [ANNA, BEN, NOBODY]
    assert owners.mine(ledger.db, ANNA, [1, 2, 3, 4]) == {1, 2}
    assert owners.mine(ledger.db, NOBODY, [1, 2, 3, 4]) == {4}
    assert owners.scope(ledger.db, "") == NOBODY
    give(ledger, ben=[4, 5])
    assert owners.parts(ledger.db) == [ANNA, BEN]


@pytest.mark.parametrize("typed", ["Anna", "anna", "ANNA@example.org", ANNA])
def test_a_user_is_found_by_name_mail_or_id(ledger, typed):
    name(ledger)
    assert owners.find(ledger.db, typed) == ANNA
    assert owners.called(ledger.db, ANNA) == "anna@example.org"


def test_a_user_who_is_not_known_or_not_the_only_one_is_an_error(ledger):
    name(ledger)
    with pytest.raises(UserError, match="no user 'Carl'; known are: anna@example"):
        owners.find(ledger.db, "Carl")
    owners.remember(ledger, {ANNA: frozenset({"Kim"}), BEN: frozenset({"Kim"})})
    with pytest.raises(UserError, match="several users are called 'Kim'"):
        owners.find(ledger.db, "Kim")


def test_a_user_has_the_aliases_of_all_and_their_own_which_go_first(ledger):
    aliases.add(ledger.db, COUCH, SOFA, 1.0, leaf=True)
    aliases.add(ledger.db, COUCH, SETTEE, 1.0, leaf=False, owner=ANNA)
    aliases.add(ledger.db, ("cat",), ("kitty",), 1.0, leaf=True, owner=BEN)
    hers, his, all_ = (aliases.used(ledger.db, owner) for owner in (ANNA, BEN, EVERYBODY))
    assert (hers.paths, hers.leaves) == ({"couch": SETTEE}, {})
    assert his.leaves == {"couch": SOFA, "cat": ("kitty",)}
    assert all_.leaves == {"couch": SOFA}
    assert aliases.remove(ledger.db, COUCH, ANNA)
    assert aliases.used(ledger.db, ANNA) == all_


def test_no_alias_of_all_closes_a_circle_with_a_users_own(ledger):
    aliases.add(ledger.db, SOFA, COUCH, 1.0, leaf=True, owner=ANNA)
    with pytest.raises(UserError, match="circle"):
        aliases.add(ledger.db, COUCH, SOFA, 1.0, leaf=True)
    aliases.add(ledger.db, COUCH, SOFA, 1.0, leaf=True, owner=BEN)
    with pytest.raises(UserError, match="circle"):
        aliases.add(ledger.db, COUCH, SOFA, 1.0, leaf=True, owner=ANNA)


def test_what_is_kept_apart_for_all_is_kept_apart_for_each(ledger):
    aliases.keep_apart(ledger.db, ("mole",), (), 1.0)
    aliases.keep_apart(ledger.db, COUCH, SOFA, 1.0, ANNA)
    assert aliases.protected(ledger.db, BEN) == {"mole"}
    assert aliases.pairs(ledger.db, ANNA) == {("couch", "sofa")}
    assert aliases.pairs(ledger.db, BEN) == frozenset()
    assert not aliases.let_together(ledger.db, COUCH, SOFA)
    assert aliases.let_together(ledger.db, SOFA, COUCH, ANNA)
