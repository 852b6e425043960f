"""What is packed for another process comes out equal, and what is shared stays shared."""

from __future__ import annotations

from dataclasses import dataclass, field

from metadata.errors import ChangedMeanwhile
from metadata.memory import Memory
from metadata.sinks import Change, Seen
from watcher import parcel


@dataclass(frozen=True, slots=True)
class Counted:
    """One whose value is not all in what it is made of."""

    made: int
    more: int = 2
    told: list[int] = field(default_factory=list, init=False)


def test_dataclasses_come_out_equal_with_their_own_types():
    seen = Seen(exists=True, digest=b"d", lists={"dc:subject": ("a", "b")}, people=frozenset({"Anna"}))
    memory = Memory(lists=seen.lists, ours=frozenset({"a"}), since={"a": 1.5}, history=(b"1",))
    there = parcel.unpacked(parcel.packed([seen, memory, Change(add={"x": ("y",)}), None, 1.5]))
    assert there == [seen, memory, Change(add={"x": ("y",)}), None, 1.5]
    assert [type(one) for one in there[:3]] == [Seen, Memory, Change]


def test_what_two_hold_is_sent_once():
    content = b"x" * 10_000
    one, other = parcel.unpacked(parcel.packed([(content, 1), (content, 2)]))
    assert one[0] is other[0]
    assert len(parcel.packed([content] * 50)) < 11_000


def test_errors_and_what_is_made_otherwise_travel_as_pickle_has_them():
    error = ChangedMeanwhile(b"p", "why")
    counted = Counted(1)
    counted.told.append(3)
    there = parcel.unpacked(parcel.packed([error, counted]))
    assert str(there[0]) == str(error)
    assert there[1] == counted
    assert there[1].told == [3]
