"""Calls about people and faces."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

from typing import Any

from tests.immich import shapes
from tests.immich.checking import Refused, hold, identity, maybe, number
from tests.immich.web import Call, owned, route
from tests.immich.web_assets import _file as file_answer

_KNOWN = """SELECT p.*, count(f.id) AS faces FROM person p JOIN asset_face f ON f."personId" = p.id AND f."deletedAt" IS NULL
WHERE p."ownerId" = %s GROUP BY p.id"""
_BOX = (
    "boundingBoxX1",
    "boundingBoxY1",
    "boundingBoxX2",
    "boundingBoxY2",
    "imageWidth",
    "imageHeight",
    "sourceType",
)
_LEAST = 3
"""Faces that somebody without a name must have to be listed."""


@route("GET", "/people", "person.read")
async def every(call: Call) -> Any:
    page, size = int(call.query.get("page", 1)), int(call.query.get("size", 500))
    hold({"page": page, "size": size}, page=number(1), size=number(1, 1000))
    rows = await call.world.db.rows(
        f"{_KNOWN} ORDER BY p.\"isHidden\", nullif(p.name, '') NULLS LAST, count(f.id) DESC, p.id", call.user["id"]
    )
    with_hidden = call.query.get("withHidden") == "true"
    listed = [
        row for row in rows if (row["name"] or row["faces"] >= _LEAST) and (with_hidden or not row["isHidden"])
    ]
    part = listed[(page - 1) * size : page * size]
    hidden = sum(row["isHidden"] for row in rows)
    return {
        "people": [shapes.person(row) for row in part],
        "hasNextPage": len(listed) > page * size,
        "total": len(rows),
        "hidden": hidden,
    }


async def _mine(call: Call, permission: str) -> dict[str, Any]:
    hold({"id": call.part("id")}, id=identity)
    row = await call.world.db.row(
        'SELECT * FROM person WHERE id = %s AND "ownerId" = %s', call.part("id"), call.user["id"]
    )
    if not row:
        raise Refused(400, f"Not found or no {permission} access")
    return row


@route("GET", "/people/{id}", "person.read")
async def one(call: Call) -> Any:
    return shapes.person(await _mine(call, "person.read"))


@route("PUT", "/people/{id}", "person.update")
async def change(call: Call) -> Any:
    row = await _mine(call, "person.update")
    changes = {
        name: call.body[name] for name in ("name", "isHidden", "isFavorite", "birthDate") if name in call.body
    }
    names = ", ".join(f'"{name}" = %s' for name in changes) or "name = name"
    found = await call.world.db.row(
        f"UPDATE person SET {names} WHERE id = %s RETURNING *", *changes.values(), row["id"]
    )
    return shapes.person(found or {})


@route("GET", "/people/{id}/statistics", "person.statistics")
async def statistics(call: Call) -> Any:
    row = await _mine(call, "person.read")
    sql = 'SELECT count(DISTINCT "assetId") FROM asset_face WHERE "personId" = %s AND "deletedAt" IS NULL'
    return {"assets": await call.world.db.value(sql, row["id"])}


@route("GET", "/people/{id}/thumbnail", "person.read")
async def thumbnail(call: Call) -> Any:
    row = await _mine(call, "person.read")
    if not row["thumbnailPath"]:
        raise Refused(404, "Not Found")
    return file_answer(call, row["thumbnailPath"], "image/jpeg")


@route("GET", "/faces", "face.read")
async def faces(call: Call) -> Any:
    asset = hold(call.query, id=identity)["id"]
    await owned(call, [asset], "asset.read")
    sql = 'SELECT * FROM asset_face WHERE "assetId" = %s AND "deletedAt" IS NULL AND "isVisible" ORDER BY "boundingBoxX1"'
    rows = await call.world.db.rows(sql, asset)
    people = {}
    for row in await call.world.db.rows(
        "SELECT * FROM person WHERE id = ANY (%s::uuid[])", [row["personId"] for row in rows if row["personId"]]
    ):
        people[row["id"]] = shapes.person(row, raw=True)
    return [
        {"id": row["id"], **{name: row[name] for name in _BOX}, "person": people.get(row["personId"])}
        for row in rows
    ]


@route("POST", "/faces", "face.create", status=201)
async def new_face(call: Call) -> Any:
    sizes = dict.fromkeys(("x", "y", "width", "height", "imageWidth", "imageHeight"), number(0))
    body = hold(call.body, assetId=identity, personId=identity, **sizes, sourceType=maybe(number()))
    await owned(call, [body["assetId"]], "asset.read")
    face = await call.world.db.value(
        'INSERT INTO asset_face ("assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1", "boundingBoxY1",'
        ' "boundingBoxX2", "boundingBoxY2", "sourceType") VALUES (%s, %s, %s, %s, %s, %s, %s, %s, \'manual\') RETURNING id',
        body["assetId"], body["personId"], body["imageWidth"], body["imageHeight"], body["x"], body["y"],
        body["x"] + body["width"], body["y"] + body["height"],
    )  # fmt: skip
    first = 'UPDATE person SET "faceAssetId" = %s WHERE id = %s AND "faceAssetId" IS NULL'
    if await call.world.db.run(first, face, body["personId"]):
        call.world.jobs.add("thumbnailGeneration", "PersonGenerateThumbnail", {"id": body["personId"]})
