"""One namespace, one prefix: exiv2 (and with it digiKam, darktable, Photini) reads nothing of a file with two."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.sinks import Change
from tests.unit.sidecar_set import BEGIN, END, SPACES, meta, node

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("exiv2") is None, reason="exiv2 is missing"),
]

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SPACE = SPACES["photoshop"]
PLACE = Change(texts={"photoshop:City": "Oslo", "photoshop:State": "Oslo fylke", "photoshop:Country": "Norge"})
INNER = {
    "on a property": f'\n   <photoshop:Headline xmlns:photoshop="{SPACE}">h</photoshop:Headline>',
    "by another name": f'\n   <ps:Headline xmlns:ps="{SPACE}">h</ps:Headline>',
    "deep inside": f'\n   <my:x xmlns:my="{SPACES["my"]}" rdf:parseType="Resource">'
    f"<photoshop:Headline xmlns:photoshop='{SPACE}'>h</photoshop:Headline></my:x>",
    "nowhere": "",
}


@pytest.mark.parametrize("where", INNER)
def test_fields_of_one_namespace_share_the_prefix_that_the_file_has_for_it(tmp_path, where):
    path = tmp_path / "a.xmp"
    document = xmp.parse((BEGIN + meta(node() + node(INNER[where])) + END).encode(), b"a.xmp")
    path.write_bytes(xmp.edit(document, PLACE, NOW))
    done = subprocess.run(["exiv2", "-PXnv", str(path)], capture_output=True, text=True, check=True)
    assert not done.stderr
    said = {name: value.strip() for name, _, value in (line.partition(" ") for line in done.stdout.splitlines())}
    assert {name: said[name] for name in ("City", "State", "Country")} == {
        "City": "Oslo",
        "State": "Oslo fylke",
        "Country": "Norge",
    }
