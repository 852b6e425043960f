"""A scheduler and workers as real processes of this machine, as `tagwright scheduler` and `worker` start them."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from metadata.errors import PhotoError
from tests.patience import PATIENCE
from tests.ports import free_port

HOUSE = Path(__file__).parent.parent
LIBC = ctypes.CDLL(None)

BROODING = '''\
"""A tagger that notes each batch it begins, and broods over it for as long as a file is there."""
import os, time

class Brooding:
    name, version, edge, of_file = "brooding", "1", 0, False

    def tag(self, views):
        folder = os.environ["BROODING"]
        with open(os.path.join(folder, "begun"), "a") as out:
            out.write(f"{os.getpid()} {len(views)}\\n")
        while os.path.exists(os.path.join(folder, "hold")):
            time.sleep(0.01)
        return [[((view.name.partition(".")[0],), 0.9)] for view in views]

def make(**settings):
    return Brooding()
'''


class Program:
    """One `tagwright` that runs beside the test; what it says is read as it comes."""

    def __init__(self, *words: str | Path, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "watcher.cli", *map(str, words)],
            cwd=HOUSE,
            env={**os.environ, "PYTHONPATH": str(HOUSE), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: LIBC.prctl(1, signal.SIGTERM),  # noqa: PLW1509 - it ends with the tests, killed or not
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="reader")
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, text: str) -> str:
        """The line that holds this."""
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
            if text in line:
                return line
        raise AssertionError(f"it ended with {self.process.wait()}: {''.join(self.said)}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.end(signal.SIGTERM if self.process.poll() is None else 0)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.end()


class Machines:
    """A scheduler's address, and a settings file for workers that find the root `p` elsewhere."""

    def __init__(self, folder: Path, photos: Path | None, **cluster: Any) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"{'tls' if cluster else 'tcp'}://127.0.0.1:{self.port}"
        self.cluster = {"address": self.address, **{name: str(file) for name, file in cluster.items()}}
        folder.mkdir(parents=True, exist_ok=True)
        root = ""
        if photos is not None:
            self.show(photos)
            root = f'[[roots]]\nname = "p"\npath = "{folder / "mounted"}"\n'
        table = "".join(f'{name} = "{value}"\n' for name, value in self.cluster.items())
        self.config = folder / "worker.toml"
        self.config.write_text(f'state = "{folder / "state"}"\n{root}[cluster]\n{table}')
        self._brooding()

    def show(self, photos: Path) -> None:
        """From now on the root `p` is this folder for the workers."""
        (self.folder / "mounted").unlink(missing_ok=True)
        (self.folder / "mounted").symlink_to(photos)

    def _brooding(self) -> None:
        shelf = self.folder / "shelf"
        (shelf / "brooding-1.dist-info").mkdir(parents=True)
        (shelf / "brooding.py").write_text(BROODING)
        (shelf / "brooding-1.dist-info" / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: brooding\nVersion: 1\n"
        )
        (shelf / "brooding-1.dist-info" / "entry_points.txt").write_text(
            "[tagwright.taggers]\nbrooding = brooding:make\n"
        )
        self.environment = {"PYTHONPATH": f"{HOUSE}:{shelf}", "BROODING": str(self.folder)}

    @property
    def hold(self) -> Path:
        """While this file is there, no batch comes to its end."""
        return self.folder / "hold"

    def begun(self) -> list[tuple[int, int]]:
        """Process and photos of each batch that was begun."""
        file = self.folder / "begun"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(line.split()[0]), int(line.split()[1])) for line in lines if len(line.split()) == 2]

    def scheduler(self) -> Program:
        made = Program("--config", self.config, "scheduler")
        made.until("the scheduler is at")
        return made

    @contextmanager
    def up(self, processes: int = 2) -> Iterator[tuple[Program, Program]]:
        """Scheduler and workers, started side by side."""
        scheduler = Program("--config", self.config, "scheduler")
        words = ("worker", "--processes", str(processes))
        with scheduler, Program("--config", self.config, *words, environment=self.environment) as workers:
            scheduler.until("the scheduler is at")
            workers.until("look at photos")
            yield scheduler, workers

    def workers(self, processes: int = 2, *more: str) -> Program:
        words = ("worker", "--processes", str(processes), *more)
        made = Program("--config", self.config, *words, environment=self.environment)
        made.until("look at photos")
        return made


# What is done elsewhere


def refuse(path: bytes) -> None:
    raise PhotoError(path, "no picture")


def held(gate: str) -> bool:
    """Comes to its end once that file is there."""
    until = time.monotonic() + PATIENCE
    while not os.path.exists(gate) and time.monotonic() < until:
        time.sleep(0.01)
    return os.path.exists(gate)
