"""Small pictures of photos that a model is still to be asked about, in files: what does not fit into memory.

One file a picture, called by its digest, in a folder called by how they were made. With what one process leaves,
the next goes on. Nothing here is needed: where the disk is full, cannot be written, or lost one, the photo is
decoded once more. Files are written and removed by a thread of its own; a broken one counts as none.

The folder is the only list of them: how many there are and how large is all that is remembered, so that a model
that is far behind costs no memory.
"""

from __future__ import annotations

import logging
import os
import shutil
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path

from models.prints import Print

log = logging.getLogger(__name__)

NAME = "prints"
"""The folder, beside the ledger."""
FILES = 100_000
"""Files at most, however small: some file systems are slow with larger folders, or run out of inodes."""
SHARE = 4
"""No more than this part of the room that would be free on the disk without them."""
QUEUE = 1 << 24
"""Bytes that wait to be written, at most: a slow disk makes nobody wait."""
MEASURE = 10.0
"""Seconds between two looks at how much room there is."""
REST = 600.0
"""Seconds without another try after the disk refused one."""
COUNT = 600.0
"""Seconds after which files are counted anew: others may have removed some."""
BLOCK = 4096
_HEAD = struct.Struct("<4sBBI")
_MAGIC = b"TWP1"
_PART = "part"
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"  # so that programs for backups pass the folder over


