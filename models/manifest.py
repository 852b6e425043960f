"""What there is to know of a model file: what it takes, what it says, under which conditions. Data, not code.

Ours lie in `models/manifests`, one model a file; a person's own stand in the folder of models, as
`NAME/manifest.toml`, and go before ours. docs/models.md names every key.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata.errors import UserError

if TYPE_CHECKING:
    from models.pixels import Input

OWN = "manifest.toml"
_INPUT = frozenset(("size", "layout", "channels", "top", "mean", "std", "fit", "border", "resample", "edge"))
_LABELS = frozenset(("file", "form", "tags", "categories", "thresholds", "underscores", "strip"))
_CATEGORY = frozenset(("id", "threshold", "say", "under"))
_ALL = frozenset(
    "title licence bytes source checkpoint model files input output labels categories".split()  # noqa: SIM905
)
_OUTPUT = frozenset(("kind", "name", "threshold"))


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of label: `say` is `words`, `best` (only the likeliest) or `drop`; words stand below `under`."""

    name: str
    id: str
    threshold: float | None = None
    say: str = "words"
    under: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """Where the words are: a CSV (`name`, `category`), lines, or JSON, and what becomes of underscores."""

    file: str
    form: str = "lines"
    tags: str = ""
    categories: str = ""
    thresholds: str = ""
    underscores: bool = True
    strip: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """One model. `source` is the address that `files` lie below, each with its SHA-256 ("": not known).

    `checkpoint` is the address of what its model file is made of, where nobody hands that out.
    """

    name: str
    model: str
    input: Input
    labels: Labels
    logits: bool = False
    output: str = ""
    threshold: float = 0.5
    categories: tuple[Category, ...] = ()
    title: str = ""
    licence: str = ""
    bytes: int = 0
    source: str = ""
    checkpoint: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    stamp: str = ""
    """A digest of the manifest, part of the version of what the model says."""

    def needed(self) -> list[str]:
        """The names of the files that it takes to ask it."""
        return [name for name in (self.model, self.labels.file, self.labels.thresholds) if name]


def names() -> list[str]:
    """The models that we know."""
    return sorted(
        one.name.removesuffix(".toml")
        for one in resources.files("models").joinpath("manifests").iterdir()
        if one.name.endswith(".toml")
    )


def own(folder: Path) -> list[str]:
    """A person's own, in the folder of models."""
    return sorted(path.parent.name for path in folder.glob(f"*/{OWN}"))


def find(name: str, folder: Path | None) -> Manifest | None:
    """The manifest of this name; None where there is none. Raises UserError for one that is wrong."""
    if not name or "/" in name or name.startswith("."):
        return None
    mine = folder / name / OWN if folder is not None else None
    if mine is not None and mine.is_file():
        return read(name, mine.read_bytes(), str(mine))
    if name in names():
        return read(name, resources.files("models").joinpath("manifests", f"{name}.toml").read_bytes(), name)
    return None


def present(about: Manifest, home: Path) -> None:
    """Raises UserError that says which of a model's files are missing in its folder, and how they come."""
    missing = [name for name in about.needed() if not (home / name).is_file()]
    if missing:
        name, made = about.name, about.checkpoint and about.model in missing
        how = f"export {name} FILE.pth` makes it of {about.checkpoint}" if made else f"fetch {name}` gets it"
        raise UserError(f"{name} needs {', '.join(missing)} in {home}: `tagwright models {how}")


def read(name: str, data: bytes, where: str) -> Manifest:
    """A manifest out of its text. Raises UserError that names what is wrong, and where."""
    try:
        given = tomllib.loads(data.decode())
        return _made(name, given, hashlib.sha256(data).hexdigest()[:8])
    except (ValueError, KeyError, TypeError) as error:
        text = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"the manifest {where} is wrong: {text}") from error


def _made(name: str, given: Mapping[str, Any], stamp: str) -> Manifest:
    _only(given, _ALL, "the manifest")
    output = given.get("output", {})
    _only(output, _OUTPUT, "[output]")
    _one_of(output.get("kind", "probabilities"), ("probabilities", "logits"), "output.kind")
    labels = given["labels"]
    _only(labels, _LABELS, "[labels]")
    _one_of(labels.get("form", "lines"), ("lines", "csv", "json"), "labels.form")
    return Manifest(
        name,
        given.get("model", "model.onnx"),
        _input(given["input"]),
        Labels(**labels),
        logits=output.get("kind") == "logits",
        output=output.get("name", ""),
        threshold=_share(output.get("threshold", 0.5)),
        categories=tuple(_category(each, about) for each, about in given.get("categories", {}).items()),
        title=given.get("title", name),
        licence=given.get("licence", ""),
        bytes=int(given.get("bytes", 0)),
        source=given.get("source", ""),
        checkpoint=given.get("checkpoint", ""),
        files=dict(given.get("files", {})),
        stamp=stamp,
    )


def _input(given: Mapping[str, Any]) -> Input:
    from models.pixels import FITS, RESAMPLE, Input  # noqa: PLC0415 - a service starts without Pillow and numpy

    _only(given, _INPUT, "[input]")
    _one_of(given.get("layout", "NCHW"), ("NCHW", "NHWC"), "input.layout")
    _one_of(given.get("channels", "RGB"), ("RGB", "BGR"), "input.channels")
    _one_of(given.get("fit", "stretch"), FITS, "input.fit")
    _one_of(given.get("resample", "bicubic"), tuple(RESAMPLE), "input.resample")
    lists = {key: tuple(given[key]) for key in ("mean", "std", "border") if key in given}
    if any(len(each) != 3 for each in lists.values()):
        raise ValueError("mean, std and border have three numbers each")
    return Input(**{**given, **lists})


def _category(name: str, given: Mapping[str, Any]) -> Category:
    _only(given, _CATEGORY, f"[categories.{name}]")
    _one_of(given.get("say", "words"), ("words", "best", "drop"), f"categories.{name}.say")
    threshold = _share(given["threshold"]) if "threshold" in given else None
    return Category(name, str(given.get("id", name)), threshold, given.get("say", "words"), given.get("under", ""))


def _share(value: Any) -> float:
    if not 0 < float(value) <= 1:
        raise ValueError(f"a threshold is {value}; it lies between 0 and 1")
    return float(value)


def _only(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if odd := sorted(set(given) - known):
        raise ValueError(f"{where} does not know {', '.join(odd)}")


def _one_of(value: Any, known: tuple[str, ...], where: str) -> None:
    if value not in known:
        raise ValueError(f"{where} is {value!r}; it can be {', '.join(known)}")
