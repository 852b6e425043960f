"""What is never looked at, and which names are photos or sidecars: decided on names alone. Pure."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable

OURS = b".tagwright-"
"""Every temporary file of our own starts with this, so no walk and no event ever shows one."""

FILM_SUFFIXES = frozenset(
    b"." + suffix for suffix in b"mp4 m4v mov 3gp 3g2 mkv webm avi mts m2ts mpg mpeg wmv flv insv".split()
)
"""Suffixes of films; they are photos like any other, but for how they are opened."""

PHOTO_SUFFIXES = FILM_SUFFIXES | frozenset(
    b"." + suffix
    for suffix in (
        b"jpg jpeg jpe png webp tif tiff gif heic heif hif avif "
        b"dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw 3fr erf kdc mrw rwl iiq mef mos x3f"
    ).split()
)
"""Suffixes of files that are opened as photos and films, in lower case."""

SIDECAR_SUFFIX = b".xmp"

NEVER = (
    rb"\..*",  # dot files: .immich, ._*, .@__thumb, .snapshots, .zfs, .Trash-*, .dtrash, .stversions, OURS
    rb".*_exiftool_tmp",  # exiftool writes beside and renames
    rb"@eaDir",  # Synology's thumbnails
    rb"#recycle",  # Synology's bin
    rb"#snapshot",  # Synology's snapshots
    rb"@Recycle",  # QNAP's bin
    rb"@Recently-Snapshot",  # QNAP's snapshots
    rb"@sharesnap",  # Synology's, where they are shown
    rb"@snapshots",  # btrfs, as snapper and Arch lay it out
    rb"~snapshot",  # NetApp's, over SMB
    rb"\$RECYCLE\.BIN",  # Windows' bin on a shared disk
    rb"System Volume Information",
    rb"lost\+found",
)


class Ignore:
    """The names above and the patterns a user adds.

    A pattern is a shell pattern (`*`, `?`, `[…]`, case counts). Without a `/` it is held against a name
    anywhere below the root, with one against the path below the root, where `*` also stands for `/`.
    `**/` in front means "at any depth", `/**` behind "with all that is in it". A folder that is ignored
    is not entered.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(patterns)
        names, paths = list(NEVER), []
        for pattern in self.patterns:
            stripped = pattern.removesuffix("/**").strip("/")
            bare = stripped.removeprefix("**/")
            if "/" in bare:
                paths.append((b"(?:.*/)?" if bare != stripped else b"") + _regex(bare))
            elif bare:
                names.append(_regex(bare))
        self._name = re.compile(b"(?:" + b"|".join(names) + rb")\Z", re.DOTALL).match
        self._path = re.compile(b"(?:" + b"|".join(paths) + rb")\Z", re.DOTALL).match if paths else None

    def skips(self, folder: bytes, name: bytes) -> bool:
        """Whether `name` in `folder` (path below the root, b"" for the root) is never looked at."""
        if self._name(name) is not None:
            return True
        if self._path is None:
            return False
        return self._path(folder + b"/" + name if folder else name) is not None

    def skips_path(self, path: bytes) -> bool:
        """Whether the path below the root, or any folder on the way to it, is never looked at."""
        folder = b""
        for name in path.split(b"/"):
            if self.skips(folder, name):
                return True
            folder = folder + b"/" + name if folder else name
        return False


def suffix(name: bytes) -> bytes:
    """The part of a name or path from its last dot, in lower case; b"" where there is none."""
    dot = name.rfind(b".")
    return name[dot:].lower() if dot >= 0 else b""


def is_photo(name: bytes) -> bool:
    """Whether the name is one of a photo."""
    return suffix(name) in PHOTO_SUFFIXES


def is_film(name: bytes) -> bool:
    """Whether the name is one of a film."""
    return suffix(name) in FILM_SUFFIXES


def is_sidecar(name: bytes) -> bool:
    """Whether the name is one of a sidecar (`.xmp`, in any case)."""
    return suffix(name) == SIDECAR_SUFFIX


def matters(name: bytes) -> bool:
    """Whether the name is one of a photo or of a sidecar."""
    ending = suffix(name)
    return ending in PHOTO_SUFFIXES or ending == SIDECAR_SUFFIX


def _regex(pattern: str) -> bytes:
    """The pattern for bytes; latin-1 keeps every byte one sign, so names need not be UTF-8."""
    translated = fnmatch.translate(os.fsencode(pattern).decode("latin-1"))
    return translated.removesuffix(r"\Z").encode("latin-1")
