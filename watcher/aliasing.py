"""The commands of `tagwright dedupe` about single words: aliases, words kept apart; for all, or for one user."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from metadata.errors import UserError
from watcher.asking import DONE, Arguments, command, known_settings, perform, reading

WHOSE = "for the photos of this Immich user alone: a name, mail address or id; - for photos of no user"


def user(made: argparse.ArgumentParser, says: str = WHOSE, *, default: str | None = argparse.SUPPRESS) -> None:
    """The option that says whose photos are meant; it may stand before a command of commands, too."""
    made.add_argument("--user", metavar="NAME", default=default, help=says)


def add(commands: Any) -> None:
    """`dedupe alias …`, `protect`, `unprotect`, `block`, `unblock`, `apart`."""
    says = "Words that stand for others, from the next photo on."
    group = commands.add_parser("alias", help=says, description=says)
    _aliases(group.add_subparsers(title="commands", metavar="COMMAND", required=True))
    for name, does in (("protect", "Never merge these words."), ("unprotect", "Let these words be merged again.")):
        made = command(commands, name, _changed(f"dedupe {name}", "words"), does)
        made.add_argument("words", metavar="WORD", nargs="+", help="keywords")
        user(made)
    for name, does in (
        ("block", "Never merge these two words with each other, nor offer it."),
        ("unblock", "Let these two words be merged again."),
    ):
        made = command(commands, name, _changed(f"dedupe {name}", "word", "other"), does)
        made.add_argument("word", metavar="WORD", help="a keyword")
        made.add_argument("other", metavar="OTHER", help="another")
        user(made)
    user(command(commands, "apart", _apart, "List protected words, and pairs that are never merged."))


def _aliases(commands: Any) -> None:
    says = "Write one word instead of another. A plain word counts wherever it ends a path."
    made = command(commands, "add", _changed("dedupe alias add", "word", "to", "path"), says)
    made.add_argument("word", metavar="WORD", help="a keyword, such as couch or animals/dogs")
    made.add_argument("to", metavar="TO", help="what is written instead")
    made.add_argument("--path", action="store_true", help="only where it is the whole keyword")
    user(made)
    made = command(commands, "rm", _changed("dedupe alias rm", "word"), "Write what is said again.")
    made.add_argument("word", metavar="WORD", help="an alias")
    user(made)
    user(command(commands, "list", _listed, "The aliases, what each matches, and whose they are."))
    made = command(commands, "export", _exported, "Write all aliases to a file, as JSON.", machine=False)
    made.add_argument("file", metavar="FILE", type=Path, help="a file; - writes here")
    user(made)
    made = command(commands, "import", _imported, "Take aliases from such a file, all of them or none.")
    made.add_argument("file", metavar="FILE", type=Path, help="a file")
    user(made)


def _changed(name: str, *wanted: str) -> Callable[[Arguments], int]:
    def do(arguments: Arguments) -> int:
        values = {each: getattr(arguments, each) for each in wanted}
        return perform(arguments, name, values | _whose(arguments))

    return do


def _whose(arguments: Arguments) -> dict[str, str]:
    return {} if arguments.user is None else {"user": arguments.user}


def _owner(db: Any, arguments: Arguments) -> str | None:
    from watcher.ledger import owners

    return None if arguments.user is None else owners.find(db, arguments.user)


def _of(row: Any) -> str:
    return f", on photos of {'no user' if row['user'] == '-' else row['user']}" if row["user"] else ""


def _listed(arguments: Arguments) -> int:
    from watcher.ledger import aliases

    def lines(rows: Any, _: Any) -> Iterator[str]:
        for row in rows:
            run = f", by run {row['run']}" if row["run"] else ""
            yield f"{row['word']} -> {row['to']} ({row['matches']}{run}){_of(row)}"

    return reading(arguments, lambda db, _: aliases.listed(db, _owner(db, arguments)), lines)


def _apart(arguments: Arguments) -> int:
    from watcher.ledger import aliases

    def lines(rows: Any, _: Any) -> Iterator[str]:
        for row in rows:
            never = f"never merged with {row['not_with']}" if row["not_with"] else "never merged"
            yield f"{row['word']} is {never}{_of(row)}"

    return reading(arguments, lambda db, _: aliases.apart(db, _owner(db, arguments)), lines)


def _exported(arguments: Arguments) -> int:
    from watcher import report
    from watcher.ledger import aliases, store

    ledger = store.open_for_reading(known_settings(arguments).state)
    try:
        rows = aliases.listed(ledger.db, _owner(ledger.db, arguments))
    finally:
        ledger.close()
    names = ("word", "to", "matches", "user")
    text = json.dumps(
        [{name: row[name] for name in names if name != "user" or row[name]} for row in rows], indent=1
    )
    if str(arguments.file) == "-":
        print(text)
    else:
        report.written(arguments.file.absolute().parent, {arguments.file.name: text + "\n"})
    return DONE


def _imported(arguments: Arguments) -> int:
    try:
        rows = json.loads(arguments.file.read_bytes())
        these = [
            {"word": str(r["word"]), "to": str(r["to"]), "matches": str(r.get("matches", "")),
             "user": str(r.get("user", ""))} for r in rows
        ]  # fmt: skip
    except OSError as error:
        raise UserError(f"{arguments.file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{arguments.file} does not hold [{{"word": …, "to": …}}, …]') from error
    return perform(arguments, "dedupe alias import", {"aliases": these} | _whose(arguments))
