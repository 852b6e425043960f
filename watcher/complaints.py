"""What is wrong with the settings, one sentence a problem, all of them at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from watcher.overlay import Given, nearest

_NOT_YET = {"embedded"}


def told(problems: Sequence[str], file: Path | None) -> str:
    """The text of the one error."""
    source = f"{file}: " if file else ""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n  ".join([f"{source}{count} in the settings", *problems])


def about(error: ValidationError, model: type[BaseModel], given: Given) -> list[str]:
    """One sentence for each key that is wrong: its name, what was given, what is expected."""
    found: dict[str, str] = {}
    for item in error.errors():
        names, place = _walk(item["loc"], model, given.raw)
        found.setdefault(place, _sentence(item, names, place, model, given))
    return list(found.values())


def about_roots(roots: object, *, absent_ok: bool) -> list[str]:
    """What is wrong between folders: one name twice, one inside the other, one missing."""
    tables = [root for root in roots if isinstance(root, dict)] if isinstance(roots, list | tuple) else []
    names = Counter(str(root["name"]) for root in tables if "name" in root)
    problems = [f"roots: the name {name!r} is given {n} times" for name, n in names.items() if n > 1]
    paths = [str(root["path"]) for root in tables if os.path.isabs(str(root.get("path", "")))]
    problems += [f"roots: {inner} lies inside {outer}; name one of them" for outer, inner in _nested(paths)]
    if not absent_ok:
        missing = (path for path in paths if not os.path.isdir(path))
        problems += [f"roots: {path} is not a folder that can be reached" for path in missing]
    return problems


def _nested(paths: Sequence[str]) -> list[tuple[str, str]]:
    real = [os.path.realpath(path) for path in paths]
    return [
        (paths[outer], paths[inner])
        for outer in range(len(paths))
        for inner in range(len(paths))
        if _holds(real[outer], real[inner]) and (real[outer] != real[inner] or outer < inner)
    ]


def _holds(outer: str, inner: str) -> bool:
    return outer == inner or inner.startswith(outer.rstrip("/") + "/")


def _walk(loc: tuple[int | str, ...], model: type[BaseModel], raw: dict[str, Any]) -> tuple[list[str], str]:
    """The names down to the setting at fault, and how to call the place: `roots.photos.places`.

    pydantic puts the arm of a union and the index in a list behind the setting's own name; they are left out.
    """
    names: list[str] = []
    spoken: list[str] = []
    kind: type[BaseModel] | None = model
    value: Any = raw
    for step in loc:
        if isinstance(step, int) and names == ["roots"]:
            value = value[step] if isinstance(value, list | tuple) else {}
            spoken.append(str(value.get("name", step + 1)) if isinstance(value, dict) else str(step + 1))
            kind = _inner(model, "roots")
            continue
        if kind is None:
            spoken += [str(step)] if isinstance(value, dict) and step in value else []
            break
        if isinstance(step, int):  # one of a list of tables
            value = value[step] if isinstance(value, list | tuple) and step < len(value) else {}
            spoken.append(str(step + 1))
            continue
        names.append(str(step))
        spoken.append(str(step))
        value = value.get(step) if isinstance(value, dict) else None
        kind = None if step == "roots" else _inner(kind, str(step))
    return names, ".".join(spoken)


def _inner(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The table that a setting is, or whose list it is."""
    info = model.model_fields.get(name)
    given = [info.annotation, *getattr(info.annotation, "__args__", ())] if info else []
    kinds = [getattr(kind, "__origin__", kind) for kind in given]  # what is annotated, without its notes
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _sentence(item: Any, names: list[str], place: str, model: type[BaseModel], given: Given) -> str:
    owner: type[BaseModel] = model
    for name in names[:-1]:
        owner = _inner(owner, name) or owner
    origin = given.origins.get(".".join(names)) or given.origins.get(names[0])
    where = f"{place} (from {origin})" if origin else place
    if item["type"] == "extra_forbidden":
        return f"{where}: no such setting{nearest(names[-1], owner.model_fields)}"
    expected = _expected(owner, names[-1])
    if item["type"] == "missing":
        return f"{where}: missing; expected {expected}"
    return f"{where}: {_shown(item['input'])} was given; expected {expected}{_later(item['input'])}"


def _expected(owner: type[BaseModel], name: str) -> str:
    extra = owner.model_fields[name].json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) else "something else"


def _later(value: object) -> str:
    return f" ({value} is not there yet)" if isinstance(value, str) and value in _NOT_YET else ""


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else f"{text[:57]}…"
