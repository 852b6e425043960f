"""What a person may set about how the service is looked at from outside, and whom it tells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from watcher.keys import Part, Seconds, key, period

_LISTEN = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\[\]/\s]+):(\d{1,5})")


def _address(text: str) -> str:
    found = _LISTEN.fullmatch(text)
    if text and (found is None or not 0 <= int(found[2]) <= 65535):
        raise ValueError("not an address with a port")
    return text


def _hook(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("not an address")
    return text


class Health(Part):
    """Where the service shows how it is."""

    listen: Annotated[str, AfterValidator(_address)] = key(
        "",
        "Where `/health` and `/metrics` (Prometheus) answer, besides the socket in the ledger's folder; "
        "another address than loopback shows them to everybody who reaches it.",
        expected='an address with a port, such as "127.0.0.1:9465", or nothing',
    )


class Notify(Part):
    """Whom the service tells when it needs a person."""

    url: Annotated[str, AfterValidator(_hook)] = key(
        "",
        "A webhook that is told in JSON (`event`, `title`, `message`, `priority`); nobody is told without.",
        expected="an http or https address, or nothing",
    )
    token_file: Path | None = key(
        None,
        "A token that goes along as `Authorization: Bearer`.",
        expected="the path of a file that holds it, or its name among systemd's credentials",
        shown="nothing",
    )
    events: tuple[Literal["aside", "stopped"], ...] = key(
        ("aside", "stopped"),
        "What is told: photos that were set aside; roots and places where nothing can be written, and a service "
        "that ended with an error.",
        expected='a list of "aside" and "stopped"',
    )
    pause: Seconds = period(600.0, "The least time between two messages of one kind.", least="1s", most="7d")

    def __str__(self) -> str:
        """Which host is told of what; an address of a webhook is a secret of its own."""
        host = urlsplit(self.url).hostname
        return f"{host} is told of {', '.join(self.events)}" if host else "nobody is told"

    __repr__ = __str__
