"""Our client, our reader of the database and the doctor, against an Immich over a real Postgres."""

from __future__ import annotations

import hashlib
import io
import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from metadata.errors import PlaceClosed, Refused, TryAgain
from metadata.immich import Paths, ready, settled
from tests.immich import missing, postgres, running
from tests.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def jpeg(seed: int) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192)).resize((80, 60)).save(data, "JPEG")
    return data.getvalue()


@pytest.fixture(scope="module", params=["3.1", "2.7"])
def house(request, tmp_path_factory):
    with running(tmp_path_factory.mktemp("immich"), version=request.param) as found:
        yield found


@pytest.fixture
def client(house):
    from metadata.immich import Immich

    with Immich(house.url, house.key, wait=lambda _: None) as made:
        yield made


@pytest.fixture
def database(house):
    from metadata.immich import Database, Login

    info = psycopg.conninfo.conninfo_to_dict(house.dsn)
    with Database(Login(info["host"], info["user"], postgres.PASSWORD, int(info["port"]), info["dbname"])) as made:
        yield made


@pytest.fixture
def photo(house):
    made = house.upload_photo(jpeg(random.randrange(1 << 30)))
    house.idle()
    return made


def test_version_user_features_and_permissions_are_told(house, client):
    assert client.version().known
    assert "sidecar" in client.features()
    assert client.me().id == house.admin.id
    assert client.permissions() == {"all"}


def test_an_uploaded_photo_is_ready_by_both_ways_and_the_same(house, client, database, photo):
    asked, read = client.asset(photo), database.assets([photo])[photo]
    for each in (asked, read):
        assert ready(each, {house.admin.id}).verdict == "ready"
    same = ("id", "owner", "path", "checksum", "visibility", "trashed", "offline", "type", "tags", "size")
    assert {name: getattr(asked, name) for name in same} == {name: getattr(read, name) for name in same}
    assert abs(asked.updated - read.updated) < timedelta(milliseconds=1)


def test_a_photo_is_not_ready_before_its_metadata_was_read(house, client, database):
    house.hold("extraction")
    try:
        made = house.upload_photo(jpeg(random.randrange(1 << 30)))
        for asset in (client.asset(made), database.assets([made])[made]):
            assert ready(asset, {house.admin.id}).verdict == "wait"
    finally:
        house.release("extraction")
    house.idle()
    assert ready(client.asset(made), {house.admin.id}).verdict == "ready"


def test_a_locked_photo_is_none_by_the_api_and_locked_by_the_database(house, client, database, photo):
    house.ok("PUT", "/assets", {"ids": [photo], "visibility": "locked"})
    house.idle()
    assert client.asset(photo) is None
    assert photo not in {asset.id for asset in client.assets()}
    assert database.assets([photo])[photo].visibility == "locked"
    assert ready(client.asset(photo), {house.admin.id}, known=True).verdict == "forget"


def test_tags_are_given_read_taken_and_deleted_and_have_settled(house, client, database, photo):
    tags = client.upsert_tags(["Animals/Cat", "b", "", "Animals//Cat"])
    assert set(tags) == {"Animals/Cat", "b", "Animals//Cat"}
    was = database.looks([photo])[photo]
    ids = [tags["Animals/Cat"].id, tags["b"].id]
    assert client.tag(ids, [photo, UNKNOWN]) == 2
    house.idle()
    now = database.looks([photo])[photo]
    assert settled(was, now)
    assert now.tags == {"Animals/Cat", "b"}
    assert {tag.value for tag in client.asset(photo).tags} == {"Animals/Cat", "b"}
    assert {tag.value for tag in client.tags()} >= {"Animals", "Animals/Cat", "b"}
    assert [asset.id for asset in client.tagged(tags["b"].id)] == [photo]
    assert database.of_sidecars([now.sidecar]) == {now.sidecar: photo}

    done = client.untag(tags["b"].id, [photo, UNKNOWN])
    assert (done[photo], bool(done[UNKNOWN])) == ("", True)
    house.idle()
    assert {tag.value for tag in client.asset(photo).tags} == {"Animals/Cat"}
    everything = [tag.id for tag in database.tags(house.admin.id)]
    assert tags["b"].id in database.unused(everything)
    assert tags["Animals/Cat"].id not in database.unused(everything)
    client.delete_tag(tags["b"].id)
    client.delete_tag(tags["b"].id)
    assert "b" not in {tag.value for tag in client.tags()}


