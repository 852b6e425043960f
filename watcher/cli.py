"""The commands, each a thin call; our errors become exit codes here.

0 done, 1 some photos failed, 2 wrong use, 130 interrupted. Heavy rooms are entered only by the command that
needs them, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sqlite3
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from metadata.errors import TagwrightError, UserError
from watcher import __version__, dedupe, machines, nested, threads, trying, weights
from watcher.asking import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    WRONG,
    Arguments,
    command,
    common,
    count,
    known_settings,
    perform,
    reading,
    say,
    settings_of,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command; the exit code."""
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "1")  # libraries of models tell nobody what they are used for
    threads.one_each(os.environ)
    arguments = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")  # names that are no UTF-8 come out as they are
    try:
        return int(arguments.do(arguments))
    except UserError as error:
        print(f"tagwright: {error}", file=sys.stderr)
        return WRONG
    except (TagwrightError, sqlite3.Error) as error:
        print(f"tagwright: {_of_ledger(error)}", file=sys.stderr)
        return SOME_FAILED
    except RuntimeError as error:
        from watcher import machine

        if not (reason := machine.understood(error)):
            raise
        print(f"tagwright: {reason}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("tagwright: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; no traceback at exit
        return DONE


def _of_ledger(error: Exception) -> str:
    """SQLite speaks of no file; there is one only."""
    return f"the ledger failed: {error}" if isinstance(error, sqlite3.Error) else str(error)


# The parser


def parser() -> argparse.ArgumentParser:
    """All commands with their help."""
    made = argparse.ArgumentParser(
        prog="tagwright",
        description="Tags photos where they land, and keeps sidecars in agreement with what people write there.",
        epilog="exit codes: 0 done, 1 some photos failed, 2 wrong use or settings, 130 interrupted",
    )
    made.add_argument("--version", action="version", version=f"tagwright {__version__}")
    common(made, default=None)
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_working, _looking, _changing, _keeping):
        add(commands)
    for room in (dedupe, trying, weights, nested, machines):
        room.add(commands)
    return made


def _working(commands: Any) -> None:
    run = command(
        commands,
        "run",
        _run,
        "Look at what is there and at what lands, write keywords, and go on until stopped.",
        machine=False,
    )
    run.add_argument(
        "paths", metavar="PATH", nargs="*", type=Path, help="folders, instead of those in the settings"
    )
    run.add_argument("--once", action="store_true", help="end after the first pass")
    run.add_argument("--new-only", action="store_true", help="leave the photos alone that are there already")
    run.add_argument("--ask", action="store_true", help="show what the first look would change, and ask")
    run.add_argument("--yes", action="store_true", help="take the answer for yes")
    run.add_argument("--sample", metavar="FOLDER", type=Path, help="make a sample library there, and run on it")
    run.add_argument(
        "--show", metavar="N", type=int, default=0, help="print what was written to the first N photos"
    )

    scan = command(commands, "scan", _scan, "Look at these photos now, and write their keywords.")
    scan.add_argument("paths", metavar="PATH", nargs="+", help="photos or folders")
    scan.add_argument("--limit", metavar="N", type=count, help="at most N photos")
    scan.add_argument("--since", metavar="DATE", help="only photos taken since this date, such as 2026-05-31")
    scan.add_argument(
        "--again", metavar="SOURCE", nargs="?", const="", help="ask anew about them: one source, or all"
    )

    plan = command(commands, "plan", _plan, "Show what would be written, and write nothing.")
    plan.add_argument("paths", metavar="PATH", nargs="*", help="photos or folders; without, all of them")
    plan.add_argument("--look", action="store_true", help="look at photos first that were not looked at yet")

    command(
        commands, "apply", _change("apply"), "Write what waits: first looks, changed rules, understood renames."
    )


def _looking(commands: Any) -> None:
    status = command(commands, "status", _status, "How far it is, what waits, and why.")
    how = status.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="again every two seconds, until Ctrl-C")
    how.add_argument(
        "--health",
        action="store_true",
        help="ask the running service how it is; 1 where it is not well, or not there",
    )
    show = command(
        commands, "show", _show, "All about one photo: keywords with source and score, what stands where."
    )
    show.add_argument("file", metavar="FILE", help="a photo")
    listed = command(commands, "list", _list, "The files that have all of these keywords.")
    listed.add_argument(
        "--tag", metavar="KEYWORD", action="append", default=[], help="a keyword, such as night or Places/Chile"
    )
    listed.add_argument(
        "--min-score", metavar="SCORE", type=float, default=0.0, help="the least score of ours, 0 to 1"
    )
    command(commands, "stats", _stats, "Counts: keywords, sources, formats, cameras, years.")
    command(commands, "runs", _runs, "The numbered runs and how much each wrote.")


