"""Splices are compared where they stand as they would be made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metadata.xmp_splice import Splice, apply, back, gives

PIECE = st.binary(max_size=4)
MADE = st.lists(st.tuples(PIECE, PIECE, PIECE), max_size=5)


def planned(parts: list[tuple[bytes, bytes, bytes]], tail: bytes) -> tuple[bytes, list[Splice]]:
    """A content, and splices in it: after what is kept something goes, and something comes."""
    work = b""
    splices = []
    for kept, gone, new in parts:
        start = len(work) + len(kept)
        work += kept + gone
        splices.append(Splice(start, start + len(gone), new))
    return work + tail, splices


@given(MADE, PIECE)
def test_the_way_back_gives_what_was_there(parts: list[tuple[bytes, bytes, bytes]], tail: bytes) -> None:
    work, splices = planned(parts, tail)
    made = apply(work, splices, b"x")
    assert gives(work, splices, made)
    assert gives(made, back(work, splices), work)


@given(MADE, PIECE, st.binary(max_size=40), st.data())
def test_only_what_the_splices_make_is_what_they_give(
    parts: list[tuple[bytes, bytes, bytes]], tail: bytes, other: bytes, data: st.DataObject
) -> None:
    work, splices = planned(parts, tail)
    made = apply(work, splices, b"x")
    at = data.draw(st.integers(0, len(made)))
    for wanted in (other, made[:at], made + other, made[:at] + b"\0" + made[at:], made[:at] + made[at + 1 :]):
        assert gives(work, splices, wanted) == (wanted == made)


def test_splices_that_overlap_give_nothing() -> None:
    assert not gives(b"abc", [Splice(0, 2, b""), Splice(1, 3, b"")], b"")
    assert not gives(b"abc", [Splice(0, 4, b"")], b"")