def test_a_caption_and_a_note_of_ours_are_kept(house, client, photo):
    client.describe(photo, "a cat\non a wall")
    house.idle()
    assert client.asset(photo).description == "a cat\non a wall"
    assert client.metadata(photo, "tagwright") is None
    client.put_metadata(photo, "tagwright", {"v": 1})
    assert client.metadata(photo, "tagwright") == {"v": 1}


def test_a_refresh_is_one_call_and_fails_whole_for_a_foreign_id(house, client, photo):
    client.refresh([photo])
    house.idle()
    with pytest.raises(Refused):
        client.refresh([photo, UNKNOWN])


def test_photos_are_found_by_content_by_path_and_by_change(house, client, database, photo):
    asset = client.asset(photo)
    content = hashlib.sha1(house.original_of(photo).read_bytes()).digest()
    assert [each.id for each in client.by_checksum(content)] == [photo]
    assert [each.id for each in database.at([asset.path])] == [photo]
    since = asset.updated
    assert photo in {each.id for each in client.assets(updated_after=since)}
    later = datetime.now(UTC) + timedelta(days=1)
    assert list(client.assets(updated_after=later)) == []


def test_an_external_photo_is_found_by_the_checksum_of_its_path(house, client):
    from metadata.immich import path_checksum

    folder = house.external / "lib"
    folder.mkdir(exist_ok=True)
    (folder / "a.jpg").write_bytes(jpeg(random.randrange(1 << 30)))
    house.library("lib")
    (asset,) = client.by_checksum(path_checksum("/external/lib/a.jpg"))
    assert asset.path == "/external/lib/a.jpg"


def test_a_listing_over_many_pages_has_each_photo_once(house, client, monkeypatch):
    from metadata.immich import client as module

    made = house.assets(25, files=False) + house.assets(5, files=False, visibility="archive")
    monkeypatch.setattr(module, "PAGE", 7)
    found = [asset.id for asset in client.assets()]
    rows = house.sql("SELECT id FROM asset WHERE visibility IN ('timeline', 'archive') AND \"deletedAt\" IS NULL")
    assert len(found) == len(set(found))
    house.sql("DELETE FROM asset WHERE id = ANY(%s::uuid[])", made)
    assert set(found) == {row["id"] for row in rows}


def test_pictures_come_as_bytes_and_what_is_not_there_as_none(client, photo):
    assert client.thumbnail(photo, "preview")[:2] == b"\xff\xd8"
    assert client.thumbnail(UNKNOWN) is None


def test_people_and_faces_are_the_same_by_both_ways(house, client, database, photo):
    person = house.sql('INSERT INTO person ("ownerId", name) VALUES (%s, %s) RETURNING id', house.admin.id, "Ann")[
        0
    ]["id"]
    house.sql(
        'INSERT INTO asset_face ("assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1",'
        ' "boundingBoxY1", "boundingBoxX2", "boundingBoxY2") VALUES (%s, %s, 80, 60, 1, 2, 30, 40)',
        photo,
        person,
    )
    assert client.faces(photo) == database.faces([photo])[photo]
    assert [each.name for each in client.people(photo)] == ["Ann"]


def test_queues_are_seen_and_empty_when_all_is_done(house, client):
    house.idle()
    queues = client.queues()
    assert (queues["sidecar"], queues["metadataExtraction"]) == (0, 0)


def test_a_key_that_lacks_something_is_told_by_name(house, photo):
    from metadata.immich import Immich

    key = house.key_for(house.admin.id, ["asset.read", "tag.read"])
    with Immich(house.url, key, wait=lambda _: None) as few:
        assert few.permissions() == {"asset.read", "tag.read"}
        assert few.queues() is None
        for call, lacks in (
            (lambda: few.upsert_tags(["x"]), "tag.create"),
            (lambda: few.tag([UNKNOWN], [photo]), "tag.asset"),
            (lambda: few.describe(photo, "x"), "asset.update"),
            (lambda: few.refresh([photo]), "job.create"),
            (few.me, "user.read"),
        ):
            with pytest.raises(PlaceClosed, match=f"lacks the permission {lacks}"):
                call()
    with (
        Immich(house.url, "wrong", wait=lambda _: None) as wrong,
        pytest.raises(PlaceClosed, match="the key is refused"),
    ):
        wrong.tags()


