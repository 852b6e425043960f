"""How far this process stands back from others for the processor and the disk (Linux)."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Literal

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314}
"""The system call's number (ioprio_set(2) has no function in the C library)."""
_CLASS = {"low": (2, 7), "idle": (3, 0)}
"""Class and level: best effort at its lowest, idle."""

Disk = Literal["low", "idle", "normal"]


def stand_back(nice: int, disk: Disk) -> bool:
    """For this process, its threads and children to come; never forward. Whether the system let us.

    A process that was started further back, as by systemd, stays there.
    """
    done = True
    if nice > os.getpriority(os.PRIO_PROCESS, 0):
        try:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
        except OSError:
            done = False
    number = _IOPRIO_SET.get(platform.machine())
    if disk in _CLASS and number is not None:
        kind, level = _CLASS[disk]
        done = ctypes.CDLL(None, use_errno=True).syscall(number, 1, 0, kind << 13 | level) == 0 and done
    return done
