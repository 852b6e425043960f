"""Copies of a photo with other words in them: made by exiftool, and proved before anybody may use one.

Proved means: the picture has the same digest, and so has what follows it in a JPEG; our own reader and
exiftool both find exactly what was wanted; and exiftool finds nothing wrong that was not wrong before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from metadata import exchange, inside, mend
from metadata.embedded import Content
from metadata.errors import PhotoError, Refused
from metadata.exiftool import Exiftool
from metadata.inside import Inside

_HASHES: Final = (12, 59)
"""The first exiftool with ImageDataHash (its history)."""

_FORMAL: Final = re.compile(r"\[minor\]|Missing required ")
_TAGS: Final = ("XMP", "IPTC", "IFD0:ImageDescription", "IFD0:XPKeywords", "ExifIFD:UserComment")


class Copies:
    """Makes and proves copies by one long-lived exiftool, from one thread at a time."""

    def __init__(self, exiftool: Exiftool) -> None:
        """`exiftool` belongs to the caller."""
        self._exiftool = exiftool

    def sound(self) -> None:
        """Raises UserError where there is no exiftool that works; one that died or hung is started again."""
        self._exiftool.version()

    def make(self, target: bytes, name: bytes, found: Inside, wanted: Content) -> None:
        """Let exiftool write a copy called `name` beside the photo, in which `wanted` stands.

        Raises Refused where it does not, and OSError where that is the disk's fault.
        """
        values = _values(found.content, wanted, found.format)
        try:
            self._exiftool.edit(target, name, values)
        except Refused as error:
            _room(os.path.join(os.path.dirname(target), name), os.path.getsize(target))
            raise Refused(error.path, _advice(error.reason, found.format)) from error
        mend.mend(os.path.join(os.path.dirname(target), name), wanted.packet, found.extended)

    def prove(self, target: bytes, temporary: bytes, found: Inside, wanted: Content, *, back: bool) -> None:
        """Raises Refused unless the copy holds what was wanted and is otherwise what the photo is.

        With `back` an earlier state returns, which exiftool may find worse than ours.
        """
        try:
            made = inside.look(temporary, image=True)
        except (Refused, PhotoError) as error:
            raise Refused(target, f"a changed copy of it could not be read: {error.reason}") from error
        if (made.image, made.format) != (found.image, found.format):
            raise Refused(target, "the picture itself, or what lies behind it in the file, would have changed")
        if made.content != wanted or made.extended != found.extended:
            raise Refused(target, f"its {_differing(made.content, wanted)} would not have become what was wanted")
        self._ask(target, temporary, wanted, back=back, whole=made.format != "JPEG")

    def _ask(self, target: bytes, temporary: bytes, wanted: Content, *, back: bool, whole: bool) -> None:
        """A second opinion: the blocks as it reads them, and what it thinks of the file.

        Not of the `whole` of a JPEG, which from its picture on was just compared byte for byte.
        """
        hashes = ("ImageDataHash",) if self._exiftool.version() >= _HASHES else ()
        before, after = self._exiftool.checked([target, temporary], ["XMP", "IPTC", *hashes], whole=whole)
        if before.get("ImageDataHash") != after.get("ImageDataHash"):
            raise Refused(target, "the picture itself would have changed")
        if not _is(after.get("XMP"), wanted.packet) or not _is(after.get("IPTC"), wanted.iptc):
            raise Refused(target, "exiftool would not have read what was wanted")
        worse = [] if hashes or back else _worse(before, after)
        if worse:
            raise Refused(target, f"exiftool would have found it damaged: {worse[0]}")


def _values(before: Content, after: Content, kind: str) -> dict[str, bytes | None]:
    """What exiftool is told, of the parts that change."""
    pairs = zip(_TAGS, before.parts, after.parts, strict=False)
    values = {tag: new for tag, old, new in pairs if old != new}
    if "XMP" in values and values["XMP"] is None:
        values = {"XMP:all" if tag == "XMP" else tag: value for tag, value in values.items()}
    if values.get("IPTC"):
        values["IPTC"] = inside.padded(values["IPTC"] or b"", kind)
    if values.get("IFD0:XPKeywords"):
        values["IFD0:XPKeywords"] = (values["IFD0:XPKeywords"] or b"").decode("utf-16-le").encode()
    if after.stamp != before.stamp or ("IPTC" in values and after.stamp):
        values["Photoshop:IPTCDigest"] = after.stamp.hex().encode() if after.stamp else None
    return values


def _differing(made: Content, wanted: Content) -> str:
    names = ("XMP", "IPTC", "EXIF caption", "XPKeywords", "UserComment", "IPTC digest")
    pairs = zip(names, made.parts, wanted.parts, strict=True)
    return ", ".join(name for name, one, other in pairs if one != other) or "XMP"


def _is(value: object, wanted: bytes | None) -> bool:
    """Whether exiftool's JSON shows these bytes.

    It leaves NULs out of what it takes for text, and of a GIF the last line break.
    """
    if wanted is None or value is None:
        return not value and not wanted
    data = value.encode() if isinstance(value, str) else value
    return isinstance(data, bytes) and data.replace(b"\0", b"").rstrip() == wanted.replace(b"\0", b"").rstrip()


def _worse(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What exiftool finds wrong with the copy and not with the photo, but for forms that nobody minds."""
    known = set(_wrong(before))
    return [said for said in _wrong(after) if said not in known and not _FORMAL.match(said)]


def _wrong(found: Mapping[str, object]) -> list[str]:
    several = [each for name in ("Error", "Warning") if isinstance(each := found.get(name), list)]
    return [str(said) for each in several for said in each]


def _room(temporary: bytes, size: int) -> None:
    """Raises OSError where not exiftool but the disk or the folder is to blame for a copy that failed."""
    exchange.discard(temporary)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(handle, 0, size)
    finally:
        os.close(handle)
        exchange.discard(temporary)


def _advice(reason: str, kind: str) -> str:
    if "Can't write" in reason or "Writing of" in reason:
        return f"this exiftool cannot write {kind}: {reason}; install a newer one, or keep words in a sidecar"
    return reason
