"""Calls about tags."""

from __future__ import annotations

from typing import Any

from psycopg import errors as sql_errors

from tests.immich import shapes, tagging
from tests.immich.checking import Refused, array, hold, identity, maybe, text
from tests.immich.web import Call, permitted, route


async def _own(call: Call, ids: list[str]) -> list[dict[str, Any]]:
    return await call.world.db.rows(
        'SELECT * FROM tag WHERE id = ANY (%s::uuid[]) AND "userId" = %s', ids, call.user["id"]
    )


async def _tag(call: Call, permission: str) -> dict[str, Any]:
    hold({"id": call.part("id")}, id=identity)
    found = await _own(call, [call.part("id")])
    if not found:
        raise Refused(400, f"Not found or no {permission} access")
    return found[0]


@route("GET", "/tags", "tag.read")
async def every(call: Call) -> Any:
    rows = await call.world.db.rows('SELECT * FROM tag WHERE "userId" = %s ORDER BY value', call.user["id"])
    return [shapes.tag(row) for row in rows]


@route("PUT", "/tags", "tag.create")
async def upsert(call: Call) -> Any:
    body = hold(call.body, tags=array(text))
    return [shapes.tag(row) for row in await tagging.upsert(call.world, call.user["id"], body["tags"])]


@route("POST", "/tags", "tag.create", status=201)
async def create(call: Call) -> Any:
    body = hold(call.body, name=text, parentId=maybe(identity, null=True), color=maybe(text, null=True))
    above = None
    if body.get("parentId"):
        parents = await _own(call, [body["parentId"]])
        if not parents:
            raise Refused(400, "Not found or no tag.read access")
        above = parents[0]
    value = f"{above['value']}/{body['name']}" if above else body["name"]
    sql = 'INSERT INTO tag ("userId", value, "parentId", color) VALUES (%s, %s, %s, %s) RETURNING *'
    try:  # no row in tag_closure: the search by tag does not find what is tagged with it
        row = await call.world.db.row(sql, call.user["id"], value, above and above["id"], body.get("color"))
    except sql_errors.UniqueViolation:
        raise Refused(400, "A tag with that name already exists") from None
    return shapes.tag(row or {})


@route("PUT", "/tags/assets", "tag.asset")
async def bulk(call: Call) -> Any:
    body = hold(call.body, tagIds=array(identity), assetIds=array(identity))
    mine = {row["id"] for row in await _own(call, body["tagIds"])}
    allowed = await permitted(call, body["assetIds"])
    tags = [each for each in dict.fromkeys(body["tagIds"]) if each in mine]
    assets = [each for each in dict.fromkeys(body["assetIds"]) if each in allowed]
    return {"count": await tagging.put_on(call.world, tags, assets)}


@route("GET", "/tags/{id}", "tag.read")
async def one(call: Call) -> Any:
    return shapes.tag(await _tag(call, "tag.read"))


@route("PUT", "/tags/{id}", "tag.update")
async def change(call: Call) -> Any:
    body = hold(call.body, color=maybe(text, null=True))
    row = await _tag(call, "tag.update")
    if "color" not in body:
        raise Refused(500, "Failed to update tag")
    found = await call.world.db.row(
        "UPDATE tag SET color = %s WHERE id = %s RETURNING *", body["color"], row["id"]
    )
    return shapes.tag(found or {})


@route("DELETE", "/tags/{id}", "tag.delete", status=204)
async def delete(call: Call) -> Any:
    row = await _tag(call, "tag.delete")  # with all below it; no sidecar hears of it
    await call.world.db.run("DELETE FROM tag WHERE id = %s", row["id"])


@route("PUT", "/tags/{id}/assets", "tag.asset")
async def put_on(call: Call) -> Any:
    body = hold(call.body, ids=array(identity))
    row = await _tag(call, "tag.asset")
    allowed = await permitted(call, body["ids"])
    had = await _with(call, row["id"])
    answers, new = [], []
    for each in body["ids"]:
        why = "duplicate" if each in had else "no_permission" if each not in allowed else ""
        answers.append({"id": each, "success": not why} | ({"error": why} if why else {}))
        if not why:
            had.add(each)
            new.append(each)
    await call.world.jobs.point("tag-put")
    if new:  # a plain insert: the same call twice at once fails
        await call.world.db.run(
            'INSERT INTO tag_asset ("tagId", "assetId") SELECT %s, unnest(%s::uuid[])', row["id"], new
        )
    for each in new:
        await tagging.changed(call.world, each)
    return answers


@route("DELETE", "/tags/{id}/assets", "tag.asset")
async def take_off(call: Call) -> Any:
    body = hold(call.body, ids=array(identity))
    row = await _tag(call, "tag.asset")
    had = await _with(call, row["id"])
    gone = [each for each in dict.fromkeys(body["ids"]) if each in had]
    await call.world.db.run(
        'DELETE FROM tag_asset WHERE "tagId" = %s AND "assetId" = ANY (%s::uuid[])', row["id"], gone
    )
    for each in gone:
        await tagging.changed(call.world, each)
    answers, left = [], set(gone)
    for each in body["ids"]:
        answers.append({"id": each, "success": each in left} | ({} if each in left else {"error": "not_found"}))
        left.discard(each)
    return answers


async def _with(call: Call, tag: str) -> set[str]:
    return {
        row["assetId"]
        for row in await call.world.db.rows('SELECT "assetId" FROM tag_asset WHERE "tagId" = %s', tag)
    }
