"""Which asset a photo is: by its path in the database, else by the checksum that Immich keeps of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence

from metadata.errors import AtWork, PlaceClosed, Refused, TryAgain
from metadata.files import translate
from metadata.immich.paths import Paths, find
from metadata.immich.ready import VISIBLE
from metadata.immich.shapes import Asset
from metadata.photo import Photo
from metadata.sinks.immich import Find, Home

Fault = TryAgain | PlaceClosed | Refused

Own = Callable[[Photo], bool]
"""Whether a photo lies in a folder that Immich itself keeps, so that it has to be in Immich sooner or later."""


def by_database(
    at: Callable[[Sequence[str]], Sequence[Asset]],
    paths: Paths,
    owners: Collection[str],
    own: Own,
    *,
    visible: Collection[str] = VISIBLE,
) -> Find:
    """Looks photos up by their path; `at` is `Database.at`. `owners` are those whose key we have."""

    def look(photos: Sequence[Photo]) -> list[Home | Fault | None]:
        names = {photo.file: name for photo in photos if (name := paths.container(photo.file)) is not None}
        found: dict[str, Asset] = {asset.path: asset for asset in at([*names.values()])} if names else {}
        return [_home(photo, found.get(names.get(photo.file, "")), owners, own, visible) for photo in photos]

    return look


def by_api(
    asked: Callable[[bytes], Sequence[Asset]],
    paths: Paths,
    owners: Collection[str],
    own: Own,
    *,
    visible: Collection[str] = VISIBLE,
    most: int = 65536,
) -> Find:
    """Looks photos up by checksum, and remembers those that were found; `asked` tells the assets of a SHA-1.

    An external photo's checksum is that of its path, so a photo that was moved is another one; an upload's is
    that of its content, and the asset's path has to be the photo's.
    """
    known: dict[bytes, Home] = {}

    def look(photos: Sequence[Photo]) -> list[Home | Fault | None]:
        return [known.get(photo.file) or learned(photo) for photo in photos]

    def learned(photo: Photo) -> Home | Fault | None:
        try:
            return learn(photo)
        except (TryAgain, Refused) as error:
            return error

    def learn(photo: Photo) -> Home | TryAgain | None:
        content = _content if own(photo) else lambda _: b""
        asset = find(photo.file, paths, lambda sha1: asked(sha1) if sha1 else (), sha1=content)
        answer = _home(photo, asset, owners, own, visible)
        if isinstance(answer, Home):
            if len(known) >= most:
                known.clear()
            known[photo.file] = answer
        return answer

    return look


def _content(file: bytes) -> bytes:
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha1").digest()
    except OSError as error:
        raise translate(error, file) from error


def _home(
    photo: Photo, asset: Asset | None, owners: Collection[str], own: Own, visible: Collection[str]
) -> Home | TryAgain | None:
    """The asset, if it is one that may be touched. One that Immich has yet to take in is waited for."""
    if asset is None:
        return AtWork(photo.file, "Immich does not know this photo yet") if own(photo) else None
    if asset.trashed or asset.offline or asset.visibility not in visible or asset.owner not in owners:
        return None
    return Home(asset.id, asset.owner)
