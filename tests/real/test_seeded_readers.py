"""What exiv2 and darktable show of a photo with metadata of its own, before and after our sidecar came."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.flow.house_world import RED, World, paint

pytestmark = pytest.mark.real


def needs(program: str) -> Any:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A library that no Immich reads."""
    folder = tmp_path / "library"
    root = {"name": "p", "path": folder / "photos", "sidecar_style": "digikam"}
    return World(folder, real=True, roots=[root])


def embedded(world: World) -> Path:
    photo = paint(world.photos / "a.jpg", RED)
    words = (
        *("-XMP-dc:Subject=Oma", "-XMP-dc:Subject=garden", "-XMP-lr:HierarchicalSubject=family|Oma"),
        *("-XMP-dc:Creator=Ute", "-XMP-xmp:Rating=4", "-XMP-dc:Description=Oma waters", "-XMP-dc:Title=Roses"),
    )
    subprocess.run(["exiftool", "-q", "-overwrite_original", *words, str(photo)], check=True, timeout=600)
    return photo


def _exiv2(path: Path) -> dict[str, str]:
    done = subprocess.run(
        ["exiv2", "-q", "-PXkt", str(path)], capture_output=True, text=True, check=False, timeout=600
    )
    return dict(line.split(None, 1) for line in done.stdout.splitlines() if len(line.split(None, 1)) == 2)


@needs("exiftool")
@needs("exiv2")
def test_exiv2_reads_everything_of_the_photo_from_the_sidecar_that_hides_it(world: World) -> None:
    photo = embedded(world)
    before = _exiv2(photo)
    world.run()
    after = _exiv2(photo.with_name("a.jpg.xmp"))
    assert before["Xmp.dc.creator"] == "Ute"
    lists = {"Xmp.dc.subject", "Xmp.lr.hierarchicalSubject"}
    kept = {name: value for name, value in before.items() if name not in {*lists, "Xmp.xmp.MetadataDate"}}
    assert {name: after.get(name, "").strip() for name in kept} == {name: v.strip() for name, v in kept.items()}
    for name in lists:
        assert set(before[name].strip().split(", ")) < set(after[name].strip().split(", ")), name


@needs("exiftool")
@needs("darktable-cli")
@pytest.mark.slow
def test_darktable_shows_rating_creator_caption_and_words_as_before(world: World, tmp_path: Path) -> None:
    embedded(world)
    before = _darktable(world.photos, tmp_path / "before")
    world.run()
    assert (world.photos / "a.jpg.xmp").exists()
    after = _darktable(world.photos, tmp_path / "after")
    assert before["rating"] == after["rating"] == 4
    assert {"Ute", "Oma waters", "Roses"} <= before["texts"] == after["texts"]
    assert before["words"] < after["words"]
    assert "colour|red" in after["words"]


def _darktable(folder: Path, scratch: Path) -> dict[str, Any]:
    """What darktable's own library holds of the one photo after an import."""
    scratch.mkdir()
    home = {"HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch), "XDG_CACHE_HOME": str(scratch)}
    core = ["--core", "--library", f"{scratch}/library.db", "--configdir", f"{scratch}/cfg"]
    core += ["--cachedir", f"{scratch}/cache", "--disable-opencl", "--conf", "write_sidecar_files=never"]
    command = ["darktable-cli", "--import", str(folder), f"{scratch}/out/", "--width", "16", "--out-ext", "png"]
    subprocess.run([*command, *core], check=True, capture_output=True, timeout=600, env={**os.environ, **home})
    library = sqlite3.connect(scratch / "library.db")
    try:
        library.execute("attach ? as d", (f"{scratch}/cfg/data.db",))
        (flags,) = library.execute("select flags from images").fetchone()
        texts = {row[0] for row in library.execute("select value from meta_data")}
        words = library.execute("select t.name from tagged_images g join d.tags t on t.id = g.tagid")
        return {
            "rating": flags & 7,
            "texts": texts,
            "words": {name for (name,) in words if not name.startswith("darktable|")},
        }
    finally:
        library.close()
