"""A model's files, fetched once, kept, and known by their SHA-256."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from metadata.errors import UserError


def fetched(folder: Path, base: str, files: Mapping[str, str]) -> Path:
    """The folder with these files in it (path below `base` -> SHA-256), fetched where one is missing.

    Raises UserError where that fails or what came is something else; a half file is never left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, digest in files.items():
        target = folder / Path(path).name
        if not target.exists():
            _fetch(f"{base}/{path}", target, digest)
    return folder


def _fetch(url: str, target: Path, digest: str) -> None:
    import httpx  # noqa: PLC0415 - only at the first use of a model

    seen = hashlib.sha256()
    handle, name = tempfile.mkstemp(dir=target.parent)
    try:
        with (
            os.fdopen(handle, "wb") as file,
            httpx.stream("GET", url, follow_redirects=True, timeout=30) as answer,
        ):
            answer.raise_for_status()
            for part in answer.iter_bytes():
                seen.update(part)
                file.write(part)
        if seen.hexdigest() != digest:
            raise UserError(f"{url} is not the file it was: its SHA-256 is {seen.hexdigest()}")
        os.replace(name, target)
    except (httpx.HTTPError, OSError) as error:
        raise UserError(f"the model could not be fetched from {url}: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)
