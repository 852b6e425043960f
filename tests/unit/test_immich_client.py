from __future__ import annotations

import base64
import json
import random
import ssl
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from metadata.errors import PlaceClosed, Refused, TryAgain, UserError
from metadata.immich import Face, Immich, Keys, Person, Tag, Version
from metadata.immich.wire import candidates

ID = "3d493fc6-2764-4623-842a-ac7b041c9329"
OTHER = "0791e10c-4389-4049-827f-ba4afb31303d"
OWNER = "f926dbc6-f2f3-4375-9476-7df5843be12d"
SHA1 = bytes(range(20))


def told(ident=ID, **more):
    """An asset as Immich tells it in a search."""
    return {
        "id": ident,
        "ownerId": OWNER,
        "originalPath": f"/data/upload/{ident}.jpg",
        "checksum": base64.b64encode(SHA1).decode(),
        "visibility": "timeline",
        "isTrashed": False,
        "isOffline": False,
        "type": "IMAGE",
        "updatedAt": "2026-11-20T09:14:00.578Z",
        "livePhotoVideoId": None,
        "thumbhash": "XWwCBYBnj2t3VnlUZHaJmISIT5CJ",
        "somethingNew": {"in": "3.9"},
        **more,
    }


class Server:
    """Answers by a list of (method, path) to answer; remembers what it was asked and how long was waited."""

    def __init__(self, *replies, by=None) -> None:
        self.replies = list(replies)
        self.by = by or {}
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []

    def __call__(self, request) -> httpx.Response:
        self.asked.append(request)
        reply = self.replies.pop(0) if self.replies else self.by[request.method, request.url.path]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx.Response) else httpx.Response(200, json=reply)

    def immich(self, url="http://immich:2283", **more):
        made = {"transport": httpx.MockTransport(self), "wait": self.waited.append, "rng": random.Random(1)}
        return Immich(url, "secret", **{**made, **more})

    def bodies(self):
        return [json.loads(request.content) for request in self.asked if request.content]

    def paths(self):
        return [f"{request.method} {request.url.path}" for request in self.asked]


def page(*items, onward=None):
    return {"albums": {"items": []}, "assets": {"items": list(items), "nextPage": onward, "total": len(items)}}


def message(status, text, **headers):
    return httpx.Response(status, json={"message": text}, headers=headers)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://immich:2283", ["http://immich:2283/api"]),
        ("https://photos.example.org/api/", ["https://photos.example.org/api"]),
        (" HTTPS://photos.example.org/ ", ["https://photos.example.org/api"]),
        ("https://example.org/photos", ["https://example.org/photos/api"]),
        ("immich:2283/api", ["https://immich:2283/api", "http://immich:2283/api"]),
        ("[::1]:2283", ["https://[::1]:2283/api", "http://[::1]:2283/api"]),
    ],
)
def test_an_address_goes_with_or_without_scheme_api_and_slash(url, addresses):
    assert candidates(url) == addresses


@pytest.mark.parametrize("url", ["", "ftp://immich", "https://", "http://a:b:c"])
def test_what_is_no_address_is_told_to_a_person(url):
    with pytest.raises(UserError, match=r"immich\.url"):
        candidates(url)


def test_without_a_scheme_the_one_that_answers_is_found_and_the_key_is_sent_to_no_other():
    version = {"major": 3, "minor": 1, "patch": 0, "prerelease": None}
    server = Server(httpx.ConnectError("wrong version number"), version, {"permissions": ["all"]}, [])
    immich = server.immich("immich:2283")
    assert immich.permissions() == {"all"}
    assert immich.tags() == []
    schemes = [(request.url.scheme, "x-api-key" in request.headers) for request in server.asked]
    assert schemes == [("https", False), ("http", False), ("http", True), ("http", True)]


def test_nothing_is_asked_before_the_first_call():
    server = Server()
    server.immich().close()
    assert server.asked == []


def test_each_question_carries_the_key():
    server = Server([])
    server.immich().tags()
    assert server.asked[0].headers["x-api-key"] == "secret"


