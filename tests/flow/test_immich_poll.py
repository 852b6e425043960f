"""The house beside the stand-in Immich, by settings alone: what lands in Immich, and what people do there."""

from __future__ import annotations

import pytest

from tests.flow.house_world import soon
from tests.flow.immich_world import ImmichWorld
from tests.immich import missing, running

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def world(request, tmp_path, immich):
    return ImmichWorld(tmp_path, immich, database=request.param)


def photo(colour=(200, 20, 20), mark=0):
    import io
    import random

    from PIL import Image

    data = io.BytesIO()
    image = Image.new("RGB", (64, 48), colour)
    chance = random.Random(mark)
    for x in range(16):
        image.putpixel((x, 3), (colour[0], chance.randrange(60), colour[2]))
    image.save(data, "JPEG", quality=95)
    return data.getvalue()


def test_an_upload_gets_its_keywords_in_immich_and_in_its_sidecar(world):
    asset = world.immich.upload_photo(photo(mark=1 + world.database))
    world.immich.idle()
    world.rest()
    assert world.tags(asset) == {"colour/red"}
    if world.database:
        assert world.fields(asset) == {"colour/red"}
    assert world.known(asset)[0] == "delivered"


def test_a_tag_that_a_person_takes_away_in_immich_goes_everywhere_and_stays_away(world):
    asset = world.immich.upload_photo(photo(mark=11 + world.database))
    world.immich.idle()
    world.rest()
    world.immich.tag([asset], ["Oma"])
    world.immich.idle()
    world.ahead += 3600
    red = next(tag["id"] for tag in world.immich.ok("GET", "/tags") if tag["value"] == "colour/red")
    world.immich.ok("DELETE", f"/tags/{red}/assets", {"ids": [asset]})
    world.immich.idle()
    world.rest()
    assert world.tags(asset) == {"Oma"}
    assert world.refused_of(asset) == {"colour/red"}
    if world.database:
        assert world.fields(asset) == {"Oma"}