class Spool:
    """At most so many bytes of files below a folder; 0 bytes remove it, with what another process left there.

    All but `read` is asked by one thread, which waits for no file to be written or removed.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._base, self._most = folder, most
        if most <= 0 and folder.is_dir():  # nobody is to be asked, or nothing to be kept
            shutil.rmtree(folder, ignore_errors=True)
        self._folder: Path | None = None
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._count = self._used = self._limit = 0
        self._queued: dict[bytes, bytes] = {}
        self._waiting = 0
        self._known = False
        self._turn: Iterator[bytes] = iter(())
        self._measured = self._counted = self._rests = float("-inf")

    def open(self, wish: Print) -> None:
        """Go on with what was made like this; what was made otherwise is removed."""
        folder = self._base / f"{wish.edge}-{wish.quality}"
        if self._most <= 0 or self._folder == folder:
            return
        self._folder, self._known, self._turn = folder, False, iter(())
        self._do(self._begin)

    @property
    def room(self) -> bool:
        """Whether one more may be put here."""
        if not self._known or time.monotonic() < self._rests:
            return False
        return self._used < self._limit and self._count < FILES and self._waiting < QUEUE

    @property
    def _any(self) -> bool:
        """Whether there may be files: while there are none, no disk is asked."""
        return self._count > 0 or not self._known

    def __contains__(self, digest: bytes) -> bool:
        if digest in self._queued:
            return True
        return self._any and self._folder is not None and os.path.lexists(self._path(digest))

    def every(self) -> list[bytes]:
        """All pictures that there are files of, or will be."""
        with self._lock:
            found = dict.fromkeys(self._queued)
        with suppress(OSError):
            for folder in self._base.iterdir():
                found.update(dict.fromkeys(_digests(folder)))
        return list(found)

    def some(self, most: int) -> list[bytes]:
        """Pictures that there are files of, others each time, until all had their turn; fewer at the end of it."""
        if not self._any or self._folder is None:
            return []
        found = list(islice(self._turn, most))
        if len(found) < most:
            self._turn = _digests(self._folder)
        return found

    def put(self, digest: bytes, orientation: int, prints: Sequence[bytes]) -> None:
        """Have a file made of these, where there is room."""
        if not self.room or digest in self._queued:
            return
        data = packed(orientation, prints)
        with self._lock:
            self._count += 1
            self._used += _blocks(len(data))
            self._waiting += len(data)
            self._queued[digest] = data
        self._do(self._write, digest)

    def read(self, digest: bytes, orientation: int) -> tuple[bytes, ...]:
        """The pictures of a photo that is turned like this, or none. From any thread."""
        if self._folder is None:
            return ()
        data = self._queued.get(digest)
        if data is None:
            try:
                data = self._path(digest).read_bytes()
            except OSError:
                return ()
        return unpacked(data, orientation)

    def drop(self, digest: bytes) -> None:
        """These are needed no more."""
        if self._any:
            self._do(self._remove, digest)

    def look(self) -> None:
        """Give room back where others have filled the disk; asked again and again."""
        if self._any and self._folder is not None and time.monotonic() >= self._measured + MEASURE:
            self._measured = time.monotonic()
            self._do(self._shrink)

    def drain(self) -> None:
        """Wait until all is done that was asked for."""
        if self._thread is not None:
            self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """All is written; no more is."""
        self._turn = iter(())
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    # In its own thread

    def _do(self, what: Callable[..., object], *args: bytes) -> None:
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="prints")
        self._thread.submit(what, *args).add_done_callback(_told)

    def _begin(self) -> None:
        """Find what there is, and remove all else."""
        assert self._folder is not None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._base.chmod(0o700)
            if not (tag := self._base / "CACHEDIR.TAG").exists():
                tag.write_bytes(_TAG)
            for entry in list(os.scandir(self._base)):
                if entry.is_dir(follow_symlinks=False) and entry.name != self._folder.name:
                    shutil.rmtree(entry.path, ignore_errors=True)
        except OSError as error:
            self._refused(error)
        self._counted = float("-inf")
        self._shrink()
        self._known = True

    def _recount(self) -> None:
        """How much lies there, and is still to come; halves of files are removed."""
        count = used = 0
        for size in self._found():
            count += 1
            used += _blocks(size)
        with self._lock:
            queued = [_blocks(len(data)) for data in self._queued.values()]
            self._count, self._used = count + len(queued), used + sum(queued)
        self._counted = time.monotonic()

    def _found(self) -> Iterator[int]:
        assert self._folder is not None
        with os.scandir(self._folder) as entries:
            for entry in entries:
                try:
                    bytes.fromhex(entry.name)
                    size = entry.stat(follow_symlinks=False).st_size
                except (ValueError, OSError):
                    with suppress(OSError):
                        os.unlink(entry.path)
                else:
                    yield size

    def _write(self, digest: bytes) -> None:
        data, stored = self._queued[digest], False
        try:
            stored = self._stored(digest, data)
        except OSError as error:
            self._refused(error)
        finally:
            with self._lock:
                self._waiting -= len(data)
                del self._queued[digest]
                if not stored:
                    self._less(len(data))

    def _stored(self, digest: bytes, data: bytes) -> bool:
        """Whether there is one file more; none where it lies there already, or there is no room any more."""
        assert self._folder is not None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._measure()
        if self._used > self._limit or os.path.lexists(self._path(digest)):
            return False
        part = self._folder / _PART
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(part, self._path(digest))
        return True

    def _remove(self, digest: bytes) -> None:
        with suppress(OSError):
            for path in (
                (self._path(digest),) if self._folder is not None else self._base.glob(f"*/{digest.hex()}")
            ):
                size = path.stat().st_size
                path.unlink()
                with self._lock:
                    self._less(size)

    def _less(self, size: int) -> None:
        self._count -= 1
        self._used -= _blocks(size)

    def _measure(self) -> None:
        """How much room they may take: as set, and no more than a part of what would be free without them."""
        now = time.monotonic()
        if self._limit and now < self._measured + MEASURE:
            return
        assert self._folder is not None
        found = os.statvfs(self._folder)
        self._measured = now
        self._limit = min(self._most, (found.f_bavail * found.f_frsize + self._used) // SHARE)

    def _shrink(self) -> None:
        """Remove some until they are within that; at times see first how many there are."""
        assert self._folder is not None
        self._measured = float("-inf")
        try:
            if time.monotonic() >= self._counted + COUNT:
                self._recount()
            self._measure()
        except OSError as error:
            self._refused(error)
            return
        for digest in _digests(self._folder):
            if self._used <= self._limit:
                return
            self._remove(digest)

    def _refused(self, error: OSError) -> None:
        self._rests = time.monotonic() + REST
        log.info("no small pictures are kept in %s for now: %s", self._base, error.strerror or error)
        with suppress(OSError):
            (self._folder or self._base).joinpath(_PART).unlink(missing_ok=True)

    def _path(self, digest: bytes) -> Path:
        assert self._folder is not None
        return self._folder / digest.hex()


def _told(done: Future[object]) -> None:
    if (error := done.exception()) is not None:
        log.error("internal error with small pictures; please report it", exc_info=error)


def _digests(folder: Path) -> Iterator[bytes]:
    """What the files of a folder are called by, as far as it can be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(ValueError):
                yield bytes.fromhex(entry.name)


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def packed(orientation: int, prints: Sequence[bytes]) -> bytes:
    """What stands in a file: how the photo is turned, the pictures, and a sum over them."""
    body = struct.pack(f"<{len(prints)}I", *map(len, prints)) + b"".join(prints)
    return _HEAD.pack(_MAGIC, orientation, len(prints), zlib.crc32(body)) + body


def unpacked(data: bytes, orientation: int) -> tuple[bytes, ...]:
    """The pictures; none where the file is not whole, or the photo is turned otherwise by now."""
    try:
        magic, turned, count, sum_ = _HEAD.unpack_from(data)
        body = memoryview(data)[_HEAD.size :]
        if (magic, turned, sum_) != (_MAGIC, orientation, zlib.crc32(body)):
            return ()
        sizes = struct.unpack_from(f"<{count}I", body)
    except struct.error:
        return ()
    start, found = 4 * count, []
    for size in sizes:
        found.append(bytes(body[start : start + size]))
        start += size
    return tuple(found)
