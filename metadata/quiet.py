"""Waits a moment for a file that another program is just writing anew, so that it does not write over us.

Programs that replace a file read it first, and write back what they read milliseconds later. Two signs
show that: somebody has the file open (a lease, fcntl(2) F_SETLEASE, is given for a file that nobody has
open), or exiftool's temporary file lies beside it (Immich uses exiftool too).
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_EXIFTOOL: Final = b"_exiftool_tmp"
_FRESH: Final = 10_000_000_000
"""Nanoseconds; an exiftool that was killed leaves its file for ever."""

_STEP: Final = 0.001


class Patience:
    """Seconds that a whole batch may wait."""

    def __init__(self, seconds: float = 0.25) -> None:
        self.left = seconds

    def spend(self) -> bool:
        """Wait one step; false where there is none left."""
        if self.left <= 0:
            return False
        self.left -= _STEP
        time.sleep(_STEP)
        return True


@contextmanager
def quiet(path: bytes, now: int, patience: Patience) -> Iterator[bool]:
    """Hold `path` while nobody else has it open; who opens it meanwhile, ourselves too, waits until we are done.

        `now` is a time of the same file system's clock, in nanoseconds. Where no lease is to be had (another's
        file, a network share) only the second sign counts. Gives false where exiftool was still at it in the end;
    a mere reader is not waited for any longer. Raises nothing.
    """
    handle = -1
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # In this order: from when we hold the file nobody begins anew, and who began before shows the second sign.
        while True:
            alone, busy = handle < 0 or _alone(handle), _replaced(path, now)
            if (alone and not busy) or not patience.spend():
                break
        yield not busy
    finally:
        if handle >= 0:
            os.close(handle)  # and with it the lease


def _alone(handle: int) -> bool:
    """Whether we hold the file now, or never can."""
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)  # ignored by default; SIGIO would end us
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        return error.errno != errno.EAGAIN
    return True


def _replaced(path: bytes, now: int) -> bool:
    try:
        return abs(now - os.lstat(path + _EXIFTOOL).st_mtime_ns) < _FRESH
    except OSError:
        return False
