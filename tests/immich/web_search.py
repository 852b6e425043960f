"""Calls that find assets."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import base64
import binascii
import os
from typing import Any

from tests.immich import shapes
from tests.immich.checking import (
    VISIBILITIES,
    Refused,
    array,
    flag,
    hold,
    identity,
    maybe,
    moment,
    number,
    one_of,
    text,
)
from tests.immich.web import Call, route

_CHECKS: dict[str, Any] = {
    "size": maybe(number(1, 1000)), "page": maybe(number(1)), "visibility": maybe(one_of(*VISIBILITIES)),
    "updatedAfter": maybe(moment), "updatedBefore": maybe(moment), "createdAfter": maybe(moment), "takenAfter": maybe(moment),
    "takenBefore": maybe(moment), "tagIds": maybe(array(identity), null=True), "personIds": maybe(array(identity)),
    "albumIds": maybe(array(identity)),
    "libraryId": maybe(identity, null=True), "id": maybe(identity), "checksum": maybe(text), "originalPath": maybe(text),
    "originalFileName": maybe(text), "description": maybe(text), "order": maybe(one_of("asc", "desc")), "type": maybe(text),
    "withExif": maybe(flag), "withDeleted": maybe(flag), "isOffline": maybe(flag),
}  # fmt: skip

_PLAIN = {
    "id": "a.id = %s", "type": "a.type = %s", "libraryId": 'a."libraryId" = %s', "isOffline": 'a."isOffline" = %s',
    "updatedAfter": 'a."updatedAt" >= %s', "updatedBefore": 'a."updatedAt" <= %s', "createdAfter": 'a."createdAt" >= %s',
    "takenAfter": 'a."fileCreatedAt" >= %s', "takenBefore": 'a."fileCreatedAt" <= %s',
}  # fmt: skip
_LIKE = {
    "originalPath": 'a."originalPath"',
    "originalFileName": 'a."originalFileName"',
    "description": "e.description",
}
_TAGGED = """a.id IN (SELECT x."assetId" FROM tag_asset x JOIN tag_closure c ON c.id_descendant = x."tagId"
  WHERE c.id_ancestor = ANY (%s::uuid[]) GROUP BY x."assetId" HAVING count(DISTINCT c.id_ancestor) >= %s)"""
_MET = """a.id IN (SELECT f."assetId" FROM asset_face f WHERE f."personId" = ANY (%s::uuid[]) AND f."deletedAt" IS NULL
  GROUP BY f."assetId" HAVING count(DISTINCT f."personId") = %s)"""


def _where(call: Call, body: dict[str, Any]) -> tuple[str, list[Any]]:
    parts, values = ['a."ownerId" = %s'], [call.user["id"]]

    def also(sql: str, *given: Any) -> None:
        parts.append(sql)
        values.extend(given)

    for name, sql in _PLAIN.items():
        if body.get(name) is not None:
            also(sql, body[name])
    for name, column in _LIKE.items():
        if body.get(name):
            also(f"{column} ILIKE %s", f"%{body[name]}%")
    if body.get("checksum"):
        also("a.checksum = %s", _digest(body["checksum"]))
    _visible(call, body, also)
    if not body.get("withDeleted") and not body.get("isOffline"):
        also('a."deletedAt" IS NULL')
    if "tagIds" in body:
        _by_tags(body["tagIds"], also)
    if body.get("albumIds"):
        also('a.id IN (SELECT "assetId" FROM album_asset WHERE "albumId" = ANY (%s::uuid[]))', body["albumIds"])
    if body.get("personIds"):
        also(_MET, body["personIds"], len(set(body["personIds"])))
    return " AND ".join(parts), values


def _visible(call: Call, body: dict[str, Any], also: Any) -> None:
    asked = body.get("visibility")
    if asked == "locked":
        raise Refused(401, "Elevated permission is required")
    if asked:
        also("a.visibility = %s", asked)
    elif call.world.old:
        also("a.visibility = 'timeline'")
    else:
        also("a.visibility <> 'locked'")


def _by_tags(tags: list[str] | None, also: Any) -> None:
    if tags is None:
        also('NOT EXISTS (SELECT 1 FROM tag_asset x WHERE x."assetId" = a.id)')
    elif tags:
        also(_TAGGED, tags, len(set(tags)))


def _digest(given: str) -> bytes:
    try:
        return base64.b64decode(given) if len(given) == 28 else bytes.fromhex(given)
    except (binascii.Error, ValueError):
        return b""


@route("POST", "/search/metadata", "asset.read")
async def metadata(call: Call) -> Any:
    body = hold(call.body, **_CHECKS)
    size, page = int(body.get("size", 250)), int(body.get("page", 1))
    where, values = _where(call, body)
    way = "ASC" if body.get("order") == "asc" else "DESC"
    rows = await call.world.db.rows(
        f'SELECT a.* FROM asset a LEFT JOIN asset_exif e ON e."assetId" = a.id WHERE {where}'
        f' ORDER BY a."fileCreatedAt" {way}, a.id {way} LIMIT %s OFFSET %s',
        *values, size + 1, (page - 1) * size,
    )  # fmt: skip
    items = await _items(call, rows[:size], exif=bool(body.get("withExif")))
    none: list[Any] = []
    found = {"total": len(items), "count": len(items), "items": items, "facets": none}
    found["nextPage"] = str(page + 1) if len(rows) > size else None
    return {"albums": {"total": 0, "count": 0, "items": none, "facets": none}, "assets": found}


async def _items(call: Call, rows: list[dict[str, Any]], *, exif: bool) -> list[Any]:
    infos = {}
    if exif:
        found = await call.world.db.rows(
            'SELECT * FROM asset_exif WHERE "assetId" = ANY (%s::uuid[])', [row["id"] for row in rows]
        )
        infos = {row["assetId"]: row for row in found}
    return [shapes.asset(row, old=call.world.old, info=infos.get(row["id"])) for row in rows]


@route("POST", "/search/statistics", "asset.statistics")
async def statistics(call: Call) -> Any:
    where, values = _where(call, hold(call.body, **_CHECKS))
    sql = f'SELECT count(*) FROM asset a LEFT JOIN asset_exif e ON e."assetId" = a.id WHERE {where}'
    return {"total": await call.world.db.value(sql, *values)}


@route("POST", "/search/smart", "asset.read")
async def smart(call: Call) -> Any:
    if not call.world.options.vectors:
        raise Refused(400, "Smart search is not enabled")
    body = hold(call.body, queryAssetId=identity)
    near = await call.world.db.value(
        'SELECT embedding::text FROM smart_search WHERE "assetId" = %s', body["queryAssetId"]
    )
    if near is None:
        raise Refused(400, f"Asset {body['queryAssetId']} has no embedding")
    rows = await call.world.db.rows(
        'SELECT a.* FROM asset a JOIN smart_search s ON s."assetId" = a.id WHERE a."ownerId" = %s ORDER BY s.embedding <=> %s::vector LIMIT %s',
        call.user["id"], near, int(body.get("size", 100)),
    )  # fmt: skip
    items = await _items(call, rows, exif=False)
    return {
        "albums": {"total": 0, "count": 0, "items": [], "facets": []},
        "assets": {"total": len(items), "count": len(items), "items": items, "facets": [], "nextPage": None},
    }


@route("POST", "/assets/bulk-upload-check", "asset.upload")
async def known_before(call: Call) -> Any:
    answers = []
    for each in hold(call.body, assets=array(lambda value, path: []))["assets"]:
        sql = 'SELECT id, "deletedAt" FROM asset WHERE "ownerId" = %s AND checksum = %s AND "libraryId" IS NULL'
        row = await call.world.db.row(sql, call.user["id"], _digest(each["checksum"]))
        if row:
            had = {"reason": "duplicate", "assetId": row["id"], "isTrashed": row["deletedAt"] is not None}
            answers.append({"id": each["id"], "action": "reject", **had})
        else:
            answers.append({"id": each["id"], "action": "accept"})
    return {"results": answers}


_SEEN = 'a."ownerId" = %s AND a.visibility = \'timeline\' AND a."deletedAt" IS NULL'


@route("GET", "/view/folder/unique-paths", "folder.read")
async def folders(call: Call) -> Any:
    rows = await call.world.db.rows(f'SELECT "originalPath" AS path FROM asset a WHERE {_SEEN}', call.user["id"])
    return sorted({os.path.dirname(row["path"]) for row in rows})


@route("GET", "/view/folder", "folder.read")
async def folder(call: Call) -> Any:
    path = hold(call.query, path=text)["path"].rstrip("/")
    rows = await call.world.db.rows(
        f'SELECT a.* FROM asset a WHERE {_SEEN} AND "originalPath" LIKE %s AND "originalPath" NOT LIKE %s'
        " ORDER BY regexp_replace(\"originalPath\", '.*/', '')",
        call.user["id"], f"%{path}/%", f"%{path}/%/%",
    )  # fmt: skip
    return await _items(call, rows, exif=True)
