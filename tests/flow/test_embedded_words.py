"""Words that stand inside photos: a new sidecar hides none of them, and what a person does there is carried."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from metadata import seeding
from tests.flow.house_world import BLUE, RED, World, paint
from watcher import handing, plan, tell

EXIFTOOL = shutil.which("exiftool")
pytestmark = [pytest.mark.real, pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")]

THREE = ("TagsList", "HierarchicalSubject", "Subject")


def tool(*words: object) -> str:
    command = ["exiftool", "-overwrite_original", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(path: Path) -> dict[str, Any]:
    """What exiftool reads, by name; lists as lists."""
    found = json.loads(tool("-j", "-sep", "##", "-XMP:all", "-IPTC:all", path))[0]
    return {name: value.split("##") if name in (*THREE, "Keywords") else value for name, value in found.items()}


def three(path: Path) -> list[set[str]]:
    """The words of the three fields, a path's last part for each."""
    found = told(path)
    return [{word.replace("|", "/") for word in found.get(name, [])} for name in THREE]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, real=True)


@pytest.fixture
def silent(tmp_path: Path) -> World:
    """Nobody says anything of the photos."""
    return World(tmp_path, real=True, taggers=[])


def embedded(world: World, *more: str, name: str = "a.jpg") -> tuple[Path, Path]:
    """A photo with a person's words in all three languages, and its sidecar to be."""
    photo = paint(world.photos / name, RED)
    tool(
        *("-XMP-dc:Subject=Oma", "-XMP-dc:Subject=garden", "-XMP-lr:HierarchicalSubject=family|Oma"),
        *("-IPTC:Keywords=Oma", "-IPTC:Keywords=rose", "-XPKeywords=summer", "-IFD0:ImageDescription=Oma waters"),
        *("-XMP-dc:Creator=Ute", "-XMP-xmp:Rating=4", *more, photo),
    )
    return photo, photo.with_name(photo.name + ".xmp")


def test_a_photo_with_words_of_its_own_gets_no_sidecar_while_we_have_nothing_to_say(silent: World) -> None:
    photo, sidecar = embedded(silent)
    before = photo.read_bytes()
    silent.run()
    silent.run()
    assert not sidecar.exists()
    assert silent.truth("a.jpg") == dict.fromkeys(("family/Oma", "garden", "rose", "summer"), False)
    assert silent.state_of("a.jpg")[0] == "delivered"
    assert photo.read_bytes() == before


def test_a_new_sidecar_hides_nothing_of_what_the_photo_holds(world: World) -> None:
    photo, sidecar = embedded(world)
    before = photo.read_bytes()
    world.run()
    found = told(sidecar)
    words = {"garden", "rose", "summer"}
    assert three(sidecar)[0] == words | {"family/Oma", "colour/red"}
    assert three(sidecar)[1] == words | {"family/Oma", "colour/red"}
    assert three(sidecar)[2] == words | {"Oma", "red"}
    assert (found["Description"], found["Creator"]) == ("Oma waters", "Ute")
    assert photo.read_bytes() == before
    app = world.run()
    assert app.worker.counts.written == 0


@pytest.mark.parametrize("embed", [False, True])
def test_words_that_only_windows_or_acdsee_hold_are_a_person_s_too(world: World, embed: bool) -> None:
    tree = '<Categories><Category Assigned="1">harbour</Category></Categories>'
    photo, sidecar = embedded(world, "-XMP-microsoft:LastKeywordXMP=family/Opa", f"-XMP-acdsee:Categories={tree}")
    world.changed |= _embedding(world) if embed else {}
    world.run()
    for word in ("family/Opa", "harbour"):
        assert world.truth("a.jpg")[word] is False
        for place in (photo, sidecar) if embed else (sidecar,):
            assert word in three(place)[0]
            assert word in three(place)[1]
    tool("-XMP-digiKam:TagsList-=harbour", "-XMP-lr:HierarchicalSubject-=harbour", sidecar)
    world.run()
    assert world.refused("a.jpg") == {"harbour"}


def test_what_steers_immich_stays_out_of_a_new_sidecar(world: World) -> None:
    _, sidecar = embedded(
        world,
        *("-XMP-xmp:CreateDate=2020:01:02 03:04:05", "-XMP-photoshop:DateCreated=2020:01:02 03:04:05"),
        *("-XMP-tiff:Orientation#=6", "-XMP-exif:GPSLatitude=52.5", "-XMP-exif:GPSLongitude=13.4"),
    )
    world.run()
    found = told(sidecar)
    assert found["Creator"] == "Ute"
    assert not {"Rating", "CreateDate", "DateCreated", "Orientation", "GPSLatitude", "GPSLongitude"} & found.keys()


