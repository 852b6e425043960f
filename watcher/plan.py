"""What would be written now, worked out and not done: the same decisions as the service makes, nothing booked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from metadata import tags
from metadata.sinks import Change, Draft
from watcher import deciding, pages, rooms
from watcher.app import App
from watcher.ledger import work
from watcher.rooms import HELD, OPEN, Decision

SLICE = 200


@dataclass(slots=True)
class Plan:
    """What would change: a row a photo and place, and photos of which nothing is known yet."""

    rows: list[dict[str, Any]]
    photos: int = 0
    unasked: int = 0

    @property
    def changed(self) -> int:
        """How many photos would be written."""
        return len({row["file"] for row in self.rows if not row.get("error")})


def plan(app: App, photos: Sequence[int]) -> Plan:
    """Decide for these photos from the evidence there is, as if every gate were open."""
    made = Plan([], photos=len(photos))
    context = app.worker.context()
    for decisions in _decisions(app, photos, context):
        for decision in decisions:
            made.unasked += bool(app.worker.unasked([decision.page.job]))
            made.rows += rows(decision)
    return made


def _decisions(app: App, photos: Sequence[int], context: Any) -> Iterator[list[Decision]]:
    for start in range(0, len(photos), SLICE):
        jobs = work.jobs(app.ledger.db, photos[start : start + SLICE])
        jobs = [job._replace(gate=OPEN) if job.gate in HELD else job for job in jobs]
        jobs = [job for job in jobs if not app.intake.closed(job.photo.file)]
        yield deciding.decide(pages.of(app.ledger.db, jobs), app.worker.house, context)


def rows(decision: Decision) -> Iterator[dict[str, Any]]:
    """A row for each place that this decision would write, or that cannot be read."""
    file = os.fsdecode(decision.page.job.photo.file)
    for name, draft in decision.drafts.items():
        step = decision.outcome.steps[name]
        yield {
            "file": file,
            "place": name,
            "where": os.fsdecode(draft.where),
            "new": not draft.before,
            "add": [tags.show(word) for word in step.adds.values()],
            "remove": [tags.show(word) for word in step.drops.values()],
            "texts": dict(step.change.texts),
            "texts_before": {name: step.memory.texts.get(name, "") for name in step.change.texts},
            "fields": _fields(step.change),
            "copied": _copied(draft, step.change) if name in rooms.HIDING and not draft.before else None,
        }
    for name, error in decision.errors.items():
        yield {"file": file, "place": name, "error": str(error)}


def _copied(draft: Draft, change: Change) -> dict[str, Any] | None:
    """What a new sidecar takes over from its photo, besides all else that stands in the photo's own packet."""
    fields = {
        name: [v for v in values if v not in change.add.get(name, ())] for name, values in draft.seen.lists.items()
    }
    texts = {name: text for name, text in draft.seen.texts.items() if name not in change.texts}
    fields = {name: values for name, values in fields.items() if values}
    packet = bool(draft.seen.seeded)
    return {"fields": fields, "texts": texts, "packet": packet} if fields or texts or packet else None


def _fields(change: Change) -> dict[str, dict[str, list[str]]]:
    """Field by field, what is added and what is removed."""
    names = dict.fromkeys((*change.add, *change.remove))
    return {
        name: {"add": list(change.add.get(name, ())), "remove": list(change.remove.get(name, ()))}
        for name in names
    }
