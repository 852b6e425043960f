"""One open file, read where asked: a small one is held in memory once, a large one stays on disk."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from metadata.errors import PhotoError, TryAgain
from metadata.photo import Stat

HELD = 16 * 2**20
"""Files up to this many bytes are read in one go, so that digest, facts and pixels share one read."""
HEAD = 2**16
"""Bytes at the beginning of a larger file that are read at once."""
CHUNK = 2**20


class Source:
    """Bytes at any place of a file or of a block inside it; reading past the end gives what there is.

    Reads by position (`pread`) move no shared cursor. Raises OSError only.
    """

    __slots__ = ("_data", "_fd", "_head", "size")

    def __init__(self, data: bytes | None, *, fd: int = -1, size: int = 0, head: bytes = b"") -> None:
        self._data = data
        self._fd = fd
        self._head = head
        self.size = size if data is None else len(data)

    def at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; empty past the end or for a negative place."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b""
        if self._data is not None:
            return self._data[offset : offset + length]
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        return os.pread(self._fd, min(length, self.size - offset), offset)

    def find(self, needle: bytes, start: int) -> int:
        """Where `needle` begins at or after `start`, or -1."""
        if self._data is not None:
            return self._data.find(needle, start)
        overlap = len(needle) - 1
        while start < self.size:
            chunk = self.at(start, CHUNK + overlap)
            found = chunk.find(needle)
            if found >= 0:
                return start + found
            start += CHUNK
        return -1

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of a span in pieces of at most a megabyte; stops early at the end of the file."""
        end = min(offset + length, self.size)
        while offset < end:
            chunk = self.at(offset, min(CHUNK, end - offset))
            if not chunk:
                return
            yield chunk
            offset += len(chunk)

    def file(self) -> BinaryIO:
        """The same bytes as a seekable file object, for libraries that want one: one at a time; close it."""
        if self._data is not None:
            return io.BytesIO(self._data)
        # the copy shares the cursor, which nothing here uses
        copy = os.fdopen(os.dup(self._fd), "rb")
        copy.seek(0)
        return copy


class Opened:
    """A file held open: what it holds and what its inode looked like when it was opened."""

    __slots__ = ("_fd", "path", "source", "stat")

    def __init__(self, path: bytes, fd: int, state: Stat, source: Source) -> None:
        self.path = path
        self._fd = fd
        self.stat = state
        self.source = source

    def unchanged(self) -> None:
        """Raise TryAgain when the file is no longer as it was when it was opened."""
        if Stat.of(os.fstat(self._fd)) != self.stat:
            raise TryAgain(self.path, "changed while it was read")


@contextmanager
def opened(path: bytes, *, held: int = HELD) -> Iterator[Opened]:
    """Open a photo for reading; what has at most `held` bytes is read at once.

    Raises PhotoError for what is no regular file or empty, OSError else.
    """
    # O_NONBLOCK: a named pipe called x.jpg would otherwise hold the worker for ever
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        result = os.fstat(fd)
        if not stat.S_ISREG(result.st_mode):
            raise PhotoError(path, "not a regular file")
        if result.st_size == 0:
            raise PhotoError(path, "empty file")
        yield Opened(path, fd, Stat.of(result), _source(fd, result.st_size, held))
    finally:
        os.close(fd)


def _source(fd: int, size: int, held: int) -> Source:
    if size > held:
        # its directories are near its beginning, and on a network each read is a journey
        return Source(None, fd=fd, size=size, head=os.pread(fd, HEAD, 0))
    parts = []
    offset = 0
    while offset < size and (part := os.pread(fd, size - offset, offset)):
        parts.append(part)
        offset += len(part)
    return Source(b"".join(parts))
