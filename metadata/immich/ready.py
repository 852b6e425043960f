"""Whether a file in Immich's folders may be looked at yet; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from metadata.immich.shapes import Asset

VISIBLE = ("timeline", "archive")

Verdict = Literal["ready", "wait", "leave", "forget"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready` to be looked at; `wait` and ask again; `leave` alone; `forget` all that is known of it."""

    verdict: Verdict
    reason: str = ""


READY = Readiness("ready")


def ready(
    asset: Asset | None,
    owners: Collection[str],
    *,
    visible: Collection[str] = VISIBLE,
    known: bool = False,
    marker: str = "",
) -> Readiness:
    """What Immich's answer means for a file. `owners` are those whose key we have.

    `known` says that the ledger has looked at it before; then an asset that nobody may see any more (None, or
    locked) is to be forgotten with all that was learned of it. `marker` is a tag that says "done before".
    """
    if asset is None:
        return (
            Readiness("forget", "Immich shows it no more")
            if known
            else Readiness("wait", "Immich does not know it")
        )
    if asset.visibility == "locked":
        return Readiness("forget", "it is in the locked folder")
    if reason := _never(asset, owners, visible):
        return Readiness("leave", reason)
    if asset.extracted is not True:
        return Readiness("wait", "Immich has not read its metadata yet")
    if asset.preview is not True:
        return Readiness("wait", "Immich has made no preview yet")
    if marker and not known and any(tag.value == marker for tag in asset.tags or ()):
        return Readiness("leave", f"it carries {marker}")
    return READY


def _never(asset: Asset, owners: Collection[str], visible: Collection[str]) -> str:
    if asset.owner not in owners:
        return "there is no key of its owner"
    if asset.visibility not in visible:
        if asset.type == "VIDEO" and asset.visibility == "hidden":
            return "it is the film of a Live Photo, which Immich shows with its still"
        return f"its visibility is {asset.visibility}"
    if asset.trashed:
        return "it is in the trash"
    if asset.offline:
        return "Immich finds its file no more"
    if asset.type not in ("IMAGE", "VIDEO"):
        return "it is neither a photo nor a film"
    return ""