def test_an_asset_is_read_with_its_tags_and_unknown_keys_are_passed_over():
    tags = [{"id": "t1", "value": "a/b", "name": "b", "parentId": "t0", "color": "#fff"}]
    exif = {"description": "a cat", "modifyDate": "2021-01-01T10:00:00+00:00", "fileSizeInByte": 3791}
    asset = Server(told(tags=tags, exifInfo=exif, stack={"id": "s", "assetCount": 2})).immich().asset(ID)
    assert asset is not None
    assert (asset.owner, asset.checksum, asset.description, asset.size) == (OWNER, SHA1, "a cat", 3791)
    assert asset.tags == (Tag("t1", "a/b", "t0"),)
    assert (asset.stack, asset.extracted, asset.preview) == ("s", True, True)
    assert asset.updated == datetime(2026, 11, 20, 9, 14, 0, 578000, UTC)


def test_an_answer_without_the_key_says_nothing_of_tags_and_an_empty_list_says_none():
    server = Server(told(), told(tags=[]))
    immich = server.immich()
    assert [immich.asset(ID).tags, immich.asset(ID).tags] == [None, ()]


@pytest.mark.parametrize(
    ("more", "extracted", "preview"),
    [
        ({"thumbhash": None, "exifInfo": {"modifyDate": None}}, False, False),
        ({"thumbhash": None, "exifInfo": {"modifyDate": "2021-01-01T10:00:00Z"}}, True, False),
        ({"thumbhash": None}, None, False),
    ],
)
def test_what_is_not_extracted_yet_can_be_told(more, extracted, preview):
    asset = Server(told(**more)).immich().asset(ID)
    assert (asset.extracted, asset.preview) == (extracted, preview)


def test_an_asset_that_is_unknown_foreign_or_locked_is_none():
    assert Server(message(400, "Not found or no asset.read access")).immich().asset(ID) is None


def test_a_listing_names_each_visibility_has_each_asset_once_and_ends_with_what_changed_meanwhile():
    late = "11997e61-1428-42ad-87cb-933e72b9fdbc"
    answers = {
        ("timeline", 1, False): page(told(), onward="2"),
        ("timeline", 2, False): page(told(), told(OTHER)),
        ("archive", 1, False): page(),
        ("timeline", 1, True): page(told(), told(late)),
        ("archive", 1, True): page(),
    }

    def reply(request):
        body = json.loads(request.content)
        found = answers[body["visibility"], body["page"], "updatedAfter" in body]
        return httpx.Response(200, json=found, headers={"date": "Fri, 20 Nov 2026 09:15:00 GMT"})

    server = Server(by={("POST", "/api/search/metadata"): reply})
    assert [asset.id for asset in server.immich().assets()] == [ID, OTHER, late]
    assert {body.get("updatedAfter") for body in server.bodies()} == {None, "2026-11-20T09:14:00.000Z"}
    assert all(body["size"] == 1000 and body["order"] == "asc" for body in server.bodies())


def test_looking_for_changes_asks_once_a_visibility():
    server = Server(by={("POST", "/api/search/metadata"): page(told())})
    since = datetime(2026, 11, 20, 9, 13, 59, 1999, UTC)
    assert len(list(server.immich().assets(updated_after=since))) == 1
    assert [(body["visibility"], body["updatedAfter"]) for body in server.bodies()] == [
        ("timeline", "2026-11-20T09:13:59.001Z"),
        ("archive", "2026-11-20T09:13:59.001Z"),
    ]


def test_a_checksum_is_asked_for_in_base64_in_both_visibilities():
    server = Server(page(told()), page())
    assert [asset.id for asset in server.immich().by_checksum(SHA1)] == [ID]
    asked = [(body["checksum"], body["visibility"]) for body in server.bodies()]
    assert asked == [("AAECAwQFBgcICQoLDA0ODxAREhM=", "timeline"), ("AAECAwQFBgcICQoLDA0ODxAREhM=", "archive")]


