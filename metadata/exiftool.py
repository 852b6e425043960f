"""The one long-lived exiftool: reads metadata of any format, writes changed copies, shows what others see."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from exiftool import ExifTool
from exiftool.exceptions import ExifToolException

from metadata.errors import PhotoError, Refused, TryAgain, UserError

START: Final = 30.0
"""Seconds that exiftool may take to start and say its version."""
AGAIN: Final = (
    "see what `exiftool -ver` says, and install it again: apt install --reinstall libimage-exiftool-perl"
)
MISSING: Final = "exiftool is missing; install it: apt install libimage-exiftool-perl"

LISTS: Final = frozenset(
    {"Subject", "HierarchicalSubject", "TagsList", "Keywords", "PersonInImage", "LastKeywordXMP", "CatalogSets"}
)
"""Tags that are a list even where they hold one value, which exiftool's JSON then does not show."""

_ARGUMENTS: Final = ["-api", "largefilesupport=1"]
_MARK: Final = "\1"
_MARKED: Final = rb"Filter=s/^(?=(true|false)\z)/\x01/i"
"""Puts a mark before what exiftool's JSON makes a boolean of, without its case; not heard with `-n`."""
_BLOCK: Final = 1 << 16
_UNSAFE: Final = re.compile(rb"[^0-9A-Za-z./:;()_+*\x80-\xff-]")
_UNTELLABLE: Final = re.compile(rb"[$@]")
_BREAK: Final = re.compile(rb"[\r\n]")
_BEGUN: Final = re.compile(rb"\b1 image files (?:created|updated)\b")
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
        self._version: tuple[int, ...] = ()
        self._complaints = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next question starts a new one.

        It is killed: between two questions it holds nothing, and it may be dying already, since PyExifTool
        has it end with the thread that started it.
        """
        self._kill()

    def read(self, paths: Sequence[bytes], tags: Sequence[str]) -> list[dict[str, object]]:
        """The tags of each file, by names like `XMP-dc:Subject`; what a file does not have is missing.

        Every value is text, or a list of texts for `LISTS` and whatever holds several; numbers are as they
        are written. Raises PhotoError for a file that cannot be read, TryAgain where exiftool hung or died,
        UserError where there is none.
        """
        if not paths:
            return []
        found = self._told(paths, tags, b"-n")
        if len(found) == len(paths):
            return self._spelled(found, paths, tags)
        if len(paths) == 1:
            raise PhotoError(paths[0], "exiftool cannot read it")
        return [self.read([path], tags)[0] for path in paths]

    def _told(self, paths: Sequence[bytes], tags: Sequence[str], *more: bytes) -> list[dict[str, object]]:
        options = [b"-j", b"-G1", b"-a", b"-m", *more, *(f"-{tag}".encode() for tag in tags)]
        return _parsed(self._ask([*options, *map(_argument, paths)], paths[0], self._timeout * len(paths)))

    def _spelled(
        self, found: list[dict[str, object]], paths: Sequence[bytes], tags: Sequence[str]
    ) -> list[dict[str, object]]:
        """With words like `True` in their own letters, which takes a second question."""
        where = [number for number, each in enumerate(found) if any(map(_boolean, each.values()))]
        if where:
            told = self._told([paths[number] for number in where], tags, b"-api", _MARKED)
            for number, again in zip(where, told, strict=False):
                found[number] = {name: _worded(value, again.get(name)) for name, value in found[number].items()}
        return found

    def version(self) -> tuple[int, ...]:
        """The version as numbers, such as (12, 57), of one that runs now; UserError where none does."""
        self._running()
        return self._version

    def edit(self, source: bytes, name: bytes, values: Mapping[str, bytes | None]) -> None:
        """Make a copy of `source` in the same folder, called `name`, with these tags set, or deleted (None).

        A value is data whatever signs it holds: none can become an option. The source is only read. Raises
        Refused, in exiftool's words, where no changed copy came of it, TryAgain where exiftool hung or
        died (what it left is the caller's to remove), UserError where there is none.
        """
        if _UNTELLABLE.search(source) and _BREAK.search(source):
            raise Refused(source, "a line break and $ or @ in its name: exiftool cannot be told of it; rename it")
        options = [b"-E", *(b"-%s=%s" % (tag.encode(), _data(value)) for tag, value in values.items())]
        answer = self._ask([*options, b"-o", b"%d" + name, _argument(source)], source, self._timeout)
        if not _BEGUN.search(answer):
            raise Refused(source, f"exiftool does not write it: {self._complaint()}")

    def checked(
        self, paths: Sequence[bytes], tags: Sequence[str], *, whole: bool = True
    ) -> list[dict[str, object]]:
        """Blocks as bytes or text, by names without a group; "Warning" and "Error" list what is wrong.

        Without `whole` nothing behind a JPEG's metadata is looked at, which takes far longer than the rest.
        """
        names = (*tags, "Warning", "Error")
        options = [b"-j", b"-b", b"-m", b"-a", b"-G4", b"-validate" if whole else b"-fast"]
        options += [f"-{name}".encode() for name in names]
        found = _parsed(self._ask([*options, *map(_argument, paths)], paths[0], self._timeout * len(paths)))
        if len(found) != len(paths):
            raise PhotoError(paths[0], "exiftool cannot read it")
        return [_ungrouped(each) for each in found]

    def _complaint(self) -> str:
        """The first error that exiftool told of, or else its first warning, without the file's name."""
        lines = [line.strip() for line in self._complaints.decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if not line.startswith("Warning:")] or lines or ["nothing was changed"]
        return errors[0].removeprefix("Error: ").removeprefix("Warning: ").partition(" - /")[0]

    def _ask(self, arguments: Sequence[bytes], path: bytes, timeout: float) -> bytes:
        tool = self._running()
        number = next(_count)
        command = b"\n".join((*arguments, b"-execute%d\n" % number))
        try:
            tool._process.stdin.write(command)  # noqa: SLF001 - see the class
            tool._process.stdin.flush()  # noqa: SLF001
            mark = b"{ready%d}" % number
            answer, self._complaints = _until(tool._process, mark, time.monotonic() + timeout)  # noqa: SLF001
        except (OSError, EOFError) as error:
            self._kill()
            raise TryAgain(path, f"exiftool died or hung: {error}") from error
        return answer

    def _running(self) -> ExifTool:
        if self._tool is not None and self._tool._process.poll() is None:  # noqa: SLF001
            return self._tool
        self._kill()
        self._version = _version(self._executable)
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


def _version(executable: str) -> tuple[int, ...]:
    """Whether exiftool works at all: PyExifTool would wait for ever for one that hangs or dies at its start."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the machine, and no word of anybody's
            [executable, "-ver"], capture_output=True, stdin=subprocess.DEVNULL, timeout=START, check=False
        )
    except FileNotFoundError as error:
        raise UserError(MISSING) from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"exiftool does not answer; {AGAIN}") from error
    except OSError as error:
        raise UserError(f"exiftool does not start ({error.strerror}); {AGAIN}") from error
    version = tuple(
        int(part) for part in done.stdout.decode(errors="replace").strip().split(".") if part.isdigit()
    )
    if done.returncode or not version:
        raise UserError(f"exiftool does not work (it ended with {done.returncode}); {AGAIN}")
    return version


def _until(process: Any, mark: bytes, deadline: float) -> tuple[bytes, bytes]:
    """What the process says up to `mark`, and its complaints; unread ones would fill up their pipe."""
    said, complaints = process.stdout.fileno(), process.stderr.fileno()
    answer, complained = bytearray(), bytearray()
    while not answer.rstrip().endswith(mark):
        left = deadline - time.monotonic()
        ready = select.select([said, complaints], [], [], max(left, 0))[0]
        if not ready:
            raise TimeoutError("no answer in time")
        if complaints in ready:
            complained += os.read(complaints, _BLOCK)
        if said in ready:
            part = os.read(said, _BLOCK)
            if not part:
                raise EOFError("no answer")
            answer += part
    while select.select([complaints], [], [], 0)[0] and (part := os.read(complaints, _BLOCK)):
        complained += part  # exiftool complains before it is ready
    return bytes(answer.rstrip()[: -len(mark)]), bytes(complained)


def _data(value: bytes | None) -> bytes:
    """A value for `-E`: whatever could mean something to exiftool as a character reference."""
    return _UNSAFE.sub(lambda sign: b"&#x%x;" % sign[0][0], value or b"")


def _ungrouped(found: Mapping[str, object]) -> dict[str, object]:
    """The first of each name, but all that was found wrong."""
    first: dict[str, object] = {}
    wrong: dict[str, object] = {"Warning": [], "Error": []}
    for name, value in found.items():
        plain = name.partition(":")[2]
        several = wrong.get(plain)
        if isinstance(several, list):
            several.append(str(value))
        else:
            first.setdefault(plain, _binary(value))
    return first | wrong


def _binary(value: object) -> object:
    if isinstance(value, str) and value.startswith("base64:"):
        return base64.b64decode(value[7:])
    return value


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
    """A list also of one value, where the tag is one."""
    return [value] if name.rpartition(":")[2] in LISTS and not isinstance(value, list) else value


def _boolean(value: object) -> bool:
    return any(isinstance(each, bool) for each in value) if isinstance(value, list) else isinstance(value, bool)


def _worded(value: object, marked: object) -> object:
    """The text that exiftool made a boolean of, from its answer with marks."""
    if isinstance(value, list) and isinstance(marked, list) and len(value) == len(marked):
        return [_worded(one, other) for one, other in zip(value, marked, strict=True)]
    if not isinstance(value, bool):
        return value
    return marked.removeprefix(_MARK) if isinstance(marked, str) else str(value).lower()
