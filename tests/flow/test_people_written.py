"""People in the whole house: given as data, written on request, taken back, left out of exports."""

from __future__ import annotations

import io
import json
import shutil
import subprocess

import pytest
from PIL import Image

from metadata import xmp
from metadata.people import Box, Person
from metadata.tags import PERSONS
from models.captioners.plain import Plain
from models.protocols import Titled
from tests.flow.house_world import RED, World, paint
from tests.flow.test_xmp_commands import clean, shown_of
from watcher import export, keeping, shown, tell
from watcher.ledger import answers

ANNA, BOB = Box(0.25, 0.25, 0.5, 0.75), Box(0.5, 0.25, 0.75, 0.5)
FOREIGN = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
  xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">
  <mwg-rs:Regions rdf:parseType="Resource">
   <mwg-rs:AppliedToDimensions stDim:w="24" stDim:h="16" stDim:unit="pixel"/>
   <mwg-rs:RegionList><rdf:Bag>
    <rdf:li><rdf:Description mwg-rs:Name="Oma" mwg-rs:Type="Face">
     <!-- hers --><mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.1" stArea:h="0.10"/>
    </rdf:Description></rdf:li>
    <rdf:li mwg-rs:Type="Focus"><mwg-rs:Area stArea:x=".5" stArea:y=".5" stArea:w=".1" stArea:h=".1"/></rdf:li>
   </rdf:Bag></mwg-rs:RegionList>
  </mwg-rs:Regions>
 </rdf:Description></rdf:RDF></x:xmpmeta>
