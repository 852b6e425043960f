from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.sinks import Change
from tests.flow.house_world import BLUE, RED, World, paint, soon
from tests.flow.test_terminal import tagwright
from watcher import commands, handing, shown, tell

NOW = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True)


def foreign(**lists):
    return xmp.create(Change(add={f"dc:{name}": values for name, values in lists.items()}), NOW, b"a").data


def shown_of(world, *names):
    with world.book() as db:
        ledger = db.execute("SELECT value FROM meta WHERE name = 'ledger'").fetchone()[0]
        return shown.sidecars(db, world.settings(), ledger, [str(world.photos / name) for name in names])


def clean(world, *names, apply=False):
    return world.do("xmp clean", paths=[str(world.photos / name) for name in names or ("",)], apply=apply)


def test_show_says_field_by_field_whose_each_value_is(world):
    paint(world.photos / "a.jpg", RED)
    (world.photos / "a.jpg.xmp").write_bytes(foreign(subject=("Oma",)))
    paint(world.photos / "b.jpg", BLUE)
    world.run()
    row = shown_of(world, "a.jpg")[0]
    whose = {each["value"]: each["whose"] for each in row["fields"]["dc:subject"]}
    assert whose == {"Oma": "a person's", "red": "ours"}
    assert {e["value"]: e["whose"] for e in row["fields"]["digiKam:TagsList"]}["colour/red"] == "ours"
    assert row["claim"]["note"] == ""
    text = "\n".join(tell.sidecars(shown_of(world)))
    assert "    red (ours)" in text
    assert "    Oma (a person's)" in text
    assert str(world.photos / "b.jpg.xmp") in text


def test_show_names_a_photo_without_a_sidecar_and_a_word_that_nobody_took_over_yet(world):
    paint(world.photos / "a.jpg", RED)
    world.run(taggers=[])
    assert shown_of(world, "a.jpg")[0]["where"] is None
    (world.photos / "a.jpg.xmp").write_bytes(foreign(subject=("new",)))
    assert shown_of(world, "a.jpg")[0]["fields"]["dc:subject"] == [{"value": "new", "whose": "not taken over yet"}]


def test_diff_shows_what_would_be_written_field_by_field_and_writes_nothing(world):
    world.agreed = False
    paint(world.photos / "a.jpg", RED)
    world.run(auto_apply=0)
    assert not (world.photos / "a.jpg.xmp").exists()
    made = handing.planned(world.settings(), [str(world.photos / "a.jpg")], look=False)
    lines = list(tell.diff(made.rows, made.photos, made.unasked))
    assert lines[:2] == ["--- /dev/null", f"+++ {world.photos / 'a.jpg.xmp'}"]
    assert lines[lines.index("@@ lr:hierarchicalSubject @@") + 1] == "+colour|red"
    assert lines[-1] == "1 of 1 photos would change"
    assert not (world.photos / "a.jpg.xmp").exists()


def test_write_writes_these_photos_now_even_at_the_first_look_and_no_others(world):
    world.agreed = False
    for name, colour in (("a.jpg", RED), ("b.jpg", BLUE)):
        paint(world.photos / name, colour)
    world.changed["auto_apply"] = 0
    world.run()
    answer = world.do("xmp write", paths=[str(world.photos / "a.jpg")])
    assert answer["written"] == 1
    assert (world.photos / "a.jpg.xmp").exists()
    assert not (world.photos / "b.jpg.xmp").exists()
    assert world.state_of("b.jpg")[1] == "first look"


def test_write_looks_at_a_photo_that_nobody_looked_at_yet(world):
    world.agreed = False
    world.changed["auto_apply"] = 0
    paint(world.photos / "a.jpg", RED)
    assert world.do("xmp write", paths=[str(world.photos / "a.jpg")])["written"] == 1
    assert (world.photos / "a.jpg.xmp").exists()


def test_clean_is_a_dry_run_until_it_is_told_to_apply(world):
    paint(world.photos / "a.jpg", RED)
    world.run()
    before = (world.photos / "a.jpg.xmp").read_bytes()
    answer = clean(world)
    assert (answer["photos"], answer["words"], answer["applied"]) == (1, 1, False)
    assert answer["sidecars_removed"] == [str(world.photos / "a.jpg.xmp")]
    assert (world.photos / "a.jpg.xmp").read_bytes() == before
    assert world.truth("a.jpg") == {"colour/red": True}
    assert "`--apply` does it" in list(tell.cleaned(answer))[-1]


