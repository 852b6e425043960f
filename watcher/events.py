"""Tells that files have landed below the roots: watchdog's observer with emitters of our own. Decides nothing."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from typing import Any, cast

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, EventEmitter, EventQueue, ObservedWatch

from watcher import mounts
from watcher.arrival import Arrival, Kind, Pace, WatchedRoot
from watcher.emitter import Landed, RootEmitter
from watcher.polling import PollingEmitter
from watcher.watching import InotifyEmitter, limit_reached

__all__ = ["Arrival", "Arrivals", "Kind", "Pace", "WatchedRoot"]

log = logging.getLogger(__name__)

Notify = Callable[[Arrival], None]


class Arrivals:
    """Watches roots and calls `notify` from the observer's thread.

    Nothing that lands after `watch` has returned is lost: each path is told at least once, or a LOOK at a
    folder above it. Walk the root after `watch` has returned to find what stands there already. `notify`
    should be quick; what waits for it is kept in memory.
    """

    def __init__(self, notify: Notify, *, poll: float = 10.0, pace: Pace | None = None) -> None:
        self._pace = pace or Pace(poll=poll)
        self._handler = _Handler(notify)
        self._roots: dict[str, WatchedRoot] = {}
        self._watches: dict[str, ObservedWatch] = {}
        self._emitters: dict[str, RootEmitter] = {}
        self._refused: dict[str, str] = {}
        # The observer calls this as it would call a class of emitters.
        self._observer = BaseObserver(cast("type[EventEmitter]", self._emitter))

    def watch(self, root: WatchedRoot) -> None:
        """Begin with a root; blocks until all its folders are watched. One root a path."""
        path = os.fsdecode(root.base)
        self._roots[path] = root
        self._watches[root.name] = self._observer.schedule(self._handler, path, recursive=True)

    def unwatch(self, name: str) -> None:
        """End with a root."""
        self._observer.unschedule(self._watches.pop(name))
        self._emitters.pop(name)
        self._refused.pop(name, None)

    def start(self) -> None:
        """Begin to call `notify`, first with what came since each `watch`."""
        self._observer.start()

    def stop(self) -> None:
        """End; no call of `notify` is under way when this returns."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        else:
            self._observer.unschedule_all()

    def problems(self) -> list[str]:
        """What a person should know about the watching, in sentences; empty when all is well."""
        told = [problem for emitter in list(self._emitters.values()) for problem in emitter.problems()]
        return list(self._refused.values()) + told

    def polls(self, name: str) -> bool:
        """Whether a root is looked at by its times."""
        return isinstance(self._emitters.get(name), PollingEmitter)

    def turns(self) -> dict[str, tuple[bool, float]]:
        """Of each root: whether its thread still looks, and the moment (time.monotonic) of its last turn."""
        alive = self._observer.is_alive()
        return {
            name: (alive and emitter.is_alive() and not emitter.hangs(), emitter.turned)
            for name, emitter in list(self._emitters.items())
        }

    def _emitter(self, queue: EventQueue, watch: ObservedWatch, **_: Any) -> RootEmitter:
        root = self._roots[watch.path]
        emitter = self._emitters[root.name] = self._make(queue, watch, root)
        return emitter

    def _make(self, queue: EventQueue, watch: ObservedWatch, root: WatchedRoot) -> RootEmitter:
        polling = root.polling
        if polling is None:
            polling = not mounts.reports_events(mounts.fstype(root.base))
        if not polling:
            try:
                return InotifyEmitter(queue, watch, root=root, pace=self._pace)
            except OSError as error:
                limited = error.errno == errno.EMFILE
                problem = limit_reached(root.name, "max_user_instances") if limited else str(error)
                log.warning("%s", problem)
                self._refused[root.name] = problem
        return PollingEmitter(queue, watch, root=root, pace=self._pace)


class _Handler(FileSystemEventHandler):
    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    def dispatch(self, event: FileSystemEvent) -> None:
        assert isinstance(event, Landed)
        try:
            self._notify(event.arrival)
        except Exception:  # the observer's thread has to outlive a listener's mistake
            log.exception("the listener failed at %r", event.arrival)
