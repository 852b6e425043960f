"""A name in the settings -> the one module that answers to it, imported only then.

Ours lie in `models/taggers`, `models/captioners` and `models/embedders`, one backend a file; others come
from installed packages by the entry-point groups `tagwright.taggers`, `tagwright.captioners` and
`tagwright.embedders`, whose entries name a `make(**settings)`. A tagger may also be a model that a manifest
describes (models/manifest.py): then `onnx` answers for it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from metadata.errors import UserError
from models import manifest
from models.protocols import Captioner, Embedder, Tagger

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_EXTRAS = {
    "onnxruntime": "onnx",
    "sentence_transformers": "models",
    "tokenizers": "onnx",
    "torch": "models",
    "transformers": "models",
}
"""Which of our extras brings a library, where it is not named after the tagger."""


def tagger(name: str, **settings: Any) -> Tagger:
    """The tagger of this name. Raises UserError for an unknown name, a missing library, a wrong setting."""
    return cast("Tagger", _make("taggers", name, settings))


def captioner(name: str, **settings: Any) -> Captioner:
    """The captioner of this name; raises as `tagger` does."""
    return cast("Captioner", _make("captioners", name, settings))


def embedder(name: str, **settings: Any) -> Embedder:
    """The embedder of this name; raises as `tagger` does."""
    return cast("Embedder", _make("embedders", name, settings))


def names(kind: str) -> list[str]:
    """Every name that `kind` ("taggers", "captioners", "embedders") knows, without importing one."""
    package = importlib.import_module(f"models.{kind}")
    ours = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    return sorted({*ours, *_outside(kind)})


def described(name: str, folder: str | Path | None = None) -> bool:
    """Whether a manifest describes a model of this name: one of ours, or one in a person's folder of models."""
    return name in manifest.names() or (bool(folder) and name in manifest.own(Path(str(folder))))


def _outside(kind: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - a service starts without it

    return {entry.name: entry for entry in entry_points(group=f"tagwright.{kind}")}


def present(kind: str, name: str, folder: str | Path) -> None:
    """Raises UserError where this tagger or captioner cannot be asked, as far as is known before it is loaded."""
    module = _module(kind, name, folder)
    if module != name:
        if find_spec("onnxruntime") is None:
            raise _missing(kind.removesuffix("s"), name, ImportError(name="onnxruntime"))
        about = manifest.find(name, Path(folder))
        assert about is not None
        manifest.present(about, Path(folder) / name)


def _module(kind: str, name: str, folder: str | Path | None) -> str:
    """The module that answers to a name. Raises UserError for an unknown one."""
    known = names(kind)
    if name in known:
        return name
    if kind == "taggers" and described(name, folder):
        return "onnx"
    known += manifest.names() if kind == "taggers" else []
    if kind == "taggers" and name in names("captioners"):
        raise UserError(f"{name} says keywords, title and caption at once: set `captioner = {name!r}` instead")
    raise UserError(f"no {kind.removesuffix('s')} is called {name!r}; there are: {', '.join(known) or 'none'}")


def _make(kind: str, name: str, settings: dict[str, Any]) -> object:
    one = kind.removesuffix("s")
    module = _module(kind, name, settings.get("folder"))
    if module != name:
        settings = {**settings, "model": name}
    make = _find(kind, module)
    try:
        return make(**settings)
    except ImportError as error:
        raise _missing(one, name, error) from error
    except TypeError as error:
        raise UserError(f"{one} {name!r} does not take these settings: {error}") from error


def _find(kind: str, name: str) -> Callable[..., object]:
    outside = _outside(kind)
    try:
        if name in outside:
            return cast("Callable[..., object]", outside[name].load())
        return cast("Callable[..., object]", importlib.import_module(f"models.{kind}.{name}").make)
    except ImportError as error:
        raise _missing(kind.removesuffix("s"), name, error) from error


def _missing(one: str, name: str, error: ImportError) -> UserError:
    library = (error.name or str(error)).partition(".")[0]
    extra = _EXTRAS.get(library, name)
    return UserError(f"{one} {name!r} needs {library!r}: pip install tagwright[{extra}]")
