"""Where settings come from: a file, then variables, then flags, laid over one another as plain data."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from metadata.errors import UserError

PREFIX = "TAGWRIGHT_"


@dataclass(slots=True)
class Given:
    """What was given: the values as nested tables, who gave each (by dotted key), and what made no sense."""

    raw: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def files(environment: Mapping[str, str]) -> list[Path]:
    """Where the settings file may be, best first."""
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(_home(environment), ".config")
    return [Path("/etc/tagwright/tagwright.toml"), Path(config, "tagwright", "tagwright.toml")]


def found(places: Sequence[Path]) -> Path | None:
    """The first of these files that is there."""
    return next((place for place in places if place.is_file()), None)


def state(environment: Mapping[str, str]) -> str:
    """The folder for the ledger where none is set (systemd.exec, XDG base directories)."""
    if given := environment.get("STATE_DIRECTORY"):
        return given.split(":", maxsplit=1)[0]
    base = environment.get("XDG_STATE_HOME") or os.path.join(_home(environment), ".local", "state")
    return os.path.join(base, "tagwright")


def keys(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every dotted key outside lists: `settle`, `log.level`, …, `roots`."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{before}{name}.")
        else:
            yield before + name


def variable(key: str) -> str:
    """The variable that overrides a key: `log.level` is TAGWRIGHT_LOG_LEVEL."""
    return PREFIX + key.replace(".", "_").upper()


def gather(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, object], model: type[BaseModel]
) -> Given:
    """All that was given, later ones over earlier ones. Raises UserError when the file is no TOML."""
    given = Given(_read(file) if file else {})
    if isinstance(address := given.raw.get("cluster"), str):
        given.raw["cluster"] = {"address": address}  # so that more can be laid over it
    names = {variable(key): key for key in keys(model)}
    for name, text in sorted(environment.items()):
        if name in names:
            _lay(given, names[name], _from_text(names[name], text, model), name)
        elif name.startswith(PREFIX):
            given.problems.append(f"{name}: no such variable{nearest(name, names)}")
    for key, value in flags.items():
        if value is not None:
            _lay(given, key, value, f"--{key.replace('.', '-').replace('_', '-')}")
    _fill_immich(given, environment)
    _expand(given.raw, environment)
    return given


IMMICH = {
    "IMMICH_URL": "immich.url",
    "IMMICH_API_KEY": "immich.api_key",
    "UPLOAD_LOCATION": "immich.upload_location",
    "DB_HOSTNAME": "immich.database.host",
    "DB_PORT": "immich.database.port",
    "DB_USERNAME": "immich.database.user",
    "DB_PASSWORD": "immich.database.password",
    "DB_DATABASE_NAME": "immich.database.name",
}
"""The names that Immich's own `.env` has, and those that its other companions use."""


def _fill_immich(given: Given, environment: Mapping[str, str]) -> None:
    """Immich's own names say what nothing else said; where no address of Immich is known, they are another's."""
    file = _at(given.raw, "immich.env_file")
    named = {name: (text, str(file)) for name, text in _env_file(file).items()} if isinstance(file, str) else {}
    named |= {name: (text, name) for name, text in environment.items() if name in IMMICH and text}
    if _at(given.raw, "immich.url") is None and "IMMICH_URL" not in named:
        return
    if _at(given.raw, "immich.database.password_file") is not None:
        named.pop("DB_PASSWORD", None)
    for name, key in IMMICH.items():
        if name in named and _at(given.raw, key) is None:
            _lay(given, key, *named[name])


def _at(raw: Mapping[str, Any], key: str) -> object:
    value: object = raw
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _env_file(file: str) -> dict[str, str]:
    """What a file for Docker Compose says under these names; a folder in it is relative to its own."""
    found: dict[str, str] = {}
    for line in _lines(file):
        name, mark, text = line.strip().removeprefix("export ").partition("=")
        if mark and name.strip() in IMMICH:
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
            found[name.strip()] = text[1:-1] if quoted else text.partition(" #")[0].strip()
    if place := found.get("UPLOAD_LOCATION"):
        found["UPLOAD_LOCATION"] = os.path.normpath(os.path.join(os.path.dirname(file), place))
    return {name: text for name, text in found.items() if text}


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"immich.env_file: {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"immich.env_file: {file}: is no UTF-8 text") from error


def nearest(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """`; did you mean …?`, or nothing where no known name is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot read the settings: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: settings have to be UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not TOML: {error}") from error


def _lay(given: Given, key: str, value: object, origin: str) -> None:
    table = given.raw
    *parents, name = key.split(".")
    for parent in parents:
        inner = table.get(parent)
        table[parent] = dict(inner) if isinstance(inner, dict) else {}
        table = table[parent]
    table[name] = value
    given.origins[key] = origin


def _from_text(key: str, text: str, model: type[BaseModel]) -> object:
    """A variable's text as TOML would have given it, or as TOML itself; the model judges it."""
    if text[:1] in ("[", "{"):
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"value = {text}")["value"]
    if key == "roots":
        pairs = (item.partition("=") for item in text.split(os.pathsep) if item)
        return [{"name": name, "path": path} for name, _, path in pairs]
    for name in key.split(".")[:-1]:
        inner = model.model_fields[name].annotation
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else model
    info = model.model_fields.get(key.rpartition(".")[2])
    kind = getattr(info.annotation, "__origin__", None) if info else None
    items = [item.strip() for item in text.split(",") if item.strip()]
    if kind is tuple:
        return items
    if kind is dict:
        return {name.strip(): value.strip() for name, _, value in (item.rpartition("=") for item in items)}
    return text


def _expand(raw: dict[str, Any], environment: Mapping[str, str]) -> None:
    """`~` in folders is the home of whoever runs this."""
    tables = [raw, *(root for root in _list(raw.get("roots")) if isinstance(root, dict))]
    for table in tables:
        for name in ("state", "path"):
            value = table.get(name)
            if isinstance(value, str) and (value == "~" or value.startswith("~/")):
                table[name] = _home(environment) + value[1:]
    for name in ("ollama", "openai_compatible"):
        _place_secrets(raw.get(name), environment.get("CREDENTIALS_DIRECTORY"))


def _place_secrets(table: object, folder: str | None) -> None:
    """A host's secret without a folder is one of systemd's credentials."""
    hosts = _list(table.get("hosts")) if isinstance(table, dict) and folder else []
    for host in (host for host in hosts if isinstance(host, dict)):
        headers = host.get("headers")
        named = [(headers, name) for name in headers] if isinstance(headers, dict) else []
        for place, name in [(host, "key_file"), *named]:
            value = place.get(name)
            if isinstance(value, str) and value and not os.path.dirname(value):
                place[name] = os.path.join(str(folder), value)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _home(environment: Mapping[str, str]) -> str:
    return environment.get("HOME") or "/"