def test_tags_are_mapped_by_value_though_immich_drops_some_and_leaves_out_doubles():
    server = Server([{"id": "2", "value": "c", "name": "c"}, {"id": "1", "value": "a/b", "name": "b"}])
    found = server.immich().upsert_tags(["a//b", "c", "", "c", "/"])
    assert {value: tag.id for value, tag in found.items()} == {"a//b": "1", "c": "2"}
    assert server.bodies() == [{"tags": ["a/b", "c"]}]


def test_tags_are_given_all_at_once_to_at_most_200_assets_a_call():
    server = Server({"count": 400}, {"count": 100})
    assert server.immich().tag(["t1", "t2"], [str(n) for n in range(250)]) == 500
    assert [(body["tagIds"], len(body["assetIds"])) for body in server.bodies()] == [
        (["t1", "t2"], 200),
        (["t1", "t2"], 50),
    ]
    assert server.paths() == ["PUT /api/tags/assets"] * 2


def test_so_many_tags_that_immichs_insert_would_fail_make_more_calls():
    server = Server(by={("PUT", "/api/tags/assets"): {"count": 1}})
    server.immich().tag([str(n) for n in range(400)], [str(n) for n in range(100)])
    assert max(len(body["tagIds"]) * len(body["assetIds"]) for body in server.bodies()) <= 20_000


def test_nothing_to_give_is_no_call():
    assert (Server().immich().tag([], [ID]), Server().immich().tag(["t"], [])) == (0, 0)


def test_taking_a_tag_away_says_for_each_asset_what_came_of_it():
    server = Server([{"id": ID, "success": True}, {"id": OTHER, "success": False, "error": "not_found"}])
    assert server.immich().untag("t1", [ID, OTHER]) == {ID: "", OTHER: "not_found"}
    assert server.asked[0].method == "DELETE"
    assert server.bodies() == [{"ids": [ID, OTHER]}]


def test_a_tag_that_is_gone_already_is_deleted():
    Server(message(400, "Not found or no tag.delete access")).immich().delete_tag("t")


def test_queues_count_what_waits_and_runs_in_both_forms_of_the_answer():
    counts = {"active": 2, "waiting": 3, "completed": 9, "failed": 9, "delayed": 0, "paused": 0}
    new = Server([{"name": "sidecar", "isPaused": False, "statistics": counts}]).immich()
    old = Server(message(404, "Cannot GET"), {"sidecar": {"jobCounts": counts, "queueStatus": {}}}).immich()
    assert new.queues() == old.queues() == {"sidecar": 5}


def test_a_key_that_may_not_see_queues_is_not_asked_again():
    server = Server(message(403, "Forbidden"), message(403, "Forbidden"))
    immich = server.immich()
    assert (immich.queues(), immich.queues()) == (None, None)
    assert server.paths() == ["GET /api/queues", "GET /api/jobs"]


def test_a_picture_that_was_not_made_yet_is_none():
    assert Server(message(404, "Asset media not found")).immich().thumbnail(ID) is None


def test_a_picture_is_followed_within_the_server_only():
    server = Server(httpx.Response(302, headers={"location": "original?"}), httpx.Response(200, content=b"jpeg"))
    assert server.immich().thumbnail(ID, "fullsize") == b"jpeg"
    assert str(server.asked[1].url).rstrip("?") == f"http://immich:2283/api/assets/{ID}/original"
    elsewhere = Server(httpx.Response(302, headers={"location": "http://evil.example/x"}))
    with pytest.raises(PlaceClosed, match=r"set `immich\.url`"):
        elsewhere.immich().thumbnail(ID)
    assert len(elsewhere.asked) == 1


def test_a_write_that_is_sent_elsewhere_is_told_and_not_followed():
    server = Server(httpx.Response(301, headers={"location": "https://immich/api/tags"}))
    with pytest.raises(PlaceClosed, match=r"sent on to https://immich/api/tags"):
        server.immich().upsert_tags(["a"])


