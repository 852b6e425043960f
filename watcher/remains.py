"""What a probe may have put into Immich and beside a photo, noted before it is done, and how it is taken away.

The note outlives whatever ends the probe: a signal, a kill, a server that dies in the middle. Whoever finds it
clears up: the next `tagwright doctor`, or the running service when Immich answers again. Only what the note
names is ever touched: two words of ours, and an asset whose bytes are those that we made up.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from metadata.errors import TagwrightError, TryAgain, UserError
from metadata.mirror.pace import QUEUES
from metadata.photo import Photo
from metadata.sinks import Change, Seen
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST, to_hierarchical

if TYPE_CHECKING:
    from metadata.immich import Database, Immich, Keys

NOTE = "canary.json"
FAMILY = "tagwright-canary"
"""The first part of all probe words; the merge looks past them."""
GONE = 60.0
"""Seconds that Immich has to delete a picture, or to read a sidecar again."""
UNDER_WAY = 10.0
"""Seconds that a sidecar has which Immich is just writing."""
TURN = 0.25
"""Seconds between two looks."""

Pause = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Remains:
    """What is to be taken away: of the user with this id, these words, from this asset.

    `checksum` (SHA-1, hexadecimal) says that the asset is a picture of ours; without it, it is the user's.
    `original` and its `sidecar` are paths here, "" where not known.
    """

    owner: str
    words: tuple[str, ...]
    asset: str = ""
    checksum: str = ""
    original: str = ""
    sidecar: str = ""


# The note


class Note:
    """The note in the ledger's folder, and a lock on it while a probe is under way."""

    def __init__(self, state: Path) -> None:
        self._path = state / NOTE

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else probes or clears meanwhile. Raises UserError where somebody does, or none can be kept."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            door = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UserError(f"{self._path}: {error.strerror}; run it as the service's user") from None
        try:
            try:
                fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError("a probe is under way in another process; wait for its end") from None
            yield
        finally:
            if self.read() is None:
                with suppress(OSError):
                    os.unlink(self._path)
            os.close(door)

    def read(self) -> Remains | None:
        """What is noted; None where there is nothing."""
        try:
            told = json.loads(self._path.read_bytes() or b"null")
        except (OSError, ValueError):
            return None
        return Remains(**{**told, "words": tuple(told["words"])}) if told else None

    def write(self, remains: Remains | None) -> None:
        """Note this durably, in place: the lock is on the file."""
        data = json.dumps(asdict(remains)).encode() if remains else b""
        door = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(door, data.ljust(os.fstat(door).st_size, b" "), 0)  # never shorter than what is under it
            os.ftruncate(door, len(data))
            os.fsync(door)
        finally:
            os.close(door)


def swept(state: Path, keys: Keys, database: Database | None, *, pause: Pause = time.sleep) -> str:
    """Take away what an earlier probe left, if there is a note of it and nobody is about it; what was done, or "".

    Raises what Immich raises; the note then stays.
    """
    note = Note(state)
    if note.read() is None:
        return ""
    with note.held():
        left = note.read()
        if left is None:
            return ""
        clear(left, keys, database, pause=pause)
        note.write(None)
    return "what an earlier probe had left is gone"


# Clearing up


def clear(left: Remains, keys: Keys, database: Database | None = None, *, pause: Pause = time.sleep) -> None:
    """Take all of it away, and see that it is gone. Raises TryAgain where something is there still."""
    client = keys.of(left.owner)
    if client is None:
        raise UserError(f"the probe word {left.words[0]} stands in Immich, and its user's key is no longer set")
    if left.checksum:
        _delete(left, client, database, pause)
    elif left.asset:
        try:
            _bare(left, client, database, pause)
        except TagwrightError:
            if left.sidecar:
                _struck(left)  # whatever Immich does, the file at least is clean
            raise
    _forget(left, client, pause)


def _delete(left: Remains, client: Immich, database: Database | None, pause: Pause) -> None:
    """Our picture, for good: by its id, or where the id was never heard, by its bytes, which nobody else has.

    A sidecar that Immich is just writing would come after its picture is gone, so that is waited for.
    """
    until = time.monotonic() + UNDER_WAY
    while _busy(left, database) and time.monotonic() < until:
        pause(TURN)
    mark = bytes.fromhex(left.checksum)
    names = _names(left, client, pause)
    for name in names:
        asset = client.asset(name)
        if asset is not None and asset.checksum == mark and asset.owner == left.owner:
            client.delete(name)
    _until(
        lambda: all(client.asset(name) is None for name in names), pause, client, "its picture is not deleted yet"
    )
    if left.original:
        _rid(os.fsencode(left.original), mark, pause)


def _names(left: Remains, client: Immich, pause: Pause) -> set[str]:
    """The ids of our picture; where its upload was broken off, Immich may still be about it."""
    mark, until = bytes.fromhex(left.checksum), time.monotonic() + UNDER_WAY
    while True:
        names = {left.asset} - {""} | {asset.id for asset in client.by_checksum(mark)}
        if names or time.monotonic() >= until:
            return names
        pause(TURN)


