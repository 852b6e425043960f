from __future__ import annotations

import base64
import hashlib
import json
import os

import httpx
import pytest

from watcher import findings, links, settings

ANNA = "f926dbc6-f2f3-4375-9476-7df5843be12d"
PERMISSIONS = [*links.NEEDED, *links.WANTED, *links.PEOPLE, "userPreference.read"]


def asset(number: int, path: str, content: bytes | None = None):
    checksum = hashlib.sha1(f"path:{path}".encode() if content is None else content).digest()
    return {
        "id": str(number), "ownerId": ANNA, "originalPath": path, "visibility": "timeline", "type": "IMAGE",
        "checksum": base64.b64encode(checksum).decode(), "updatedAt": "2026-11-20T09:14:00Z", "thumbhash": "x",
        "exifInfo": {"fileSizeInByte": len(content) if content is not None else 1},
    }  # fmt: skip


class Server:
    """An Immich that answers the doctor; what is given replaces an answer."""

    def __init__(self, *assets, **answers) -> None:
        self.answers = {
            "version": {"major": 3, "minor": 1, "patch": 0},
            "features": {"sidecar": True},
            "api-keys/me": {"permissions": PERMISSIONS},
            "users/me": {"id": ANNA, "name": "Anna", "email": "anna@example.org"},
            "preferences": {"tags": {"enabled": True}},
            "search/metadata": {"assets": {"items": list(assets), "nextPage": None}},
            **{name.replace("_", "/").replace("api/keys", "api-keys"): answer for name, answer in answers.items()},
        }
        self.methods: set[tuple[str, str]] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.methods.add((request.method, request.url.path))
        answer = next(answer for name, answer in self.answers.items() if request.url.path.endswith(name))
        if (
            request.url.path.endswith("search/metadata")
            and json.loads(request.content)["visibility"] != "timeline"
        ):
            answer = {"assets": {"items": [], "nextPage": None}}
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


@pytest.fixture
def examine(tmp_path):
    (tmp_path / "key").write_text("k\n")
    os.chmod(tmp_path / "key", 0o600)

    def done(server, **more):
        flags = {"immich.url": "http://immich:2283", "immich.keys": [str(tmp_path / "key")], **more}
        given = settings.load(None, {"HOME": "/x"}, {"state": tmp_path, **flags}, absent_ok=True)
        return list(links.findings(given, environment={}, transport=httpx.MockTransport(server)))

    return done


def about(found, what, level=None):
    return [each for each in found if each.what == what and level in (None, each.level)]


def test_without_an_address_nothing_is_said(tmp_path):
    made = settings.load(None, {"HOME": "/x"}, {"state": tmp_path})
    assert list(links.findings(made, environment={})) == []


def test_a_chain_without_a_break_has_nothing_but_good_links(examine, tmp_path):
    (tmp_path / "immich/upload").mkdir(parents=True)
    (tmp_path / "immich/upload/x.jpg").write_bytes(b"photo")
    server = Server(asset(1, "/data/upload/x.jpg", b"photo"))
    found = examine(server, **{"immich.upload_location": str(tmp_path / "immich")})
    assert findings.worst(found) == "ok", findings.report(found, json=False)
    assert "3.1.0" in about(found, "Immich")[0].text
    assert "of Anna (anna@example.org)" in about(found, "Immich's key 1")[0].text
    assert f"/data = {tmp_path}/immich" in about(found, "Immich's folders")[0].text
    assert os.listdir(tmp_path / "immich/upload") == ["x.jpg"]


def test_the_doctor_changes_nothing_in_immich(examine):
    server = Server(asset(1, "/data/x.jpg"))
    examine(server)
    assert {method for method, path in server.methods if path != "/api/search/metadata"} == {"GET"}


def test_where_folders_are_is_found_by_comparing_photos(examine, tmp_path):
    (tmp_path / "photos/2024").mkdir(parents=True)
    for name in "abc":
        (tmp_path / f"photos/2024/{name}.jpg").write_bytes(b"x")
    server = Server(*(asset(n, f"/mnt/media/2024/{name}.jpg") for n, name in enumerate("abc")))
    found = examine(server, roots=[{"name": "photos", "path": str(tmp_path / "photos")}])
    (folders,) = about(found, "Immich's folders")
    assert folders.level == "ok"
    assert f"/mnt/media = {tmp_path}/photos; all of 3 photos were found" in folders.text


def test_photos_that_are_not_here_are_named_and_the_person_is_asked(examine, tmp_path):
    (tmp_path / "photos").mkdir()
    server = Server(asset(1, "/mnt/media/a.jpg"))
    (folders,) = about(
        examine(server, roots=[{"name": "photos", "path": str(tmp_path / "photos")}]), "Immich's folders"
    )
    assert folders.level == "fail"
    assert "/mnt/media/a.jpg" in folders.text
    assert "immich.paths" in folders.remedy