def test_people_and_faces_are_read_and_hidden_ones_are_marked():
    ann = {"id": "p", "name": "Ann", "isHidden": True, "birthDate": None}
    box = {"boundingBoxX1": 1, "boundingBoxY1": 2, "boundingBoxX2": 3, "boundingBoxY2": 4}
    face = {"id": "f", "imageWidth": 10, "imageHeight": 20, "person": ann, "sourceType": "manual", **box}
    server = Server(told(people=[ann]), [face, {**face, "id": "g", "person": None}])
    immich = server.immich()
    assert immich.people(ID) == [Person("p", "Ann", hidden=True)]
    hidden = Person("p", "Ann", hidden=True)
    assert immich.faces(ID) == [
        Face("f", (1, 2, 3, 4), 10, 20, hidden, "manual"),
        Face("g", (1, 2, 3, 4), 10, 20, None, "manual"),
    ]
    assert server.asked[1].url.query == f"id={ID}".encode()


def test_what_is_kept_with_an_asset_is_small_json_under_a_key():
    server = Server(httpx.Response(200, json=[]), {"key": "tagwright", "value": {"v": 1}}, message(400, "none"))
    immich = server.immich()
    immich.put_metadata(ID, "tagwright", {"v": 1})
    assert server.bodies() == [{"items": [{"key": "tagwright", "value": {"v": 1}}]}]
    assert immich.metadata(ID, "tagwright") == {"v": 1}
    assert immich.metadata(ID, "tagwright") is None


def test_captions_and_refreshes_go_by_their_own_calls():
    server = Server(told(), httpx.Response(204))
    immich = server.immich()
    immich.describe(ID, "a cat")
    immich.refresh([ID])
    assert server.paths() == [f"PUT /api/assets/{ID}", "POST /api/assets/jobs"]
    assert server.bodies() == [{"description": "a cat"}, {"assetIds": [ID], "name": "refresh-metadata"}]


@pytest.mark.parametrize(
    "trouble",
    [
        message(500, "Internal server error"),
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        message(503, "starting"),
        message(429, "Too Many Requests"),
        httpx.ConnectError("[Errno 111] Connection refused"),
        httpx.ReadError("[Errno 104] Connection reset by peer"),
        httpx.ReadTimeout("timed out"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
    ids=str,
)
def test_what_passes_is_asked_again_later_and_later(trouble):
    server = Server(trouble, trouble, trouble, [])
    assert server.immich().tags() == []
    assert len(server.waited) == 3
    assert all(at / 2 <= waited <= at for at, waited in zip((0.5, 1, 2), server.waited, strict=True))


def test_what_does_not_pass_in_six_tries_is_for_later():
    server = Server(by={("GET", "/api/tags"): message(500, "Internal server error")})
    with pytest.raises(TryAgain, match=r"http://immich:2283/api: GET /tags: 500 Internal server error"):
        server.immich().tags()
    assert (len(server.asked), len(server.waited)) == (6, 5)


def test_waits_differ_by_chance():
    def waited(seed):
        server = Server(by={("GET", "/api/tags"): message(500, "x")})
        with pytest.raises(TryAgain):
            server.immich(rng=random.Random(seed)).tags()
        return server.waited

    assert waited(1) != waited(2)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "Fri, 20 Nov 2026 09:15:20 GMT", "date": "Fri, 20 Nov 2026 09:15:00 GMT"}, 20.0),
    ],
)
def test_the_server_says_when_to_come_again(headers, seconds):
    server = Server(message(429, "slow down", **headers), [])
    server.immich().tags()
    assert server.waited == [seconds]


def test_a_wait_of_hours_is_not_sat_out():
    server = Server(message(503, "maintenance", **{"retry-after": "7200"}))
    with pytest.raises(TryAgain):
        server.immich().tags()
    assert server.waited == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_what_does_not_pass_is_asked_once(status):
    server = Server(message(status, "no"))
    with pytest.raises((Refused, PlaceClosed)):
        server.immich().tags()
    assert (len(server.asked), server.waited) == (1, [])


