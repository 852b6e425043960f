"""Which sidecar is a photo's: the rule, and the look at the folder that it needs.

In this order the first is the one that is written:

1. the one that a connection says is registered for the photo;
2. `IMG.ext.xmp`, where it is there (digiKam, darktable, Immich);
3. `IMG.xmp` (Lightroom, Capture One), where it is there and is this photo's: its SidecarForExtension names
   this photo's extension, or it names none and no other photo or film has this stem;
4. a new one: `IMG.ext.xmp`, or with the style of Lightroom or Capture One `IMG.xmp` beside a proprietary RAW
   of which no other photo or film has the stem.

Where 4 says `IMG.xmp`, one that is there and is this photo's goes before `IMG.ext.xmp`.

The others of 1 to 3 that are there are read with it. `.XMP` and `.Xmp` count as `.xmp`; the lower-case
form goes first where several are there.
"""

from __future__ import annotations

import os
import unicodedata
from typing import Final, Literal

from metadata.errors import Refused
from metadata.files import NAME_MAX, translate
from metadata.photo import Photo

EXTENSION: Final = "photoshop:SidecarForExtension"

Style = Literal["immich", "lightroom", "captureone", "digikam", "darktable"]
"""Whose way of naming a new sidecar follows."""

_COMMON: Final = frozenset({"lightroom", "captureone"})
_RAW: Final = frozenset(
    b"3fr ari arw bay braw cap cr2 cr3 crw dcr dcs eip erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf ori "
    b"pef ptx pxn r3d raf raw rw2 rwl rwz sr2 srf srw x3f".split()
)
"""Proprietary RAW; Lightroom and Capture One write a DNG itself, and read no sidecar beside it."""

_SUFFIXES: Final = (b".xmp", b".XMP", b".Xmp")
_MEDIA: Final = _RAW | frozenset(
    b"jpg jpeg jpe jfif jxl jp2 png webp tif tiff gif bmp heic heif hif avif psd dng "
    b"3gp avi m2ts m4v mkv mov mp4 mpg mts webm wmv insp insv".split()
)


_SEVERAL: Final = 8
_ROOM: Final = 2048
"""Bytes of a folder that are listed as fast as one photo's names are asked for (about 50 names)."""


class Folder:
    """The names in one folder, asked one by one until there is a reason to list them all (once)."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self._head = os.path.join(path, b"")
        self._names: frozenset[bytes] | None = None
        self._folded: frozenset[bytes] | None = None

    def expect(self, photos: int) -> None:
        """So many of its photos are looked for now: where that is less work its names are read at once.

        Only what is not there then is known by that, whatever the file system holds for the same name;
        names that seem to be there are asked for. Without the right to list all are.
        """
        if photos < _SEVERAL:
            return
        try:
            if os.stat(self.path).st_size > photos * _ROOM:
                return
            self._folded = _all_folded(os.listdir(self.path))
        except OSError:
            return

    def names(self) -> frozenset[bytes]:
        """Every name; raises TryAgain or PlaceClosed where the folder cannot be listed."""
        if self._names is None:
            try:
                self._names = frozenset(os.listdir(self.path))
            except OSError as error:
                raise translate(error, os.path.join(self.path, b"")) from error
        return self._names

    def has(self, name: bytes) -> bool:
        """Whether there is anything of this name; raises as `names`."""
        if self._names is not None:
            return name in self._names
        if self._folded is not None and name.isascii() and name.lower() not in self._folded:
            return False
        path = self._head + name
        try:
            os.lstat(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise translate(error, path) from error
        return True

    def first(self, stem: bytes) -> bytes | None:
        """The first sidecar there is of this name without its `.xmp`."""
        known = self._folded if self._names is None and stem.isascii() else None
        if known is not None and stem.lower() + _SUFFIXES[0] not in known:
            return None
        for suffix in _SUFFIXES:
            if len(stem) + len(suffix) <= NAME_MAX and self.has(stem + suffix):
                return self._head + stem + suffix
        return None


def _all_folded(names: list[bytes]) -> frozenset[bytes]:
    """`folded` of each; nearly always one call for all of them."""
    joined = b"\0".join(names)
    return frozenset(joined.lower().split(b"\0") if joined.isascii() else map(folded, names))


def folded(name: bytes) -> bytes:
    """One form for what any file system takes for the same name (U+212A is a k to some), of a path as well."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", os.fsdecode(name)).casefold().encode(errors="surrogateescape")


def own(photo: Photo) -> bytes:
    """The path of `IMG.ext.xmp`; raises Refused where that name would be too long."""
    path = photo.file + _SUFFIXES[0]
    size = len(path) - path.rfind(b"/") - 1
    if size > NAME_MAX:
        raise Refused(photo.file, f"its sidecar's name would have {size} bytes; {NAME_MAX} are the most")
    return path


def is_raw(photo: Photo) -> bool:
    """Whether the photo is a proprietary RAW, by its name."""
    return parts(photo)[1].lower() in _RAW


def shares(photo: Photo, folder: Folder, style: Style) -> bool:
    """Whether this style keeps the photo's words in `IMG.xmp`."""
    return style in _COMMON and is_raw(photo) and alone(photo, folder)


def new(photo: Photo, folder: Folder, style: Style) -> bytes:
    """The path of a sidecar that is to be made; raises Refused where its name would be too long."""
    if shares(photo, folder, style):
        return os.path.join(folder.path, parts(photo)[0] + _SUFFIXES[0])
    return own(photo)


def marked(photo: Photo, where: bytes) -> dict[str, str]:
    """The texts that a new sidecar needs to say whose it is: of `IMG.xmp` the photo's extension."""
    if where == photo.file + _SUFFIXES[0]:
        return {}
    stem, extension = parts(photo)
    shared = extension and where == os.path.join(os.path.dirname(photo.file), stem + _SUFFIXES[0])
    return {EXTENSION: os.fsdecode(extension).upper()} if shared else {}


def parts(photo: Photo) -> tuple[bytes, bytes]:
    """A photo's file name without its extension, and the extension without its dot."""
    stem, dot, extension = photo.path[photo.path.rfind(b"/") + 1 :].rpartition(b".")
    return (stem, extension) if dot and stem else (extension, b"")


def alone(photo: Photo, folder: Folder) -> bool:
    """Whether no other photo or film in the folder has this photo's stem."""
    stem, _ = parts(photo)
    mine = os.path.basename(photo.file)
    start = len(stem) + 1
    return not any(
        name != mine and name[start:].lower() in _MEDIA for name in folder.names() if name.startswith(stem + b".")
    )


def names(extension: str, photo: Photo) -> bool:
    """Whether a SidecarForExtension means this photo."""
    return os.fsencode(extension.strip().lstrip(".").lower()) == parts(photo)[1].lower()
