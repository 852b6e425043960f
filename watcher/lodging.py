"""Where on this machine a ledger can lie, for a person whose `state` names a place that cannot hold one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from watcher import mounts
from watcher.mounts import Mount

DISKS = frozenset(("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "bcachefs"))
"""File systems that lie on a disk and outlast a reboot."""
USUAL = b"/var/lib"
ROOM = 1 << 30
"""Bytes that have to be free: a ledger of some 500,000 photos."""


def remedy(state: Path) -> str:
    """What to do, with a path that would hold it where there is one."""
    if mounts.in_image():
        return f"mount a volume on a disk of the host itself at {state}"
    place = better(mounts.table(), free)
    return "set `state` to a folder on a disk of this machine" + (f", such as {place}" if place else "")


def better(table: Sequence[Mount], room: Callable[[bytes], int]) -> str:
    """A folder that can be made for it: in /var/lib where that is a disk, else where there is most room; or ""."""
    usual = mounts.mount_of(USUAL, table)
    if usual is not None and usual.fstype in DISKS and room(USUAL) >= ROOM:
        return os.fsdecode(USUAL + b"/tagwright")
    points = [each.point for each in table if each.fstype in DISKS]
    best = max(points, key=room, default=b"")
    return os.fsdecode(os.path.join(best, b"tagwright")) if best and room(best) >= ROOM else ""


def free(folder: bytes) -> int:
    """Bytes for whoever is not root; 0 where nothing can be written, or where it is no folder."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    if found.f_flag & os.ST_RDONLY or not os.path.isdir(folder):
        return 0
    return found.f_bavail * found.f_frsize