def _rid(file: bytes, mark: bytes, pause: Pause) -> None:
    """The files of our picture, where Immich leaves some: a sidecar it never registered, a mount it cannot write.

    Only a file that holds the very bytes we made up is removed, and what stands beside it by its name.
    """
    until = time.monotonic() + 2.0
    while os.path.lexists(file) and time.monotonic() < until:
        pause(TURN)
    with suppress(OSError):
        if os.path.lexists(file):
            with open(file, "rb") as stream:
                ours = hashlib.file_digest(stream, "sha1").digest() == mark
            if not ours:
                return
            os.unlink(file)
        os.unlink(file + b".xmp")


def _bare(left: Remains, client: Immich, database: Database | None, pause: Pause) -> None:
    """A photo of the user's without our words: in its sidecar and in Immich, and it stays so.

    A write that is still under way there brings them back, and then they go once more.
    """
    quiet = 0

    def rests() -> bool:
        nonlocal quiet
        here = _struck(left) if left.sidecar else False
        there = {*left.words} & _tags(client, left.asset)
        if here:
            client.refresh([left.asset])
        elif there:
            known = {tag.value: tag.id for tag in client.tags()}
            client.untag(known[min(there)], [left.asset])
        quiet = 0 if here or there or _busy(left, database) else quiet + 1
        if here or there:
            pause(1.0)
        return quiet > 2

    _until(rests, pause, client, "Immich is not done with taking the probe word away")


def _busy(left: Remains, database: Database | None) -> bool:
    """Whether Immich has still to write what was changed."""
    if database is None or not left.asset:
        return False
    look = database.looks([left.asset]).get(left.asset)
    return look is not None and bool(look.locked)


def _struck(left: Remains) -> bool:
    """Whether our words had to be taken out of the sidecar by us."""
    sink, photo = _sink(), _photo(left)
    for _ in range(3):
        change = Change(remove={name: tuple(values) for name, values in _values(left.words).items()})
        if not _standing(left):
            return False
        draft = sink.draft_at(photo, os.fsencode(left.sidecar), change)
        if isinstance(sink.write([draft])[0], Seen):
            return True
    return False


def _standing(left: Remains) -> bool:
    """Whether a word of ours stands in the sidecar."""
    try:
        data = Path(left.sidecar).read_bytes()
    except OSError:
        return False
    return FAMILY.encode() in data and any(word.encode() in data or _bars(word) in data for word in left.words)


def _bars(word: str) -> bytes:
    return to_hierarchical(tuple(word.split("/"))).encode()


def _values(words: Sequence[str]) -> dict[str, list[str]]:
    paths = [tuple(word.split("/")) for word in words]
    return {
        TAGS_LIST: list(words),
        HIERARCHICAL: [to_hierarchical(path) for path in paths],
        SUBJECT: [path[-1] for path in paths],
    }


def _sink() -> SidecarSink:
    return SidecarSink(clock=lambda: datetime.now().astimezone(), provenance=False)


def _photo(left: Remains) -> Photo:
    base, name = os.path.split(os.fsencode(left.original or left.sidecar.removesuffix(".xmp")))
    return Photo(0, "canary", base, name)


def _forget(left: Remains, client: Immich, pause: Pause) -> None:
    """The tags themselves, and the one above them where nothing else stands below it or carries it.

    A reading that was under way makes them anew, so they have to stay away for a moment; where the key may see
    Immich's queues, until nothing is read any more.
    """
    quiet, until = 0, time.monotonic() + UNDER_WAY

    def gone() -> bool:
        nonlocal quiet
        reads = time.monotonic() < until and _reads(client)
        tags = client.tags()
        ours = [tag for tag in tags if tag.value in left.words]
        for tag in ours:
            client.delete_tag(tag.id)
        quiet = 0 if ours or reads else quiet + 1
        return quiet > 2

    _until(gone, pause, client, "its tag is not gone yet")
    tags = client.tags()
    above = [tag for tag in tags if tag.value == FAMILY and not any(other.parent == tag.id for other in tags)]
    for tag in above:
        if not any(True for _ in client.tagged(tag.id)):
            client.delete_tag(tag.id)


def _reads(client: Immich) -> bool:
    """Whether Immich says that it is writing or reading something."""
    queues = client.queues() or {}
    return any(queues.get(name) for name in QUEUES)


def _tags(client: Immich, asset: str) -> set[str]:
    found = client.asset(asset)
    return {tag.value for tag in found.tags or ()} if found is not None else set()


def _until(done: Callable[[], bool], pause: Pause, client: Immich, otherwise: str) -> None:
    until = time.monotonic() + GONE
    while not done():
        if time.monotonic() >= until:
            raise TryAgain(client.place, otherwise)
        pause(TURN)
