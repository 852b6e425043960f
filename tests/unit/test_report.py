"""The report of words that mean the same: its digest, decisions about it, and its page."""

from __future__ import annotations

import json

import pytest

from metadata.errors import UserError
from models.dedupe.find import Options, find
from watcher import report, report_page
from watcher.census import Census, Use


def census(**uses):
    made = Census(photos=9)
    for number, (text, count) in enumerate(uses.items()):
        photos = list(range(10 * number, 10 * number + count))
        made.uses[text] = Use(photos, persons=count, places={"sidecar": count}, words={(text,)})
    return made


@pytest.fixture
def made():
    counted = census(sofa=4, couch=2, tusk=2, ivory=3, dog=3, beagle=1)
    counted.uses["<b>x</b>"] = Use([1], words={("<b>x</b>",)})
    counted.uses["<b>X</b>"] = Use([2], words={("<b>X</b>",)})
    result = find(counted.counts(), (), None, Options())
    return report.made(counted, result, {"made": "today", "ledger": "l", "options": {}})


def written(tmp_path, made):
    report.written(tmp_path, {"report.json": json.dumps(made)})
    return tmp_path / "report.json"


def test_a_report_is_read_as_it_was_written(tmp_path, made):
    assert report.read(written(tmp_path, made)) == made


def test_a_report_that_says_anything_else_is_refused(tmp_path, made):
    made["words"]["couch"]["ids"].append(99)
    with pytest.raises(UserError, match="edited"):
        report.read(written(tmp_path, made))


def test_what_was_shown_is_approved_and_photos_are_known_for_it(made):
    assert report.approved(made)["couch"] == ("sofa",)
    assert made["words"]["couch"]["ids"] == [10, 11]


def test_decisions_may_turn_a_group_and_take_pairs_in_doubt(made):
    merges = {"sofa": "couch", "tusk": "ivory", "couch": "couch"}
    decided = {"report": made["digest"], "merge": merges, "apart": []}
    assert report.approved(made, decided) == {"sofa": ("couch",), "tusk": ("ivory",)}


def test_a_word_may_become_a_path_that_a_person_named(made):
    decided = {"report": made["digest"], "merge": {"couch": "furniture/sofa"}, "apart": []}
    assert report.approved(made, decided) == {"couch": ("furniture", "sofa")}


def test_a_plain_word_may_go_below_another_and_below_the_one_path_that_this_ends():
    counted = census(dog=3, beagle=1, terrier=1)
    counted.uses["dog"].words = {("animals", "dog")}
    counted.uses["terrier"].words = {("pets", "terrier")}
    found = find(counted.counts(), (), None, Options())
    made = report.made(counted, found, {"made": "today", "ledger": "l", "options": {}})
    assert [one["child"] for one in made["could_be_a_hierarchy"]] == ["beagle", "terrier"]
    page = report_page.page(made, {})
    assert 'data-child="beagle" data-parent="dog" data-at="animals/dog"' in page
    assert 'data-child="terrier"' not in page
    decided = {"report": made["digest"], "merge": {"beagle": "animals/dog/beagle"}, "apart": []}
    assert report.approved(made, decided) == {"beagle": ("animals", "dog", "beagle")}


def test_nobodys_name_is_offered_below_anything():
    counted = census(dog=3, beagle=1)
    found = find(counted.counts(), (), None, Options(protected=frozenset({"beagle"})))
    assert not found.parents


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"report": 1, "merge": [1]}', '{"report": "x", "apart": [1]}'])
def test_a_file_that_holds_no_decisions_is_refused(tmp_path, text):
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(UserError, match=r"d\.json"):
        report.decisions(tmp_path / "d.json")


def test_the_page_needs_nothing_else_and_keywords_are_no_markup(made):
    page = report_page.page(made, {"sofa": ["data:image/jpeg;base64,AAAA"]})
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert made["digest"] in page
    assert 'src="data:image/jpeg;base64,AAAA"' in page
    assert "http:" not in page
    assert "https:" not in page
    for title in ("Would be merged", "In doubt", "Could be a hierarchy"):
        assert title in page
    assert page.count("$about$") == 0
