"""The ledger's file: opened by one process at a time, migrated step by step, never by a program older than it."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shlex
import sqlite3
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from metadata.errors import TagwrightError, UserError
from watcher import lodging, mounts
from watcher.ledger.lengths import Evened

NAME = "ledger.db"
KEPT = 7
"""Copies made before migrations that are kept, the newest."""


class Busy(UserError):
    """Another process of ours holds this ledger."""


class LedgerFault(TagwrightError):
    """The ledger's own disk or file failed: nothing can be booked, so nothing may be done."""


class Ledger:
    """An open book. One thread uses it; `transaction` makes several changes one."""

    def __init__(self, path: Path, db: sqlite3.Connection, lock: int | None) -> None:
        self.path = path
        self.db = db
        self._lock = lock
        self.id: str = self._meta("ledger")

    def _meta(self, name: str) -> str:
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def get(self, name: str) -> str:
        """A remembered value, or ""."""
        return self._meta(name)

    def put(self, name: str, value: str) -> None:
        """Remember a value by name."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """All of it or nothing of it, durable when it ends. Raises LedgerFault when the disk refuses.

        What is not `lasting` outlives this process at once, and a power cut from the next lasting one on: enough
        for all that is found out anew, as what a file shows. Nothing later stands where something earlier is lost.
        """
        try:
            if not lasting:
                self.db.execute("PRAGMA synchronous = NORMAL")
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            finally:
                if not lasting:
                    self.db.execute("PRAGMA synchronous = FULL")
        except sqlite3.OperationalError as error:
            raise LedgerFault(fault(self.path, error)) from error

    def close(self) -> None:
        """Close the book and let others have it."""
        self.db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def fault(path: Path, error: sqlite3.Error) -> str:
    """What failed, and what a person can do; everything that was booked before stands."""
    return (
        f"the ledger {path} cannot be written: {error}. Nothing is lost: make room on its disk, look that it may "
        "be written, and start again"
    )


def open_for_writing(state: Path) -> Ledger:
    """Open (or make) the ledger below the state folder, as the only writer.

    Raises Busy when another process holds it, UserError when it is on a network file system, newer than
    this program, or not a ledger.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder {state} for the ledger cannot be made: {error.strerror}") from error
    _refuse_foreign(state)
    kind = mounts.fstype(os.fsencode(state))
    if mounts.is_network(kind):
        raise UserError(
            f"the ledger cannot be kept in {state}: SQLite loses data on {kind}; {lodging.remedy(state)}"
        )
    lock = _lock(state)
    try:
        path = state / NAME
        _refuse_newer(path)
        db = _connect(path)
        try:
            _migrate(db, path)
            return Ledger(path, db, lock)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        os.close(lock)
        raise LedgerFault(fault(state / NAME, error)) from error
    except BaseException:
        os.close(lock)
        raise


def open_for_reading(state: Path) -> Ledger:
    """Open the ledger to look at it; nothing can be changed, and the service may go on writing.

    Raises UserError when there is none yet.
    """
    path = state / NAME
    _refuse_foreign(state)
    if not path.exists():
        raise UserError(f"there is no ledger in {state} yet: start `tagwright run` or `tagwright scan` first")
    _refuse_newer(path)
    db = _connect(path)
    try:
        db.execute("PRAGMA query_only = 1")
        _check_version(db, path)
        return Ledger(path, db, None)
    except BaseException:
        db.close()
        raise


def _refuse_foreign(state: Path) -> None:
    """A ledger belongs to one user: what another (root, too) leaves in its folder shuts the owner out of it."""
    owner = _owner(state)
    if owner is None or owner == os.geteuid():
        return
    if mounts.in_image():
        raise UserError(
            f"the ledger in {state} belongs to user {owner}, and this container runs as {os.geteuid()}: set PUID "
            f"(`user`) to {owner} in the compose file, or on the host: chown -R {os.geteuid()} FOLDER, where "
            f"FOLDER is what is mounted at {state}"
        )
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        raise UserError(f"the ledger in {state} belongs to user {owner}: run this as that user") from None
    raise UserError(f"the ledger in {state} belongs to {name}: {asked_as(name)}")


def _owner(state: Path) -> int | None:
    """Whose the folder is, or where that is open to all (a new volume) whose the ledger in it; None: nobody's."""
    try:
        found = state.stat()
        if found.st_mode & stat.S_IWOTH:
            found = (state / NAME).stat()
    except FileNotFoundError:
        return None
    except PermissionError:
        try:
            return state.parent.stat().st_uid
        except OSError:
            return None
    return found.st_uid


