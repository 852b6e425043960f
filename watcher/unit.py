"""What systemd has to be told about the folders in the settings: which of them the service may write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from metadata.errors import UserError

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+,:@=~")


def folders(paths: Iterable[Path]) -> str:
    """A drop-in for tagwright.service; a folder that is not there when the service starts is passed over."""
    lines = [f"ReadWritePaths={quoted(os.fsencode(path))}" for path in paths]
    return "\n".join(["# Made by scripts/install-service from the settings.", "[Service]", *lines, ""])


def quoted(path: bytes) -> str:
    r"""One path as systemd reads it: `%` doubled, other signs as `\xNN` between quotes (systemd.syntax(7))."""
    signs = "".join(_sign(byte) for byte in path)
    return f'"-{signs}"' if "\\" in signs else f"-{signs}"


def _sign(byte: int) -> str:
    if byte == ord("%"):
        return "%%"
    return chr(byte) if byte in _PLAIN else f"\\x{byte:02x}"


def main(arguments: Sequence[str]) -> int:
    """Prints the drop-in for a settings file; `--roots` prints how many folders there are."""
    from watcher import settings  # noqa: PLC0415 - pydantic is needed here only

    try:
        made = settings.load(Path(arguments[0]), {}, {}, absent_ok=True)
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the installer shows it
        return 2
    text = str(len(made.roots)) if "--roots" in arguments else folders(root.path for root in made.roots)
    print(text, end="")  # noqa: T201 - the installer takes it
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
