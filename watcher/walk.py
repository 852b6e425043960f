"""Walks of a root: all of it with the stat of every photo and sidecar, or only the folders that changed.

No link is followed, neither to a folder nor to a file; the root itself may be one. A folder that cannot
be read is told through `on_error` and left out, so nothing in it may be taken for gone.
"""

from __future__ import annotations

import errno
import marshal
import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter
from typing import Self

from metadata import which
from metadata.photo import Stat
from watcher import mounts
from watcher.ignore import PHOTO_SUFFIXES, SIDECAR_SUFFIX, Ignore

UNSURE = -1
"""Instead of a folder's time when it changed so short a time ago that a later change may show the same time."""

YOUNG = 3_000_000_000
"""Nanoseconds; FAT counts in steps of 2 s, the coarsest clock of the file systems in mounts.REPORTING."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
CODING, ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

Named = tuple[bytes, Stat]
State = tuple[int, int, int, int]
OnError = Callable[[bytes, OSError], None]

_state: Callable[[os.stat_result], State] = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_IS_SIDECAR = {os.fsdecode(ending): False for ending in PHOTO_SUFFIXES} | {os.fsdecode(SIDECAR_SUFFIX): True}
_IS_SIDECAR |= {ending.upper(): sidecar for ending, sidecar in _IS_SIDECAR.items()}
"""Of every ending that counts, as it is mostly written."""


@dataclass(slots=True)
class Files:
    """Files of one kind as their folder lists them; names as bytes and Stats are made for those who ask.

    Most folders of a walk are as they were, and their seal says so: nobody asks for a file of them.
    """

    names: list[str] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    @classmethod
    def of(cls, named: Iterable[Named]) -> Self:
        """These files."""
        made = cls()
        for name, about in named:
            made.names.append(os.fsdecode(name))
            made.states.append((about.size, about.mtime_ns, about.ctime_ns, about.inode))
        return made

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Named]:
        for name, state in zip(self.names, self.states, strict=True):
            yield name.encode(CODING, ERRORS), Stat(*state)  # os.fsencode, which is slow for so many


@dataclass(slots=True)
class Folder:
    """One folder as it was listed: path below the root (b"" = the root), its time, and what is in it.

    `mtime_ns` was read before the listing and is UNSURE where it proves nothing. `folders` are names.
    `gone` folders hold nothing and are only told by `walk_changed`.
    """

    path: bytes
    mtime_ns: int
    photos: Files = field(default_factory=Files)
    sidecars: Files = field(default_factory=Files)
    folders: list[bytes] = field(default_factory=list)
    gone: bool = False

    def seal(self) -> bytes:
        """16 bytes that stand for its photos and sidecars with their states, in the order of the listing.

        Equal seals mean equal files; the same files in another order (a folder that was copied or repaired),
        or sealed by another Python, may have another.
        """
        names = "/".join((*self.photos.names, *self.sidecars.names)).encode(CODING, ERRORS)
        # format 2: later ones also tell how many others hold a number
        states = marshal.dumps((self.photos.states, self.sidecars.states), 2)
        return blake2b(states + names, digest_size=16).digest()


def walk(base: bytes, ignore: Ignore, *, on_error: OnError, below: bytes = b"") -> Iterator[Folder]:
    """Every folder of the root (or from `below` down), with the stat of every photo and sidecar in it.

    Raises nothing for a folder: an error at path `below` itself means that nothing was walked at all.
    """
    waiting = [below]
    while waiting:
        folder = listing(base, waiting.pop(), ignore, on_error)
        if folder is not None:
            waiting += [join(folder.path, name) for name in folder.folders]
            yield folder


def walk_changed(
    base: bytes, known: Mapping[bytes, int], ignore: Ignore, *, on_error: OnError
) -> Iterator[Folder]:
    """The folders whose time differs from the one in `known` or that are not in it, and those that are gone.

    `known` maps paths below the root to Folder.mtime_ns of an earlier walk. Sees new, renamed, replaced
    and deleted files; a file rewritten in place does not change its folder's time. A root that cannot be
    read is told once, at path b"", and none of its folders is called gone. A new folder that could not be
    read should go into `known` as UNSURE: its parent's time will not show it a second time.
    """
    changed, gone = changed_folders(base, known, on_error=on_error)
    yield from (Folder(path, UNSURE, gone=True) for path in gone)
    yield from walk_from(base, changed, known, ignore, on_error=on_error)


def walk_from(
    base: bytes, changed: Iterable[bytes], known: Mapping[bytes, int], ignore: Ignore, *, on_error: OnError
) -> Iterator[Folder]:
    """List the folders `changed`, and all below them that are not in `known`."""
    waiting = list(changed)
    while waiting:
        path = waiting.pop()
        folder = listing(base, path, ignore, on_error)
        if folder is not None:
            paths = (join(path, name) for name in folder.folders)
            waiting += [below for below in paths if below not in known]
            yield folder


def changed_folders(
    base: bytes, known: Mapping[bytes, int], *, on_error: OnError
) -> tuple[list[bytes], list[bytes]]:
    """Which folders of `known` have another time now, and which are not there any more."""
    changed: list[bytes] = []
    gone: list[bytes] = []
    try:
        if os.stat(base).st_mtime_ns != known.get(b""):
            changed.append(b"")
    except OSError as error:
        on_error(b"", error)
        return [], []
    prefix, lstat = base + b"/", os.lstat
    for path, mtime in known.items():
        try:
            if lstat(prefix + path).st_mtime_ns != mtime and path:
                changed.append(path)
        except (FileNotFoundError, NotADirectoryError):
            if path:
                gone.append(path)
        except OSError as error:
            on_error(path, error)
    return changed, gone


def listing(base: bytes, path: bytes, ignore: Ignore, on_error: OnError) -> Folder | None:
    """One folder; None where it is gone or (told through `on_error`) could not be read to its end."""
    try:
        number = os.open(join(base, path), FOLDER | os.O_NOFOLLOW) if path else os.open(base, FOLDER)
    except OSError as error:
        if not path or error.errno not in NO_FOLDER:
            on_error(path, error)
        return None
    try:
        folder = Folder(path, proof(os.fstat(number).st_mtime_ns, time.time_ns()))
        with os.scandir(number) as entries:  # by number: each stat looks up one name, not the whole path
            _sort(folder, entries, ignore)
    except OSError as error:
        on_error(path, error)
        return None
    finally:
        os.close(number)
    return folder


def state(base: bytes, path: bytes) -> Stat | None:
    """The state of one file; None where there is none, or a link or a folder. Raises OSError otherwise."""
    try:
        about = os.lstat(join(base, path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Stat.of(about) if stat.S_ISREG(about.st_mode) else None


def proof(mtime_ns: int, now_ns: int) -> int:
    """A folder's time, or UNSURE when it is so near to `now_ns` that another change could get the same time."""
    return UNSURE if abs(now_ns - mtime_ns) < YOUNG else mtime_ns


