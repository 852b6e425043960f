"""One long-lived exiftool, asked as Immich asks it."""

from __future__ import annotations

import asyncio
import html
import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.patience import PATIENCE

_WRITE_HEAD = ["-charset", "filename=utf8", "-sep", "\x1f", "-E", "-api", "struct=2", "-use", "MWG"]
_WRITE_TAIL = ["-api", "largefilesupport=1", "-overwrite_original"]
_READ = [
    "-json",
    "-charset",
    "filename=utf8",
    "-api",
    "largefilesupport=1",
    "-api",
    "struct=1",
    "-use",
    "MWG",
    "-n",
    "-all",
]


class WriteFailed(Exception):
    """exiftool did not write; its words."""


class Exiftool:
    """`processes` programs side by side, started when first needed; calls wait for a free one."""

    def __init__(self, processes: int = 2) -> None:
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="exiftool")
        self._own = threading.local()
        self._started: list[subprocess.Popen[bytes]] = []

    async def write(self, path: str, values: Mapping[str, Any]) -> None:
        """Write these properties into a sidecar; an empty list leaves one empty item. Raises WriteFailed."""
        words = [*_WRITE_HEAD, *_assignments(values), *_WRITE_TAIL, path]
        out, errors = await self._ask(words)
        if "files updated" not in out and "files created" not in out and "files unchanged" not in out:
            raise WriteFailed(errors or out)

    async def read(self, *paths: str) -> list[dict[str, Any]]:
        """What the files say, in order; nothing of a file that cannot be read."""
        out, _ = await self._ask([*_READ, *paths])
        try:
            found = {each.pop("SourceFile"): each for each in json.loads(out)} if out.strip() else {}
        except ValueError:
            found = {}
        return [found.get(path, {}) for path in paths]

    async def _ask(self, words: Sequence[str]) -> tuple[str, str]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._execute, words)

    def _execute(self, words: Sequence[str]) -> tuple[str, str]:
        program = self._program()
        assert program.stdin
        assert program.stdout
        lines = "\n".join([*words, "-echo4", "{done}", "-execute", ""])
        program.stdin.write(lines.encode())
        program.stdin.flush()
        return _until(program.stdout, b"{ready}"), _until(program.stderr, b"{done}")

    def _program(self) -> subprocess.Popen[bytes]:
        if not hasattr(self._own, "program"):
            pipes: dict[str, Any] = {
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
            }
            self._own.program = subprocess.Popen(["exiftool", "-stay_open", "True", "-@", "-"], **pipes)
            self._started.append(self._own.program)
        program: subprocess.Popen[bytes] = self._own.program
        return program

    def close(self) -> None:
        """End the programs."""
        self._pool.shutdown()
        for each in self._started:
            assert each.stdin
            each.stdin.write(b"-stay_open\nFalse\n")
            each.stdin.close()
            each.wait(PATIENCE)


def _until(pipe: Any, mark: bytes) -> str:
    found = b""
    while not found.rstrip().endswith(mark):
        part = os.read(pipe.fileno(), 65536)
        if not part:
            raise WriteFailed("exiftool is gone")
        found += part
    return found.rstrip()[: -len(mark)].decode("utf-8", "replace")


def _assignments(values: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        words += [f"-{name}^={_escaped(item)}" for item in items or [""]]
    return words


def _escaped(value: Any) -> str:
    return html.escape("" if value is None else str(value)).replace("\r", "&#xd;").replace("\n", "&#xa;")