def test_each_photo_is_asked_about_with_its_owners_key(house):
    from metadata.immich import Immich, Keys

    ben = house.user("Ben")
    keys = Keys([Immich(house.url, house.key), Immich(house.url, ben.key)])
    mine = house.upload_photo(jpeg(random.randrange(1 << 30)), key=ben.key)
    house.idle()
    assert keys.of(ben.id).asset(mine).owner == ben.id
    assert keys.of(house.admin.id).asset(mine) is None
    assert keys.of(UNKNOWN) is None
    keys.close()


def test_faults_that_pass_are_sat_out(house, client):
    house.faults(0.4, kinds=["429", "500", "reset", "lost"], seed=3, retry_after="0")
    try:
        for number in range(20):
            assert client.upsert_tags([f"fault/{number}"])[f"fault/{number}"].value == f"fault/{number}"
    finally:
        house.faults(0)
    assert {tag.value for tag in client.tags()} >= {f"fault/{number}" for number in range(20)}


def test_a_server_that_is_away_is_for_later():
    from metadata.immich import Immich

    with (
        Immich(f"http://127.0.0.1:{free_port()}", "k", wait=lambda _: None) as away,
        pytest.raises(TryAgain),
    ):
        away.version()


def test_an_address_without_scheme_is_found(house):
    from metadata.immich import Immich

    with Immich(house.url.removeprefix("http://") + "/api/", house.key, wait=lambda _: None) as made:
        assert made.me().id == house.admin.id


def test_the_doctor_follows_the_chain_to_its_end(house, tmp_path, photo):
    from watcher import findings, links, settings

    info = psycopg.conninfo.conninfo_to_dict(house.dsn)
    (tmp_path / "key").write_text(house.key)
    (tmp_path / "key").chmod(0o600)
    environment = {
        "HOME": "/x", "IMMICH_URL": house.url, "UPLOAD_LOCATION": str(house.upload), "DB_HOSTNAME": info["host"],
        "DB_PORT": info["port"], "DB_USERNAME": info["user"], "DB_PASSWORD": postgres.PASSWORD,
        "DB_DATABASE_NAME": info["dbname"],
    }  # fmt: skip
    paths = {"/external": str(house.external)}
    flags = {"state": tmp_path, "immich.keys": [str(tmp_path / "key")], "immich.paths": paths}
    found = list(links.findings(settings.load(None, environment, flags), environment=environment))
    told = findings.report(found, json=False)
    assert findings.worst(found) == "warn", told
    assert [each.what for each in found if each.level == "warn"] == ["Immich's database"], told
    assert "may write in it" in told
    assert f"/data = {house.upload}" in told


def test_folders_are_found_by_an_uploads_content_without_being_named(house, client, photo):
    from metadata.immich import located

    (found,) = located([client.asset(photo)], [bytes(house.upload / "upload")])
    assert Paths([found]).host(client.asset(photo).path) == bytes(house.original_of(photo))


@pytest.mark.parametrize("way", ["api", "database"])
def test_a_census_tells_what_came_changed_was_locked_and_deleted_at_the_next_look(house, client, database, way):
    from metadata.immich import ByApi, ByDatabase

    user = house.user(f"census {way}")
    with type(client)(house.url, user.key, wait=lambda _: None) as own:
        census = ByApi(own) if way == "api" else ByDatabase(database, [user.id], b"here")
        photos = [house.upload_photo(jpeg(random.randrange(1 << 30)), key=user.key) for _ in range(4)]
        house.idle()
        assert {asset.id for asset in census.look().changed} == set(photos)
        assert not census.look().changed

        locked, deleted, tagged, left = photos
        house.ok("PUT", "/assets", {"ids": [locked], "visibility": "locked"}, key=user.key)
        house.sql("DELETE FROM asset WHERE id = %s", deleted)
        house.tag([tagged], ["x"], key=user.key)
        house.idle()
        news = census.look()
        told = {asset.id: ready(asset, {user.id}, known=True).verdict for asset in news.changed}
        told |= {ident: ready(None, {user.id}, known=True).verdict for ident in news.gone}
        assert told == {locked: "forget", deleted: "forget", tagged: "ready"}
        assert not census.look().gone
        assert left not in told
