"""What a person may set about other machines that look at photos: where they are, and how they are trusted."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from watcher.keys import FOLDER, Folder, Part, key

_ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[[0-9a-fA-F:.]+\]|[^:\[\]/\s]+):(\d{1,5})")


def _address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if text and (found is None or not 0 < int(found[1]) <= 65535):
        raise ValueError("not an address of Dask's")
    return text


class Cluster(Part):
    """Machines that look at photos for this one."""

    address: Annotated[str, AfterValidator(_address)] = key(
        "",
        'Where the scheduler is; this machine looks itself without. `cluster = "tcp://…"` alone says the same.',
        expected='an address such as "tcp://127.0.0.1:8786" or "tls://nas:8786", or nothing',
    )
    without: Literal["wait", "here"] = key(
        "wait",
        "What happens while no worker is there: photos wait, or this machine looks at them.",
        expected='"wait" or "here"',
    )
    ca_file: Folder | None = key(
        None,
        "The certificate of your own that signed those of all these machines; who has one that it signed may run "
        "anything here.",
        expected=f"{FOLDER} of a file",
        shown="nothing",
    )
    cert_file: Folder | None = key(
        None, "This machine's certificate.", expected=f"{FOLDER} of a file", shown="nothing"
    )
    key_file: Folder | None = key(None, "Its key.", expected=f"{FOLDER} of a file", shown="nothing")

    def __str__(self) -> str:
        """Who looks."""
        return self.address or "this machine looks at photos"


def given(value: object) -> object:
    """An address alone stands for the table."""
    return {"address": value} if isinstance(value, str) else value
