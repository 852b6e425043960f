"""The handle that a test holds: it starts the stand-in's process, asks it things, and takes it down."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import contextlib
import http.client
import io
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.immich import postgres
from tests.immich.world import OLD
from tests.patience import PATIENCE

_ROOT = Path(__file__).resolve().parents[2]
_SCHEMA = Path(__file__).with_name("schema.sql")


@dataclass(frozen=True)
class User:
    """Somebody with an account, and a key that may do everything."""

    id: str
    key: str


class Immich:
    """A running stand-in; see the package for how it is used."""

    def __init__(self, folder: Path, database: str, process: subprocess.Popen[str], port: int) -> None:
        self.folder, self.database, self._process, self.port = folder, database, process, port
        self.upload, self.external = folder / "upload_location", folder / "external"
        self.url = f"http://127.0.0.1:{port}"
        self.dsn = postgres.running().dsn(database)
        self.admin = self.user("Admin", admin=True, label="admin")
        self.key = self.admin.key

    # people and keys

    def user(self, name: str, *, admin: bool = False, label: str | None = None) -> User:
        """A new user with a key for everything."""
        made = self._ask("user", name=name, admin=admin, label=label)
        return User(made, self.key_for(made))

    def key_for(self, user: str, permissions: Sequence[str] = ("all",), name: str = "tagwright") -> str:
        """Another key of this user (id), with only these permissions."""
        key: str = self._ask("key", user=user, permissions=list(permissions), name=name)
        return key

    # the API, plainly

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One call of the API (`path` without /api): the status and what the JSON says."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {"x-api-key": key or self.key, "Content-Type": "application/json"} | (headers or {})
        status, answer, kind = self._http(method, f"/api{path}", data, given)
        return status, json.loads(answer) if "json" in kind and answer else answer or None

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The same, for calls that must succeed."""
        status, answer = self.call(method, path, body, **more)
        assert status < 300, (status, answer)
        return answer

    def upload_photo(
        self, data: bytes, name: str = "photo.jpg", *, sidecar: bytes = b"", key: str | None = None
    ) -> str:
        """Upload; the asset's id."""
        when = "2021-01-01T10:00:00.000Z"
        body, kind = form(
            {"fileCreatedAt": when, "fileModifiedAt": when},
            {"assetData": (name, data)} | ({"sidecarData": (f"{name}.xmp", sidecar)} if sidecar else {}),
        )
        found: str = self.ok("POST", "/assets", body, key=key, headers={"Content-Type": kind})["id"]
        return found

    def tag(self, assets: Sequence[str], tags: Sequence[str], *, key: str | None = None) -> None:
        """What a person does in the app: tags on assets, without waiting."""
        made = self.ok("PUT", "/tags", {"tags": list(tags)}, key=key)
        self.ok(
            "PUT", "/tags/assets", {"tagIds": [each["id"] for each in made], "assetIds": list(assets)}, key=key
        )

    def tags_of(self, asset: str) -> list[str]:
        """The tags of an asset by the tables, sorted."""
        sql = 'SELECT t.value FROM tag t JOIN tag_asset x ON x."tagId" = t.id WHERE x."assetId" = %s ORDER BY t.value'
        return [row["value"] for row in self.sql(sql, asset)]

    def sidecar_of(self, asset: str) -> Path | None:
        """Where the registered sidecar lies outside the container."""
        rows = self.sql("SELECT path FROM asset_file WHERE \"assetId\" = %s AND type = 'sidecar'", asset)
        return self.host(rows[0]["path"]) if rows else None

    def original_of(self, asset: str) -> Path:
        """Where the photo lies outside the container."""
        return self.host(self.sql('SELECT "originalPath" AS path FROM asset WHERE id = %s', asset)[0]["path"])

    def host(self, path: str) -> Path:
        """A path inside the container, seen from outside."""
        for prefix, folder in (("/data", self.upload), ("/external", self.external)):
            if path == prefix or path.startswith(prefix + "/"):
                return folder / path[len(prefix) :].lstrip("/")
        raise FileNotFoundError(path)

    def library(self, folder: str, *, owner: str | None = None) -> str:
        """A library over a folder under /external (made where missing), scanned; its id."""
        (self.external / folder).mkdir(parents=True, exist_ok=True)
        body = {"ownerId": owner or self.admin.id, "name": folder, "importPaths": [f"/external/{folder}"]}
        made: str = self.ok("POST", "/libraries", body)["id"]
        self.ok("POST", f"/libraries/{made}/scan")
        self.idle()
        return made

    def assets(
        self, count: int, *, user: str | None = None, files: bool = True, visibility: str = "timeline"
    ) -> list[str]:
        """Many assets at once, as after finished uploads; their ids."""
        found: list[str] = self._ask(
            "seed", user=user or self.admin.id, count=count, files=files, visibility=visibility
        )
        return found

    # the tables

    def sql(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask or change the tables as their owner; UUIDs come as text."""
        with psycopg.connect(self.dsn, autocommit=True, row_factory=dict_row) as door:
            cursor = door.execute(query.encode(), values or None)
            rows = cursor.fetchall() if cursor.description else []
        return [
            {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in row.items()}
            for row in rows
        ]

    # how it behaves

    def idle(self, seconds: float = PATIENCE) -> None:
        """Wait until no queue has work."""
        self._ask("idle", seconds=seconds)

    def hold(self, point: str) -> None:
        """Make jobs wait at a point (see the package)."""
        self._ask("hold", point=point)

    def held(self, point: str, count: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until so many jobs wait at the point."""
        self._ask("held", point=point, count=count, seconds=seconds)

    def release(self, point: str) -> None:
        """Let them go, and hold no more."""
        self._ask("release", point=point)

    def delay(self, point: str, low: float, high: float | None = None) -> None:
        """Make jobs linger at a point, a random time (seeded) between both seconds."""
        self._ask("delay", point=point, low=low, high=low if high is None else high)

    def pause(self, queue: str) -> None:
        """Start no more jobs of a queue (it counts as idle)."""
        self._ask("pause", queue=queue)

    def resume(self, queue: str) -> None:
        """Start them again."""
        self._ask("resume", queue=queue)

    def faults(self, rate: float, **told: Any) -> None:
        """Answer wrongly at this rate; the rest as in world.Faults. Rate 0 ends it."""
        self._ask("faults", rate=rate, **told)

    def read_only(self, *paths: str) -> None:
        """Make these container paths read-only to Immich (and no others)."""
        self._ask("read_only", paths=list(paths))

    def options(self, **told: Any) -> None:
        """Change how it is set up (world.Options) while it runs."""
        self._ask("options", **told)

    def model(self, name: str) -> None:
        """Set the name of the CLIP model in the admin's settings."""
        self._ask("system", model=name)

    def counts(self) -> dict[str, dict[str, int]]:
        """Figures so far: `calls` by route, `events` (sidecar write, sidecar write failed, extraction, fault ...), `jobs` done by name."""
        found: dict[str, dict[str, int]] = self._ask("counts")
        return found

    def per_asset(self) -> dict[str, dict[str, int]]:
        """The same events by asset."""
        found: dict[str, dict[str, int]] = self._ask("per_asset")
        return found

    def reset_counts(self) -> None:
        """Begin all figures anew."""
        self._ask("reset_counts")

    def record(self) -> list[dict[str, Any]]:
        """Every event of every job, in order."""
        found: list[dict[str, Any]] = self._ask("record")
        return found

    def errors(self) -> list[str]:
        """What went wrong inside (failed jobs, answers of 500 that nobody asked for)."""
        found: list[str] = self._ask("errors")
        return found

    def _ask(self, name: str, /, **told: Any) -> Any:
        status, answer, _ = self._http(
            "POST", f"/stand-in/{name}", json.dumps(told).encode(), {"Content-Type": "application/json"}
        )
        assert status == 200, (name, told, answer)
        return json.loads(answer)

    def _http(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes, str]:
        door = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE + 10)
        with contextlib.closing(door):
            door.request(method, path, data, headers)
            answer = door.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")


