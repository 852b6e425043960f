"""The pages that are made from the code: docs/settings.md and docs/commands.md; a test keeps them so."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_SETTINGS = """\
# Settings

One TOML file: the one given with `--config`, else `/etc/tagwright/tagwright.toml`, else
`$XDG_CONFIG_HOME/tagwright/tagwright.toml`. A variable overrides the file, a flag overrides both.
A key that is not in these tables is refused, and all problems are told at once. `tagwright doctor` says
what was understood. This page is made by `python -m watcher.settings > docs/settings.md`.

```toml
timezone = "Europe/Berlin"
block = ["blurry"]

[[roots]]
name = "photos"
path = "/srv/photos"
```

In a variable a list is separated by commas (`TAGWRIGHT_FACTS=place,night`), a table is `name=value` pairs
(`TAGWRIGHT_THRESHOLDS=night=0.8`), and `TAGWRIGHT_ROOTS` holds `name=path` pairs separated by colons;
or any of them is written as in the file (`TAGWRIGHT_FACTS=["place", "night"]`).
"""

_IMMICH = """\
What Immich's own `.env` or the environment says fills what is not set here: `IMMICH_URL`, `IMMICH_API_KEY`,
`UPLOAD_LOCATION`, and with an address of Immich also `DB_HOSTNAME`, `DB_PORT`, `DB_USERNAME`, `DB_PASSWORD` and
`DB_DATABASE_NAME`.
"""


def settings() -> str:
    """docs/settings.md."""
    from watcher.cluster_settings import Cluster  # noqa: PLC0415 - `commands` needs no settings
    from watcher.home_settings import Health, Notify  # noqa: PLC0415 - `commands` needs no settings
    from watcher.immich_settings import Immich, ImmichDatabase  # noqa: PLC0415 - `commands` needs no settings
    from watcher.settings import Log, Root, Settings  # noqa: PLC0415 - as above

    parts = [
        _SETTINGS,
        _table("", Settings, {"roots", "log", "health", "notify", "immich", "cluster", *_MODELS}),
        "\n## `[[roots]]`\n\nThe folders of photos, a table for each. None may lie inside another.\n",
        _table("", Root, set(), variables=False),
        "\n## `[log]`\n",
        _table("log.", Log, set()),
        "\n## `[health]`\n",
        _table("health.", Health, set()),
        "\n## `[notify]`\n",
        _table("notify.", Notify, set()),
        "\n## `[immich]`\n",
        _IMMICH,
        _table("immich.", Immich, {"database"}),
        "\n## `[immich.database]`\n",
        _table("immich.database.", ImmichDatabase, set()),
        "\n## `[cluster]`\n\nOther machines that look at photos (docs/many-machines.md).\n",
        _table("cluster.", Cluster, set()),
        *_models(),
    ]
    return "\n".join(parts)


_MODELS = ("ollama", "openai_compatible", "onnx", "zero_shot", "private")


def _models() -> list[str]:
    from watcher.model_settings import Host, Ollama, OpenAICompatible, Private  # noqa: PLC0415 - as above
    from watcher.zero_shot_settings import Onnx, ZeroShot  # noqa: PLC0415 - as above

    hosts = "A host is an address, or a table with what else is known of it:\n\n"
    return [
        '\n## `[ollama]`\n\nWhat `captioner = "ollama"` asks (docs/models.md).\n',
        _table("ollama.", Ollama, set()),
        '\n## `[openai_compatible]`\n\nWhat `captioner = "openai_compatible"` asks (docs/models.md).\n',
        _table("openai_compatible.", OpenAICompatible, set()),
        f"\n## `[[ollama.hosts]]`, `[[openai_compatible.hosts]]`\n\n{hosts}",
        _table("", Host, set(), variables=False),
        "\n## `[onnx]`\n\nHow taggers in ONNX files are asked (docs/models.md).\n",
        _table("onnx.", Onnx, set()),
        '\n## `[zero_shot]`\n\nWhat `taggers = ["zero_shot"]` asks (docs/models.md).\n',
        _table("zero_shot.", ZeroShot, set()),
        "\n## `[private]`\n",
        _table("private.", Private, set()),
    ]


def _table(before: str, model: type[BaseModel], left_out: set[str], *, variables: bool = True) -> str:
    from watcher.overlay import variable  # noqa: PLC0415 - as above

    head = ["Key", "Default", "Unit", "Allowed", "What it says", *(["Variable"] if variables else [])]
    rows = [head, ["---"] * len(head)]
    for name, info in model.model_fields.items():
        if name not in left_out:
            last = [f"`{variable(before + name)}`"] if variables else []
            rows.append([f"`{name}`", default(info), *_said(info), *last])
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def _said(info: FieldInfo) -> list[str]:
    extra: Any = info.json_schema_extra
    return [extra["unit"], extra["expected"], info.description or ""]


def default(info: FieldInfo) -> str:
    """A setting's default, as a person reads it."""
    extra: Any = info.json_schema_extra
    if extra["shown"]:
        shown = str(extra["shown"])
        return f"`{shown}`" if shown[0].isdigit() else shown
    if info.default is PydanticUndefined or info.default is ...:
        return "(must be given)"
    return f"`{_toml(info.default)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)


_COMMANDS = """\
# Commands

This page is made from the program's own help by `python -m watcher.manual > docs/commands.md`.
Exit codes: 0 done, 1 some photos failed, 2 wrong use or settings, 130 interrupted.
"""


def commands(parser: argparse.ArgumentParser) -> str:
    """docs/commands.md: what the program and each of its commands take, the same for every Python version."""
    pages = [_COMMANDS, _page(parser.prog, parser)]
    pages += [_page(f"{parser.prog} {name}", command) for name, command in subcommands(parser)]
    return "\n".join(pages)


def subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command with its own parser, in the order of `--help`; one inside another by both names."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to list its parsers
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for name, command in action.choices.items():
                yield name, command
                yield from ((f"{name} {inner}", below) for inner, below in subcommands(command))


def _page(name: str, parser: argparse.ArgumentParser) -> str:
    lines = [f"## `{name}`", "", (parser.description or "").strip(), ""]
    for action in parser._actions:  # noqa: SLF001 - as above
        hidden = action.help == argparse.SUPPRESS or "--help" in action.option_strings
        if not hidden and not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            lines.append(f"- `{_spelled(action)}`: {_help(action)}")
    return "\n".join(lines).rstrip() + "\n"


def _spelled(action: argparse.Action) -> str:
    """`-c, --config FILE`, `PATH…`, `[PATH]`."""
    one = action.metavar if isinstance(action.metavar, str) else _choices(action) or action.dest.upper()
    value = {0: "", None: one, "?": f"[{one}]", "*": f"[{one}…]", "+": f"{one}…"}.get(action.nargs, one)
    return " ".join(part for part in (", ".join(action.option_strings), value) if part)


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices)) if action.choices else ""


def _help(action: argparse.Action) -> str:
    """Its help with the values that argparse itself would put in."""
    return (action.help or "") % {**vars(action), "prog": "tagwright"}


if __name__ == "__main__":
    from watcher.cli import parser as made

    print(commands(made()), end="")  # noqa: T201 - this is what the page is made with
