"""Tags in the tables: made with their parents, put on assets, replaced by what an extraction found."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.immich.database import Row
from tests.immich.world import World

_UPSERT = """
INSERT INTO tag ("userId", value, "parentId") VALUES (%s, %s, %s)
ON CONFLICT ("userId", value) DO UPDATE SET "parentId" = excluded."parentId" RETURNING *"""

_CLOSE = """
INSERT INTO tag_closure (id_ancestor, id_descendant)
SELECT id_ancestor, %(tag)s::uuid FROM tag_closure WHERE id_descendant = %(parent)s::uuid UNION SELECT %(tag)s::uuid, %(tag)s::uuid
ON CONFLICT DO NOTHING"""

_LOCK = """
INSERT INTO asset_exif ("assetId", tags, "lockedProperties") VALUES (%(asset)s, %(tags)s::varchar[], '{tags}')
ON CONFLICT ("assetId") DO UPDATE SET tags = excluded.tags,
  "lockedProperties" = ARRAY(SELECT DISTINCT unnest(array_cat(asset_exif."lockedProperties", '{tags}')))"""


async def upsert(world: World, user: str, values: Sequence[str]) -> list[Row]:
    """The leaves, made with their parents where missing, in the order asked; empty ones drop out."""
    found = []
    for value in dict.fromkeys(values):
        parent: Row | None = None
        for part in filter(None, value.split("/")):
            parent = await _one(world, user, f"{parent['value']}/{part}" if parent else part, parent)
        if parent:
            found.append(parent)
    return found


async def _one(world: World, user: str, value: str, parent: Row | None) -> Row:
    if (known := world.tags.get((user, value))) is not None:
        return known
    above = parent["id"] if parent else None
    async with world.db.whole() as door:
        row = await (await door.execute(_UPSERT, (user, value, above))).fetchone()
        assert row
        await door.execute(_CLOSE, {"tag": row["id"], "parent": above})
    if not world.options.exiftool:
        world.tags[user, value] = row
    return row


async def replace(world: World, asset: str, tags: Sequence[str]) -> None:
    """Put these tags (ids) on the asset in place of all it had."""
    async with world.db.whole() as door:
        await door.execute('DELETE FROM tag_asset WHERE "assetId" = %s', (asset,))
        await door.execute(
            'INSERT INTO tag_asset ("assetId", "tagId") SELECT %s, unnest(%s::uuid[]) ON CONFLICT DO NOTHING',
            (asset, list(tags)),
        )


async def lock(world: World, asset: str) -> None:
    """Note the asset's tags of this moment beside its other properties, as edited."""
    rows = await world.db.rows(
        'SELECT t.value FROM tag_asset x JOIN tag t ON t.id = x."tagId" WHERE x."assetId" = %s ORDER BY x.ctid',
        asset,
    )
    await world.db.run(
        _LOCK.replace("%(asset)s", "%s").replace("%(tags)s", "%s"), asset, [row["value"] for row in rows]
    )


async def changed(world: World, asset: str) -> None:
    """What follows a change of an asset's tags by the API."""
    await lock(world, asset)
    world.jobs.add("sidecar", "SidecarWrite", {"id": asset})


async def put_on(world: World, tags: Sequence[str], assets: Sequence[str]) -> int:
    """Every tag on every asset; how many links are new. All rows first, then lock and job asset by asset."""
    sql = """INSERT INTO tag_asset ("tagId", "assetId") SELECT t, a FROM unnest(%s::uuid[]) t, unnest(%s::uuid[]) a
             ON CONFLICT DO NOTHING RETURNING "assetId" """
    new: list[dict[str, Any]] = await world.db.rows(sql, list(tags), list(assets)) if tags and assets else []
    await world.jobs.point("tags-inserted")
    for asset in dict.fromkeys(row["assetId"] for row in new):
        await changed(world, asset)
    return len(new)
