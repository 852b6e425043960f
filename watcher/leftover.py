"""Temporary files that a killed process left beside photos: known content goes, unknown content is kept aside.

The process may have died between exchanging a sidecar and looking at what came back, and then the
temporary file holds what another program wrote in that very moment.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from metadata import files, replace

log = logging.getLogger(__name__)


def clear(folders: Iterable[bytes], known: frozenset[bytes], aside: Path) -> int:
    """Clear these folders; content whose digest is not `known` is moved to `aside`. How many files there were."""
    count = 0
    for folder in set(folders):
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if _ours(entry):
                    _put_away(entry.path, known, aside)
                    count += 1
    return count


def _ours(entry: os.DirEntry[bytes]) -> bool:
    if not entry.name.startswith(files.PREFIX) or entry.name.startswith(replace.own()):
        return False
    return entry.is_file(follow_symlinks=False)


def _put_away(path: bytes, known: frozenset[bytes], aside: Path) -> None:
    with suppress(OSError):
        if files.digest(Path(os.fsdecode(path)).read_bytes()) in known:
            os.unlink(path)
            return
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = aside / os.fsdecode(os.path.basename(path))
        shutil.move(os.fsdecode(path), target)
        log.warning("%s held what nobody knows, and is now %s", os.fsdecode(path), target)
