"""Two threads that both compute take turns, or the interpreter's lock would change hands at each system call.

A batch of files is some hundred calls of a few microseconds each. A thread that comes back from one has to wait
until the other lets go, which costs both more than all the work. A courtesy: nobody waits long for it.
"""

from __future__ import annotations

import threading
from typing import Final

_MOST: Final = 0.05
"""Seconds that anybody waits; whoever is ahead may be waiting itself, for a disk that does not answer."""


class Turn:
    """Entered by the thread that goes ahead; the other asks at each of its own steps."""

    def __init__(self) -> None:
        self._free = threading.Event()
        self._free.set()
        self._tired = False

    def __enter__(self) -> None:
        self._tired = False
        self._free.clear()

    def __exit__(self, *_: object) -> None:
        self._free.set()

    def give_way(self) -> None:
        """Wait while the other thread has much to do; not again where that took too long."""
        if not self._tired and not self._free.is_set():
            self._tired = not self._free.wait(_MOST)
