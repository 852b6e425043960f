"""Waiting until Immich has done with a change: its answer 200 says only that it heard.

It locks what was changed, writes the sidecar, unlocks, reads photo and sidecar again and replaces what the
database held. With the database all that is seen; without it two equal reads must do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

from metadata.mirror.ports import Shown, Source, Wait

APART = 2.0
"""Seconds between two reads that have to be equal, where there is no database."""
PATIENCE = 60.0
"""Seconds without any progress after which a batch is given up for now."""
_LOOKS = (0.02, 0.05, 0.1, 0.2)
_LATER = 0.5


@dataclass(frozen=True, slots=True)
class Settling:
    """Reads assets again until their change is over."""

    source: Source
    wait: Wait = field(default_factory=Wait)
    patience: float = PATIENCE

    def settled(self, before: Mapping[str, Shown]) -> dict[str, Shown]:
        """What stands now on the assets that have settled; those that did not in time are missing.

        `before` is what was read just before the change. Raises what the source raises.
        """
        return self._by_locks(before) if self.source.exact else self._by_reading(before)

    def _by_locks(self, before: Mapping[str, Shown]) -> dict[str, Shown]:
        """Unlocked, and read again after that."""
        marks, done, seen = dict(before), dict[str, Shown](), dict[str, tuple[Shown, float]]()
        until = self.wait.now() + self.patience
        for pause in chain(_LOOKS, repeat(_LATER)):
            now = self.wait.now()
            found = self.source.shown([*marks])
            for asset, shown in found.items():
                if shown.locked:
                    marks[asset] = shown
                    seen.pop(asset, None)
                elif _read_again(marks[asset], shown) or self._rests(seen, asset, shown, now, marks[asset]):
                    done[asset] = shown
            if done.keys() & marks.keys():
                until = now + self.patience
            marks = {asset: mark for asset, mark in marks.items() if asset in found and asset not in done}
            if not marks or now >= until:
                return done
            self.wait.sleep(pause)
        raise AssertionError

    def _rests(
        self, seen: dict[str, tuple[Shown, float]], asset: str, shown: Shown, now: float, mark: Shown
    ) -> bool:
        """Whether nothing was to be done: somebody had made the same change, so that Immich made no job.

        One that was seen locked is read again after that, which may stand in a long queue; or it fails.
        """
        first, since = seen.setdefault(asset, (shown, now))
        if first != shown:
            seen[asset] = (shown, now)
            return False
        return now - since >= (self.patience / 2 if mark.locked else 2 * APART)

    def _by_reading(self, before: Mapping[str, Shown]) -> dict[str, Shown]:
        done: dict[str, Shown] = {}
        left = [*before]
        last = dict(self.source.shown(left))
        until = self.wait.now() + self.patience  # to read so many may itself take longer
        while left:
            self.wait.sleep(APART)
            now = self.source.shown(left)
            same = {asset: shown for asset, shown in now.items() if _alike(shown, last.get(asset))}
            done |= same
            left = [asset for asset in left if asset in now and asset not in same]
            last = dict(now)
            if same:
                until = self.wait.now() + self.patience
            elif self.wait.now() >= until:
                break
        return done


def _read_again(mark: Shown, now: Shown) -> bool:
    return now.extracted is not None and (mark.extracted is None or now.extracted > mark.extracted)


def _alike(one: Shown, other: Shown | None) -> bool:
    return other is not None and replace(one, extracted=None) == replace(other, extracted=None)
