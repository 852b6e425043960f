"""What systemd has to be told about the folders in the settings: which of them the service may write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from metadata.errors import UserError

NETWORK = (
    "# Immich is asked over the network (`immich.url`).",
    "PrivateNetwork=no",
    "RestrictAddressFamilies=AF_INET AF_INET6",
    "IPAddressDeny=",
)


def folders(paths: Iterable[Path], *, network: bool = False) -> str:
    """A drop-in for tagwright.service; a folder that is not there when the service starts is passed over.

    The service reaches a network only where `network` says so.
    """
    lines = [*(f"ReadWritePaths={quoted(path)}" for path in paths), *(NETWORK if network else ())]
    return "\n".join(["# Made by scripts/install-service from the settings.", "[Service]", *lines, ""])


def quoted(path: Path) -> str:
    """One path as systemd reads it in ReadWritePaths: `%` doubled, the rest between quotes.

    Raises UserError for a name that a unit file cannot hold: with a control character, or not UTF-8.
    """
    text = str(path)
    if not text.isprintable():
        raise UserError(f"{os.fsencode(path)!r}: a unit file cannot name this folder; mount it elsewhere")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"-{escaped}"'


def main(arguments: Sequence[str]) -> int:
    """Prints the drop-in for a settings file; `--roots` prints how many folders there are."""
    from watcher import settings  # noqa: PLC0415 - pydantic is needed here only

    try:
        made = settings.load(Path(arguments[0]), {}, {}, absent_ok=True)
        if "--roots" in arguments:
            text = str(len(made.roots))
        else:
            text = folders((root.path for root in made.roots), network=bool(made.immich.url))
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the installer shows it
        return 2
    print(text, end="")  # noqa: T201 - the installer takes it
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
