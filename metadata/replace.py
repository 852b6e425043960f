"""Puts a batch of files in place: written beside, synced, exchanged, and never over what somebody else wrote.

A reader sees the old content or the new one, whole. The order for a batch is: all files written, all synced,
all renamed, all folders synced; after that a power cut changes nothing any more. Only where the system
refuses to rename over a file (a file that is mounted by itself) or to give the new one the old one's owner
it is written in place.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Literal, NoReturn, TypeVar

from metadata import rename, rights
from metadata.errors import AtWork, ChangedMeanwhile, Refused, TagwrightError
from metadata.files import NAME_MAX, PREFIX, Content, read, translate, whole
from metadata.quiet import Patience, quiet

Durability = Literal["batch", "file"]

_MANY: Final = 4
"""From this many files on one syncfs is cheaper than a sync each (10-30 ms apiece on a NAS's disk)."""

_LIMIT: Final = 1 << 40
_REFUSED_OVER: Final = frozenset({errno.EPERM, errno.EXDEV, errno.EBUSY})
_count = itertools.count()
_Given = TypeVar("_Given", "Wish", "_Staged")
_Gives = TypeVar("_Gives")
_Named = TypeVar("_Named", int, bytes)


@dataclass(frozen=True, slots=True)
class Wish:
    """One file as it must be found (`before`) and as it is to become (`after`); None: not there.

    `like` is the file that a new one takes owner, group, mode and ACL from; `base` the folder that links
    may not lead out of. `known` is what `before` was read from: while its numbers stay, it is not read twice
    before the exchange.
    """

    path: bytes
    before: bytes | None
    after: bytes | None
    like: bytes
    base: bytes
    known: Content | None = None


@dataclass(slots=True)
class _Staged:
    wish: Wish
    target: bytes
    temporary: bytes
    handle: int
    found: os.stat_result | None = None
    made: os.stat_result | None = None
    owned: bool = True
    kept: bool = False


@lru_cache(maxsize=1)
def own() -> bytes:
    """How this process's temporary files begin."""
    return PREFIX + os.urandom(5).hex().encode() + b"-"


def put(
    wishes: Sequence[Wish],
    *,
    durability: Durability = "batch",
    turn: contextlib.AbstractContextManager[None] | None = None,
) -> list[TagwrightError | None]:
    """Make every wish come true, durably; an answer a wish, None where it did. `turn` is held but while syncing.

    ChangedMeanwhile: the file was not `before`, and is left as it was. Refused, TryAgain and PlaceClosed
    as their names say; the file is what it was, and nothing of ours is left beside it.
    """
    turn = turn or contextlib.nullcontext()
    if durability == "file":
        return [answer for wish in wishes for answer in _batch([wish], turn)]
    return _batch(wishes, turn)


def _batch(wishes: Sequence[Wish], turn: contextlib.AbstractContextManager[None]) -> list[TagwrightError | None]:
    staged: list[_Staged | TagwrightError] = []
    try:
        stage, place = partial(_stage, rights.Fresh()), partial(_place, Patience())
        with turn:
            staged += (_attempt(stage, wish) for wish in wishes)
        written = [each for each in staged if isinstance(each, _Staged)]
        fault = _sync_files([each for each in written if each.handle >= 0])
        with turn:
            answers = [
                each if isinstance(each, TagwrightError) else fault or _attempt(place, each) for each in staged
            ]
        fault = sync_folders({os.path.dirname(each.target) for each in written})
    finally:
        for each in staged:
            if isinstance(each, _Staged):
                _discard(each)
    return [answer if isinstance(answer, TagwrightError) else fault for answer in answers]


def _attempt(step: Callable[[_Given], _Gives], given: _Given) -> _Gives | TagwrightError:
    try:
        return step(given)
    except TagwrightError as error:
        return error
    except OSError as error:
        return translate(error, given.target if isinstance(given, _Staged) else given.path)


def _stage(fresh: rights.Fresh, wish: Wish) -> _Staged:
    """Write the new content beside the old, with the old one's rights."""
    slash = wish.path.rfind(b"/")
    if len(wish.path) - slash - 1 > NAME_MAX:
        raise Refused(wish.path, f"its name would be longer than {NAME_MAX} bytes")
    if wish.before is None:  # what is there all the same is met by the renaming, which is never done over it
        staged = _Staged(wish, wish.path, wish.path[: slash + 1] + b"%s%d" % (own(), next(_count)), -1)
        found = None
    else:
        found = _as_read(wish)
        target = found.path
        temporary = target[: target.rfind(b"/") + 1] + b"%s%d" % (own(), next(_count))
        staged = _Staged(wish, target, temporary, -1, found.stat)
    if wish.after is not None:
        try:
            _write(fresh, staged, wish.after, found)
        except BaseException:
            _discard(staged)
            raise
    return staged


def _as_read(wish: Wish) -> Content:
    found = _found(wish)
    if found is None or found.data != wish.before:
        raise ChangedMeanwhile(wish.path, "it is no longer what was read")
    if not found.stat.st_mode & 0o222:
        raise Refused(wish.path, "is marked read-only; take the mark away if it may be changed")
    return found


def _found(wish: Wish) -> Content | None:
    """What stands there. Its bytes are compared in any case, once the old file can change no more."""
    then = wish.known
    if then is not None and then.path == wish.path:
        with contextlib.suppress(OSError):
            if _numbers(os.lstat(wish.path)) == _numbers(then.stat):
                return then
    return read(wish.path, base=wish.base, limit=_LIMIT)


def _write(fresh: rights.Fresh, staged: _Staged, data: bytes, found: Content | None) -> None:
    path, like = staged.temporary, staged.wish.like
    status, mode = (found.stat, stat.S_IMODE(found.stat.st_mode)) if found else rights.photos(like)
    staged.handle = handle = fresh.make(path, status, mode)
    _pour(handle, data)
    staged.made = made = fresh.noted(path, handle)
    if found:
        staged.owned = rights.keep(handle, found.stat, found.path, made)
    elif status is not None:
        rights.take(handle, (like, status, mode), made, inherits=fresh.inherits(path, handle))


def _pour(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_files(staged: Sequence[_Staged]) -> TagwrightError | None:
    """All contents on their disks; what went wrong, if anything, then goes for all of them."""
    try:
        for handles in _apart((each.made.st_dev, each.handle) for each in staged if each.made):
            many = len(handles) >= _MANY
            for handle in handles[:1] if many else handles:
                (rename.flush if many else os.fdatasync)(handle)
    except OSError as error:
        return translate(error, staged[0].target)
    return None


def by_disk(several: Iterable[_Named]) -> list[list[_Named]]:
    """Handles or paths apart by file system: what is synced as a whole is one of them. Raises OSError."""
    return _apart((os.stat(each).st_dev, each) for each in several)


def _apart(several: Iterable[tuple[int, _Named]]) -> list[list[_Named]]:
    disks: dict[int, list[_Named]] = {}
    for disk, each in several:
        disks.setdefault(disk, []).append(each)
    return list(disks.values())


def sync_folders(folders: Iterable[bytes]) -> TagwrightError | None:
    """All names in these folders on their disks."""
    try:
        disks = by_disk(sorted(folders))
    except OSError as error:
        return translate(error, os.fsencode(error.filename or b""))
    for several in disks:
        many = len(several) >= _MANY
        for folder in several[:1] if many else several:
            fault = _sync_folder(folder, whole=many)
            if fault is not None:
                return fault
    return None


def _sync_folder(folder: bytes, *, whole: bool) -> TagwrightError | None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            (rename.flush if whole else os.fsync)(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # no way to sync a folder here
            return translate(error, os.path.join(folder, b""))
    return None


def _place(patience: Patience, staged: _Staged) -> None:
    """Let the new content take its place, if the old one is still what was read."""
    wish = staged.wish
    if wish.after is None:
        _remove(staged)
    elif wish.before is None:
        _close(staged)  # under its own name: nobody who watches the folder takes it for a second writing
        try:
            rename.move(staged.temporary, staged.target)
        except FileExistsError as error:
            raise ChangedMeanwhile(wish.path, "somebody else made it meanwhile") from error
        staged.kept = True  # as the file itself
    elif not staged.owned:
        _in_place(staged, wish.before, wish.after)
    else:
        try:
            _replace(staged, wish.before, patience)
        except FileNotFoundError as error:
            raise ChangedMeanwhile(wish.path, "it is gone") from error
        except OSError as error:
            if error.errno not in _REFUSED_OVER:
                raise
            _in_place(staged, wish.before, wish.after)


def _replace(staged: _Staged, before: bytes, patience: Patience) -> None:
    """What is never exchanged can never be read for half a moment, hence the last look."""
    assert staged.made is not None
    with quiet(staged.target, staged.made.st_mtime_ns, patience) as free:
        if not free:
            raise AtWork(staged.wish.path, "exiftool is writing it at this moment")
        exchanged = _untouched(staged) and rename.exchange(staged.temporary, staged.target)
    if not exchanged:
        if not _holds(staged.target, before):
            raise ChangedMeanwhile(staged.wish.path, "it is no longer what was read")
        if not rename.exchange(staged.temporary, staged.target):
            os.rename(staged.temporary, staged.target)
            return
    if not _holds(staged.temporary, before):
        _give_back(staged)


def _untouched(staged: _Staged) -> bool:
    """Whether the file is, by its numbers, the one that was read."""
    return staged.found is not None and _numbers(os.lstat(staged.target)) == _numbers(staged.found)


def _numbers(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _give_back(staged: _Staged) -> NoReturn:
    """Somebody wrote between our last look and the exchange: theirs goes back.

    Where they wrote once more meanwhile, the newer stays in its place and the older in our temporary file,
    which is kept: the newer may have been made from ours, without what is in the older.
    """
    if rename.exchange(staged.temporary, staged.target) and not _holds(staged.temporary, staged.wish.after):
        rename.exchange(staged.temporary, staged.target)
        staged.kept = True
    raise ChangedMeanwhile(staged.wish.path, "somebody else wrote it in the same moment")


def _remove(staged: _Staged) -> None:
    """Taken aside first, so that what is deleted is what was looked at."""
    if staged.wish.before is None:
        return
    try:
        rename.move(staged.target, staged.temporary)
    except FileNotFoundError as error:
        raise ChangedMeanwhile(staged.wish.path, "it is gone") from error
    if _holds(staged.temporary, staged.wish.before):
        return
    with contextlib.suppress(FileExistsError):  # somebody wrote a newer one: that is the file now
        rename.move(staged.temporary, staged.target)
    raise ChangedMeanwhile(staged.wish.path, "somebody else wrote it in the same moment")


def _in_place(staged: _Staged, before: bytes, after: bytes) -> None:
    """Over the old bytes, where nothing else is allowed; the caller has booked what it takes to finish."""
    if not _holds(staged.target, before):
        raise ChangedMeanwhile(staged.wish.path, "it is no longer what was read")
    try:
        handle = os.open(staged.target, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError as error:
        reason = "is another user's, and we may not write it; give the service's user the right to"
        raise Refused(staged.wish.path, reason) from error
    try:
        os.posix_fallocate(handle, 0, max(len(after), 1))
        try:
            _overwrite(handle, after)
        except OSError:
            _overwrite(handle, before)
            raise
    finally:
        os.close(handle)


def _overwrite(handle: int, data: bytes) -> None:
    os.lseek(handle, 0, os.SEEK_SET)
    _pour(handle, data)
    os.ftruncate(handle, len(data))
    os.fdatasync(handle)


def _holds(path: bytes, content: bytes | None) -> bool:
    """Whether a file that we hold or have just looked at has this content; None: whether it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return content is None
    try:
        return content is not None and whole(handle, len(content)) == content
    finally:
        os.close(handle)


def _close(staged: _Staged) -> None:
    if staged.handle >= 0:
        os.close(staged.handle)
        staged.handle = -1


def _discard(staged: _Staged) -> None:
    _close(staged)
    if not staged.kept:
        with contextlib.suppress(OSError):
            os.unlink(staged.temporary)
