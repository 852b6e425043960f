"""What every test is held to: no thread and no socket outlives it; warnings are errors (pyproject.toml)."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.patience import PATIENCE

_SLOW = [HealthCheck.too_slow]  # says more about the machine than about the test

# The same examples each time: what is found by chance is looked for by hand, with the long one.
settings.register_profile(
    "fast", max_examples=60, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW
)
settings.register_profile("long", max_examples=3000, deadline=None, print_blob=True, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell does that to what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _nothing_outlives_a_test() -> Iterator[None]:
    threads, doors = set(threading.enumerate()), _doors()
    yield
    left = [thread.name for thread in _left(threads)]
    assert not left, f"threads outlive the test: {', '.join(left)}"
    if len(_doors()) > len(doors):
        gc.collect()  # a cycle may hold one that nobody can reach any more
    assert len(_doors()) <= len(doors), f"sockets or inotify instances outlive the test: {_doors() - doors}"


def _left(before: set[threading.Thread]) -> list[threading.Thread]:
    until = time.monotonic() + PATIENCE
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, until - time.monotonic()))
    return [thread for thread in threading.enumerate() if thread not in before]


def _doors() -> set[tuple[str, str]]:
    """The open sockets and inotify instances of this process, by descriptor (Linux)."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:  # the listing's own descriptor
            continue
        if target.startswith(("socket:", "anon_inode:inotify")):
            found.add((descriptor, target))
    return found
