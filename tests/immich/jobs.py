"""The queues: jobs wait, run a few at a time, and leave a record; a test may stop them at named points."""

# ruff: noqa: E501 - SQL and recorded words read best on one line

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

ABREAST = {
    "thumbnailGeneration": 3, "metadataExtraction": 5, "videoConversion": 1, "faceDetection": 2, "facialRecognition": 1,
    "smartSearch": 2, "duplicateDetection": 1, "backgroundTask": 5, "storageTemplateMigration": 1, "migration": 5,
    "search": 5, "sidecar": 5, "library": 5, "notifications": 5, "backupDatabase": 1, "ocr": 1, "workflow": 5,
    "integrityCheck": 1, "editor": 2,
}  # fmt: skip
"""How many jobs of a queue run at once, in the order in which the queues are listed."""


@dataclass
class Job:
    """One piece of work; `data` holds at least the asset's id."""

    queue: str
    name: str
    data: dict[str, Any]
    id: Any


@dataclass
class Queue:
    """What waits and how much runs."""

    name: str
    waiting: deque[Job] = field(default_factory=deque)
    active: int = 0
    failed: int = 0
    paused: bool = False
    made: int = 0
    running: set[Any] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """The figures as Immich answers them."""
        known = {"active": self.active, "completed": 0, "failed": self.failed, "delayed": 0}
        return {**known, "waiting": len(self.waiting), "paused": 0}


class Jobs:
    """All queues; `handlers` are awaited with the job, by its name."""

    def __init__(self, seed: int, *, keeps: bool = True) -> None:
        """`keeps`: every event stands in `record`."""
        self.queues = {name: Queue(name) for name in ABREAST}
        self.handlers: dict[str, Callable[[Job], Awaitable[None]]] = {}
        self.record: list[dict[str, Any]] = []
        self._keeps = keeps
        self.done: Counter[str] = Counter()
        self.delays: dict[str, tuple[float, float]] = {"asset-delete": (0.03, 0.03)}
        self.errors: list[str] = []
        self._random = random.Random(seed)
        self._held: dict[str, asyncio.Event] = {}
        self._at: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, queue: str, name: str, data: dict[str, Any], *, job_id: str | None = None) -> None:
        """Put a job at the end of its queue; one whose id already waits is not put twice."""
        line = self.queues[queue]
        if job_id and (job_id in line.running or any(each.id == job_id for each in line.waiting)):
            self._say(Job(queue, name, data, job_id), "known")
            return
        line.made += 1
        job = Job(queue, name, data, job_id or line.made)
        self._say(job, "added", data=data)
        line.waiting.append(job)
        asyncio.get_running_loop().call_soon(self._go, line)

    def _go(self, line: Queue) -> None:
        while line.waiting and not line.paused and line.active < ABREAST[line.name]:
            line.active += 1
            task = asyncio.create_task(self._run(line, line.waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, line: Queue, job: Job) -> None:
        line.running.add(job.id)
        self._say(job, "active")
        try:
            await self.handlers[job.name](job)
        except Exception as error:  # noqa: BLE001 - a job that fails is a fact, not an end
            line.failed += 1
            self.errors.append(f"{job.name} {job.data.get('id')}: {error!r}")
            self._say(job, "failed")
        else:
            self.done[job.name] += 1
            self._say(job, "completed")
        finally:
            line.active -= 1
            line.running.discard(job.id)
            self._go(line)
            async with self._changed:
                self._changed.notify_all()

    def _say(self, job: Job, event: str, **more: Any) -> None:
        if self._keeps:
            told = {"t": time.time(), "queue": job.queue, "job": job.name, "event": event, "id": job.id}
            self.record.append({**told, **more})

    async def point(self, name: str, **about: Any) -> None:
        """A place where a job may be told to linger (`delays`) or to wait (`hold`)."""
        low, high = self.delays.get(name, (0.0, 0.0))
        if high > 0:
            await asyncio.sleep(self._random.uniform(low, high))
        if name in self._held:
            self._at[name] += 1
            async with self._changed:
                self._changed.notify_all()
            await self._held[name].wait()
            self._at[name] -= 1

    def hold(self, name: str) -> None:
        """Let every job that comes to this point wait there."""
        self._held.setdefault(name, asyncio.Event())

    def release(self, name: str) -> None:
        """Let those go that wait there."""
        if name in self._held:
            self._held.pop(name).set()

    async def held(self, name: str, count: int) -> None:
        """Come back when so many jobs wait at the point."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._at[name] >= count)

    def pause(self, queue: str) -> None:
        """Start no more of these."""
        self.queues[queue].paused = True

    def resume(self, queue: str) -> None:
        """Go on."""
        line = self.queues[queue]
        line.paused = False
        asyncio.get_running_loop().call_soon(self._go, line)

    def busy(self, queue: str) -> bool:
        """Whether something of it runs or waits to run at once."""
        line = self.queues[queue]
        return line.active > 0 or (bool(line.waiting) and not line.paused)

    async def idle(self) -> None:
        """Come back when no queue has work (a paused one has none)."""
        async with self._changed:
            await self._changed.wait_for(lambda: not any(self.busy(name) for name in self.queues))

    async def stop(self) -> None:
        """Drop what waits, end what runs."""
        for line in self.queues.values():
            line.waiting.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