def join(folder: bytes, name: bytes) -> bytes:
    """The path of a name in a folder; both may be b"", which is the root."""
    return folder + b"/" + name if folder and name else folder or name


def missing(base: bytes, known: Iterable[bytes]) -> list[bytes]:
    """Those of these folders below the root that are surely gone, or have another spelling by now.

    One that may not be looked into is not gone.
    """
    paths = [path for path in known if path]
    often = Counter(map(which.folded, paths))
    return [
        path
        for path in paths
        if _is_gone(join(base, path)) or (often[which.folded(path)] > 1 and not is_spelled(base, path))
    ]


def is_spelled(base: bytes, path: bytes) -> bool:
    """Whether what is at this path below the root has its name in just these letters.

    Where case does not count (SMB, exFAT) a file answers to every spelling, and is listed by one.
    """
    at = base
    for name in path.split(b"/"):
        try:
            if name not in os.listdir(at):
                return False
        except OSError:  # cannot be told
            return True
        at = join(at, name)
    return True


def _is_gone(path: bytes) -> bool:
    """Whether there is surely nothing at this path; a folder that may not be looked into is not gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _sort(folder: Folder, entries: Iterable[os.DirEntry[str]], ignore: Ignore) -> None:
    path, skips, patterns, kind = folder.path, ignore.skips, bool(ignore.patterns), _IS_SIDECAR.get
    photos, sidecars = folder.photos, folder.sidecars
    for entry in entries:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            encoded = name.encode(CODING, ERRORS)
            if not skips(path, encoded):
                folder.folders.append(encoded)
            continue
        ending = name[name.rfind(".") :]
        sidecar = kind(ending)
        if sidecar is None and (not ending.isascii() or (sidecar := kind(ending.lower())) is None):
            continue
        if name[0] == "." or (patterns and skips(path, name.encode(CODING, ERRORS))):
            continue  # of the names in ignore.NEVER only dot files have such an ending
        if entry.is_file(follow_symlinks=False):
            try:
                state = _state(entry.stat(follow_symlinks=False))
            except FileNotFoundError:  # deleted since it was listed
                continue
            kept = sidecars if sidecar else photos
            kept.names.append(name)
            kept.states.append(state)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a root looks like from outside.

    Its file system ("" = the folder is not there), and how many of the known files asked for stand in it.
    `inode` is the folder's own number (0 = not known); `lived_in` says, where none of these files is there,
    that some photo is. `disks` are the places in it where others are mounted.
    """

    fs: str
    asked: int = 0
    found: int = 0
    inode: int = 0
    lived_in: bool = False
    disks: tuple[str, ...] = ()


