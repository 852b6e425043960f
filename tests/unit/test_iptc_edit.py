"""An IPTC block is changed set by set: ours exchanged, foreign ones kept, one character set for all."""

import pytest

from metadata.container import Anatomy
from metadata.iptc import read_iptc
from metadata.iptc_edit import DataSet, cut, parse, revised, trimmed, whole

VERSION = DataSet(2, 0, b"\0\4")
LATIN = [VERSION, DataSet(2, 25, b"M\xfcller"), DataSet(2, 80, b"J\xfcrgen"), DataSet(2, 202, b"\xff\xd8\x1c")]


def block(*sets: DataSet) -> bytes:
    return b"".join(map(bytes, sets))


def said(raw: bytes):
    return read_iptc(Anatomy("JPEG", iim=[raw])).values


def test_a_block_in_latin_1_is_converted_whole_when_a_word_needs_it():
    new = revised(block(*LATIN), ["東京"], [], {}, [])
    assert parse(new)[0] == DataSet(1, 90, b"\x1b%G")
    assert dict(said(new)) == {"keywords": ("Müller", "東京"), "creator": ("Jürgen",)}
    assert LATIN[3] in parse(new)  # a picture is no text
    assert VERSION in parse(new)


def test_a_block_in_latin_1_that_stays_so_keeps_its_bytes():
    raw = block(VERSION, DataSet(2, 80, b"J\xfcrgen"))
    assert revised(raw, [], ["none"], {}, []) == raw


def test_a_plain_word_needs_no_mark():
    raw = block(VERSION, DataSet(2, 120, b"caption"))
    new = revised(raw, ["cat"], [], {}, [])
    assert parse(new) == [VERSION, DataSet(2, 25, b"cat"), DataSet(2, 120, b"caption")]


def test_words_come_behind_their_equals_and_once():
    raw = block(DataSet(2, 25, b"a"), DataSet(2, 25, b"b"), DataSet(2, 80, b"x"))
    new = revised(raw, ["c", "b", "c"], ["a"], {}, [])
    assert parse(new) == [*(DataSet(2, 25, each) for each in (b"b", b"c")), DataSet(2, 80, b"x")]
    assert revised(new, ["c"], ["a"], {}, []) == new


def test_a_cut_keyword_goes_with_the_whole_one_and_does_not_come_twice():
    long = "ü" * 40
    raw = revised(block(VERSION), [long], [], {}, [])
    assert said(raw)["keywords"] == ("ü" * 32,)
    assert revised(raw, [long], [], {}, [long]) == raw
    assert "keywords" not in said(revised(raw, [], [long], {}, [long]))


@pytest.mark.parametrize(
    ("value", "known", "expected"),
    [
        ("ü" * 32, ["ü" * 40], "ü" * 40),
        ("a" * 63, ["a" * 63 + "😀"], "a" * 63 + "😀"),
        ("cat", ["caterpillar"], "cat"),
        ("a" * 64, ["b" * 70], "a" * 64),
    ],
)
def test_only_what_was_cut_is_taken_for_a_longer_word(value, known, expected):
    assert whole(value, "keywords", known) == expected


def test_texts_are_cut_between_signs_set_once_and_deleted():
    assert cut("a" * 31 + "ü", "city") == "a" * 31
    raw = block(VERSION, DataSet(2, 90, b"Bonn"), DataSet(2, 101, b"x"))
    new = revised(raw, [], [], {"city": "Zürich", "country": None}, [])
    assert dict(said(new)) == {"city": ("Zürich",)}
    assert revised(new, [], [], {"city": "Zürich"}, []) == new


def test_long_values_have_a_long_header_and_come_back():
    raw = block(DataSet(2, 202, b"x" * 40_000), DataSet(2, 25, b"a"))
    assert parse(raw) == [DataSet(2, 202, b"x" * 40_000), DataSet(2, 25, b"a")]
    assert revised(raw, ["b"], [], {}, []).startswith(bytes(DataSet(2, 202, b"x" * 40_000)))


def test_padding_falls_away_and_rubbish_is_refused():
    raw = block(VERSION)
    assert trimmed(raw + b"\0\0") == raw
    assert trimmed(raw + b"?") == raw + b"?"
    for bad in (raw + b"?", raw[:-1], b"\x1c\x02\x19\x80\x09" + b"\0" * 20):
        with pytest.raises(ValueError, match="IPTC"):
            parse(bad)
