from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from metadata import which, xmp
from metadata.photo import Photo
from metadata.sinks import Change
from tests.flow.house_world import BLUE, RED, World, paint
from watcher.ledger import writes

NOW = datetime(2020, 1, 1, tzinfo=UTC)
PLAIN, COMMON = ("immich", "digikam", "darktable"), ("lightroom", "captureone")


class Styled(World):
    """A library of one root with a style, and photos of any suffix."""

    style = "immich"

    def settings(self, **more):
        roots = [{"name": "p", "path": self.photos, "sidecar_style": self.style}]
        return super().settings(**{"roots": roots, **more})

    def raw(self, name, colour=RED):
        paint(self.photos / "x.tif", colour).rename(self.photos / name)
        return self.photos / name

    def sidecars(self):
        return {path.name for path in self.photos.rglob("*.xmp")}

    def holds(self, name):
        return set(xmp.seen(xmp.parse((self.photos / name).read_bytes(), b"")).lists.get("digiKam:TagsList", ()))


@pytest.fixture
def world(tmp_path):
    return Styled(tmp_path, real=True)


@pytest.mark.parametrize("style", [*PLAIN, *COMMON])
def test_which_file_is_made_by_style(world, style):
    world.style = style
    for name in ("lone.NEF", "pair.NEF"):
        world.raw(name)
    paint(world.photos / "pair.jpg", RED, mark=1)
    paint(world.photos / "plain.jpg", RED, mark=2)
    paint(world.photos / "scan.tif", RED, mark=3)
    paint(world.photos / "x.tif", RED, mark=4).rename(world.photos / "own.dng")
    world.run()
    lone = "lone.xmp" if style in COMMON else "lone.NEF.xmp"
    assert world.sidecars() == {
        *(lone, "pair.NEF.xmp", "pair.jpg.xmp", "plain.jpg.xmp", "scan.tif.xmp", "own.dng.xmp")
    }
    texts = xmp.seen(xmp.parse((world.photos / lone).read_bytes(), b"")).texts
    assert texts.get(which.EXTENSION) == ("NEF" if style in COMMON else None)


def test_a_change_of_style_moves_our_words_there_and_back_as_runs_of_their_own(world):
    world.raw("a.NEF")
    paint(world.photos / "b.jpg", BLUE)
    world.run()
    assert world.sidecars() == {"a.NEF.xmp", "b.jpg.xmp"}
    before = (world.photos / "a.NEF.xmp").read_bytes()
    world.style = "lightroom"
    world.run()
    assert world.sidecars() == {"a.xmp", "b.jpg.xmp"}
    assert world.holds("a.xmp") == {"colour/red"}
    with world.book() as db:
        run = next(row["run"] for row in writes.runs(db) if row["why"] == "sidecar_style lightroom")
    world.run()
    assert world.sidecars() == {"a.xmp", "b.jpg.xmp"}
    assert world.refusals() == 0
    world.do("undo", run=run)
    assert world.sidecars() == {"a.NEF.xmp", "b.jpg.xmp"}
    assert (world.photos / "a.NEF.xmp").read_bytes() == before
    assert world.truth("a.NEF") == {"colour/red": True}
    world.style = "digikam"
    world.run()
    assert world.sidecars() == {"a.NEF.xmp", "b.jpg.xmp"}


def test_back_again_and_undo_of_everything_leaves_no_sidecar(world):
    world.raw("a.NEF")
    for style in ("captureone", "darktable", "lightroom"):
        world.style = style
        world.run()
        assert len(world.sidecars()) == 1
    world.do("undo")
    assert world.sidecars() == set()
    world.run()
    assert world.sidecars() == set()


def test_what_others_wrote_stays_in_the_old_file_and_ours_stand_in_one_file_only(world):
    world.raw("a.NEF")
    old = world.photos / "a.NEF.xmp"
    old.write_bytes(xmp.create(Change(add={"dc:subject": ("Oma",)}), NOW, b"a").data)
    world.run()
    assert world.holds("a.NEF.xmp") >= {"colour/red"}
    world.style = "lightroom"
    world.run()
    assert world.sidecars() == {"a.xmp", "a.NEF.xmp"}
    assert "red" not in old.read_text()
    assert "Oma" in old.read_text()
    assert "colour/red" in world.holds("a.xmp")
    assert world.truth("a.NEF") == {"Oma": False, "colour/red": True}
    paint(world.photos / "x.tif", BLUE)
    (world.photos / "x.tif").rename(world.photos / "a.NEF")
    world.run()
    assert "blue" not in old.read_text()
    assert "colour/blue" in world.holds("a.xmp")


def test_a_folder_with_a_twin_never_gets_a_shared_sidecar(tmp_path):
    (tmp_path / "a.CR2").touch()
    (tmp_path / "a.jpg").touch()
    base = bytes(tmp_path)
    for style in COMMON:
        photo = Photo(1, "p", base, b"a.CR2")
        assert which.new(photo, which.Folder(base), style) == base + b"/a.CR2.xmp"
    (tmp_path / "a.jpg").unlink()
    assert which.new(photo, which.Folder(base), "lightroom") == base + b"/a.xmp"
    assert which.new(photo, which.Folder(base), "immich") == base + b"/a.CR2.xmp"


@pytest.mark.real
def test_a_copy_of_what_the_photo_holds_moves_along_and_goes_with_our_last_word(world):
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("exiftool is not installed")
    photo = paint(world.photos / "x.tif", RED)
    said = ["-XMP-dc:Subject=Oma", "-XMP-xmp:Label=rot"]
    subprocess.run([tool, "-q", "-overwrite_original", *said, str(photo)], check=True)
    photo.rename(world.photos / "a.NEF")
    world.run()
    world.style = "lightroom"
    for _ in range(2):
        world.run()
        assert world.sidecars() == {"a.xmp"}
        assert world.holds("a.xmp") == {"Oma", "colour/red"}
        assert "rot" in (world.photos / "a.xmp").read_text()
        assert world.truth("a.NEF") == {"Oma": False, "colour/red": True}
    world.do("xmp clean", paths=[str(world.photos)], apply=True)
    for _ in range(2):
        assert world.sidecars() == set()
        assert world.truth("a.NEF") == {"Oma": False}
        world.run()
    assert world.refusals() == 0