def test_a_word_that_a_person_takes_out_of_the_sidecar_is_untagged_in_immich(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    asset = immich.upload_photo(photo(mark=21))
    immich.idle()
    immich.tag([asset], ["Oma"])
    immich.idle()
    world.rest()
    assert world.fields(asset) == {"Oma", "colour/red"}
    world.ahead += 3600
    file = world.sidecar(asset)
    file.write_bytes(without(file.read_bytes(), b"Oma"))
    world.rest()
    assert world.tags(asset) == world.fields(asset) == {"colour/red"}


def without(data, word):
    """The sidecar without every list item that is this word."""
    import re

    return re.sub(rb"<rdf:li[^>]*>" + word + rb"</rdf:li>", b"", data)


def test_what_becomes_locked_is_forgotten_at_the_next_look(world):
    asset = world.immich.upload_photo(photo(mark=31 + world.database))
    world.immich.idle()
    world.rest()
    digest = world.known(asset)[2]
    assert world.ask("SELECT count(*) FROM evidence WHERE digest = ?", digest)[0][0] > 0
    number = world.known(asset)[3]
    world.immich.sql("UPDATE asset SET visibility = 'locked' WHERE id = %s", asset)
    world.run()
    assert world.ask("SELECT count(*) FROM evidence WHERE digest = ?", digest)[0][0] == 0
    assert world.ask("SELECT state, digest, taken FROM photos WHERE id = ?", number) == [("waits", None, None)]
    for table in ("standing", "memory", "captions", "embedded", "writes"):
        assert not world.ask(f"SELECT 1 FROM {table} WHERE photo = ?", number), table
    world.immich.sql("UPDATE asset SET visibility = 'timeline' WHERE id = %s", asset)
    world.immich.sql('UPDATE asset SET "updatedAt" = now() WHERE id = %s', asset)
    world.rest()
    assert world.tags(asset) == {"colour/red"}


def test_of_what_becomes_locked_the_report_shows_no_picture_any_more(tmp_path, immich):
    from watcher import duplicates, report_page, thumbs

    world = ImmichWorld(tmp_path, immich)
    assets = [immich.upload_photo(photo(mark=mark)) for mark in (841, 842)]
    immich.idle()
    world.rest()
    locked, other = (world.known(asset) for asset in assets)
    page = world.state / duplicates.FOLDER / "report.html"
    page.parent.mkdir()
    with world.book() as db:
        found = thumbs.of(db, [locked[3], other[3]], lambda *_: None)
    page.write_text("".join(report_page._photos([address, address]) for address in found.values()))
    immich.sql("UPDATE asset SET visibility = 'locked' WHERE id = %s", assets[0])
    world.run()
    left = page.read_text()
    assert left.count("<img") == left.count(found[other[3]]) == 2
    assert locked[2].hex() not in left


def test_what_lies_in_the_trash_is_left_alone_and_its_evidence_goes(world):
    asset = world.immich.upload_photo(photo(mark=41 + world.database))
    world.immich.idle()
    world.rest()
    digest = world.known(asset)[2]
    world.immich.ok("DELETE", "/assets", {"ids": [asset], "force": False})
    world.immich.idle()
    world.run()
    assert not world.ask("SELECT 1 FROM evidence WHERE digest = ?", digest)
    world.immich.ok("DELETE", "/assets", {"ids": [asset], "force": True})
    world.immich.idle()
    world.run()
    assert not world.ask("SELECT 1 FROM assets WHERE id = ?", asset)


def test_while_immich_is_down_what_is_known_is_looked_at_and_nothing_is_set_aside(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    asset = immich.upload_photo(photo(mark=51))
    immich.idle()
    world.rest()
    url, immich_url = immich.url, "http://127.0.0.1:9"
    world.more = {"immich": {"url": immich_url, "database": {}}}
    world.database = False
    immich.tag([asset], ["Oma"])
    immich.idle()
    with world.open() as app:
        app.poll.link.keys.clients[0]._wire._wait = lambda _: None
        world.work(app)
        assert app.poll.down
        assert any("wait" in line for line in app.poll.problems())
    assert world.known(asset)[0] != "aside"
    assert not world.ask("SELECT 1 FROM photos WHERE state = 'aside'")
    assert world.status()["problems"]
    world.more = {"immich": {"url": url}}
    world.database = True
    world.rest()
    assert world.tags(asset) == world.fields(asset) == {"Oma", "colour/red"}


def test_a_photo_of_somebody_whose_key_we_have_not_waits_and_says_so(tmp_path, immich):
    other = immich.user("Ben")
    key = immich.key_for(other.id, ["all"])
    mine = immich.upload_photo(photo(mark=61))
    theirs = immich.upload_photo(photo(mark=62), key=key)
    immich.idle()
    world = ImmichWorld(tmp_path, immich)
    world.rest()
    assert world.tags(mine) == {"colour/red"}
    assert world.tags(theirs) == set()
    assert not list(immich.original_of(theirs).parent.glob("*.xmp"))
    assert any("Immich does not know it" in row["reason"] for row in world.status()["waits"])
    both = ImmichWorld(tmp_path / "both", immich, keys=(immich.key, key))
    both.rest()
    assert both.tags(mine) == both.tags(theirs) == {"colour/red"}


def test_photos_are_followed_when_the_storage_template_moves_them(tmp_path):
    with running() as immich:
        world = ImmichWorld(tmp_path, immich)
        asset = immich.upload_photo(photo(mark=71))
        immich.idle()
        world.rest()
        number, before = world.known(asset)[3], immich.original_of(asset)
        immich.options(template=True)
        immich.ok("POST", "/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
        immich.idle()
        assert immich.original_of(asset) != before
        world.rest()
        assert world.known(asset)[3] == number
        assert world.tags(asset) == world.fields(asset) == {"colour/red"}
        assert not list(before.parent.glob("*.xmp"))
        world.do("undo")
        world.rest()
        assert world.tags(asset) == set()


def test_undo_of_a_run_takes_it_out_of_immich_and_refusals_hold(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich)
    asset = immich.upload_photo(photo(mark=81))
    immich.idle()
    world.rest()
    assert world.tags(asset) == {"colour/red"}
    run = world.ask("SELECT max(run) FROM writes WHERE photo = ?", world.known(asset)[3])[0][0]
    world.do("undo", run=run)
    world.rest()
    assert world.tags(asset) == world.fields(asset) == set()


def test_photos_in_no_folder_here_go_by_the_api_alone(tmp_path):
    with running() as immich:
        world = ImmichWorld(tmp_path, immich, database=False, api=True)
        asset = immich.upload_photo(photo(mark=91))
        immich.idle()
        world.rest()
        assert world.tags(asset) == {"colour/red"}
        assert world.words_of(asset) == {"colour/red": True}
        assert immich.counts()["events"].get("sidecar write", 0) == 1
        world.ahead += 3600
        immich.tag([asset], ["Oma"])
        immich.idle()
        world.rest()
        red = next(tag["id"] for tag in immich.ok("GET", "/tags") if tag["value"] == "colour/red")
        world.ahead += 3600
        immich.ok("DELETE", f"/tags/{red}/assets", {"ids": [asset]})
        immich.idle()
        world.rest()
        assert world.tags(asset) == {"Oma"}
        assert world.refused_of(asset) == {"colour/red"}
        assert world.do("undo")["photos"] >= 0
        immich.ok("DELETE", "/assets", {"ids": [asset], "force": True})
        immich.idle()
        world.run()
        assert not world.ask("SELECT 1 FROM evidence WHERE source = 'colour'")


def test_a_user_has_a_block_list_of_its_own(tmp_path, immich):
    other = immich.user("Cleo")
    key = immich.key_for(other.id, ["all"])
    mine = immich.upload_photo(photo(mark=101))
    theirs = immich.upload_photo(photo(mark=102), key=key)
    immich.idle()
    users = {other.id: {"block": ["colour/red"]}}
    world = ImmichWorld(tmp_path, immich, keys=(immich.key, key), immich={"users": users})
    world.rest()
    assert world.tags(mine) == {"colour/red"}
    assert world.tags(theirs) == set()


@pytest.mark.parametrize("database", [True, False])
def test_people_that_immich_knows_come_into_the_sidecar_and_follow_a_rename(tmp_path, database):
    with running() as immich:
        asset = immich.upload_photo(photo(mark=111))
        immich.idle()
        world = ImmichWorld(tmp_path, immich, database=database, root={"people": "names"})
        immich.library("people")
        if not database:  # an upload's sidecar is known by the database alone
            (immich.external / "people" / "a.jpg").write_bytes(photo(mark=112))
            immich.library("people")
            asset = immich.sql('SELECT id FROM asset WHERE "originalPath" LIKE %s', "/external/%")[0]["id"]
            world.root = {"name": "p", "path": immich.external / "people"}
            world.more["immich"] = {"paths": {"/external": str(immich.external)}}
        owner = immich.admin.id
        person = immich.sql('INSERT INTO person ("ownerId", name) VALUES (%s, %s) RETURNING id', owner, "Ann")[0][
            "id"
        ]
        hidden = immich.sql(
            'INSERT INTO person ("ownerId", name, "isHidden") VALUES (%s, %s, true) RETURNING id', owner, "Nobody"
        )[0]["id"]
        for each in (person, hidden):
            immich.sql(
                'INSERT INTO asset_face ("assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1", '
                '"boundingBoxY1", "boundingBoxX2", "boundingBoxY2") VALUES (%s, %s, 100, 100, 10, 10, 40, 40)',
                asset, each,
            )  # fmt: skip
        world.rest()
        sidecar = world.sidecar(asset).read_text()
        assert "Ann" in sidecar
        assert "Nobody" not in sidecar
        immich.ok("PUT", f"/people/{person}", {"name": "Anna Lena"})
        world.rest()
        sidecar = world.sidecar(asset).read_text()
        assert "Anna Lena" in sidecar
        assert "<rdf:li>Ann</rdf:li>" not in sidecar


def test_sync_brings_all_to_agreement_and_a_second_one_finds_nothing_to_write(tmp_path, immich):
    import io

    from watcher import sync

    world = ImmichWorld(tmp_path, immich)
    world.agreed = False
    assets = [immich.upload_photo(photo(mark=120 + number)) for number in range(3)]
    immich.idle()
    with world.open() as app:
        answer = sync.here(app, io.StringIO())
    immich.idle()
    assert answer["left"] == 0
    assert [world.tags(asset) for asset in assets] == [{"colour/red"}] * 3
    world.rest()
    with world.open() as app:
        answer = sync.here(app, io.StringIO())
    assert answer["written"] == 0
    assert answer["photos"] >= 3


def test_the_marker_is_put_on_what_is_done_and_strangers_with_it_are_passed_over(tmp_path):
    with running() as immich:
        done = immich.upload_photo(photo(mark=131))
        strange = immich.upload_photo(photo(mark=132))
        immich.idle()
        immich.tag([strange], ["auto:processed"])
        immich.idle()
        world = ImmichWorld(tmp_path, immich, immich={"marker": "auto:processed"})
        world.rest()
        world.rest()
        assert world.tags(done) == {"colour/red", "auto:processed"}
        assert world.tags(strange) == {"auto:processed"}
        assert world.words_of(done) == {"colour/red": True}


def test_the_running_service_gives_an_upload_its_keywords_and_heeds_what_is_taken_away(tmp_path):
    with running() as immich:
        world = ImmichWorld(tmp_path, immich)
        with world.serving():
            asset = immich.upload_photo(photo(mark=141))
            soon(lambda: world.tags(asset) == {"colour/red"})
            soon(lambda: world.fields(asset) == {"colour/red"})
            immich.idle()
            world.ahead += 3600
            immich.tag([asset], ["Oma"])
            soon(lambda: world.fields(asset) == {"colour/red", "Oma"})
            soon(lambda: not world.ask("SELECT 1 FROM photos WHERE due IS NOT NULL OR booked IS NOT NULL"))
            red = next(tag["id"] for tag in immich.ok("GET", "/tags") if tag["value"] == "colour/red")
            immich.ok("DELETE", f"/tags/{red}/assets", {"ids": [asset]})
            soon(lambda: world.refused_of(asset) == {"colour/red"})
            soon(lambda: world.fields(asset) == {"Oma"})
        assert world.tags(asset) == {"Oma"}


def test_without_an_answer_since_the_start_photos_wait_and_are_taken_up_when_immich_comes(tmp_path):
    with running() as immich:
        world = ImmichWorld(tmp_path, immich)
        asset = immich.upload_photo(photo(mark=151))
        immich.idle()
        world.more = {"immich": {"url": "http://127.0.0.1:9", "database": {}}}
        world.database = False
        with world.open() as app:
            app.poll.link.keys.clients[0]._wire._wait = lambda _: None
            world.work(app)
        assert world.status()["waits"][0]["reason"] == "Immich has not answered yet"
        assert world.status()["problems"]
        world.more, world.database = {}, True
        world.rest()
        assert world.tags(asset) == world.fields(asset) == {"colour/red"}
        assert not world.status()["problems"]


def test_a_key_that_may_not_see_people_gets_its_keywords_all_the_same(tmp_path, immich):
    rights = [
        "asset.read",
        "asset.view",
        "asset.update",
        "tag.read",
        "tag.create",
        "tag.asset",
        "user.read",
        "job.create",
    ]
    key = immich.key_for(immich.admin.id, rights)
    asset = immich.upload_photo(photo(mark=161))
    immich.idle()
    world = ImmichWorld(tmp_path, immich, database=False, keys=(key,), root={"people": "names"})
    world.rest()
    assert world.tags(asset) == {"colour/red"}
