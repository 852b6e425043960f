"""The sidecar as a document: what is read, what is spliced, what stays, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.errors import Refused
from metadata.sinks import Change, Claim

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
LR = 'xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
TREE = "digiKam:TagsList"


def packet(properties: str, attributes: str = "", about: str = ' rdf:about=""') -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF {RDF}>\n'
        f"  <rdf:Description{about} {DC} {LR}{attributes}>\n{properties}  </rdf:Description>\n"
        " </rdf:RDF>\n</x:xmpmeta>\n"
    ).encode()


def seen(data: bytes):
    return xmp.seen(xmp.parse(data, b"x.xmp"))


def edited(data: bytes, **change) -> bytes:
    return xmp.edit(xmp.parse(data, b"x.xmp"), Change(**change), NOW)


def undated(data: bytes) -> str:
    """The text without the line that tells the date of the change."""
    return "".join(line for line in data.decode().splitlines(keepends=True) if "MetadataDate" not in line)


BAG = packet(
    "   <dc:subject>\n    <rdf:Bag>\n     <rdf:li>sea</rdf:li>\n     <rdf:li>boat</rdf:li>\n"
    "    </rdf:Bag>\n   </dc:subject>\n"
)


@pytest.mark.parametrize("kind", ["Bag", "Seq", "Alt"])
def test_a_list_is_read_whatever_its_container_is(kind):
    data = BAG.replace(b"Bag", kind.encode())
    assert seen(data).lists == {"dc:subject": ("sea", "boat")}
    after = edited(data, add={"dc:subject": ("sun",)})
    assert seen(after).lists == {"dc:subject": ("sea", "boat", "sun")}
    assert after.count(kind.encode()) == data.count(kind.encode())


def test_a_new_item_stands_as_its_neighbours_do():
    after = undated(edited(BAG, add={"dc:subject": ("sun",)}))
    assert after == BAG.decode().replace("boat</rdf:li>\n", "boat</rdf:li>\n     <rdf:li>sun</rdf:li>\n")


def test_an_item_that_goes_takes_its_line_along():
    after = undated(edited(BAG, remove={"dc:subject": ("sea",)}))
    assert after == BAG.decode().replace("     <rdf:li>sea</rdf:li>\n", "")


def test_a_field_that_we_emptied_is_gone():
    after = undated(edited(BAG, remove={"dc:subject": ("sea", "boat")}))
    assert after == packet("").decode()


def test_adding_and_removing_gives_the_old_text_again():
    words = {TREE: ("a/b",), "lr:hierarchicalSubject": ("a|b",), "dc:subject": ("b",)}
    after = edited(BAG, add=words, texts={"dc:description": "x"})
    assert undated(edited(after, remove=words, texts={"dc:description": None})) == BAG.decode()


def test_nothing_to_do_gives_the_same_bytes():
    assert edited(BAG, add={"dc:subject": ("sea",)}, remove={TREE: ("z",)}, texts={"dc:title": None}) is not None
    assert edited(BAG, add={"dc:subject": ("sea",)}, remove={TREE: ("z",)}, texts={"dc:title": None}) == BAG


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (packet("", ' dc:subject="sea"'), ("sea",)),
        (packet("   <dc:subject>sea</dc:subject>\n"), ("sea",)),
        (packet("   <dc:subject>a &amp; b</dc:subject>\n"), ("a & b",)),
        (packet("   <dc:subject/>\n"), ()),
        (packet("   <dc:subject><rdf:Bag/></dc:subject>\n"), ()),
        (packet("   <dc:subject><rdf:Bag><rdf:li/></rdf:Bag></dc:subject>\n"), ()),
    ],
    ids=["attribute", "text", "entity", "hollow", "hollow bag", "hollow item"],
)
def test_a_keyword_field_of_another_form_becomes_a_proper_list(data, values):
    assert seen(data).lists == {"dc:subject": values}
    after = edited(data, add={"dc:subject": ("sun",)})
    assert seen(after).lists == {"dc:subject": (*values, "sun")}
    assert after.count(b"<rdf:li>") == len(values) + 1


def test_an_absent_field_is_no_empty_field():
    assert seen(packet("")).lists == {}


def test_two_fields_of_one_name_become_one_with_the_words_of_both():
    one = "   <dc:subject><rdf:Bag><rdf:li>one</rdf:li></rdf:Bag></dc:subject>\n"
    data = packet(one + one.replace("one", "two"))
    assert seen(data).lists == {"dc:subject": ("one", "two")}
    after = edited(data, add={"dc:subject": ("three",)})
    assert after.count(b"<dc:subject>") == 1
    assert seen(after).lists == {"dc:subject": ("one", "two", "three")}


def test_qualified_items_keep_their_qualifiers():
    item = (
        '<rdf:li rdf:parseType="Resource"><rdf:value>sea</rdf:value><my:score xmlns:my="u:x">1</my:score></rdf:li>'
    )
    data = packet(f'   <dc:subject><rdf:Bag>{item}<rdf:li xml:lang="fr">mer</rdf:li></rdf:Bag></dc:subject>\n')
    assert seen(data).lists["dc:subject"] == ("sea", "mer")
    assert item.encode() in edited(data, add={"dc:subject": ("sun",)}, remove={"dc:subject": ("mer",)})


def test_prefixes_mean_nothing_and_a_taken_one_is_left_alone():
    data = packet("").replace(DC.encode(), b'xmlns:dc="http://example.org/" xmlns:lr2="http://x/"')
    after = edited(data, add={"dc:subject": ("sun",)})
    assert seen(after).lists == {"dc:subject": ("sun",)}
    assert b'<dc1:subject xmlns:dc1="http://purl.org/dc/elements/1.1/">' in after


def test_another_prefix_for_the_namespace_is_used():
    data = packet("").replace(b"xmlns:lr=", b"xmlns:lightroom=")
    assert b"<lightroom:hierarchicalSubject>" in edited(data, add={"lr:hierarchicalSubject": ("a|b",)})


def test_a_hollow_description_is_opened():
    data = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF {RDF}>\n'
        '  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"/>\n'
        " </rdf:RDF>\n</x:xmpmeta>\n"
    ).encode()
    after = edited(data, add={"dc:subject": ("sun",)})
    assert seen(after).lists == {"dc:subject": ("sun",)}
    assert b'xmp:Rating="3">' in after


@pytest.mark.parametrize("rdf", [f"<rdf:RDF {RDF}/>", f"<rdf:RDF {RDF}></rdf:RDF>"])
def test_an_empty_rdf_gets_a_description(rdf):
    assert seen(edited(rdf.encode(), add={"dc:subject": ("sun",)})).lists == {"dc:subject": ("sun",)}


LANGUAGES = packet(
    '   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">sea</rdf:li>'
    '<rdf:li xml:lang="de">Meer</rdf:li></rdf:Alt></dc:description>\n'
)


def test_of_a_caption_only_the_default_language_changes():
    after = edited(LANGUAGES, texts={"dc:description": "ocean"})
    assert undated(after) == LANGUAGES.decode().replace(">sea<", ">ocean<")


def test_taking_our_caption_out_leaves_the_other_languages():
    after = edited(LANGUAGES, texts={"dc:description": None})
    assert undated(after) == LANGUAGES.decode().replace('<rdf:li xml:lang="x-default">sea</rdf:li>', "")


def test_a_default_is_put_before_other_languages():
    data = LANGUAGES.replace(b'<rdf:li xml:lang="x-default">sea</rdf:li>', b"")
    assert seen(data).texts["dc:description"] == "Meer"
    after = edited(data, texts={"dc:description": "sea"})
    assert undated(after) == LANGUAGES.decode()


@pytest.mark.parametrize(
    "data",
    [
        packet("   <dc:title>old</dc:title>\n"),
        packet("", ' dc:title="old"'),
        packet("", " dc:title='old'"),
        packet("   <dc:title><rdf:Bag><rdf:li>old</rdf:li></rdf:Bag></dc:title>\n"),
    ],
    ids=["text", "attribute", "apostrophes", "bag"],
)
def test_a_text_is_replaced_in_the_form_in_which_it_stands(data):
    value = "\"A\" & 'b' <c>\n\td"
    assert seen(data).texts == {"dc:title": "old"}
    after = edited(data, texts={"dc:title": value})
    assert seen(after).texts == {"dc:title": value}
    assert undated(edited(after, texts={"dc:title": "old"})) == data.decode()


def test_the_date_is_set_with_its_zone_and_only_with_a_change():
    stamp = b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:MetadataDate="2001-01-01T00:00:00"'
    data = packet("").replace(LR.encode(), stamp)
    assert edited(data) == data
    assert b'xmp:MetadataDate="2026-03-04T05:06:07+00:00"' in edited(data, add={"dc:subject": ("a",)})
    assert b">2026-03-04T05:06:07+00:00</xmp:MetadataDate>" in edited(BAG, add={"dc:subject": ("a",)})


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "iso-8859-1"])
def test_every_encoding_stays_what_it_is(codec):
    text = packet("   <dc:subject><rdf:Bag><rdf:li>Zürich</rdf:li></rdf:Bag></dc:subject>\n").decode()
    if codec == "iso-8859-1":
        text = f'<?xml version="1.0" encoding="{codec}"?>\n{text}'
    data = text.encode(codec)
    assert seen(data).lists == {"dc:subject": ("Zürich",)}
    after = edited(data, add={"dc:subject": ("東京",)}, texts={"dc:title": "é"})
    assert seen(after).lists == {"dc:subject": ("Zürich", "東京")}
    assert after[:4] == data[:4]
    assert "Zürich".encode(codec.removesuffix("-sig"))[4:] in after
    assert edited(after, remove={"dc:subject": ("東京",)}, texts={"dc:title": None}).decode(codec).count("\n") >= 6


def test_line_ends_comments_instructions_and_filling_stay():
    data = BAG.replace(b"   <dc:subject>", b"   <!-- > mine < --><?my pi?>\n   <dc:subject>")
    data = (
        b'<?xpacket begin="" id="W5M0"?>'
        + data.replace(b"\n", b"\r\n")
        + b" " * 2000
        + b'<?xpacket end="r"?>\n\0 \0\0'
    )
    after = edited(data, add={"dc:subject": ("sun",)}, texts={"dc:title": "t"})
    assert after.count(b"\r\n") == after.count(b"\n") - 1 > data.count(b"\r\n")
    back = edited(after, remove={"dc:subject": ("sun",)}, texts={"dc:title": None})
    assert undated(back) == undated(data)


def test_a_foreign_property_may_hold_one_of_its_own_name():
    inner = '<a:x xmlns:a="u:a"><a:x/><b:y xmlns:b="u:b"><a:x>1</a:x></b:y><dc:subject>no</dc:subject></a:x>'
    data = packet(f"   {inner}\n   <dc:subject>sea</dc:subject>\n")
    assert seen(data).lists == {"dc:subject": ("sea",)}
    assert inner.encode() in edited(data, add={"dc:subject": ("sun",)})


def test_programs_and_people_are_known():
    regions = (
        '<mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>'
        '<rdf:li><rdf:Description mwg-rs:Name="Ann"/></rdf:li>'
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Bob</mwg-rs:Name></rdf:li></rdf:Bag></mwg-rs:RegionList>'
        "</mwg-rs:Regions>"
    )
    person = (
        '<e:PersonInImage xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Bag><rdf:li>Cleo</rdf:li>'
        "</rdf:Bag></e:PersonInImage>"
    )
    data = packet(f"   {regions}{person}\n", ' xmlns:d="http://darktable.sf.net/" d:auto="1"')
    assert seen(data).people == {"Ann", "Bob", "Cleo"}
    assert seen(data).programs == {"darktable"}
    after = xmp.revise(xmp.parse(data, b"x.xmp"), seen(data), Change(add={TREE: ("a",)}), NOW)
    assert after.seen == seen(after.data)
    assert "digiKam" not in after.seen.programs


CLAIM = Claim("f3a9", 7, ("animals\x1fAC/DC|x", 'be "quick", <b>'), ("dc:description",))


@pytest.mark.parametrize("data", [BAG, BAG.decode().encode("utf-16"), xmp.new(Change(add={TREE: ("a",)}), NOW)])
def test_provenance_comes_back_as_it_went_and_can_be_taken_away(data):
    after = edited(data, claim=CLAIM)
    assert seen(after).claimed == CLAIM
    assert edited(after, claim=Claim("f3a9", 8, CLAIM.words, CLAIM.texts)) == after
    assert seen(edited(after, claim=Claim("f3a9", 9, ()))).claimed is None


def test_provenance_that_somebody_edited_says_nothing():
    after = edited(BAG, claim=CLAIM)
    for text in (b"{", b"[]", b'{"ledger":1}', b"[" * 100000):
        start, end = after.index(b":Ours"), after.index(b"</tagwright:Ours")
        start = after.index(b">", start) + 1
        assert seen(after[:start] + text + after[end:]).claimed is None


def test_a_new_sidecar_says_what_it_was_given_and_opens_as_exiv2_wants_it():
    change = Change(
        add={TREE: ("a/b",), "lr:hierarchicalSubject": ("a|b",), "dc:subject": ("b", "b", "<&>")},
        texts={"dc:description": "A & B", "photoshop:City": "Oslo", "dc:title": None},
        claim=CLAIM,
    )
    data = xmp.new(change, NOW)
    assert data[:80].startswith(b'<?xpacket begin="\xef\xbb\xbf"')
    assert data.split(b"\n")[1].startswith(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"')
    found = seen(data)
    assert found.lists == {TREE: ("a/b",), "lr:hierarchicalSubject": ("a|b",), "dc:subject": ("b", "<&>")}
    assert found.texts == {"dc:description": "A & B", "photoshop:City": "Oslo"}
    assert found.claimed == CLAIM
    assert xmp.create(change, NOW, b"x").data == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\0"[:2], "empty"),
        (b"\xff\xd8\xff\xe0", "line 1, column 1"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + BAG, "line 1, column 13: has a DOCTYPE"),
        (BAG.replace(b"sea", b"&sea;"), "line 6, column 14: undefined entity"),
        (BAG.replace(b"sea", b"&#1;"), "line 6, column 14"),
        (BAG.replace(b"sea", b"s\xe9a"), "line 6, column 15"),
        (BAG[:-5], "line 12"),
        (BAG.replace(b"</dc:subject>", b"</dc:title>"), "line 9, column 6: mismatched tag"),
        (BAG + BAG, "line 13, column 1: junk after document element"),
        (BAG.replace(b"</rdf:RDF>", b"</rdf:RDF><rdf:RDF " + RDF.encode() + b"/>"), "a second rdf:RDF"),
        (b"<html><body/></html>", "no rdf:RDF"),
        (b'<?xml version="1.0" encoding="utf-7"?>' + BAG, "utf-7"),
        (b"\xff\xfe\0\0<\0\0\0", "UTF-32"),
        (BAG.decode().encode("utf-16")[:-1], "is not valid utf-16-le"),
        (packet("   <dc:subject><a:b xmlns:a='u:a'/></dc:subject>\n"), "neither a list nor a text"),
        (
            BAG.replace(
                b"</rdf:RDF>", b'<rdf:Description rdf:about="a"/><rdf:Description rdf:about="b"/></rdf:RDF>'
            ),
            "2 resources",
        ),
        (
            packet("", ' xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:PresetType="Normal"'),
            "preset",
        ),
    ],
)
def test_what_cannot_be_changed_safely_is_refused_with_the_reason(data, reason):
    with pytest.raises(Refused) as caught:
        seen(data)
    assert reason in caught.value.reason


def test_a_value_that_xml_cannot_hold_is_refused():
    for value in ("a\x01b", "\ud800", "\ufffe"):
        with pytest.raises(Refused, match=r"U\+"):
            edited(BAG, add={"dc:subject": (value,)})
        with pytest.raises(Refused, match=r"U\+"):
            xmp.new(Change(add={"dc:subject": (value,)}), NOW)


def test_a_huge_file_is_refused_unread():
    with pytest.raises(Refused, match="are the most"):
        xmp.parse(b" " * (xmp.LIMIT + 1), b"x")


def test_a_flood_of_attributes_or_levels_or_items_is_worked_through():
    flood = "".join(f' a{number}="1"' for number in range(20000))
    deep = "<a:x xmlns:a='u:a'>" + "<a:y>" * 20000 + "</a:y>" * 20000 + "</a:x>"
    many = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(10000))
    data = packet(f"{deep}<dc:subject><rdf:Bag>{many}</rdf:Bag></dc:subject>", flood)
    assert len(seen(edited(data, add={"dc:subject": ("sun",)})).lists["dc:subject"]) == 10001


def test_a_prefix_that_nothing_is_bound_to_is_refused():
    for data in (packet("   <a:b/>\n"), packet("", ' a:b="1"'), packet("   <dc:title><a:b/></dc:title>\n")):
        with pytest.raises(Refused, match=r"line .* unbound prefix"):
            seen(data)


def test_a_default_namespace_is_a_namespace_for_elements_only():
    data = packet('   <subject xmlns="http://purl.org/dc/elements/1.1/" title="x">sea</subject>\n')
    assert seen(data.replace(b' title="x"', b"")).lists == {"dc:subject": ("sea",)}
    assert seen(data.replace(b"xmlns=", b"xmlns:dc=").replace(b' title="x"', b"")).lists == {}
