"""The two renames that Python lacks: one that exchanges, one that never overwrites (Linux renameat2(2))."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import lru_cache
from typing import Any, Final

_AT_FDCWD: Final = -100
_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY})


@lru_cache(maxsize=1)
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


@lru_cache(maxsize=1)
def _call() -> Any:
    """The system's call, with its types told once; None where the C library is older than 2.28."""
    call = getattr(_libc(), "renameat2", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call


def _renameat2(source: bytes, target: bytes, flags: int) -> bool:
    call = _call()
    if call is None:
        return False
    if call(_AT_FDCWD, source, _AT_FDCWD, target, flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), target)


def exchange(one: bytes, other: bytes) -> bool:
    """Swap two files in one step; False where the file system cannot. Raises OSError."""
    return _renameat2(one, other, _EXCHANGE)


def move(source: bytes, target: bytes) -> None:
    """Rename where nothing stands at `target`; raises FileExistsError where something does, else OSError.

    Where the file system has no such rename a hard link does the same; without those either (FAT, some
    shares) a look before the rename has to do.
    """
    if _renameat2(source, target, _NOREPLACE):
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target)
    else:
        os.unlink(source)


def flush(handle: int) -> None:
    """Put everything on the file system of an open file on its disk (syncfs(2)); raises OSError."""
    if _libc().syncfs(handle) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
