from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.errors import UserError
from metadata.sinks import Change
from tests.flow.house_world import BLUE, RED, World, paint
from tests.flow.test_terminal import tagwright
from watcher import export, shown

NOW = datetime(2020, 1, 1, tzinfo=UTC)
QUIET = export.Wishes()
ALL = export.Wishes(gps=True, people=True)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, real=True)
    paint(world.photos / "a.jpg", RED)
    paint(world.photos / "in" / "b.jpg", BLUE)
    change = Change(
        add={"digiKam:TagsList": ("People/Anna", "Urlaub")}, texts={"dc:description": 'Anna, "Oma"\nund =1+1'}
    )
    (world.photos / "a.jpg.xmp").write_bytes(xmp.create(change, NOW, b"a").data)
    world.run()
    with world.open() as app:
        app.ledger.db.execute("UPDATE photos SET latitude = 48.2, longitude = 16.4, make = 'Canon'")
    return world


def exported(world, form, wishes=QUIET, *names):
    out = io.StringIO()
    with world.book() as db:
        ids = shown.below(db, world.settings(), [str(world.photos / name) for name in names])
        export.write(export.rows(db, ids, wishes), form, wishes, out)
    return out.getvalue()


def test_json_holds_keywords_with_owner_source_and_score_captions_and_facts(world):
    rows = {row["file"]: row for row in json.loads(exported(world, "json"))}
    a = rows[str(world.photos / "a.jpg")]
    assert {"word": "Urlaub", "owner": "person", "source": None, "score": None} in a["keywords"]
    ours = next(each for each in a["keywords"] if each["owner"] == "tagwright")
    assert (ours["word"], ours["source"], ours["score"] > 0) == ("colour/red", "colour", True)
    assert (a["caption"], a["caption_owner"], a["facts"]["make"]) == ('Anna, "Oma"\nund =1+1', "person", "Canon")


def test_coordinates_and_people_are_left_out_unless_asked_for(world):
    for form in ("json", "csv"):
        quiet, loud = exported(world, form), exported(world, form, ALL)
        assert "48.2" not in quiet
        assert "People/Anna" not in quiet
        assert "latitude" not in quiet
        assert "48.2" in loud
        assert "People/Anna" in loud


def test_csv_has_a_line_for_each_keyword_and_one_for_a_photo_without_any(world):
    world.do("undo", paths=[str(world.photos / "in")])
    rows = list(csv.DictReader(io.StringIO(exported(world, "csv"))))
    assert [(os.path.basename(row["file"]), row["keyword"], row["owner"]) for row in rows] == [
        ("a.jpg", "Urlaub", "person"),
        ("a.jpg", "colour/red", "tagwright"),
        ("b.jpg", "", ""),
    ]
    assert rows[0]["caption"] == 'Anna, "Oma"\nund =1+1'
    assert rows[0]["make"] == "Canon"


def test_only_the_paths_that_are_named_are_told(world):
    assert len(json.loads(exported(world, "json", QUIET, "in"))) == 1
    with pytest.raises(UserError, match="no known photo"):
        exported(world, "json", QUIET, "nowhere")


def test_the_file_is_its_owners_alone_and_replaces_an_older_one_whole(world, tmp_path):
    old = os.umask(0)
    try:
        out = tmp_path / "out.csv"
        out.write_text("old")
        out.chmod(0o644)
        assert "2 photos" in tagwright(world, "export", "--format", "csv", "--out", str(out))
    finally:
        os.umask(old)
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text().startswith("file,root,keyword")
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []
    assert json.loads(tagwright(world, "export", "--format", "json", str(world.photos / "in")))
    tagwright(world, "export", "--format", "csv", "--out", str(tmp_path / "no" / "out.csv"), code=2)
