"""The small world of the merge, in which Immich is reached as it really is: by its sink, beside the sidecar's.

What the server holds, writes and reads is the world's; calls answer before anything was done, and while tagwright
waits Immich works. The photo's sidecar is a place in memory that keeps the promises of a sink.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from merge_world import LAYOUTS, Sidecar, World

from metadata import merge as merging
from metadata.errors import ChangedMeanwhile
from metadata.immich.shapes import Tag
from metadata.memory import Place, Wanted
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.ports import Shown, Wait
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks import Change, Draft, Seen
from metadata.sinks.immich import Home, ImmichSink
from metadata.sinks.pairs import Pair
from metadata.sinks.together import Together
from metadata.tags import key

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO = Photo(1, "r", b"/r", b"a.jpg")
WHERE = PHOTO.file + b".xmp"
Pause = Callable[[int], None]


class Immich:
    """A user of the world's server, and the view into its database."""

    def __init__(self, world: MirrorWorld) -> None:
        self.world = world

    @property
    def exact(self) -> bool:
        return self.world.exact

    def tags(self) -> list[Tag]:
        return [Tag(value, value) for value in self.world.tagged]

    def upsert_tags(self, values: Iterable[str]) -> dict[str, Tag]:
        self.world.tagged |= {*values}
        return {value: Tag(value, value) for value in values}

    def tag(self, tag_ids: Iterable[str], asset_ids: Iterable[str]) -> int:
        self.world.pass_by()
        new = [value for value in tag_ids if value not in self.world.server]
        self.world.server = [*self.world.server, *new]
        self.world.dirty |= bool(new)
        self.world.pass_by()
        return len(new)

    def untag(self, tag_id: str, asset_ids: Iterable[str]) -> dict[str, str]:
        self.world.pass_by()
        self.world.dirty |= tag_id in self.world.server
        self.world.server = [value for value in self.world.server if value != tag_id]
        self.world.pass_by()
        return dict.fromkeys(asset_ids, "")

    def describe(self, asset_id: str, text: str) -> None:
        self.world.registered = True

    def refresh(self, asset_ids: Iterable[str]) -> None:
        self.world.pass_by()

    def delete_tag(self, tag_id: str) -> None:
        raise AssertionError

    def queues(self) -> None:
        return None

    def shown(self, assets: Iterable[str]) -> dict[str, Shown]:
        world = self.world
        if world.server is None:
            return {}
        read = EPOCH + timedelta(seconds=world.readings)
        if not self.exact:
            return {"asset": Shown(frozenset(world.server))}
        sidecar = WHERE.decode() if world.registered else ""
        return {"asset": Shown(frozenset(world.server), "", True, world.dirty, read, sidecar)}


class Files:
    """The world's sidecar as a sink."""

    name = "sidecar"

    def __init__(self, world: MirrorWorld) -> None:
        self.world = world

    def read(self, photos):
        return [World.seen(self.world, "sidecar") for _ in photos]

    def draft(self, photo, seen: Seen, change: Change) -> Draft:
        after, content = self.world._draft("sidecar", change)
        shown = content.seen()
        return Draft(photo, WHERE, seen.digest, after, b"", shown, content)

    def write(self, drafts):
        return [self._write(draft) for draft in drafts]

    def _write(self, draft: Draft):
        self.world.pass_by()
        (now,) = self.read([draft.photo])
        if now.digest != draft.before:
            return ChangedMeanwhile(WHERE, "it is no longer what was read")
        self.world.sidecar = copy.deepcopy(draft.payload)
        assert isinstance(self.world.sidecar, Sidecar)
        self.world.pass_by()
        return draft.seen

    def revert(self, photo, where, after, inverse):
        raise AssertionError