"""
THEIRS = FOREIGN[FOREIGN.index(b"<rdf:li><rdf:Description mwg") : FOREIGN.index(b"\n   </rdf:Bag>")]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, real=True, taggers=[])


def asks(world, wish):
    """What is to be written of people in the root."""
    world.changed["roots"] = [{"name": "p", "path": world.photos, "people": wish}]


def told(world, name, *found):
    """A server says who is in a photo; then the service works."""
    number = world.photo(name).id
    with world.open() as app:
        with app.ledger.transaction() as db:
            keeping.keep_people(db, number, "immich", "1", found, app.now())
        world.work(app)


def standing(world, name="a.jpg"):
    path = world.photos / f"{name}.xmp"
    if not path.exists():
        return None
    said = xmp.seen(xmp.parse(path.read_bytes(), b"a"))
    regions = {name.partition("/")[2]: text for name, text in said.texts.items() if name.startswith("mwg-rs:")}
    return said.lists.get(PERSONS, ()), regions


def begun(world, wish, *found, foreign=None):
    paint(world.photos / "a.jpg", RED)
    if foreign is not None:
        (world.photos / "a.jpg.xmp").write_bytes(foreign)
    asks(world, wish)
    world.run()
    told(world, "a.jpg", *found)


def test_people_are_not_written_unless_asked_for(world):
    begun(world, "none", Person("Anna", ANNA))
    assert standing(world) is None


def test_names_alone_are_a_smaller_wish(world):
    begun(world, "names", Person("Anna", ANNA), Person("Bob"))
    assert standing(world) == (("Anna", "Bob"), {})


def test_regions_come_with_the_names_of_those_whose_face_is_known(world):
    begun(world, "regions", Person("Anna", ANNA), Person("Bob"))
    assert standing(world) == (("Anna", "Bob"), {"Anna": "0.375 0.5 0.25 0.5 of 24x16"})


def test_a_photo_that_lies_on_its_side_has_its_regions_in_the_stored_picture(world):
    exif = Image.Exif()
    exif[0x112] = 6
    world.photos.mkdir(exist_ok=True)
    Image.new("RGB", (24, 16), RED).save(world.photos / "a.jpg", exif=exif)
    asks(world, "regions")
    world.run()
    told(world, "a.jpg", Person("Anna", Box(0.0, 0.0, 0.5, 0.25)))
    assert standing(world)[1] == {"Anna": "0.125 0.75 0.25 0.5 of 24x16"}


def test_regions_of_others_stay_byte_for_byte_beside_ours_and_after_them(world):
    begun(world, "regions", Person("Anna", ANNA), Person("Oma", BOB), foreign=FOREIGN)
    data = (world.photos / "a.jpg.xmp").read_bytes()
    assert THEIRS in data
    assert standing(world)[1] == {
        "Oma": "0.5 0.5 0.1 0.1 of 24x16",
        "Anna": "0.375 0.5 0.25 0.5 of 24x16",
    }
    told(world, "a.jpg", Person("Anna Müller", ANNA))
    assert list(standing(world)[1]) == ["Oma", "Anna Müller"]
    assert THEIRS in (world.photos / "a.jpg.xmp").read_bytes()
    told(world, "a.jpg")
    assert standing(world) == ((), {"Oma": "0.5 0.5 0.1 0.1 of 24x16"})
    assert THEIRS in (world.photos / "a.jpg.xmp").read_bytes()


def test_a_second_pass_writes_nothing(world):
    begun(world, "regions", Person("Anna", ANNA))
    before = (world.photos / "a.jpg.xmp").read_bytes()
    told(world, "a.jpg", Person("Anna", ANNA))
    world.touch("a.jpg")
    world.run()
    assert (world.photos / "a.jpg.xmp").read_bytes() == before
    assert world.ask("SELECT count(*) FROM writes WHERE state = 'done'")[0][0] == 1


def test_a_changed_wish_is_written_to_photos_that_are_done(world):
    begun(world, "none", Person("Anna", ANNA))
    for wish, found in [
        ("names", (("Anna",), {})),
        ("regions", (("Anna",), {"Anna": "0.375 0.5 0.25 0.5 of 24x16"})),
        ("names", (("Anna",), {})),
        ("none", None),
    ]:
        asks(world, wish)
        world.run()
        world.run()
        assert standing(world) == found, wish


def test_undo_gives_the_bytes_back_and_keeps_people_back_until_redo(world):
    begun(world, "regions", Person("Anna", ANNA), foreign=FOREIGN)
    number = world.ask("SELECT max(run) FROM writes")[0][0]
    world.do("undo", run=number)
    assert (world.photos / "a.jpg.xmp").read_bytes() == FOREIGN
    world.run()
    assert (world.photos / "a.jpg.xmp").read_bytes() == FOREIGN
    world.do("redo", run=number)
    world.run()
    assert standing(world)[0] == ("Anna",)
    assert list(standing(world)[1]) == ["Oma", "Anna"]


def test_clean_takes_people_of_ours_away_and_nobody_elses(world):
    begun(world, "regions", Person("Anna", ANNA), foreign=FOREIGN)
    path = world.photos / "a.jpg.xmp"
    path.write_bytes(path.read_bytes().replace(b"<!-- hers -->", b"<!-- still hers -->"))
    world.touch("a.jpg")
    world.run()
    shown_first = clean(world, "a.jpg")
    (row,) = shown_first["changes"]
    assert row["fields"][PERSONS]["remove"] == ["Anna"]
    clean(world, "a.jpg", apply=True)
    assert standing(world) == ((), {"Oma": "0.5 0.5 0.1 0.1 of 24x16"})
    assert THEIRS.replace(b"<!-- hers", b"<!-- still hers") in path.read_bytes()


def test_a_sidecar_of_ours_goes_with_the_last_person(world):
    begun(world, "regions", Person("Anna", ANNA))
    clean(world, "a.jpg", apply=True)
    assert standing(world) is None


def test_show_says_whose_each_name_and_region_is(world):
    begun(world, "regions", Person("Anna", ANNA), foreign=FOREIGN)
    fields = shown_of(world, "a.jpg")[0]["fields"]
    assert fields[PERSONS] == [{"value": "Anna", "whose": "ours"}]
    assert [row["whose"] for row in fields["mwg-rs:Regions/Anna"]] == ["ours"]
    assert [row["whose"] for row in fields["mwg-rs:Regions/Oma"]] == ["a person's"]
    with world.book() as db:
        about = answers.about(db, world.photo("a.jpg"))
    assert "    Anna (a person) (ours, immich 1.0)" in list(tell.show(about, None))


def test_why_a_tenth_face_has_no_region_is_told(world):
    faces = [Person(f"P{number}", Box(0.1 * number, 0, 0.1 * number + 0.05, 1)) for number in range(10)]
    begun(world, "regions", *faces)
    assert len(standing(world)[0]) == 10
    assert len(standing(world)[1]) == 9
    with world.book() as db:
        lines = list(tell.show(answers.about(db, world.photo("a.jpg")), None))
    assert [line for line in lines if "darktable saves no file with ten" in line]


def test_an_export_leaves_people_out_unless_asked(world):
    begun(world, "regions", Person("Anna", ANNA))
    with world.book() as db:
        number = world.photo("a.jpg").id
        told_ = {}
        for wish in (False, True):
            out = io.StringIO()
            wishes = export.Wishes(people=wish)
            export.write(export.rows(db, [number], wishes), "json", wishes, out)
            told_[wish] = out.getvalue()
    assert "Anna" not in told_[False]
    assert json.loads(told_[True])[0]["people"] == ["Anna"]


def test_a_new_sidecar_begins_with_the_regions_that_the_photo_holds(world):
    paint(world.photos / "a.jpg", RED)
    image = Image.open(world.photos / "a.jpg")
    image.save(world.photos / "a.jpg", xmp=FOREIGN)
    image.close()
    asks(world, "regions")
    world.run()
    told(world, "a.jpg", Person("Anna", ANNA), Person("Oma", BOB))
    assert list(standing(world)[1]) == ["Oma", "Anna"]
    assert THEIRS in (world.photos / "a.jpg.xmp").read_bytes()
    clean(world, "a.jpg", apply=True)
    assert standing(world) is None


def test_people_of_a_photo_whose_sidecar_was_lost_come_back(world):
    begun(world, "regions", Person("Anna", ANNA))
    before = standing(world)
    (world.photos / "a.jpg.xmp").unlink()
    world.touch("a.jpg")
    world.run()
    assert standing(world) == before


def test_a_lost_ledger_takes_people_over_by_adopt(world):
    begun(world, "regions", Person("Anna", ANNA))
    for path in sorted(world.state.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    asks(world, "none")
    world.agreed = True
    world.run()
    assert standing(world) == (("Anna",), {"Anna": "0.375 0.5 0.25 0.5 of 24x16"})
    world.do("adopt", paths=[])
    assert shown.OURS in {row["whose"] for row in shown_of(world, "a.jpg")[0]["fields"][PERSONS]}


@pytest.mark.real
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_people_stand_inside_the_photo_too_where_it_is_written_and_go_again(world):
    paint(world.photos / "a.jpg", RED)
    roots = [{"name": "p", "path": world.photos, "people": "regions", "embed": True}]
    world.changed["roots"] = roots
    world.run()
    told(world, "a.jpg", Person("Anna", ANNA))
    inside = _exiftool(world.photos / "a.jpg")
    assert inside["PersonInImage"] == ["Anna"]
    (region,) = inside["RegionInfo"]["RegionList"]
    assert (region["Name"], region["Area"]["X"]) == ("Anna", 0.375)
    assert standing(world) == (("Anna",), {"Anna": "0.375 0.5 0.25 0.5 of 24x16"})
    told(world, "a.jpg")
    assert not {"PersonInImage", "RegionInfo"} & _exiftool(world.photos / "a.jpg").keys()
    assert standing(world) in (None, ((), {}))


def _exiftool(path):
    command = ["exiftool", "-j", "-n", "-struct", "-XMP:all", path]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]


def test_a_title_that_a_captioner_gives_is_written_kept_and_taken_back(world, monkeypatch):
    monkeypatch.setattr(Plain, "caption", lambda _, views: [Titled("lang=de Rot", "A red field") for _ in views])
    paint(world.photos / "a.jpg", RED)
    world.run(captioner="plain")
    path = world.photos / "a.jpg.xmp"
    texts = dict(xmp.seen(xmp.parse(path.read_bytes(), b"a")).texts)
    assert texts == {
        "dc:title": "A red field",
        "dc:description": "lang: de Rot",
        "tiff:ImageDescription": "lang: de Rot",
    }
    path.write_bytes(path.read_bytes().replace(b"A red field", b"Grandma's field"))
    world.touch("a.jpg")
    for _ in range(2):
        world.run(captioner="plain")
        assert b"Grandma's field" in path.read_bytes()
    world.do("xmp clean", paths=[], apply=True)
    assert xmp.seen(xmp.parse(path.read_bytes(), b"a")).texts == {"dc:title": "Grandma's field"}


def test_a_title_of_ours_goes_with_undo(world, monkeypatch):
    monkeypatch.setattr(Plain, "caption", lambda _, views: [Titled("", "A red field") for _ in views])
    paint(world.photos / "a.jpg", RED)
    world.run(captioner="plain")
    assert b"A red field" in (world.photos / "a.jpg.xmp").read_bytes()
    world.do("undo", run=world.ask("SELECT max(run) FROM writes")[0][0])
    world.run(captioner="plain")
    assert not (world.photos / "a.jpg.xmp").exists()
