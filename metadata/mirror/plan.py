"""Which calls bring assets to what they should have: each asset once a wave, equal changes together. Pure.

Every call makes Immich write a sidecar and read the file again for each asset in it, and two changes of one
asset in quick succession lose one of them. So an asset gets all its new tags in one call, and its next change
in the next wave, after the first has settled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal, NamedTuple

from metadata.mirror.ports import Shown
from metadata.sinks import Values
from metadata.tags import from_tags_list, key

MOST_ASSETS = 200
"""Assets in one call: Immich locks them one by one, and until it is done an extraction can undo the call."""
MOST_PAIRS = 30_000
"""Pairs of tag and asset in one call; beyond about 32,000 Immich exceeds what Postgres takes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of one asset; `text` None leaves the description alone."""

    asset: str
    owner: str
    add: Values = ()
    remove: Values = ()
    text: str | None = None

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.text is not None)


class Step(NamedTuple):
    """One change of an asset: all its new tags, one tag less, or its description."""

    owner: str
    kind: Literal["tag", "untag", "describe"]
    words: Values = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: a step that several assets share."""

    step: Step
    assets: Values


def steps(wish: Wish) -> list[Step]:
    """The changes of one asset in their order: what comes, what goes, the text."""
    made = [Step(wish.owner, "tag", tuple(sorted(wish.add)))] if wish.add else []
    made += [Step(wish.owner, "untag", (word,)) for word in sorted(wish.remove)]
    if wish.text is not None:
        made.append(Step(wish.owner, "describe", text=wish.text))
    return made


def waves(wishes: Sequence[Wish]) -> Iterator[list[Call]]:
    """Calls that may be made side by side; the next wave has to wait until this one has settled."""
    queues = [(wish.asset, steps(wish)) for wish in wishes]
    for number in count():
        groups: dict[Step, list[str]] = {}
        for asset, queue in queues:
            if number < len(queue):
                groups.setdefault(queue[number], []).append(asset)
        if not groups:
            return
        yield [Call(step, part) for step, assets in groups.items() for part in _parts(assets, _most(step))]


def _most(step: Step) -> int:
    return 1 if step.kind == "describe" else max(1, min(MOST_ASSETS, MOST_PAIRS // max(1, len(step.words))))


def _parts(assets: Sequence[str], most: int) -> Iterator[Values]:
    for start in range(0, len(assets), most):
        yield tuple(assets[start : start + most])


def wrong(wish: Wish, shown: Shown) -> Wish:
    """What of a wish does not stand. A word that Immich shows in another spelling stands."""
    here = shown.tags
    missing = tuple(value for value in wish.add if value not in here)
    if missing:
        known = keys([value for value in here if value not in wish.remove])
        missing = tuple(value for value in missing if key(from_tags_list(value)) not in known)
    text = wish.text if wish.text is not None and wish.text != shown.description else None
    return replace(wish, add=missing, remove=tuple(value for value in wish.remove if value in here), text=text)


def keys(values: Collection[str]) -> set[str]:
    """The words that these tags are."""
    return {key(word) for value in values if (word := from_tags_list(value))}


def told(wish: Wish) -> str:
    """A wish in words, for the reason why an asset was set aside."""
    parts = [f"lost {', '.join(wish.add)}"] if wish.add else []
    parts += [f"kept {', '.join(wish.remove)}"] if wish.remove else []
    parts += ["changed the description back"] if wish.text is not None else []
    return " and ".join(parts)