def test_without_a_mounted_folder_it_goes_by_the_api(examine):
    (folders,) = about(examine(Server(asset(1, "/data/a.jpg"))), "Immich's folders")
    assert folders.level == "ok"
    assert "by the API" in folders.text


@pytest.mark.parametrize("missing", ["tag.asset", "job.create"])
def test_a_missing_permission_is_named_with_what_it_is_for(examine, missing):
    held = [name for name in PERMISSIONS if name != missing]
    failed = about(examine(Server(api_keys_me={"permissions": held})), "Immich's key 1", "fail")
    assert [f"{missing} ({links.NEEDED[missing]})" in each.text for each in failed] == [True]


def test_what_people_need_is_asked_for_only_where_people_are_wanted(examine, tmp_path):
    held = {"permissions": [name for name in PERMISSIONS if name not in links.PEOPLE]}
    root = {"name": "photos", "path": str(tmp_path)}
    assert about(examine(Server(api_keys_me=held), roots=[root]), "Immich's key 1", "warn") == []
    wished = examine(Server(api_keys_me=held), roots=[{**root, "people": "names"}])
    assert "face.read" in about(wished, "Immich's key 1", "warn")[0].text


def test_a_key_for_everything_lacks_nothing(examine):
    found = examine(Server(api_keys_me={"permissions": ["all"]}))
    assert [each.level for each in about(found, "Immich's key 1")] == ["ok"]


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ({"tags": {"enabled": True}}, "ok"),
        ({"tags": {"enabled": False}}, "warn"),
        (httpx.Response(403, json={"message": "Missing required permission: userPreference.read"}), "ok"),
    ],
)
def test_whether_the_user_sees_tags_is_told(examine, answer, level):
    assert about(examine(Server(preferences=answer)), "Immich's key 1: tags")[0].level == level


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"version": httpx.ConnectError("[Errno 111] Connection refused")}, "Connection refused"),
        ({"version": httpx.Response(200, text="<html>")}, "does `immich.url` lead to Immich"),
        ({"version": {"major": 2, "minor": 4, "patch": 1}}, "2.4.1 at http://immich:2283/api is too old"),
    ],
)
def test_a_server_that_is_away_wrong_or_old_is_told_first_and_alone(examine, answers, told):
    found = [each for each in examine(Server(**answers)) if each.what != "Immich's database"]
    assert [each.level for each in found] == ["fail"]
    assert told in found[0].text


def test_a_refused_key_is_told_and_not_shown(examine):
    found = examine(Server(api_keys_me=httpx.Response(401, json={"message": "Invalid API key"})))
    (failed,) = about(found, "Immich's key 1")
    assert failed.level == "fail"
    assert "Invalid API key" in failed.text


def test_without_a_key_one_is_asked_for(examine):
    (failed,) = examine(Server(), **{"immich.keys": []})
    assert "immich.keys" in failed.text


def test_a_newer_version_is_fine_and_said(examine):
    (server,) = about(examine(Server(version={"major": 3, "minor": 4, "patch": 0})), "Immich")
    assert (server.level, "newer than what was tested" in server.text) == ("ok", True)


def test_a_folder_of_immich_that_we_cannot_write_is_told(examine, tmp_path, monkeypatch):
    from watcher import premises

    (tmp_path / "immich").mkdir()
    (tmp_path / "immich/x.jpg").write_bytes(b"photo")
    monkeypatch.setattr(premises, "probe", lambda _: OSError(30, "Read-only file system"))
    server = Server(asset(1, "/data/x.jpg", b"photo"))
    found = examine(server, **{"immich.upload_location": str(tmp_path / "immich")})
    assert "Read-only file system" in about(found, "sidecars of Immich", "warn")[0].text


def test_a_folder_that_immich_itself_may_not_write_is_told(examine, tmp_path):
    (tmp_path / "immich").mkdir()
    (tmp_path / "immich/x.jpg").write_bytes(b"photo")
    os.chmod(tmp_path / "immich", 0o555)
    server = Server(asset(1, "/data/x.jpg", b"photo"))
    found = examine(server, **{"immich.upload_location": str(tmp_path / "immich")})
    os.chmod(tmp_path / "immich", 0o755)
    assert any("loses tags" in each.remedy for each in about(found, "sidecars of Immich", "warn"))


def test_a_database_that_is_away_is_told_and_one_that_is_not_set_is_fine(examine):
    assert about(examine(Server()), "Immich's database")[0].level == "ok"
    away = {"immich.database.host": "127.0.0.1", "immich.database.port": 1}
    assert about(examine(Server(), **away), "Immich's database")[0].level == "fail"
