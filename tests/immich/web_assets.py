"""Calls about single assets: reading, editing, deleting, their files and their notes."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.immich import shapes
from tests.immich.checking import (
    VISIBILITIES,
    Check,
    Refused,
    Undefined,
    array,
    flag,
    hold,
    identity,
    maybe,
    moment,
    number,
    one_of,
    stars,
    text,
)
from tests.immich.importing import zone
from tests.immich.web import Call, owned, route

_EDIT: dict[str, Check] = {
    "description": maybe(text), "rating": maybe(stars, null=True), "latitude": maybe(number(-90, 90)),
    "longitude": maybe(number(-180, 180)), "dateTimeOriginal": maybe(moment), "visibility": maybe(one_of(*VISIBILITIES)),
    "isFavorite": maybe(flag),
}  # fmt: skip
_SIZES = ("original", "fullsize", "preview", "thumbnail")
_ASSET_JOBS = ("refresh-faces", "refresh-metadata", "regenerate-thumbnail", "transcode-video")
_PLAIN = ("visibility", "isFavorite")
_WRITTEN = ("description", "rating", "latitude", "longitude", "dateTimeOriginal")


async def mine(call: Call, permission: str) -> str:
    """The asset of the path; raises Refused (400) where it is not the caller's."""
    hold({"id": call.part("id")}, id=identity)
    await owned(call, [call.part("id")], permission)
    return call.part("id")


async def shown(call: Call, asset: str, *, whole: bool) -> Any:
    """One asset with what is known of its picture; `whole` with owner, tags, people and stack too."""
    db = call.world.db
    row = await db.row("SELECT * FROM asset WHERE id = %s", asset)
    info = await db.row('SELECT * FROM asset_exif WHERE "assetId" = %s', asset)
    assert row
    if not whole:
        return shapes.asset(row, old=call.world.old, info=info)
    tags = await db.rows(
        'SELECT t.* FROM tag t JOIN tag_asset x ON x."tagId" = t.id WHERE x."assetId" = %s ORDER BY t.value', asset
    )
    people = await db.rows(
        'SELECT DISTINCT ON (p.id) p.* FROM person p JOIN asset_face f ON f."personId" = p.id'
        ' WHERE f."assetId" = %s AND f."deletedAt" IS NULL AND f."isVisible"',
        asset,
    )
    user = await db.row('SELECT * FROM "user" WHERE id = %s', row["ownerId"])
    assert user
    return shapes.asset(
        row, old=call.world.old, owner=shapes.owner(user), tags=tags, info=info, stack=await _stack(call, row),
        people=[shapes.person(each, raw=True) for each in people],
    )  # fmt: skip


async def _stack(call: Call, row: dict[str, Any]) -> Any:
    if not row["stackId"]:
        return None
    found = await call.world.db.row(
        'SELECT s.*, (SELECT count(*) FROM asset a WHERE a."stackId" = s.id) AS count FROM stack s WHERE id = %s',
        row["stackId"],
    )
    return found and {"id": found["id"], "primaryAssetId": found["primaryAssetId"], "assetCount": found["count"]}


@route("GET", "/assets/statistics", "asset.statistics")
async def statistics(call: Call) -> Any:
    rows = await call.world.db.rows(
        "SELECT type, count(*) FROM asset WHERE \"ownerId\" = %s AND visibility IN ('archive', 'timeline') AND \"deletedAt\" IS NULL GROUP BY type",
        call.user["id"],
    )
    found = {row["type"]: row["count"] for row in rows}
    images, videos = found.get("IMAGE", 0), found.get("VIDEO", 0)
    return {"images": images, "videos": videos, "total": images + videos}


@route("GET", "/assets/{id}", "asset.read")
async def one(call: Call) -> Any:
    return await shown(call, await mine(call, "asset.read"), whole=True)


@route("PUT", "/assets/{id}", "asset.update")
async def edit(call: Call) -> Any:
    hold({"id": call.part("id")}, id=identity)
    body = _edits(call.body)
    asset = await mine(call, "asset.update")
    if await _apply(call, [asset], body):
        call.world.jobs.add("sidecar", "SidecarWrite", {"id": asset})
    return await shown(call, asset, whole=False)


def _edits(given: Any) -> dict[str, Any]:
    body = hold(given, **_EDIT)
    if (body.get("latitude", Undefined) is Undefined) != (body.get("longitude", Undefined) is Undefined):
        words = "Latitude and longitude must be provided together"
        raise Refused(400, "Validation failed", errors=[{"code": "custom", "path": [], "message": words}])
    return body


