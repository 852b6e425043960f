"""Titles, merged as captions are; captions and titles of ours that every program reads back as they are."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from merge_place import DAY, House, full, seen, wanted

from metadata.choose import Evidence, Rules, safe
from metadata.choose import wanted as asked
from metadata.memory import Losses, Truth
from watcher import undo
from watcher.ledger import words

TITLE, DC = "dc:title", "dc:description"


def titled(title="A harbour", **more):
    house = House()
    house.want = replace(wanted("cat", **more), title=title)
    house.work()
    house.work()
    house.now += DAY
    return house


def title(house, name="sidecar"):
    return house.shows[name].texts.get(TITLE)


def test_a_title_of_ours_is_written_where_none_stands():
    house = titled()
    assert title(house) == "A harbour"
    assert house.truth.title_ours
    assert house.memories["sidecar"].texts_ours[TITLE] == "A harbour"


def test_a_title_says_nothing_of_the_caption():
    house = titled(caption="A cat")
    house.edit({}, texts={TITLE: "Minka", DC: "A cat", "tiff:ImageDescription": "A cat"})
    house.work()
    assert (title(house), house.shows["sidecar"].texts[DC]) == ("Minka", "A cat")
    assert (house.truth.title_ours, house.truth.caption_ours) == (False, True)


def test_a_persons_title_always_wins():
    house = House()
    house.edit({}, texts={TITLE: "Minka"})
    house.want = replace(wanted("cat"), title="A harbour")
    for _ in range(3):
        house.work()
    assert title(house) == "Minka"
    assert not house.truth.title_ours


def test_a_title_that_was_known_before_titles_were_merged_is_a_persons():
    house = House()
    house.edit({}, texts={TITLE: "Minka"})
    house.work()
    house.truth = replace(house.truth, title="")
    house.memories["sidecar"] = replace(house.memories["sidecar"], agreed="")
    house.want = replace(wanted("cat"), title="A harbour")
    house.work()
    assert title(house) == "Minka"


def test_a_title_that_a_person_changed_is_the_persons_and_stays():
    house = titled()
    house.edit({}, texts={TITLE: "Minka"})
    house.work()
    house.want = replace(house.want, title="Another")
    house.work()
    assert title(house) == "Minka"


def test_a_title_that_a_person_took_away_stays_away():
    house = titled()
    house.edit({}, texts={})
    house.work()
    house.work()
    assert title(house) is None
    assert house.truth.texts_refused == {TITLE}


def test_a_new_title_of_the_model_replaces_ours_and_none_takes_it_away():
    house = titled()
    house.want = replace(house.want, title="A boat")
    house.work()
    assert title(house) == "A boat"
    house.want = replace(house.want, title="")
    house.work()
    assert title(house) is None


def test_a_title_changed_in_one_place_is_carried_and_in_two_is_a_conflict():
    house = House("sidecar", "embedded")
    house.shows["embedded"] = seen({}, texts={})
    house.want = replace(wanted("cat"), title="A harbour")
    house.work()
    house.work()
    house.now += DAY
    house.edit({}, texts={TITLE: "Minka"})
    house.work()
    assert title(house, "embedded") == "Minka"
    house.now += DAY
    house.edit({}, texts={TITLE: "Mia"})
    house.edit({}, name="embedded", texts={TITLE: "Mo"})
    house.work()
    assert (title(house), title(house, "embedded")) == ("Mia", "Mo")
    assert house.truth.title_conflict
    assert not house.truth.conflict


def test_a_server_has_no_title():
    house = House("sidecar", "server")
    house.want = replace(wanted("cat"), title="A harbour")
    for _ in range(3):
        house.work()
    assert house.shows["server"].texts == {}


def test_a_title_lost_with_the_file_comes_back():
    house = titled()
    house.shows["sidecar"] = seen(exists=False)
    house.losses = Losses.RESTORE
    house.work()
    assert title(house) == "A harbour"
    assert not house.truth.texts_refused


def test_an_undone_title_is_kept_back():
    house = titled()
    house.truth = undo.without(house.truth, {}, frozenset({TITLE}))
    house.work()
    assert title(house) is None
    house.work()
    assert title(house) is None


@pytest.mark.parametrize(
    "truth", [Truth(title="Minka"), Truth(title="A", title_ours=True), Truth(title_conflict=True)]
)
def test_the_ledger_keeps_titles(truth):
    db = sqlite3.connect(":memory:")
    db.executescript("CREATE TABLE captions (photo, caption, ours, conflict, texts_refused, PRIMARY KEY (photo))")
    words._save_caption(db, 7, Truth(), truth)
    row = db.execute("SELECT caption, ours, conflict, texts_refused FROM captions").fetchone()
    assert words.truth(([], [], [], row)) == truth
    db.close()


def test_a_row_of_an_older_version_has_no_title():
    row = ("A cat", 1, 0, '[["caption"], []]')
    truth = words.truth(([], [], [], row))
    assert (truth.caption, truth.title, truth.texts_refused) == ("A cat", "", {"caption"})


# What we create


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("charset=odd dog", "charset: odd dog"),
        ("lang=de Ein Hund", "lang: de Ein Hund"),
        ("LANG = x", "LANG: x"),
        ("  lang=\u00e9", "lang: \u00e9"),
        ("A sign that says lang=de", "A sign that says lang=de"),
        ("language", "language"),
        ("bell\x07 and\nline", "bell and line"),
        ("Cafe\u0301 \U0001f468\u200d\U0001f469", "Caf\u00e9 \U0001f468\u200d\U0001f469"),
        ("half \ud83d emoji", "half  emoji"),
    ],
)
def test_a_caption_of_ours_is_one_that_every_program_reads_back(said, written):
    assert safe(said) == written
    evidence = [Evidence("llava", "1", (), {"caption": said, TITLE: said})]
    want = asked(evidence, Rules())
    assert (want.caption, want.title) == (written, written)
    assert want.texts == {}


def test_a_persons_caption_that_programs_misread_stays_as_it_is():
    house = House()
    house.edit({}, texts={DC: "charset=odd dog"})
    house.want = wanted("cat", caption="A cat")
    house.work()
    house.work()
    assert house.shows["sidecar"].texts == {DC: "charset=odd dog"}
    assert house.shows["sidecar"].lists == full("cat")
