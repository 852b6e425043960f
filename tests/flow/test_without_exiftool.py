"""Perl or exiftool absent: all but writing into photos goes on."""

from __future__ import annotations

import os

import pytest

from metadata import xmp
from tests.flow.house_world import GREEN, RED, World, paint


@pytest.fixture
def world(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return World(tmp_path, real=True)


def with_xmp(path, *words):
    """The file with a packet of its own, as another program embeds it."""
    from datetime import UTC, datetime

    from metadata.sinks import Change

    packet = xmp.create(Change(add={"dc:subject": words}), datetime(2020, 1, 1, tzinfo=UTC), b"x").data
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    with Image.open(path) as image:
        image.load()
    if path.suffix == ".png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        image.save(path, pnginfo=info)
    elif path.suffix == ".tif":
        image.save(path, tiffinfo={700: packet})  # tag 700 is XMP (XMP part 3, 3.1)
    else:
        image.save(path, xmp=packet)
    return path


def test_keywords_go_into_sidecars_and_those_inside_photos_are_read_without_exiftool(world):
    with_xmp(paint(world.photos / "a.jpg", RED), "Oma")
    with_xmp(paint(world.photos / "b.png", GREEN), "Garten")
    with_xmp(paint(world.photos / "c.tif", RED, mark=3), "Opa")
    with_xmp(paint(world.photos / "d.webp", GREEN, mark=4), "Meer")
    world.run()
    assert world.status()["states"] == {"delivered": 4}
    assert world.truth("a.jpg") == {"colour/red": True, "Oma": False}
    assert world.truth("b.png") == {"colour/green": True, "Garten": False}
    assert world.truth("c.tif") == {"colour/red": True, "Opa": False}
    assert world.truth("d.webp") == {"colour/green": True, "Meer": False}
    assert (world.photos / "a.jpg.xmp").exists()
    assert world.do("undo")["words"] == 4
    assert not os.environ["PATH"].endswith("/usr/bin")


def test_where_photos_are_to_be_written_too_sidecars_go_on_and_one_sentence_says_what_is_missing(world, caplog):
    paint(world.photos / "a.jpg", RED)
    world.changed["roots"] = [{"name": "p", "path": world.photos, "embed": True}]
    world.run()
    assert "red" in (world.photos / "a.jpg.xmp").read_text()
    status = world.status()
    told = (
        str(status["stops"]) + str(status["later"]) + str(status["aside"]) + str(status["only_read"]) + caplog.text
    )
    assert "exiftool" in told