def form(fields: dict[str, str], files: dict[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """A multipart body, fields first, and its content type."""
    mark, out = "stand-in-boundary", io.BytesIO()
    for name, value in fields.items():
        out.write(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, (filename, data) in files.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        out.write(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + data + b"\r\n")
    out.write(f"--{mark}--\r\n".encode())
    return out.getvalue(), f"multipart/form-data; boundary={mark}"


@contextmanager
def running(folder: Path | None = None, **options: Any) -> Iterator[Immich]:
    """A stand-in for as long as the block lasts; `options` as in world.Options. `folder` keeps its files, else they go."""
    process = _start()  # it imports while Postgres starts
    place = folder or postgres.new_folder("immich")
    database = ""
    try:
        database = postgres.running().database(
            _SCHEMA.read_text() + "\n" + OLD.get(options.get("version", "3.1"), "")
        )
        yield Immich(place, database, process, _serving(process, place, database, options))
    finally:
        _stop(process)
        if database:
            postgres.running().drop(database)
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def _start() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.immich.server"]
    return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serving(process: subprocess.Popen[str], place: Path, database: str, options: dict[str, Any]) -> int:
    told = {"dsn": postgres.running().dsn(database), "options": options}
    told |= {"media": str(place / "upload_location"), "external": str(place / "external")}
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(told) + "\n")
    process.stdin.flush()
    said = process.stdout.readline()
    assert said, "the stand-in did not start; see its messages above"
    port: int = json.loads(said)["port"]
    return port


def _stop(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        assert process.stdin
        process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
