"""Who may do what with a new file: owner, group, mode, ACL and extended attributes, as far as we are allowed."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Final

_ACL: Final = "system.posix_acl_access"
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS_ALONE: Final = 0o600


class Fresh:
    """Makes files, and remembers for a moment what one has by itself in a folder, so that it is asked once.

    Whose a new file is and whether it inherits an access list is the folder's matter.
    """

    def __init__(self) -> None:
        self._owners: dict[bytes, tuple[int, int]] = {}
        self._listed: dict[bytes, bool] = {}

    def make(self, path: bytes, like: os.stat_result | None, mode: int) -> int:
        """A new file, open for writing; raises OSError.

        It has this mode from the start where it is known to be `like`'s owner's and group's, and is ours alone
        until it is given to them.
        """
        owner = self._owners.get(path[: path.rfind(b"/")])
        known = like is not None and owner == (like.st_uid, like.st_gid)
        return os.open(path, _FLAGS, mode if known else _OURS_ALONE)

    def noted(self, path: bytes, handle: int) -> os.stat_result:
        """The new file's own state; raises OSError."""
        made = os.stat(handle)
        self._owners.setdefault(path[: path.rfind(b"/")], (made.st_uid, made.st_gid))
        return made

    def inherits(self, path: bytes, handle: int) -> bool:
        """Whether files in this one's folder come with an access list."""
        folder = path[: path.rfind(b"/")]
        if folder not in self._listed:
            self._listed[folder] = _ACL in _names(handle)
        return self._listed[folder]


def keep(handle: int, status: os.stat_result, path: bytes, made: os.stat_result | None = None) -> bool:
    """All rights and attributes of the file that is going to be replaced, as far as they are ours to give.

    `made` is the new file's own state where that is known. False where we may not give it the old one's
    owner and group.
    """
    owned = _own(handle, made, status, stat.S_IMODE(status.st_mode))
    names = _names(path)
    _copy(handle, path, names)
    if _ACL not in names and _ACL in _names(handle):
        _bare(handle)
    return owned


def photos(path: bytes) -> tuple[os.stat_result | None, int]:
    """The state of the photo that a new sidecar is for, and the mode that the sidecar gets: without execution.

    Its owner may always write it, or the next change could not be made. Ours alone where there is no photo.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None, _OURS_ALONE
    return status, stat.S_IMODE(status.st_mode) & 0o666 | 0o200


def take(handle: int, like: tuple[bytes, os.stat_result, int], made: os.stat_result, *, inherits: bool) -> None:
    """Rights for a new sidecar from its photo (path, state, mode to give): owner, group, ACL, and that mode.

    `inherits`: a new file here comes with an access list of the folder's.
    """
    path, status, mode = like
    _own(handle, made, status, mode)
    listed = _ACL in _names(path)
    _copy(handle, path, [_ACL] if listed else [])
    if inherits and not listed:
        _bare(handle)


def _own(handle: int, made: os.stat_result | None, status: os.stat_result, mode: int) -> bool:
    """Owner, group and mode, each only where it is another; whether the first two are what they should be."""
    made = made or os.fstat(handle)
    owned = _owned(made, status)
    if not owned:
        try:
            os.fchown(handle, status.st_uid, status.st_gid)
        except OSError:
            with contextlib.suppress(OSError):
                os.fchown(handle, -1, status.st_gid)
        made = os.fstat(handle)
        owned = _owned(made, status)
    if stat.S_IMODE(made.st_mode) != mode:
        with contextlib.suppress(OSError):
            os.fchmod(handle, mode)
    return owned


def _owned(now: os.stat_result, status: os.stat_result) -> bool:
    return now.st_uid == status.st_uid and now.st_gid == status.st_gid


def _names(of: bytes | int) -> list[str]:
    try:
        return os.listxattr(of)
    except OSError:
        return []


def _copy(handle: int, path: bytes, names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            os.setxattr(handle, name, os.getxattr(path, name))


def _bare(handle: int) -> None:
    """Without the access list that it inherited: its model has none."""
    with contextlib.suppress(OSError):
        os.removexattr(handle, _ACL)
