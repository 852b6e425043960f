"""The commands of other machines: `scheduler` and `worker`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from metadata.errors import UserError
from watcher.asking import Arguments, command, count, settings_of


def add(commands: Any) -> None:
    """Both of them."""
    scheduler = command(
        commands,
        "scheduler",
        _scheduler,
        "Spread photos over other machines: workers and the service meet here (docs/many-machines.md).",
        machine=False,
    )
    scheduler.add_argument(
        "--listen", metavar="HOST:PORT", help="where; without, the `cluster` of the settings, else 127.0.0.1:8786"
    )
    _tls(scheduler)
    worker = command(
        commands,
        "worker",
        _worker,
        "Look at photos for another machine, with folders, models and keys of this one's settings.",
        machine=False,
    )
    worker.add_argument(
        "address", metavar="ADDRESS", nargs="?", help="the scheduler; without, that of the settings"
    )
    worker.add_argument(
        "--processes", metavar="N", type=count, help="how many; without, `workers` of the settings"
    )
    worker.add_argument("--threads", metavar="N", type=count, default=1, help="in each process, 1 without")
    worker.add_argument("--memory", metavar="SIZE", help="of all processes; without, `memory` of the settings")
    worker.add_argument("--name", metavar="NAME", default="", help="what it is called; without, this machine's")
    worker.add_argument("--listen", metavar="HOST", default="", help="the address of this machine; found without")
    _tls(worker)


def _tls(made: argparse.ArgumentParser) -> None:
    for name, what in (("ca", "whose certificates are trusted"), ("cert", "this machine's"), ("key", "its key")):
        made.add_argument(f"--{name}-file", metavar="FILE", type=Path, help=f"for TLS: {what}")


def _flags(arguments: Arguments, address: str | None) -> dict[str, object]:
    files = {name: getattr(arguments, name) for name in ("ca_file", "cert_file", "key_file")}
    flags = {f"cluster.{name}": file.absolute() for name, file in files.items() if file is not None}
    return flags | ({"cluster.address": address} if address is not None else {})


def _scheduler(arguments: Arguments) -> int:
    from watcher.cluster import serving, trust

    cluster = settings_of(arguments, flags=_flags(arguments, None)).cluster
    listen = _listen(arguments.listen) if arguments.listen else trust.place(cluster)
    return serving.schedule(cluster, listen, say=_say)


def _listen(text: str) -> tuple[str, int]:
    from watcher.cluster import trust

    host, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "")
    if (port and not (port.isdecimal() and int(port) < 65536)) or not host:
        raise UserError(f"{text!r} is no address with a port, such as 127.0.0.1:8786")
    return host.strip("[]"), int(port or trust.PORT)


def _worker(arguments: Arguments) -> int:
    from watcher import values
    from watcher.cluster import serving

    settings = settings_of(arguments, flags=_flags(arguments, arguments.address))
    try:
        memory = values.size(arguments.memory) if arguments.memory else settings.memory
    except ValueError:
        raise UserError(f"{arguments.memory!r} is no size; write it as 2G or 512M") from None
    workers = settings.workers if settings.workers != "auto" else len(os.sched_getaffinity(0))
    hand = serving.Hand(
        arguments.processes or workers,
        arguments.threads,
        0 if memory == "auto" else memory,
        arguments.name,
        arguments.listen,
    )
    return serving.work(settings, hand, os.environ, say=_say)


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
