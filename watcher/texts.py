"""Vectors of texts kept in the ledger: read by a reader of their own, written by the one who holds it.

A service writes them in the ledger's thread (`Slip`), a command where nobody holds the ledger, else it hands them
to the service in a file (`handing.keep_texts`, `take_in`). What cannot be kept is only made anew.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata.errors import TagwrightError, UserError
from models.making import packed, unpacked
from watcher.ledger import store, texts
from watcher.ledger.store import Ledger

if TYPE_CHECKING:
    from models.embedders._cache import Files, Rows
    from models.taggers.zero_shot import ZeroShot
    from watcher.app import App

log = logging.getLogger(__name__)

Made = Sequence[tuple[str, bytes]]
"""Texts and their vectors, packed."""
Write = Callable[[str, Made], object]
"""Has vectors of a model written; with none it is only remembered that the model was asked."""
MONTH = 30 * 86400.0
HANDED = "texts-"
"""How files begin that are handed to the service, in the ledger's folder."""


class Texts:
    """A `models.embedders._cache.Shelf`, for any thread.

    `before` is where vectors lie in files, of who had no ledger; with `moves` these go once the ledger has them.
    """

    def __init__(self, state: Path, write: Write, before: Files | None = None, *, moves: bool = False) -> None:
        self._state, self._write, self.before, self._moves = state, write, before, moves
        self.models: set[str] = set()
        """Those that were asked for."""

    def known(self, model: str, some: Sequence[str]) -> Mapping[str, Rows]:
        """See `Shelf`."""
        self.models.add(model)
        kept = self._kept(model, some)
        found = dict(zip(kept, unpacked(list(kept.values())), strict=True))
        left = [text for text in some if text not in found]
        if self.before is not None and self.before.file(model).is_file():
            found |= self._moved(self.before, model, left)
        return found

    def keep(self, model: str, some: Sequence[str], rows: Rows) -> Rows:
        """See `Shelf`."""
        made = [packed(row) for row in rows]
        self._put(model, list(zip(some, made, strict=True)))
        return unpacked(made)

    def _kept(self, model: str, some: Sequence[str]) -> dict[str, bytes]:
        try:
            ledger = store.open_for_reading(self._state)
        except TagwrightError:
            return {}  # there is none yet, or it is not ours to read
        try:
            found = texts.of(ledger.db, model, some)
            if found and texts.used(ledger.db, model) < time.time() - MONTH:
                self._put(model, ())
        except (sqlite3.Error, UnicodeEncodeError):
            return {}  # one of an older format, that no service has opened since
        finally:
            ledger.close()
        return found

    def _moved(self, before: Files, model: str, left: Sequence[str]) -> dict[str, Rows]:
        """Take over what is in a file; the file goes once all that is asked for is in the ledger."""
        if not left and self._moves:
            with suppress(OSError):
                before.file(model).unlink()
        found = before.known(model, left) if left else {}
        if not found:
            return {}
        made = {text: packed(row) for text, row in found.items()}
        self._put(model, list(made.items()))
        return dict(zip(made, unpacked(list(made.values())), strict=True))

    def _put(self, model: str, made: Made) -> None:
        try:
            self._write(model, made)
        except (TagwrightError, OSError) as error:
            log.info("vectors of %d texts are not kept: %s", len(made), error)


class Slip:
    """Takes vectors from any thread, and writes them in the ledger's."""

    def __init__(self, ledger: Ledger, now: Callable[[], float]) -> None:
        self._ledger, self._now = ledger, now
        self.shelf = Texts(ledger.path.parent, self.write, moves=True)
        self._queue: queue.SimpleQueue[tuple[str, Made]] = queue.SimpleQueue()
        self.wake: Callable[[], object] = lambda: None
        """Called when there is something to write."""

    def given(self, tagger: ZeroShot) -> ZeroShot:
        """The same tagger, whose vectors of words are kept here from now on."""
        tagger.shelf, self.shelf.before = self.shelf, tagger.files()
        return tagger

    def write(self, model: str, made: Made) -> None:
        """A `Write`; from any thread."""
        self._queue.put((model, made))
        self.wake()

    def __call__(self) -> bool:
        """Write the next, in the ledger's thread; whether there was any."""
        try:
            model, made = self._queue.get_nowait()
        except queue.Empty:
            return False
        _book(self._ledger, model, made, self._now())
        return True


def _book(ledger: Ledger, model: str, made: Made, now: float) -> None:
    writable = [(text, vector) for text, vector in made if _is_text(text)]
    with ledger.transaction(lasting=False) as db:
        texts.keep(db, model, writable, now)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def book(state: Path, model: str, made: Made) -> None:
    """Write them where nobody holds the ledger. Raises Busy where somebody does."""
    ledger = store.open_for_writing(state)
    try:
        _book(ledger, model, made, time.time())
    finally:
        ledger.close()


def handed(state: Path, model: str, made: Made) -> Path:
    """A file of them, for the service."""
    import numpy as np  # noqa: PLC0415 - a service starts without it

    from models import arrays  # noqa: PLC0415 - as above

    file = state / f"{HANDED}{os.getpid()}-{time.monotonic_ns()}.npz"
    told = json.dumps([model, [text for text, _ in made]]).encode()
    rows = np.frombuffer(b"".join(vector for _, vector in made), "<f2").reshape(len(made), -1 if made else 1)
    arrays.save(file, told=np.frombuffer(told, np.uint8), rows=rows)
    return file


def take_in(app: App, *, file: str) -> dict[str, Any]:
    """Write what another process has left in a file, and remove it."""
    from models import arrays  # noqa: PLC0415 - as above

    path = Path(file)
    if path.parent != app.ledger.path.parent or not path.name.startswith(HANDED):
        raise UserError(f"{file} is no file of vectors that was handed over")
    kept = arrays.load(path)
    path.unlink(missing_ok=True)
    try:
        model, some = json.loads(bytes((kept or {})["told"]))
        made = [(text, row.tobytes()) for text, row in zip(some, (kept or {})["rows"], strict=True)]
    except (KeyError, ValueError) as error:
        raise UserError(f"{file} holds no vectors") from error
    _book(app.ledger, model, made, app.now())
    return {"texts": len(made)}