def asked_as(name: str, words: Sequence[str] = ()) -> str:
    """The line that runs the same command as another user."""
    program = sys.argv[0] if os.path.isabs(sys.argv[0]) else "tagwright"
    return shlex.join(["sudo", "-u", name, program, *(words or sys.argv[1:] or ["…"])])


def _lock(state: Path) -> int:
    try:
        handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(f"the ledger in {state} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Busy(f"another tagwright uses the ledger in {state}; stop it first, or use its settings") from None
    return handle


def is_held(state: Path) -> bool:
    """Whether some process of ours holds the ledger at this moment."""
    try:
        os.close(_lock(state))
    except Busy:
        return True
    return False


def _connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode; the journal is synced at each commit (WAL, synchronous = FULL)."""
    made = not path.exists()
    db = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, factory=Evened
    )
    try:
        if made:
            path.chmod(0o600)
        db.execute("PRAGMA busy_timeout = 10000")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 4000")  # pages of 4 kB: what is written often is moved once
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA cache_size = -4000")  # more makes nothing faster: the system keeps the file, too
    except sqlite3.OperationalError as error:
        db.close()
        raise LedgerFault(fault(path, error)) from error
    except sqlite3.DatabaseError as error:
        db.close()
        raise UserError(f"{path} is not a ledger ({error}); move it away, or restore a backup") from error
    return db


def _migrations() -> list[tuple[int, str]]:
    files = (file for file in resources.files("watcher.schema").iterdir() if file.name.endswith(".sql"))
    return sorted((int(file.name[:4]), file.read_text("utf-8")) for file in files)


def _refuse_newer(path: Path) -> None:
    """Look at the file alone: opening it in earnest would already fold a journal into it.

    Through SQLite all the same: where a process closes a file by hand, all its locks on that file are gone.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            have = int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError:
        return  # what is wrong is told by the one who opens it
    _check(have, path)


def _check_version(db: sqlite3.Connection, path: Path) -> int:
    have = int(db.execute("PRAGMA user_version").fetchone()[0])
    _check(have, path)
    return have


def _check(have: int, path: Path) -> None:
    newest = _migrations()[-1][0]
    if have > newest:
        raise UserError(
            f"{path} was written by a newer tagwright (format {have}, this one knows {newest}); it is left "
            "untouched. Install the newer version, or restore a backup made before the update."
        )


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the ledger to the newest format, each step in one transaction, after a copy of what stood."""
    have = made = _check_version(db, path)
    for version, script in _migrations():
        if version <= have:
            continue
        if made:
            copy(db, path.with_name(f"{NAME}.before-{version:04}"))
            for old in backups(path.parent)[:-KEPT]:
                old.unlink()
        _apply(db, version, script)
        have = version


def backups(state: Path) -> list[Path]:
    """The copies made before migrations, the newest last."""
    return sorted(state.glob(f"{NAME}.before-*[0-9]"))


def put_back(state: Path, file: Path) -> Path:
    """A copy takes the ledger's place, while nobody holds it; where the ledger of before is now.

    Raises UserError when the copy is none, Busy while a service runs. The copy stays as it is.
    """
    _refuse_foreign(state)
    lock = _lock(state)
    try:
        _look_through(file)
        path = state / NAME
        kept = state / f"{NAME}.replaced"
        part = state / f"{NAME}.part"
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            copy(db, part)
        if path.exists():
            with closing(_connect(path)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            path.replace(kept)
        for rest in ("-wal", "-shm"):
            (state / (NAME + rest)).unlink(missing_ok=True)
        part.replace(path)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    finally:
        os.close(lock)
    return kept


def _look_through(file: Path) -> None:
    if not file.is_file():
        raise UserError(f"{file} is no file")
    _refuse_newer(file)
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            good = db.execute("PRAGMA quick_check").fetchone()[0] == "ok"
            good = good and db.execute("SELECT 1 FROM meta WHERE name = 'ledger'").fetchone() is not None
    except sqlite3.DatabaseError:
        good = False
    if not good:
        raise UserError(f"{file} is no ledger, or a damaged one; nothing was changed")


def _apply(db: sqlite3.Connection, version: int, script: str) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(script):
            db.execute(statement)
        if version == 1:
            db.execute("INSERT INTO meta VALUES ('ledger', ?)", (secrets.token_hex(6),))
        db.execute(f"PRAGMA user_version = {version}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def copy(db: sqlite3.Connection, target: Path) -> None:
    """A consistent copy of the whole book, readable by its owner only; raises UserError when the disk refuses."""
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with closing(sqlite3.connect(part)) as out:
            db.backup(out)
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise UserError(f"the ledger could not be copied to {target}: {error}") from error
