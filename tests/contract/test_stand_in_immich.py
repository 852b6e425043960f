"""That the stand-in Immich does what the real one does where it hurts: silent losses, races, names on disk, what moves and what does not."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import random
import socket
import threading

import psycopg
import pytest

from tests.flow.house_world import soon
from tests.immich import form, missing, running

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

FOREIGN = """<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
<rdf:Description rdf:about='' xmlns:digiKam='http://www.digikam.org/ns/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'>
<digiKam:TagsList><rdf:Seq>%s</rdf:Seq></digiKam:TagsList><dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def foreign(*tags):
    return FOREIGN % "".join(f"<rdf:li>{tag}</rdf:li>" for tag in tags)


def jpeg(seed=0, **options):
    from PIL import Image

    data = io.BytesIO()
    picture = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192)).resize((400, 300))
    picture.save(data, "JPEG", **options)
    return data.getvalue()


@pytest.fixture
def immich(tmp_path):
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def asset(immich):
    made = immich.upload_photo(jpeg())
    immich.idle()
    return made


def test_tags_are_in_the_sidecar_alone_and_come_back_from_it(immich, asset):
    immich.tag([asset], ["Animals/Cat", "Two, three & <four>"])
    immich.idle()
    text = immich.sidecar_of(asset).read_text()
    assert "<rdf:li>Animals/Cat</rdf:li>" in text
    assert "dc:subject" not in text
    immich.sql("DELETE FROM tag_asset")
    immich.ok("POST", "/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    immich.idle()
    assert immich.tags_of(asset) == ["Animals/Cat", "Two, three & <four>"]


def test_the_answer_comes_before_anything_is_durable(immich, asset):
    immich.hold("sidecar-write")
    immich.tag([asset], ["a"])
    immich.held("sidecar-write")
    assert immich.tags_of(asset) == ["a"]
    assert immich.sql('SELECT "lockedProperties" AS locked FROM asset_exif')[0]["locked"] == ["tags"]
    assert immich.sidecar_of(asset) is None
    immich.release("sidecar-write")
    immich.idle()
    assert immich.sql('SELECT "lockedProperties" AS locked FROM asset_exif')[0]["locked"] is None


def test_a_sidecar_that_it_cannot_write_takes_the_tags_with_it_and_nobody_is_told(immich):
    folder = immich.external / "ro"
    folder.mkdir()
    (folder / "x.jpg").write_bytes(jpeg())
    immich.library("ro")
    asset = immich.sql("SELECT id FROM asset")[0]["id"]
    immich.read_only("/external/ro")
    immich.tag([asset], ["gone"])
    immich.idle()
    assert (immich.tags_of(asset), immich.errors()) == ([], [])
    assert immich.sidecar_of(asset) == folder / "x.jpg.xmp"
    assert not (folder / "x.jpg.xmp").exists()


def test_what_we_wrote_ourselves_survives_its_failing_write(immich):
    folder = immich.external / "ro"
    folder.mkdir()
    (folder / "x.jpg").write_bytes(jpeg())
    immich.library("ro")
    asset = immich.sql("SELECT id FROM asset")[0]["id"]
    immich.read_only("/external/ro")
    (folder / "x.jpg.xmp").write_text(foreign("kept"))
    immich.tag([asset], ["kept"])
    immich.idle()
    assert immich.tags_of(asset) == ["kept"]


def test_the_tags_of_a_sidecar_it_never_looked_at_are_overwritten(immich, asset):
    immich.original_of(asset).with_name(immich.original_of(asset).name + ".xmp").write_text(foreign("theirs"))
    immich.tag([asset], ["ours"])
    immich.idle()
    text = immich.sidecar_of(asset).read_text()
    assert immich.tags_of(asset) == ["ours"]
    assert "theirs" not in text
    assert "Ann" in text


def test_half_a_sidecar_has_no_tags_and_takes_those_of_the_asset(immich, asset):
    immich.tag([asset], ["a"])
    immich.idle()
    sidecar = immich.sidecar_of(asset)
    sidecar.write_text(sidecar.read_text()[:300])
    immich.ok("POST", "/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    immich.idle()
    assert immich.tags_of(asset) == []


def test_only_a_discovery_finds_a_new_sidecar(immich, asset):
    immich.original_of(asset).with_name(immich.original_of(asset).name + ".xmp").write_text(foreign("theirs"))
    immich.ok("POST", "/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    immich.idle()
    assert immich.tags_of(asset) == []
    immich.ok("PUT", "/jobs/sidecar", {"command": "start", "force": False})
    immich.idle()
    assert immich.tags_of(asset) == ["theirs"]


def test_two_changes_of_one_asset_at_once_lose_the_later_when_the_earlier_job_ends_last(immich, asset):
    immich.hold("sidecar-write")
    immich.tag([asset], ["a"])
    immich.held("sidecar-write")
    immich.delay("sidecar-written", 0)
    immich.pause("metadataExtraction")
    immich.tag([asset], ["b"])
    immich.held("sidecar-write", 2)
    immich.release("sidecar-write")
    immich.resume("metadataExtraction")
    immich.idle()
    listed = immich.tags_of(asset)
    assert listed in (["a"], ["a", "b"])  # whichever wrote last
    assert all(f"<rdf:li>{tag}</rdf:li>" in immich.sidecar_of(asset).read_text() for tag in listed)


def test_a_bulk_call_during_an_extraction_loses_tags_though_it_counted_them(immich, asset):
    immich.hold("extraction-tags")
    immich.ok("POST", "/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    immich.held("extraction-tags")
    immich.hold("tags-inserted")
    call = threading.Thread(target=immich.tag, args=([asset], ["late"]))
    call.start()
    immich.held("tags-inserted")
    immich.release("extraction-tags")
    immich.idle()
    immich.release("tags-inserted")
    call.join()
    immich.idle()
    assert immich.tags_of(asset) == []


def test_a_tag_right_after_the_upload_masks_the_keyword_inside_the_photo(immich):
    immich.hold("extraction")
    asset = immich.upload_photo(jpeg(1, xmp=foreign("inside").encode()))
    immich.tag([asset], ["early"])
    immich.release("extraction")
    immich.idle()
    assert immich.tags_of(asset) == ["early"]


def test_taking_the_last_tag_off_leaves_an_empty_item(immich):
    asset = immich.upload_photo(jpeg(1, xmp=foreign("inside").encode()))
    immich.idle()
    tag = immich.ok("GET", "/tags")[0]["id"]
    immich.ok("DELETE", f"/tags/{tag}/assets", {"ids": [asset]})
    immich.idle()
    assert immich.tags_of(asset) == []
    assert immich.sql("SELECT tags FROM asset_exif")[0]["tags"] == [""]
    assert "<rdf:li/>" in immich.sidecar_of(asset).read_text()


def test_the_storage_template_moves_the_registered_sidecar_and_leaves_the_other(immich):
    asset, other = immich.upload_photo(jpeg(), "a.JPEG"), immich.upload_photo(jpeg(2), "a.jpg")
    immich.idle()
    immich.tag([asset], ["t"])
    immich.idle()
    beside = immich.original_of(other).with_suffix(".xmp")
    beside.write_text(foreign("orphan"))
    immich.options(template=True)
    immich.ok("PUT", "/jobs/storageTemplateMigration", {"command": "start"})
    immich.idle()
    folder = immich.upload / "library/admin/2021/2021-01-01"
    assert {immich.original_of(asset), immich.original_of(other)} == {folder / "a.jpg", folder / "a+1.jpg"}
    assert immich.sidecar_of(asset) == immich.original_of(asset).with_name(immich.original_of(asset).name + ".xmp")
    assert immich.sidecar_of(asset).exists()
    assert beside.exists()


def test_the_checksum_of_an_external_photo_is_that_of_its_path(immich):
    (immich.external / "lib").mkdir()
    (immich.external / "lib" / "x.jpg").write_bytes(jpeg())
    library = immich.library("lib")
    digest = base64.b64encode(hashlib.sha1(b"path:/external/lib/x.jpg").digest()).decode()
    found = immich.ok("POST", "/search/metadata", {"checksum": digest})["assets"]["items"]
    assert [(each["originalPath"], each["libraryId"]) for each in found] == [("/external/lib/x.jpg", library)]


def test_a_scan_takes_a_changed_photo_and_no_changed_sidecar(immich):
    photo = immich.external / "lib" / "x.jpg"
    photo.parent.mkdir()
    photo.write_bytes(jpeg())
    library = immich.library("lib")
    asset = immich.sql("SELECT id FROM asset")[0]["id"]
    photo.with_name("x.jpg.xmp").write_text(foreign("new"))
    immich.ok("POST", f"/libraries/{library}/scan")
    immich.idle()
    assert immich.tags_of(asset) == []
    os.utime(photo, (1, 1))
    immich.ok("POST", f"/libraries/{library}/scan")
    immich.idle()
    assert immich.tags_of(asset) == ["new"]


@pytest.mark.parametrize(("version", "mark"), [("3.1", "_"), ("2.7", "_"), ("2.4", "-")])
def test_previews_are_named_as_the_version_names_them(tmp_path, version, mark):
    with running(tmp_path, version=version) as immich:
        asset = immich.upload_photo(jpeg())
        immich.idle()
        assert list(immich.upload.glob(f"thumbs/*/{asset[:2]}/{asset[2:4]}/{asset}{mark}preview.jpeg"))


def test_the_default_search_of_2_7_is_the_timeline_alone(tmp_path):
    with running(tmp_path, version="2.7") as immich:
        immich.assets(1, files=False, visibility="archive")
        assert immich.ok("POST", "/search/metadata", {})["assets"]["items"] == []
        status, answer = immich.call("GET", f"/assets/{'1' * 8}-1111-4111-8111-{'1' * 12}")
        assert (status, answer["error"], answer["statusCode"]) == (400, "Bad Request", 400)


def test_a_limited_key_is_told_the_permission_that_it_lacks(immich):
    key = immich.key_for(immich.admin.id, ["tag.read"])
    assert immich.call("PUT", "/tags", {"tags": ["x"]}, key=key) == (
        403,
        {"message": "Missing required permission: tag.create"},
    )
    assert immich.call("GET", "/tags", key=key)[0] == 200


def test_another_users_assets_and_tags_are_out_of_reach(immich, asset):
    ann = immich.user("Ann")
    assert immich.call("GET", f"/assets/{asset}", key=ann.key)[0] == 400
    made = immich.ok("PUT", "/tags", {"tags": ["hers"]}, key=ann.key)
    assert immich.ok("PUT", "/tags/assets", {"tagIds": [made[0]["id"]], "assetIds": [asset]}, key=ann.key) == {
        "count": 0
    }
    assert immich.ok("GET", "/tags") == []


def test_faults_come_at_their_rate_and_in_the_same_order_for_the_same_seed(immich):
    def answers():
        immich.faults(0.5, seed=5, kinds=["429", "500", "400"])
        found = [immich.call("GET", "/tags")[0] for _ in range(30)]
        immich.faults(0)
        return found

    first = answers()
    assert first == answers()
    assert {200, 400, 429, 500} == set(first)


def test_a_call_whose_answer_is_lost_was_done(immich):
    immich.faults(1, kinds=["lost"], most=1)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        immich.call("PUT", "/tags", {"tags": ["done"]})
    assert [each["value"] for each in immich.ok("GET", "/tags")] == ["done"]


def test_an_upload_that_breaks_off_leaves_nothing(immich):
    when = "2021-01-01T10:00:00.000Z"
    body, kind = form({"fileCreatedAt": when, "fileModifiedAt": when}, {"assetData": ("x.jpg", bytes(3_000_000))})
    head = f"POST /api/assets HTTP/1.1\r\nHost: x\r\nx-api-key: {immich.key}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", immich.port)) as door:
        door.sendall(head.encode() + body[:1_000_000])
        soon(lambda: list(immich.upload.glob("upload/*/*/*/*.jpg")))
    soon(lambda: not list(immich.upload.glob("upload/*/*/*/*.jpg")))
    assert immich.sql("SELECT 1 FROM asset") == []


def test_vectors_come_after_the_preview(tmp_path):
    with running(tmp_path, vectors=True) as immich:
        immich.hold("vector")
        immich.upload_photo(jpeg())
        immich.held("vector")
        assert immich.sql("SELECT type FROM asset_file WHERE type = 'preview'")
        assert not immich.sql("SELECT 1 FROM smart_search")
        immich.release("vector")
        immich.idle()
        assert immich.sql("SELECT vector_dims(embedding) AS n FROM smart_search")[0]["n"] == 512


def test_what_a_role_may_not_read_is_refused_by_name(immich):
    name = f"reader_{immich.database}"
    immich.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    immich.sql(f"GRANT SELECT ON tag TO {name}")
    dsn = immich.dsn.replace("user=postgres", f"user={name}").replace("password=not-a-secret", "password=x")
    with psycopg.connect(dsn) as door:
        door.execute("SELECT id FROM tag")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="api_key"):
            door.execute("SELECT * FROM api_key")
    immich.sql(f"DROP OWNED BY {name}")
    immich.sql(f"DROP ROLE {name}")


def test_it_counts_what_it_does(immich):
    made = immich.assets(20)
    immich.reset_counts()
    immich.tag(made, ["a", "b"])
    immich.idle()
    counts = immich.counts()
    assert counts["calls"] == {"PUT /tags": 1, "PUT /tags/assets": 1}
    assert counts["events"] == {"sidecar write": 20, "extraction": 20}
    assert all(each == {"sidecar write": 1, "extraction": 1} for each in immich.per_asset().values())
