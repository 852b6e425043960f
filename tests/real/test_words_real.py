"""Words with every sign: ours reach all fields as exiftool and our reader read, a person's stay as they were."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from metadata import xmp
from metadata.errors import Refused
from metadata.sinks import Change
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, clean
from tests.unit.keeper import NOW, Keeper, wanted

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is missing"),
]
FIELDS = {TAGS_LIST: "XMP-digiKam:TagsList", HIERARCHICAL: "XMP-lr:HierarchicalSubject", SUBJECT: "XMP-dc:Subject"}
SAID = {
    ("AC/DC", "live|hier"): ("AC DC", "live hier"),
    ("Müller, Anna; Bob",): ("Müller Anna Bob",),
    ("two\nlines\r\n", "a\ttab"): ("two lines", "a tab"),
    ("bell\x07", "nul\x00l", "\u0085next"): ("bell", "null", "next"),
    ("עברית", "العربية"): ("עברית", "العربية"),
    ("\u202egnp.exe\u202c",): ("gnp.exe",),
    ("می\u200cخواهم",): ("می\u200cخواهم",),
    ("👨\u200d👩\u200d👧", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "❤️"): (
        *("👨\u200d👩\u200d👧", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "❤️"),
    ),
    ("Cafe\u0301", "A\u030angstro\u0308m"): ("Café", "Ångström"),
    ("]]>", "&amp;", "007", "1e5", "True", "<&>\"'"): ("]]>", "&amp", "007", "1e5", "True", "<&>\"'"),
}
"""What a source said, and the word that is made of it."""

THEIRS = {
    TAGS_LIST: ("Müller, Anna", "AC|DC/live", "two\nlines", "Cafe\u0301", "Café", "x;y", "a\u202eb", " lead"),
    HIERARCHICAL: ("bands|AC/DC, live", "👨\u200d👩\u200d👧", "עברית|العربية"),
    SUBJECT: ("comma, dot.", "tab\tbed", "\u200bzero"),
}


def exiftool(path):
    command = ["exiftool", "-j", "-G1", "-api", "StructFormat=JSONQ", "-XMP:all", path]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout, parse_int=str)
    return {name: found[tag] if isinstance(found[tag], list) else [found[tag]] for name, tag in FIELDS.items()}


def test_words_of_ours_are_made_safe_and_then_read_back_unharmed(tmp_path):
    words = [clean(said) for said in SAID]
    assert words == list(SAID.values())
    keeper = Keeper(tmp_path, None)
    keeper.keep(wanted(*words))
    expected = {
        TAGS_LIST: ["/".join(word) for word in words],
        HIERARCHICAL: ["|".join(word) for word in words],
        SUBJECT: [word[-1] for word in words],
    }
    ours = xmp.seen(xmp.parse(keeper.sidecar.read_bytes(), b"a"))
    assert {name: list(values) for name, values in ours.lists.items()} == expected
    assert exiftool(keeper.sidecar) == expected
    assert keeper.keep(wanted(*words)) is None


def test_a_persons_words_stay_as_they_are_and_reach_every_field_with_all_their_signs(tmp_path):
    keeper = Keeper(tmp_path, xmp.create(Change(add=THEIRS), NOW, b"a").data)
    before = exiftool(keeper.sidecar)
    assert before == {name: list(values) for name, values in THEIRS.items()}
    keeper.keep(wanted(("cat",)))
    after = exiftool(keeper.sidecar)
    for name, values in before.items():
        assert after[name][: len(values)] == values
    assert "bands/AC|DC, live" in after[TAGS_LIST]
    assert {"Müller, Anna", "two\nlines", "AC/DC|live", "comma, dot."} <= set(after[HIERARCHICAL])
    assert {"Müller, Anna", "AC/DC, live", "two\nlines"} <= set(after[SUBJECT])
    keeper.keep(wanted())
    last = exiftool(keeper.sidecar)
    assert all("cat" not in values for values in last.values())
    assert {name: last[name][: len(values)] for name, values in before.items()} == before


def test_twins_in_two_unicode_forms_are_one_word_and_keep_their_spelling(tmp_path):
    twins = {TAGS_LIST: ("Cafe\u0301",), HIERARCHICAL: ("Cafe\u0301",), SUBJECT: ("Cafe\u0301",)}
    keeper = Keeper(tmp_path, xmp.create(Change(add=twins), NOW, b"a").data)
    keeper.keep(wanted(("Café",), ("cat",)))
    assert all(values == ["Cafe\u0301", "cat"] for values in exiftool(keeper.sidecar).values())


def test_a_sign_that_xml_cannot_hold_is_refused_with_its_number_and_the_file_stays(tmp_path):
    keeper = Keeper(tmp_path, xmp.create(Change(add=THEIRS), NOW, b"a").data)
    before = keeper.sidecar.read_bytes()
    (seen,) = keeper.sink.read([keeper.photo])
    answer = keeper.sink.draft(keeper.photo, seen, Change(add={SUBJECT: ("bell\x07",)}))
    assert isinstance(answer, Refused)
    assert "U+0007 in 'bell\\x07' cannot be written in XML" in str(answer)
    assert keeper.sidecar.read_bytes() == before
