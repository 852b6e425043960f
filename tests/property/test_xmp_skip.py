"""What is left out of the parser's hearing is well formed, whatever bytes it is made of."""

from __future__ import annotations

from xml.parsers import expat

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metadata.errors import Refused
from metadata.xmp_read import parse
from metadata.xmp_skip import cuts, sound, without

HEAD = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    b' xmlns:darktable="http://darktable.sf.net/">'
)
STEP = b'<rdf:li darktable:num="1" darktable:params="gz04eJx=" a="x > y"/>\n '
HISTORY = b"<darktable:history><rdf:Seq>%b</rdf:Seq></darktable:history>"
TAIL = b"<dc:subject><rdf:Bag><rdf:li>cat</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
PIECES = [
    *(b"<a>", b"</a>", b"<b x='1'/>", b'<b x="1"/>', b'<b x="1" x="2"/>', b'<b x="1"y="2"/>', b"<a\n>", b"</a >"),
    *(b'"', b"'", b"<", b">", b"/", b"=", b" ", b"&amp;", b"&", b"]]>", b"<!--", b"-->", b"<?p ?>", b"<![CDATA["),
    *(
        b"]]>",
        b"x",
        b'="',
        b"\0",
        b"\x0b",
        b"\xc3\xa9",
        b"\xff",
        b'<c d="<"/>',
        b"</",
        b"/>",
        b"a",
        b"1",
        b":",
        b"-",
    ),
]


def well_formed(content: bytes) -> bool:
    parser = expat.ParserCreate("utf-8")
    try:
        parser.Parse(b"<r>" + content + b"</r>", True)
    except expat.ExpatError:
        return False
    return True


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_what_is_called_sound_is_well_formed_to_expat(content: bytes) -> None:
    assert not sound(content) or well_formed(content)


@given(st.data())
def test_a_history_with_some_bytes_changed_is_sound_only_where_expat_agrees(data: st.DataObject) -> None:
    content = STEP * 3
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        piece = data.draw(st.sampled_from(PIECES) | st.binary(max_size=2))
        content = content[:at] + piece + content[at + data.draw(st.integers(0, 3)) :]
    assert not sound(content) or well_formed(content)


def test_a_history_is_sound_and_left_out() -> None:
    work = HEAD + HISTORY % (STEP * 100) + TAIL
    (cut,) = cuts(work)
    assert without(work, [cut]) == HEAD + b"<darktable:history/>" + TAIL
    document = parse(work, b"x.xmp")
    history, subject = document.nodes[0].kids
    assert (history.start, document.end(history)) == (cut.start, cut.end)
    assert work[subject.start : document.end(subject)].endswith(b"</dc:subject>")
    assert [kid.text for kid in subject.kids[0].kids] == ["cat"]


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (b"<!--", b"-->"),
        (b"<![CDATA[", b"]]>"),
        (b"<?p ", b"?>"),
        (b"<dc:x>", b"</dc:x>"),
        (b"<dc:title>", b"</dc:title>"),
        (b'<rdf:Description rdf:nodeID="a">', b"</rdf:Description>"),
    ],
)
def test_a_history_that_is_no_property_is_read_as_ever(before: bytes, behind: bytes) -> None:
    work = HEAD + before + HISTORY % (STEP * 100) + behind + TAIL
    document = parse(work, b"x.xmp")
    for kid in document.nodes[0].kids:
        assert work[: document.end(kid)].endswith(b"</" + document.tag(kid) + b">")
    assert document.nodes[0].kids[-1].kids[0].kids[0].text == "cat"


@given(st.data())
def test_a_fault_is_told_where_it_stands(data: st.DataObject) -> None:
    whole = HEAD + b"\n" + HISTORY % (STEP * 80) + b"\n" + TAIL
    at = data.draw(st.integers(len(HEAD), len(whole) - len(TAIL)))
    work = whole[:at] + data.draw(st.sampled_from(PIECES)) + whole[at:]
    assume(not well_formed(work))
    with pytest.raises(Refused) as told:
        parse(work, b"x.xmp")
    assume("unbound prefix" not in str(told.value))  # a fault before the one that expat stops at
    parser = expat.ParserCreate("utf-8")
    with pytest.raises(expat.ExpatError) as known:
        parser.Parse(work, True)
    assert f"line {known.value.lineno}, column {known.value.offset + 1}" in str(told.value)
