"""Keywords that a path could be read out of, or that end in blanks, are merged as the report shows them."""

from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.sinks import Change
from metadata.tags import SUBJECT
from tests.flow.house_world import BLUE, paint
from tests.flow.test_dedupe_library import Library


@pytest.fixture
def world(tmp_path):
    world = Library(tmp_path, real=True)
    for name, mark, word in (
        ("a.jpg", 1, "f/1.8"),
        ("b.jpg", 2, "f/1.8"),
        ("c.jpg", 3, "F1.8"),
        ("d.jpg", 4, "flamingo "),
        ("e.jpg", 5, "flamingo "),
        ("f.jpg", 6, "flamingo,"),
    ):
        paint(world.photos / name, BLUE, mark=mark)
        made = xmp.create(Change(add={SUBJECT: (word,)}), datetime(2020, 1, 2, tzinfo=UTC), b"x")
        (world.photos / f"{name}.xmp").write_bytes(made.data)
    world.run()
    return world


def flat(world, name):
    """The person's words in the flat field."""
    return {word.strip() for word in world.fields(name)[2]} - {"blue"}


def test_a_keyword_with_a_slash_and_one_with_a_blank_at_its_end_stand_for_others(world, capsys):
    world.dedupe()
    capsys.readouterr()
    assert world.dedupe("--apply") == 0
    assert "left out" not in capsys.readouterr().out
    assert flat(world, "c.jpg") == {"f/1.8"}
    assert flat(world, "f.jpg") == {"flamingo"}


def test_a_decision_that_names_a_keyword_with_a_slash_means_this_and_no_path(world, tmp_path):
    world.dedupe()
    file = tmp_path / "decisions.json"
    file.write_text(f'{{"report": "{world.report()["digest"]}", "merge": {{"F1.8": "f/1.8"}}, "apart": []}}')
    assert world.dedupe("--apply", "--decisions", file) == 0
    assert flat(world, "c.jpg") == {"f/1.8"}
    assert flat(world, "f.jpg") == {"flamingo,"}


def test_two_spellings_that_a_person_has_on_one_photo_are_both_back_after_undo(world):
    for name, mark, words in (("x.jpg", 7, ("Oak",)), ("y.jpg", 8, ("Oak",)), ("z.jpg", 9, ("Oak", "OAK"))):
        paint(world.photos / name, BLUE, mark=mark)
        made = xmp.create(Change(add={SUBJECT: words}), datetime(2020, 1, 2, tzinfo=UTC), b"x")
        (world.photos / f"{name}.xmp").write_bytes(made.data)
    world.run()
    before = world.sidecars()
    world.dedupe()
    world.dedupe("--apply")
    assert world.sidecars() != before
    world.do("undo", run=world.last_run())
    assert world.sidecars() == before
