"""The tables and columns of Immich that we read, as far as the live schema has them, and the grants for them.

Names are those since 2.3; some columns came later (`asset.checksumAlgorithm` in 2.7, `asset_exif.tags` in 2.5),
so the schema is asked. What Postgres tells of names (`pg_catalog`) everybody may read, granted or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

NEEDED: Mapping[str, tuple[str, ...]] = {
    "asset": (
        "id", "ownerId", "type", "originalPath", "checksum", "visibility", "status", "deletedAt", "isOffline",
        "libraryId", "livePhotoVideoId", "stackId", "updatedAt", "updateId",
    ),
    "asset_exif": ("assetId", "description", "lockedProperties", "fileSizeInByte", "updateId"),
    "asset_file": ("assetId", "type", "path"),
    "asset_job_status": ("assetId", "metadataExtractedAt"),
    "tag": ("id", "userId", "value", "parentId"),
    "tag_asset": ("assetId", "tagId"),
    "tag_closure": ("id_ancestor", "id_descendant"),
}  # fmt: skip
"""Without one of these the database is of no use to us."""

WANTED: Mapping[str, tuple[str, ...]] = {
    "asset": ("checksumAlgorithm", "isExternal", "duplicateId"),
    "asset_exif": ("tags",),
    "asset_file": ("isEdited",),
    "smart_search": ("assetId", "embedding"),
    "person": ("id", "ownerId", "name", "isHidden"),
    "asset_face": (
        "id", "assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1", "boundingBoxY1",
        "boundingBoxX2", "boundingBoxY2", "sourceType", "deletedAt", "isVisible",
    ),
}  # fmt: skip
"""Read where they are there: vectors, people, and what later versions added."""

MODEL_VIEW = "tagwright.clip_model"
MODEL = "SELECT model_name FROM tagwright.clip_model"
"""Our view of one value of `system_metadata`, which also holds passwords of mail servers."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns that are there, by table, and whether our view of the model's name is."""

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    model_view: bool = False

    def has(self, table: str, *columns: str) -> bool:
        """Whether a table has all these columns."""
        return set(columns) <= self.columns.get(table, frozenset()) and table in self.columns

    def lacks(self) -> list[str]:
        """What we cannot do without and is not there, as `table.column`."""
        return [
            f"{table}.{name}" for table, names in NEEDED.items() for name in names if not self.has(table, name)
        ]

    def readable(self) -> Iterable[tuple[str, list[str]]]:
        """Each table that we read, with those of our columns that it has."""
        for table in dict.fromkeys((*NEEDED, *WANTED)):
            names = (*NEEDED.get(table, ()), *WANTED.get(table, ()))
            if there := [name for name in names if self.has(table, name)]:
                yield table, there


PUBLISHED = Schema(
    {table: frozenset(NEEDED.get(table, ()) + WANTED.get(table, ())) for table in (*NEEDED, *WANTED)}
)
"""What 2.7 and 3.1 have, for a script that is made without a look at the database."""


def grants(schema: Schema, *, role: str, database: str, people: bool = True) -> str:
    """SQL that a database's owner runs to let `role` read our columns and nothing else; it can be run again.

    `people` False leaves names and faces out. Passwords, keys and settings of Immich stay out of reach.
    """
    who = identifier(role)
    lines = [
        "-- Lets tagwright read Immich's database, and write nothing. Run it as the database's owner, with psql;",
        "-- run it again after Immich was updated or its database was restored (both may take grants away).",
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)}) THEN",
        f"  CREATE ROLE {who} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 4;",
        "END IF; END $$;",
        *(f"ALTER ROLE {who} SET {name} = {value};" for name, value in LIMITS.items()),
        f"GRANT CONNECT ON DATABASE {identifier(database)} TO {who};",
        f"GRANT USAGE ON SCHEMA public TO {who};",
        *_selects(schema, who, people=people),
        "CREATE SCHEMA IF NOT EXISTS tagwright;",
        *_VIEW.splitlines(),
        f"GRANT USAGE ON SCHEMA tagwright TO {who};",
        f"GRANT SELECT ON {MODEL_VIEW} TO {who};",
        "-- A password of its own; tagwright reads it from the file that `immich.database.password_file` names:",
        f"\\password {who}",
    ]
    return "\n".join(lines) + "\n"


_VIEW = """\
CREATE OR REPLACE VIEW tagwright.clip_model WITH (security_barrier) AS SELECT coalesce(
  (SELECT value #>> '{machineLearning,clip,modelName}' FROM public.system_metadata WHERE key = 'system-config'),
  'ViT-B-32__openai') AS model_name;
"""
"""Immich keeps only what differs from its defaults, so a missing value is the default model."""

LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "'60s'",
    "lock_timeout": "'5s'",
    "idle_in_transaction_session_timeout": "'30s'",
}
"""Of the role: Immich's own changes of its tables never wait long for us."""


def _selects(schema: Schema, who: str, *, people: bool) -> Iterable[str]:
    for table, names in schema.readable():
        if people or table not in ("person", "asset_face"):
            yield f"GRANT SELECT ({', '.join(map(identifier, names))}) ON public.{identifier(table)} TO {who};"


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL quotes it (standard_conforming_strings is on since Postgres 9.1)."""
    return "'" + text.replace("'", "''") + "'"
