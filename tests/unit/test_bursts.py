"""Which burst and which moment a photo says that it is of."""

from __future__ import annotations

import struct

import pytest

from metadata import bursts
from models.look import Item, LookJob, look
from tests.flow.house_world import BLUE, RED, paint


def notes(*entries, order=">"):
    """Apple's maker notes: (tag, text) as their directory has it."""
    head = b"Apple iOS\0\0\1" + (b"MM" if order == ">" else b"II")
    table, data = struct.pack(order + "H", len(entries)), b""
    start = len(head) + 2 + 12 * len(entries) + 4
    for tag, text in entries:
        value = text.encode() + b"\0"
        table += struct.pack(order + "HHII", tag, 2, len(value), start + len(data))
        data += value
    return head + table + bytes(4) + data


@pytest.mark.parametrize("order", "><")
def test_apples_notes_name_burst_and_moment(order):
    told = notes((11, "5B1A-UUID"), (17, "AA-BB-CC"), (20, "else"), order=order)
    assert bursts.of_apple(told) == ("5B1A-UUID", "AA-BB-CC")


@pytest.mark.parametrize(
    "data", [b"", b"Nikon\0", b"Apple iOS\0", notes((11, "x" * 9))[:30], notes((11, "ok-ok"))[:-9] + b"\xff" * 9]
)
def test_notes_that_are_cut_or_another_makers_name_none_and_raise_nothing(data):
    assert bursts.of_apple(data)[1] == ""


@pytest.mark.parametrize(
    ("name", "burst"),
    [
        (b"a/IMG_20190101_123456_BURST001_COVER.jpg", "IMG_20190101_123456_BURST"),
        (b"a/IMG_20190101_123456_BURST2.jpg", "IMG_20190101_123456_BURST"),
        (b"00003IMG_00003_BURST20190101123456789_COVER.jpg", "_BURST20190101123456789"),
        (b"00004IMG_00004_BURST20190101123456789.jpg", "_BURST20190101123456789"),
        (b"STARBURST_1.jpg", ""),
        (b"IMG_BURSTING.jpg", ""),
        (b"plain.jpg", ""),
    ],
)
def test_names_as_phones_give_them_name_the_burst(name, burst):
    assert bursts.of_name(name) == burst


def test_google_names_it_in_xmp():
    assert bursts.of_packets([b"<x/>", b'<rdf GCamera:BurstID="7dd0-12" GCamera:BurstPrimary="1"/>']) == "7dd0-12"
    assert bursts.of_packets([b"<GCamera:BurstID>7dd0-12</GCamera:BurstID>"]) == "7dd0-12"
    assert bursts.of_packets([b"<x>Bursting with joy</x>"]) == ""


class Asked:
    """A tagger that remembers whom it was asked about."""

    name, version, edge, of_file = "asked", "1", 64, False

    def __init__(self) -> None:
        self.names = []
        self.fails = ()

    def tag(self, views):
        self.names += [view.name for view in views]
        if any(view.name in self.fails for view in views):
            raise RuntimeError("no")
        return [[((view.name,), 0.9)] for view in views]


@pytest.fixture
def tagger(monkeypatch):
    made = Asked()
    monkeypatch.setattr("models.look._tagger", lambda _: made)
    return made


def said(job):
    return [[word[0] for one in looked.evidence for word, _ in one.words] for looked in look(job)]


def shot(folder, *names):
    paths = [paint(folder / name, (RED, BLUE)[mark % 2], mark=mark) for mark, name in enumerate(names)]
    return LookJob(tuple(Item(number, bytes(path)) for number, path in enumerate(paths)), (("asked", ()),))


def test_one_photo_of_a_burst_is_asked_about_and_its_answer_is_that_of_all(tmp_path, tagger):
    job = shot(tmp_path, "a_BURST001.jpg", "b.jpg", "a_BURST002.jpg", "c_BURST001.jpg", "a_BURST003.jpg")
    first, other = ["a_BURST001.jpg"], ["c_BURST001.jpg"]
    assert said(job) == [first, ["b.jpg"], first, other, first]
    assert tagger.names == ["a_BURST001.jpg", "b.jpg", "c_BURST001.jpg"]


def test_bursts_of_one_name_in_two_folders_are_two(tmp_path, tagger):
    assert said(shot(tmp_path, "1/a_BURST001.jpg", "2/a_BURST002.jpg")) == [["a_BURST001.jpg"], ["a_BURST002.jpg"]]


def test_where_the_first_fails_the_next_is_asked(tmp_path, tagger):
    tagger.fails = ("a_BURST001.jpg",)
    looked = look(shot(tmp_path, "a_BURST001.jpg", "a_BURST002.jpg", "a_BURST003.jpg"))
    assert [one.error is None for one in looked] == [False, True, True]
    assert [len(one.evidence) for one in looked] == [0, 1, 1]