async def _apply(call: Call, assets: list[str], body: dict[str, Any]) -> bool:
    plain = {name: body[name] for name in _PLAIN if name in body}
    if plain:
        names = ", ".join(f'"{name}" = %s' for name in plain)
        await call.world.db.run(f"UPDATE asset SET {names} WHERE id = ANY (%s::uuid[])", *plain.values(), assets)
    written = {name: body[name] for name in _WRITTEN if name in body}
    if "dateTimeOriginal" in written:
        when = datetime.fromisoformat(written["dateTimeOriginal"])
        written["timeZone"] = zone(when) if when.utcoffset() else "UTC"
    if written:
        names = ", ".join(f'"{name}" = %s' for name in written)
        locks = 'ARRAY(SELECT DISTINCT unnest(array_cat("lockedProperties", %s::varchar[])))'
        await call.world.db.run(
            f'UPDATE asset_exif SET {names}, "lockedProperties" = {locks} WHERE "assetId" = ANY (%s::uuid[])',
            *written.values(), list(written), assets,
        )  # fmt: skip
    return bool(written)


@route("PUT", "/assets", "asset.update", status=204)
async def edit_many(call: Call) -> Any:
    ids = hold(call.body, ids=array(identity))["ids"]
    body = _edits(call.body)
    await owned(call, ids, "asset.update")
    await _apply(call, ids, body)
    for asset in ids:  # with or without anything to write
        call.world.jobs.add("sidecar", "SidecarWrite", {"id": asset})


@route("DELETE", "/assets", "asset.delete", status=204)
async def delete(call: Call) -> Any:
    body = hold(call.body, ids=array(identity), force=maybe(flag))
    await owned(call, body["ids"], "asset.delete")
    await call.world.db.run(
        'UPDATE asset SET "deletedAt" = now(), status = %s WHERE id = ANY (%s::uuid[])',
        "deleted" if body.get("force") else "trashed", body["ids"],
    )  # fmt: skip
    if body.get("force"):
        call.world.jobs.add("backgroundTask", "AssetEmptyTrash", {})


@route("POST", "/trash/restore/assets", "asset.delete")
async def restore(call: Call) -> Any:
    ids = hold(call.body, ids=array(identity))["ids"]
    await owned(call, ids, "asset.delete")
    sql = "UPDATE asset SET \"deletedAt\" = NULL, status = 'active' WHERE id = ANY (%s::uuid[]) AND status = 'trashed'"
    return {"count": await call.world.db.run(sql, ids)}


@route("POST", "/trash/empty", "asset.delete")
async def empty(call: Call) -> Any:
    rows = await call.world.db.rows(
        "UPDATE asset SET status = 'deleted' WHERE \"ownerId\" = %s AND status = 'trashed' RETURNING id",
        call.user["id"],
    )
    call.world.jobs.add("backgroundTask", "AssetEmptyTrash", {})
    return {"count": len(rows)}


@route("POST", "/assets/jobs", "job.create", status=204)
async def jobs(call: Call) -> Any:
    body = hold(call.body, assetIds=array(identity), name=one_of(*_ASSET_JOBS))
    await owned(call, body["assetIds"], "asset.update")
    kinds = {"refresh-metadata": ("metadataExtraction", "AssetExtractMetadata"), "regenerate-thumbnail": ("thumbnailGeneration", "AssetGenerateThumbnails"),
             "refresh-faces": ("faceDetection", "AssetDetectFaces")}  # fmt: skip
    for asset in body["assetIds"] if body["name"] in kinds else []:
        call.world.jobs.add(*kinds[body["name"]], {"id": asset})


@route("GET", "/assets/{id}/thumbnail", "asset.view")
async def thumbnail(call: Call) -> Any:
    size = call.query.get("size", "thumbnail")
    hold({"size": size}, size=one_of(*_SIZES))
    asset = await mine(call, "asset.view")
    if size in ("fullsize", "original"):
        headers = {"Location": "original?"}
        return web.Response(status=302, headers=headers, text="Found. Redirecting to original?")
    row = await call.world.db.row(
        'SELECT f.path, a."originalFileName" AS name FROM asset_file f JOIN asset a ON a.id = f."assetId" WHERE f."assetId" = %s AND f.type = %s',
        asset,
        size,
    )
    if not row:
        raise Refused(404, "Asset media not found")
    return _file(call, row["path"], "image/jpeg" if row["path"].endswith(".jpeg") else "image/webp")


