"""What Dask calls in each process of a worker when it starts and ends; needs Dask to be imported."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from metadata.errors import UserError
from watcher import allocator
from watcher.cluster import bench, crew
from watcher.cluster.bench import Bench
from watcher.settings import Settings

NAME = "tagwright"


class Furnish(WorkerPlugin):
    """Makes the bench."""

    name = NAME

    def __init__(self, settings: Settings, environment: Mapping[str, str], memory: int) -> None:
        """It goes to the process through a pipe of the machine's own; `memory` in bytes for one process."""
        self._settings, self._environment, self._memory = settings, dict(environment), memory
        self.bench: Bench | None = None

    def setup(self, worker: Worker) -> None:
        """In the process: who started it says when it ends, and nothing but the work's port is open."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        crew.hush()
        allocator.steady()
        worker.http_server.stop()
        self.bench = bench.made(
            self._settings,
            self._environment,
            name=str(worker.name),
            address=worker.address,
            threads=worker.state.nthreads,
            memory=self._memory,
        )

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - as Dask calls it
        """The process ends."""
        if self.bench is not None:
            self.bench.close()


def of_this_worker() -> Bench:
    """The bench of the worker that asks. Raises UserError in a process that `tagwright worker` did not start."""
    plugin: object = get_worker().plugins.get(NAME)
    if not isinstance(plugin, Furnish) or plugin.bench is None:
        raise UserError("it was not started by `tagwright worker`")
    return plugin.bench
