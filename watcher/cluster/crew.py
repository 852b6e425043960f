"""The workers as the first machine knows them: who passed the exam, what each can reach, who rests."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watcher.cluster import versions

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class Need:
    """What work needs of a worker: the folders of these roots, or a way to Immich where that will do (too)."""

    roots: frozenset[str] = frozenset()
    by_folder: bool = True
    by_immich: bool = False


@dataclass(frozen=True, slots=True)
class Able:
    """A worker that passed: its name, threads, the roots whose folders it reads, and whether it asks Immich."""

    name: str
    threads: int = 1
    roots: frozenset[str] = frozenset()
    immich: bool = False

    def meets(self, need: Need) -> bool:
        """Whether it can do work of this need."""
        return (need.by_folder and need.roots <= self.roots) or (need.by_immich and self.immich)


@dataclass(frozen=True, slots=True)
class Unable:
    """The answer of a worker that cannot do any such work now, through no fault of the work."""

    worker: str
    reason: str


@dataclass(slots=True)
class Crew:
    """By address: `fit` workers, the `faults` of others, until when they rest, and exams under way."""

    fit: dict[str, Able] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    rests: dict[str, float] = field(default_factory=dict)
    in_exam: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    there: frozenset[str] = frozenset()
    says: frozenset[str] = frozenset()
    """What the sources of the first fit worker call themselves, with their versions."""

    def gone(self, there: Collection[str]) -> bool:
        """Forget who is not there any more; whether there was anybody."""
        left = self.there - frozenset(there)
        for address in left:
            self.fit.pop(address, None)
            self.faults.pop(address, None)
            self.rests.pop(address, None)
        self.there = frozenset(there)
        return bool(left)

    def strange(self, there: Collection[str], now: float) -> list[str]:
        """Who has to pass the exam: the new ones, and those that rested long enough."""
        known = self.fit.keys() | self.in_exam.keys()
        return [address for address in there if address not in known and self.rests.get(address, now) <= now]

    def judge(self, address: str, name: str, told: Mapping[str, Any]) -> str:
        """What stands against a worker after its exam; one against whom nothing stands is fit."""
        who = f"worker {name} ({address})"
        says = frozenset(told["says"])
        fault = versions.differ(who, told["versions"], versions.ours())
        if not fault and told["fault"]:
            fault = f"{who} cannot look: {told['fault']}"
        if not fault and self.fit and says != self.says:
            fault = (
                f"{who} has other models: {_list(says - self.says)} where others have {_list(self.says - says)}"
            )
        if fault:
            return fault
        self.says = says
        self.faults.pop(address, None)
        self.rests.pop(address, None)
        self.fit[address] = Able(name, told["threads"], frozenset(told["roots"]), told["immich"])
        return ""

    def meeting(self, need: Need) -> frozenset[str]:
        """The fit workers that can do work of this need."""
        return frozenset(address for address, able in self.fit.items() if able.meets(need))

    def complaint(self, need: Need) -> str:
        """Why none of them can."""
        if self.faults:
            return "; ".join(sorted(set(self.faults.values())))
        roots = ", ".join(sorted(need.roots))
        what = f"reads the folder of {roots}" if need.by_folder else "has a key of Immich's"
        more = " or has a key of Immich's" if need.by_folder and need.by_immich else ""
        return f"no worker {what}{more}: its own settings say where these are (docs/many-machines.md)"

    def close(self) -> None:
        """Exams under way are called off."""
        for exam in self.in_exam.values():
            exam.cancel()


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def examined() -> dict[str, Any]:
    """What a worker tells of itself that is no `tagwright worker`: versions and threads."""
    from distributed import get_worker  # noqa: PLC0415 - an extra

    threads = int(get_worker().state.nthreads)
    return {
        "versions": versions.ours(),
        "threads": threads,
        "roots": [],
        "immich": False,
        "says": [],
        "fault": "",
    }


def do(packed: bytes) -> Any:
    """On a worker: call what was packed."""
    call, args, kwargs = pickle.loads(packed)  # noqa: S301 - the connection says who may send
    return call(*args, **kwargs)


def hush() -> None:
    """What Dask tells in its own log is told by us, in ours."""
    import distributed  # noqa: F401, PLC0415 - an extra; its import sets up a log of its own

    for name in ("distributed", "bokeh", "tornado", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "bokeh", "tornado"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET if "." in name else logging.CRITICAL)
