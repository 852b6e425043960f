"""Recorded traffic of a real server, done again against the stand-in: the same requests in the same order, and what differs.

The recordings are not ours to keep; who has them gives their folder.
"""

# ruff: noqa: E501 - SQL and recorded words read best on one line
# ruff: noqa: RUF012 - nobody changes them

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import re
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.immich.standin import Immich, form
from tests.immich.watching import Recorder

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_DROPPED = {"thumbhash", "fileSizeInByte", "quotaUsageInBytes", "jobCounts", "queueStatus", "statistics", "profileChangedAt",
            "nodejs", "ffmpeg", "libvips", "imagemagick", "pattern", "avatarColor",
            "thumbnailPath"}  # fmt: skip
_TIMES = {"createdAt", "updatedAt", "refreshedAt", "modifyDate"}
_OF_FILES = {"fileCreatedAt", "fileModifiedAt", "localDateTime", "dateTimeOriginal"}
_PLACE = re.compile(r"/(?:upload|thumbs)/[0-9a-f-]{36}/[0-9a-f]{2}/[0-9a-f]{2}")
_QUIET = 0.25
"""Seconds without a request after which the recording had waited until all was idle."""

_LOG = """
CREATE TABLE seen (n bigserial, kind text, asset uuid, row jsonb);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was jsonb := to_jsonb(coalesce(NEW, OLD)); about uuid;
BEGIN
  about := coalesce(was->>'assetId', was->>'id')::uuid;
  IF TG_TABLE_NAME IN ('tag_asset', 'asset_file') THEN
    IF TG_TABLE_NAME = 'tag_asset' THEN
      INSERT INTO seen (kind, asset, row) SELECT TG_TABLE_NAME, about, coalesce(jsonb_agg(t.value), '[]')
        FROM tag_asset x JOIN tag t ON t.id = x."tagId" WHERE x."assetId" = about;
    ELSE
      INSERT INTO seen (kind, asset, row) SELECT TG_TABLE_NAME, about, coalesce(jsonb_agg(to_jsonb(f)), '[]')
        FROM asset_file f WHERE f."assetId" = about;
    END IF;
  ELSE
    INSERT INTO seen (kind, asset, row) VALUES (TG_TABLE_NAME, about, CASE WHEN TG_OP = 'DELETE' THEN 'null' ELSE was END);
  END IF;
  RETURN NULL;
END $$;
"""
_TABLES = ("asset", "asset_exif", "asset_file", "asset_job_status", "tag_asset")
_COLUMNS = {
    "asset": (
        "status",
        "isOffline",
        "isExternal",
        "visibility",
        "originalPath",
        "originalFileName",
        "checksumAlgorithm",
    ),
    "asset_exif": ("tags", "rating", "description", "lockedProperties"),
}