def _changing(commands: Any) -> None:
    retry = command(commands, "retry", _change("retry", "paths", "reason"), "Try again what was set aside.")
    retry.add_argument("--reason", metavar="TEXT", help="only where the reason holds this text")
    retry.add_argument("paths", metavar="PATH", nargs="*", help="photos or folders; without, all of them")

    undo = command(
        commands,
        "undo",
        _change("undo", "paths", "run", "keyword", "source"),
        "Take our words back, and keep them back until `redo`.",
    )
    which = undo.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="N", type=count, help="what one run wrote")
    which.add_argument("--keyword", metavar="KEYWORD", help="one keyword of ours")
    which.add_argument("--source", metavar="SOURCE", help="all that one source said")
    undo.add_argument("paths", metavar="PATH", nargs="*", help="photos or folders; without, all of them")

    redo = command(commands, "redo", _change("redo", "run"), "Write again what was undone of a run.")
    redo.add_argument("run", metavar="N", type=count, help="the run")

    keep = command(commands, "keep", _keep, "Make our words on these photos a person's own.")
    keep.add_argument("paths", metavar="PATH", nargs="+", help="photos or folders, then keywords")

    accept = command(
        commands, "accept", _change("accept", "root"), "What is seen in a root is right: missing words stay away."
    )
    restore = command(
        commands,
        "restore",
        _restore,
        "What is seen in a root is an accident: write our words again.",
    )
    accept.add_argument("root", metavar="ROOT", help="the root's name")
    what = restore.add_mutually_exclusive_group(required=True)
    what.add_argument("root", metavar="ROOT", nargs="?", help="the root's name")
    what.add_argument(
        "--ledger",
        metavar="FILE",
        type=Path,
        help="put a backup in the ledger's place instead, while no service runs",
    )


def _keeping(commands: Any) -> None:
    pause = command(commands, "pause", _pause, "Leave all photos alone for a while; what lands is noted.")
    pause.add_argument("length", metavar="LENGTH", help="how long, such as 2h or 30m")
    command(commands, "resume", _change("resume"), "End the pause.")
    forget = command(
        commands,
        "forget",
        _change("forget", "paths"),
        "Forget photos and all that is known of them; no file is touched.",
    )
    forget.add_argument("paths", metavar="PATH", nargs="+", help="photos or folders")
    prune = command(
        commands, "prune", _change("prune", "apply"), "List what photos left behind that are gone for good."
    )
    prune.add_argument(
        "--apply", action="store_true", help="remove sidecars of only our words, and forget the photos"
    )
    backup = command(commands, "backup", _backup, "Copy the ledger to a file, while it is in use.")
    backup.add_argument("file", metavar="FILE", help="a new file")
    doctor = command(commands, "doctor", _doctor, "Whether everything is as it has to be, and what to do if not.")
    doctor.add_argument("--fix", action="store_true", help="do what can be done safely")
    doctor.add_argument(
        "--canary",
        metavar="PHOTO",
        nargs="?",
        const="",
        help="follow a probe word through Immich and back, on a picture made up for it or on this photo",
    )


# Working


def _run(arguments: Arguments) -> int:
    from watcher import allocator, machine, niceness

    if reason := machine.unsuited():
        raise UserError(reason)
    with allocator.kept():
        from watcher import service

    roots, agreed = [], []
    if arguments.sample is not None:
        from watcher.sample import make_sample

        folder = arguments.sample.absolute()
        if not folder.exists():
            print(f"making a sample library in {folder}", flush=True)
            unfinished = folder.with_name(f".{folder.name}.unfinished")
            make_sample(unfinished)
            unfinished.rename(folder)
        roots, agreed = [service.root_of(folder)], [service.root_of(folder)["name"]]
    for path in arguments.paths:
        if not path.is_dir():
            raise UserError(f"{path} is no folder")
        roots.append(service.root_of(path.absolute()))
    settings = settings_of(arguments, roots)
    wishes = service.Wishes(
        once=arguments.once,
        new_only=arguments.new_only,
        ask=arguments.ask,
        yes=arguments.yes,
        show=arguments.show,
        agreed=agreed,
        program=_program(arguments),
    )
    if not arguments.once and not arguments.ask:  # nobody looks on and waits
        niceness.stand_back(settings.nice, settings.disk)
    return service.run(settings, wishes, out=sys.stdout)


def _program(arguments: Arguments) -> str:
    """How a person calls this program on the same ledger from a shell."""
    called = sys.argv[0] if os.path.basename(sys.argv[0]) == "tagwright" else "tagwright"
    flags = [("--config", arguments.config), ("--state", arguments.state)]
    return shlex.join(
        [called, *(text for name, value in flags if value for text in (name, str(value.absolute())))]
    )


def _scan(arguments: Arguments) -> int:
    values = {
        "paths": [os.path.abspath(path) for path in arguments.paths],
        "limit": arguments.limit,
        "since": arguments.since,
        "again": arguments.again,
    }
    return perform(arguments, "scan", values)


def _plan(arguments: Arguments) -> int:
    from watcher import handing, tell

    made = handing.planned(
        known_settings(arguments), [os.path.abspath(p) for p in arguments.paths], look=arguments.look
    )
    answer = {"changes": made.rows, "photos": made.photos, "changed": made.changed, "not_looked_at": made.unasked}
    return say(arguments, answer, tell.plan(made.rows, made.photos, made.unasked))


