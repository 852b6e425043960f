"""An executor whose work is done by Dask workers, with the interface of `concurrent.futures`.

A thread of its own keeps the connection, knows which workers are fit, and hands out what is submitted. A worker
that dies has its work done by another; where the scheduler is lost, what was under way ends with `Lost`, and the
connection is tried again for as long as this executor is open.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from watcher.cluster import crew, trust, versions
from watcher.cluster.crew import Crew, Need, Unable
from watcher.cluster.ends import Died, Lost, Unserved

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

log = logging.getLogger(__name__)

T = TypeVar("T")

NOTICED = 0.2
"""Seconds after which the loss of the scheduler is noticed at the latest, where the system tells of it."""
CLOSES = 2.0
"""Seconds that a connection has for its end."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of waiting: for the scheduler, between looks at the workers, between two tries to connect.

    And until work that no worker can do comes back, and until a worker that failed is tried again.
    """

    connect: float = 10.0
    look: float = 1.0
    again: float = 2.0
    patience: float = 60.0
    rest: float = 60.0


class Cluster(Executor):
    """See the module. `exam` is what a worker has to pass before it is given work (`crew.examine`)."""

    def __init__(
        self,
        address: str,
        security: Security | None = None,
        *,
        exam: Callable[[], Mapping[str, Any]] = crew.examined,
        times: Times = Times(),
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """Connects in its own time. `news` is called, in its thread, when work may be taken or no longer."""
        trust.needed()
        crew.hush()
        self.address, self._security = address, security
        self._exam, self._times, self._tell = exam, times, news
        self._why = f"{address} is being asked"
        self._crew = Crew()
        self._client: Client | None = None
        self._open: set[Future[Any]] = set()
        self._ends: set[asyncio.Future[Any]] = set()
        self._shut = False
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="cluster", daemon=True)
        self._thread.start()
        self._begun.wait()

    # From any thread

    def away(self) -> str:
        """Why no work is taken now, or ""."""
        return self._why

    @property
    def slots(self) -> int:
        """How many pieces of work are done side by side."""
        return sum(able.threads for able in list(self._crew.fit.values()))

    @property
    def says(self) -> frozenset[str]:
        """What the workers' sources call themselves, as `source@version`."""
        return self._crew.says

    @property
    def examines(self) -> bool:
        """Whether workers are being asked what they can do."""
        return bool(self._crew.in_exam)

    @property
    def workers(self) -> int:
        """How many processes are fit to work."""
        return len(self._crew.fit)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have it done by any worker; what goes there and back is pickled."""
        return self.spawn(lambda: self.ask(Need(), fn, *args, **kwargs))

    def spawn(self, make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a coroutine beside the connection; it may `ask`. Cancelled at any time before its end."""
        if self._shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = asyncio.run_coroutine_threadsafe(make(), self._loop)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - Executor's
        """No more work; what is under way is finished, or called off, before the connection ends."""
        self._shut = True
        if cancel_futures:
            for future in list(self._open):
                future.cancel()
        with suppress(RuntimeError):  # its loop has ended already
            self._loop.call_soon_threadsafe(self._closing.set)
        if wait:
            self._thread.join()

    # In its own thread

    async def ask(self, need: Need, do: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """What `do` answers on a worker that meets the need, or what it raises there.

        Who answers `Unable` is left alone for a while, and another is asked. Raises Lost, Died, Unserved.
        """
        packed = pickle.dumps((do, args, kwargs), protocol=5)
        while True:
            fit = await self._fit(need)
            try:
                answer = await self._asked(fit, packed)
            except _Vanished:
                continue
            if not isinstance(answer, Unable):
                return answer  # type: ignore[no-any-return]
            self._rest(answer.worker, answer.reason)

    async def _main(self) -> None:
        self._loop, self._closing, self._news = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._begun.set()
        life = self._loop.create_task(self._live())
        await self._closing.wait()
        while self._open:  # noqa: ASYNC110 - they end in other threads as well, which tell this loop nothing
            await asyncio.sleep(0.02)
        while not life.done():  # Dask swallows what calls it off while it closes
            life.cancel()
            await asyncio.wait({life}, timeout=0.2)
        if self._ends:
            await asyncio.wait(self._ends, timeout=CLOSES)

    async def _live(self) -> None:
        while True:
            try:
                await self._session()
            except Exception as error:  # noqa: BLE001 - whatever Dask raises, it is tried again
                self._say(f"{self.address} does not answer: {_short(error)}")
            await asyncio.sleep(self._times.again)

    async def _session(self) -> None:
        """One connection, from its beginning to its end."""
        from distributed import Client  # noqa: PLC0415 - an extra

        client: Any = Client(
            self.address,
            security=self._security,
            asynchronous=True,
            set_as_default=False,
            timeout=self._times.connect,
            name="tagwright",
        )
        try:
            await client
            if wrong := await self._compared(client):
                self._say(wrong)
                return
            self._client = client
            await self._attended(client)
            self._say(f"{self.address} was lost")
        finally:
            self._client = None
            self._crew.close()
            self._crew = Crew()
            self._changed()
            await self._ended(client)

    async def _ended(self, client: Any) -> None:
        """End a connection; who is called off meanwhile leaves that to its own end, which `_main` waits for."""
        end = asyncio.ensure_future(client.close())
        self._ends.add(end)
        end.add_done_callback(partial(self._has_ended, client))
        await asyncio.wait({end}, timeout=CLOSES)

    def _has_ended(self, client: Any, end: asyncio.Future[Any]) -> None:
        self._ends.discard(end)
        client.status = (
            "closed"  # one that was called off on its way would be closed once more when it is forgotten
        )
        if not end.cancelled() and (error := end.exception()) is not None:
            log.debug("the connection to %s ended with %r", self.address, error)

    async def _attended(self, client: Any) -> None:
        """Look after the workers until the connection is gone, which is noticed at once."""
        looks = self._loop.create_task(self._attend(client))
        try:
            while client.status == "running" and not looks.done():
                await asyncio.wait({looks}, timeout=NOTICED)
            if looks.done():
                looks.result()
        finally:
            looks.cancel()

    async def _attend(self, client: Any) -> None:
        while True:
            await self._muster(client)
            await asyncio.sleep(self._times.look)

    async def _compared(self, client: Any) -> str:
        tagwright = await client.get_metadata(["tagwright"], default=None)
        theirs = versions.of_scheduler(await client.scheduler.versions(), tagwright)
        return versions.differ(f"the scheduler {self.address}", theirs, versions.ours())

    async def _muster(self, client: Any) -> None:
        """Look who is there; who is new has to pass the exam first."""
        told = await asyncio.wait_for(client.scheduler.identity(n_workers=-1), self._times.connect)
        there = {address: str(about["name"]) for address, about in told["workers"].items()}
        gone = self._crew.gone(there)
        for address in self._crew.strange(there, self._loop.time()):
            exam = self._loop.create_task(self._examine(client, address, there[address]))
            self._crew.in_exam[address] = exam
        if gone or self._why:
            self._changed()

    async def _examine(self, client: Any, address: str, name: str) -> None:
        try:
            async with asyncio.timeout(self._times.patience):
                told = await self._sent(client, frozenset({address}), pickle.dumps((self._exam, (), {})))
            fault = self._crew.judge(address, name, told)
        except (TimeoutError, Exception) as error:  # noqa: BLE001 - what a strange program answers
            fault = f"worker {name} ({address}) does not understand this tagwright: {_short(error)}"
        self._crew.in_exam.pop(address, None)
        if fault and self._client is client:
            self._crew.rests[address] = self._loop.time() + self._times.rest
            if self._crew.faults.get(address) != fault:
                log.warning("%s", fault)
            self._crew.faults[address] = fault
        self._changed()

    def _changed(self) -> None:
        """Who is there is no longer the same: those who wait look again."""
        if self._client is not None:
            why = "; ".join(sorted(set(self._crew.faults.values()))) or f"{self.address} has no worker"
            if self._crew.fit or self._crew.faults or not self._crew.in_exam:
                self._say("" if self._crew.fit else why)
        before, self._news = self._news, asyncio.Event()
        before.set()

    def _say(self, why: str) -> None:
        if why != self._why:
            if why:
                log.warning("%s; photos are looked at when that is over", why)
            else:
                log.info("%s: %d workers look at photos", self.address, len(self._crew.fit))
            self._why = why
            self._tell()

    def _rest(self, address: str, reason: str) -> None:
        able = self._crew.fit.pop(address, None)
        if able is not None:
            log.warning("worker %s is left alone for %.0f s: %s", able.name, self._times.rest, reason)
            self._crew.faults[address] = f"worker {able.name}: {reason}"
            self._crew.rests[address] = self._loop.time() + self._times.rest
            self._changed()

    async def _fit(self, need: Need) -> frozenset[str]:
        """The workers that can do it; waits for one."""
        until = self._loop.time() + self._times.patience
        while not (found := self._crew.meeting(need)):
            left = until - self._loop.time()
            if left <= 0:
                raise Unserved(self._crew.complaint(need)) if self._crew.fit else Lost(self._why)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        return found

    async def _asked(self, fit: frozenset[str], packed: bytes) -> Any:
        client = self._client
        if client is None:
            raise Lost(self._why)
        return await self._sent(client, fit, packed)

    async def _sent(self, client: Any, fit: frozenset[str], packed: bytes) -> Any:
        """Have Dask do it on one of these workers, until all of them are gone."""
        future = client.submit(
            crew.do,
            packed,
            key=f"tagwright-{uuid.uuid4().hex}",
            workers=sorted(fit),
            allow_other_workers=False,
            pure=False,
            retries=1,
        )
        answer = asyncio.ensure_future(future.result())
        try:
            while not answer.done():
                news = asyncio.ensure_future(self._news.wait())
                try:
                    await asyncio.wait({answer, news}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    news.cancel()
                if client.status != "running":
                    raise Lost(self._why or f"{self.address} was lost")
                if not answer.done() and not fit & self._crew.there:
                    raise _Vanished
            return _result(answer)
        finally:
            answer.cancel()
            future.release()


def _result(answer: asyncio.Future[Any]) -> Any:
    from distributed.client import FutureCancelledError  # noqa: PLC0415 - an extra
    from distributed.scheduler import KilledWorker  # noqa: PLC0415 - as above

    if answer.cancelled():
        raise Lost("it was called off")
    error = answer.exception()
    if isinstance(error, FutureCancelledError):
        raise Lost(_short(error)) from None
    if isinstance(error, KilledWorker):
        raise Died(f"{error.allowed_failures + 1} workers died over it") from None
    return answer.result()


class _Vanished(Exception):
    """All workers that it was given to are gone."""


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__
