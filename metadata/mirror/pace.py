"""How fast Immich is asked: a rate, and pauses while its own queues are busy."""

from __future__ import annotations

from dataclasses import dataclass, field

from metadata.errors import TryAgain
from metadata.mirror.ports import Server, Wait

QUEUES = ("sidecar", "metadataExtraction")
"""The queues that every change of ours fills."""
BUSY = 50
"""Jobs in them from which Immich is left in peace."""
EACH = 100
"""Assets that are changed between two looks at the queues."""
PATIENCE = 60.0
"""Seconds that one batch waits for that; after them it is tried again later, so that nothing hangs."""


@dataclass(slots=True)
class Pace:
    """Lets at most `rate` assets a second be changed (0: as fast as Immich takes them)."""

    wait: Wait = field(default_factory=Wait)
    rate: float = 0.0
    busy: int = BUSY
    patience: float = PATIENCE
    _free: float = field(default=0.0, init=False)
    _unseen: int = field(default=EACH, init=False)

    def take(self, assets: int) -> None:
        """Wait until that many may be changed."""
        self._unseen += assets
        if self.rate <= 0:
            return
        now = self.wait.now()
        if self._free > now:
            self.wait.sleep(self._free - now)
        self._free = max(self._free, now) + assets / self.rate

    def quiet(self, server: Server) -> None:
        """Wait until Immich has little else to do; raises TryAgain where that takes too long."""
        if self._unseen < EACH:
            return
        until = self.wait.now() + self.patience
        while (jobs := _jobs(server)) > self.busy:
            if self.wait.now() >= until:
                raise TryAgain(b"Immich", f"Immich is busy: {jobs} jobs wait in its queues")
            self.wait.sleep(1.0)
        self._unseen = 0


def _jobs(server: Server) -> int:
    queues = server.queues()
    return 0 if queues is None else sum(queues.get(name, 0) for name in QUEUES)