class MirrorWorld(World):
    """The world with the real sink of Immich; `exact` with a database, `registered`: Immich knows the sidecar."""

    def __init__(self, *, exact: bool = True, registered: bool = False) -> None:
        super().__init__()
        self.exact, self.registered = exact, registered
        self.photo = PHOTO
        self.tagged: set[str] = set()
        self.readings = 0
        self.passing: Callable[[], None] = lambda: None
        self.clock = 0.0
        immich, wait = Immich(self), Wait(lambda: self.clock, self._sleep)
        mirror = Mirror({"me": immich}, immich, pace=Pace(wait), wait=wait)
        self.immich_sink = ImmichSink(mirror=mirror, find=self._find)
        self.files = Files(self)
        self.both = Together(
            Files(self), self.immich_sink, way=lambda _: Way.SERVER_FIRST, host=str.encode, there=lambda _: True
        )

    def __deepcopy__(self, memo: object) -> MirrorWorld:
        return self

    def __repr__(self) -> str:
        return f"{super().__repr__()} exact={self.exact} registered={self.registered}"

    def pass_by(self) -> None:
        """Between any two steps."""
        self.passing()

    def _find(self, photos):
        return [None if self.server is None else Home("asset", "me") for _ in photos]

    def _sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.immich_jobs()

    def immich_jobs(self) -> None:
        self.registered |= self.dirty
        self.readings += 1
        super().immich_jobs()

    def seen(self, name: str) -> Seen | None:
        if name != "server" or self.server is None:
            return super().seen(name)
        return self.immich_sink.seen("asset", Shown(frozenset(self.server)))

    def tagwright(self, pause: Pause = lambda _: None) -> bool:
        """One pass, as the house does it."""
        self.now += 1
        self.restart()
        self._bring()
        pause(0)
        book, context = self.ledger, self.context()
        seen = {"server": self.immich_sink.read([self.photo])[0], "sidecar": self.files.read([self.photo])[0]}
        if not all(isinstance(each, Seen) for each in seen.values()):
            return False
        if self.left is not None:
            seen["left"] = self.left.seen()
        places = {name: Place(LAYOUTS[name], each, book.memories.get(name)) for name, each in seen.items() if
                  each.exists or name != "server"}  # fmt: skip
        self.ever |= self.wanted
        outcome = self.merge(book.truth, Wanted({key(w): w for w in sorted(self.wanted)}), places, context)
        read = (set(self.unseen), set(self.damaged), self.fresh_copy)
        pause(1)
        if not self.any_aside():
            self.unseen -= read[0]
            self.damaged -= read[1]
            self.fresh_copy &= not read[2]
        book.truth = outcome.truth
        drafts = self._drafted(outcome, seen, context)
        pause(2)
        self._brought(drafts, outcome, seen, context, pause)
        if self.left is not None and "left" in places:
            self.left = None
            book.memories.pop("left", None)
        return bool(drafts)

    def _drafted(self, outcome, seen, context) -> dict[str, Draft]:
        drafts = {}
        sinks = {"server": self.immich_sink, "sidecar": self.files}
        for name, step in outcome.steps.items():
            draft = (
                sinks[name].draft(self.photo, seen[name], step.change) if step.change and name in sinks else None
            )
            if isinstance(draft, Draft) and draft.before != draft.after:
                drafts[name] = draft
                self.ledger.memories[name] = merging.intended(step, context)
                self.ledger.intents[name] = (draft.before, draft.after)
            else:
                self.ledger.memories[name] = step.memory
        return drafts

    def _brought(self, drafts, outcome, seen, context, pause: Pause) -> None:
        steps = iter(range(3, 100))
        self.passing = lambda: pause(next(steps))
        try:
            read = {name: each.digest for name, each in seen.items()}
            (answers,) = self.both.write([Pair(self.photo, drafts, read)]) if drafts else ({},)
        finally:
            self.passing = lambda: None
        assert answers.keys() == drafts.keys()
        for name, answer in answers.items():
            memory = outcome.steps[name].memory
            if isinstance(answer, Seen):
                self.writes += 1
                memory = merging.confirmed(
                    self.ledger.memories[name], LAYOUTS[name], answer, self.ledger.truth, context
                )
            self.ledger.memories[name] = memory
            del self.ledger.intents[name]