def test_a_word_that_comes_inside_later_is_carried_to_the_sidecar(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run()
    tool("-XMP-dc:Subject+=Opa", photo)
    world.run()
    assert all("Opa" in words for words in three(sidecar))
    assert world.truth("a.jpg")["Opa"] is False


def test_a_word_that_goes_inside_later_goes_from_the_sidecar_and_stays_away(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run()
    tool("-XMP-dc:Subject-=garden", photo)
    world.run()
    assert not any("garden" in words for words in three(sidecar))
    assert world.refused("a.jpg") == {"garden"}
    tool("-XMP-dc:Subject+=garden", photo)
    world.run()
    assert all("garden" in words for words in three(sidecar))


def test_a_caption_that_is_edited_inside_later_is_carried(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run()
    tool("-XMP-dc:Description=Oma rests", photo)
    world.run()
    assert told(sidecar)["Description"] == "Oma rests"


def test_words_inside_that_a_standing_sidecar_lacks_are_no_wish(world: World) -> None:
    photo, sidecar = embedded(world)
    tool("-o", sidecar, "-XMP-dc:Subject=mine", "-XMP-dc:Description=Mine")
    world.run()
    assert three(sidecar)[2] == {"mine", "red"}
    assert told(sidecar)["Description"] == "Mine"
    tool("-XMP-dc:Subject+=Opa", photo)
    world.run()
    assert three(sidecar)[2] == {"mine", "red", "Opa"}


def test_a_photo_that_loses_all_its_metadata_takes_nothing_away(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run()
    before = sidecar.read_bytes()
    tool("-all=", photo)
    world.run()
    assert sidecar.read_bytes() == before
    assert world.refusals() == 0


def test_a_sidecar_that_was_deleted_comes_back_with_all_that_the_photo_holds(world: World) -> None:
    _, sidecar = embedded(world)
    world.run()
    before = three(sidecar)
    sidecar.unlink()
    world.run()
    assert three(sidecar) == before
    assert world.refusals() == 0


def test_a_word_that_a_person_took_out_of_the_sidecar_is_not_seeded_again(world: World) -> None:
    _, sidecar = embedded(world)
    world.run()
    tool(
        *(f"-{name}-=garden" for name in ("XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", "XMP-dc:Subject")),
        sidecar,
    )
    world.run()
    assert world.refused("a.jpg") == {"garden"}
    sidecar.unlink()
    world.run()
    assert all("garden" not in words and "rose" in words for words in three(sidecar))


def test_undo_removes_the_sidecar_that_was_made(world: World) -> None:
    photo, sidecar = embedded(world)
    before = photo.read_bytes()
    world.run()
    assert sidecar.exists()
    world.do("undo")
    world.run()
    assert not sidecar.exists()
    assert photo.read_bytes() == before
    assert world.truth("a.jpg") == dict.fromkeys(("family/Oma", "garden", "rose", "summer"), False)


def test_clean_removes_what_was_copied_with_our_words(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run()
    world.do("xmp clean", paths=[str(photo)], apply=True)
    assert not sidecar.exists()


def test_a_sidecar_that_says_no_more_than_the_photo_goes_with_our_last_word(world: World) -> None:
    _, sidecar = embedded(world)
    world.run()
    world.run(block=["colour"])
    assert not sidecar.exists()


def test_a_sidecar_that_somebody_wrote_into_stays_when_our_last_word_goes(world: World) -> None:
    _, sidecar = embedded(world)
    world.run()
    tool("-XMP-xmp:Label=green", sidecar)
    world.run(block=["colour"])
    assert told(sidecar)["Label"] == "green"
    assert three(sidecar)[2] == {"Oma", "garden", "rose", "summer"}


def test_a_photo_whose_packet_cannot_be_read_gets_no_sidecar_and_says_why(world: World) -> None:
    photo, sidecar = embedded(world)
    data = photo.read_bytes()
    at = data.index(b"<rdf:RDF")
    photo.write_bytes(data[:at] + b"<rdf:RDX" + data[at + 8 :])
    world.run()
    assert not sidecar.exists()
    state, _, reason = world.state_of("a.jpg")
    assert state == "aside"
    assert "the photo's own XMP" in reason


def _embedding(world: World) -> dict[str, Any]:
    return {"roots": [{"name": "p", "path": world.photos, "embed": True}]}


def test_with_embed_the_photo_and_its_sidecar_say_the_same(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run(**_embedding(world))
    for place in (photo, sidecar):
        assert three(place)[0] == {"family/Oma", "garden", "rose", "summer", "colour/red"}, place
    assert {"red", "rose", "Oma"} <= {*told(photo)["Keywords"]}
    app = world.run(**_embedding(world))
    app = world.run(**_embedding(world))
    assert app.worker.counts.written == 0
    tool("-XMP-dc:Subject+=Opa", sidecar)
    world.run(**_embedding(world))
    assert "Opa" in three(photo)[0]


def test_what_is_written_besides_is_asked_for_in_the_settings(world: World) -> None:
    photo, _ = embedded(world, "-XPKeywords=", "-XMP-dc:Description=Oma in the garden")
    before = photo.read_bytes()
    (root,) = _embedding(world)["roots"]
    world.run(**_embedding(world))
    assert "XPKeywords" not in told(photo)
    assert not photo.with_name("a.jpg_original").exists()
    world.do("undo")
    photo.write_bytes(before)
    world.run(roots=[{**root, "exif_keywords": True, "keep_original": True, "exif_comment": True}])
    world.ahead = 60
    tool("-XMP-dc:Subject+=Opa", "-XMP-dc:Description=Oma rests", photo.with_name("a.jpg.xmp"))
    world.run(roots=[{**root, "exif_keywords": True, "keep_original": True, "exif_comment": True}])
    found = json.loads(tool("-j", "-EXIF:all", photo))[0]
    assert "Opa" in found["XPKeywords"].split(";")
    assert found["UserComment"] == "Oma rests"
    assert photo.with_name("a.jpg_original").read_bytes() == before


def test_embed_is_turned_on_and_off_without_a_photo_seeming_changed(world: World) -> None:
    photo, sidecar = embedded(world, "-EXIF:Artist=Ute", "-EXIF:XPTitle=garden", "-EXIF:UserComment=said")
    world.run(**_embedding(world))
    world.run(**_embedding(world))
    known = world.ask("SELECT digest, said FROM embedded")
    before, truth = (photo.read_bytes(), sidecar.read_bytes()), world.truth("a.jpg")
    for more in ({}, _embedding(world), {}):
        world.touch("a.jpg")
        assert world.run(**more).worker.counts.written == 0
        assert world.ask("SELECT digest, said FROM embedded") == known
        assert (photo.read_bytes(), sidecar.read_bytes()) == before
        assert world.truth("a.jpg") == truth
    assert world.refusals() == 0


def test_with_embed_a_word_of_ours_that_goes_inside_is_refused_everywhere(world: World) -> None:
    photo, sidecar = embedded(world)
    world.run(**_embedding(world))
    world.ahead = 3600.0
    tool(
        *(
            f"-XMP-{name}"
            for name in ("digiKam:TagsList-=colour/red", "lr:HierarchicalSubject-=colour|red", "dc:Subject-=red")
        ),
        photo,
    )
    world.run(**_embedding(world))
    assert world.refused("a.jpg") == {"colour/red"} or "colour/red" in three(sidecar)[0]


def test_with_embed_undo_gives_the_photo_back_and_removes_the_sidecar(world: World) -> None:
    photo, sidecar = embedded(world)
    before = photo.read_bytes()
    world.run(**_embedding(world))
    assert photo.read_bytes() != before
    world.changed |= _embedding(world)
    world.do("undo")
    world.run()
    assert photo.read_bytes() == before
    assert not sidecar.exists()


def test_with_embed_words_that_are_undone_leave_no_sidecar_that_says_no_more_than_the_photo(world: World) -> None:
    photo, sidecar = embedded(world)
    world.changed |= _embedding(world)
    world.run()
    world.run()
    assert "colour/red" in three(photo)[0]
    world.do("undo", keyword="colour/red")
    world.run()
    world.run()
    assert not any("red" in str(words) for words in three(photo))
    assert not sidecar.exists()
    assert world.truth("a.jpg") == dict.fromkeys(("family/Oma", "garden", "rose", "summer"), False)


def test_plan_and_diff_show_what_a_new_sidecar_takes_over(tmp_path: Path) -> None:
    world = World(tmp_path, real=True, agreed=False, auto_apply=0)
    embedded(world)
    with world.open() as app:
        world.work(app)
        made = plan.plan(app, [world.photo("a.jpg").id])
    (row,) = made.rows
    assert row["new"]
    lines = list(tell.plan(made.rows, 1, 0))
    assert lines[0].endswith("+colour/red, with all that the photo says itself")
    shown = list(tell.diff(made.rows, 1, 0))
    at = shown.index("@@ dc:subject, copied from the photo @@")
    assert {*shown[at + 1 : at + 5]} == {"+Oma", "+garden", "+rose", "+summer"}
    assert "@@ all else in the photo's own XMP, copied as it is @@" in shown
    assert "+Oma waters" in shown


@pytest.mark.parametrize("why", ["no room", "read-only"])
def test_a_photo_that_cannot_be_written_is_only_read_its_sidecar_has_all_and_a_person_sees_why(
    world: World, why: str
) -> None:
    photo, sidecar = embedded(world, *(("-XMP-dc:Rights=" + "x" * 63_800,) if why == "no room" else ()))
    if why == "read-only":
        photo.chmod(0o444)
    before = photo.read_bytes()
    world.changed |= _embedding(world)
    for _ in range(2):
        world.run()
        world.ahead += 60
    assert world.state_of("a.jpg")[0] == "delivered"
    assert photo.read_bytes() == before
    assert "colour/red" in three(sidecar)[0]
    reason = "has room for" if why == "no room" else "is marked read-only"
    (row,) = world.status()["only_read"]
    assert (row["photos"], reason in row["reason"]) == (1, True)
    assert any(reason in line for line in tell.status(world.status(), None))
    with world.book() as db:
        answer = handing.about(db, world.settings(), str(photo))
    assert [place["place"] for place in answer["places"]] == ["sidecar", "embedded"]
    assert any(f"not written into: {answer['only_read']}" in line for line in tell.show(answer, None))
    assert reason in answer["only_read"]
    photo.chmod(0o644)
    tool("-XMP-dc:Rights=", "-XMP-dc:Subject+=Opa", photo)
    for _ in range(2):
        world.run()
        world.ahead += 60
    assert "Opa" in three(sidecar)[0]
    assert "colour/red" in three(photo)[0]
    assert world.status()["only_read"] == []


def test_what_is_only_read_is_tried_again_by_retry_and_forgotten_where_nothing_is_embedded(world: World) -> None:
    photo, _ = embedded(world)
    photo.chmod(0o444)
    world.changed |= _embedding(world)
    for _ in range(2):
        world.run()
    assert world.status()["only_read"]
    assert world.do("retry", paths=[str(photo)])["photos"] == 1
    world.run()
    assert world.status()["only_read"], "it cannot be written yet"
    world.run(roots=[{"name": "p", "path": world.photos}])
    assert world.status()["only_read"] == []


def test_without_exiftool_the_root_says_so_and_goes_on_when_it_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, sidecar = embedded(world)
    before = photo.read_bytes()
    world.changed |= _embedding(world)
    with monkeypatch.context() as bare:
        bare.setenv("PATH", "/nowhere")
        world.run()
    assert (photo.read_bytes(), sidecar.exists()) == (before, True)
    (stop,) = world.status()["stops"]
    assert (stop["root"], stop["place"]) == ("p", "closed")
    assert "exiftool is missing; install it: apt install libimage-exiftool-perl" in stop["reason"]
    assert any(stop["reason"] in line for line in tell.status(world.status(), None))
    assert world.state_of("a.jpg")[:2] == ("looked", "closed")
    world.run()
    assert "colour/red" in three(photo)[0]
    assert world.status()["stops"] == []


def test_embed_never_writes_inside_immich_s_own_folders(world: World) -> None:
    photo, _ = embedded(world, name="library/a.jpg")
    (world.photos / "library" / ".immich").write_bytes(b"")
    before = photo.read_bytes()
    world.run(**_embedding(world), immich={"without_connection": "write"})
    assert photo.read_bytes() == before
    assert photo.with_name("a.jpg.xmp").exists()


def test_a_photo_that_holds_nothing_is_not_opened_again_for_its_sidecar(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    read = seeding.glance
    monkeypatch.setattr(seeding, "glance", lambda path: (opened.append(path), read(path))[1])
    paint(world.photos / "b.jpg", BLUE)
    world.run()
    assert (world.photos / "b.jpg.xmp").exists()
    assert not opened
    embedded(world)
    world.run()
    assert opened == [os.fsencode(world.photos / "a.jpg")]


def test_a_photo_of_nothing_but_a_picture_is_as_ever(world: World) -> None:
    paint(world.photos / "b.jpg", BLUE)
    world.run()
    assert three(world.photos / "b.jpg.xmp")[0] == {"colour/blue"}
    world.do("undo")
    assert os.listdir(world.photos) == ["b.jpg"]
