"""Regions and the place that is shown: read in every form, changed item by item, others' bytes kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metadata import xmp, xmp_structs
from metadata.errors import Refused
from metadata.sinks import Change
from metadata.xmp_splice import apply

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANNA, PLACE = "mwg-rs:Regions/Anna", "Iptc4xmpExt:LocationShown"
HERE = "0.5 0.4 0.1 0.2 of 4000x3000"
HEAD = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:MP="http://ns.microsoft.com/photo/1.2/"
 xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
 xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
 <rdf:Description rdf:about="">
"""
TAIL = "\n </rdf:Description></rdf:RDF></x:xmpmeta>"
SIZE = '<mwg-rs:AppliedToDimensions stDim:w="4000" stDim:h="3000.0" stDim:unit="pixel"/>'
AREA = 'stArea:x="0.5" stArea:y="0.4" stArea:w="0.1" stArea:h="0.2" stArea:unit="normalized"'
ITEMS = {
    "attributes": f'<rdf:li mwg-rs:Name="Anna" mwg-rs:Type="Face"><mwg-rs:Area {AREA}/></rdf:li>',
    "description": f'<rdf:li><rdf:Description mwg-rs:Name="Anna"><mwg-rs:Area {AREA}/></rdf:Description></rdf:li>',
    "resource": '<rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.5</stArea:x>'
    "<stArea:y>.4</stArea:y><stArea:w>0.10</stArea:w><stArea:h>2e-1</stArea:h></mwg-rs:Area>"
    "<mwg-rs:Name>Anna</mwg-rs:Name></rdf:li>",
}


def listed(*items, box="Bag", size=SIZE):
    regions = f"{size}<mwg-rs:RegionList><rdf:{box}>{''.join(items)}</rdf:{box}></mwg-rs:RegionList>"
    return f'{HEAD}<mwg-rs:Regions rdf:parseType="Resource">{regions}</mwg-rs:Regions>{TAIL}'.encode()


def seen(data):
    return xmp.seen(xmp.parse(data, b"a.xmp"))


def changed(data, **texts):
    """The file after these regions were set or (None) taken out; the way back gives the old bytes."""
    document = xmp.parse(data, b"a.xmp")
    change = Change(texts={f"mwg-rs:Regions/{name}": said for name, said in texts.items()})
    revised = xmp.revise(document, xmp.seen(document), change, NOW)
    assert apply(revised.data, revised.back, b"a.xmp") == data
    assert seen(revised.data) == revised.seen
    return revised


@pytest.mark.parametrize("form", ITEMS)
@pytest.mark.parametrize("box", ["Bag", "Seq"])
def test_a_region_is_read_in_every_form(form, box):
    said = seen(listed(ITEMS[form], box=box))
    assert said.texts == {ANNA: HERE}
    assert (said.regions, said.people) == (1, {"Anna"})


@pytest.mark.parametrize("form", ITEMS)
def test_one_more_is_put_behind_the_others_which_stay_byte_for_byte(form):
    data = listed(ITEMS[form], "<rdf:li><!-- x --></rdf:li>")
    revised = changed(data, Bob="0.1 0.2 0.1 0.1 of 4000x3000")
    assert f"{ITEMS[form]}<rdf:li><!-- x --></rdf:li>".encode() in revised.data
    assert revised.seen.texts == {ANNA: HERE, "mwg-rs:Regions/Bob": "0.1 0.2 0.1 0.1 of 4000x3000"}
    assert revised.seen.regions == 3


def test_of_two_of_one_name_the_one_that_is_meant_goes():
    other = ITEMS["attributes"].replace("0.5", "0.8")
    data = listed(ITEMS["resource"], other)
    assert seen(data).texts == {ANNA: f"{HERE}; 0.8 0.4 0.1 0.2 of 4000x3000"}
    revised = changed(data, Anna="0.8 0.4 0.1 0.2 of 4000x3000")
    assert revised.data.count(b"<rdf:li") == 1
    assert other.encode() in revised.data


def test_the_last_region_takes_the_whole_property_with_it():
    revised = changed(listed(ITEMS["resource"]), Anna=None)
    assert b"Regions>" not in revised.data
    assert revised.seen.texts == {}


def test_an_empty_list_is_filled():
    data = listed()
    assert list(changed(data, Anna=HERE).seen.texts) == [ANNA]
    assert list(changed(data.replace(b"<rdf:Bag></rdf:Bag>", b"<rdf:Bag/>"), Anna=HERE).seen.texts) == [ANNA]


