"""One photo's sidecar kept by the real sink and the real merge, as the service does it, without a ledger."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from metadata.errors import ChangedMeanwhile, TryAgain
from metadata.fields import SIDECAR
from metadata.memory import Context, Place, Truth, Wanted
from metadata.merge import confirmed, intended, merge
from metadata.photo import Photo
from metadata.sinks import Draft, Seen
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import key

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def wanted(*words: tuple[str, ...], caption: str = "") -> Wanted:
    return Wanted({key(word): word for word in words}, caption)


class Keeper:
    """`keep` is one pass: read, merge, draft, write; what it returns is the draft, or None for no write."""

    def __init__(self, folder: Path, content: bytes | None, name: str = "a.jpg") -> None:
        self.photo = Photo(1, "r", os.fsencode(folder), os.fsencode(name))
        self.sidecar = folder / f"{name}.xmp"
        (folder / name).touch()
        if content is not None:
            self.sidecar.write_bytes(content)
        self.sink = SidecarSink(clock=lambda: NOW)
        self.truth = Truth()
        self.memory = None
        self.time = 1_000_000.0
        self.tries = 3
        self.pause = 7200.0  # a pass of another day: how often one may write in an hour is tested elsewhere
        self.collisions = 0

    def keep(self, wish: Wanted | None) -> Draft | None:
        for _ in range(self.tries):
            (seen,) = self.sink.read([self.photo])
            if not isinstance(seen, Seen):
                raise seen
            self.time += self.pause
            context = Context("led", 1, self.time)
            outcome = merge(self.truth, wish, {"sidecar": Place(SIDECAR, seen, self.memory)}, context)
            step = outcome.steps["sidecar"]
            assert not step.memory.aside, step.memory.aside
            draft = self.sink.draft(self.photo, seen, step.change) if step.change else None
            if draft is None or (isinstance(draft, Draft) and draft.before == draft.after):
                self.truth, self.memory = outcome.truth, step.memory
                return None
            if not isinstance(draft, Draft):
                raise draft
            (answer,) = self.sink.write([draft])
            if isinstance(answer, ChangedMeanwhile | TryAgain):
                self.collisions += 1
                continue
            if not isinstance(answer, Seen):
                raise answer
            memory = intended(step, context)
            self.truth = outcome.truth
            self.memory = confirmed(memory, SIDECAR, answer, self.truth, context)
            return draft
        raise ChangedMeanwhile(self.photo.file, f"was changed meanwhile {self.tries} times")

    def undo(self, draft: Draft) -> None:
        back = self.sink.revert(self.photo, draft.where, draft.after, draft.inverse)
        assert isinstance(back, Draft), back
        (answer,) = self.sink.write([back])
        assert isinstance(answer, Seen), answer
