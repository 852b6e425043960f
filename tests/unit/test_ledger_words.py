from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata import tags
from metadata.choose import Chosen, Evidence
from metadata.memory import Memory, Truth
from metadata.photo import Stat
from watcher.ledger import evidence, files, store, words, writes

names = st.text("abcÄß😀|/ ", min_size=1, max_size=6)
keys = st.frozensets(names, max_size=4)
memories = st.builds(
    Memory,
    lists=st.dictionaries(names, st.lists(names, max_size=3).map(tuple), max_size=3),
    texts=st.dictionaries(names, names, max_size=3),
    digest=st.binary(max_size=16),
    exists=st.booleans(),
    run=st.integers(0, 99),
    ours=keys,
    confirmed=keys,
    texts_ours=st.dictionaries(names, names, max_size=2),
    written=st.dictionaries(names, st.floats(0, 2e9), max_size=2),
    tries=st.dictionaries(names, st.integers(0, 5), max_size=2),
    again=keys,
    history=st.lists(st.binary(min_size=16, max_size=16), max_size=3).map(tuple),
    writes=st.lists(st.floats(0, 2e9), max_size=3).map(tuple),
    kept=keys,
    dropping=keys,
    stale=st.booleans(),
    pending=st.booleans(),
    agreed=names,
    aside=names,
)


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    ledger = store.open_for_writing(tmp_path_factory.mktemp("ledger"))
    files.root(ledger.db, "p", b"/p", agreed=0.0)
    files.photo(ledger.db, files.folder(ledger.db, "p", b""), b"a.jpg", Stat(1, 1, 1, 1), now=0.0)
    files.photo(ledger.db, 1, b"a.nef", Stat(1, 1, 1, 1), now=0.0)
    yield ledger.db
    ledger.close()


@given(memory=memories)
def test_a_memory_comes_back_as_it_was_kept(db, memory):
    words.save_memory(db, 1, "sidecar", memory)
    assert words.memories(db, [1])[1] == {"sidecar": memory}


def _truth(*spoken, ours=(), **more):
    found = {tags.key(word): word for word in map(tags.typed, spoken)}
    return Truth(found, frozenset(tags.key(tags.typed(word)) for word in ours), **more)


def test_a_truth_comes_back_as_it_was_kept_step_by_step(db):
    word = tags.typed("Oma")
    steps = [
        Truth(),
        _truth("colour/red", ours=["colour/red"]),
        _truth("colour/red", "Oma", ours=["colour/red"]),
        _truth("colour/red", caption="See", caption_ours=True),
        _truth(refused={tags.key(word): word}, caption="Oma am See", conflict=True),
        _truth("Oma", withheld={"colour|red": tags.typed("colour/red")}, texts_refused=frozenset({"caption"})),
        Truth(),
    ]
    for before, after in itertools.pairwise(steps):
        chosen = {name: Chosen(after.words[name], "colour", 0.5) for name in after.ours}
        words.save_truth(db, 1, before, after, chosen=chosen, run=1, now=1.0)
        assert words.truths(db, [1])[1] == after


def test_a_refusal_holds_for_the_group(db):
    word = tags.typed("Opa")
    words.save_truth(db, 1, Truth(), Truth(refused={"opa": word}), chosen={}, run=1, now=1.0)
    assert words.truths(db, [2])[2].refused == {"opa": word}
    words.save_truth(db, 2, Truth(refused={"opa": word}), Truth(), chosen={}, run=1, now=1.0)
    assert words.truths(db, [1])[1].refused == {}


def test_what_was_said_comes_back_however_long(db):
    for count in (0, 3, 200):
        spoken = [((f"word {number}", "Ä"), number / 1000) for number in range(count)]
        said = Evidence("colour", "1", spoken, {"caption": "x" * count})
        back = evidence.unpack("colour", "1", evidence.pack(said))
        assert (list(back.words), dict(back.texts)) == (spoken, dict(said.texts))


def test_only_words_that_a_source_had_not_said_before_are_news(db):
    def keep(version, *spoken):
        return evidence.keep(db, b"n" * 16, [Evidence("s", version, [((word,), 1.0) for word in spoken])], 0.0)

    assert keep("1", "a", "b") == {("a",), ("b",)}
    assert keep("1", "a", "b") == set()
    evidence.ask_again(db, [b"n" * 16], "s")
    assert evidence.asked(db, [b"n" * 16]) == {b"n" * 16: frozenset({"s@?1"})}
    assert keep("1", "a", "b", "c") == {("c",)}
    assert keep("2", "a") == {("a",)}, "another model is new evidence"


def test_tallies_follow_what_is_said_and_forgotten(db):
    digests = [bytes([number]) * 16 for number in range(10)]
    for number, digest in enumerate(digests):
        spoken = [(("night",), 1.0)] if number < 4 else []
        evidence.keep(db, digest, [Evidence("night", "1", spoken)], 0.0)
    assert evidence.overused(db, ["night"], 0.3, 10) == {"night": (4, 10)}
    assert evidence.overused(db, ["night"], 0.4, 10) == {}
    assert evidence.overused(db, ["night"], 0.3, 11) == {}
    evidence.forget(db, digests[0])
    assert evidence.overused(db, ["night"], 0.3, 9) == {"night": (3, 9)}


def test_a_run_of_a_name_goes_on_and_another_one_ends_it(db):
    first = writes.today(db, "service monday", 1.0)
    assert writes.today(db, "service monday", 2.0) == first
    other = writes.begin(db, "apply", 3.0)
    assert db.execute("SELECT id FROM runs WHERE ended IS NULL").fetchall() == [(other,)]
    assert writes.today(db, "service monday", 4.0) == first
    assert db.execute("SELECT id FROM runs WHERE ended IS NULL").fetchall() == [(first,)]