def identity(base: bytes, sample: Iterable[bytes]) -> Identity:
    """Look whether the root is there, on which file system, and whether a sample of known files is in it.

    `sample` are paths below the root, spread over the library; some twenty are enough.
    """
    try:
        number = os.statvfs(base).f_fsid
    except OSError:
        return Identity("")
    if not os.path.isdir(base):
        return Identity("")
    paths = list(sample)
    found = sum(os.path.lexists(os.path.join(base, path)) for path in paths)
    inode = os.stat(base).st_ino
    return Identity(_file_system(base, number), len(paths), found, inode, not found and _any_photo(base))


def matches(then: Identity | None, now: Identity) -> bool:
    """Whether the root is the one that was known `then` (None = never seen).

    On the same file system one known file is enough, and in the very same folder any photo: a person may
    have renamed the one folder that holds all. On another (a new disk, or one whose number is not
    kept over a restart, as with XFS) half of them are asked for: an empty mount point and a swapped disk
    have none. Where no file is known nothing can be lost, so any folder will do.
    """
    if not now.fs:
        return False
    if then is None or not now.asked:
        return True
    if then.fs == now.fs:
        return now.found > 0 or (now.lived_in and 0 != then.inode == now.inode)
    return 2 * now.found >= now.asked


def _any_photo(base: bytes, *, most: int = 2000) -> bool:
    """Whether some photo is in one of the first folders."""
    for _, (_, _, names) in zip(range(most), os.walk(base), strict=False):
        if any(name[name.rfind(b".") :].lower() in PHOTO_SUFFIXES for name in names):
            return True
    return False


def _file_system(base: bytes, number: int) -> str:
    """The export for a network (it has no number of its own), else the number that statvfs gives.

    Most file systems derive it from their UUID; a device number would change with the order of disks.
    """
    mount = mounts.mount_of(os.path.realpath(base), mounts.table())
    if mount is None:
        return f"?:{number:x}"
    if mounts.is_network(mount.fstype):
        return f"{mount.fstype}:{os.fsdecode(mount.source)}"
    return f"{mount.fstype}:{number:x}"
