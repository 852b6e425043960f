"""The commands that have commands of their own, or that hand things out: `xmp`, `category`, `export` and more."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metadata.errors import UserError
from watcher.asking import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    Arguments,
    command,
    known_settings,
    perform,
    reading,
    say,
)

Commands = Any
"""What argparse makes for commands; it has no public name."""


def add(commands: Commands) -> None:
    """All of them, in the order of `--help`."""
    _xmp(commands)
    _category(commands)
    _export(commands)
    _immich(commands)
    _import(commands)
    _paths(command(commands, "adopt", _adopt, "Take over what sidecars call ours, after the ledger was lost."))


def _group(commands: Commands, name: str, says: str) -> Commands:
    made = commands.add_parser(name, help=says, description=says)
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _paths(made: argparse.ArgumentParser, *, some: bool = True) -> None:
    says = "photos or folders" if some else "photos or folders; without, all of them"
    made.add_argument("paths", metavar="PATH", nargs="+" if some else "*", help=says)


def _absolute(arguments: Arguments) -> list[str]:
    return [os.path.abspath(path) for path in arguments.paths]


# xmp


def _xmp(commands: Commands) -> None:
    group = _group(commands, "xmp", "Sidecars: show them, compare, write now, take ours away.")
    _paths(command(group, "show", _show, "What stands in the sidecars, field by field, and whose it is."))
    _paths(command(group, "diff", _diff, "What would be written now, field by field; nothing is written."))
    _paths(command(group, "write", _write, "Write now what is decided for these photos, without asking first."))
    says = "Take away only what tagwright wrote; it is shown and not done without --apply."
    clean = command(group, "clean", _clean, says)
    clean.add_argument("--apply", action="store_true", help="do it, and keep our words back until `redo`")
    _paths(clean)


def _show(arguments: Arguments) -> int:
    from watcher import shown, tell

    def ask(db: Any, settings: Any) -> Any:
        ledger = db.execute("SELECT value FROM meta WHERE name = 'ledger'").fetchone()[0]
        return shown.sidecars(db, settings, ledger, arguments.paths)

    return reading(arguments, ask, lambda rows, _: tell.sidecars(rows))


def _diff(arguments: Arguments) -> int:
    from watcher import handing, tell

    made = handing.planned(known_settings(arguments), _absolute(arguments), look=False)
    answer = {"changes": made.rows, "photos": made.photos, "changed": made.changed, "not_looked_at": made.unasked}
    return say(arguments, answer, tell.diff(made.rows, made.photos, made.unasked))


def _write(arguments: Arguments) -> int:
    return perform(arguments, "xmp write", {"paths": _absolute(arguments)})


def _clean(arguments: Arguments) -> int:
    from watcher import handing, tell

    values = {"paths": _absolute(arguments), "apply": arguments.apply}
    answer, _ = handing.do(known_settings(arguments), "xmp clean", values)
    say(arguments, answer, tell.cleaned(answer))
    return SOME_FAILED if answer["waits"] else 0


# category


def _category(commands: Commands) -> None:
    says = "Categories: paths that words and people's names are written below."
    group = _group(commands, "category", says)
    command(group, "list", _categories, "The categories and what is bound to them.")
    for name, does in (
        ("add", "Make a category."),
        ("rm", "Take a category away, and loosen what is bound to it."),
    ):
        made = command(group, name, _bindings(f"category {name}", "category"), does)
        made.add_argument("category", metavar="CATEGORY", help="a path, such as Animals/Pets")
    says = "Bind words to a category: ours are written as CATEGORY/WORD from now on."
    bind = command(group, "map", _bindings("category map", "category", "words", "person"), says)
    bind.add_argument("category", metavar="CATEGORY", help="a category")
    loosen = command(group, "unmap", _bindings("category unmap", "words", "person"), "Bind words no longer.")
    for made in (bind, loosen):
        made.add_argument("words", metavar="WORD", nargs="+", help="keywords, such as cat or animals/cat")
        made.add_argument("--person", action="store_true", help="they are names of people, and win over words")


def _categories(arguments: Arguments) -> int:
    from watcher import tell
    from watcher.ledger import categories

    return reading(arguments, lambda db, _: categories.listed(db), lambda rows, _: tell.categories(rows))


def _bindings(name: str, *wanted: str) -> Callable[[Arguments], int]:
    return lambda arguments: perform(arguments, name, {each: getattr(arguments, each) for each in wanted})


# export


def _export(commands: Commands) -> None:
    says = "Hand out what is known of photos: keywords with owner, source and score, captions, facts."
    made = command(commands, "export", _exported, says, machine=False)
    made.add_argument(
        "--format", choices=("csv", "json"), required=True, help="a line a keyword, or an object a photo"
    )
    made.add_argument("--gps", action="store_true", help="with coordinates")
    made.add_argument("--people", action="store_true", help="with keywords that name people, and named faces")
    made.add_argument("--out", metavar="FILE", type=Path, help="a file that you alone may read, instead of here")
    _paths(made, some=False)


def _exported(arguments: Arguments) -> int:
    from watcher import export, shown
    from watcher.ledger import store
    from watcher.settings import outside

    settings = known_settings(arguments)
    if arguments.out is not None:
        outside(settings, arguments.out)
    wishes = export.Wishes(gps=arguments.gps, people=arguments.people)
    ledger = store.open_for_reading(settings.state)
    try:
        ledger.db.execute("BEGIN")
        rows = export.rows(ledger.db, shown.below(ledger.db, settings, arguments.paths), wishes)
        if arguments.out is None:
            export.write(rows, arguments.format, wishes, sys.stdout)
            return DONE
        with export.opened(arguments.out.absolute()) as out:
            count = export.write(rows, arguments.format, wishes, out)
    finally:
        ledger.close()
    print(f"{count} photos in {arguments.out}")
    return DONE


# immich


def _immich(commands: Commands) -> None:
    group = _group(commands, "immich", "Immich: what the connection needs, and what goes over it.")
    says = "Print the SQL that lets tagwright read Immich's database, made for the database as it is now."
    grants = command(group, "grants", _grants, says, machine=False)
    grants.add_argument("--role", metavar="NAME", help="the role that reads; without, the one in the settings")
    says = "Bring the whole library in Immich to agreement; it goes on where it was ended."
    command(group, "sync", _sync, says)
    grants.add_argument("--no-people", action="store_true", help="leave names and faces out")


def _sync(arguments: Arguments) -> int:
    from watcher import handing, tell

    answer, failed = handing.synced(known_settings(arguments), sys.stderr)
    say(arguments, answer, tell.plain(answer))
    return INTERRUPTED if "ended" in answer else SOME_FAILED if failed else DONE


def _grants(arguments: Arguments) -> int:
    from watcher import granting

    settings = known_settings(arguments)
    made = granting.script(settings, os.environ, role=arguments.role, people=not arguments.no_people)
    print(made.sql, end="")
    for line in made.said:
        print(f"tagwright: {line}", file=sys.stderr)
    return DONE


# import-settings


def _import(commands: Commands) -> None:
    says = "Make a settings file out of the variables of Immich-ML-Tag or immich-analyze (docs/coming-from.md)."
    made = command(commands, "import-settings", _imported, says, machine=False)
    made.add_argument("--env", metavar="FILE", type=Path, help="their .env; without, the variables of this shell")
    made.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("tagwright.toml"), help="the new file (tagwright.toml)"
    )
    made.add_argument(
        "--root", metavar="NAME=FOLDER", action="append", default=[], help="a folder of photos, by a name of yours"
    )


def _imported(arguments: Arguments) -> int:
    from watcher import importing
    from watcher.settings import load

    environment = importing.env_file(arguments.env) if arguments.env else dict(os.environ)
    pairs = [root.partition("=") for root in arguments.root]
    if not all(name and mark and path for name, mark, path in pairs):
        raise UserError("--root is written as NAME=FOLDER, such as photos=/srv/photos")
    out = arguments.out.absolute()
    roots = {name: os.path.abspath(path) for name, _, path in pairs}
    made = importing.made(environment, roots, out.parent)
    for path in importing.write(made, out):
        print(f"written: {path}")
    for name, why in made.left.items():
        print(f"left out: {name}: {why}")
    load(out, {}, {}, absent_ok=True)  # what is not understood is told now
    print(f"look it over, then: tagwright --config {out} doctor")
    return DONE


# adopt


def _adopt(arguments: Arguments) -> int:
    return perform(arguments, "adopt", {"paths": _absolute(arguments)})
