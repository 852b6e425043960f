"""The questions to Immich's database, columns by name, and their rows read into our shapes.

Identifiers of Immich are written in capitals and small letters, so they stand in quotes. Ids come as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metadata.immich.shapes import Asset, Face, Look, Person, Tag

COLUMNS = """
SELECT c.relname::text, array_agg(a.attname::text) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = 'public' AND c.relname = ANY(%s::text[]) GROUP BY 1"""

UNREADABLE = """
SELECT t, c FROM unnest(%s::text[], %s::text[]) AS wanted(t, c)
WHERE NOT has_column_privilege(format('public.%%I', t), c, 'SELECT')"""

WRITES = """
SELECT coalesce(bool_or(has_table_privilege(format('public.%%I', t), 'INSERT, UPDATE, DELETE, TRUNCATE')), false)
FROM unnest(%s::text[]) AS t"""

ASSETS = """
SELECT a.id::text, a."ownerId"::text, a."originalPath", a.checksum, a.visibility::text,
  a."deletedAt" IS NOT NULL OR a.status <> 'active', a."isOffline", a.type, coalesce(e.description, ''),
  a."updatedAt", a."livePhotoVideoId"::text, a."stackId"::text, j."metadataExtractedAt" IS NOT NULL,
  EXISTS (SELECT 1 FROM public.asset_file f WHERE f."assetId" = a.id AND f.type = 'preview' {edited}),
  coalesce((SELECT f.path FROM public.asset_file f WHERE f."assetId" = a.id AND f.type = 'sidecar' LIMIT 1), ''),
  a."libraryId"::text, e."fileSizeInByte", a."updateId"::text,
  ARRAY(SELECT t."tagId"::text FROM public.tag_asset t WHERE t."assetId" = a.id)
FROM public.asset a
LEFT JOIN public.asset_exif e ON e."assetId" = a.id
LEFT JOIN public.asset_job_status j ON j."assetId" = a.id
WHERE {where} ORDER BY {order} {limit}"""

TAG_IDS = 18
"""Where the tags stand in a row of `ASSETS`."""

OF_SIDECARS = """
SELECT path, "assetId"::text FROM public.asset_file WHERE type = 'sidecar' AND path = ANY(%s::varchar[])"""

IDS = 'SELECT id::text FROM public.asset WHERE "ownerId" = ANY(%s::uuid[])'

COUNT = 'SELECT count(id) FROM public.asset WHERE "ownerId" = ANY(%s::uuid[])'

TAGS = 'SELECT id::text, value, "parentId"::text FROM public.tag WHERE "userId" = %s::uuid ORDER BY value'

TAGS_BY_ID = 'SELECT id::text, value, "parentId"::text FROM public.tag WHERE id = ANY(%s::uuid[])'

UNUSED = """
SELECT w.id::text FROM unnest(%s::uuid[]) AS w(id)
WHERE NOT EXISTS (SELECT 1 FROM public.tag_asset t WHERE t."tagId" = w.id)
  AND NOT EXISTS (SELECT 1 FROM public.tag t WHERE t."parentId" = w.id)
  AND NOT EXISTS (SELECT 1 FROM public.tag_closure c WHERE c.id_ancestor = w.id AND c.id_descendant <> w.id)"""

LOOKS = """
SELECT a.id::text, coalesce(e."lockedProperties", '{}'::varchar[]), j."metadataExtractedAt",
  ARRAY(SELECT t."tagId"::text FROM public.tag_asset t WHERE t."assetId" = a.id),
  coalesce(e.description, ''),
  coalesce((SELECT f.path FROM public.asset_file f WHERE f."assetId" = a.id AND f.type = 'sidecar' LIMIT 1), '')
FROM public.asset a
LEFT JOIN public.asset_exif e ON e."assetId" = a.id
LEFT JOIN public.asset_job_status j ON j."assetId" = a.id
WHERE a.id = ANY(%s::uuid[])"""

LOOK_TAG_IDS = 3
"""Where the tags stand in a row of `LOOKS`; joining their names here would read all tags for each asset."""

FACES = """
SELECT f."assetId"::text, f.id::text, f."boundingBoxX1", f."boundingBoxY1", f."boundingBoxX2", f."boundingBoxY2",
  f."imageWidth", f."imageHeight", f."sourceType"::text, p.id::text, p.name, p."isHidden"
FROM public.asset_face f LEFT JOIN public.person p ON p.id = f."personId"
WHERE f."assetId" = ANY(%s::uuid[]) AND f."deletedAt" IS NULL {visible} ORDER BY f.id"""

FACE_MARKS = """
SELECT f."assetId"::text, md5(string_agg(concat_ws('/', f.id::text, p.id::text, p.name, p."isHidden"::text,
  f."boundingBoxX1", f."boundingBoxY1", f."boundingBoxX2", f."boundingBoxY2"), ',' ORDER BY f.id))
FROM public.asset_face f JOIN public.person p ON p.id = f."personId"
WHERE p."ownerId" = ANY(%s::uuid[]) AND p.name <> '' AND f."deletedAt" IS NULL {visible} GROUP BY 1"""

SPACE = """
SELECT (SELECT atttypmod FROM pg_catalog.pg_attribute
        WHERE attrelid = 'public.smart_search'::regclass AND attname = 'embedding'),
       (SELECT count("assetId") FROM public.smart_search)"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a role may do: `unreadable` columns (`table.column`) that we want, and whether it `writes`."""

    unreadable: tuple[str, ...]
    writes: bool


def asset(row: tuple[Any, ...], tags: Mapping[str, Tag]) -> Asset:
    """A row of `ASSETS`."""
    return Asset(
        id=row[0],
        owner=row[1],
        path=row[2],
        checksum=bytes(row[3]),
        visibility=row[4],
        trashed=row[5],
        offline=row[6],
        type=row[7],
        description=row[8],
        tags=tuple(tags[each] for each in row[TAG_IDS] if each in tags),
        updated=row[9],
        live_photo=row[10],
        stack=row[11],
        extracted=row[12],
        preview=row[13],
        sidecar=row[14],
        library=row[15],
        size=row[16],
        change=row[17],
    )


def look(row: tuple[Any, ...], tags: Mapping[str, Tag]) -> Look:
    """A row of `LOOKS`."""
    values = frozenset(tags[each].value for each in row[LOOK_TAG_IDS] if each in tags)
    return Look(frozenset(row[1]), row[2], values, row[4], row[5])


def face(row: tuple[Any, ...]) -> Face:
    """A row of `FACES`."""
    person = Person(row[9], row[10] or "", hidden=bool(row[11])) if row[9] else None
    return Face(row[1], (row[2], row[3], row[4], row[5]), row[6], row[7], person, row[8])
