"""That no tag is lost beside a server that behaves as Immich does: real HTTP, tables, files and exiftool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from metadata.errors import Refused
from metadata.mirror.way import Probe, Way
from metadata.sinks import Seen
from metadata.tags import TAGS_LIST
from tests.immich import missing, running
from tests.immich_house import House
from tests.immich_stand_in import Links, StandInHouse, jpeg

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture
def links(immich):
    made = Links.of(immich)
    yield made
    made.close()


@pytest.fixture
def number(request):
    return abs(hash(request.node.name)) % 1_000_000


@pytest.fixture
def uploaded(links, number):
    asset = links.immich.upload_photo(jpeg(number))
    links.immich.idle()
    return asset


@pytest.fixture
def external(links, number):
    """A photo in an external library of its own."""
    folder = links.immich.external / f"{number}"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(jpeg(number))
    links.immich.library(f"{number}")
    return links.immich.sql('SELECT id FROM asset WHERE "originalPath" = %s', f"/external/{number}/a.jpg")[0]["id"]


def test_words_come_to_stand_in_immich_and_in_every_field(links, uploaded):
    house = StandInHouse(links, uploaded)
    house.wanted = ("animals/cat", "sea")
    house.caption = "A cat by the sea"
    assert not house.rest()
    assert house.agrees("animals/cat", "sea")
    assert house.kept.description == "A cat by the sea"


def test_without_a_database_too(links, uploaded):
    house = StandInHouse(links, uploaded, exact=False)
    house.wanted = ("animals/cat", "sea")
    assert not house.rest()
    assert house.agrees("animals/cat", "sea")


def test_a_first_pass_costs_one_call_one_write_and_one_reading_a_photo(links, uploaded):
    house = StandInHouse(links, uploaded)
    house.wanted = ("a", "b", "c")
    links.immich.reset_counts()
    house.rest()
    counts = links.immich.counts()
    assert counts["calls"].get("PUT /tags/assets") == 1
    assert counts["events"].get("sidecar write") == 1
    assert counts["events"].get("extraction") == 1
    links.immich.reset_counts()
    house.step()
    assert not links.immich.counts()["jobs"]


def test_a_registered_sidecar_costs_one_reading_and_no_write(links, uploaded):
    house = StandInHouse(links, uploaded)
    house.wanted = ("a",)
    house.rest()
    house.wanted = ("a", "b", "c", "d/e")
    links.immich.reset_counts()
    house.step()
    links.immich.idle()
    events = links.immich.counts()["events"]
    assert (events.get("sidecar write", 0), events.get("extraction", 0)) == (0, 1)
    assert house.agrees("a", "b", "c", "d/e")


def test_what_persons_do_in_immich_and_in_the_file_is_carried(links, uploaded):
    house = StandInHouse(links, uploaded)
    house.wanted = ("cat", "dog")
    house.rest()
    house.now += 3600
    links.immich.tag([uploaded], ["Oma"])
    house.works()
    known = {tag.value: tag.id for tag in links.client.tags()}
    links.client.untag(known["cat"], [uploaded])
    house.works()
    house.rest()
    assert house.agrees("Oma", "dog")
    house.now += 3600
    house.someone_writes("Opa", "dog")
    house.rest()
    assert house.agrees("Opa", "dog")


def test_immich_writes_the_sidecar_at_the_same_moment(links, uploaded):
    house = StandInHouse(links, uploaded)
    house.wanted = ("cat",)
    house.rest()
    house.wanted = ("cat", "dog")
    links.immich.hold("sidecar-write")
    links.immich.tag([uploaded], ["Oma"])
    links.immich.held("sidecar-write")
    house.step()
    assert set(house.lists()[TAGS_LIST]) == {"cat"}
    links.immich.release("sidecar-write")
    house.works()
    house.rest()
    assert house.agrees("cat", "dog", "Oma")


def test_a_user_tags_between_our_file_and_immichs_reading_of_it(links, uploaded):
    house = StandInHouse(links, uploaded)
    house.wanted = ("cat",)
    house.rest()
    house.wanted = ("cat", "dog")
    reread = house.server.reread

    def meanwhile(drafts):
        links.immich.tag([uploaded], ["Oma"])
        house.works()
        house.server.reread = reread
        return reread(drafts)

    house.server.reread = meanwhile
    house.rest()
    assert house.agrees("cat", "dog", "Oma")


def test_an_extraction_that_replaces_the_tags_while_they_are_put_loses_nothing(links, uploaded):
    house = StandInHouse(links, uploaded)
    (seen,) = house.server.read([house.photo])
    from metadata.sinks import Change

    draft = house.server.draft(house.photo, seen, Change(add={"tags": ("cat", "dog")}))
    links.immich.hold("extraction-read")
    links.client.refresh([uploaded])
    links.immich.held("extraction-read")
    tag = links.client.tag

    def racing(tags, assets):
        count = tag(tags, assets)
        links.immich.release("extraction-read")
        return count

    links.client.tag = racing
    try:
        (answer,) = house.server.write([draft])
    finally:
        links.client.tag = tag
    assert isinstance(answer, Seen)
    house.works()
    assert house.kept.tags == {"cat", "dog"}


def test_immich_cannot_write(links, external, number):
    links.immich.read_only(f"/external/{number}")
    house = StandInHouse(links, external, way=Way.FILE_FIRST)
    house.wanted = ("cat", "animals/dog")
    assert not house.rest()
    assert house.agrees("cat", "animals/dog")
    house.now += 3600
    house.someone_writes("animals/dog", "Oma")
    house.rest()
    assert house.agrees("Oma", "animals/dog")


def test_immich_cannot_write_and_nobody_knew(links, external, number):
    links.immich.read_only(f"/external/{number}")
    house = StandInHouse(links, external)
    house.wanted = ("cat",)
    answers = house.step()
    assert any(isinstance(answer, Refused) and "cat" in answer.reason for answer in answers)
    assert house.lists(Path(house.kept.path + ".xmp"))[TAGS_LIST] == ("cat",)


def test_we_cannot_write(links, uploaded):
    house = StandInHouse(links, uploaded, way=Way.SERVER_ONLY)
    house.wanted = ("cat", "dog")
    assert not house.rest()
    assert house.kept.tags == {"cat", "dog"}
    assert set(house.lists()) == {TAGS_LIST}


def test_the_sidecar_is_registered_under_another_name(links, number):
    from metadata import xmp
    from metadata.sinks import Change
    from tests.immich_house import NOW

    foreign = xmp.new(Change(add={TAGS_LIST: ("Oma",), "dc:subject": ("Oma",)}), NOW)
    asset = links.immich.upload_photo(jpeg(number), sidecar=foreign)
    links.immich.idle()
    house = StandInHouse(links, asset)
    assert house.kept.sidecar != house.kept.path + ".xmp"
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.agrees("Oma", "cat")
    assert not os.path.exists(house.kept.path + ".xmp")


def test_a_foreign_sidecar_that_immich_does_not_know_holds_keywords(links, external):
    house = StandInHouse(links, external)
    house.someone_writes("Oma", "places/Oslo", text="At sea")
    house.wanted = ("cat",)
    assert not house.rest()
    assert house.agrees("Oma", "places/Oslo", "cat")
    assert house.kept.description == "At sea"


def test_a_foreign_sidecar_with_the_other_name_holds_keywords(links, external):
    house = StandInHouse(links, external)
    house.someone_writes("Oma", beside="a.xmp")
    house.wanted = ("cat",)
    assert not house.rest()
    house.reads_again()
    assert house.kept.tags == {"Oma", "cat"}


@pytest.mark.parametrize("exact", [True, False], ids=["database", "no database"])
def test_a_sidecar_that_was_deleted_and_forgotten_is_made_known_to_immich_again(links, external, exact):
    house = StandInHouse(links, external, exact=exact)
    house.someone_writes("Oma")
    house.wanted = ("cat",)
    house.rest()
    assert house.agrees("Oma", "cat")
    house.now += 3600
    house.sidecar.unlink()
    links.immich.sql("DELETE FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'", external)
    house.rest()
    house.now += 3600
    house.reads_again()
    house.rest()
    assert house.agrees("Oma", "cat")


def test_the_sidecar_is_half_written_by_someone_else(links, external):
    house = StandInHouse(links, external)
    house.someone_writes("Oma", "Opa")
    half_then_whole(house)
    house.wanted = ("cat",)
    assert house.step()
    assert not house.kept.tags
    house.sidecar.write_bytes(house.whole)
    house.rest()
    assert house.agrees("Oma", "Opa", "cat")


def half_then_whole(house: House) -> None:
    house.whole = house.sidecar.read_bytes()
    house.sidecar.write_bytes(house.whole[: len(house.whole) // 2])


def test_the_probe_finds_the_way_of_a_mount_and_leaves_nothing(links, external, number):
    house = StandInHouse(links, external)
    folder = os.fsencode(house.folder)

    def words():
        path = Path(house.kept.path + ".xmp")
        return house.lists(path).get(TAGS_LIST, ()) if path.exists() else ()

    probe = Probe(house.mirror, external, links.immich.admin.id, folder, words)
    assert probe.find().way is Way.SERVER_FIRST
    links.immich.read_only(f"/external/{number}")
    found = probe.find()
    assert (found.way, found.left) == (Way.FILE_FIRST, "")
    assert not house.kept.tags
    assert probe.tag not in {tag.value for tag in links.client.tags()}


def test_the_storage_template_moves_the_file(number):
    with running(template=True) as immich:
        links = Links.of(immich)
        asset = immich.upload_photo(jpeg(number))
        immich.idle()
        house = StandInHouse(links, asset)
        house.wanted = ("cat",)
        house.rest()
        immich.sql(
            "UPDATE asset SET \"localDateTime\" = '2001-02-03', \"fileCreatedAt\" = '2001-02-03' WHERE id = %s",
            asset,
        )
        house.wanted = ("cat", "dog")
        before = house.kept.path
        house.rest()
        assert house.kept.path != before
        house.reads_again()
        house.rest()
        assert house.agrees("cat", "dog")
        left = [path for path in Path(immich.upload).rglob("*.xmp") if path != house.sidecar]
        assert left == []
        links.close()
