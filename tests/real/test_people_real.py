"""Face regions in the eyes of real programs: exiftool reads them, digiKam finds the faces, darktable saves."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from metadata import people
from metadata.choose import Evidence, Rules
from metadata.people import Box, Frame, Person
from metadata.photo import Photo
from metadata.sinks import Change
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import PERSONS
from tests.real import readers

pytestmark = pytest.mark.real
NOW = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
SIZE = (80, 60)


def needs(*programs: str):
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")


def _raster(orientation: int) -> tuple[int, int]:
    return SIZE if orientation < 5 else (SIZE[1], SIZE[0])


def written(folder: Path, name: str, orientation: int, *found: Person, word: str = "cat") -> Photo:
    """A photo with a white face for each person, and its sidecar by the sink that the product uses."""
    raster = _raster(orientation)
    upright = Image.new("RGB", SIZE, (90, 20 + orientation * 20, 40))
    for each in found:
        if each.box:
            left, top, right, bottom = each.box
            upright.paste((255, 255, 255), tuple(map(round, (left * 80, top * 60, right * 80, bottom * 60))))
    back, exif = Image.Exif(), Image.Exif()
    back[0x112], exif[0x112] = {6: 8, 8: 6}.get(orientation, orientation), orientation
    upright.info["exif"] = back.tobytes()
    stored = ImageOps.exif_transpose(upright)
    assert stored.size == raster
    folder.mkdir(exist_ok=True)
    stored.save(folder / name, quality=95, exif=exif)
    evidence = [Evidence("immich", "1", (), people=found)]
    chosen = people.chosen(evidence, Rules(), "regions")
    persons = tuple(each.word[-1] for each in chosen.values())
    lists = {"digiKam:TagsList": (word,), "lr:hierarchicalSubject": (word,), "dc:subject": (word,)}
    texts = people.regions(evidence, Rules(), Frame(*raster, orientation))
    sink = SidecarSink(clock=lambda: NOW)
    photo = Photo(1, "r", bytes(folder), name.encode())
    draft = sink.draft(photo, sink.read([photo])[0], Change({**lists, PERSONS: persons}, {}, dict(texts)))
    (answer,) = sink.write([draft])
    assert answer.exists
    return photo


def exiftool(path: Path) -> dict:
    out = subprocess.run(["exiftool", "-j", "-struct", "-G1", "-n", path], capture_output=True, check=True).stdout
    return json.loads(out)[0]


@needs("exiftool")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exiftool_reads_the_region_where_the_face_is_in_the_stored_picture(tmp_path, orientation):
    written(tmp_path, "a.jpg", orientation, Person("Anna", Box(0.1, 0.2, 0.3, 0.6)))
    said = exiftool(tmp_path / "a.jpg.xmp")["XMP-mwg-rs:RegionInfo"]
    with Image.open(tmp_path / "a.jpg") as image:
        size, bright = image.size, image.convert("L").point(lambda value: 255 * (value > 170)).getbbox()
    assert said["AppliedToDimensions"] == {"W": size[0], "H": size[1], "Unit": "pixel"}
    (region,) = said["RegionList"]
    assert (region["Name"], region["Type"], region["Area"]["Unit"]) == ("Anna", "Face", "normalized")
    x, y, w, h = (region["Area"][name] for name in "XYWH")
    edges = ((x - w / 2) * size[0], (y - h / 2) * size[1], (x + w / 2) * size[0], (y + h / 2) * size[1])
    assert edges == pytest.approx(bright, abs=1.5)


@needs("exiftool")
def test_exiftool_reads_names_with_every_sign(tmp_path):
    names = ["Anna & <Bob>", "Zoë 东京 🙂", "Quote \" and ' mark", "עברית"]
    written(tmp_path, "a.jpg", 1, *(Person(each, Box(0.1, 0.2, 0.3, 0.6)) for each in names))
    said = exiftool(tmp_path / "a.jpg.xmp")
    assert sorted(said["XMP-iptcExt:PersonInImage"]) == sorted(names)
    assert sorted(each["Name"] for each in said["XMP-mwg-rs:RegionInfo"]["RegionList"]) == sorted(names)


def _darktable(folder: Path, scratch: Path) -> None:
    core = ["--core", "--library", f"{scratch}/library.db", "--configdir", f"{scratch}/cfg"]
    core += ["--cachedir", f"{scratch}/cache", "--disable-opencl", "--conf", "write_sidecar_files=on import"]
    small = ["--width", "16", "--out-ext", "png"]
    command = ["darktable-cli", "--import", str(folder), f"{scratch}/out/", *small, *core]
    home = {"HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch), "XDG_CACHE_HOME": str(scratch)}
    home["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    subprocess.run(command, capture_output=True, check=False, timeout=600, env=home)


@needs("darktable-cli", "exiftool")
def test_darktable_saves_a_file_with_all_the_faces_that_we_write(tmp_path):
    faces = [Person(f"P{n:02}", Box(n / 20, 0.1, n / 20 + 0.04, 0.5)) for n in range(12)]
    photo = written(tmp_path / "in", "a.jpg", 1, *faces[:9])
    (tmp_path / "scratch").mkdir()
    _darktable(tmp_path / "in", tmp_path / "scratch")
    said = exiftool(Path(photo.file.decode() + ".xmp"))
    assert any(name.startswith("XMP-darktable:") for name in said), "darktable did not save"
    assert len(said["XMP-mwg-rs:RegionInfo"]["RegionList"]) == 9


@needs("digikam", "Xvfb", "dbus-run-session")
def test_digikam_finds_the_faces_by_name_in_photos_turned_every_way(tmp_path):
    folder, scratch = tmp_path / "in", tmp_path / "scratch"
    for orientation in range(1, 9):
        written(folder, f"{orientation}.jpg", orientation, Person(f"Anna {orientation}", Box(0.1, 0.2, 0.3, 0.6)))
    scratch.mkdir()
    found = readers.digikam(folder, scratch)
    with closing(sqlite3.connect(scratch / "db" / "digikam4.db")) as book:
        rows = book.execute(
            "select i.name, t.name, p.value from ImageTagProperties p join Images i on i.id = p.imageid "
            "join Tags t on t.id = p.tagid where p.property = 'tagRegion'"
        ).fetchall()
    assert {name: tag for name, tag, _ in rows} == {f"{n}.jpg": f"Anna {n}" for n in range(1, 9)}
    for name, _, rect in rows:  # digiKam turns the area by the photo's orientation, and keeps it upright
        found_at = [int(value) for value in re.findall(r"\"(-?\d+)\"", rect)]
        assert found_at == pytest.approx([8, 12, 16, 24], abs=1.5), f"{name}: {rect}"
    assert all(f"People|Anna {n}" in found[f"{n}.jpg"].words for n in range(1, 9))
