"""Who looks at photos: threads for what lands now and then, processes beside the ledger's while many wait.

Decoding lets other threads run, the rest of a look does not, so a burst is looked at by processes of its
own. They are started by the first burst, and ended when all is quiet.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from watcher import allocator

if TYPE_CHECKING:
    from watcher.cluster.post import Post

MANY = 96
"""Photos that have to be taken at once before processes pay for their start."""
LINGER = 20.0
"""Seconds without a burst after which the processes end."""
_DEATH = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


class Hands:
    """The executors of one service; used from the thread that owns the ledger."""

    def __init__(self, workers: int) -> None:
        """As many threads as there are workers; one process less than these, as the ledger's takes one."""
        self._processes = workers - 1
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="look")
        self._pool: ProcessPoolExecutor | None = None
        self._deciding = 0
        self._used = 0.0
        self.post: Post | None = None
        """The way to machines that look in their stead, where the settings name some."""

    @property
    def threads(self) -> Executor:
        """For a few photos."""
        return self._threads

    def for_many(self) -> Executor | None:
        """For a burst; None where this machine has no core to spare."""
        if self._processes < 1:
            return None
        self._pool = self._pool or _pool(self._processes)
        self._used = time.monotonic()
        return self._pool

    def to_decide(self) -> Executor | None:
        """For many photos that nobody has to look at: one process more, since the ledger's is left to book.

        None where this machine has no core to spare. A burst that is under way keeps its processes.
        """
        if self._processes >= 1 and self._pool is None:
            self._deciding = self._processes + 1
            self._pool = _pool(self._deciding)
        return self.for_many()

    @property
    def deciders(self) -> int:
        """How many processes are there to decide alone; 0 where there are none, or they look."""
        return self._deciding

    @property
    def at_work(self) -> Executor | None:
        """The processes, while a burst is under way."""
        return self._pool

    def broken(self) -> None:
        """A process died: the next burst begins with new ones."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool, self._deciding = None, 0

    def rest(self) -> None:
        """Nothing is under way; processes that had nothing to do for a while end."""
        if self._pool is not None and time.monotonic() - self._used > LINGER:
            self._pool.shutdown()
            self._pool, self._deciding = None, 0

    def close(self) -> None:
        """No more work."""
        if self.post is not None:
            self.post.close()
        self._threads.shutdown(cancel_futures=True)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def alone() -> Executor:
    """One process of its own, for photos in which a process died."""
    return _pool(1)


def _pool(processes: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(os.getpid(),))


def _begin(parent: int) -> None:
    """In the child: the parent decides when it ends, and it does not outlive the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_DEATH, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it went before the kernel could be asked to tell us, and nobody else would end us
    allocator.steady()