def test_a_missing_permission_is_named():
    server = Server(message(403, "Missing required permission: tag.create"))
    with pytest.raises(PlaceClosed, match=r"the key lacks the permission tag\.create"):
        server.immich().upsert_tags(["a"])


def test_a_refused_key_is_told_and_never_shown():
    server = Server(message(401, "Invalid API key"))
    with pytest.raises(PlaceClosed, match=r"the key is refused \(Invalid API key\)") as caught:
        server.immich().tags()
    assert "secret" not in str(caught.value)


def test_the_words_of_both_versions_about_a_wrong_question_are_told():
    old = Server(message(400, ["tags must be an array"])).immich()
    new = Server(
        httpx.Response(400, json={"message": "Validation failed", "errors": [{"path": ["tags"]}]})
    ).immich()
    with pytest.raises(Refused, match="400 tags must be an array"):
        old.tags()
    with pytest.raises(Refused, match=r"Validation failed: \[\{'path': \['tags'\]\}\]"):
        new.tags()


def test_a_page_instead_of_json_is_a_wrong_address():
    server = Server(httpx.Response(200, text="<html>Log in</html>"))
    with pytest.raises(PlaceClosed, match=r"does `immich\.url` lead to Immich\?"):
        server.immich().tags()


def test_a_certificate_of_nobody_we_trust_is_a_persons_matter():
    server = Server(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))
    with pytest.raises(PlaceClosed, match=r"immich\.ca_file"):
        server.immich("https://immich").tags()
    assert server.waited == []


def test_an_authority_that_cannot_be_read_is_told_at_once(tmp_path):
    for name, text in (("none.pem", None), ("wrong.pem", "no certificate")):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match=r"immich\.ca_file"):
            Server().immich(ca_file=str(tmp_path / name))


def test_an_authority_of_ones_own_is_taken(tmp_path):
    paths = ssl.get_default_verify_paths()
    if not paths.cafile:
        pytest.skip("this Python knows no file of authorities")
    Server([]).immich(ca_file=paths.cafile).tags()


def test_the_version_is_asked_again_after_a_reconnect_only():
    one, two = ({"major": 3, "minor": minor, "patch": 0} for minor in (1, 2))
    immich = Server(one, two).immich()
    assert [immich.version(), immich.version()] == [Version(3, 1, 0)] * 2
    immich._wire._traced("connection.connect_tcp.complete", {})
    assert immich.version() == Version(3, 2, 0)


@pytest.mark.parametrize(("version", "known"), [((2, 4, 9), False), ((2, 5, 0), True), ((3, 2, 0), True)])
def test_what_is_older_than_2_5_is_not_known(version, known):
    assert Version(*version).known is known


def test_features_and_the_tags_switch_are_told():
    server = Server({"sidecar": True, "importFaces": False}, {"tags": {"enabled": False}}, message(403, "no"))
    immich = server.immich()
    assert immich.features() == {"sidecar"}
    assert (immich.tags_shown(), immich.tags_shown()) == (False, None)


def test_the_owner_of_an_asset_chooses_the_key():
    ann, ben = (Server({"id": user, "name": user, "email": ""}).immich() for user in ("ann", "ben"))
    keys = Keys([ann, ben])
    assert keys.of("ben") is ben
    assert keys.of("cleo") is None
    keys.close()


def test_the_shapes_need_neither_httpx_nor_psycopg():
    code = "import sys, metadata.immich as i; i.Asset; print({'httpx', 'psycopg', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_page_instead_of_a_listing_is_a_wrong_address_too():
    server = Server(httpx.Response(200, text="<html>Log in</html>"))
    with pytest.raises(PlaceClosed, match=r"does `immich\.url` lead to Immich\?"):
        list(server.immich().assets())


def test_a_proxy_in_the_environment_never_sees_the_key(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    immich = Immich("http://immich:2283", "secret")
    assert not immich._wire._client._mounts
    immich.close()


def test_encrypted_servers_are_held_to_the_systems_authorities():
    immich = Immich("https://immich", "secret")
    context = immich._wire._client._transport._pool._ssl_context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 50
    immich.close()
