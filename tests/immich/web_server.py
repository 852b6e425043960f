"""Calls about the server, the caller, the queues and the libraries."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

from typing import Any

from tests.immich import shapes
from tests.immich.checking import Refused, array, flag, hold, identity, maybe, one_of, text
from tests.immich.jobs import ABREAST, Queue
from tests.immich.libraries import EXCLUDED, Libraries
from tests.immich.web import Call, route

_COMMANDS = ("start", "pause", "resume", "empty", "clear-failed")
_FIRST = {
    "sidecar": "SidecarQueueAll",
    "metadataExtraction": "AssetExtractMetadataQueueAll",
    "storageTemplateMigration": "StorageTemplateMigration",
}


@route("GET", "/server/ping", "")
async def ping(call: Call) -> Any:
    return {"res": "pong"}


@route("GET", "/server/version", "")
async def version(call: Call) -> Any:
    major, minor, patch = call.world.version
    found = {"major": major, "minor": minor, "patch": patch}
    return found if call.world.old else found | {"prerelease": None}


@route("GET", "/server/features", "")
async def features(call: Call) -> Any:
    clever = call.world.options.vectors
    found = {"smartSearch": clever, "facialRecognition": clever, "duplicateDetection": clever, "map": True}
    found |= {
        "reverseGeocoding": True,
        "importFaces": call.world.options.import_faces,
        "sidecar": True,
        "search": True,
    }
    found |= {"trash": True, "oauth": False, "oauthAutoLaunch": False, "ocr": False, "passwordLogin": True}
    found |= {"configFile": False, "email": False}
    return found if call.world.old else found | {"realtimeTranscoding": False}


@route("GET", "/server/config", "")
async def config(call: Call) -> Any:
    found: dict[str, Any] = {
        "loginPageMessage": "",
        "trashDays": 30,
        "userDeleteDelay": 7,
        "oauthButtonText": "Login with OAuth",
    }
    found |= {"isInitialized": True, "isOnboarded": False, "externalDomain": "", "publicUsers": True}
    style = "https://tiles.immich.cloud/v1/style"
    found |= {
        "mapDarkStyleUrl": f"{style}/dark.json",
        "mapLightStyleUrl": f"{style}/light.json",
        "maintenanceMode": False,
    }
    return found if call.world.old else found | {"minFaces": 3}


@route("GET", "/server/media-types", "")
async def media_types(call: Call) -> Any:
    return {"video": sorted(shapes.VIDEOS), "image": sorted(shapes.IMAGES), "sidecar": [".xmp"]}


@route("GET", "/server/about", "server.about")
async def about(call: Call) -> Any:
    name = "v" + ".".join(map(str, call.world.version))
    found = {
        "version": name,
        "versionUrl": f"https://github.com/immich-app/immich/releases/tag/{name}",
        "licensed": False,
    }
    return found | {
        "nodejs": "v24.15.0",
        "exiftool": "13.59",
        "ffmpeg": "5.1.9",
        "libvips": "8.17.3",
        "imagemagick": "",
    }


@route("GET", "/server/version-history", "")
async def history(call: Call) -> Any:
    when = shapes.time(call.user.get("createdAt")) or "2026-01-01T00:00:00.000Z"
    return [
        {
            "id": "15a44e2a-bffe-4e5c-bd84-2ab5fd6a3915",
            "createdAt": when,
            "version": ".".join(map(str, call.world.version)),
        }
    ]


@route("GET", "/users/me", "user.read")
async def me(call: Call) -> Any:
    row = call.user
    size = 'SELECT coalesce(sum("fileSizeInByte"), 0)::bigint FROM asset_exif e JOIN asset a ON a.id = e."assetId" WHERE "ownerId" = %s AND "libraryId" IS NULL'
    found = {name: row[name] for name in ("id", "email", "name", "profileImagePath")}
    found |= {
        "avatarColor": row["avatarColor"] or "gray",
        "profileChangedAt": shapes.time(row["profileChangedAt"]),
    }
    found |= {"storageLabel": row["storageLabel"], "shouldChangePassword": True, "isAdmin": row["isAdmin"]}
    found |= {
        "createdAt": shapes.time(row["createdAt"]),
        "deletedAt": None,
        "updatedAt": shapes.time(row["updatedAt"]),
    }
    found |= {
        "oauthId": "",
        "quotaSizeInBytes": None,
        "quotaUsageInBytes": await call.world.db.value(size, row["id"]),
    }
    return found | {"status": row["status"], "license": None}


@route("GET", "/api-keys/me", "*")
async def my_key(call: Call) -> Any:
    found = {"id": call.key["id"], "name": call.key["name"]}
    found |= {name: shapes.time(call.key[name]) for name in ("createdAt", "updatedAt")}
    return found | {"permissions": call.key["permissions"]}


@route("GET", "/system-config", "systemConfig.read", admin=True)
async def system_config(call: Call) -> Any:
    model = call.world.system.get("model", "ViT-B-32__openai")
    return {
        "machineLearning": {"enabled": call.world.options.vectors, "clip": {"enabled": True, "modelName": model}},
        "storageTemplate": {
            "enabled": call.world.options.template,
            "template": "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}",
        },
        "metadata": {"faces": {"import": call.world.options.import_faces}},
    }


def _old_shape(queue: Queue) -> Any:
    return {"queueStatus": {"isPaused": queue.paused, "isActive": queue.active > 0}, "jobCounts": queue.counts()}


def _new_shape(queue: Queue) -> Any:
    return {"name": queue.name, "isPaused": queue.paused, "statistics": queue.counts()}


@route("GET", "/jobs", "job.read", admin=True)
async def jobs(call: Call) -> Any:
    return {name: _old_shape(queue) for name, queue in call.world.jobs.queues.items()}


@route("GET", "/queues", "queue.read", admin=True)
async def queues(call: Call) -> Any:
    return [_new_shape(queue) for queue in call.world.jobs.queues.values()]


@route("GET", "/queues/{name}", "queue.read", admin=True)
async def queue_of(call: Call) -> Any:
    hold({"name": call.part("name")}, name=one_of(*ABREAST))
    return _new_shape(call.world.jobs.queues[call.part("name")])


@route("PUT", "/jobs/{name}", "job.create", admin=True)
async def command(call: Call) -> Any:
    hold({"name": call.part("name")}, name=one_of(*ABREAST))
    body = hold(call.body, command=one_of(*_COMMANDS), force=maybe(flag))
    jobs, name = call.world.jobs, call.part("name")
    if body["command"] == "start":
        if jobs.queues[name].active:
            raise Refused(400, "Job is already running")
        if name in _FIRST:
            jobs.add(name, _FIRST[name], {"force": bool(body.get("force"))})
    elif body["command"] in ("pause", "resume"):
        getattr(jobs, body["command"])(name)
    elif body["command"] == "empty":
        jobs.queues[name].waiting.clear()
    else:
        jobs.queues[name].failed = 0
    return _old_shape(jobs.queues[name])


@route("GET", "/libraries", "library.read", admin=True)
async def libraries(call: Call) -> Any:
    rows = await call.world.db.rows('SELECT * FROM library ORDER BY "createdAt"')
    return [await _library(call, row) for row in rows]


async def _library(call: Call, row: dict[str, Any]) -> Any:
    count = await call.world.db.value('SELECT count(*) FROM asset WHERE "libraryId" = %s', row["id"])
    return shapes.library(row, count)


@route("POST", "/libraries", "library.create", status=201, admin=True)
async def new_library(call: Call) -> Any:
    body = hold(
        call.body,
        ownerId=identity,
        name=maybe(text),
        importPaths=maybe(array(text)),
        exclusionPatterns=maybe(array(text)),
    )
    row = await call.world.db.row(
        'INSERT INTO library ("ownerId", name, "importPaths", "exclusionPatterns") VALUES (%s, %s, %s, %s) RETURNING *',
        body["ownerId"], body.get("name", "New External Library"), body.get("importPaths", []), body.get("exclusionPatterns", EXCLUDED),
    )  # fmt: skip
    assert row
    return await _library(call, row)


async def _known(call: Call) -> dict[str, Any]:
    hold({"id": call.part("id")}, id=identity)
    row = await call.world.db.row("SELECT * FROM library WHERE id = %s", call.part("id"))
    if not row:
        raise Refused(400, "Library not found")
    return row


@route("GET", "/libraries/{id}", "library.read", admin=True)
async def library(call: Call) -> Any:
    return await _library(call, await _known(call))


@route("POST", "/libraries/{id}/scan", "library.update", status=204, admin=True)
async def scan(call: Call) -> Any:
    Libraries(call.world).scan((await _known(call))["id"])


@route("POST", "/libraries/{id}/validate", "library.update", admin=True)
async def validate(call: Call) -> Any:
    paths = hold(call.body, importPaths=maybe(array(text))).get("importPaths", [])
    return {"importPaths": [{"importPath": each, "isValid": call.world.host(each).is_dir()} for each in paths]}
