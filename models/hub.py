"""Files of Hugging Face by its own library, where that is installed: models that ask for a login, and its mirrors.

The library brings the token of `hf auth login` or HF_TOKEN and goes on where an earlier try was cut off. Without
it the same address is read as any other.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from metadata.errors import UserError

HOST = "https://huggingface.co"
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Place:
    """One file of a model there."""

    endpoint: str
    model: str
    revision: str
    path: str


def place(url: str) -> Place | None:
    """What an address names there; None for any other address, and where the library is missing."""
    parts = urlsplit(url)
    found = _FILE.fullmatch(parts.path) if f"{parts.scheme}://{parts.netloc}" == HOST else None
    if found is None or importlib.util.find_spec("huggingface_hub") is None:
        return None
    return Place(HOST, *(unquote(part) for part in found.groups()))


def into(where: Place, part: Path, progress: Callable[[int, int], object], timeout: float) -> str:
    """Fetch a file to `part`; the SHA-256 that is told of it, or "" where there is none.

    Raises UserError; what came so far is kept for the next try.
    """
    import huggingface_hub as library  # noqa: PLC0415 - an extra

    folder = part.with_name(f"{part.name}.hub")
    url = library.hf_hub_url(where.model, where.path, revision=where.revision, endpoint=where.endpoint)
    try:
        told = library.get_hf_file_metadata(url, timeout=timeout, endpoint=where.endpoint)
        came = library.hf_hub_download(
            where.model,
            where.path,
            revision=where.revision,
            endpoint=where.endpoint,
            local_dir=folder,
            etag_timeout=timeout,
            tqdm_class=_bar(progress),
        )
        os.replace(came, part)
    except Exception as error:  # it raises those of whatever it reads with
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{url} cannot be fetched: {reason}; try again to go on") from error
    finally:
        library.close_session()
    shutil.rmtree(folder, ignore_errors=True)
    return told.etag if told.etag and _SHA256.fullmatch(told.etag) else ""


def _bar(progress: Callable[[int, int], object]) -> Any:
    """What the library tells its bars, told to ours."""
    from tqdm import tqdm  # noqa: PLC0415 - comes with the library

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # no thread that looks after bars nobody sees

        def __init__(self, *given: object, **more: Any) -> None:
            super().__init__(*given, **{**more, "disable": True})
            self._done, self._all = int(more.get("initial") or 0), int(more.get("total") or 0)

        def update(self, n: float | None = 1) -> None:
            self._done += int(n or 0)
            progress(self._done, self._all)

    return Bar