@route("GET", "/assets/{id}/original", "asset.download")
async def original(call: Call) -> Any:
    asset = await mine(call, "asset.download")
    row = await call.world.db.row("SELECT * FROM asset WHERE id = %s", asset)
    assert row
    return _file(call, row["originalPath"], shapes.mime(row["originalFileName"]))


def _file(call: Call, path: str, kind: str) -> web.StreamResponse:
    place = call.world.host(path)
    if not place.exists():
        raise Refused(404, "Not Found")
    return web.Response(body=place.read_bytes(), content_type=kind, headers={"Content-Disposition": "inline"})


def _note(row: dict[str, Any]) -> Any:
    return {"key": row["key"], "value": row["value"], "updatedAt": shapes.time(row["updatedAt"])}


@route("GET", "/assets/{id}/metadata", "asset.read")
async def notes(call: Call) -> Any:
    rows = await call.world.db.rows(
        'SELECT * FROM asset_metadata WHERE "assetId" = %s ORDER BY key', await mine(call, "asset.read")
    )
    return [_note(row) for row in rows]


@route("PUT", "/assets/{id}/metadata", "asset.update")
async def put_notes(call: Call) -> Any:
    asset = await mine(call, "asset.update")
    items = hold(call.body, items=array(lambda value, path: []))["items"]
    sql = """INSERT INTO asset_metadata ("assetId", key, value) VALUES (%s, %s, %s)
             ON CONFLICT ("assetId", key) DO UPDATE SET value = excluded.value RETURNING *"""
    found = [await call.world.db.row(sql, asset, each["key"], json.dumps(each["value"])) for each in items]
    return [_note(row) for row in found if row]


@route("GET", "/assets/{id}/metadata/{key}", "asset.read")
async def note(call: Call) -> Any:
    asset, key = await mine(call, "asset.read"), call.part("key")
    row = await call.world.db.row('SELECT * FROM asset_metadata WHERE "assetId" = %s AND key = %s', asset, key)
    if not row:
        raise Refused(400, f'Metadata with key "{key}" not found for asset with id "{asset}"')
    return _note(row)


@route("DELETE", "/assets/{id}/metadata/{key}", "asset.update", status=204)
async def drop_note(call: Call) -> Any:
    asset = await mine(call, "asset.update")
    await call.world.db.run(
        'DELETE FROM asset_metadata WHERE "assetId" = %s AND key = %s', asset, call.part("key")
    )


@route("POST", "/stacks", "stack.create", status=201)
async def stack(call: Call) -> Any:
    ids = hold(call.body, assetIds=array(identity))["assetIds"]
    await owned(call, ids, "asset.update")
    made = await call.world.db.row(
        'INSERT INTO stack ("primaryAssetId", "ownerId") VALUES (%s, %s) RETURNING *', ids[0], call.user["id"]
    )
    assert made
    await call.world.db.run('UPDATE asset SET "stackId" = %s WHERE id = ANY (%s::uuid[])', made["id"], ids)
    assets = [await shown(call, each, whole=False) for each in ids]
    return {"id": made["id"], "primaryAssetId": made["primaryAssetId"], "assets": assets}


@route("GET", "/stacks", "stack.read")
async def stacks(call: Call) -> Any:
    found = []
    for made in await call.world.db.rows('SELECT * FROM stack WHERE "ownerId" = %s', call.user["id"]):
        rows = await call.world.db.rows('SELECT id FROM asset WHERE "stackId" = %s', made["id"])
        assets = [await shown(call, row["id"], whole=False) for row in rows]
        found.append({"id": made["id"], "primaryAssetId": made["primaryAssetId"], "assets": assets})
    return found


@route("GET", "/stacks/{id}", "stack.read")
async def stack_of(call: Call) -> Any:
    made = await call.world.db.row(
        'SELECT * FROM stack WHERE id = %s AND "ownerId" = %s', call.part("id"), call.user["id"]
    )
    if not made:
        raise Refused(400, "Not found or no stack.read access")
    rows = await call.world.db.rows('SELECT id FROM asset WHERE "stackId" = %s', made["id"])
    assets = [await shown(call, row["id"], whole=False) for row in rows]
    return {"id": made["id"], "primaryAssetId": made["primaryAssetId"], "assets": assets}
