"""The folders as the user who runs this finds them: there, readable, writable, on which file system."""

from __future__ import annotations

import errno
import itertools
import os
import pwd
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from metadata.errors import UserError
from watcher import lodging, mounts, readers, values
from watcher.findings import Finding, Level
from watcher.ignore import OURS, Ignore, suffix
from watcher.settings import Root, Settings
from watcher.walk import Folder, join, walk

PROBE = OURS + b"probe"
OLD = 3600.0
"""Seconds after which a temporary file of ours belongs to nobody: no write takes as long."""

_FULL = 100 << 20
_TIGHT = 1 << 30

Kind = tuple[int, int, int]
"""Owner, group and mode: folders that agree in these take or refuse our files alike (ACLs apart)."""


@dataclass(slots=True)
class Survey:
    """What one walk over a root tells."""

    folders: int = 0
    photos: int = 0
    kinds: dict[Kind, bytes] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    closed: list[tuple[bytes, OSError]] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    leftovers: list[bytes] = field(default_factory=list)


def survey(root: Root, settings: Settings, *, now: float) -> Survey:
    """Walks a root once; raises nothing, what cannot be read stands in `closed` and `unreadable`."""
    found = Survey()
    base = os.fsencode(root.path)
    ignore = Ignore((*settings.ignore, *root.ignore))
    for folder in walk(base, ignore, on_error=lambda path, error: found.closed.append((path, error))):
        _note(found, base, folder, now)
    return found


def about_root(root: Root, found: Survey, *, state: Path) -> Iterator[Finding]:
    """Whether the service can do its work in this root, and what helps where it cannot."""
    what = f"folder {root.name}"
    if any(path == b"" for path, _ in found.closed) or not found.folders:
        reason = next((error.strerror for path, error in found.closed if path == b""), "not a folder")
        yield Finding("fail", what, f"{root.path} cannot be read: {reason}", _read_remedy(root))
        return
    photos = f"{found.photos:,} photos in {found.folders:,} folders"
    yield Finding("ok", what, f"{root.path}: {photos} ({', '.join(sorted(found.files)) or 'no photo'})")
    yield _events(root, what)
    yield from _closed(root, what, found)
    yield from (finding for folder in found.kinds.values() if (finding := _writable(root, what, folder)))
    if found.leftovers:
        yield _left(what, found.leftovers, state)


def twins(roots: Sequence[Root], table: Sequence[mounts.Mount]) -> list[str]:
    """Roots that are one folder of one disk, or lie in one another there, by whatever path: a sentence each."""
    real = {
        root.name: os.path.realpath(os.fsencode(root.path)) for root in roots if not getattr(root, "immich", False)
    }
    places = {name: [place for place in _places(path, table) if place] for name, path in real.items()}
    found = []
    for one, other in itertools.combinations(real, 2):
        if any(_overlap(a, b) for a in places[one] for b in places[other]):
            first, second = (os.fsdecode(real[name]) for name in (one, other))
            found.append(
                f"roots {one} and {other} are one folder on one disk ({first} and {second}): every photo would be "
                "written twice. Keep the one whose path your other programs use"
            )
    return found


def _places(path: bytes, table: Sequence[mounts.Mount]) -> list[tuple[str, bytes] | None]:
    return [mounts.on_disk(each, table) for each in (path, *mounts.branches(path, table))]


def _overlap(one: tuple[str, bytes], other: tuple[str, bytes]) -> bool:
    return one[0] == other[0] and (mounts.is_below(one[1], other[1]) or mounts.is_below(other[1], one[1]))


def about_state(folder: Path) -> Iterator[Finding]:
    """Whether the ledger's folder is there, ours to write, on a local file system, with room."""
    what = "ledger's folder"
    kind = mounts.fstype(os.fsencode(folder))
    if mounts.is_network(kind):
        yield Finding(
            "fail",
            what,
            f"{folder} is on {kind}, where SQLite's write-ahead log is not safe",
            lodging.remedy(folder),
        )
    if kind == "overlay" and mounts.in_image():
        text = f"{folder} is in the container's own layer and goes with it at the next update"
        yield Finding("fail", what, text, f"mount a volume at {folder}")
    if not os.path.isdir(folder):
        yield Finding("warn", what, f"{folder} is not there yet", fix=partial(_make, folder))
        return
    error = probe(os.fsencode(folder))
    if error is not None:
        yield Finding("fail", what, f"{folder}: {error.strerror}", _write_remedy(error, os.fsencode(folder)))
    else:
        yield Finding("ok", what, f"{folder} on {kind or 'a file system of unknown type'}")
    yield _room(folder)


def probe(folder: bytes) -> OSError | None:
    """Writes a small file into the folder and takes it away again; what went wrong, or None."""
    name = os.path.join(folder, PROBE)
    try:
        door = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None  # an earlier one was killed between the two steps
    except OSError as error:
        return error
    failed: OSError | None = None
    try:
        os.write(door, b"tagwright was here\n")
    except OSError as error:
        failed = error
    os.close(door)
    os.unlink(name)
    return failed


