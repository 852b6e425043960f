"""The kernel's inotify, spoken through ctypes: watches on folders, and the events as tuples (inotify(7))."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

CLOSE_WRITE = 0x00000008
MOVED_FROM = 0x00000040
MOVED_TO = 0x00000080
CREATE = 0x00000100
DELETE_SELF = 0x00000400
MOVE_SELF = 0x00000800
UNMOUNT = 0x00002000
Q_OVERFLOW = 0x00004000
IGNORED = 0x00008000
ONLYDIR = 0x01000000
DONT_FOLLOW = 0x02000000
EXCL_UNLINK = 0x04000000
ISDIR = 0x40000000

FOLDER_MASK = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | ONLYDIR | DONT_FOLLOW | EXCL_UNLINK
"""No DELETE: a photo that is gone is no hurry, and no OPEN or CLOSE_NOWRITE: our own reading would come back."""

ROOT_MASK = (FOLDER_MASK | DELETE_SELF | MOVE_SELF) & ~DONT_FOLLOW

READ_SIZE = 1 << 20

_HEAD = struct.Struct("iIII")


class Event(NamedTuple):
    """One event: the watch it came by, what happened, and the name in the watched folder (b"" = itself).

    The two events of one renaming share a `cookie`.
    """

    watch: int
    mask: int
    name: bytes
    cookie: int = 0


class Inotify:
    """One inotify instance; `fileno` is readable when events wait. Raises OSError as the kernel says it."""

    def __init__(self) -> None:
        descriptor = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if descriptor < 0:
            raise _error()
        self._descriptor: int = descriptor
        self._add = _libc().inotify_add_watch

    def fileno(self) -> int:
        """The descriptor, for poll."""
        return self._descriptor

    def add(self, path: bytes, mask: int) -> int:
        """Watch a folder; a folder that is watched already answers with the number it has."""
        number: int = self._add(self._descriptor, path, mask)
        if number < 0:
            raise _error(path)
        return number

    def remove(self, watch: int) -> None:
        """Stop a watch; one that is gone already is no error."""
        _libc().inotify_rm_watch(self._descriptor, watch)

    def read(self) -> bytes:
        """The events that wait, as the kernel packs them; b"" when there are none."""
        try:
            return os.read(self._descriptor, READ_SIZE)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Give the instance and all its watches back."""
        os.close(self._descriptor)


def events(packed: bytes) -> Iterator[Event]:
    """The events in what `Inotify.read` gave."""
    at, end, head = 0, len(packed), _HEAD.unpack_from
    while at < end:
        watch, mask, cookie, length = head(packed, at)
        at += 16
        yield Event(watch, mask, packed[at : at + length].rstrip(b"\0"), cookie)
        at += length


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.inotify_init1.argtypes = [ctypes.c_int]
    libc.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
    libc.inotify_rm_watch.argtypes = [ctypes.c_int, ctypes.c_int]
    return libc


def _error(path: bytes | None = None) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)
