"""What we rely on in an Immich server, by HTTP alone: against the stand-in, and against a real one where IMMICH_URL and IMMICH_API_KEY name it.

Against a real server it works on pictures and tags that it makes itself (tags under `tagwright-test`), and takes them away again.
"""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import random
import time
import uuid

import httpx
import pytest

from tests.immich import form, missing, running
from tests.patience import PATIENCE

UNKNOWN = "11111111-1111-4111-8111-111111111111"
TOP = "tagwright-test"


class Server:
    """One server under test, and what was made on it."""

    def __init__(self, url, key) -> None:
        self.web = httpx.Client(
            base_url=f"{url.rstrip('/').removesuffix('/api')}/api/", headers={"x-api-key": key}, timeout=PATIENCE
        )
        self.made = []

    def ok(self, method, path, body=None):
        answer = self.web.request(method, path, json=body)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def upload(self, data=None, name="photo.jpg", *, wait=True):
        when = "2021-01-01T10:00:00.000Z"
        fields = {"fileCreatedAt": when, "fileModifiedAt": when, "deviceAssetId": name, "deviceId": TOP}
        body, kind = form(fields, {"assetData": (name, data or jpeg())})
        answer = self.web.post("assets", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 201, answer.text
        self.made.append(answer.json()["id"])
        if wait:  # the preview comes after the metadata
            soon(
                lambda: (
                    self.web.get(f"assets/{self.made[-1]}/thumbnail", params={"size": "preview"}).status_code
                    == 200
                )
            )
        return self.made[-1]

    def tags_of(self, asset):
        return sorted(each["value"] for each in self.ok("GET", f"assets/{asset}")["tags"])

    def tag(self, assets, *values):
        made = self.ok("PUT", "tags", {"tags": list(values)})
        return self.ok("PUT", "tags/assets", {"tagIds": [each["id"] for each in made], "assetIds": assets})[
            "count"
        ]

    def id_of(self, value):
        return next(each["id"] for each in self.ok("GET", "tags") if each["value"] == value)

    def settled(self, asset):
        """Wait until two readings half a second apart are the same and lie after the asset's last change."""
        seen = [None]

        def same():
            found = self.ok("GET", f"assets/{asset}")
            now = (
                found["updatedAt"],
                sorted(each["value"] for each in found["tags"]),
                found["exifInfo"]["description"],
            )
            before, seen[0] = seen[0], now
            if before != now:
                time.sleep(0.5)
            return before == now

        soon(same)

    def clean(self):
        with contextlib.suppress(StopIteration):
            self.web.delete(f"tags/{self.id_of(TOP)}")
        if self.made:
            self.web.request("DELETE", "assets", json={"ids": self.made, "force": True})
        self.web.close()


def jpeg():
    from PIL import Image

    data = io.BytesIO()
    Image.frombytes("RGB", (16, 16), random.randbytes(768)).resize((400, 300)).save(data, "JPEG")
    return data.getvalue()


def soon(what):
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def server():
    url, key = os.environ.get("IMMICH_URL"), os.environ.get("IMMICH_API_KEY")
    with contextlib.ExitStack() as stack:
        if not (url and key):
            if missing():
                pytest.skip(missing())
            immich = stack.enter_context(running())
            url, key = immich.url, immich.key
        found = Server(url, key)
        stack.callback(found.clean)
        yield found


def test_ping_and_version_ask_for_no_key(server):
    bare = httpx.get(f"{server.web.base_url}server/ping")
    assert bare.json() == {"res": "pong"}
    version = httpx.get(f"{server.web.base_url}server/version").json()
    assert isinstance(version["major"], int)
    assert isinstance(version["patch"], int)


def test_a_wrong_key_and_none_are_told_apart(server):
    wrong = httpx.get(f"{server.web.base_url}tags", headers={"x-api-key": "wrong"})
    none = httpx.get(f"{server.web.base_url}tags")
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid API key")
    assert (none.status_code, none.json()["message"]) == (401, "Authentication required")


def test_any_key_may_ask_what_it_may_do(server):
    assert server.ok("GET", "api-keys/me")["permissions"]


def test_tags_come_with_their_parents_in_the_order_asked_and_empty_ones_drop_out(server):
    made = server.ok("PUT", "tags", {"tags": [f"{TOP}/z/deep", "", f"{TOP}/a", f"{TOP}/z/deep"]})
    assert [each["value"] for each in made] == [f"{TOP}/z/deep", f"{TOP}/a"]
    assert {f"{TOP}", f"{TOP}/z"} <= {each["value"] for each in server.ok("GET", "tags")}


def test_a_tag_counts_once_and_foreign_and_unknown_ids_drop_out(server):
    asset = server.upload()
    assert server.tag([asset, UNKNOWN], f"{TOP}/a") == 1
    server.settled(asset)
    assert server.tag([asset], f"{TOP}/a") == 0


def test_tags_that_came_after_the_first_reading_stay(server):
    asset = server.upload()
    server.tag([asset], f"{TOP}/a", f"{TOP}/b/c")
    server.settled(asset)
    assert server.tags_of(asset) == [f"{TOP}/a", f"{TOP}/b/c"]


def test_a_text_stays_and_an_update_says_no_tags(server):
    asset = server.upload()
    answer = server.ok("PUT", f"assets/{asset}", {"description": "Ein Text, ü & <b>"})
    assert "tags" not in answer
    server.settled(asset)
    assert server.ok("GET", f"assets/{asset}")["exifInfo"]["description"] == "Ein Text, ü & <b>"


def test_untagging_answers_for_each_id(server):
    asset = server.upload()
    server.tag([asset], f"{TOP}/a")
    server.settled(asset)
    path = f"tags/{server.id_of(f'{TOP}/a')}/assets"
    assert server.ok("DELETE", path, {"ids": [asset]}) == [{"id": asset, "success": True}]
    server.settled(asset)
    assert server.ok("DELETE", path, {"ids": [asset]}) == [{"id": asset, "success": False, "error": "not_found"}]
    assert server.tags_of(asset) == []


def test_a_deleted_tag_comes_back_from_the_sidecar(server):
    asset = server.upload()
    server.tag([asset], f"{TOP}/a", f"{TOP}/b")
    server.settled(asset)
    server.ok("DELETE", f"tags/{server.id_of(f'{TOP}/a')}")
    assert server.tags_of(asset) == [f"{TOP}/b"]
    server.ok("POST", "assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    soon(lambda: server.tags_of(asset) == [f"{TOP}/a", f"{TOP}/b"])


def test_a_search_by_tag_finds_what_has_a_tag_below_it(server):
    asset = server.upload()
    server.tag([asset], f"{TOP}/b/c")
    server.settled(asset)
    found = server.ok("POST", "search/metadata", {"tagIds": [server.id_of(f"{TOP}/b")], "visibility": "timeline"})
    assert [each["id"] for each in found["assets"]["items"]] == [asset]
    assert "tags" not in found["assets"]["items"][0]


def test_pages_end_with_none(server):
    made = {server.upload() for _ in range(3)}
    server.tag(sorted(made), f"{TOP}/page")
    tag, seen, page = server.id_of(f"{TOP}/page"), [], 1
    soon(lambda: all(server.tags_of(each) for each in made))
    while page:
        asked = {"tagIds": [tag], "size": 2, "page": page, "order": "asc"}
        found = server.ok("POST", "search/metadata", asked)["assets"]
        seen += [each["id"] for each in found["items"]]
        page = int(found["nextPage"]) if found["nextPage"] else 0
    assert (sorted(seen), len(seen)) == (sorted(made), 3)


def test_an_upload_is_found_by_its_checksum(server):
    data = jpeg()
    asset = server.upload(data)
    for digest in (hashlib.sha1(data).hexdigest(), base64.b64encode(hashlib.sha1(data).digest()).decode()):
        found = server.ok("POST", "search/metadata", {"checksum": digest})["assets"]["items"]
        assert [each["id"] for each in found] == [asset]


def test_the_same_bytes_again_are_a_duplicate(server):
    data = jpeg()
    asset = server.upload(data)
    when = "2021-01-01T10:00:00.000Z"
    fields = {"fileCreatedAt": when, "fileModifiedAt": when, "deviceAssetId": "x", "deviceId": TOP}
    body, kind = form(fields, {"assetData": ("again.jpg", data)})
    answer = server.web.post("assets", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["status"], answer.json()["id"]) == (200, "duplicate", asset)


def test_updated_after_includes_its_own_moment(server):
    asset = server.upload()
    server.settled(asset)
    when = server.ok("GET", f"assets/{asset}")["updatedAt"]
    found = server.ok("POST", "search/metadata", {"updatedAfter": when})["assets"]["items"]
    assert asset in [each["id"] for each in found]


def test_our_own_notes_survive_a_reading_and_can_be_taken_away(server):
    asset = server.upload()
    server.ok("PUT", f"assets/{asset}/metadata", {"items": [{"key": "tagwright", "value": {"v": 1}}]})
    server.ok("POST", "assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    server.settled(asset)
    assert server.ok("GET", f"assets/{asset}/metadata/tagwright")["value"] == {"v": 1}
    server.ok("DELETE", f"assets/{asset}/metadata/tagwright")
    assert server.ok("GET", f"assets/{asset}/metadata") == []


def test_unknown_ids_and_broken_ones_are_400(server):
    unknown = server.web.get(f"assets/{UNKNOWN}")
    broken = server.web.get("assets/nope")
    assert (unknown.status_code, unknown.json()["message"]) == (400, "Not found or no asset.read access")
    assert broken.status_code == 400
    assert server.web.put(f"tags/{uuid.uuid4()}/assets", json={"ids": []}).status_code == 400


def test_the_locked_folder_is_closed_to_keys(server):
    answer = server.web.post("search/metadata", json={"visibility": "locked"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Elevated permission is required")


def test_a_preview_is_a_picture_and_the_full_size_lies_elsewhere(server):
    asset = server.upload()
    preview = server.web.get(f"assets/{asset}/thumbnail", params={"size": "preview"})
    assert preview.headers["content-type"] == "image/jpeg"
    assert preview.content[:2] == b"\xff\xd8"
    assert server.web.get(f"assets/{asset}/thumbnail", params={"size": "fullsize"}).status_code == 302
