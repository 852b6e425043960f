"""Random documents and values: nothing foreign changes, what was wanted stands there, noise is refused."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from hypothesis import given
from hypothesis import strategies as st

from metadata import inverse, xmp
from metadata.errors import Refused
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Seen
from metadata.sinks.memory import changed
from metadata.sinks.sidecar import SidecarSink

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LISTS = ["digiKam:TagsList", "lr:hierarchicalSubject", "dc:subject"]
TEXTS = ["dc:description", "tiff:ImageDescription", "dc:title", "photoshop:City"]
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "my": "http://example.org/my/",
}

signs = st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")
values = st.text(st.one_of(signs, st.sampled_from("\n\t<>&\"'")), min_size=1, max_size=12).filter(str.strip)
words = st.lists(st.one_of(st.sampled_from(["sea", "a/b", "<&>", "ü"]), values), max_size=5).map(tuple)
gaps = st.sampled_from(["", "\n   ", "\r\n\t", "\n<!-- dc:subject -->\n "])


@st.composite
def listed(draw, name: str) -> str:
    gap, kind = draw(gaps), draw(st.sampled_from(["Bag", "Seq", "Alt"]))
    items = "".join(f"{gap}<rdf:li>{escape(value)}</rdf:li>" for value in draw(words))
    return f"<{name}>{gap}<rdf:{kind}>{items}{gap}</rdf:{kind}></{name}>"


@st.composite
def said(draw, name: str) -> str:
    value = draw(values)
    alternative = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(value)}</rdf:li></rdf:Alt>'
    german = '<rdf:Alt><rdf:li xml:lang="de">gut</rdf:li></rdf:Alt>'
    return f"<{name}>{draw(st.sampled_from([escape(value), alternative, german, '<rdf:Alt/>']))}</{name}>"


foreign = st.sampled_from(
    [
        "<my:x>1 &gt; 0</my:x>",
        '<my:x rdf:parseType="Resource"><my:x/><dc:subject>no</dc:subject></my:x>',
        "<my:y/>",
        "<my:z><![CDATA[</my:z><dc:subject>]]></my:z>",
        '<my:z my:a="&lt;">\n<rdf:Bag><rdf:li/></rdf:Bag></my:z>',
        "<!-- <dc:subject/> --><?my pi?>",
    ]
)


@st.composite
def documents(draw) -> bytes:
    properties = [draw(foreign) for _ in range(draw(st.integers(0, 4)))]
    attributes = ""
    properties += [draw(listed(name)) for name in draw(st.sets(st.sampled_from(LISTS)))]
    for name in draw(st.sets(st.sampled_from(TEXTS))):
        if draw(st.booleans()):
            properties.append(draw(said(name)))
        else:
            attributes += f" {name}={quoteattr(draw(values))}"
    properties = draw(st.permutations(properties))
    half = draw(st.integers(0, len(properties)))
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in SPACES.items())
    gap = draw(gaps)
    nodes = "".join(
        f'{gap}<rdf:Description rdf:about=""{more}>{"".join(gap + each for each in part)}{gap}</rdf:Description>'
        for part, more in ((properties[:half], attributes), (properties[half:], " my:q='1'"))
    )
    rdf = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"{declared}>{nodes}{gap}</rdf:RDF>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}</x:xmpmeta>\n'.encode(
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    )


changes = st.builds(
    Change,
    add=st.dictionaries(st.sampled_from(LISTS), words),
    remove=st.dictionaries(st.sampled_from(LISTS), words),
    texts=st.dictionaries(st.sampled_from(TEXTS), st.one_of(st.none(), values)),
    claim=st.one_of(st.none(), st.builds(Claim, st.just("led"), st.integers(1, 3), words)),
)


def same(one: Seen, other: Seen, deleted: set[str]) -> None:
    assert {name: sorted(each) for name, each in one.lists.items() if each} == {
        name: sorted(each) for name, each in other.lists.items() if each
    }
    for name in {*one.texts, *other.texts} - deleted:
        assert one.texts.get(name) == other.texts.get(name)
    assert one.claimed == other.claimed


@given(documents(), changes)
def test_a_change_does_what_the_reference_does_and_can_be_taken_back(data, change):
    document = xmp.parse(data, b"x")
    before = xmp.seen(document)
    revised = xmp.revise(document, before, change, NOW)
    after = xmp.seen(xmp.parse(revised.data, b"x"))
    assert after == revised.seen
    same(after, changed(before, change), {name for name, text in change.texts.items() if text is None})
    assert inverse.undo(inverse.spliced(revised.back), revised.data) == data
    again = xmp.revise(xmp.parse(revised.data, b"x"), after, change, NOW)
    if not any(set(change.add.get(name, ())) & set(change.remove.get(name, ())) for name in LISTS):
        assert again.data == revised.data


@given(documents(), changes)
def test_what_is_not_ours_stays_in_its_order(data, change):
    pieces = ["<my:x>1 &gt; 0</my:x>", "<my:y/>", "<![CDATA[</my:z><dc:subject>]]>", "<!-- <dc:subject/> -->"]
    before = data.decode("utf-16" if data[:1] == b"\xff" else "utf-8")
    after = xmp.edit(xmp.parse(data, b"x"), change, NOW).decode("utf-16" if data[:1] == b"\xff" else "utf-8")
    places = [sorted((text.find(piece), piece) for piece in pieces if piece in text) for text in (before, after)]
    assert [piece for _, piece in places[0]] == [piece for _, piece in places[1]]
    assert all(before.count(piece) == after.count(piece) for piece in pieces)


@given(changes)
def test_a_new_sidecar_says_what_it_was_given(change):
    made = xmp.create(change, NOW, b"x").seen
    reference = changed(Seen(exists=False, digest=b""), Change(add=change.add, texts=change.texts))
    assert dict(made.lists) == dict(reference.lists)
    assert dict(made.texts) == dict(reference.texts)


@given(documents(), st.data())
def test_damage_never_crashes_and_never_writes_what_it_did_not_understand(data, choose):
    broken = bytearray(data)
    for _ in range(choose.draw(st.integers(1, 3))):
        broken[choose.draw(st.integers(0, len(broken) - 1))] = choose.draw(st.integers(0, 255))
    cut = bytes(broken[: choose.draw(st.integers(0, len(broken)))])
    with tempfile.TemporaryDirectory() as folder:
        photo = Photo(1, "r", os.fsencode(folder), b"a.jpg")
        for path, content in ((photo.file, b""), (photo.file + b".xmp", cut)):
            with open(path, "wb") as file:
                file.write(content)
        sink = SidecarSink(clock=lambda: NOW)
        (seen,) = sink.read([photo])
        if isinstance(seen, Seen):
            drafted = sink.draft(photo, seen, Change(add={"dc:subject": ("sun",)}))
            if not isinstance(drafted, Refused):
                assert isinstance(sink.write([drafted])[0], Seen)
                sink.write([sink.revert(photo, drafted.where, drafted.after, drafted.inverse)])
        with open(photo.file + b".xmp", "rb") as file:
            assert file.read() == cut
        assert len(os.listdir(folder)) == 2


def test_every_truncation_of_a_sidecar_is_refused():
    data = xmp.new(Change(add={"dc:subject": ("sun",)}, texts={"dc:title": "t"}), NOW)
    end = data.index(b"</x:xmpmeta>") + len(b"</x:xmpmeta>")
    for size in range(end):
        try:
            xmp.seen(xmp.parse(data[:size], b"x"))
        except Refused:
            continue
        raise AssertionError(size)
