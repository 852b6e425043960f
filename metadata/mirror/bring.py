"""Brings assets to what is wished, and makes sure that it stays: call, settle, read back, repair."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from metadata.errors import AtWork, PlaceClosed, Refused, TryAgain, UserError
from metadata.mirror.calm import Calm
from metadata.mirror.pace import Pace
from metadata.mirror.plan import Call, Wish, told, waves, wrong
from metadata.mirror.ports import Server, Shown, Source, Wait
from metadata.mirror.settle import PATIENCE, Settling

log = logging.getLogger(__name__)

MOST_TRIES = 3
"""How often an asset is changed for one wish before it is set aside."""
REFRESHED = 1000
"""Assets of which one call asks that their files be read again."""

Fault = TryAgain | PlaceClosed | Refused
Before = dict[str, Shown]


class Mirror:
    """Immich for all users whose key we have. One change of an asset is under way at a time."""

    def __init__(
        self,
        servers: Mapping[str, Server],
        source: Source,
        *,
        pace: Pace | None = None,
        wait: Wait | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """`servers` by user id."""
        self.servers, self.source = servers, source
        self._pace = pace or Pace(wait or Wait())
        self._settling = Settling(source, wait or Wait(), patience)
        self.calm = Calm(source, wait or Wait())
        self._known: dict[str, dict[str, str]] = {}

    def bring(
        self, wishes: Sequence[Wish], before: Mapping[str, Shown], *, tries: int = MOST_TRIES
    ) -> dict[str, Fault | None]:
        """Make these wishes true, an answer an asset: None where all of it stands after Immich came to rest.

        `before` is what each asset showed a moment ago. A word that Immich loses again and again is Refused.
        """
        faults: dict[str, Fault | None] = dict.fromkeys(wish.asset for wish in wishes)
        now = dict(before)
        todo = [left for wish in wishes if (left := wrong(wish, now[wish.asset]))]
        for attempt in range(tries):
            if attempt:
                log.info("Immich lost changes of %d assets; try %d", len(todo), attempt + 1)
                self._known.clear()
            self._named(todo, faults)
            self._waves([wish for wish in todo if faults[wish.asset] is None], now, faults)
            todo = [left for wish in todo if faults[wish.asset] is None and (left := wrong(wish, now[wish.asset]))]
            if not todo:
                return faults
        for wish in todo:
            faults[wish.asset] = Refused(wish.asset.encode(), f"Immich {told(wish)}, {tries} times")
        return faults

    def reread(self, wishes: Sequence[Wish], before: Mapping[str, Shown]) -> dict[str, Fault | None]:
        """Have Immich read the sidecars, which hold what is wished; what it did not take is then brought."""
        faults: dict[str, Fault | None] = dict.fromkeys(wish.asset for wish in wishes)
        now = dict(before)
        for owner in {wish.owner for wish in wishes}:
            mine = [wish.asset for wish in wishes if wish.owner == owner]
            for start in range(0, len(mine), REFRESHED):
                part = mine[start : start + REFRESHED]
                self._each(part, faults, partial(self._refresh, owner))
        self._await([wish.asset for wish in wishes if faults[wish.asset] is None], now, faults)
        left = [wish for wish in wishes if faults[wish.asset] is None]
        return faults | self.bring(left, now)

    def describe(
        self, texts: Mapping[str, tuple[str, str]], before: Mapping[str, Shown]
    ) -> dict[str, Fault | None]:
        """Set descriptions (owner and text by asset) though they stand: Immich then takes in a sidecar."""
        faults: dict[str, Fault | None] = dict.fromkeys(texts)
        now = dict(before)
        wishes = [Wish(asset, owner, text=text) for asset, (owner, text) in texts.items()]
        self._waves(wishes, now, faults)
        return faults

    def _refresh(self, owner: str, assets: Sequence[str]) -> None:
        self._pace.quiet(self.servers[owner])
        self._pace.take(len(assets))
        self.servers[owner].refresh(assets)

    def _waves(self, wishes: Sequence[Wish], now: Before, faults: dict[str, Fault | None]) -> None:
        for wave in waves(wishes):
            for call in wave:
                assets = [asset for asset in call.assets if faults[asset] is None]
                self._each(assets, faults, partial(self._call, call))
            touched = [asset for call in wave for asset in call.assets if faults[asset] is None]
            self._await(touched, now, faults)

    def _each(
        self, assets: Sequence[str], faults: dict[str, Fault | None], action: Callable[[Sequence[str]], object]
    ) -> None:
        """One call for all; where Immich refuses it for one of them, a call for each half."""
        if not assets or self._tried(assets, faults, partial(action, assets)):
            return
        if len(assets) > 1 and isinstance(faults[assets[0]], Refused):
            faults.update(dict.fromkeys(assets))
            for half in (assets[: len(assets) // 2], assets[len(assets) // 2 :]):
                self._each(half, faults, action)

    def _await(self, assets: Sequence[str], now: Before, faults: dict[str, Fault | None]) -> None:
        """Wait until these have settled, and take what stands then into `now`."""
        if not assets:
            return
        done: dict[str, Shown] = {}

        def settle() -> None:
            done.update(self._settling.settled({asset: now[asset] for asset in assets}))

        if self._tried(assets, faults, settle):
            now |= done
            for asset in assets:
                if asset not in done:
                    faults[asset] = AtWork(asset.encode(), "Immich has not finished the change yet")

    @staticmethod
    def _tried(assets: Iterable[str], faults: dict[str, Fault | None], action: Callable[[], object]) -> bool:
        """Whether it went well; a fault is then that of every asset it was for."""
        try:
            action()
        except (TryAgain, PlaceClosed, Refused) as error:
            faults.update(dict.fromkeys(assets, error))
        except UserError as error:
            faults.update(dict.fromkeys(assets, PlaceClosed(b"Immich", str(error))))
        else:
            return True
        return False

    def _call(self, call: Call, assets: Sequence[str]) -> None:
        server, step = self.servers[call.step.owner], call.step
        self._pace.quiet(server)
        self._pace.take(len(assets))
        if step.kind == "describe":
            server.describe(assets[0], step.text)
        elif step.kind == "tag":
            server.tag([self._known[step.owner][word] for word in step.words], assets)
        elif number := self._known[step.owner].get(step.words[0]):
            server.untag(number, assets)

    # The tags' ids

    def _named(self, wishes: Sequence[Wish], faults: dict[str, Fault | None]) -> None:
        """Know the id of every tag that is needed; what is new is made in one call a user."""
        for owner in {wish.owner for wish in wishes}:
            mine = [wish for wish in wishes if wish.owner == owner]
            assets = [wish.asset for wish in mine]
            if not self._tried(assets, faults, partial(self._learn, owner, mine)):
                continue
            known = self._known[owner]
            for wish in mine:
                if nameless := [word for word in wish.add if word not in known]:
                    reason = f"Immich takes no such tag: {', '.join(nameless)}"
                    faults[wish.asset] = Refused(wish.asset.encode(), reason)

    def _learn(self, owner: str, wishes: Sequence[Wish]) -> None:
        gone = {word for wish in wishes for word in wish.remove}
        if owner not in self._known or gone - self._known[owner].keys():
            self._known[owner] = {tag.value: tag.id for tag in self.servers[owner].tags()}
        known = self._known[owner]
        new = sorted({word for wish in wishes for word in wish.add} - known.keys())
        if new:
            known.update((value, tag.id) for value, tag in self.servers[owner].upsert_tags(new).items())
