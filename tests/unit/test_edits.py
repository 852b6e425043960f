"""Plays docs/edits.md: every row is a save by a program, and what the merge concludes from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from merge_place import DAY, House, full, wanted

from metadata.memory import Wanted
from metadata.tags import HIERARCHICAL, PERSONS, SUBJECT, TAGS_LIST, key, person, show

PAGE = Path(__file__).parents[2] / "docs" / "edits.md"
WRITERS = {"digiKam", "Lightroom", "darktable", "Capture One", "Immich", "Photini", "exiftool", "a text editor"}
FIELDS = {
    "TagsList": TAGS_LIST,
    "hierarchicalSubject": HIERARCHICAL,
    "dc:subject": SUBJECT,
    "PersonInImage": PERSONS,
}
SPOTS = {"Anna": "0.2 0.4 0.2 0.4 of 4000x3000", "Bob": "0.75 0.15 0.1 0.1 of 4000x3000"}
ROUNDED, ELSEWHERE = "0.20025 0.4 0.2 0.4005 of 4000x3000", "0.5 0.5 0.1 0.1 of 4000x3000"
REGION = "mwg-rs:Regions/"
_CELL = re.compile(r"(?<!\\)\|")
_TOKEN = re.compile(r"([+=~-])`([^`]*)`")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    program: str
    does: str
    fields: tuple[tuple[str, str], ...]
    others: str
    added: frozenset[str]
    removed: frozenset[str]
    stale: frozenset[str]

    def __str__(self) -> str:
        return f"{self.program}: {self.does}"


def rows() -> Iterator[Row]:
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]
        if len(cells) == 9 and cells[0] != "program" and not set(cells[0]) <= {"-"}:
            lists = tuple(zip((TAGS_LIST, HIERARCHICAL, SUBJECT), cells[2:5], strict=True))
            stale = frozenset(filter(None, re.split(r", ", cells[8])))
            yield Row(cells[0], cells[1], lists, cells[5], _said(cells[6]), _said(cells[7]), stale)


def _said(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]*)`", cell) or filter(None, [cell]))


ROWS = list(rows())


def begun() -> House:
    """The sidecar that every row starts from."""
    house = House()
    words = wanted("animals/cat", "dog").words | {key(person(name)): person(name) for name in SPOTS}
    house.want = Wanted(words, "A cat", {f"{REGION}{name}": said for name, said in SPOTS.items()})
    house.work()
    here = house.shows["sidecar"].lists
    house.edit({name: (*here[name], *values) for name, values in full("Oma", "trip/Rome").items()})
    house.work()
    house.work()
    house.now += DAY
    assert house.decide().steps["sidecar"].change.add == {}
    return house


def saved(house: House, row: Row) -> None:
    """The save that the row tells of."""
    old = house.shows["sidecar"]
    lists = {name: _changed(old.lists[name], cell) for name, cell in row.fields if cell}
    texts = dict(old.texts)
    for part in filter(None, row.others.split("; ")):
        name, _, cell = part.removeprefix("`").partition("` ")
        if name in FIELDS:
            lists[FIELDS[name]] = _changed(old.lists[FIELDS[name]], cell)
        elif name == "region":
            _faces(texts, cell)
        else:
            _text(texts, name, cell)
    programs = {"darktable": frozenset({"darktable"})}.get(row.program, frozenset())
    faces = frozenset(name.removeprefix(REGION) for name in texts if name.startswith(REGION))
    house.edit(lists, texts=texts, programs=programs, people=faces)


def _changed(values: tuple[str, ...], cell: str) -> tuple[str, ...] | None:
    if cell in ("gone", "empty"):
        return None if cell == "gone" else ()
    if cell == "turned":
        return values[::-1]
    tokens = _TOKEN.findall(cell)
    assert tokens, cell
    gone = {value for sign, value in tokens if sign == "-"}
    assert gone <= set(values), f"{gone} do not stand there"
    return (*(value for value in values if value not in gone), *(value for sign, value in tokens if sign == "+"))


def _faces(texts: dict[str, str], cell: str) -> None:
    if cell == "gone":
        for name in [name for name in texts if name.startswith(REGION)]:
            del texts[name]
    for sign, name in _TOKEN.findall(cell):
        if sign == "-":
            del texts[REGION + name]
        else:
            texts[REGION + name] = {"+": ELSEWHERE, "~": ROUNDED}[sign]


def _text(texts: dict[str, str], name: str, cell: str) -> None:
    if cell == "gone":
        del texts[name]
    else:
        ((_, texts[name]),) = _TOKEN.findall(cell)


def _known(house: House) -> dict[str, str]:
    """What all agree on, by how a person reads it."""
    truth = house.truth
    found = {show(word): show(word) for word in truth.words.values()}
    return found | {name: text for name, text in (("caption", truth.caption), ("title", truth.title)) if text}


def _touched(house: House) -> set[str]:
    """The fields that the next write changes, by their names in the table."""
    change = house.outcome.steps["sidecar"].change
    short = {field: name for name, field in FIELDS.items()}
    lists = {short[name] for name in (*change.add, *change.remove)}
    return lists | {"region" if name.startswith(REGION) else name for name in change.texts}


def test_every_writer_and_every_field_is_in_the_table():
    assert {row.program for row in ROWS} == WRITERS
    edited = {name for row in ROWS for name, cell in row.fields if cell}
    assert edited == {TAGS_LIST, HIERARCHICAL, SUBJECT}
    told = " ".join(row.others for row in ROWS)
    for name in ("dc:description", "tiff:ImageDescription", "dc:title", "PersonInImage", "region"):
        assert f"`{name}`" in told
    assert len({str(row) for row in ROWS}) == len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_save_means(row):
    house = begun()
    before = _known(house)
    if "a minute after" in row.does:
        house.now += 60 - DAY
    saved(house, row)
    house.work()
    after = _known(house)
    assert {name for name, text in after.items() if before.get(name) != text} == row.added
    assert before.keys() - after.keys() == row.removed
    assert _touched(house) == row.stale
    for name in row.added & {show(word) for word in house.truth.words.values()}:
        assert name not in {show(house.truth.words[mine]) for mine in house.truth.ours}
    assert {show(word) for word in house.truth.refused.values()} == row.removed - {"caption", "title"}
    _agrees(house)


def _agrees(house: House) -> None:
    """At rest every field shows every word, none shows another, and nothing more is written."""
    for _ in range(2):
        house.now += DAY
        house.work()
        assert not house.outcome.steps["sidecar"].change
    shows, own = house.shows["sidecar"], {"darktable", "exported", "animals", "trip", "People/Anna"}
    words = {show(word) for word in house.truth.words.values() if word[0] != person("")[0]}
    assert set(shows.lists.get(TAGS_LIST, ())) - own == words
    assert {each.replace("|", "/") for each in shows.lists.get(HIERARCHICAL, ())} - own - {
        "darktable/exported"
    } == words
    leaves = {word.rpartition("/")[2] for word in words}
    assert leaves <= set(shows.lists.get(SUBJECT, ())) <= leaves | own | {"Anna"}
    for name in ("dc:description", "tiff:ImageDescription"):
        assert shows.texts.get(name, "") == house.truth.caption
