"""Every writer's sidecars through merge, rename, removal and undo, judged by a reader of our own making."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from metadata import xmp
from metadata.errors import Refused
from tests.unit import triples
from tests.unit.keeper import Keeper, wanted
from tests.unit.sidecar_set import RDF, SIDECARS, SPACES

CORPUS = Path(__file__).parents[2].parent / "shared" / "xmp-corpus"
OTHERS = {path.name: path.read_bytes() for path in sorted((CORPUS / "xmp").glob("*.xmp"))}
ALL = {**SIDECARS, **OTHERS}
every = pytest.mark.parametrize("name", ALL)

TAGWRIGHT = "{urn:tagwright:ns:1.0/}Ours"
DATE = f"{{{SPACES['xmp']}}}MetadataDate"
TREE, PATHS, LEAVES = (
    f"{{{SPACES[prefix]}}}{local}"
    for prefix, local in (("digiKam", "TagsList"), ("lr", "hierarchicalSubject"), ("dc", "subject"))
)
CAPTIONS = [f"{{{SPACES['dc']}}}description", f"{{{SPACES['tiff']}}}ImageDescription"]
FOLLOWERS = [
    f"{{{SPACES['MicrosoftPhoto']}}}LastKeywordXMP",
    f"{{{SPACES['mediapro']}}}CatalogSets",
    f"{{{SPACES['acdsee']}}}categories",
]
LISTS = (TREE, PATHS, LEAVES)
OURS = [("animals", "dog"), ("tw one",), ("scene", "béach <&>")]
SPELT = {
    TREE: ["animals/dog", "tw one", "scene/béach <&>"],
    PATHS: ["animals|dog", "tw one", "scene|béach <&>"],
    LEAVES: ["dog", "tw one", "béach <&>"],
}
CAPTION = "A dog & <more>"
MOST = 3
"""Of the real files, those that may be refused: a preset and two that are broken."""


def refused(data: bytes) -> bool:
    try:
        xmp.seen(xmp.parse(data, b"x"))
    except Refused:
        return True
    return False


def foreign(data: bytes) -> Counter:
    """All that is neither a keyword, nor the caption in the default language, nor ours alone."""
    found = Counter()
    for name, value in triples.statements(data):
        if name in (TAGWRIGHT, DATE, *LISTS, *FOLLOWERS):
            continue
        if name in CAPTIONS:
            found.update(
                (name, each) for each in value[1] if value[0] == "Alt" and each[2] not in ("", "x-default")
            )
            continue
        found[name, value] += 1
    return found


def words(data: bytes, name: str) -> Counter:
    return Counter(triples.listed(data, name))


def nothing_lost(before: bytes, after: bytes) -> None:
    assert foreign(after) == foreign(before)
    assert triples.remarks(after) == triples.remarks(before)
    for name in (*LISTS, *FOLLOWERS[:-1]):
        assert words(after, name) >= words(before, name), name


def every_word_once(before: bytes, after: bytes, spelt: dict[str, list[str]]) -> None:
    for name, values in spelt.items():
        now, was = words(after, name), words(before, name)
        known = {each.casefold() for each in was}
        for value in values:
            assert now[value] == 1 or value.casefold() in known, (name, value, now)


def started(tmp_path: Path, name: str) -> Keeper:
    data = ALL[name]
    if refused(data):
        assert name in OTHERS
        pytest.skip("is refused, as it should be")
    return Keeper(tmp_path, data)


@every
def test_a_merge_loses_nothing_shows_every_word_once_and_is_undone_to_the_byte(tmp_path, name):
    keeper = started(tmp_path, name)
    before = ALL[name]
    draft = keeper.keep(wanted(*OURS, caption=CAPTION))
    after = keeper.sidecar.read_bytes()
    assert draft is not None
    nothing_lost(before, after)
    every_word_once(before, after, SPELT)
    assert keeper.keep(wanted(*OURS, caption=CAPTION)) is None
    assert keeper.sidecar.read_bytes() == after
    keeper.undo(draft)
    assert keeper.sidecar.read_bytes() == before


@every
def test_a_renamed_word_changes_and_nothing_else(tmp_path, name):
    keeper = started(tmp_path, name)
    keeper.keep(wanted(*OURS))
    before = keeper.sidecar.read_bytes()
    draft = keeper.keep(wanted(("animals", "wolf"), *OURS[1:]))
    after = keeper.sidecar.read_bytes()
    assert draft is not None
    assert foreign(after) == foreign(before)
    assert triples.remarks(after) == triples.remarks(before)
    for field, (old, new) in zip(
        LISTS, [("animals/dog", "animals/wolf"), ("animals|dog", "animals|wolf"), ("dog", "wolf")], strict=True
    ):
        persons = any(old.casefold() == value.casefold() for value in words(ALL[name], field))
        lost = words(before, field) - words(after, field)
        assert set(lost) <= {old}, field
        assert words(after, field)[new] == 1, field
        assert words(after, field)[old] == 0 or persons or "dog" in str(words(ALL[name], LEAVES)), field
    keeper.undo(draft)
    assert keeper.sidecar.read_bytes() == before


@every
def test_words_that_go_leave_all_that_others_wrote(tmp_path, name):
    keeper = started(tmp_path, name)
    before = ALL[name]
    keeper.keep(wanted(*OURS))
    draft = keeper.keep(wanted())
    after = keeper.sidecar.read_bytes()
    assert draft is not None
    nothing_lost(before, after)
    for field, values in SPELT.items():
        known = {each.casefold() for each in (*words(before, LEAVES), *words(before, field))}
        for value in values:
            assert words(after, field)[value] == 0 or "dog" in known, (field, value)
    assert keeper.keep(wanted()) is None


def test_the_own_set_is_large_and_none_of_it_is_refused():
    assert len(SIDECARS) >= 40
    assert not [name for name, data in SIDECARS.items() if refused(data)]


@pytest.mark.skipif(not OTHERS, reason="no corpus of other programs' files here")
def test_of_real_files_only_a_few_are_refused():
    assert len([name for name, data in OTHERS.items() if refused(data)]) <= MOST
    with (CORPUS / "INDEX.csv").open() as index:
        assert {row["file"].removeprefix("xmp/") for row in csv.DictReader(index)} >= OTHERS.keys()


def test_a_field_that_stands_twice_becomes_one_that_exiv2_reads(tmp_path):
    keeper = Keeper(tmp_path, SIDECARS["field that stands twice"])
    keeper.keep(wanted(*OURS))
    assert keeper.sidecar.read_bytes().count(b"<dc:subject>") == 1


def test_the_reader_sees_what_would_be_lost():
    def said(inside: str) -> bytes:
        declared = f'{RDF} xmlns:a="u:a"'
        return f'<rdf:RDF {declared}><rdf:Description rdf:about="">{inside}</rdf:Description></rdf:RDF>'.encode()

    one = said("<a:x><rdf:Seq><rdf:li>1</rdf:li><rdf:li>2</rdf:li></rdf:Seq></a:x>")
    for other in (
        "<a:x><rdf:Seq><rdf:li>2</rdf:li><rdf:li>1</rdf:li></rdf:Seq></a:x>",
        "<a:x><rdf:Bag><rdf:li>1</rdf:li><rdf:li>2</rdf:li></rdf:Bag></a:x>",
        '<a:x><rdf:Seq><rdf:li>1</rdf:li><rdf:li xml:lang="de">2</rdf:li></rdf:Seq></a:x>',
        "<a:x><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></a:x>",
        "",
    ):
        assert foreign(said(other)) != foreign(one)
    struct = said('<a:x rdf:parseType="Resource"><a:y>1</a:y></a:x>')
    assert foreign(said('<a:x a:y="1"/>')) == foreign(struct)
    assert foreign(said("<a:x><rdf:Description><a:y>1</a:y></rdf:Description></a:x>")) == foreign(struct)
