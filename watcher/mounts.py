"""Which file system a path is on, and what may be expected of it (Linux, /proc/self/mountinfo)."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

MOUNTINFO = "/proc/self/mountinfo"

_REPORTING = """
    ext2 ext3 ext4 xfs btrfs zfs f2fs tmpfs ramfs overlay jfs reiserfs reiser4 bcachefs nilfs2
    ntfs3 ntfs vfat msdos exfat hfs hfsplus udf iso9660 erofs squashfs
"""
_NETWORK = """
    nfs nfs3 nfs4 cifs smb smb2 smb3 smbfs ncpfs afs ceph glusterfs lustre coda davfs gfs2 ocfs2 beegfs gpfs
    orangefs pvfs2 9p virtiofs vboxsf prl_fs vmhgfs drvfs fuse fuseblk
"""

REPORTING = frozenset(_REPORTING.split())
"""File systems whose changes all pass this kernel, so inotify sees them. What is not known is polled."""

NETWORK = frozenset(_NETWORK.split())
"""File systems behind which another machine (or a program) stands; every `fuse.*` counts as well."""

_NUMBERS = {
    0xEF53: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x2FC12FC1: "zfs",
    0xF2F52010: "f2fs",
    0x01021994: "tmpfs",
    0x794C7630: "overlay",
    0x6969: "nfs",
    0xFF534D42: "cifs",
    0xFE534D42: "smb2",
    0x65735546: "fuse",
    0x01021997: "9p",
}
"""The numbers in linux/magic.h (zfs: its own) of what a chroot may lie on."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table: where, what kind, from what, and the kernel's number for it.

    `device` is the disk as `major:minor`, and `inside` the folder of its file system that is mounted.
    """

    number: int
    point: bytes
    fstype: str
    source: bytes
    device: str = ""
    inside: bytes = b"/"


def table() -> list[Mount]:
    """The mounts that this process sees, in the kernel's order."""
    with open(MOUNTINFO, "rb") as file:
        return list(_parsed(file.read()))


@lru_cache(maxsize=1)
def _parsed(content: bytes) -> tuple[Mount, ...]:
    """Each root asks every few seconds, and nearly always it is the same table."""
    return tuple(parse(content))


def parse(content: bytes) -> list[Mount]:
    """The mounts in the text of a mountinfo file (proc_pid_mountinfo(5)); lines not understood are left out."""
    mounts = []
    for line in content.splitlines():
        before, _, after = line.partition(b" - ")
        left, right = before.split(b" "), after.split(b" ")
        if len(left) >= 5 and len(right) >= 2:
            kind = right[0].decode("ascii", "replace")
            device = left[2].decode("ascii", "replace")
            mounts.append(
                Mount(int(left[0]), _unescape(left[4]), kind, _unescape(right[1]), device, _unescape(left[3]))
            )
    return mounts


def mount_of(path: bytes, mounts: Sequence[Mount]) -> Mount | None:
    """The mount that holds an absolute path without links: the longest; of equals the last, which is on top."""
    best: Mount | None = None
    for mount in mounts:
        if is_below(path, mount.point) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def on_disk(path: bytes, mounts: Sequence[Mount]) -> tuple[str, bytes] | None:
    """The disk that an absolute path without links lies on, and where there: the same for two mounts of it."""
    mount = mount_of(path, mounts)
    if mount is None or not mount.device:
        return None
    inner = path[len(mount.point.rstrip(b"/")) :]
    return mount.device, mount.inside.rstrip(b"/") + inner or b"/"


def branches(path: bytes, mounts: Sequence[Mount]) -> list[bytes]:
    """The folders behind a path on a union of disks (Unraid's shfs, mergerfs), as far as the mount table tells."""
    mount = mount_of(path, mounts)
    if mount is None or not mount.fstype.startswith("fuse."):
        return []
    inner = path[len(mount.point.rstrip(b"/")) :]
    if mount.fstype == "fuse.shfs":  # Unraid: every disk of the array and every pool stands beside it in /mnt
        pools = {each.point for each in mounts if os.path.dirname(each.point) == os.path.dirname(mount.point)}
        return sorted(pool + inner for pool in pools if not os.path.basename(pool).startswith(b"user"))
    if mount.fstype == "fuse.mergerfs":
        return [part.partition(b"=")[0] + inner for part in mount.source.split(b":") if part.startswith(b"/")]
    return []


def below(path: bytes, mounts: Sequence[Mount]) -> list[Mount]:
    """The mounts inside a folder, itself not counted."""
    return [mount for mount in mounts if mount.point != path and is_below(mount.point, path)]


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether an absolute path is the folder or lies in it."""
    return folder in (b"/", path) or path.startswith(folder + b"/")


def fstype(path: bytes) -> str:
    """The type of the file system that holds the path ("ext4", "nfs4", …); "" where it cannot be told.

    The path need not exist: then the folder that would hold it counts.
    """
    real = os.path.realpath(path)
    found = mount_of(real, table())
    return found.fstype if found else fstype_by_number(real)


def fstype_by_number(path: bytes) -> str:
    """The type by the kernel's own number (statfs(2)), as a chroot's mount table lacks the root itself; or ""."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    answer = (ctypes.c_long * 32)()  # struct statfs is 120 bytes on 64-bit Linux, and begins with f_type
    if ctypes.CDLL(None, use_errno=True).statfs(path, answer):
        return ""
    return _NUMBERS.get(answer[0] & 0xFFFFFFFF, "")


def reports_events(kind: str) -> bool:
    """Whether inotify tells every change on a file system of this type."""
    return kind in REPORTING


def is_network(kind: str) -> bool:
    """Whether such a file system may cache what stat says, and lacks the shared memory that SQLite's WAL needs."""
    return kind in NETWORK or kind.startswith(("fuse.", "fuseblk.", "nfs", "smb"))


def in_container() -> bool:
    """Whether kernel settings have to be changed outside: Docker, Podman and systemd-nspawn leave these marks."""
    return any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")))


def in_image() -> bool:
    """Whether a compose file says who we are and what is mounted: in containers without a system of their own."""
    return in_container() and not os.path.isdir("/run/systemd/system")


def _unescape(field: bytes) -> bytes:
    r"""Blanks, tabs, newlines and backslashes stand as \040, \011, \012 and \134."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), field)