def test_without_a_size_the_area_is_told_without_one_and_ours_still_fits():
    revised = changed(listed(ITEMS["resource"], size=""), Bob=HERE)
    assert revised.seen.texts == {ANNA: "0.5 0.4 0.1 0.2", "mwg-rs:Regions/Bob": "0.5 0.4 0.1 0.2"}


def test_ten_are_refused_and_the_file_stays():
    items = [ITEMS["attributes"].replace("Anna", f"P{number}") for number in range(9)]
    with pytest.raises(Refused, match="more than 9 regions would stand in it"):
        changed(listed(*items), Anna=HERE)
    assert changed(listed(*items[:8]), Anna=HERE).seen.regions == 9


@pytest.mark.parametrize(
    "odd",
    [
        listed(ITEMS["resource"]).replace(
            b"</mwg-rs:Regions>", b'</mwg-rs:Regions><mwg-rs:Regions rdf:nodeID="a"/>'
        ),
        f"{HEAD}<mwg-rs:Regions>text</mwg-rs:Regions>{TAIL}".encode(),
        f'{HEAD}<mwg-rs:Regions rdf:parseType="Resource">{SIZE}</mwg-rs:Regions>{TAIL}'.encode(),
        HEAD.replace("<rdf:Description", '<rdf:Description mwg-rs:Regions="x"').encode() + TAIL.encode(),
    ],
)
def test_a_form_that_is_not_known_takes_no_region_and_stays(odd):
    assert seen(odd).regions > xmp_structs.MOST
    with pytest.raises(Refused):
        changed(odd, Zoe=HERE)


def test_regions_of_microsofts_are_read_and_never_written():
    info = (
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:PersonDisplayName="Anna" '
        'MPReg:Rectangle="0.1, 0.2, 0.3, 0.4"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>'
    )
    data = f"{HEAD}{info}{TAIL}".encode()
    assert seen(data).texts == {"MP:RegionInfo/Anna": "0.1, 0.2, 0.3, 0.4"}
    assert seen(data).people == {"Anna"}
    assert info.encode() in changed(data, Bob=HERE).data


def test_a_namespace_keeps_the_one_prefix_that_the_document_has():
    data = listed(ITEMS["resource"]).replace(b"stArea", b"area").replace(b"mwg-rs", b"m")
    revised = changed(data, Bob=HERE)
    assert b"stArea" not in revised.data
    assert b"<m:Name>Bob</m:Name>" in revised.data


def test_what_was_not_to_change_is_compared_byte_for_byte():
    before, after = (
        xmp.parse(listed(ITEMS["resource"], item), b"a") for item in (ITEMS["attributes"], ITEMS["description"])
    )
    assert xmp_structs.untouched(before, before, {})
    assert not xmp_structs.untouched(before, after, {})
    assert not xmp_structs.untouched(before, after, {"mwg-rs:Regions/Bob": HERE})
    assert xmp_structs.untouched(before, after, {ANNA: HERE})


# The place that is shown


def placed(inside):
    return f"{HEAD}<e:LocationShown><rdf:Bag>{inside}</rdf:Bag></e:LocationShown>{TAIL}".encode()


def test_a_place_is_told_in_lines_and_comes_and_goes():
    data = f"{HEAD}{TAIL}".encode()
    document = xmp.parse(data, b"a")
    told = "City: Oslo\nState: Oslo County\nCountry: Norway\nCode: NO"
    revised = xmp.revise(document, xmp.seen(document), Change(texts={PLACE: told}), NOW)
    assert seen(revised.data).texts == {PLACE: told}
    again = xmp.parse(revised.data, b"a")
    moved = xmp.revise(again, revised.seen, Change(texts={PLACE: "City: Bergen"}), NOW)
    assert seen(moved.data).texts == {PLACE: "City: Bergen"}
    gone = xmp.revise(xmp.parse(moved.data, b"a"), moved.seen, Change(texts={PLACE: None}), NOW)
    assert b"LocationShown" not in gone.data


def test_a_new_sidecar_says_the_same():
    made = xmp.create(Change(texts={PLACE: "City: A & B\nCode: NO"}), NOW, b"a.xmp")
    assert seen(made.data) == made.seen
    assert made.seen.texts == {PLACE: "City: A & B\nCode: NO"}


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ('<rdf:li e:City="Oslo"/>', "City: Oslo"),
        ("<rdf:li/>", "a place"),
        ('<rdf:li e:City="Oslo"/><rdf:li e:City="Bergen"/>', "several places"),
    ],
)
def test_a_place_of_somebody_elses_is_seen_in_any_form(inside, told):
    assert seen(placed(inside)).texts == {PLACE: told}
