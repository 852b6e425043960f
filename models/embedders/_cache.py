"""Vectors of texts that are kept between runs: a word that was embedded is not embedded again by the same model.

Where they are kept is a `Shelf`: the ledger (`watcher.texts`), or a file a model for those who have no ledger.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models import arrays
from models.protocols import Embedder

Rows = NDArray[np.float32]


class Shelf(Protocol):
    """Keeps vectors by model and text."""

    def known(self, model: str, texts: Sequence[str]) -> Mapping[str, Rows]:
        """What is kept of these texts."""
        ...

    def keep(self, model: str, texts: Sequence[str], rows: Rows) -> Rows:
        """Keep a row a text; the rows as `known` will have them. That they cannot be kept is no fault."""
        ...


class Cached:
    """An embedder that asks another only for what it was not asked before."""

    def __init__(self, embedder: Embedder, shelf: Shelf, mark: str = "") -> None:
        """`mark` tells models apart that have one name (`marked`)."""
        self.name, self.version = embedder.name, embedder.version
        self._embedder, self._shelf = embedder, shelf
        told = " ".join(filter(None, (self.name, self.version, mark)))
        self.model = f"{self.name} {self.version} {hashlib.sha256(told.encode()).hexdigest()[:16]}"
        """What its vectors are kept under."""

    def embed(self, texts: Sequence[str]) -> Rows:
        """One row a text."""
        each = list(dict.fromkeys(texts))
        known = dict(self._shelf.known(self.model, each))
        new = [text for text in each if text not in known]
        if new:
            made = self._shelf.keep(self.model, new, np.asarray(self._embedder.embed(new), np.float32))
            known |= dict(zip(new, made, strict=True))
        if not texts:
            return np.empty((0, 1), np.float32)
        return np.asarray([known[text] for text in texts], np.float32)


class Files:
    """A file a model in a folder, each replaced as a whole; a broken one counts as none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def known(self, model: str, texts: Sequence[str]) -> Mapping[str, Rows]:
        """See `Shelf`."""
        places, rows = self._read(model)
        return {text: rows[places[text]] for text in texts if text in places}

    def keep(self, model: str, texts: Sequence[str], rows: Rows) -> Rows:
        """See `Shelf`. Raises OSError where the folder cannot be written."""
        places, before = self._read(model)
        every = json.dumps([*places, *texts]).encode()
        made = np.concatenate([before, rows]) if len(before) else rows
        arrays.save(self.file(model), texts=np.frombuffer(every, np.uint8), rows=made)
        return rows

    def file(self, model: str) -> Path:
        """Where they are."""
        return self._folder / f"vectors-{model.rpartition(' ')[2]}.npz"

    def _read(self, model: str) -> tuple[dict[str, int], Rows]:
        kept = arrays.load(self.file(model)) or {}
        try:
            texts = json.loads(bytes(kept["texts"]))
            rows = np.asarray(kept["rows"], np.float32)
        except (ValueError, KeyError):
            return {}, np.empty((0, 1), np.float32)  # nothing kept, or not ours: all is embedded anew
        if len(texts) != len(rows):
            return {}, np.empty((0, 1), np.float32)
        return {text: place for place, text in enumerate(texts)}, rows


def marked(model: str, url: str = "") -> str:
    """What tells a model in a folder from another of that name, or from what lay there before; or ""."""
    files = (
        sorted(path for path in Path(model).rglob("*") if path.is_file()) if model and os.path.isdir(model) else []
    )
    stats = [(str(path.relative_to(model)), path.stat()) for path in files]
    return url + "".join(f" {name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
