"""Words out of vectors that are booked together are booked as if they came one by one."""

import pytest

from metadata.choose import Evidence, Rules
from metadata.photo import Stat
from metadata.tags import parse
from watcher import vectors
from watcher.ledger import evidence, files, store

PICTURES = [b"a" * 16, b"b" * 16, b"b" * 16, b"c" * 16, b"d" * 16, b"e" * 16, b"e" * 16]
SAID = [
    (("sea", 0.9), ("boat", 0.3)),
    (("dog", 0.8),),
    (("dog", 0.8),),
    (),
    (("sea", 0.4),),
    (("cat", 0.7),),
    (("cat", 0.7),),
]
"""The second and third, and the last two, are copies of one picture."""


@pytest.fixture
def ledgers(tmp_path):
    """Two of the same: the fourth photo was spoken of before, something was undone for the last one."""
    made = [store.open_for_writing(tmp_path / name) for name in ("together", "alone")]
    for ledger in made:
        with ledger.transaction() as db:
            files.root(db, "photos", b"/photos", agreed=1.0)
            folder = files.folder(db, "photos", b"")
            for number, digest in enumerate(PICTURES):
                files.photo(db, folder, b"%d.jpg" % number, Stat(1, 1, 1, 1), now=1.0)
                db.execute("UPDATE photos SET digest = ? WHERE name = ?", (digest, b"%d.jpg" % number))
            evidence.keep(db, PICTURES[3], [Evidence(vectors.SOURCE, "0", [(parse("old"), 0.9)])], 1.0)
            db.execute("INSERT INTO withheld VALUES (?, 'cat', 'cat', 'undone', NULL, 1)", (number + 1,))
    yield made
    for ledger in made:
        ledger.close()


def state(db):
    tables = ("evidence", "tallies", "withheld")
    return [sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in tables]


def test_together_is_as_one_by_one(ledgers):
    rules = Rules()
    said = [
        (number + 1, digest, Evidence(vectors.SOURCE, "1", [(parse(word), score) for word, score in words]))
        for number, (digest, words) in enumerate(zip(PICTURES, SAID, strict=True))
    ]
    with ledgers[0].transaction() as db:
        together = vectors.keep_all(db, said, lambda _: rules, 2.0)
    with ledgers[1].transaction() as db:
        # the one for which something was undone hears of what is new first
        order = [*said[:-2], said[-1], said[-2]]
        alone = [kept for each in order for kept in vectors.keep_all(db, [each], lambda _: rules, 2.0)]
    assert {digest for _, digest in together} == {digest for _, digest in alone}
    assert {digest for _, digest in together} == {PICTURES[0], PICTURES[1], PICTURES[3], PICTURES[5]}
    assert state(ledgers[0].db)[:2] == state(ledgers[1].db)[:2]
    assert len(state(ledgers[0].db)[0]) == 5


def test_what_was_undone_is_let_go_as_soon_as_something_new_names_it(ledgers):
    said = [(7, PICTURES[6], Evidence(vectors.SOURCE, "1", [(parse("cat"), 0.7)]))]
    with ledgers[0].transaction() as db:
        assert vectors.keep_all(db, said, lambda _: Rules(), 2.0) == [(7, PICTURES[6])]
        assert db.execute("SELECT count(*) FROM withheld").fetchone() == (0,)
