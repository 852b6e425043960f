"""The words of a model, in the order of its outputs, each with its category and its own threshold."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metadata.errors import UserError
from metadata.tags import Word, clean, typed
from models.manifest import Category, Manifest

KAOMOJI = frozenset(
    "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||".split()  # noqa: SIM905
)
"""Faces of signs, in which an underscore is a mouth (the list that goes with the WD taggers)."""


@dataclass(frozen=True, slots=True)
class Label:
    """One output: its word, or None where it is never said, and its category."""

    word: Word | None
    category: str


@dataclass(frozen=True, slots=True)
class Table:
    """All outputs; `thresholds[i]` is that of label i, `best` the places of each category that says only one."""

    labels: tuple[Label, ...]
    thresholds: NDArray[np.float32]
    best: Mapping[str, NDArray[np.intp]]


def read(manifest: Manifest, folder: Path, wishes: Mapping[str, str]) -> Table:
    """The table. `wishes` rename (`Characters`), `keep` or `drop` a category. Raises UserError for wrong files."""
    path = folder / manifest.labels.file
    try:
        rows = _rows(manifest, path)
        own = _thresholds(folder / manifest.labels.thresholds) if manifest.labels.thresholds else None
    except (OSError, ValueError, KeyError, TypeError, IndexError, csv.Error) as error:
        raise UserError(f"the labels of {manifest.name} cannot be read from {path}: {error}") from error
    if own is not None and len(own) != len(rows):
        raise UserError(f"{manifest.name} has {len(rows)} labels and {len(own)} thresholds")
    kinds = {each.id: _wished(each, wishes) for each in manifest.categories}
    unknown = sorted(set(wishes) - {each.name for each in manifest.categories})
    if unknown:
        raise UserError(f"{manifest.name} has no category {', '.join(unknown)}")
    return _table(manifest, rows, kinds, own)


def _table(
    manifest: Manifest, rows: list[tuple[str, str]], kinds: Mapping[str, Category], own: list[float] | None
) -> Table:
    labels, thresholds = [], []
    best: dict[str, list[int]] = {}
    for place, (name, category) in enumerate(rows):
        kind = kinds.get(category, Category(category, category))
        labels.append(Label(_word(name, kind, manifest), kind.name))
        general = manifest.threshold if kind.threshold is None else kind.threshold
        thresholds.append(own[place] if own is not None else general)
        if kind.say == "best":
            best.setdefault(kind.name, []).append(place)
    return Table(
        tuple(labels),
        np.asarray(thresholds, np.float32),
        {name: np.asarray(places, np.intp) for name, places in best.items()},
    )


def _wished(kind: Category, wishes: Mapping[str, str]) -> Category:
    wish = wishes.get(kind.name)
    if wish is None:
        return kind
    say = "best" if kind.say == "best" or kind.name == "rating" else "words"
    if wish in ("keep", "drop"):
        return Category(kind.name, kind.id, kind.threshold, say if wish == "keep" else "drop", kind.under)
    return Category(kind.name, kind.id, kind.threshold, say, wish)


def _word(name: str, kind: Category, manifest: Manifest) -> Word | None:
    if kind.say == "drop":
        return None
    text = name.strip() if manifest.labels.strip else name
    if manifest.labels.underscores and text not in KAOMOJI:
        text = text.replace("_", " ")
    return clean((*typed(kind.under), text))


def _rows(manifest: Manifest, path: Path) -> list[tuple[str, str]]:
    """(label, category) in the order of the outputs."""
    if manifest.labels.form == "csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [(row["name"], str(row.get("category", ""))) for row in csv.DictReader(file)]
    if manifest.labels.form == "json":
        return _json_rows(manifest, json.loads(path.read_text("utf-8")))
    lines = path.read_text("utf-8-sig").splitlines()
    return [(line, "") for line in (lines[:-1] if lines and not lines[-1].strip() else lines)]


def _json_rows(manifest: Manifest, body: Any) -> list[tuple[str, str]]:
    """A table from numbers to names (or a list of names), and one from names to categories."""
    names = _at(body, manifest.labels.tags)
    kinds = _at(body, manifest.labels.categories) if manifest.labels.categories else {}
    in_order = names if isinstance(names, list) else [names[str(place)] for place in range(len(names))]
    return [(str(name), str(kinds.get(name, ""))) for name in in_order]


def _at(body: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        body = body[part]
    return body


def _thresholds(path: Path) -> list[float]:
    return [float(line) for line in path.read_text("utf-8-sig").split()]
