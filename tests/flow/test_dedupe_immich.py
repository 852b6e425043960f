"""Merging words beside the stand-in Immich: tagged anew, untagged, the old tag deleted where nobody uses it."""

from __future__ import annotations

import pytest

from metadata import tags
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher import census, sweeping

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def approve(world, **merges):
    """As a report that counted all photos there are."""
    with world.book() as db:
        uses = census.take(db).uses
    words = [
        {
            "word": word,
            "to": tags.text(tags.typed(to)),
            "ids": uses[word].photos,
            "agreed": len(uses[word].photos),
            "to_agreed": None,
        }
        for word, to in merges.items()
    ]
    return world.do(
        "dedupe", report="0123456789abcdef" + "".join(merges), words=words, owner=world.immich.admin.id
    )


def left(world, run):
    with world.book() as db:
        return sweeping.left(db, run)


@pytest.mark.parametrize("database", [True, False], ids=["database", "no database"])
def test_a_merge_tags_anew_untags_and_deletes_only_what_nobody_uses(tmp_path, immich, database):
    world = ImmichWorld(tmp_path, immich, database=database)
    old, new = f"couch{database}", f"sofa{database}"
    first, second = (immich.upload_photo(photo(mark=31 + 2 * n + database)) for n in range(2))
    immich.idle()
    immich.tag([first], [old])
    immich.tag([second], [new])
    immich.idle()
    world.rest()
    assert old in world.tags(first)
    answer = approve(world, **{old: new})
    immich.idle()
    world.rest()
    assert world.tags(first) == {new, "colour/red"}
    assert world.words_of(first) == {new: False, "colour/red": True}
    assert world.refused_of(first) == set()
    if database:
        assert world.fields(first) == {new, "colour/red"}
    known = {tag["value"] for tag in immich.ok("GET", "/tags")}
    assert (old in known) is not database
    assert [row["tag"] for row in left(world, answer["run"])] == ([] if database else [old])
    world.do("undo", run=answer["run"])
    immich.idle()
    world.rest()
    assert world.tags(first) == {old, "colour/red"}
    assert world.tags(second) == {new, "colour/red"}
    assert world.words_of(first)[old] is False


def test_a_tag_that_differs_only_in_case_is_spelled_anew(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    asset = immich.upload_photo(photo(mark=41))
    immich.idle()
    immich.tag([asset], ["Dslr"])
    immich.idle()
    world.rest()
    approve(world, Dslr="DSLR")
    immich.idle()
    world.rest()
    assert world.tags(asset) == {"DSLR", "colour/red"}
    assert world.fields(asset) == {"DSLR", "colour/red"}


def test_a_tag_with_others_below_it_stays_and_is_listed(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    asset, other = (immich.upload_photo(photo(mark=51 + n)) for n in range(2))
    immich.idle()
    immich.tag([asset], ["Pet"])
    immich.tag([other], ["Pet/Cat"])
    immich.idle()
    world.rest()
    words = [{"word": "Pet", "to": "Pets", "ids": [world.known(asset)[3]], "agreed": 2, "to_agreed": None}]
    answer = world.do("dedupe", report="pets", words=words, owner=immich.admin.id)
    immich.idle()
    world.rest()
    assert "Pets" in world.tags(asset)
    assert "Pet/Cat" in world.tags(other)
    (row,) = left(world, answer["run"])
    assert row["tag"] == "Pet"
    assert tags.show(("Pet",)) in {tag["value"] for tag in immich.ok("GET", "/tags")}


@pytest.mark.parametrize("database", [True, False], ids=["database", "no database"])
def test_an_undo_brings_back_what_stood_in_immich_on_every_photo(tmp_path, immich, database):
    world = ImmichWorld(tmp_path, immich, database=database)
    mark = 61 + 10 * database
    plain, path, both, spelled = (immich.upload_photo(photo(mark=mark + n)) for n in range(4))
    dog, hound, slr = (f"{word}{database}" for word in ("dog", "hound", "Slr"))
    immich.idle()
    before = {
        plain: {dog},
        path: {f"animals/{dog}"},
        both: {dog, hound, f"animals/{dog}", "Oma"},
        spelled: {slr},
    }
    for asset, words in before.items():
        immich.tag([asset], sorted(words))
    immich.idle()
    world.rest()
    stood = {asset: world.words_of(asset) for asset in before}
    answer = approve(world, **{dog: f"animals/{dog}", hound: dog, slr: slr.upper()})
    immich.idle()
    world.rest()
    merged = {f"animals/{dog}", "colour/red"}
    assert [world.tags(asset) for asset in (plain, path)] == [merged, merged]
    assert world.tags(both) == merged | {"Oma"}
    assert world.tags(spelled) == {slr.upper(), "colour/red"}
    world.do("undo", run=answer["run"])
    immich.idle()
    world.rest()
    for asset, words in before.items():
        assert world.tags(asset) == words | {"colour/red"}
        assert world.words_of(asset) == stood[asset]
        assert world.refused_of(asset) == set()
    world.do("redo", run=answer["run"])
    immich.idle()
    world.rest()
    assert world.tags(both) == merged | {"Oma"}
    assert world.tags(spelled) == {slr.upper(), "colour/red"}
