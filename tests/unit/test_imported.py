"""What Immich holds at first contact is a person's, except what it has from a sidecar of ours."""

from __future__ import annotations

from metadata.fields import SERVER, SIDECAR
from metadata.memory import Context, Memory, Place, Truth, Wanted
from metadata.merge import merge
from metadata.sinks import Claim, Seen
from metadata.tags import TAGS_LIST, key, text, typed

CONTEXT = Context("book", 1, 1_000_000.0)


def truth(*ours, withheld=()):
    return Truth(
        {key(typed(w)): typed(w) for w in ours}, frozenset(key(typed(w)) for w in ours),
        withheld={key(typed(w)): typed(w) for w in withheld},
    )  # fmt: skip


def server(*tags, memory=None) -> Place:
    return Place(SERVER, Seen(True, b"s", {"tags": tags} if tags else {}, of="a"), memory)


def sidecar(*words, ours=(), claimed=(), known=True, former=()) -> Place:
    claim = Claim("book", 1, tuple(text(typed(w)) for w in claimed)) if claimed else None
    lists = {TAGS_LIST: words, "lr:hierarchicalSubject": words, "dc:subject": words} if words else {}
    seen = Seen(bool(words), b"f" if words else b"", lists, claimed=claim)
    names = frozenset(key(typed(w)) for w in ours)
    memory = Memory(lists=lists, digest=seen.digest, exists=seen.exists, ours=names, confirmed=names)
    memory = Memory(**{**{f: getattr(memory, f) for f in memory.__slots__}, "former": frozenset(former)})
    return Place(SIDECAR, seen, memory if known else None)


def merged(place, mirror, before=None, want=()):
    wanted = Wanted({key(typed(w)): typed(w) for w in want})
    return merge(before or Truth(), wanted, {"sidecar": place, "server": mirror}, CONTEXT).truth


def test_what_immich_holds_is_a_persons():
    after = merged(sidecar(), server("Oma", "places/Oslo"))
    assert (set(after.words), after.ours) == ({key(typed("Oma")), key(typed("places/Oslo"))}, frozenset())


def test_a_word_that_we_would_choose_as_well_is_a_persons_if_immich_had_it_first():
    after = merged(sidecar(), server("cat"), want=("cat", "dog"))
    assert after.ours == {"dog"}
    assert set(after.words) == {"cat", "dog"}


def test_a_word_that_is_ours_in_the_photos_sidecar_came_from_there():
    after = merged(sidecar("cat", ours=("cat",)), server("cat"), truth("cat"), want=("cat",))
    assert after.ours == {"cat"}


def test_a_word_that_the_sidecar_itself_calls_ours_came_from_there():
    after = merged(sidecar("cat", claimed=("cat",), known=False), server("cat"), want=("cat",))
    assert after.ours == {"cat"}


def test_a_word_that_is_ours_in_the_ledger_and_in_no_sidecar_is_a_persons_in_immich():
    after = merged(sidecar(), server("cat"), truth("cat"), want=("cat",))
    assert after.ours == frozenset()
    assert set(after.words) == {"cat"}


def test_a_word_that_was_undone_and_that_immich_had_from_our_sidecar_goes():
    after = merged(sidecar("x", former=("cat",)), server("cat"), truth(withheld=("cat",)), want=())
    assert "cat" not in after.words
    assert set(after.withheld) == {"cat"}


def test_later_a_word_of_ours_in_immich_stays_ours():
    memory = Memory(lists={}, digest=b"0", exists=True, of="a")
    after = merged(sidecar("cat", ours=("cat",)), server("cat", memory=memory), truth("cat"), want=("cat",))
    assert after.ours == {"cat"}
