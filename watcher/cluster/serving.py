"""The processes of a cluster: a scheduler, and workers that come back when one or the scheduler was lost."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metadata.errors import UserError
from watcher import __version__
from watcher.cluster import crew, trust, versions
from watcher.cluster_settings import Cluster

if TYPE_CHECKING:
    from distributed.security import Security

    from watcher.settings import Settings

log = logging.getLogger(__name__)

AGAIN = 1.0
"""Seconds between two tries to reach a scheduler."""
ENDS = 3.0
"""Seconds that a process has for its end before it is killed; its batch is done by others."""
STARTS = 300.0
"""Seconds that a process has for its start; a small machine that does much else takes a minute."""
TTL = "60s"
"""How long a worker that says nothing is waited for before its batches go to others."""
FIRM: dict[str, Any] = {
    "distributed.scheduler.worker-ttl": TTL,
    "distributed.scheduler.http.routes": [],
    "distributed.scheduler.preload": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.preload": [],
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.preload": [],
    "distributed.diagnostics.nvml": False,
}
"""Dask's own settings that hold whatever its files say: no pages, no code of others, nothing measured for them."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How one `tagwright worker` was asked to work; `memory` is for all processes, in bytes, 0 for Dask's own."""

    processes: int = 1
    threads: int = 1
    memory: int = 0
    name: str = ""
    listen: str = ""


def schedule(cluster: Cluster, listen: tuple[str, int], *, say: Callable[[str], object]) -> int:
    """Be the scheduler until a signal; 0, or 130 after Ctrl-C. Raises UserError where it cannot listen."""
    security = _prepared(cluster, listen[0])
    family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
    try:
        socket.create_server(listen, family=family).close()  # Dask's own way to fail is a long one
    except OSError as error:
        raise _deaf(listen, error) from None
    return asyncio.run(_schedule(listen, security, say))


def _deaf(listen: tuple[str, int], error: BaseException) -> UserError:
    return UserError(f"cannot listen on {listen[0]}:{listen[1]}: {_reason(error)}")


async def _schedule(listen: tuple[str, int], security: Security | None, say: Callable[[str], object]) -> int:
    from distributed import Scheduler  # noqa: PLC0415 - an extra

    scheduler: Any = Scheduler(
        host=listen[0],
        port=listen[1],
        protocol="tcp" if security is None else "tls",
        security=security,
        dashboard=False,
        dashboard_address=f"{trust.HERE}:0",
    )
    scheduler.http_server.stop()
    stop = _signals()
    try:
        await scheduler
    except (OSError, ValueError, RuntimeError) as error:  # Dask hides the first in the last
        raise _deaf(listen, error.__cause__ or error) from None
    scheduler.set_metadata(["tagwright"], __version__)
    say(f"the scheduler is at {scheduler.address}; Ctrl-C ends it")
    code = await stop
    await scheduler.close()
    return code


def work(settings: Settings, hand: Hand, environment: Mapping[str, str], *, say: Callable[[str], object]) -> int:
    """Look at photos for another machine until a signal; 0, or 130 after Ctrl-C.

    Raises UserError where it may not listen, or where the scheduler has other versions.
    """
    host, _ = trust.place(settings.cluster)
    security = _prepared(settings.cluster, host)
    if hand.listen:
        trust.guard(hand.listen, encrypted=security is not None)
    from watcher.cluster import bench, plugin  # noqa: PLC0415 - what looks is heavy, and Dask an extra

    bench.made(settings, environment).close()  # what is wrong is told now
    furnish = plugin.Furnish(settings, environment, hand.memory // hand.processes)
    with tempfile.TemporaryDirectory(prefix="tagwright-worker-") as folder:
        return asyncio.run(_Crew(settings.cluster, security, hand, furnish, folder, say).run())


def _prepared(cluster: Cluster, host: str) -> Security | None:
    trust.needed()
    trust.guard(host, encrypted=trust.encrypted(cluster))
    security = trust.security(cluster, warn=log.warning)
    import dask  # noqa: PLC0415 - an extra

    crew.hush()
    dask.config.set(FIRM)
    return security


def _signals() -> asyncio.Future[int]:
    """Done when SIGTERM or Ctrl-C came, with the exit code."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not stop.done():
            stop.set_result(code)

    loop.add_signal_handler(signal.SIGTERM, end, 0)
    loop.add_signal_handler(signal.SIGINT, end, 130)
    return stop


