"""A photo as the other rooms know it: where it is, what its file looks like, what its EXIF says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Stat(NamedTuple):
    """What identifies one state of a file without reading it (sizes in bytes, times in nanoseconds)."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, result: os.stat_result) -> Stat:
        """The four numbers of a stat result."""
        return cls(result.st_size, result.st_mtime_ns, result.st_ctime_ns, result.st_ino)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: (root name, path below the root), and where that root is mounted today.

    Paths are bytes, because a file name on Linux need not be UTF-8.
    """

    id: int
    root: str
    base: bytes
    path: bytes

    @property
    def file(self) -> bytes:
        """The absolute path."""
        base = self.base
        return base + self.path if base.endswith(b"/") else b"%b/%b" % (base, self.path)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file says about itself; None where it says nothing.

    `taken` is local time as the camera wrote it, without a zone; `offset` is its distance from UTC in
    minutes where the file knows it (EXIF 2.31 OffsetTimeOriginal, else GPS time). `latitude` and
    `longitude` are WGS 84 degrees. `width` and `height` are of the stored raster, before `orientation`
    (1-8, TIFF 6.0 tag 274) is applied. `exposure` is in seconds, `focal` in millimetres. `burst` names the burst
    that a photo is of, within its folder; `moment` is Apple's name for what a still and its film share.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    taken: datetime | None = None
    offset: int | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    exposure: float | None = None
    aperture: float | None = None
    iso: int | None = None
    focal: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    software: str | None = None
    panorama: bool = False
    comment: str | None = None
    burst: str = ""
    moment: str = ""

    @property
    def position(self) -> tuple[float, float] | None:
        """Latitude and longitude, where both are known."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as a person sees the picture."""
        turned = self.orientation >= 5
        return (self.height, self.width) if turned else (self.width, self.height)
