"""How memory is taken and given back while many photos pass: seldom."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM, _PAD, _MAPPED, _ARENAS = -1, -2, -3, -8
"""Numbers of mallopt(3): M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX."""

MUCH = 5_000
"""Objects made and not yet gone again, from which it pays to look for those that only hold each other."""


@contextmanager
def kept() -> Iterator[None]:
    """What is made in the block stays, as what is imported: no garbage is looked for, a tenth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # else all of it would be looked through at once
        gc.enable()


def tidy() -> None:
    """Take back what only holds itself, and give the system what is free, where there may be much: some 30 ms.

    `steady` leaves it lying for thousands of photos: an error of a connection goes round in a circle with all that
    was under way when it came. What a wave of photos took and freed lies in holes between what stays, and glibc
    gives back by itself no more than what lies at the end: each greater wave left more of it.
    """
    young, older, _ = gc.get_count()
    if young > MUCH or older:
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def steady() -> None:
    """Collect garbage seldom, keep up to 4 MiB of freed memory for the next photo, and take all from one heap.

    To be called before there are threads: one that has a heap of its own keeps it.

    Batches make many small objects and no cycles: collecting as often as by default took a tenth of a burst.

    glibc gives freed memory back as soon as 128 kB of it lie at the end, and so pays the system 13 page faults
    for every sidecar of 43 kB. And it gives threads heaps of their own, up to eight a core: a wave of photos
    leaves holes in each of them, and the next wave, in other threads, finds none. Python's lock lets one thread
    work at a time, and what decodes beside it takes memory seldom. A C library without mallopt stays as it is.
    """
    gc.set_threshold(100_000, 50, 100)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for number, value in ((_TRIM, 4 << 20), (_PAD, 512 << 10), (_MAPPED, 2 << 20), (_ARENAS, 1)):
            mallopt(number, value)
