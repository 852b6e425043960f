"""What every command on the command line needs: its parser, the settings, an answer as lines or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata.errors import UserError

if TYPE_CHECKING:
    from watcher.settings import Settings

DONE, SOME_FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

Arguments = argparse.Namespace


def common(made: argparse.ArgumentParser, *, default: Any) -> None:
    """Options that stand before or behind the command."""
    made.add_argument("--config", metavar="FILE", type=Path, default=default, help="the settings file")
    made.add_argument("--state", metavar="FOLDER", type=Path, default=default, help="the folder of the ledger")
    made.add_argument(
        "-v", "--verbose", action="store_true", default=default or False, help="tell more of what is done"
    )


def command(
    commands: Any, name: str, do: Callable[[Arguments], int], says: str, *, machine: bool = True
) -> argparse.ArgumentParser:
    """A command below `commands`, with what all have; `machine` ones can answer as JSON."""
    made: argparse.ArgumentParser = commands.add_parser(name, help=says, description=says)
    made.set_defaults(do=do)
    common(made, default=argparse.SUPPRESS)
    if machine:
        made.add_argument("--json", action="store_true", help="answer as JSON")
    return made


def count(text: str) -> int:
    """A whole number from 1 up, as an argument."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 up")
    return int(text)


def settings_of(
    arguments: Arguments,
    roots: Sequence[Mapping[str, Any]] | None = None,
    *,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """The settings by file, environment and flags, and the log they ask for; `roots` stand for the file's."""
    from watcher import logs
    from watcher.settings import load

    flags = dict(flags or {})
    if arguments.state is not None:
        flags["state"] = arguments.state.absolute()
    if arguments.verbose:
        flags["log.level"] = "debug"
    if roots:
        flags["roots"] = roots
    settings = load(arguments.config, os.environ, flags, absent_ok=True)
    logs.start(
        settings.log.level, settings.log.format, environment=os.environ, stream=sys.stderr, zone=settings.zone()
    )
    return settings


def known_settings(arguments: Arguments) -> Settings:
    """The settings; where they name no root, those that this ledger was run on."""
    settings = settings_of(arguments)
    if settings.roots:
        return settings
    from watcher.ledger import store

    try:
        ledger = store.open_for_reading(settings.state)
    except UserError:
        return settings
    rows = ledger.db.execute("SELECT name, base FROM roots").fetchall()
    ledger.close()
    return settings_of(arguments, [{"name": name, "path": os.fsdecode(base)} for name, base in rows])


def say(arguments: Arguments, answer: Any, lines: Iterable[str]) -> int:
    """Print an answer, as lines or as JSON."""
    if arguments.json:
        print(json.dumps(answer, indent=2, default=os.fsdecode))  # ASCII: a name that is no UTF-8 stays JSON
    else:
        from watcher import tell

        tell.say(lines, sys.stdout)
    return DONE


def reading(
    arguments: Arguments, ask: Callable[[Any, Settings], Any], lines: Callable[[Any, Settings], Iterable[str]]
) -> int:
    """A command that only reads the ledger, also beside a running service."""
    from watcher.ledger import store

    settings = known_settings(arguments)
    ledger = store.open_for_reading(settings.state)
    try:
        answer = ask(ledger.db, settings)
    finally:
        ledger.close()
    return say(arguments, answer, lines(answer, settings))


def perform(arguments: Arguments, name: str, values: Mapping[str, Any]) -> int:
    """A command that changes something, here or by the service; its exit code."""
    from watcher import handing, tell
    from watcher.progress import Progress

    watch, progress = None, Progress("photos done", sys.stderr)
    if name == "undo" and not (values["paths"] or values["keyword"] or values["source"]):
        from watcher.undo import Watched

        watch = Watched(values["run"], progress)
    answer, failed = handing.do(known_settings(arguments), name, values, watch)
    progress.end()
    say(arguments, answer, tell.changed(name, answer))
    return SOME_FAILED if failed else DONE