# Looking


def _status(arguments: Arguments) -> int:
    from time import time

    from watcher import tell
    from watcher.ledger import answers

    if arguments.health:
        return _health(arguments)
    if arguments.watch:
        return _watch(arguments)
    return reading(
        arguments, lambda db, _: answers.status(db, time()), lambda answer, s: tell.status(answer, s.zone())
    )


def _health(arguments: Arguments) -> int:
    """Asked every minute or two by a container's check: no settings are read where the folder is named."""
    from watcher import tell, web

    named = arguments.state or os.environ.get("TAGWRIGHT_STATE")
    answer = web.asked(Path(named).absolute() if named else settings_of(arguments).state)
    say(arguments, answer, tell.health(answer))
    return DONE if answer["ok"] else SOME_FAILED


def _watch(arguments: Arguments) -> int:
    from time import sleep, time

    from watcher import tell
    from watcher.ledger import answers, store

    settings = known_settings(arguments)
    ledger = store.open_for_reading(settings.state)
    try:
        while True:
            lines = tell.status(answers.status(ledger.db, time()), settings.zone())
            tell.again(lines, tell.moment(time(), settings.zone()), sys.stdout)
            sleep(2)  # a person looks on
    except KeyboardInterrupt:
        return DONE
    finally:
        ledger.close()


def _show(arguments: Arguments) -> int:
    from watcher import handing, tell

    return reading(
        arguments,
        lambda db, settings: handing.about(db, settings, arguments.file),
        lambda answer, settings: tell.show(answer, settings.zone()),
    )


def _list(arguments: Arguments) -> int:
    from metadata import tags
    from watcher.ledger import answers

    words = [tags.typed(word) for word in arguments.tag]
    return reading(arguments, lambda db, _: answers.tagged(db, words, arguments.min_score), lambda found, _: found)


def _stats(arguments: Arguments) -> int:
    from watcher import tell
    from watcher.ledger import answers

    return reading(arguments, lambda db, _: answers.stats(db), lambda answer, _: tell.stats(answer))


def _runs(arguments: Arguments) -> int:
    from watcher import tell
    from watcher.ledger import writes

    return reading(arguments, lambda db, _: writes.runs(db), lambda rows, s: tell.runs(rows, s.zone()))


# Changing


def _change(name: str, *wanted: str) -> Callable[[Arguments], int]:
    """A command whose arguments go as they are to the function of the same name."""

    def do(arguments: Arguments) -> int:
        values = {key: getattr(arguments, key) for key in wanted}
        if "paths" in values:
            values["paths"] = [os.path.abspath(path) for path in values["paths"]]
        return perform(arguments, name, values)

    return do


def _keep(arguments: Arguments) -> int:
    paths = [path for path in arguments.paths if os.path.lexists(path)]
    words = [path for path in arguments.paths if not os.path.lexists(path)]
    if not paths:
        raise UserError(f"{arguments.paths[0]} is not there; name photos or folders first, then keywords")
    return perform(arguments, "keep", {"paths": [os.path.abspath(path) for path in paths], "keywords": words})


def _pause(arguments: Arguments) -> int:
    from watcher import values

    try:
        seconds = values.seconds(arguments.length)
    except ValueError:
        raise UserError(f"{arguments.length!r} is no length of time; write it as 2h or 30m") from None
    return perform(arguments, "pause", {"seconds": seconds})


def _restore(arguments: Arguments) -> int:
    if arguments.ledger is None:
        return perform(arguments, "restore", {"root": arguments.root})
    from watcher.ledger import store

    state = settings_of(arguments).state
    kept = store.put_back(state, arguments.ledger.absolute())
    answer = {"ledger": str(state / store.NAME), "before": str(kept)}
    return say(arguments, answer, [f"{arguments.ledger} is the ledger now; the one of before is {kept}"])


def _backup(arguments: Arguments) -> int:
    return perform(arguments, "backup", {"file": os.path.abspath(arguments.file)})


def _doctor(arguments: Arguments) -> int:
    from time import time

    from watcher import doctor, overlay

    settings = known_settings(arguments)
    file = arguments.config or overlay.found(overlay.files(os.environ))
    findings = doctor.examine(settings, environment=os.environ, now=time(), file=file)
    if arguments.fix:
        for line in doctor.mend(findings):
            print(line, file=sys.stderr)
        findings = doctor.examine(settings, environment=os.environ, now=time(), file=file)
    if arguments.canary is not None:
        from watcher import canary

        say = partial(print, file=sys.stderr, flush=True)
        findings += canary.fly(settings, os.environ, arguments.canary, say=say)
    print(doctor.report(findings, json=arguments.json))
    return SOME_FAILED if doctor.worst(findings) == "fail" else DONE


if __name__ == "__main__":
    sys.exit(main())
