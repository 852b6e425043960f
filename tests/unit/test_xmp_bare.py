from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.sinks import Change, Claim

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OURS = Change(
    add={"digiKam:TagsList": ("a/b",), "lr:hierarchicalSubject": ("a|b",), "dc:subject": ("b",)},
    texts={"dc:description": "said"},
    claim=Claim("x", 1, ("a\x1fb",), ("dc:description",)),
)
AWAY = Change(remove=OURS.add, texts={"dc:description": None}, claim=Claim("x", 2, ()))


def left(data: bytes) -> bool:
    """Whether nothing is left once ours is taken away."""
    return xmp.bare(xmp.parse(xmp.edit(xmp.parse(data, b"f"), AWAY, NOW), b"f"))


def ours() -> bytes:
    return xmp.create(OURS, NOW, b"f").data


def test_of_a_sidecar_of_ours_nothing_is_left_and_before_something_is():
    assert not xmp.bare(xmp.parse(ours(), b"f"))
    assert left(ours())


@pytest.mark.parametrize(
    ("at", "more"),
    [
        (b"</rdf:Description>", b"<xmp:Rating>3</xmp:Rating></rdf:Description>"),
        (b'rdf:about=""', b'rdf:about="" xmp:Rating="3"'),
        (b"<rdf:RDF", b"<!-- Oma --><rdf:RDF"),
        (b"</rdf:RDF>", b'<rdf:Description rdf:about="" xmlns:k="urn:k" k:kept="red"/></rdf:RDF>'),
        (b"<rdf:RDF", b"<?mine keep?><rdf:RDF"),
        (b"</rdf:Description>", b"<dc:title>x</dc:title></rdf:Description>"),
    ],
)
def test_whatever_somebody_else_put_there_keeps_it(at, more):
    data = ours().replace(at, more, 1)
    assert data != ours()
    assert not left(data)


def test_a_frame_that_another_program_wrote_holds_nothing():
    data = ours().replace(b'x:xmptk="tagwright"', b'x:xmptk="Image::ExifTool 12.57"')
    assert left(
        data.replace(b"</rdf:RDF>", b"<rdf:Description rdf:about=''/>\n</rdf:RDF>").replace(b"\n", b"\r\n")
    )


def test_whose_it_is_says_nothing_by_itself():
    change = Change(add=OURS.add, texts={**OURS.texts, "photoshop:SidecarForExtension": "NEF"}, claim=OURS.claim)
    assert left(xmp.create(change, NOW, b"f").data)
