"""People whom Immich knows, from it to the sidecar as exiftool reads it; and no way back for regions."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing, running
from watcher import link

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def world(request, tmp_path, monkeypatch):
    """A photo on its side with two faces: Ann, and somebody who is hidden."""
    monkeypatch.setattr(link, "EVERY", 0.0)
    monkeypatch.setattr("watcher.faces.EVERY", 0.0)
    monkeypatch.setattr("metadata.mirror.settle.APART", 0.3)
    monkeypatch.setattr("metadata.mirror.calm.APART", 0.3)
    with running() as immich:
        folder = immich.external / "people"
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(sideways())
        immich.library("people")
        made = ImmichWorld(
            tmp_path,
            immich,
            database=request.param,
            root={"path": folder, "people": "regions"},
            immich={"paths": {"/external": str(immich.external)}},
        )
        made.asset = immich.sql("SELECT id FROM asset")[0]["id"]
        made.ann = person(made, "Ann", (10, 20, 40, 60))
        person(made, "Nobody", (60, 60, 90, 90), hidden=True)
        yield made


def sideways():
    """A photo of 64 x 48 that is turned to be looked at (EXIF orientation 6)."""
    import io

    from PIL import Image

    data = io.BytesIO()
    image = Image.open(io.BytesIO(photo(mark=501)))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(data, "JPEG", quality=95, exif=exif)
    return data.getvalue()


def person(world, name, box, *, hidden=False):
    sql = 'INSERT INTO person ("ownerId", name, "isHidden") VALUES (%s, %s, %s) RETURNING id'
    made = world.immich.sql(sql, world.immich.admin.id, name, hidden)[0]["id"]
    world.immich.sql(
        'INSERT INTO asset_face ("assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1", '
        '"boundingBoxY1", "boundingBoxX2", "boundingBoxY2") VALUES (%s, %s, 100, 100, %s, %s, %s, %s)',
        world.asset, made, *box,
    )  # fmt: skip
    return made


def said(world):
    path = world.sidecar(world.asset)
    done = subprocess.run(
        ["exiftool", "-j", "-struct", "-n", "-XMP:all", str(path)], capture_output=True, check=True
    )
    return json.loads(done.stdout)[0]


def regions(world):
    return {each["Name"]: each["Area"] for each in said(world).get("RegionInfo", {}).get("RegionList", [])}


def names(world):
    found = said(world).get("PersonInImage", [])
    return {found} if isinstance(found, str) else {*found}


def test_a_face_of_immichs_is_a_region_of_the_stored_picture_as_exiftool_reads_it(world):
    world.rest()
    assert names(world) == {"Ann"}
    (area,) = regions(world).values()
    assert [*regions(world)] == ["Ann"]
    # upright 10-40 x 20-60 of 100; the stored picture is that turned by 90 degrees against the clock
    assert (area["X"], area["Y"]) == (pytest.approx(0.40, abs=0.01), pytest.approx(0.75, abs=0.01))
    assert (area["W"], area["H"]) == (pytest.approx(0.40, abs=0.01), pytest.approx(0.30, abs=0.01))
    assert said(world)["RegionInfo"]["AppliedToDimensions"] == {"W": 64, "H": 48, "Unit": "pixel"}
    world.immich.ok("PUT", f"/people/{world.ann}", {"name": "Anna Lena"})
    world.rest()
    assert names(world) == {*regions(world)} == {"Anna Lena"}


def test_where_immich_imports_faces_only_names_are_written_and_regions_of_ours_go_again(world):
    world.immich.options(import_faces=True)
    world.rest()
    assert (names(world), regions(world)) == ({"Ann"}, {})
    world.immich.options(import_faces=False)
    world.rest()
    assert [*regions(world)] == ["Ann"]
    theirs = "{Name=Opa,Type=Face,Area={X=0.5,Y=0.5,W=0.1,H=0.1,Unit=normalized}}"
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", f"-RegionList+={theirs}", str(world.sidecar(world.asset))],
        check=True,
    )
    world.rest()
    assert {*regions(world)} == {"Ann", "Opa"}
    world.immich.options(import_faces=True)
    world.rest()
    assert (names(world) >= {"Ann"}, [*regions(world)]) == (True, ["Opa"])
