"""What systemd is told: ready, stopping, what we are at, and that nothing is stuck."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Notifier:
    """systemd's notification socket (sd_notify(3)); without one every message is dropped.

    Each call returns whether the message was handed over: a service manager that went away is no reason
    to stop tagging.
    """

    path: str | None

    def ready(self) -> bool:
        """Start-up is over."""
        return self._send("READY=1")

    def stopping(self) -> bool:
        """Shutdown has begun."""
        return self._send("STOPPING=1")

    def alive(self) -> bool:
        """Feeds the watchdog."""
        return self._send("WATCHDOG=1")

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send(f"STATUS={' '.join(text.split())}")

    def _send(self, message: str) -> bool:
        if not self.path:
            return False
        address = "\0" + self.path[1:] if self.path.startswith("@") else self.path  # @ is an abstract socket
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.settimeout(1)  # a full queue must not stop us
                door.connect(address)
                door.sendall(message.encode(errors="replace"))
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Tally:
    """The steps of one name that are over: how many, their seconds together, when the last ended."""

    count: int = 0
    seconds: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class Pulse:
    """The steps that are under way, each with the time by which it has to be over, and what was done before.

    A worker that waits for work has no step, so that an idle night is healthy; a step past its own
    deadline is not.
    """

    clock: Callable[[], float] = time.monotonic
    _steps: dict[int, tuple[str, float, float]] = field(default_factory=dict)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: int = 0

    def begin(self, step: str, deadline_s: float, now: float) -> int:
        """A step begins at `now` (seconds of a steady clock); the answer is what `end` takes."""
        with self._lock:
            self._last += 1
            self._steps[self._last] = (step, now, now + deadline_s)
            return self._last

    def end(self, token: int) -> None:
        """The step is over, however it went; ending it twice does nothing."""
        with self._lock:
            step, began, _ = self._steps.pop(token, ("", 0.0, 0.0))
            if step:
                at, so_far = self.clock(), self._tallies.get(step, Tally())
                self._tallies[step] = Tally(so_far.count + 1, so_far.seconds + at - began, at)

    def tallies(self) -> dict[str, Tally]:
        """What was done so far, by the name of the step."""
        with self._lock:
            return dict(self._tallies)

    def late(self, now: float) -> list[str]:
        """The names of the steps past their deadline."""
        with self._lock:
            return [step for step, _, until in self._steps.values() if now > until]

    def fed(self, now: float) -> bool:
        """Whether every worker waits for work or is younger than its own step's deadline."""
        return not self.late(now)


def interval(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two feedings, half of what systemd allows; None where no watchdog waits for us."""
    text = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    return int(text) / 2e6 if meant and text.isdecimal() and int(text) > 0 else None


class Feeder:
    """A thread that feeds the watchdog while the pulse is good; a context manager.

    `every_s` None starts no thread.
    """

    def __init__(
        self,
        pulse: Pulse,
        notifier: Notifier,
        every_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pulse = pulse
        self._notifier = notifier
        self._every = every_s
        self._clock = clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog feeder", daemon=True)

    def __enter__(self) -> Self:
        if self._every is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def feed(self) -> bool:
        """One round: feeds, or says in the status line what is stuck. Returns whether it fed."""
        late = self._pulse.late(self._clock())
        if late:
            self._notifier.status(f"stuck: {', '.join(sorted(set(late)))}")
            return False
        self._notifier.alive()
        return True

    def _run(self) -> None:
        self.feed()
        while not self._over.wait(self._every):
            self.feed()