class Replay:
    """One scenario. `differences` holds what did not agree, in words."""

    def __init__(self, path: Path, immich: Immich, special: Special) -> None:
        self.events = [json.loads(line) for line in path.read_text().splitlines()]
        self.events.sort(key=self._moment)
        self.immich, self.special = immich, special
        self.ids: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.keys: dict[Any, str] = {"KEY": immich.key, "WRONG": "wrong", "none": ""}
        self.differences: list[str] = []
        self.compared: Counter[str] = Counter()
        self.tags = _tags_in(self.events) | special.tags
        self.planted: set[str] = set()
        self.first_paths: dict[str, str] = {}
        self._threads: list[threading.Thread] = []

    def _moment(self, event: dict[str, Any]) -> float:
        """What the test did by itself is seen a little after it was done, and its next request may be older."""
        own = event["kind"] == "file" and event["root"] == "external" and event["path"].endswith(".xmp")
        own = own and event["event"] in ("moved_to", "delete")
        return float(event["t"]) - (0.02 if own else 0)

    @property
    def first(self) -> float:
        """When the first request was sent."""
        return min(event["t"] for event in self.events if event["kind"] == "http")

    # before

    def prepare(self) -> None:
        """Bring the stand-in into the state that the recording began with."""
        self._people()
        self.special.before(self)
        for event in self.events:
            if (
                event["kind"] == "db"
                and event["table"] == "asset"
                and event["t"] < self.first
                and event.get("row")
            ):
                self._plant(event["asset"], event["row"])
        self.immich.idle()
        self._tag_first()
        self.immich.idle()
        self.special.ready(self)
        self._log()

    def _people(self) -> None:
        owner = next((event["row"]["originalPath"].split("/")[3] for event in self.events if event["kind"] == "db" and event["table"] == "asset"
                      and event.get("row") and "/upload/" in event["row"]["originalPath"]), None)  # fmt: skip
        for found in re.findall(r'"ownerId": "([0-9a-f-]{36})"', json.dumps(self.events)):
            self.ids.setdefault(found, self.immich.admin.id)
        if owner:
            self.ids[owner] = self.immich.admin.id

    def _plant(self, asset: str, row: dict[str, Any]) -> None:
        name = row["originalFileName"]
        key = self.special.key_of(self, name)
        self.immich._ask("next_ids", ids=[asset])
        data = self.photo(name, row["checksum"])
        self._digest(base64.b64decode(row["checksum"]).hex(), data)
        mine = self.immich.upload_photo(data, name, key=key)
        assert mine == asset
        self.planted.add(asset)
        self._path(row["originalPath"], mine)

    def _path(self, recorded: str, mine: str) -> None:
        ours = (
            self.first_paths.get(mine)
            or self.immich.sql('SELECT "originalPath" AS path FROM asset WHERE id = %s', mine)[0]["path"]
        )
        names = [_UUID.findall(path)[-1:] for path in (recorded, ours)]
        if names[0] and names[1]:
            self.ids[names[0][0]] = names[1][0]
            self._texts(recorded, ours, names[0][0], names[1][0])

    def _texts(self, recorded: str, ours: str, name: str, mine: str) -> None:
        """A path may be asked for in part: its folder, in capitals, its beginning."""
        self.digests[recorded.upper()] = ours.upper()
        self.digests[f'"{name[:8]}"'] = f'"{mine[:8]}"'
        self.folders[os.path.dirname(recorded)] = os.path.dirname(ours)

    def photo(self, name: str, mark: str) -> bytes:
        """A photo of our own for a recorded one: the same name and words inside, other pixels."""
        from PIL import Image

        words, text, size = self.special.inside(name)
        data = io.BytesIO()
        picture = Image.frombytes("RGB", (8, 8), random.Random(f"{name}{mark}").randbytes(192)).resize(size)
        picture.save(data, "JPEG")
        raw = data.getvalue()
        return _with_iptc(raw, words, text) if words or text else raw

    def _tag_first(self) -> None:
        wanted = defaultdict(list)
        for event in self.events:
            if (
                event["kind"] == "db"
                and event["table"] == "asset_exif"
                and event["t"] < self.first
                and event.get("row")
            ):
                inside = self.special.inside(self._name(event["asset"]))[0]
                tags = [tag for tag in event["row"].get("tags") or [] if tag not in inside]
                wanted[tuple(tags)].append(event["asset"])
        for tags, assets in wanted.items():
            if tags:
                self.immich.tag(assets, tags)
        made = {each["value"] for event in self.events if event["kind"] == "http" and event["path"] == "/api/tags" and event["status"] < 300
                and event["method"] in ("PUT", "POST") for each in _listed(event["response"]) if isinstance(each, dict)}  # fmt: skip
        missing = [value for known, value in self.tags.items() if self._used(known) and value not in made]
        self.immich.ok("PUT", "/tags", {"tags": sorted(missing)})

    def _used(self, tag: str) -> bool:
        return any(
            event["kind"] == "http" and tag in f"{event['path']}{json.dumps(event.get('request'))}"
            for event in self.events
        )

    def _name(self, asset: str) -> str:
        return next((event["row"]["originalFileName"] for event in self.events if event["kind"] == "db" and event["table"] == "asset"
                     and event["asset"] == asset and event.get("row")), "")  # fmt: skip

    def _log(self) -> None:
        self.immich.sql(_LOG)
        for table in _TABLES:
            self.immich.sql(
                f"CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION see()"
            )
            if table in ("asset", "asset_exif", "asset_job_status"):
                key = "id" if table == "asset" else '"assetId"'
                self.immich.sql(
                    f"INSERT INTO seen (kind, asset, row) SELECT '{table}', {key}, to_jsonb({table}) FROM {table}"
                )
        self.immich.sql(
            "INSERT INTO seen (kind, asset, row) SELECT 'tag_asset', a.id, coalesce((SELECT jsonb_agg(t.value) FROM tag_asset x JOIN tag t ON t.id = x.\"tagId\" WHERE x.\"assetId\" = a.id), '[]') FROM asset a"
        )
        self.immich.sql(
            "INSERT INTO seen (kind, asset, row) SELECT 'asset_file', a.id, coalesce((SELECT jsonb_agg(to_jsonb(f)) FROM asset_file f WHERE f.\"assetId\" = a.id), '[]') FROM asset a"
        )

    # the scenario

    def run(self) -> None:
        """Do everything that the recording's test did, and hold the answers against it."""
        self.prepare()
        recorder = Recorder(self.immich.folder)
        jobs_before = len(self.immich.record())
        try:
            last = self.first
            for event in self.events:
                if event["kind"] == "http":
                    last = self._send(event, last)
                else:
                    self._act(event)
            self._join()
            self.immich.idle()
        finally:
            recorder.stop()
        self._known_assets()
        self._files(recorder.seen)
        self._rows()
        self._jobs(self.immich.record()[jobs_before:])

    def _send(self, event: dict[str, Any], last: float) -> float:
        if event["t"] - last > _QUIET and self.special.waits(event):
            self._join()
            self.immich.idle()
            self._known_assets()
        if self.special.beside(event):  # the recording sent this while the one before was under way
            thread = threading.Thread(target=self._call, args=(event,))
            self._threads.append(thread)
            thread.start()
        else:
            self._call(event)
        return max(last, float(event["t"] + event["dt"]))

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _call(self, event: dict[str, Any]) -> None:
        if self.special.skip(event):
            return
        body, headers = self._body(event)
        key = self.keys.get(event["auth"], "")
        given: dict[str, str] = headers | ({"x-api-key": key} if event["auth"] is not None else {})
        if event["auth"] is None:
            given["x-api-key"] = ""
        path = self.ours(event["path"].removeprefix("/api"))
        query = event.get("query") or {}
        if query:
            values = {
                name: self.immich.key if value == "KEY" else self.ours(self.folders.get(value, str(value)))
                for name, value in query.items()
            }
            path += "?" + "&".join(f"{name}={value}" for name, value in values.items())
        status, answer = self.immich.call(event["method"], path, body, headers=given)
        self._compare(event, status, answer)
        self.special.answered(self, event)

    def _body(self, event: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        if event.get("multipart"):
            return self._upload(event)
        if event.get("request_raw") is not None:
            kind = (
                "application/json" if event["request_raw"].startswith("{") else "application/x-www-form-urlencoded"
            )
            return event["request_raw"].encode(), {"Content-Type": kind}
        if event.get("request") is None:
            return None, {}
        return self.special.body(self, event, json.loads(self.ours(json.dumps(event["request"])))), {}

    def _upload(self, event: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        files = {}
        for each in event["multipart"]["files"]:
            if "content" in each:
                data = each["content"].encode()
            else:
                mark = each.get("sha1", "")
                data = self.special.bytes_of(self, each) or self.photo(
                    each["filename"] if not mark else self.special.same(mark, each["filename"]), mark
                )
                self._digest(mark, data)
            files[each["field"]] = (each["filename"], data)
        if isinstance(event["response"], dict) and event["status"] == 201:
            self.immich._ask("next_ids", ids=[event["response"]["id"]])
        when = "2021-01-01T10:00:00.000Z"
        fields = {name: when if value == ".." else value for name, value in event["multipart"]["fields"].items()}
        body, kind = form(fields, files)
        return body, {"Content-Type": kind} | self.special.headers(self, event)

    def _digest(self, recorded: str, data: bytes) -> None:
        """Remember which of our checksums stands for a recorded one (hexadecimal)."""
        if recorded:
            theirs, digest = bytes.fromhex(recorded), hashlib.sha1(data).digest()
            self.digests[recorded] = digest.hex()
            self.digests[recorded.upper()] = digest.hex().upper()
            self.digests[base64.b64encode(theirs).decode()] = base64.b64encode(digest).decode()

    def ours(self, text: str) -> str:
        """Recorded ids and checksums in a text, replaced by ours."""
        for found in set(_UUID.findall(text)):
            if found in self.tags and found not in self.ids:
                self._tag_id(found)
        for theirs, mine in self.digests.items():
            text = text.replace(theirs, mine)
        text = _UUID.sub(lambda match: self.ids.get(match[0], match[0]), text)
        return self._fan(text)

    def _fan(self, text: str) -> str:
        def placed(match: re.Match[str]) -> str:
            return f"{match[1]}/{match[4][:2]}/{match[4][2:4]}/{match[4]}"

        return re.sub(r"(/upload/[0-9a-f-]{36})/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f-]{36})", placed, text)

    def _tag_id(self, recorded: str) -> None:
        rows = self.immich.sql(
            'SELECT id FROM tag WHERE value = %s ORDER BY "userId" <> %s',
            self.tags[recorded],
            self.immich.admin.id,
        )
        if rows:
            self.ids[recorded] = rows[0]["id"]

    def _known_assets(self) -> None:
        by_path = {
            row["path"]: row["id"] for row in self.immich.sql('SELECT id, "originalPath" AS path FROM asset')
        }
        ids = set(by_path.values())
        for row in self.immich.sql(
            "SELECT DISTINCT ON (asset) asset AS id, row->>'originalPath' AS path FROM seen WHERE kind = 'asset' ORDER BY asset, n"
        ):
            self.first_paths[row["id"]] = row["path"]
        for event in self.events:
            if event["kind"] == "db" and event["table"] == "asset" and event.get("row"):
                path = event["row"]["originalPath"]
                if path.startswith("/external/") and path in by_path:
                    self.ids[event["asset"]] = by_path[path]
                elif event["asset"] in ids or event["asset"] in self.first_paths:
                    self._path(path, event["asset"])
            elif event["kind"] == "db" and event["table"] == "asset_file":
                for each in event.get("row") or []:
                    if each["type"] == "sidecar" and each["path"].startswith("/data/upload/"):
                        self._sidecar(each["path"], event["asset"])

    def _sidecar(self, recorded: str, asset: str) -> None:
        mine = self.immich.sql(
            "SELECT path FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'", self.ids.get(asset, asset)
        )
        if mine and "/upload/" in mine[0]["path"]:
            self.ids.setdefault(_UUID.findall(recorded)[-1], _UUID.findall(mine[0]["path"])[-1])

    def _act(self, event: dict[str, Any]) -> None:
        if event["kind"] == "file" and event["event"] == "moved_to" and self._by_test(event):
            self._join()
            self.immich.idle()
            self._known_assets()
            self._write(event)
        elif (
            event["kind"] == "file"
            and event["event"] == "delete"
            and event["path"].endswith(".xmp")
            and event["root"] == "external"
        ):
            self.immich.idle()
            (self.immich.external / event["path"]).unlink()
        elif event["kind"] == "note":
            self.special.note(self, event)

    def _by_test(self, event: dict[str, Any]) -> bool:
        return any(each["kind"] == "file" and each["event"] == "moved_from" and each.get("cookie") == event["cookie"]
                   and each["path"].endswith(".tmp_trace") for each in self.events)  # fmt: skip

    def _write(self, event: dict[str, Any]) -> None:
        top = self.immich.external if event["root"] == "external" else self.immich.upload
        place = top / self.ours("/" + event["path"])[1:]
        temporary = place.with_name(place.name + ".tmp_trace")
        temporary.write_text(event["content"])
        temporary.replace(place)

    # afterwards

    def _differ(self, what: str, theirs: Any, mine: Any) -> None:
        self.differences.append(
            f"{what}:\n    recorded {json.dumps(theirs, ensure_ascii=False)[:700]}\n    here     {json.dumps(mine, ensure_ascii=False)[:700]}"
        )

    def _compare(self, event: dict[str, Any], status: int, answer: Any) -> None:
        about = f"{event['t']:.3f} {event['method']} {event['path']}"
        if isinstance(answer, bytes):
            answer = f"<{len(answer)} bytes>" if answer[:1] != b"F" else answer.decode()
        self._learn(event["response"], answer)
        theirs, mine = self._plain(event["response"], recorded=True), self._plain(answer)
        self.compared["answers"] += 1
        if self.special.loose(event):
            return
        if event["status"] != status:
            self._differ(f"{about} status", [event["status"], theirs], [status, mine])
        elif not _same(theirs, mine):
            self._differ(about, *_apart(theirs, mine))

    def _learn(self, theirs: Any, mine: Any) -> None:
        if isinstance(theirs, dict) and isinstance(mine, dict):
            if "id" in theirs and "id" in mine and _UUID.fullmatch(str(theirs["id"])):
                self.ids.setdefault(theirs["id"], mine["id"])
            if "parentId" in theirs and "parentId" in mine:
                self.ids.setdefault(theirs["parentId"], mine["parentId"])
            for name in theirs.keys() & mine.keys():
                self._learn(theirs[name], mine[name])
        elif isinstance(theirs, list) and isinstance(mine, list):
            by_value = {
                each["value"]: each for each in mine if isinstance(each, dict) and {"id", "value"} <= each.keys()
            }
            for number, each in enumerate(theirs):
                if isinstance(each, dict) and "id" in each and each.get("value") in by_value:
                    self._learn(each, by_value[each["value"]])
                elif number < len(mine) and not (isinstance(each, dict) and "originalPath" in each):
                    self._learn(each, mine[number])

    def _plain(self, value: Any, *, recorded: bool = False, name: str = "") -> Any:
        if isinstance(value, dict):
            return {
                each: self._plain(inner, recorded=recorded, name=each)
                for each, inner in value.items()
                if each not in _DROPPED
            }
        if isinstance(value, list):
            found = [self._plain(each, recorded=recorded, name=name) for each in value]
            return (
                sorted(found, key=lambda each: each["value"])
                if name == "tags" and found and isinstance(found[0], dict)
                else found
            )
        if not isinstance(value, str):
            return value
        if (name in _TIMES or (name in _OF_FILES and value[:4] == "2026")) and _TIME.fullmatch(value):
            return "Z" if value.endswith("Z") else "+00:00"
        if name == "checksum":
            return "digest"
        value = re.sub(r"<\d+ bytes.*", "<bytes>", value)
        if recorded:
            value = self.ours(value)
        return _PLACE.sub("/..", value)

    def _files(self, seen: list[tuple[str, str]]) -> None:
        mine = defaultdict(list)
        for event, path in seen:
            mine[path].append(event)
        theirs = defaultdict(list)
        contents: dict[str, Any] = {}
        known = (
            set(self.ids.values()) | {row["id"] for row in self.immich.sql("SELECT id FROM asset")} | self.planted
        )
        spare = [path for path in mine if not set(_UUID.findall(path)) <= known]
        for event in self.events:
            if event["kind"] == "file" and not event.get("dir"):
                path = self.ours(f"/{event['root']}/{event['path']}")[1:]
                path = self._thumb(path)
                theirs[path].append(
                    "found" if event.get("synthetic") and event["event"] == "create" else event["event"]
                )
                contents[path] = event.get("content", contents.get(path))
        for path, events in theirs.items():
            wanted, have = _key_events(events), _key_events(mine.get(path, []))
            if "found" in mine.get(path, []):  # a folder so new that its first events were not seen
                wanted, have = (
                    [each for each in events if each not in ("create", "close_write", "moved_to", "found")]
                    for events in (wanted, have)
                )
            lost = _UUID.findall(path)[-1:] and not set(_UUID.findall(path)) <= known
            fits = (
                any(_within(wanted, _key_events(mine[each])) for each in spare) if lost else _within(wanted, have)
            )
            fits = fits or (lost and wanted[-1:] == ["delete"])  # in a folder so new that nothing of it was seen
            if not fits and not self.special.loose_file(path):
                self._differ(f"file {path}", wanted, have)
            self.compared["files"] += 1
            if contents[path] is not None and not self.special.loose_file(path):
                self._content(path, contents[path])

    def _thumb(self, path: str) -> str:
        match = re.match(r"(upload_location/thumbs/[0-9a-f-]{36})/../../(.*)", path)
        return f"{match[1]}/{match[2][:2]}/{match[2][2:4]}/{match[2]}" if match else path

    def _content(self, path: str, content: str) -> None:
        place = self.immich.folder / path
        if not place.exists():
            return
        tool = re.compile(r" x:xmptk='[^']*'")
        mine, theirs = (tool.sub("", text).strip() for text in (place.read_text(), content))
        self.compared["contents"] += 1
        if _sorted_items(mine) != _sorted_items(theirs):
            self._differ(f"content {path}", theirs, mine)

    def _rows(self) -> None:
        states: dict[tuple[str, str], list[Any]] = defaultdict(list)
        now: dict[tuple[str, str], Any] = {}
        for event in self.events:
            if event["kind"] == "db" and "totals" not in event["table"]:
                about = (event["table"], event["asset"])
                row = event["row"] if "row" in event else {**(now.get(about) or {}), **event["changed"]}
                now[about] = row
                states[about].append(row)
        logged: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for line in self.immich.sql("SELECT kind, asset, row FROM seen ORDER BY n"):
            logged[line["kind"], line["asset"]].append(line["row"])
        for (table, asset), rows in states.items():
            wanted = _steps(self._state(table, row, recorded=True) for row in rows)
            started: list[Any] = [[]] if table in ("tag_asset", "asset_file") else []
            have = _steps(
                [*started, *[self._state(table, row) for row in logged[table, self.ids.get(asset, asset)]]]
            )
            wanted = [each for each in wanted if each is not None] if table != "asset" else wanted
            self.compared["rows"] += 1
            gone = logged["asset", self.ids.get(asset, asset)][-1:] == [None]
            if gone:  # what hung on it went with it
                have = [each for each in have if each not in ([], None)]
                wanted = [each for each in wanted if each not in ([], None)]
            if self.special.loose_row(table) or self.special.unseen(self._name(asset)):
                continue
            last = gone or not wanted or not have or wanted[-1] == have[-1]
            between = self.special.loose_between(table) or _within(wanted, have)
            if not (between and last):
                self._differ(f"rows {table} {self._name(asset)}", wanted, have)

    def _state(self, table: str, row: Any, *, recorded: bool = False) -> Any:
        if row is None:
            return None
        if table == "tag_asset":
            return sorted(row)
        if table == "asset_file":
            return sorted([each["type"], self._plain(each["path"], recorded=recorded)] for each in row)
        if table == "asset_job_status":
            return {"done": row["metadataExtractedAt"] is not None}
        found = {name: self._plain(row.get(name), recorded=recorded, name=name) for name in _COLUMNS[table]}
        return {name: sorted(value) if isinstance(value, list) else value for name, value in found.items()}

    def _jobs(self, record: list[dict[str, Any]]) -> None:
        theirs = Counter(
            event["job"] for event in self.events if event["kind"] == "job" and event["event"] == "added"
        )
        for event in self.events:  # where only some assets were looked at, all jobs were counted
            for name, count in event.get("job_event_counts", {}).items():
                if name.endswith("/added"):
                    theirs[name.split("/")[1]] = count
        mine, known = (
            Counter(event["job"] for event in record if event["event"] == said) for said in ("added", "known")
        )
        for each in self.special.other_jobs:
            theirs.pop(each, None)
            mine.pop(each, None)
        self.compared["jobs"] += sum(theirs.values())
        # One that still waits or runs is not put a second time: whether it does, hangs on the machine's speed.
        if theirs - mine - known or mine - theirs:
            self._differ("jobs", theirs - mine, mine - theirs)


def _sorted_items(text: str) -> str:
    """The order in which Immich puts tags hangs on its database."""
    return re.sub(r"(?:\s*<rdf:li>[^<]*</rdf:li>)+", lambda match: "\n".join(sorted(match[0].split("\n"))), text)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _tags_in(value: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(value, dict):
        if {"id", "name", "value"} <= value.keys():
            found[value["id"]] = value["value"]
        for each in value.values():
            found |= _tags_in(each)
    elif isinstance(value, list):
        for each in value:
            found |= _tags_in(each)
    return found


def _same(theirs: Any, mine: Any) -> bool:
    """Equal, where a recorded list that was cut is equal in what there is of it, and assets in any order are equal."""
    if isinstance(theirs, list) and isinstance(mine, list):
        if theirs and isinstance(theirs[-1], str) and re.fullmatch(r"\.\.\. \d+ more", theirs[-1]):
            return (
                all(
                    _same(a, b)
                    for a, b in zip(sorted(map(str, theirs[:-1])), sorted(map(str, mine)), strict=False)
                )
                or len(theirs) > 2
            )
        return len(theirs) == len(mine) and all(
            _same(a, b) for a, b in zip(_ordered(theirs), _ordered(mine), strict=True)
        )
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return theirs.keys() == mine.keys() and all(_same(theirs[name], mine[name]) for name in theirs)
    return bool(theirs == mine)


def _ordered(items: list[Any]) -> list[Any]:
    return (
        sorted(items, key=lambda each: each["id"])
        if items and isinstance(items[0], dict) and "id" in items[0] and "value" not in items[0]
        else items
    )


def _apart(theirs: Any, mine: Any) -> tuple[Any, Any]:
    """Only what differs, as far in as it can be told."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        names = [name for name in {**theirs, **mine} if not _same(theirs.get(name, "-"), mine.get(name, "-"))]
        pairs = {name: _apart(theirs.get(name, "-"), mine.get(name, "-")) for name in names}
        return {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}
    return theirs, mine


def _key_events(events: list[str]) -> list[str]:
    kept = [
        each for each in events if each in ("create", "close_write", "moved_from", "moved_to", "delete", "found")
    ]
    return (
        ["create" if each == "found" else each for each in kept]
        if "found" not in kept
        else [each for each in kept if each not in ("found", "create", "close_write")]
    )


def _within(part: list[Any], whole: list[Any]) -> bool:
    rest = iter(whole)
    return all(any(each == other for other in rest) for each in part)


def _steps(states: Any) -> list[Any]:
    found: list[Any] = []
    for state in states:
        if not found or found[-1] != state:
            found.append(state)
    return found


def _with_iptc(jpeg: bytes, words: list[str], text: str) -> bytes:
    import struct

    sets = b"\x1c\x01\x5a\x00\x03\x1b%G"
    for number, value in [(25, word) for word in words] + ([(120, text)] if text else []):
        raw = value.encode()
        sets += bytes([0x1C, 2, number]) + struct.pack(">H", len(raw)) + raw
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(sets)) + sets + b"\0" * (len(sets) & 1)
    data = b"Photoshop 3.0\0" + block
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


class Special:
    """What one scenario needs beside its recorded requests; made for each by the test."""

    tags: dict[str, str] = {}
    racy = False
    other_jobs: tuple[str, ...] = ()
    embedded: dict[str, tuple[list[str], str, tuple[int, int]]] = {}

    def inside(self, name: str) -> tuple[list[str], str, tuple[int, int]]:
        """Keywords and text in a photo, and its size."""
        return self.embedded.get(name, ([], "", (400, 300)))

    def before(self, replay: Replay) -> None:
        """Before the assets are planted."""

    def ready(self, replay: Replay) -> None:
        """After they are planted and tagged."""

    def key_of(self, replay: Replay, name: str) -> str | None:
        """Whose upload this is."""
        return None

    def note(self, replay: Replay, event: dict[str, Any]) -> None:
        """What the recording's test did by itself at this note."""

    def answered(self, replay: Replay, event: dict[str, Any]) -> None:
        """When the answer to this request is here."""

    def waits(self, event: dict[str, Any]) -> bool:
        """Whether the test had waited for quiet before this request."""
        return True

    def beside(self, event: dict[str, Any]) -> bool:
        """Whether this request went out while the one before was under way."""
        return False

    def skip(self, event: dict[str, Any]) -> bool:
        """Whether this request is not repeated."""
        return False

    def loose(self, event: dict[str, Any]) -> bool:
        """Whether its answer hangs on a race or on what only the real server has."""
        return self.racy and "/api/assets/" in event["path"]

    def loose_file(self, path: str) -> bool:
        """Whether the events of this file hang on a race."""
        return self.racy

    def loose_row(self, table: str) -> bool:
        """Whether the rows of this table hang on a race."""
        return self.racy and table in ("tag_asset", "asset_exif", "asset_file")

    def loose_between(self, table: str) -> bool:
        """Whether a row's states before its last one hang on a race."""
        return False

    def unseen(self, name: str) -> bool:
        """Whether how this asset was made is not in the recording."""
        return False

    def body(self, replay: Replay, event: dict[str, Any], body: Any) -> Any:
        """The body to send."""
        return body

    def headers(self, replay: Replay, event: dict[str, Any]) -> dict[str, str]:
        """More headers to send."""
        return {}

    def bytes_of(self, replay: Replay, file: dict[str, Any]) -> bytes | None:
        """The bytes of an uploaded file that is no photo."""
        return None

    def same(self, mark: str, name: str) -> str:
        """The name under which these bytes came first."""
        return name
