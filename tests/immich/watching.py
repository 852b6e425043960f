"""Every file event under a folder, in order: what somebody sees who stands beside Immich."""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path

from watcher.inotify import Inotify, events

_NAMES = {
    0x4: "attrib",
    0x8: "close_write",
    0x40: "moved_from",
    0x80: "moved_to",
    0x100: "create",
    0x200: "delete",
}
_MASK = sum(_NAMES)
_FOLDER = 0x40000000


class Recorder:
    """Folders made while it looks are looked into; what stood in them by then counts as `found`."""

    def __init__(self, top: Path) -> None:
        self.seen: list[tuple[str, str]] = []
        self._top, self._inotify = top, Inotify()
        self._folders: dict[int, Path] = {}
        self._add(top, old=True)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _add(self, folder: Path, *, old: bool = False) -> None:
        try:
            self._folders[self._inotify.add(os.fsencode(folder), _MASK)] = folder
            inside = sorted(folder.iterdir())
        except OSError:  # gone already
            return
        for each in inside:
            if each.is_dir():
                self._add(each, old=old)
            elif not old:
                self._say("found", each)

    def _say(self, event: str, path: Path) -> None:
        self.seen.append((event, str(path.relative_to(self._top))))

    def _run(self) -> None:
        while not self._end.is_set():
            self._look(0.02)

    def _look(self, seconds: float) -> bool:
        """Wait so long for something to take; whether there was."""
        told = bool(select.select([self._inotify.fileno()], [], [], seconds)[0])
        if told:
            self._take()
        return told

    def _take(self) -> None:
        for event in events(self._inotify.read()):
            folder = self._folders.get(event.watch)
            if folder is None or not event.name:
                continue
            path = folder / os.fsdecode(event.name)
            if event.mask & _FOLDER:
                if event.mask & 0x180:
                    self._add(path)
                continue
            self._say(next(name for bit, name in _NAMES.items() if event.mask & bit), path)

    def stop(self) -> None:
        """Take what has happened by now, and end."""
        self._end.set()
        self._thread.join()
        while self._look(0.0):
            pass
        self._inotify.close()
