"""Without a database nobody tells that a change is still under way: what was seen twice, apart in time, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from metadata.mirror.ports import Shown, Source, Wait
from metadata.mirror.settle import APART

MOST = 100_000
"""Assets whose last state is remembered; beyond that they are read twice again."""


@dataclass(slots=True)
class Calm:
    """Lets through what has been the same for two seconds, and waits so long where that is not known."""

    source: Source
    wait: Wait
    _since: dict[str, tuple[int, float]] = field(default_factory=dict, init=False)

    def stable(self, shown: Mapping[str, Shown]) -> frozenset[str]:
        """Those of these assets that are at rest, as far as it can be seen."""
        if self.source.exact:
            return frozenset(shown)
        fresh = [asset for asset, state in shown.items() if not self._known(asset, state)]
        if fresh:
            self.wait.sleep(APART)
            again = self.source.shown(fresh)
            fresh = [asset for asset in fresh if asset not in again or not self._known(asset, again[asset])]
        return frozenset(shown) - frozenset(fresh)

    def _known(self, asset: str, state: Shown) -> bool:
        """Whether it was seen so long enough ago; it is noted else."""
        now, mark = self.wait.now(), hash(state)
        seen, since = self._since.get(asset, (None, now))
        if seen == mark:
            return now - since >= APART
        if len(self._since) >= MOST:
            self._since.clear()
        self._since[asset] = mark, now
        return False
