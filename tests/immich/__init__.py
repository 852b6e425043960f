# ruff: noqa: E501 - SQL and recorded words read best on one line
"""A stand-in Immich: a real HTTP server over a real Postgres with pgvector, real files, the real exiftool.

It behaves as Immich 3.1 does where that hurts: it answers before anything is durable, writes sidecars by jobs, reads them back
and replaces what it knew, and loses tags in the same races.

Use::

    from tests.immich import running

    with running() as immich:                      # options: version="3.1|2.7|2.5|2.4", template, vectors, seed ...
        asset = immich.upload_photo(jpeg_bytes)     # or immich.assets(5000): many at once, as after finished uploads
        immich.idle()                               # wait until no queue has work
        immich.tag([asset], ["Animals/Cat"])        # what a person does in the app
        immich.idle()
        assert immich.tags_of(asset) == ["Animals/Cat"]

`immich.url`, `immich.key` (admin, everything), `immich.upload` (UPLOAD_LOCATION, /data inside), `immich.external` (/external
inside), `immich.dsn` (Postgres, as owner), `immich.sql(...)`, `immich.call("GET", "/tags")`, `immich.user("Ann")`,
`immich.key_for(user_id, ["tag.read"])`, `immich.library("folder")`.

Points where jobs can be held (`hold`, `held`, `release`) or slowed (`delay`, seeded): `tags-inserted` (rows of PUT /tags/assets
are there, locks are not), `tag-put`, `sidecar-write` (its snapshot is taken, the file is not written), `sidecar-written` (file
written, lock still there), `extraction` (before the files are read), `extraction-read` (read, not yet stored), `extraction-tags`
(tags are taken, not yet put on), `thumbnails`, `thumbnail-written`, `preview-written` (file there, row not), `vector`,
`asset-delete`.

`immich.faults(0.1, seed=3)` makes one call in ten fail (429 with Retry-After, 500, 400, reset before, `lost` = done but reset,
slow); `immich.read_only("/external/photos")` makes Immich's own sidecar writes fail there, which it swallows;
`immich.counts()` has calls by route, sidecar writes, extractions and jobs; `immich.per_asset()` the same for each asset.

Everything runs in a process of its own (no thread or socket of it is in the test's process); a test process has one Postgres.
"""

from tests.immich.postgres import missing
from tests.immich.standin import Immich, User, form, running

__all__ = ["Immich", "User", "form", "missing", "running"]
