"""`tagwright xmp clean`: takes away what tagwright wrote beside these photos, and nothing else; first it is shown.

Byte for byte where nobody wrote since, otherwise word by word. Our words are then kept back as `undo` keeps
them. A sidecar goes when nothing of anybody else's is left in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metadata.sinks.sidecar import SidecarSink
from metadata.tags import Word
from watcher import booking, deciding, pages, plan, undo
from watcher.app import App
from watcher.ledger import words, work, writes
from watcher.rooms import LOSS, RULES, Decision


@dataclass(slots=True)
class Cleaned:
    """What goes, file by file; photos that have to wait, and why; the runs whose `redo` brings it back."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    photos: int = 0
    words: int = 0
    redo: set[int] = field(default_factory=set)


def clean(app: App, photos: Sequence[int], *, apply: bool) -> Cleaned:
    """Show what would go from the places of these photos; with `apply` it goes."""
    done = Cleaned()
    for number in photos:
        for job in work.jobs(app.ledger.db, [number]):
            _clean(app, job._replace(gate=RULES), done, apply=apply)
    return done


def _clean(app: App, job: work.Job, done: Cleaned, *, apply: bool) -> None:
    page = pages.of(app.ledger.db, [job])[0]
    undone, texts = _ours(page)
    if not undone and not texts:
        return
    file = os.fsdecode(job.photo.file)
    decision = _decided(app, page, undone, texts)
    if reason := app.intake.closed(job.photo.file) or _waits(app, decision):
        done.waits.append(f"{file}: {reason}")
        return
    done.photos += 1
    done.words += len(undone)
    done.rows += plan.rows(decision)
    done.removed += _removed(app, decision)
    if apply:
        _apply(app, job, undone, texts)
        done.redo |= words.kept_back(app.ledger.db, job.photo.id)


def _ours(page: pages.Page) -> tuple[Mapping[str, Word], frozenset[str]]:
    """Words and text fields of ours."""
    truth = page.truth
    texts = frozenset(name for memory in page.memories.values() for name in memory.texts_ours)
    caption = frozenset({"dc:description"}) if truth.caption_ours else frozenset()
    return {name: truth.words[name] for name in truth.ours}, texts | caption


def _decided(app: App, page: pages.Page, undone: Mapping[str, Word], texts: frozenset[str]) -> Decision:
    """What the merge does once these are kept back."""
    page.truth = undo.without(page.truth, undone, texts)
    return _decide(app, page)


def _decide(app: App, page: pages.Page) -> Decision:
    house = app.worker.house
    decision = deciding.decide([page], house, app.worker.context())[0]
    for name, draft in decision.drafts.items():
        sink = house.sinks[name]
        if isinstance(sink, SidecarSink):
            decision.drafts[name] = sink.without_shell(draft)
    return decision


def _waits(app: App, decision: Decision) -> str:
    """Why nothing can be taken away now, or ""."""
    root = decision.page.job.photo.root
    if any(where == root for where, _ in app.worker.house.stopped):
        return f"the root {root} is stopped until `accept` or `restore`"
    if decision.errors:
        return str(next(iter(decision.errors.values())))
    return "words of ours are missing there; look at `status` first" if deciding.held(decision) == LOSS else ""


def _removed(app: App, decision: Decision) -> list[str]:
    """Sidecars in which nothing is left."""
    ours = writes.by_photo(app.ledger.db, [decision.id])
    return [
        os.fsdecode(draft.where)
        for name, draft in decision.drafts.items()
        if not draft.after
        or undo.only_ours(draft.where, [w for w in ours if (w.place, w.path) == (name, draft.where)])
    ]


def _apply(app: App, job: work.Job, undone: Mapping[str, Word], texts: frozenset[str]) -> None:
    """Give back what can be given back, keep the words back, and take the rest away word by word."""
    undo.undo_photo(app, job.photo.id, None)
    with app.ledger.transaction():
        undo.withhold(app, job.photo.id, undone, texts, {})
    decision = _decide(app, pages.of(app.ledger.db, [job])[0])
    context = app.worker.context()
    with app.ledger.transaction() as db:
        if _waits(app, decision):
            work.again(db, [job.photo.id], app.now())
            return
        booking.book(db, decision, context)
    answers = booking.write([decision], app.worker.house.sinks, app.worker.house.both)
    with app.ledger.transaction() as db:
        faults = [booking.confirm(db, decision, name, answer, context) for _, name, answer in answers]
        if any(faults):
            work.again(db, [job.photo.id], app.now())
