"""The one long-lived exiftool: reads metadata of any format, and shows what was written as others see it."""

from __future__ import annotations

import itertools
import json
import os
import select
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from exiftool import ExifTool
from exiftool.exceptions import ExifToolException

from metadata.errors import PhotoError, TryAgain, UserError

MISSING: Final = "exiftool is missing; install it: apt install libimage-exiftool-perl"

LISTS: Final = frozenset(
    {"Subject", "HierarchicalSubject", "TagsList", "Keywords", "PersonInImage", "LastKeywordXMP", "CatalogSets"}
)
"""Tags that are a list even where they hold one value, which exiftool's JSON then does not show."""

_ARGUMENTS: Final = ["-api", "largefilesupport=1"]
_BLOCK: Final = 1 << 16
_count = itertools.count(1)


class Exiftool:
    """exiftool in its `-stay_open` form, started by the first question and again when it has died.

    Usable from one thread at a time. PyExifTool starts and ends the process; the talking is done here,
    because PyExifTool waits for ever for a process that died or hangs.
    """

    def __init__(self, *, timeout: float = 60.0, executable: str = "exiftool") -> None:
        """`timeout` is in seconds for one file; a batch has as much time as its files together."""
        self._timeout = timeout
        self._executable = executable
        self._tool: ExifTool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next question starts a new one."""
        if self._tool is not None and self._tool.running:
            self._tool.terminate(timeout=5)
        self._tool = None

    def read(self, paths: Sequence[bytes], tags: Sequence[str]) -> list[dict[str, object]]:
        """The tags of each file, by names like `XMP-dc:Subject`; what a file does not have is missing.

        Every value is text, or a list of texts for `LISTS` and whatever holds several; numbers are as they
        are written. Raises PhotoError for a file that cannot be read, TryAgain where exiftool hung or died,
        UserError where there is none.
        """
        if not paths:
            return []
        options = [b"-j", b"-G1", b"-a", b"-n", b"-m", *(f"-{tag}".encode() for tag in tags)]
        answer = self._ask([*options, *map(_argument, paths)], paths[0], self._timeout * len(paths))
        found = _parsed(answer)
        if len(found) == len(paths):
            return found
        if len(paths) == 1:
            raise PhotoError(paths[0], "exiftool cannot read it")
        return [self.read([path], tags)[0] for path in paths]

    def _ask(self, arguments: Sequence[bytes], path: bytes, timeout: float) -> bytes:
        tool = self._running()
        number = next(_count)
        command = b"\n".join((*arguments, b"-execute%d\n" % number))
        try:
            tool._process.stdin.write(command)  # noqa: SLF001 - see the class
            tool._process.stdin.flush()  # noqa: SLF001
            return _until(tool._process, b"{ready%d}" % number, time.monotonic() + timeout)  # noqa: SLF001
        except (OSError, EOFError) as error:
            self._kill()
            raise TryAgain(path, f"exiftool died or hung: {error}") from error

    def _running(self) -> ExifTool:
        if self._tool is not None and self._tool._process.poll() is None:  # noqa: SLF001
            return self._tool
        self._kill()
        try:
            self._tool = ExifTool(executable=self._executable, common_args=_ARGUMENTS)
            self._tool.run()
        except FileNotFoundError as error:
            raise UserError(MISSING) from error
        except (ExifToolException, OSError, RuntimeError) as error:
            raise UserError(f"exiftool does not start: {error}") from error
        return self._tool

    def _kill(self) -> None:
        """PyExifTool knows `terminate` only, which waits for an answer; a dead or stuck process gives none."""
        if self._tool is None:
            return
        process = self._tool._process  # noqa: SLF001
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            try:
                pipe.close()
            except OSError:  # what was not sent yet cannot be sent any more
                continue
        self._tool._flag_running_false()  # noqa: SLF001
        self._tool = None


def _until(process: Any, mark: bytes, deadline: float) -> bytes:
    """What the process says up to `mark`; its complaints are read along, or their pipe would fill up."""
    said, complaints = process.stdout.fileno(), process.stderr.fileno()
    answer = bytearray()
    while not answer.rstrip().endswith(mark):
        left = deadline - time.monotonic()
        ready = select.select([said, complaints], [], [], max(left, 0))[0]
        if not ready:
            raise TimeoutError("no answer in time")
        if complaints in ready:
            os.read(complaints, _BLOCK)
        if said in ready:
            part = os.read(said, _BLOCK)
            if not part:
                raise EOFError("no answer")
            answer += part
    return bytes(answer.rstrip()[: -len(mark)])


def _argument(path: bytes) -> bytes:
    """A path as one line of exiftool's input, whatever signs it holds (`#[CSTR]`, exiftool's manual, -@)."""
    path = os.path.abspath(path)
    if b"\n" not in path and b"\r" not in path:
        return path
    for sign, name in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r")):
        path = path.replace(sign, name)
    return b"#[CSTR]" + path


def _parsed(answer: bytes) -> list[dict[str, object]]:
    if not answer.strip():
        return []
    content = json.loads(answer.decode(errors="replace"), parse_int=str, parse_float=str)
    return [
        {name: _value(name, value) for name, value in each.items() if name != "SourceFile"} for each in content
    ]


def _value(name: str, value: object) -> object:
    """Text, or a list of texts; exiftool turns `True` into a boolean and its case is lost."""
    if isinstance(value, list):
        return [_text(each) for each in value]
    return [_text(value)] if name.rpartition(":")[2] in LISTS else _text(value)


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
