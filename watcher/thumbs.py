"""Small pictures of a few photos, as text that stands in a page."""

from __future__ import annotations

import base64
import io
import sqlite3
from collections.abc import Callable, Iterable

from metadata.errors import PhotoError
from models.look import Item, LookJob, look
from watcher.ledger import files

EDGE = 96
MOST = 1200
"""Pictures in one page: about three megabytes."""


def of(db: sqlite3.Connection, photos: Iterable[int], tell: Callable[[int, int], None]) -> dict[int, str]:
    """A `data:` address for each of these photos that can be read, the first ones where there are many.

    Each ends in `#` and the picture's digest, so that it can be taken away again (`watcher.veil`).
    """
    wanted = list(dict.fromkeys(photos))[:MOST]
    found: dict[int, str] = {}
    for start in range(0, len(wanted), 50):
        part = wanted[start : start + 50]
        for number, photo in files.photos_of(db, part).items():
            if picture := _thumb(number, photo.file):
                found[number] = picture
        tell(min(start + 50, len(wanted)), len(wanted))
    return found


def _thumb(number: int, path: bytes) -> str:
    from models.image import FileView  # noqa: PLC0415 - Pillow

    looked = look(LookJob((Item(number, path),)))[0]
    if looked.facts is None or looked.digest is None:
        return ""
    try:
        image = FileView(path, looked.facts).pixels(EDGE)
    except PhotoError:
        return ""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}#{looked.digest.hex()}"
