"""`tagwright doctor --canary`: one probe word goes all the way through Immich and back, and is gone afterwards.

All of it happens on a picture that is made up and uploaded for it, or on a photo that a person names
(`watcher.chain` has the links). What was done is noted before it is done (`watcher.remains`), and taken away
whatever ends the probe.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from metadata.errors import TagwrightError, TryAgain, UserError
from watcher import chain, connection, remains
from watcher.findings import Finding
from watcher.flight import WHAT, Broken, Flight, reason
from watcher.remains import Note, Remains
from watcher.settings import Settings

AWAY = 60.0
"""Seconds in which a server that died in the middle may come back, so that what was done can be taken away."""


def fly(
    settings: Settings,
    environment: Mapping[str, str],
    photo: str = "",
    *,
    say: Callable[[str], object] = lambda _: None,
) -> list[Finding]:
    """The whole way with a picture of ours, or with this photo (a file, or an asset's id or address).

    Each link is a finding; the first that does not hold is the last but one, before what became of the probe
    word. Needs the main thread, whose signals end it cleanly. Raises UserError where there is no Immich, and
    KeyboardInterrupt, after all was taken away, where a signal came.
    """
    if not settings.immich.url:
        raise UserError("no Immich is set: name its address as `immich.url` and a key as `immich.keys`")
    keys = connection.keys(settings.immich, environment, warn=lambda _: None, timeout=20.0)
    login = connection.login(settings.immich, environment, warn=lambda _: None)
    database = None
    if login is not None:
        from metadata.immich import Database  # noqa: PLC0415 - only where there is one

        database = Database(login, patience=20.0)
    try:
        note = Note(settings.state)
        with note.held(), _signals() as ended:
            flight = Flight(settings, keys, database, environment, note)
            try:
                _flown(flight, photo, say, ended)
            finally:
                if flight.tool is not None:
                    flight.tool.close()
            return flight.told
    finally:
        keys.close()
        if database is not None:
            database.close()


def _flown(flight: Flight, photo: str, say: Callable[[str], object], ended: _Ended) -> None:
    try:
        try:
            _sweep(flight, ended)
            say("a probe word goes through Immich and back; this takes up to two minutes")
            chain.way(flight, photo)
        except Broken as broken:
            flight.told.append(Finding("fail", f"{WHAT}: {broken.link}", broken.text, broken.remedy))
        except TagwrightError as error:
            told = Finding("fail", f"{WHAT}: Immich", reason(error), "see that Immich runs, and its log")
            flight.told.append(told)
        finally:
            with ended.ignored():
                _home(flight, say)
    finally:  # a signal that came when the one above had only begun; a second one raises nothing
        with ended.ignored():
            _home(flight, say)
    ended.told()


# It ends well, whatever ends it


@dataclass(slots=True)
class _Ended:
    """Whether a signal came; the first one ends the probe, and none ends the clearing up."""

    shut: bool = False
    came: bool = False

    def __call__(self, *_: object) -> None:
        first, self.came = not self.came, True
        if first and not self.shut:
            raise KeyboardInterrupt

    def told(self) -> None:
        """What came meanwhile counts now. Raises KeyboardInterrupt."""
        if self.came:
            raise KeyboardInterrupt

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Signals are only noted."""
        before, self.shut = self.shut, True
        try:
            yield
        finally:
            self.shut = before


@contextmanager
def _signals() -> Iterator[_Ended]:
    ended = _Ended()
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, ended) for number in numbers}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sweep(flight: Flight, ended: _Ended) -> None:
    """What an earlier probe left goes first."""
    left = flight.note.read()
    if left is not None:
        with ended.ignored():
            remains.clear(left, flight.keys, flight.database)
            flight.note.write(None)
        ended.told()
        flight.say(f"what an earlier probe had left is gone ({left.words[0]})")


def _home(flight: Flight, say: Callable[[str], object]) -> None:
    """Take everything away; a server that is away for a moment is waited for."""
    left = None if flight.over else flight.note.read()
    if left is None:
        return
    until = time.monotonic() + AWAY
    while True:
        try:
            remains.clear(left, flight.keys, flight.database)
        except TagwrightError as error:
            if time.monotonic() >= until or not isinstance(error, TryAgain):
                flight.over = True
                found = _left(left, error)
                flight.told.append(found)
                say(f"{found.text}; {found.remedy}")
                return
            say(f"taking the probe word away: {reason(error)}; trying again")
            time.sleep(1.0)
        else:
            flight.note.write(None)
            flight.say("the probe words are gone" + (", and so is the picture" if left.checksum else ""))
            return


def _left(left: Remains, error: TagwrightError) -> Finding:
    picture = f", the picture {left.asset or 'that was being uploaded'}" if left.checksum else f" on {left.asset}"
    text = f"still there: the tag {left.words[0]}{picture} ({reason(error)})"
    remedy = (
        "it is noted: the service takes it away when Immich answers again, and so does `tagwright doctor --canary`"
    )
    return Finding("fail", f"{WHAT}: afterwards", text, remedy)
