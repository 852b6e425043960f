"""Any multi-label model in an ONNX file that a manifest describes: the WD taggers, DeepDanbooru, RAM++ and others.

Scores are relative to the model's own thresholds, which differ from model to model and from word to word: 0.5 is
the threshold, and what the model's authors would say is what a `threshold` of 0.5 chooses.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metadata.errors import UserError
from models import labels, manifest, pixels, runtime
from models.labels import Table
from models.manifest import Manifest
from models.protocols import Scored, View

MOST = 128
"""Words a photo."""
LEAST = 0.1
"""A fifth of a threshold: what lies below is not worth a line."""


class Onnx:
    """One model; its file is loaded when the first photo comes."""

    of_file = False

    def __init__(self, about: Manifest, folder: Path, table: Table, options: Mapping[str, Any]) -> None:
        self.name = about.name
        self.edge = about.input.wanted
        self._about, self._folder, self._table, self._options = about, folder, table, options
        size = (folder / about.model).stat().st_size
        wishes = "".join(f".{name}={wish}" for name, wish in sorted(options["categories"].items()))
        self.version = f"{about.stamp}-{size:x}{wishes}".replace("@", "-")
        self._lock = threading.Lock()

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """The words of each photo above a fifth of their thresholds, the surest first."""
        said: list[list[Scored]] = []
        batch = self._batch
        for start in range(0, len(views), batch):
            some = [
                pixels.numbers(view.pixels(self.edge), self._about.input) for view in views[start : start + batch]
            ]
            said += [self._words(row) for row in self._asked(np.stack(some), batch)]
        return said

    @cached_property
    def _session(self) -> Any:
        path = self._folder / self._about.model
        return runtime.session(path, threads=self._options["threads"], device=self._options["device"])

    @property
    def _batch(self) -> int:
        """As many photos as are asked for at once, or as the file demands."""
        with self._lock:
            fixed = self._session.get_inputs()[0].shape[0]
        return fixed if isinstance(fixed, int) and fixed > 0 else int(self._options["batch"])

    def _asked(self, batch: NDArray[np.float32], most: int) -> NDArray[np.float32]:
        """Probabilities, a row a photo. Raises ValueError where the model gives something else."""
        asked = self._session.get_inputs()[0]
        count = len(batch)
        if isinstance(asked.shape[0], int) and count < most:
            batch = np.concatenate([batch, np.repeat(batch[-1:], most - count, axis=0)])
        with runtime.memory_told():
            (made,) = self._session.run(
                [self._about.output or self._session.get_outputs()[0].name], {asked.name: batch}
            )
        made = np.asarray(made, np.float32).reshape(len(batch), -1)[:count]
        if made.shape[1] != len(self._table.labels):
            raise UserError(f"{self.name} has {made.shape[1]} outputs and {len(self._table.labels)} labels")
        if self._about.logits:
            made = 1 / (1 + np.exp(-np.clip(made, -60, 60)))
        if not np.isfinite(made).all():
            raise ValueError("the model says numbers that are none")
        return np.asarray(made.clip(0, 1), np.float32)

    def _words(self, row: NDArray[np.float32]) -> list[Scored]:
        scores = relative(row, self._table.thresholds)
        for places in self._table.best.values():
            likeliest = places[int(row[places].argmax())]
            scores[places] = 0.0
            scores[likeliest] = 0.5 + row[likeliest] / 2
        places = np.flatnonzero(scores >= LEAST)
        places = places[np.lexsort((places, -scores[places]))][:MOST]
        best: dict[tuple[str, ...], float] = {}
        for place in places:
            word = self._table.labels[place].word
            if word is not None:
                best.setdefault(word, round(float(scores[place]), 4))
        return list(best.items())


def relative(values: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities as scores: 0.5 and more only above the threshold; a threshold of 1 is never met.

    The comparison is strict, as in the models' own programs.
    """
    room = np.maximum(1 - thresholds, 1e-6)
    above = 0.5 + 0.5 * (values - thresholds) / room
    below = np.minimum(0.5 * values / thresholds, 0.499)
    scores = np.where(values > thresholds, above, below)
    return np.asarray(np.where(thresholds >= 1, 0, scores).clip(0, 1), np.float32)


def make(
    model: str = "",
    folder: str | Path = "models-cache",
    batch: int = 8,
    threads: int = 1,
    device: str = "auto",
    categories: Mapping[str, str] | Sequence[tuple[str, str]] = (),
) -> Onnx:
    """The tagger of the manifest `model`; its files lie in `folder`/`model`.

    `categories` rename, `keep` or `drop` a category of labels. Raises UserError where something is missing.
    """
    import onnxruntime  # noqa: F401, PLC0415 - a missing library is told when the tagger is made

    about = manifest.find(model, Path(folder))
    if about is None:
        known = ", ".join([*manifest.names(), *manifest.own(Path(folder))])
        raise UserError(
            f"no model is called {model!r}; there are: {known}" if model else f"say which model: {known}"
        )
    runtime.providers(device)
    home = Path(folder) / model
    manifest.present(about, home)
    wishes = dict(categories)
    options = {"batch": batch, "threads": threads, "device": device, "categories": wishes}
    return Onnx(about, home, labels.read(about, home, wishes), options)
