"""Who may do what with a new file: owner, group, mode, ACL and extended attributes, as far as we are allowed."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Final

_ACL: Final = "system.posix_acl_access"


def keep(handle: int, status: os.stat_result, path: bytes, made: os.stat_result | None = None) -> bool:
    """All rights and attributes of the file that is going to be replaced, as far as they are ours to give.

    `made` is the new file's own state where that is known. False where we may not give it the old one's
    owner and group.
    """
    owned = _own(handle, made, status, stat.S_IMODE(status.st_mode))
    _copy(handle, path, _names(path))
    return owned


def take(handle: int, path: bytes, made: os.stat_result | None = None) -> None:
    """Rights for a new sidecar from its photo: owner, group, ACL, and its mode without the right to execute.

    Its owner may always write it, or the next change could not be made.
    """
    try:
        status = os.stat(path)
    except OSError:
        return
    _own(handle, made, status, stat.S_IMODE(status.st_mode) & 0o666 | 0o200)
    _copy(handle, path, [name for name in _names(path) if name == _ACL])


def _own(handle: int, made: os.stat_result | None, status: os.stat_result, mode: int) -> bool:
    """Owner, group and mode, the first two only where they are others; whether they are what they should be."""
    owned = _owned(made or os.fstat(handle), status)
    if not owned:
        try:
            os.fchown(handle, status.st_uid, status.st_gid)
        except OSError:
            with contextlib.suppress(OSError):
                os.fchown(handle, -1, status.st_gid)
        owned = _owned(os.fstat(handle), status)
    with contextlib.suppress(OSError):
        os.fchmod(handle, mode)
    return owned


def _owned(now: os.stat_result, status: os.stat_result) -> bool:
    return (now.st_uid, now.st_gid) == (status.st_uid, status.st_gid)


def _names(of: bytes | int) -> list[str]:
    try:
        return os.listxattr(of)
    except OSError:
        return []


def _copy(handle: int, path: bytes, names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            os.setxattr(handle, name, os.getxattr(path, name))
    if _ACL not in names and _ACL in _names(handle):  # inherited from the folder; the model has none
        with contextlib.suppress(OSError):
            os.removexattr(handle, _ACL)
