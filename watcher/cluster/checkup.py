"""What the doctor says of other machines: whether they may be talked to, and who is there."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from metadata.errors import UserError
from watcher.cluster import trust, versions
from watcher.cluster_settings import Cluster
from watcher.findings import Finding

if TYPE_CHECKING:
    from distributed.security import Security

WHAT = "cluster"
WAIT = 5.0
"""Seconds for one answer."""


def findings(cluster: Cluster) -> Iterator[Finding]:
    """Each with what helps; raises nothing."""
    warned: list[str] = []
    try:
        host, port = trust.place(cluster)
        trust.guard(host, encrypted=trust.encrypted(cluster))
        security = trust.security(cluster, warn=warned.append)
    except UserError as error:
        yield Finding("fail", WHAT, str(error))
        return
    yield from (Finding("warn", WHAT, text) for text in warned)
    if importlib.util.find_spec("distributed") is None:
        yield Finding("fail", WHAT, trust.EXTRA)
        return
    try:
        socket.create_connection((host, port), WAIT).close()
    except OSError as error:
        text = f"nobody listens at {cluster.address}: {error.strerror or error}"
        yield Finding(
            "fail", WHAT, text, "start `tagwright scheduler` there, and `tagwright worker` on the others"
        )
        return
    yield _there(trust.address(host, port, encrypted=security is not None), security)


def _there(address: str, security: Security | None) -> Finding:
    try:
        wrong, workers = asyncio.run(asyncio.wait_for(_asked(address, security), 2 * WAIT))
    except Exception as error:  # noqa: BLE001 - whatever Dask raises says that it does not work
        return Finding("fail", WHAT, f"{address} does not answer: {type(error).__name__}: {error}")
    if wrong:
        return Finding("fail", WHAT, wrong)
    if not workers:
        return Finding("warn", WHAT, f"{address} has no worker", "start `tagwright worker` on a machine")
    return Finding("ok", WHAT, f"{address} has {len(workers)} workers: {', '.join(sorted(workers))}")


async def _asked(address: str, security: Security | None) -> tuple[str, list[str]]:
    """What differs there, and the names of the workers."""
    from distributed.core import rpc  # noqa: PLC0415 - an extra

    given = security.get_connection_args("client") if security is not None else {}
    async with rpc(address, connection_args=given, timeout=WAIT) as scheduler:
        tagwright = await scheduler.get_metadata(keys=["tagwright"], default=None)
        theirs = versions.of_scheduler(await scheduler.versions(), tagwright)
        told = await scheduler.identity(n_workers=-1)
    wrong = versions.differ(f"the scheduler {address}", theirs, versions.ours())
    return wrong, [str(about["name"]) for about in told["workers"].values()]
