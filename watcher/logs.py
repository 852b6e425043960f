"""How messages look, and the only place where a handler is set: text, journald priorities or JSON lines."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Literal, TextIO

from watcher.tell import visible

Format = Literal["text", "journal", "json"]

_MASK = "•••"
_SHORTEST = 4
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class Mask(logging.Filter):
    """Puts dots where a secret would stand: in messages, their arguments and tracebacks."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets: tuple[str, ...] = ()
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """From now on this value is masked, also as a part of a URL or of JSON.

        Values shorter than four characters are left out: they would mask half of every line.
        """
        spellings = {secret, json.dumps(secret)[1:-1]}
        known = {*self._secrets, *(text for text in spellings if len(text) >= _SHORTEST)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))  # a longer one may hold a shorter one

    def masked(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record through, masked; raises nothing."""
        if self._secrets:
            record.msg = self.masked(_message(record))
            record.args = None
            if record.exc_info and not record.exc_text:
                record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = record.exc_text and self.masked(record.exc_text)
        return True


class _Lines(logging.Formatter):
    """A message is one line, whatever a file is called."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - theirs
        """The line, with control characters spelled out."""
        return visible(super().formatMessage(record))


class Text(_Lines):
    """`12:34:56 WARNING watcher.events: …`, times of day in the zone that was set."""

    def __init__(self, zone: tzinfo | None) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._zone = zone

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - theirs
        """The time of day, to the second."""
        return datetime.fromtimestamp(record.created, UTC).astimezone(self._zone).strftime("%H:%M:%S")


class Journal(_Lines):
    """`<4>watcher.events: …` (sd-daemon(3)): journald takes the priority from each line and adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, its priority before every line."""
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        text = super().format(record)
        return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))


class Json(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, ASCII only."""
        told: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info or record.exc_text:
            told["traceback"] = record.exc_text or self.formatException(record.exc_info or (None, None, None))
        return json.dumps(told)


def chosen(wanted: str, environment: Mapping[str, str], stream: TextIO) -> Format:
    """For `auto`: journal when the stream is journald's (JOURNAL_STREAM, systemd.exec(5)), else text."""
    if wanted in ("text", "journal", "json"):
        return wanted  # type: ignore[return-value]
    return "journal" if _goes_to_journald(environment.get("JOURNAL_STREAM", ""), stream) else "text"


def start(
    level: str,
    wanted: str,
    *,
    environment: Mapping[str, str],
    stream: TextIO,
    zone: tzinfo | None = None,
    secrets: Iterable[str] = (),
) -> Mask:
    """Sets the one handler of the process; a second call replaces the first.

    Returns the mask, for secrets that are read later.
    """
    handler = logging.StreamHandler(stream)
    mask = Mask(secrets)
    handler.addFilter(mask)
    handler.setFormatter(_formatter(chosen(wanted, environment, stream), zone))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("PIL").setLevel(logging.INFO)  # its debug lines are a line for every tag of a picture
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)  # a line for every question to Immich
    return mask


def _formatter(kind: Format, zone: tzinfo | None) -> logging.Formatter:
    if kind == "journal":
        return Journal("%(name)s: %(message)s")
    return Json() if kind == "json" else Text(zone)


def _goes_to_journald(device_inode: str, stream: TextIO) -> bool:
    """Whether `device:inode` is what the stream writes to; a child whose output was redirected is not."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return device_inode == f"{found.st_dev}:{found.st_ino}"


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments; where they do not fit together, both as they are."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"
