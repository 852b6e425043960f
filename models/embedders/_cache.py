"""Vectors kept in a file between runs: a word that was embedded is not embedded again by the same model."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.protocols import Embedder


class Cached:
    """An embedder that asks another only for what it was not asked before; the file is replaced as a whole."""

    def __init__(self, embedder: Embedder, folder: Path, mark: str = "") -> None:
        """`mark` tells models apart that have one name (`marked`)."""
        self.name, self.version = embedder.name, embedder.version
        self._embedder = embedder
        told = " ".join(filter(None, (self.name, self.version, mark)))
        of = hashlib.sha256(told.encode()).hexdigest()[:16]
        self._file = folder / f"vectors-{of}.npz"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        known, rows = self._read()
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            made = np.asarray(self._embedder.embed(new), np.float32)
            known |= {text: len(rows) + place for place, text in enumerate(new)}
            rows = np.concatenate([rows, made]) if len(rows) else made
            self._write(known, rows)
        if not texts:
            return np.empty((0, rows.shape[1] if rows.ndim == 2 else 1), np.float32)
        return np.asarray(rows[[known[text] for text in texts]], np.float32)

    def _read(self) -> tuple[dict[str, int], NDArray[np.float32]]:
        try:
            with np.load(io.BytesIO(self._file.read_bytes()), allow_pickle=False) as kept:
                texts = json.loads(bytes(kept["texts"]))
                rows = np.asarray(kept["rows"], np.float32)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return {}, np.empty((0, 1), np.float32)  # nothing kept, or not ours: all is embedded anew
        return (
            ({text: place for place, text in enumerate(texts)}, rows)
            if len(texts) == len(rows)
            else ({}, rows[:0])
        )

    def _write(self, known: dict[str, int], rows: NDArray[np.float32]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._file.parent, suffix=".npz")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, texts=np.frombuffer(json.dumps(list(known)).encode(), np.uint8), rows=rows)
            os.replace(name, self._file)
        finally:
            Path(name).unlink(missing_ok=True)


def marked(model: str, url: str = "") -> str:
    """What tells a model in a folder from another of that name, or from what lay there before; or ""."""
    files = (
        sorted(path for path in Path(model).rglob("*") if path.is_file()) if model and os.path.isdir(model) else []
    )
    stats = [(str(path.relative_to(model)), path.stat()) for path in files]
    return url + "".join(f" {name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
