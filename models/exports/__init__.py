"""Makes ONNX files of published checkpoints, a module a model; the only rooms that know torch."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from metadata.errors import UserError

Tell = Callable[[str], object]
Export = Callable[[Path, Path, Tell], Sequence[Path]]
"""Checkpoint, the model's folder with its lists, who is told of each step; the files that were made."""


def names() -> list[str]:
    """The models that can be made, without importing one."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def of(name: str) -> Export:
    """What makes this model. Raises UserError for another, and where a library is missing."""
    if name not in names():
        raise UserError(f"{name!r} is made of no checkpoint; these are: {', '.join(names())}")
    try:
        return cast("Export", importlib.import_module(f"models.exports.{name}").export)
    except ImportError as error:
        library = (error.name or str(error)).partition(".")[0]
        raise UserError(f"`models export` needs {library!r}: pip install torch, then tagwright[export]") from error