class _Crew:
    """The processes of one `tagwright worker`."""

    def __init__(
        self,
        cluster: Cluster,
        security: Security | None,
        hand: Hand,
        furnish: object,
        folder: str,
        say: Callable[[str], object],
    ) -> None:
        host, port = trust.place(cluster)
        self._scheduler = host
        self._address = trust.address(host, port, encrypted=security is not None)
        self._security, self._hand, self._furnish = security, hand, furnish
        self._folder, self._tell, self._said = folder, say, ""
        self._name = hand.name or f"{socket.gethostname()}-{uuid.uuid4().hex[:4]}"  # Dask takes no name twice

    async def run(self) -> int:
        """Until a signal: join, work, and join again."""
        stop = _signals()
        while not stop.done():
            try:
                await self._compare()
                await self._joined(stop)
            except UserError:
                raise
            except (OSError, TimeoutError, RuntimeError) as error:
                self._say(f"{self._address} does not answer: {_reason(error)}")
            except Exception as error:
                log.debug("Dask gave up", exc_info=True)
                self._say(f"the processes could not be started: {_reason(error)}; it is tried again")
            if not stop.done():
                await asyncio.wait({stop}, timeout=AGAIN)
        return stop.result()

    async def _compare(self) -> None:
        from distributed.core import rpc  # noqa: PLC0415 - an extra

        async with rpc(self._address, connection_args=self._given(), timeout=10) as scheduler:
            tagwright = await scheduler.get_metadata(keys=["tagwright"], default=None)
            told = await scheduler.versions()
        theirs = versions.of_scheduler(told, tagwright)
        if wrong := versions.differ(f"the scheduler {self._address}", theirs, versions.ours()):
            raise UserError(wrong)

    async def _joined(self, stop: asyncio.Future[int]) -> None:
        """Work until a signal, or until the scheduler or a keeper of a process is gone."""
        keepers = [self._keeper(number) for number in range(self._hand.processes)]
        try:
            if not await self._begun(keepers, stop):
                return
            self._say(f"{self._hand.processes} processes look at photos for {self._address}; Ctrl-C ends")
            gone = [asyncio.ensure_future(keeper.finished()) for keeper in keepers]
            gone.append(asyncio.ensure_future(self._lost()))
            await asyncio.wait({stop, *gone}, return_when=asyncio.FIRST_COMPLETED)
            for each in gone:
                each.cancel()
            if not stop.done():
                self._say(f"{self._address} was lost; it is tried again")
        finally:
            await asyncio.gather(*(_closed(keeper) for keeper in keepers))

    async def _begun(self, keepers: Sequence[Any], stop: asyncio.Future[int]) -> bool:
        """Whether all processes have started before a signal came."""
        started = asyncio.gather(*(_started(keeper) for keeper in keepers))
        waits: set[asyncio.Future[Any]] = {stop, started}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            started.result()
            return True
        started.cancel()
        await asyncio.wait({started}, timeout=ENDS)
        return False

    async def _lost(self) -> None:
        """Ends when the scheduler answers no more; a process would first end the batch that nobody waits for."""
        from distributed.core import rpc  # noqa: PLC0415 - an extra

        async with rpc(self._address, connection_args=self._given(), timeout=ENDS) as scheduler:
            with suppress(OSError):
                while True:
                    await scheduler.echo(data="")
                    await asyncio.sleep(AGAIN)

    def _given(self) -> dict[str, Any]:
        return self._security.get_connection_args("worker") if self._security is not None else {}

    def _keeper(self, number: int) -> Any:
        """What starts a process anew whenever it dies, and ends it when it takes too much memory."""
        from distributed import Nanny  # noqa: PLC0415 - an extra

        return Nanny(
            self._address,
            nthreads=self._hand.threads,
            memory_limit=self._hand.memory // self._hand.processes or "auto",
            name=f"{self._name}-{number + 1}",
            host=self._hand.listen or self._own_address(),
            security=self._security,
            local_directory=self._folder,
            dashboard=False,
            dashboard_address=f"{trust.HERE}:0",
            plugins=(self._furnish,),
            silence_logs=logging.CRITICAL,
            death_timeout=STARTS,
        )

    def _own_address(self) -> str:
        """Loopback without TLS; with it the one by which this machine reaches the scheduler."""
        if self._security is None:
            return trust.HERE
        from distributed.utils import get_ip  # noqa: PLC0415 - an extra

        return str(get_ip(self._scheduler))

    def _say(self, text: str) -> None:
        if text != self._said:
            self._tell(text)
            self._said = text


async def _started(keeper: Awaitable[object]) -> None:
    await keeper


async def _closed(keeper: Any) -> None:
    with suppress(Exception):
        await keeper.close(timeout=ENDS)
    child: Any = getattr(keeper.process, "process", None)
    if child is not None:
        with suppress(Exception):  # one that was still about to start is left by Dask; another has ended
            await child.kill()


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return str(text).partition(" (while attempting")[0][:200] or type(error).__name__
