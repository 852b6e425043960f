"""Keyword fields of other programs: they follow where they are, and are never created."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest

from metadata import foreign_words, inverse, xmp
from metadata.sinks import Change
from metadata.tags import show
from metadata.xmp_follow import values
from metadata.xmp_names import CATALOG_SETS, CATEGORIES, LAST_KEYWORDS
from metadata.xmp_seen import text
from tests.unit.keeper import Keeper, wanted

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TREE = "digiKam:TagsList"
SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
}


def packet(*properties: str, microsoft: str = "http://ns.microsoft.com/photo/1.0/") -> bytes:
    declared = "".join(f' xmlns:{p}="{u}"' for p, u in {**SPACES, "MicrosoftPhoto": microsoft}.items())
    inside = "".join(f"  {each}\n" for each in properties)
    return (
        f'<rdf:RDF{declared}>\n <rdf:Description rdf:about="">\n{inside} </rdf:Description>\n</rdf:RDF>'.encode()
    )


def listed(name: str, *words: str) -> str:
    return f"<{name}><rdf:Bag>{''.join(f'<rdf:li>{escape(w)}</rdf:li>' for w in words)}</rdf:Bag></{name}>"


def after(data: bytes, **change):
    document = xmp.parse(data, b"x.xmp")
    revised = xmp.revise(document, xmp.seen(document), Change(**change), NOW)
    assert inverse.undo(inverse.spliced(revised.back), revised.data) == data
    again = xmp.parse(revised.data, b"x.xmp")
    assert xmp.seen(again) == revised.seen
    assert xmp.revise(again, revised.seen, Change(**change), NOW).data == revised.data
    return again


def test_windows_keywords_follow_as_windows_writes_them():
    data = packet(listed(TREE, "a/b", "sea"), listed("MicrosoftPhoto:LastKeywordXMP", "sea", "hers"))
    document = after(data, add={TREE: ("x/y",)}, remove={TREE: ("sea",)})
    assert values(document, LAST_KEYWORDS) == ["hers", "a/b", "x/y"]
    assert xmp.seen(document).programs == {"Microsoft"}


def test_what_exiftool_moved_to_another_namespace_stays():
    field = listed("MicrosoftPhoto:LastKeywordXMP", "sea", "hers")
    data = packet(listed(TREE, "sea"), field, microsoft=LAST_KEYWORDS.uri.removesuffix("/"))
    assert field.encode() in after(data, add={TREE: ("x/y",)}, remove={TREE: ("sea",)}).data


def test_catalog_sets_follow_with_their_own_separator():
    document = after(packet(listed("mediapro:CatalogSets", "A|b")), add={TREE: ("a/b", "x/AC|DC")})
    assert values(document, CATALOG_SETS) == ["A|b", "x|AC/DC"]


def test_what_is_not_there_is_not_created():
    data = after(packet(), add={TREE: ("a/b",)}).data
    assert not any(
        name in data.replace(b"xmlns:", b"") for name in (b"LastKeyword", b"CatalogSets", b"categories")
    )


def test_a_field_of_another_program_alone_is_no_reason_to_write():
    data = packet(listed(TREE, "a/b"), listed("mediapro:CatalogSets", "old"))
    assert after(data, add={TREE: ("a/b",)}).data == data


def test_words_by_which_programs_speak_of_themselves_are_not_spread():
    document = after(packet(listed("mediapro:CatalogSets", "a")), add={TREE: ("darktable/changed", "b")})
    assert values(document, CATALOG_SETS) == ["a", "b"]


def level(name: str, inside: str = "", assigned: int = 1) -> str:
    return f'<Category Assigned="{assigned}">{escape(name)}{inside}</Category>'


def categories(inside: str) -> str:
    return f"<Categories>{inside}</Categories>"


HERS = level("her & own") + level("animals", level("cat"), 0)


@pytest.mark.parametrize("form", ["element", "attribute"])
def test_acdsee_categories_follow_level_by_level(form):
    raw = escape(categories(HERS), {'"': "&quot;"})
    if form == "element":
        data = packet(listed(TREE, "animals/cat"), f"<acdsee:categories>{raw}</acdsee:categories>")
    else:
        data = packet(listed(TREE, "animals/cat")).replace(
            b'rdf:about=""', f'rdf:about="" acdsee:categories="{raw}"'.encode()
        )
    document = after(data, add={TREE: ("Animals/dog <x>",)}, remove={TREE: ("animals/cat",)})
    wanted = level("her & own") + level("animals", level("dog <x>"), 0)
    assert text(document.places(CATEGORIES)[0]) == categories(wanted)


@pytest.mark.parametrize(
    "said",
    [
        "<Categories><Category>no mark</Category></Categories>",
        "<Categories>\n</Categories>",
        '<Categories><Category Assigned="1">a & b</Category></Categories>',
        '<!DOCTYPE x [<!ENTITY a "b">]><Categories/>',
        "plain",
        "<Categories>" + level("x" * 5, level("y") * 3).replace("Category", "Thing") + "</Categories>",
        categories('<Category Assigned="1">' * 500 + "</Category>" * 500),
    ],
)
def test_categories_in_a_form_that_we_do_not_know_stay_as_they_are(said):
    data = packet(f"<acdsee:categories>{escape(said)}</acdsee:categories>")
    assert text(after(data, add={TREE: ("a/b",)}).places(CATEGORIES)[0]) == said


def test_a_list_in_a_form_that_we_do_not_know_stays_and_stops_nothing():
    odd = '<mediapro:CatalogSets rdf:parseType="Resource"><mediapro:x>1</mediapro:x></mediapro:CatalogSets>'
    document = after(packet(odd), add={TREE: ("a/b",)})
    assert odd.encode() in document.data


BELOW = {
    "microsoft": listed("MicrosoftPhoto:LastKeywordXMP", "family/Oma", "sea"),
    "media pro": listed("mediapro:CatalogSets", "family|Oma", "sea"),
    "acdsee": "<acdsee:categories>&lt;Categories&gt;&lt;Category Assigned=&quot;0&quot;&gt;family"
    "&lt;Category Assigned=&quot;1&quot;&gt;Oma&lt;/Category&gt;&lt;/Category&gt;"
    "&lt;Category Assigned=&quot;1&quot;&gt;sea&lt;/Category&gt;&lt;/Categories&gt;</acdsee:categories>",
}


@pytest.mark.parametrize("name", BELOW)
def test_words_that_only_another_program_s_field_holds_are_a_person_s_and_hidden_by_no_list_of_ours(
    tmp_path, name
):
    data = packet(BELOW[name])
    keeper = Keeper(tmp_path, data)
    keeper.keep(wanted(("animals", "dog")))
    shown = xmp.seen(xmp.parse(keeper.sidecar.read_bytes(), b"x"))
    assert {*shown.lists["digiKam:TagsList"]} == {"family/Oma", "sea", "animals/dog"}
    assert {*shown.lists["lr:hierarchicalSubject"]} == {"family|Oma", "sea", "animals|dog"}
    assert {show(word): key in keeper.truth.ours for key, word in keeper.truth.words.items()} == {
        "family/Oma": False,
        "sea": False,
        "animals/dog": True,
    }
    assert keeper.keep(wanted(("animals", "dog"))) is None


@pytest.mark.parametrize("name", BELOW)
def test_such_a_word_goes_when_a_person_takes_it_away_elsewhere(name):
    document = xmp.parse(packet(BELOW[name]), b"x")
    before = xmp.seen(document)
    assert before.lists["digiKam:TagsList"] == ("family/Oma", "sea")
    made = xmp.revise(document, before, Change(remove={"digiKam:TagsList": ("sea",)}), NOW)
    assert made.seen.lists["digiKam:TagsList"] == ("family/Oma",)
    again = xmp.parse(made.data, b"x")
    assert xmp.seen(again) == made.seen
    assert foreign_words.below_tags_list(again) == ("family/Oma",)
    assert xmp.revise(document, before, Change(texts={"dc:title": "t"}), NOW).seen.lists == before.lists


@pytest.mark.parametrize("name", BELOW)
def test_the_last_such_word_goes_too(name):
    document = xmp.parse(packet(BELOW[name]), b"x")
    gone = Change(remove={"digiKam:TagsList": ("sea", "family/Oma")})
    made = xmp.revise(document, xmp.seen(document), gone, NOW)
    assert xmp.seen(xmp.parse(made.data, b"x")).lists == made.seen.lists == {}
