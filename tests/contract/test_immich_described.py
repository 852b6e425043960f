"""Our requests, and the answers that our tests give, as Immich's own descriptions of its API have them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from metadata.immich import Immich

pytest.importorskip("openapi_core")

DESCRIBED = Path(__file__).parents[2].parent / "shared" / "immich"
ID = "3d493fc6-2764-4623-842a-ac7b041c9329"
TAG = "22d0bc2e-5c93-4cea-91f7-108a11a5ba62"
TIME = "2026-11-20T09:14:00.578Z"


def _specification(version: str):
    import openapi_core

    path = DESCRIBED / f"openapi-{version}.json"
    if not path.is_file():
        pytest.skip("Immich's description is not here")
    # 3.1's security scheme is against the specification of OpenAPI, so the description itself is not held to it
    config = openapi_core.Config(spec_validator_cls=None)
    return openapi_core.OpenAPI.from_dict(json.loads(path.read_text()), config=config)


@pytest.fixture(scope="module", params=["2.7", "3.1"])
def described(request):
    return request.param, _specification(request.param)


class Held:
    """Stands between client and answers, and holds both to the description."""

    def __init__(self, specification, answer) -> None:
        self.specification, self.answer = specification, answer
        self.operations: set[tuple[str, str]] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = _Asked(request)
        result = self.specification.unmarshal_request(asked)
        assert result.errors == [], (request.method, request.url, result.errors)
        response = self.answer(request)
        told = self.specification.unmarshal_response(asked, _Told(response))
        assert told.errors == [], (request.method, request.url, told.errors)
        return response


class _Asked:
    """A request as openapi-core wants it."""

    def __init__(self, request: httpx.Request) -> None:
        from openapi_core.datatypes import RequestParameters

        self._request = request
        self.parameters = RequestParameters(
            query=dict(request.url.params), header=dict(request.headers), cookie={}
        )
        self.host_url = ""
        self.path = request.url.path
        self.method = request.method.lower()
        self.content_type = request.headers.get("content-type", "")
        self.body = request.content or None


class _Told:
    """A response as openapi-core wants it."""

    def __init__(self, response: httpx.Response) -> None:
        self.data = response.content
        self.status_code = response.status_code
        self.content_type = response.headers.get("content-type", "")
        self.headers = dict(response.headers)


def _asset(old: bool) -> dict:
    exif = {"description": "a cat", "modifyDate": TIME, "fileSizeInByte": 3791}
    asset = {
        "id": ID, "ownerId": ID, "originalPath": "/data/a.jpg", "originalFileName": "a.jpg", "type": "IMAGE",
        "checksum": base64.b64encode(bytes(20)).decode(), "thumbhash": None, "createdAt": TIME, "updatedAt": TIME,
        "fileCreatedAt": TIME, "fileModifiedAt": TIME, "localDateTime": TIME, "visibility": "timeline",
        "isFavorite": False, "isArchived": False, "isTrashed": False, "isOffline": False, "isEdited": False,
        "hasMetadata": True, "width": 4, "height": 3, "duration": None, "exifInfo": exif, "livePhotoVideoId": None,
    }  # fmt: skip
    if old:
        asset |= {"deviceAssetId": "a", "deviceId": "b", "duration": "0:00:00.00000"}
    return asset


def _answers(old: bool):
    asset, times = _asset(old), {"createdAt": TIME, "updatedAt": TIME}
    tag = {"id": TAG, "name": "b", "value": "a/b", **times}
    person = {"id": ID, "name": "Ann", "isHidden": False, "birthDate": None, "thumbnailPath": ""}
    box = {f"boundingBox{corner}": 1 for corner in ("X1", "Y1", "X2", "Y2")}
    face = {"id": ID, "imageWidth": 10, "imageHeight": 20, "person": person, **box}
    counts = dict.fromkeys(("active", "completed", "delayed", "failed", "paused", "waiting"), 1)
    found = {"count": 1, "facets": [], "items": [asset], "nextPage": None, "total": 1}
    owner = {
        "id": ID, "name": "Ann", "email": "ann@example.org", "profileImagePath": "", "avatarColor": "red",
        "profileChangedAt": TIME,
    }  # fmt: skip
    album = {
        "id": TAG, "albumName": "Family", "description": "", "albumThumbnailAssetId": None, "assetCount": 1,
        "albumUsers": [{"user": owner, "role": "editor" if old else "owner"}], "shared": False,
        "hasSharedLink": False, "isActivityEnabled": True, **times,
    }  # fmt: skip
    if old:
        album |= {"ownerId": ID, "assets": [], "owner": owner}
    version = {"major": 2 if old else 3, "minor": 1, "patch": 0, **({} if old else {"prerelease": None})}
    return {
        ("GET", "/server/version"): version,
        ("GET", "/api-keys/me"): {"id": ID, "name": "k", "permissions": ["tag.read"], **times},
        ("GET", f"/assets/{ID}"): asset | {"tags": [tag], "people": [person | ({"faces": []} if old else {})]},
        ("PUT", f"/assets/{ID}"): asset,
        ("GET", f"/assets/{ID}/thumbnail"): httpx.Response(
            200, content=b"x", headers={"content-type": "application/octet-stream"}
        ),
        ("POST", "/search/metadata"): {"albums": found | {"items": []}, "assets": found},
        ("POST", "/search/statistics"): {"total": 3},
        ("GET", "/stacks"): [{"id": TAG, "primaryAssetId": ID, "assets": [asset]}],
        ("GET", "/albums"): [album],
        ("GET", "/tags"): [tag],
        ("PUT", "/tags"): [tag],
        ("PUT", "/tags/assets"): {"count": 1},
        ("DELETE", f"/tags/{TAG}/assets"): [{"id": ID, "success": False, "error": "not_found"}],
        ("DELETE", f"/tags/{TAG}"): httpx.Response(204),
        ("POST", "/assets/jobs"): httpx.Response(204),
        ("GET", "/queues"): [{"name": "sidecar", "isPaused": False, "statistics": counts}],
        ("GET", "/faces"): [face],
        ("GET", f"/assets/{ID}/metadata/tagwright"): {"key": "tagwright", "value": {"a": 1}, "updatedAt": TIME},
        ("PUT", f"/assets/{ID}/metadata"): [{"key": "tagwright", "value": {"a": 1}, "updatedAt": TIME}],
    }


def _calls(immich: Immich) -> Iterator[object]:
    """Our calls, and whether each gave what the answers above hold."""
    yield immich.version().minor == 1
    yield immich.permissions() == {"tag.read"}
    yield immich.asset(ID).tags[0].value == "a/b"
    yield [asset.description for asset in immich.assets()] == ["a cat"]
    yield [asset.id for asset in immich.assets(updated_after=datetime(2026, 1, 1, tzinfo=UTC))] == [ID]
    yield [asset.size for asset in immich.by_checksum(bytes(20))] == [3791]
    yield [asset.id for asset in immich.tagged(TAG)] == [ID]
    yield immich.count() == 3
    yield immich.stacks() == {ID: TAG}
    yield [(album.id, album.name) for album in immich.albums()] == [(TAG, "Family")]
    yield set(immich.in_album(TAG)) == {ID}
    yield immich.thumbnail(ID) == b"x"
    yield [tag.id for tag in immich.tags()] == [TAG]
    yield immich.upsert_tags(["a/b"])["a/b"].id == TAG
    yield immich.tag([TAG], [ID]) == 1
    yield immich.untag(TAG, [ID]) == {ID: "not_found"}
    yield immich.delete_tag(TAG) is None
    yield immich.describe(ID, "a cat") is None
    yield immich.refresh([ID]) is None
    yield immich.queues() == {"sidecar": 4}
    yield [person.name for person in immich.people(ID)] == ["Ann"]
    yield immich.faces(ID)[0].box == (1, 1, 1, 1)
    yield immich.metadata(ID, "tagwright") == {"a": 1}
    yield immich.put_metadata(ID, "tagwright", {"a": 1}) is None


def test_every_call_is_as_immich_describes_it(described):
    version, specification = described
    answers = _answers(version == "2.7")

    def answer(request: httpx.Request) -> httpx.Response:
        found = answers[request.method, request.url.path.removeprefix("/api")]
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    transport = httpx.MockTransport(Held(specification, answer))
    with Immich("http://immich:2283", "key", transport=transport) as immich:
        wrong = [place for place, good in enumerate(_calls(immich)) if not good]
    assert wrong == []


def test_a_request_against_the_description_would_be_noticed(described):
    _, specification = described
    held = Held(specification, lambda _: httpx.Response(200, json={"count": 0}))
    with (
        Immich("http://immich:2283", "key", transport=httpx.MockTransport(held)) as immich,
        pytest.raises(AssertionError, match="PUT"),
    ):
        immich.tag(["no uuid"], ["neither"])
