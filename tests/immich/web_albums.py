"""Calls about albums: their names, and what is put in and taken out."""

from __future__ import annotations

from typing import Any

from tests.immich.checking import Refused, array, hold, identity, maybe, text
from tests.immich.web import Call, owned, route

_ALBUMS = """SELECT a.*, count(x."assetId") AS held FROM album a LEFT JOIN album_asset x ON x."albumId" = a.id
WHERE a."ownerId" = %s GROUP BY a.id ORDER BY a."createdAt" """


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "albumName": row["albumName"],
        "updatedAt": row["updatedAt"].isoformat(),
        "assetCount": row["held"],
        "shared": False,
    }


@route("GET", "/albums", "album.read")
async def albums(call: Call) -> Any:
    if not call.world.old:
        hold(dict(call.query), name=maybe(text), id=maybe(identity), isOwned=maybe(text), isShared=maybe(text))
    if call.query.get("shared") == "true":
        return []
    return [_shown(row) for row in await call.world.db.rows(_ALBUMS, call.user["id"])]


@route("POST", "/albums", "album.create", status=201)
async def make(call: Call) -> Any:
    told = hold(call.body, albumName=text, assetIds=maybe(array(identity)))
    made = await call.world.db.row(
        'INSERT INTO album ("albumName", "ownerId") VALUES (%s, %s) RETURNING *',
        told["albumName"],
        call.user["id"],
    )
    assert made
    await _put(call, made["id"], told.get("assetIds") or [])
    return _shown({**made, "held": len(told.get("assetIds") or [])})


@route("PUT", "/albums/{id}/assets", "albumAsset.create")
async def put(call: Call) -> Any:
    ids = hold(call.body, ids=array(identity))["ids"]
    await _put(call, await _mine(call), ids)
    return [{"id": each, "success": True} for each in ids]


@route("DELETE", "/albums/{id}/assets", "albumAsset.delete")
async def take(call: Call) -> Any:
    ids, album = hold(call.body, ids=array(identity))["ids"], await _mine(call)
    await call.world.db.run(
        'DELETE FROM album_asset WHERE "albumId" = %s AND "assetId" = ANY (%s::uuid[])', album, ids
    )
    await call.world.db.run('UPDATE album SET "updatedAt" = clock_timestamp() WHERE id = %s', album)
    return [{"id": each, "success": True} for each in ids]


async def _mine(call: Call) -> str:
    row = await call.world.db.row(
        'SELECT id FROM album WHERE id = %s AND "ownerId" = %s', call.part("id"), call.user["id"]
    )
    if not row:
        raise Refused(400, "Not found or no album access")
    return str(row["id"])


async def _put(call: Call, album: str, ids: list[str]) -> None:
    await owned(call, ids, "asset.share")
    for each in ids:
        await call.world.db.run(
            'INSERT INTO album_asset ("albumId", "assetId") VALUES (%s, %s) ON CONFLICT DO NOTHING', album, each
        )
    await call.world.db.run('UPDATE album SET "updatedAt" = clock_timestamp() WHERE id = %s', album)
