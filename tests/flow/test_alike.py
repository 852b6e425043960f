"""Photos of one batch of which the same is known are decided once, and as each would have been decided alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metadata import merge
from tests.flow.house_world import BLUE, RED, World, paint
from watcher import deciding, furnishing


@pytest.fixture
def watched(monkeypatch):
    """Every batch is decided photo by photo too, and compared; how many merges a batch itself took at most.

    In how many batches the photos come, hangs on the machine's speed.
    """
    real, merged, told = deciding.decide, merge.merge, {"merges": 0, "most": 0, "photos": 0, "twins": 0}
    monkeypatch.setattr(furnishing, "clock", lambda _: lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))

    def counted(*values):
        told["merges"] += 1
        return merged(*values)

    def decide(pages, house, context):
        alone = [real([page], house, context)[0] for page in pages]
        told["merges"] = 0
        monkeypatch.setattr(merge, "merge", counted)
        together = real(pages, house, context)
        monkeypatch.setattr(merge, "merge", merged)
        for one, other in zip(alone, together, strict=True):
            assert (one.outcome, one.chosen, one.renames) == (other.outcome, other.chosen, other.renames)
            assert (one.read, one.tried, one.done, one.seal) == (other.read, other.tried, other.done, other.seal)
            assert one.drafts == other.drafts
            assert list(map(str, one.errors.values())) == list(map(str, other.errors.values()))
            told["twins"] += any(one.outcome is each.outcome for each in together if each is not other)
        told["most"] = max(told["most"], told["merges"])
        told["photos"] += len(pages)
        return together

    monkeypatch.setattr(deciding, "decide", decide)
    return told


def library(folder, count=12):
    for number in range(count):
        paint(folder / f"{number}.jpg", BLUE if number % 3 else RED, mark=number)


def test_a_day_of_photos_is_decided_once_for_each_of_the_words_that_are_said(tmp_path, watched):
    world = World(tmp_path, real=True)
    library(world.photos)
    world.run()
    assert watched["photos"] == 12
    assert 0 < watched["most"] <= 2
    assert len(list(world.photos.glob("*.xmp"))) == 12
    assert world.truth("0.jpg") == {"colour/red": True}
    assert world.truth("1.jpg") == {"colour/blue": True}


def test_a_photo_that_has_words_of_its_own_is_decided_by_itself(tmp_path, watched):
    world = World(tmp_path, real=True)
    library(world.photos)
    (world.photos / "4.jpg.xmp").write_bytes(
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>'
        b"<rdf:li>Oma</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    world.run()
    assert 0 < watched["most"] <= 3
    assert world.truth("4.jpg") == {"colour/blue": True, "Oma": False}
    assert world.truth("5.jpg") == {"colour/blue": True}


def test_what_was_refused_of_one_is_not_refused_of_its_likes(tmp_path, watched):
    world = World(tmp_path)
    library(world.photos, 3)
    world.run()
    world.edit("1.jpg", remove=("colour/blue", "colour"))
    library(world.photos)
    world.run()
    assert world.truth("1.jpg") == {}
    assert world.truth("5.jpg") == {"colour/blue": True}
