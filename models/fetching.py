"""Fetches one large file: with progress, from where the last try ended, and only if it is what it ought to be."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from metadata.errors import UserError
from models import hub

PART = ".part"
"""Behind the name of what is not whole yet."""
_SHA256 = re.compile(r'^(?:W/)?"?([0-9a-f]{64})"?$')

Progress = Callable[[int, int], None]


def fetch(url: str, target: Path, sha256: str, progress: Progress, *, timeout: float = 30.0) -> str:
    """The SHA-256 of the file that is now at `target`, with `progress` of bytes done and in all (0: not told).

    Without a known SHA-256 the one that the server tells (`X-Linked-ETag`, as Hugging Face has it) has to fit.
    Raises UserError; what came so far is kept for the next try, what is not what it ought to be is not.
    """
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        where = hub.place(url)
        told = _into(url, part, progress, timeout) if where is None else hub.into(where, part, progress, timeout)
        got = _digest(part)
        expected = sha256 or told
        if expected and got != expected:
            part.unlink()
            raise UserError(f"{url} is not the file it ought to be: its SHA-256 is {got} and not {expected}")
        os.replace(part, target)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise UserError(f"{url} cannot be fetched: {status} {error.response.reason_phrase}") from error
    except httpx.HTTPError as error:
        raise UserError(f"{url} cannot be fetched: {error or type(error).__name__}; try again to go on") from error
    except OSError as error:
        raise UserError(f"{error.filename or target}: {error.strerror}") from error
    return got


def _into(url: str, part: Path, progress: Progress, timeout: float) -> str:
    """Append what is missing of the part; the SHA-256 that the server told, or ""."""
    begun = part.stat().st_size if part.exists() else 0
    headers: dict[str, str] = {"range": f"bytes={begun}-"} if begun else {}
    headers["accept-encoding"] = "identity"  # counted bytes are the file's
    with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=timeout) as answer:
        if answer.status_code == 416:  # all of it was there
            return _told(answer)
        answer.raise_for_status()
        goes_on = answer.status_code == 206
        total = int(answer.headers.get("content-length", 0)) + (begun if goes_on else 0)
        done = begun if goes_on else 0
        with part.open("ab" if goes_on else "wb") as file:
            for block in answer.iter_raw(1 << 20):
                file.write(block)
                done += len(block)
                progress(done, total)
        if total and done != total:
            raise httpx.RemoteProtocolError(f"{done} of {total} bytes came")
        return _told(answer)


def _told(answer: httpx.Response) -> str:
    named: list[Any] = [each.headers.get("x-linked-etag", "") for each in (*answer.history, answer)]
    found = (_SHA256.match(text) for text in named)
    return next((match[1] for match in found if match), "")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