def test_clean_takes_ours_away_and_keeps_what_is_anybody_elses_until_redo(world):
    paint(world.photos / "a.jpg", RED)
    paint(world.photos / "b.jpg", BLUE)
    (world.photos / "b.jpg.xmp").write_bytes(foreign(subject=("Oma",)))
    before = (world.photos / "b.jpg.xmp").read_bytes()
    world.run()
    answer = clean(world, apply=True)
    assert answer["sidecars_removed"] == [str(world.photos / "a.jpg.xmp")]
    assert not (world.photos / "a.jpg.xmp").exists()
    assert (world.photos / "b.jpg.xmp").read_bytes() == before
    world.run()
    assert not (world.photos / "a.jpg.xmp").exists(), "what was taken away is kept back"
    assert world.truth("b.jpg") == {"Oma": False}
    assert world.refusals() == 0
    assert clean(world, apply=True)["words"] == 0
    for run in answer["redo"]:
        world.do("redo", run=run)
    assert world.truth("b.jpg") == {"Oma": False, "colour/blue": True}
    assert (world.photos / "a.jpg.xmp").exists()


def test_a_sidecar_with_nothing_but_ours_goes_though_the_way_back_is_forgotten(world):
    paint(world.photos / "a.jpg", RED)
    world.run()
    with world.open() as app:
        app.ledger.db.execute("DELETE FROM writes")
        dry = commands.xmp_clean(app, paths=[str(world.photos)])
    assert dry["sidecars_removed"] == [str(world.photos / "a.jpg.xmp")]
    assert clean(world, apply=True)["sidecars_removed"] == dry["sidecars_removed"]
    assert not (world.photos / "a.jpg.xmp").exists()
    with world.open() as app:
        commands.undo_(app, run=world.ask("SELECT max(run) FROM writes")[0][0])
    assert (world.photos / "a.jpg.xmp").exists(), "the removal itself was booked with its way back"


def test_a_comment_that_somebody_left_keeps_the_sidecar(world):
    paint(world.photos / "a.jpg", RED)
    world.run()
    path = world.photos / "a.jpg.xmp"
    path.write_text(path.read_text().replace("<rdf:RDF", "<!-- Oma -->\n <rdf:RDF", 1))
    assert clean(world, apply=True)["sidecars_removed"] == []
    assert "Oma" in path.read_text()
    assert "red" not in path.read_text()


def test_the_commands_as_a_person_types_them(world):
    paint(world.photos / "a.jpg", RED)
    tagwright(world, "xmp", "write", str(world.photos))
    assert "red (ours)" in tagwright(world, "xmp", "show", str(world.photos / "a.jpg"))
    rows = json.loads(tagwright(world, "xmp", "show", "--json", str(world.photos)))
    assert rows[0]["where"].endswith("a.jpg.xmp")
    assert "0 of 1 photos" in tagwright(world, "xmp", "diff", str(world.photos))
    assert "-colour|red" in tagwright(world, "xmp", "clean", str(world.photos))
    tagwright(world, "xmp", "clean", "--apply", str(world.photos))
    assert not (world.photos / "a.jpg.xmp").exists()
    tagwright(world, "xmp", "show", "/nowhere", code=2)


def test_the_service_does_what_it_is_asked_while_it_runs(world):
    paint(world.photos / "a.jpg", RED)
    path = world.photos / "a.jpg.xmp"
    with world.serving():
        soon(path.exists)
        soon(lambda: world.status()["states"] == {"delivered": 1})
        values = {"paths": [str(world.photos)], "apply": False}
        assert handing._handed(world.settings(), "xmp clean", values)["words"] == 1
        assert path.exists()
        answer = handing._handed(world.settings(), "xmp clean", {**values, "apply": True})
        assert not path.exists()
        for run in answer["redo"]:
            handing._handed(world.settings(), "redo", {"run": run})
        soon(path.exists)
    assert world.truth("a.jpg") == {"colour/red": True}
