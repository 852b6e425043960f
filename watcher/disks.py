"""Disks that are mounted inside a root: one that is away is no folder whose photos are gone."""

from __future__ import annotations

import os
from collections.abc import Callable

from watcher import mounts
from watcher.walk import Identity


def inside(base: bytes) -> list[tuple[bytes, str]]:
    """Where something is mounted below a folder, and its file system; nothing where that cannot be told."""
    real = os.path.realpath(base)
    try:
        found = mounts.below(real, mounts.table())
    except OSError:
        return []
    start = len(real.rstrip(b"/")) + 1
    return [(mount.point[start:], mount.fstype) for mount in found]


def silent(base: bytes) -> frozenset[bytes]:
    """Those of them that tell nobody of changes."""
    return frozenset(path for path, kind in inside(base) if not mounts.reports_events(kind))


def mounted(base: bytes) -> tuple[str, ...]:
    """The places of all of them."""
    return tuple(sorted({os.fsdecode(path) for path, _ in inside(base)}))


def away(then: Identity | None, now: Identity, holds: Callable[[bytes], bool]) -> str:
    """The first place where a disk was and none is now, and where known photos lie as `holds` says; or ""."""
    gone = (path for path in (then.disks if then else ()) if path not in now.disks)
    return next((path for path in gone if holds(os.fsencode(path))), "")


def anchor(base: bytes) -> tuple[object, ...] | None:
    """What tells a root with all disks in it from the empty folders below them; None where it is not there."""
    try:
        found = os.stat(base)
    except OSError:
        return None
    return found.st_dev, found.st_ino, *inside(base)


def why(name: str, base: bytes, now: Identity, gone: str) -> str:
    """Why a root waits that looks like this, or in which `gone` is `away`."""
    where = os.fsdecode(base)
    if not now.fs:
        return f"root {name} waits: {where} is not there; mount it, or change its path in the settings"
    if gone:
        return (
            f"root {name} waits: a disk of its own was mounted at {where}/{gone} and is not there; mount it, "
            f"or run `tagwright accept {name}` if it is gone for good"
        )
    return (
        f"root {name} waits: {where} holds {now.found} of {now.asked} files that should be there; "
        f"mount the right folder, or run `tagwright accept {name}` if this is it"
    )
