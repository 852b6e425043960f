"""Puts files that were made beside others in their place, durably, and never over what somebody else wrote.

As `metadata.replace`, for files that are too large to be held in memory: they are told apart by digests.
The order for a batch is: all synced, all exchanged, all folders synced. Where the system refuses to rename
over a file the file stays: a photo is never written in place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from metadata import rename, rights
from metadata.errors import ChangedMeanwhile, Refused, TagwrightError
from metadata.files import translate
from metadata.replace import by_disk, sync_folders

_MANY: Final = 4
"""From this many files on one syncfs is cheaper than a sync each."""
_PATIENCE: Final = 10
_REFUSED_OVER: Final = frozenset({errno.EPERM, errno.EXDEV, errno.EBUSY})


@dataclass(frozen=True, slots=True)
class Made:
    """A file `temporary` that is to become `target`, whose content must still have the digest `before`.

    With `kept` the old file stays under that name, where nothing has it yet.
    """

    target: bytes
    temporary: bytes
    before: bytes
    kept: bytes = b""


def digest(path: bytes) -> bytes:
    """What tells contents apart: SHA-256, shortened to 16 bytes. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").digest()[:16]


def place(several: Sequence[Made]) -> list[TagwrightError | None]:
    """Exchange each, an answer each, None where it was done; no temporary file is left.

    ChangedMeanwhile: the target was not `before` any more, and is left as it was. Refused, TryAgain and
    PlaceClosed as their names say; the target is what it was.
    """
    try:
        faults = _readied(several)
        answers = [fault or _attempt(made) for made, fault in zip(several, faults, strict=True)]
        fault = sync_folders({os.path.dirname(made.target) for made in several})
    finally:
        for made in several:
            discard(made.temporary)
    return [answer or fault for answer in answers]


def discard(path: bytes) -> None:
    """Remove a temporary file of ours, and what exiftool may have left beside it."""
    for name in (path, path + b"_exiftool_tmp"):
        with contextlib.suppress(OSError):
            os.unlink(name)


def _readied(several: Sequence[Made]) -> list[TagwrightError | None]:
    """Rights as the file has that is replaced, and all contents on their disks."""
    faults = [_ready(made) for made in several]
    sound = [made.temporary for made, fault in zip(several, faults, strict=True) if fault is None]
    fault = _synced(sound)
    return [each or fault for each in faults]


def _ready(made: Made) -> TagwrightError | None:
    try:
        handle = os.open(made.temporary, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            rights.keep(handle, os.stat(made.target), made.target)
        finally:
            os.close(handle)
    except OSError as error:
        return translate(error, made.target)
    return None


def _synced(paths: Sequence[bytes]) -> TagwrightError | None:
    path = b""
    try:
        for some in by_disk(paths):
            many = len(some) >= _MANY
            for path in some[:1] if many else some:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    (rename.flush if many else os.fdatasync)(handle)
                finally:
                    os.close(handle)
    except OSError as error:
        return translate(error, path)
    return None


def _attempt(made: Made) -> TagwrightError | None:
    try:
        _exchange(made)
    except TagwrightError as error:
        return error
    except FileNotFoundError:
        return ChangedMeanwhile(made.target, "it is gone")
    except OSError as error:
        if error.errno in _REFUSED_OVER:
            return Refused(made.target, "the system does not let a file be renamed over it")
        return translate(error, made.target)
    return None


def _exchange(made: Made) -> None:
    after = os.stat(made.temporary).st_ino
    if rename.exchange(made.temporary, made.target):
        if digest(made.temporary) != made.before:
            _give_back(made, after)
        if made.kept:
            with contextlib.suppress(FileExistsError):  # the first one kept is the true original
                rename.move(made.temporary, made.kept)
        return
    if digest(made.target) != made.before:
        raise ChangedMeanwhile(made.target, "it is no longer what was read")
    if made.kept:
        with contextlib.suppress(OSError):
            os.link(made.target, made.kept)
    os.rename(made.temporary, made.target)


def _give_back(made: Made, after: int) -> None:
    """Somebody wrote between our last look and the exchange: theirs goes back, whatever they do meanwhile."""
    for _ in range(_PATIENCE):
        if not rename.exchange(made.temporary, made.target) or os.stat(made.temporary).st_ino == after:
            break
    raise ChangedMeanwhile(made.target, "somebody else wrote it in the same moment")
