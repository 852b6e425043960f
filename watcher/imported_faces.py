"""Where Immich imports faces from files (its metadata.faces.import), regions of ours would come back as faces.

It takes every named region of a sidecar for a face of its own, beside those that it found itself, makes a person
of each name that it does not know, and does so again at each reading; names alone it leaves. So where that is
switched on, names are written to its photos instead of regions, and regions of ours are taken back.
"""

from __future__ import annotations

from collections.abc import Collection

from watcher.settings import Settings

FACES = "immich imports faces"
"""Under which name the ledger remembers that it does."""


def guarded(settings: Settings, roots: Collection[str]) -> Settings:
    """The settings with names in the place of regions in these roots."""
    made = tuple(
        root.model_copy(update={"people": "names"}) if root.name in roots and root.people == "regions" else root
        for root in settings.roots
    )
    return settings.model_copy(update={"roots": made})
