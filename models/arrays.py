"""Arrays kept in a file between runs, replaced as a whole; a broken file counts as none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray


def load(file: Path) -> dict[str, NDArray[Any]] | None:
    """What `save` wrote; None where nothing is there, or nothing that can be read."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def save(file: Path, **arrays: Any) -> None:
    """Write all, and put it in place at once. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)
        os.replace(name, file)
    finally:
        Path(name).unlink(missing_ok=True)