def _note(found: Survey, base: bytes, folder: Folder, now: float) -> None:
    where = join(base, folder.path) if folder.path else base
    found.folders += 1
    found.photos += len(folder.photos)
    found.files.update(readers.kind(suffix(name)) for name, _ in folder.photos)
    if folder.photos:
        first = os.path.join(where, next(iter(folder.photos))[0])
        if not os.access(first, os.R_OK, effective_ids=True):
            found.unreadable.append(first)
    try:
        about = os.stat(where)
        found.leftovers += _leftovers(where, now)
    except OSError:  # gone since it was listed
        return
    found.kinds.setdefault((about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)), where)


def _leftovers(folder: bytes, now: float) -> Iterator[bytes]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(OURS) and now - entry.stat(follow_symlinks=False).st_ctime > OLD:
                yield entry.path


def _events(root: Root, what: str) -> Finding:
    kind = mounts.fstype(os.fsencode(root.path))
    name = kind or "a file system of unknown type"
    if root.polling is True:
        return Finding("ok", what, f"on {name}; looked at again and again, as set")
    if mounts.reports_events(kind):
        return Finding("ok", what, f"on {name}, which reports changes")
    if root.polling is False:
        text = f"on {name}, which does not report all changes, and polling is switched off"
        return Finding("warn", what, text, 'set polling = "auto" for this folder')
    return Finding("ok", what, f"on {name}, which is not known to report changes; looked at again and again")


def _closed(root: Root, what: str, found: Survey) -> Iterator[Finding]:
    if found.closed:
        path, error = found.closed[0]
        text = f"{len(found.closed)} folders cannot be read, such as {os.fsdecode(path)}: {error.strerror}"
        yield Finding("fail", what, text, _read_remedy(root))
    if found.unreadable:
        shown = os.fsdecode(found.unreadable[0])
        text = f"photos in {len(found.unreadable)} folders cannot be read, such as {shown}"
        yield Finding("fail", what, text, _read_remedy(root))


def _writable(root: Root, what: str, folder: bytes) -> Finding | None:
    error = probe(folder)
    if error is None:
        return None
    shown = os.fsdecode(folder)
    text = f"{me()} cannot write into {shown} ({error.strerror}), nor into others with its owner and mode"
    return Finding("fail", what, text, _write_remedy(error, os.fsencode(root.path)))


def _write_remedy(error: OSError, folder: bytes) -> str:
    path = shlex.quote(os.fsdecode(folder))
    if error.errno == errno.EROFS and mounts.in_image():
        return f"mounted read-only into this container: take `:ro` from its volume {path} in the compose file"
    if error.errno == errno.EROFS:
        mount = mounts.mount_of(os.path.realpath(folder), mounts.table())
        point = shlex.quote(os.fsdecode(mount.point)) if mount else path
        return (
            f"mounted read-only here: mount -o remount,rw {point}; for the service, "
            "scripts/install-service lists the folders that it may write"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"make room: df -h {path}; df -i {path}"
    kind = mounts.fstype(folder)
    owner = _owner(folder)
    if kind.startswith("nfs"):
        return (
            f"the server decides, by numbers: run tagwright as {owner}, or on the server: setfacl -R -m "
            f"u:{os.geteuid()}:rwX {path} (root is nobody there, unless the export has no_root_squash)"
        )
    if kind.startswith(("cifs", "smb")):
        options = f"uid={os.geteuid()},file_mode=0664,dir_mode=0775"
        return f"mount {path} again with {options}; chown and chmod do nothing there"
    if mounts.in_image():
        return (
            f'set `user: "{owner}"` (PUID and PGID) in the compose file, or on the host: setfacl -R -m '
            f"u:{os.geteuid()}:rwX -m d:u:{os.geteuid()}:rwX FOLDER, where FOLDER is what is mounted at {path}"
        )
    return f"setfacl -R -m u:{me()}:rwX -m d:u:{me()}:rwX {path}"


def _owner(folder: bytes) -> str:
    try:
        about = os.stat(folder)
    except OSError:
        return "the folder's owner"
    return f"{about.st_uid}:{about.st_gid}"


def _read_remedy(root: Root) -> str:
    path = shlex.quote(str(root.path))
    return f"is it mounted? ls -ld {path}; else: setfacl -R -m u:{me()}:rwX -m d:u:{me()}:rwX {path}"


def _left(what: str, paths: list[bytes], state: Path) -> Finding:
    shown = os.fsdecode(paths[0])
    text = f"{len(paths)} temporary files of ours were left by a power cut or a kill, such as {shown}"
    return Finding("warn", what, text, fix=partial(_set_aside, paths, state / "left-over"))


def _set_aside(paths: list[bytes], folder: Path) -> None:
    """Moved and not removed: one of them may hold what another program wrote in that very moment."""
    _make(folder)
    for number, path in enumerate(paths):
        target = folder / f"{number}{os.fsdecode(os.path.basename(path))}"
        _attempt(partial(shutil.move, os.fsdecode(path), target))


def _make(folder: Path) -> None:
    _attempt(partial(folder.mkdir, mode=0o700, parents=True, exist_ok=True))


def _attempt(act: Callable[[], object]) -> None:
    try:
        act()
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    level: Level = "fail" if free < _FULL else "warn" if free < _TIGHT else "ok"
    remedy = "" if level == "ok" else "make room, or set `state` to a folder with more of it"
    return Finding(level, "disk", f"{values.spoken_size(free)} free for the ledger in {folder}", remedy)


def me() -> str:
    """The name of the user whose rights count."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
