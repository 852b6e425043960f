"""What the real exiftool, exiv2 and darktable read in sidecars of every writer's style after a merge."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.keeper import Keeper, wanted
from tests.unit.sidecar_set import SIDECARS
from tests.unit.test_sidecar_set import CAPTION, LEAVES, OTHERS, OURS, PATHS, SPELT, TREE, refused, words

pytestmark = pytest.mark.real
ALL = {**SIDECARS, **OTHERS}

TAGS = {"XMP-digiKam:TagsList": TREE, "XMP-lr:HierarchicalSubject": PATHS, "XMP-dc:Subject": LEAVES}
_NARROW = {"Latin-1", "windows-1252"}
DEAF = {
    "exiftool": {"CDATA and references", "another prefix for everything", "default namespace", *_NARROW},
    "exiv2": {"default namespace", *_NARROW},
}
"""Forms that a program does not know, before us or after; of UTF-16 exiftool reads only ASCII."""


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing")


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """Every sidecar after a merge, by name; each beside its own photo."""
    folder = tmp_path_factory.mktemp("set")
    found = {}
    for number, (name, data) in enumerate(ALL.items()):
        if not refused(data):
            keeper = Keeper(folder, data, f"{number:03}.jpg")
            keeper.keep(wanted(*OURS, caption=CAPTION))
            found[name] = keeper.sidecar
    return found


def said(program: str, paths: list[Path]) -> list[dict]:
    command = [program, "-j", "-a", "-struct", "-G1", "-api", "StructFormat=JSONQ", *TAGS_WANTED, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=False)
    return json.loads(done.stdout, parse_int=str, parse_float=str)


TAGS_WANTED = [f"-{tag}" for tag in TAGS]


@needs("exiftool")
def test_exiftool_reads_every_word_of_ours_in_all_three_fields_and_none_twice(merged):
    several = [name for name in merged if name not in DEAF["exiftool"] and b"\0" not in ALL[name][:9]]
    for name, found in zip(several, said("exiftool", [merged[name] for name in several]), strict=True):
        for tag, field in TAGS.items():
            value = found.get(tag, [])
            shown = Counter(value if isinstance(value, list) else [value])
            known = {each.casefold() for each in words(ALL[name], field)}
            for word in SPELT[field]:
                assert shown[word] == 1 or word.casefold() in known, (name, tag, word, shown)


@needs("exiv2")
def test_exiv2_reads_every_word_of_ours_where_it_could_read_the_file_before(merged, tmp_path):
    read = 0
    for name, path in merged.items():
        old = tmp_path / "old.xmp"
        old.write_bytes(ALL[name])
        if name in DEAF["exiv2"] or not _exiv2(old):
            continue
        shown = _exiv2(path)
        read += 1
        for key, field in (("TagsList", TREE), ("hierarchicalSubject", PATHS), ("subject", LEAVES)):
            known = {each.casefold() for each in words(ALL[name], field)}
            values = ", ".join(value for tag, value in shown.items() if tag.partition("[")[0].endswith(f".{key}"))
            for word in SPELT[field]:
                assert word in values or word.casefold() in known, (name, key, word, values)
    assert read >= 40


def _exiv2(path: Path) -> dict[str, str]:
    done = subprocess.run(["exiv2", "-q", "-PXkv", str(path)], capture_output=True, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    return dict(line.split(None, 1) for line in lines if len(line.split(None, 1)) == 2)


DARKTABLE = [
    "darktable, empty history",
    "digiKam 8, every field",
    "Lightroom Classic",
    "Capture One",
    "Immich",
    "Windows",
    "twelve structs",
    "hollow Description",
]


@needs("darktable-cli")
@pytest.mark.slow
def test_darktable_attaches_every_word_of_ours(tmp_path):
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(DARKTABLE):
        keeper = Keeper(folder, SIDECARS[name], f"{number}.png")
        Image.new("RGB", (16, 16), (number * 20, 90, 30)).save(folder / f"{number}.png")
        keeper.keep(wanted(*OURS))
    found = _darktable(folder, tmp_path)
    for number, name in enumerate(DARKTABLE):
        assert found[f"{number}.png"] >= set(SPELT[PATHS]), name


def _darktable(folder: Path, scratch: Path) -> dict[str, set[str]]:
    home = {"HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch), "XDG_CACHE_HOME": str(scratch)}
    core = ["--core", "--library", f"{scratch}/library.db", "--configdir", f"{scratch}/cfg"]
    core += ["--cachedir", f"{scratch}/cache", "--disable-opencl", "--conf", "write_sidecar_files=never"]
    command = ["darktable-cli", "--import", str(folder), f"{scratch}/out/", "--width", "16", "--out-ext", "png"]
    subprocess.run([*command, *core], check=True, capture_output=True, timeout=600, env={**os.environ, **home})
    library = sqlite3.connect(scratch / "library.db")
    try:
        library.execute("attach ? as d", (f"{scratch}/cfg/data.db",))
        rows = library.execute(
            "select i.filename, t.name from images i join tagged_images g on g.imgid = i.id"
            " join d.tags t on t.id = g.tagid"
        ).fetchall()
    finally:
        library.close()
    found: dict[str, set[str]] = {}
    for name, tag in rows:
        found.setdefault(name, set()).add(tag)
    return found
