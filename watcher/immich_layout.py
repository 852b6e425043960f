"""Immich's own folders: which paths lie in one, which files are previews of an asset, which are no photos.

Immich keeps a hidden file `.immich` in each of its six folders (`StorageFolder` in its server), whatever
they are called outside. Names of previews: `<asset>_preview.jpeg` since 2.5, `<asset>-preview.jpeg` since
1.101, before that `<asset>.jpeg` (preview) and `<asset>.webp` (thumbnail). Old and new names stand side by
side in a library that was upgraded.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

MARKER = b".immich"

Role = Literal["thumbs", "upload", "library", "profile", "backups", "encoded-video"]
ROLES = frozenset(b"thumbs upload library profile backups encoded-video".split())
NO_PHOTOS = frozenset({"thumbs", "profile", "backups", "encoded-video"})

PreviewKind = Literal["preview", "thumbnail", "fullsize"]

_U = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(
    rb"(?P<asset>" + _U + rb")(?:[-_](?P<kind>preview|thumbnail|fullsize)(?P<edited>_edited)?)?"
    rb"\.(?P<format>jpeg|jpg|webp)\Z"
)
_FOLDER = re.compile(_U + rb"/[0-9a-f]{2}/[0-9a-f]{2}\Z")


@dataclass(frozen=True, slots=True)
class AssetPreview:
    """A preview and the asset it shows.

    `certain` is False for a bare `<uuid>.jpeg`: pictures of persons have the same form, so only Immich can
    say whether the id is an asset's. `edited` shows crops and turns made in Immich.
    """

    asset_id: str
    kind: PreviewKind
    edited: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ImmichPlace:
    """Where in Immich's folders a path lies: the marked folder (absolute), what it is for, the path below it."""

    folder: bytes
    role: Role
    below: bytes

    @property
    def holds_photos(self) -> bool:
        """False for thumbs, profile, backups and encoded-video: nothing in them is a photo or gets a sidecar."""
        return self.role not in NO_PHOTOS

    @property
    def preview(self) -> AssetPreview | None:
        """The preview that the path is, if it is one."""
        return preview_of(self.below) if self.role == "thumbs" else None


def preview_of(below: bytes) -> AssetPreview | None:
    """The preview at a path below Immich's folder of thumbs: `<user>/<aa>/<bb>/<asset>_preview.jpeg`."""
    folder, _, name = below.rpartition(b"/")
    found = _NAME.match(name)
    if found is None or not _FOLDER.match(folder):
        return None
    asset = found["asset"].decode("ascii")
    if found["kind"] is None:
        if found["format"] == b"webp":
            return AssetPreview(asset, "thumbnail")
        return AssetPreview(asset, "preview", certain=False)
    kind = cast("PreviewKind", found["kind"].decode("ascii"))
    return AssetPreview(asset, kind, edited=found["edited"] is not None)


class ImmichLayout:
    """Finds the marker of Immich in or above a path, and remembers the answers.

    A marker once seen counts until the program ends: a network that fails must not turn previews into
    photos. "None here" is looked at again after `recheck` seconds of the caller's monotonic clock.
    """

    def __init__(self, *, recheck: float = 60.0, most: int = 65536) -> None:
        self._recheck = recheck
        self._most = most
        self._marked: dict[bytes, Role] = {}
        self._plain: dict[bytes, float] = {}

    def place(self, file: bytes, *, now: float) -> ImmichPlace | None:
        """Where in Immich's folders an absolute path lies; None when no folder above it has a marker.

        Raises OSError when that cannot be told (no right to look, a network that does not answer).
        """
        folder = self._marker_above(os.path.dirname(file), now)
        if folder is None:
            return None
        below = file[len(folder.rstrip(b"/")) + 1 :]
        if os.path.basename(folder) not in ROLES and _tells_thumbs(below):
            self._marked[folder] = "thumbs"  # it was empty when it was first seen
        return ImmichPlace(folder, self._marked[folder], below)

    def _marker_above(self, folder: bytes, now: float) -> bytes | None:
        """The highest marked folder on the way; the folders on the way down are asked once."""
        for above in _way_down(folder):
            if above in self._marked:
                return above
            if self._plain.get(above, now) > now:
                continue
            if _has_marker(above):
                self._marked[above] = _role(above)
                return above
            if len(self._plain) >= self._most:
                self._plain.clear()
            self._plain[above] = now + self._recheck
        return None


def _tells_thumbs(path: bytes) -> bool:
    found = _NAME.match(os.path.basename(path))
    return found is not None and found["kind"] is not None


def _way_down(folder: bytes) -> Iterator[bytes]:
    yield b"/"
    at = folder.find(b"/", 1)
    while at > 0:
        yield folder[:at]
        at = folder.find(b"/", at + 1)
    if len(folder) > 1:
        yield folder


def _has_marker(folder: bytes) -> bool:
    try:
        os.lstat(os.path.join(folder, MARKER))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _role(folder: bytes) -> Role:
    """What a marked folder is for: by its name, and where it was mounted under another one, by what is in it."""
    name = os.path.basename(folder)
    if name in ROLES:
        return cast("Role", name.decode("ascii"))
    for file in itertools.islice(_leaves(folder), 200):
        if _tells_thumbs(file):
            return "thumbs"
        if file.startswith(b"immich-db-backup"):
            return "backups"
    return "upload"


def _leaves(folder: bytes) -> Iterator[bytes]:
    """Names of files below a folder, as far as they can be read."""
    for _, _, names in os.walk(folder):
        yield from names
