"""What any server's answer over HTTP means: when to ask again, how long it wants peace, who is trusted."""

from __future__ import annotations

import random
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import certifi
import httpx

from metadata.errors import UserError

FIRST, LONGEST = 0.5, 30.0
"""Seconds before the second try, and the most between two; half of each is left to chance."""
PASSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What may be over at the next try."""


def pause(attempt: int, after: float | None, chance: random.Random) -> float:
    """Seconds until the next try: twice as long each time, a part of it by chance, never before `after`."""
    most: float = min(FIRST * 2.0 ** (attempt - 1), LONGEST)
    return max(most * (0.5 + chance.random() / 2), after or 0.0)


def trust(ca_file: str | None, *, encrypted: bool, setting: str) -> ssl.SSLContext:
    """The authority that was named; else those of the system and of certifi, which few containers lack both.

    Raises UserError, which names the `setting`, where the file cannot be used.
    """
    if ca_file is None and not encrypted:
        return ssl.SSLContext(
            ssl.PROTOCOL_TLS_CLIENT
        )  # reading all authorities takes a while; here it trusts none
    try:
        trusted = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise UserError(f"{setting}: {ca_file}: {error.strerror or error}") from None
    if ca_file is None:
        trusted.load_verify_locations(certifi.where())
    return trusted


def retry_after(response: httpx.Response) -> float | None:
    """RFC 9110 section 10.2.3: seconds, or a date; None where there is none that can be read."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - _date(response)).total_seconds()) if text else None
    except (ValueError, TypeError):
        return None


def _date(response: httpx.Response) -> datetime:
    """The server's own clock, which its dates are about."""
    return server_time(response) or datetime.now(UTC)


def server_time(response: httpx.Response) -> datetime | None:
    """When the server answered, by its own clock, to the second; None where it does not say."""
    try:
        return parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
