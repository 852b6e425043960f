"""Small pictures of photos that a model is still to be asked about, in files: what does not fit into memory.

One file a picture, called by its digest, in a folder called by how they were made. With what one process leaves,
the next goes on. Nothing here is needed: where the disk is full, cannot be written, or lost one, the photo is
decoded once more. Files are written and removed by a thread of its own; a broken one counts as none.
"""

from __future__ import annotations

import logging
import os
import shutil
import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path

from models.prints import Print

log = logging.getLogger(__name__)

NAME = "prints"
"""The folder, beside the ledger."""
FILES = 100_000
"""Files at most, however small: 15 MB of memory are what is known of them."""
SHARE = 4
"""No more than this part of the room that would be free on the disk without them."""
QUEUE = 1 << 24
"""Bytes that wait to be written, at most: a slow disk makes nobody wait."""
MEASURE = 10.0
"""Seconds between two looks at how much room there is."""
REST = 600.0
"""Seconds without another try after the disk refused one."""
BLOCK = 4096
_HEAD = struct.Struct("<4sBBI")
_MAGIC = b"TWP1"
_PART = "part"
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"  # so that programs for backups pass the folder over


class Spool:
    """At most so many bytes of files below a folder; 0 bytes remove it, with what another process left there.

    All but `read` is asked by one thread, which waits for no disk.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._base, self._most = folder, most
        if most <= 0 and folder.is_dir():  # nobody is to be asked, or nothing to be kept
            shutil.rmtree(folder, ignore_errors=True)
        self._folder: Path | None = None
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._sizes: dict[bytes, int] = {}
        self._used = self._limit = 0
        self._queued: dict[bytes, bytes] = {}
        self._waiting = 0
        self._known = False
        self._measured = self._rests = float("-inf")

    def open(self, wish: Print) -> None:
        """Go on with what was made like this; what was made otherwise is removed."""
        folder = self._base / f"{wish.edge}-{wish.quality}"
        if self._most <= 0 or self._folder == folder:
            return
        self._folder, self._known = folder, False
        self._do(self._begin)

    @property
    def room(self) -> bool:
        """Whether one more may be put here."""
        if not self._known or time.monotonic() < self._rests:
            return False
        return self._used < self._limit and len(self._sizes) < FILES and self._waiting < QUEUE

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._sizes

    def every(self) -> list[bytes]:
        """All pictures that there are files of; looked for where that is not known yet."""
        if self._known:
            return list(self._sizes)
        with suppress(OSError):
            return [bytes.fromhex(path.name) for path in self._base.glob("*/*") if path.name != _PART]
        return []

    def some(self, most: int) -> list[bytes]:
        """Pictures that there are files of, others each time, until all had their turn."""
        with self._lock:
            found = list(islice(self._sizes, most))
            for digest in found:
                self._sizes[digest] = self._sizes.pop(digest)
        return found

    def put(self, digest: bytes, orientation: int, prints: Sequence[bytes]) -> None:
        """Have a file made of these, where there is room."""
        if not self.room or digest in self._sizes:
            return
        data = packed(orientation, prints)
        with self._lock:
            self._sizes[digest] = _blocks(len(data))
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
        if digest in self._sizes or not self._known:
            self._do(self._remove, digest)

    def look(self) -> None:
        """Give room back where others have filled the disk; asked again and again."""
        if self._sizes and time.monotonic() >= self._measured + MEASURE:
            self._measured = time.monotonic()
            self._do(self._shrink)

    def drain(self) -> None:
        """Wait until all is done that was asked for."""
        if self._thread is not None:
            self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """All is written; no more is."""
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
            found = dict(self._found(self._folder))
        except OSError as error:
            self._refused(error)
            found = {}
        with self._lock:
            self._sizes, self._used = found, sum(found.values())
        self._shrink()
        self._known = True

    def _found(self, folder: Path) -> list[tuple[bytes, int]]:
        """What lies there from before: digest and size; halves of files are removed."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found.append((bytes.fromhex(entry.name), _blocks(entry.stat(follow_symlinks=False).st_size)))
                except (ValueError, OSError):
                    with suppress(OSError):
                        os.unlink(entry.path)
        return found

    def _write(self, digest: bytes) -> None:
        assert self._folder is not None
        data = self._queued[digest]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._measure()
            if self._used > self._limit:
                self._forget(digest)
                return
            part = self._folder / _PART
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(handle, "wb") as file:
                file.write(data)
            os.replace(part, self._path(digest))
        except OSError as error:
            self._forget(digest)
            self._refused(error)
        finally:
            with self._lock:
                self._waiting -= len(data)
                del self._queued[digest]

    def _remove(self, digest: bytes) -> None:
        self._forget(digest)
        with suppress(OSError):
            for path in (
                (self._path(digest),) if self._folder is not None else self._base.glob(f"*/{digest.hex()}")
            ):
                path.unlink(missing_ok=True)

    def _forget(self, digest: bytes) -> None:
        with self._lock:
            self._used -= self._sizes.pop(digest, 0)

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
        """Remove some until they are within that."""
        self._measured = float("-inf")
        try:
            self._measure()
        except OSError as error:
            self._refused(error)
            return
        while self._used > self._limit and (one := self.some(1)):
            self._remove(one[0])

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
