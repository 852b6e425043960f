"""The service in a process of its own, on folders of ours, with everything that is asked of it from outside."""

from __future__ import annotations

import gc
import io
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image

from watcher import allocator
from watcher.sample import SHOTS, exif

HOUSE = Path(__file__).resolve().parents[1]
TICK = os.sysconf("SC_CLK_TCK")


def pictures(count: int, seed: int = 1) -> list[bytes]:
    """Valid JPEGs of 24 x 16 px, no two alike, each taken at one of twelve places."""
    chance = random.Random(seed)
    shots = [exif(shot) for name, shot in SHOTS.items() if name != "ocean"]
    made = []
    for number in range(count):
        file = io.BytesIO()
        image = Image.frombytes("RGB", (24, 16), chance.randbytes(24 * 16 * 3))
        image.save(file, "JPEG", quality=60, exif=shots[number % len(shots)])
        made.append(file.getvalue())
    return made


@contextmanager
def as_the_service() -> Iterator[None]:
    """Memory is taken and given back as seldom as the service does it."""
    before = gc.get_threshold()
    allocator.steady()
    try:
        yield
    finally:
        gc.set_threshold(*before)


def memory(pid: int, name: str = "VmRSS") -> float:
    """MiB of a process: VmRSS now, VmHWM at most so far. Raises OSError where it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def cpu(pid: int, *, children: bool = False) -> float:
    """Seconds of a core it has used, with `children` those of its ended ones, too. Raises OSError likewise."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if children else 13])) / TICK


class Household:
    """A photo tree, a state folder and a service on them; all of it is gone when the block ends."""

    def __init__(self, *, settings: str = "", root: str = "", watches: int | None = None) -> None:
        """`settings` and `root` are lines of TOML; `watches` is the most inotify watches the service gets."""
        self._made = Path(tempfile.mkdtemp(prefix="tagwright-benchmark-"))
        self.tree = self._made / "tree"
        self.tree.mkdir()
        self.state = self._made / "state"
        self._config = self._made / "settings.toml"
        self._config.write_text(
            f'state = "{self.state}"\n{settings}\n[log]\nlevel = "warning"\n'
            f'[[roots]]\nname = "tree"\npath = "{self.tree}"\n{root}\n'
        )
        self._watches = watches
        self._process: subprocess.Popen[str] | None = None
        self._ear: threading.Thread | None = None
        self.ready_s = 0.0
        self.ready_rss = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._made, ignore_errors=True)

    # The process

    def start(self, *, watching: bool = True, more: Sequence[str] = ()) -> None:
        """Start it; returns when it says that it is ready, or (`watching`) that its first pass is over."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.bind("")  # an abstract name of the kernel's choice
            door.settimeout(1)
            name = "@" + door.getsockname()[1:].decode()
            environment = {**os.environ, "NOTIFY_SOCKET": name, "PYTHONPATH": str(HOUSE)}
            command = [sys.executable, "-m", "watcher.cli", "--config", str(self._config), "run", *more]
            if self._watches is not None:
                limit = f"echo {self._watches} > /proc/sys/user/max_inotify_watches"
                command = ["unshare", "-Ur", "sh", "-c", f'{limit} && exec "$@"', "sh", *command]
            errors = open(self._made / "log", "a")  # noqa: SIM115 - the process keeps it
            began = time.perf_counter()
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=environment, cwd=self._made, text=True
            )
            errors.close()
            self._await_ready(door)
            self.ready_s = time.perf_counter() - began
            self.ready_rss = self.memory("VmRSS")
        said = threading.Event()
        self._ear = threading.Thread(target=self._listen, args=(self._process, said), daemon=True)
        self._ear.start()
        if watching and not said.wait(600):
            raise TimeoutError("the service never said that it is watching")

    def _await_ready(self, door: socket.socket) -> None:
        assert self._process is not None
        until = time.monotonic() + 300
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if b"READY=1" in door.recv(4096):
                    return
            except TimeoutError:
                continue
        raise RuntimeError(
            f"the service is not ready, and its code is {self._process.poll()}: {self.log()[-2000:]}"
        )

    @staticmethod
    def _listen(process: subprocess.Popen[str], said: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("watching "):
                said.set()

    def stop(self) -> None:
        """End it as systemd would."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._ear is not None and self._process.stdout is not None:
            self._ear.join(120)  # nobody writes any more
            if self._ear.is_alive():
                raise RuntimeError("a process of the service outlived it, and holds its output")
            self._process.stdout.close()
        self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def memory(self, name: str) -> float:
        """MiB of the process: VmRSS now, VmHWM at most so far."""
        return memory(self.pid, name)

    def cpu(self) -> float:
        """Seconds of a core the process has used."""
        return cpu(self.pid)

    def written(self) -> int:
        """Bytes the process has had written to disks."""
        lines = Path(f"/proc/{self.pid}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))

    def log(self) -> str:
        """What it has told so far, warnings and worse."""
        return (self._made / "log").read_text()

    # The ledger

    def ask(self, query: str) -> list[tuple[int, ...]]:
        """What the ledger answers."""
        with closing(sqlite3.connect(f"file:{self.state}/ledger.db?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(query).fetchall()

    def wait(self, photos: int, timeout_s: float) -> bool:
        """Whether so many photos are delivered before the time is over."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.ask("SELECT count(*) FROM photos WHERE state = 'delivered'")[0][0] >= photos:
                return True
            time.sleep(0.25)
        return False
