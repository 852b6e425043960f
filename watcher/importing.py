"""A settings file out of the variables of Immich-ML-Tag and immich-analyze. Pure, but for `write`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from metadata.errors import UserError
from watcher import former

PLAIN = {
    "URL": ("immich", "url"),
    "DB_HOST": ("immich.database", "host"),
    "DB_HOSTNAME": ("immich.database", "host"),
    "DB_USERNAME": ("immich.database", "user"),
    "DB_DATABASE_NAME": ("immich.database", "name"),
    "IMMICH_ANALYZE_MODEL_NAME": ("ollama", "model"),
}
NUMBERS = {"DB_PORT": ("immich.database", "port"), "THRESHOLD": ("", "threshold")}
FILES = {
    "API_KEY": ("immich", "keys", "immich.key"),
    "DB_PASSWORD": ("immich.database", "password_file", "immich-database.password"),
    "IMMICH_ANALYZE_PROMPT": ("ollama", "prompt", "prompt.txt"),
}
LIST = {"keys"}
LENGTHS = {"INFERENCE_INTERVAL": ("immich", "poll", "m"), "IMMICH_ANALYZE_TIMEOUT": ("ollama", "timeout", "s")}
TOKEN = "ollama.token"  # noqa: S105 - a file's name
HOSTS = ("IMMICH_ANALYZE_OLLAMA_HOSTS", "IMMICH_ANALYZE_OLLAMA_JWT_TOKEN", "IMMICH_ANALYZE_MAX_CONCURRENT")


@dataclass(slots=True)
class Made:
    """Tables of TOML values (as text), files beside the settings, and what was left out."""

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def put(self, table: str, key: str, value: object) -> None:
        """A value as TOML; JSON's spelling of texts, numbers and lists is TOML's, too."""
        text = value if isinstance(value, _Toml) else json.dumps(value, ensure_ascii=False)
        self.tables.setdefault(table, {})[key] = text


class _Toml(str):
    """A value that is spelled as TOML already."""

    __slots__ = ()


def made(environment: Mapping[str, str], roots: Mapping[str, str], folder: Path) -> Made:
    """The settings that these variables stand for; files of secrets will lie in `folder`.

    Raises UserError where there is none of their variables, or a number is none.
    """
    given = {name: environment[name] for name in former.variables() if environment.get(name)}
    if not given:
        raise UserError("there is no variable of Immich-ML-Tag or immich-analyze; name their .env with --env")
    result = Made()
    for name, text in given.items():
        _take(result, name, text, folder)
    _hosts(result, given, folder)
    database = result.tables.get("immich.database", {})
    if "URL" not in given and (database or "ollama" in result.tables):
        result.left["URL"] = "immich-analyze went to the database alone: set `immich.url` and `immich.keys`"
    for name, path in roots.items():
        result.put(f"[roots] {name}", "name", name)
        result.put(f"[roots] {name}", "path", path)
    return result


def _take(result: Made, name: str, text: str, folder: Path) -> None:
    if name in PLAIN:
        result.put(*PLAIN[name], text)
    elif name in NUMBERS:
        result.put(*NUMBERS[name], _number(name, text))
    elif name in LENGTHS:
        table, key, unit = LENGTHS[name]
        result.put(table, key, f"{_number(name, text):g}{unit}")
    elif name in FILES:
        table, key, file = FILES[name]
        result.files[file] = text
        path = str(folder / file)
        result.put(table, key, [path] if key in LIST else path)
    elif name not in HOSTS:
        row = next(row for rows in former.PROGRAMS.values() for row in rows if row.name == name)
        result.left[name] = row.note or f"see `{row.setting}`"


def _hosts(result: Made, given: Mapping[str, str], folder: Path) -> None:
    """Ollama's hosts, each with its token and how many questions it takes."""
    if not any(name.startswith("IMMICH_ANALYZE_") for name in given):
        return
    result.put("", "captioner", "ollama")
    more = {}
    if token := given.get(HOSTS[1]):
        result.files[TOKEN] = token
        more["key_file"] = json.dumps(str(folder / TOKEN))
    if many := given.get(HOSTS[2]):
        more["slots"] = str(int(_number(HOSTS[2], many)))
    if not more and HOSTS[0] not in given:
        return
    hosts = [each.strip() for each in given.get(HOSTS[0], "http://localhost:11434").split(",") if each.strip()]
    said = [
        ", ".join(f"{key} = {value}" for key, value in {"url": json.dumps(host), **more}.items()) for host in hosts
    ]
    result.put("ollama", "hosts", _Toml("[" + ", ".join(f"{{ {one} }}" for one in said) + "]"))


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{name}: {text!r} is no number") from None
    return int(value) if value == int(value) else value


def text(result: Made) -> str:
    """The settings file."""
    lines = ["# Made by `tagwright import-settings`; docs/settings.md has everything that can be set."]
    lines += [f"# {name} was left out: {why}" for name, why in result.left.items()]
    for table in sorted(result.tables, key=lambda name: (name != "", name)):
        head = "[[roots]]" if table.startswith("[roots]") else f"[{table}]"
        lines += ["", *([head] if table else [])]
        lines += [f"{key} = {value}" for key, value in result.tables[table].items()]
    return "\n".join(lines) + "\n"


def write(result: Made, file: Path) -> list[Path]:
    """The settings and the files beside them, for their owner alone; nothing that is there is overwritten.

    Raises UserError.
    """
    files = {file: text(result), **{file.parent / name: content + "\n" for name, content in result.files.items()}}
    there = [str(path) for path in files if path.exists()]
    if there:
        raise UserError(f"{', '.join(there)}: there already; name another file with --out")
    for path, content in files.items():
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as out:
                out.write(content)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from error
    return list(files)


def env_file(file: Path) -> dict[str, str]:
    """The variables of a file for Docker Compose. Raises UserError."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {getattr(error, 'strerror', 'no UTF-8 text')}") from error
    found = {}
    for line in lines:
        name, mark, value = line.strip().removeprefix("export ").lstrip("- ").partition("=")
        if mark and not name.startswith("#"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].strip()
    return found
