"""Files as bytes: read one safely, say what an error of the system means for a person, clear what a kill left."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from typing import Final

from metadata.errors import PlaceClosed, Refused, TagwrightError, TryAgain

PREFIX: Final = b".tagwright-"
"""How the names of our temporary files begin; they live beside the file that they are to replace."""

NAME_MAX: Final = 255
"""Bytes in one file name (Linux NAME_MAX, also on SMB and NFS)."""

_CLOSED_TO_US: Final = "may not be read; give the service's user the right to"
_CLOSED: Final = {
    errno.ENOSPC: "the disk is full; make room on it",
    errno.EDQUOT: "the quota is used up; make room or raise it",
    errno.EROFS: "it is mounted read-only; mount it read-write",
    errno.EACCES: "we may not write in this folder; give the service's user the right to",
    errno.EPERM: "we may not write in this folder; give the service's user the right to",
    errno.EIO: "the disk reports an error; look at the system's log and check the disk",
    errno.ENOTCONN: "the file system does not answer; is it still mounted?",
    errno.ESTALE: "the server has forgotten this folder; mount it anew",
    errno.EHOSTDOWN: "the server does not answer; is it switched on?",
    errno.ETIMEDOUT: "the server does not answer; is it switched on?",
    errno.ENODEV: "the disk is gone; is it still plugged in?",
    errno.ENXIO: "the disk is gone; is it still plugged in?",
}


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes and the stat of the very file they came from; `path` is where it truly is."""

    path: bytes
    data: bytes
    stat: os.stat_result


def digest(data: bytes) -> bytes:
    """16 bytes that identify the content (SHA-256, shortened: today's processors have it built in)."""
    return hashlib.sha256(data).digest()[:16]


def translate(error: OSError, path: bytes) -> TagwrightError:
    """One of our errors for what the system said about writing at `path`."""
    folder = os.path.dirname(path)
    if error.errno in _CLOSED:
        return PlaceClosed(folder, _CLOSED[error.errno])
    if error.errno == errno.ENAMETOOLONG:
        return Refused(path, f"its name would be longer than {NAME_MAX} bytes")
    return TryAgain(path, error.strerror or str(error))


def read(path: bytes, *, base: bytes, limit: int) -> Content | None:
    """What stands at `path`; None where nothing does.

    A link is followed only where it ends in a regular file below `base`. Raises Refused for whatever else
    is no regular file, holds more than `limit` bytes or may not be read; PlaceClosed or TryAgain where
    the system cannot say.
    """
    try:
        return _content(regular(path, base=base)[0], limit)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise Refused(path, _CLOSED_TO_US) from error
    except OSError as error:
        raise translate(error, path) from error


def regular(path: bytes, *, base: bytes) -> tuple[bytes, os.stat_result]:
    """Where a regular file truly is, and its stat. Raises Refused as `read` does, and OSError."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        path = _followed(path, base)
        found = os.lstat(path)
    _regular(path, found.st_mode)
    return path, found


def _content(path: bytes, limit: int) -> Content:
    # O_NONBLOCK: what was a file a moment before may be a FIFO now, and must not hang us.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        _regular(path, status.st_mode)
        if status.st_size > limit:
            raise Refused(path, f"has {status.st_size} bytes; {limit} are the most that is read")
        data = whole(handle, status.st_size)
    finally:
        os.close(handle)
    return Content(path, data, status)


def whole(handle: int, size: int) -> bytes:
    """All that an open file holds, which is probably `size` bytes; raises OSError."""
    data = os.read(handle, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _regular(path: bytes, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFLNK: "link", stat.S_IFSOCK: "socket"}
        raise Refused(path, f"is a {kinds.get(stat.S_IFMT(mode), 'device')}, no file")


def _followed(path: bytes, base: bytes) -> bytes:
    try:
        target = os.path.realpath(path, strict=True)
    except OSError as error:
        raise Refused(path, "is a link that leads nowhere") from error
    if os.path.commonpath((os.path.realpath(base), target)) != os.path.realpath(base):
        raise Refused(path, "is a link that leads out of the library")
    return target
