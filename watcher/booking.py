"""Room five: what was decided is booked, written to the places, and confirmed."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TypeVar

from metadata import files as disk
from metadata import merge
from metadata.errors import ChangedMeanwhile, Refused, TagwrightError
from metadata.memory import Context
from metadata.photo import Stat
from metadata.sinks import Seen, Sink
from metadata.sinks.pairs import Both, Pair
from watcher.deciding import approved, run_of
from watcher.ledger import embedded, files, kin, merges, words, writes
from watcher.ledger.work import Job
from watcher.pages import Page, seal
from watcher.rooms import (
    ACCEPT,
    EMBEDDED,
    LAYOUTS,
    PAIRED,
    Answer,
    Decision,
)

log = logging.getLogger(__name__)


T = TypeVar("T")


def book(db: sqlite3.Connection, decision: Decision, context: Context) -> None:
    """Commit the truth, what was read, and the intent of every write, before anything is written."""
    page, outcome = decision.page, decision.outcome
    photo, run = page.job.photo.id, run_of(page, context)
    if decision.seal is not None:
        seal(db, photo, decision.seal)
    if decision.barred is not None:
        embedded.bar(db, photo, *decision.barred)
    if decision.rests:
        return
    if page.merges.merging:
        merges.book(db, photo, page.truth, outcome.truth)
    words.save_truth(db, photo, page.truth, outcome.truth, chosen=decision.news(), run=run, now=context.now)
    if reasons := _reasons(decision):
        words.note_reasons(db, photo, reasons)
    for name, row in decision.intended.items():
        words.save_packed(db, photo, name, decision.tried[name])
        decision.intents[name] = writes.intend(db, row, context.now)
    for name, kept in decision.kept.items():
        words.save_packed(db, photo, name, kept)
    if page.remembers and outcome.events:
        words.note_events(db, photo, outcome.events, run, context.now)
    if outcome.truth.refused.keys() - page.truth.refused.keys():
        _wake_group(db, page.job, context.now)
        kin.wake(db, photo, context.now)


def _reasons(decision: Decision) -> dict[str, str]:
    """Why we think that a person took each newly refused word away."""
    page, outcome = decision.page, decision.outcome
    reasons: dict[str, str] = {}
    for key in outcome.truth.refused.keys() - page.truth.refused.keys():
        for name, reading in outcome.readings.items():
            if key in reading.removed:
                reasons[key] = _reason(key, name, page, reading.lost)
    return reasons


def _reason(key: str, place: str, page: Page, lost: frozenset[str]) -> str:
    if page.job.gate == ACCEPT:
        return f"gone from the {place} with many others, and accepted"
    whose = "ours" if key in page.truth.ours else "a person's"
    others = (
        "" if key not in lost else ", while others of ours stood" if len(lost) < len(page.truth.ours) else " again"
    )
    return f"{whose}, taken out of the {place}{others}"


def _wake_group(db: sqlite3.Connection, job: Job, now: float) -> None:
    """A refusal holds for the photo's whole group: the others are due."""
    db.execute(
        "UPDATE photos SET due = ? WHERE folder = ? AND stem = (SELECT stem FROM photos WHERE id = ?) AND id != ? "
        "AND due IS NULL AND gone IS NULL AND state = 'delivered'",
        (now, job.folder, job.photo.id, job.photo.id),
    )


def write(
    decisions: Sequence[Decision], sinks: Mapping[str, Sink], both: Both | None = None
) -> list[tuple[Decision, str, Answer]]:
    """Put the drafts in place, durably: sink by sink, or where the order of places matters photo by photo."""
    paired = [decision for decision in decisions if both is not None and both.mine(decision.page.job.photo)]
    answers = _write_paired(paired, both) if both is not None and paired else []
    together = {(decision.id, name) for decision in paired for name in PAIRED}
    for name, sink in sinks.items():
        here = [one for one in decisions if name in one.drafts and (one.id, name) not in together]
        if here:
            done = sink.write([decision.drafts[name] for decision in here])
            answers += [(decision, name, answer) for decision, answer in zip(here, done, strict=True)]
    for decision, name, answer in answers:
        if isinstance(answer, Seen) and name in decision.drafts:
            decision.stands |= _standing(decision.drafts[name].where, answer.digest)
    return answers


def _paired(places: Mapping[str, T]) -> dict[str, T]:
    return {name: value for name, value in places.items() if name in PAIRED}


def _write_paired(decisions: Sequence[Decision], both: Both) -> list[tuple[Decision, str, Answer]]:
    pairs = [Pair(one.page.job.photo, _paired(one.drafts), _paired(one.read)) for one in decisions]
    return [
        (decision, name, answer)
        for decision, found in zip(decisions, both.write(pairs), strict=True)
        for name, answer in found.items()
    ]


def confirm(
    db: sqlite3.Connection, decision: Decision, name: str, answer: Answer, context: Context
) -> TagwrightError | None:
    """What became of one write; the error, where it was not made."""
    number = decision.intents[name]
    if not isinstance(answer, Seen):
        writes.settle(db, number, "void")
        words.save_memory(db, decision.id, name, decision.outcome.steps[name].memory)
        if name == EMBEDDED and isinstance(answer, Refused):
            embedded.bar(db, decision.id, decision.drafts[name].before, answer.reason)
            log.info("only read, and not written: %s", answer)
            return ChangedMeanwhile(answer.path, "is only read from now on")  # decided anew, as such
        return answer
    if answer is decision.drafts[name].seen:
        words.save_packed(db, decision.id, name, decision.done[name])
    else:
        context = approved(decision.page, context)
        memory = merge.intended(decision.outcome.steps[name], context)
        memory = merge.confirmed(memory, LAYOUTS[name], answer, decision.outcome.truth, context)
        words.save_memory(db, decision.id, name, memory)
    writes.settle(db, number, "done", inverse=answer.recipe)
    _remember(db, decision.page.job.folder, decision.drafts[name].where, decision.stands)
    return None


def remember_file(db: sqlite3.Connection, folder: int, where: bytes, digest: bytes) -> None:
    """Note a sidecar as it stands after our own write, so that no walk takes it for somebody's edit.

    Where somebody wrote meanwhile, the walk is to find that.
    """
    _remember(db, folder, where, _standing(where, digest))


def _remember(db: sqlite3.Connection, folder: int, where: bytes, stands: Mapping[bytes, Stat | None]) -> None:
    if where in stands:
        files.remember_sidecar(db, folder, os.path.basename(where), stands[where])


def _standing(where: bytes, digest: bytes) -> dict[bytes, Stat | None]:
    """The sidecar at this path and its stat, if it holds what we wrote."""
    if not where.lower().endswith(b".xmp"):
        return {}
    try:
        with open(where, "rb", buffering=0) as file:
            stat = Stat.of(os.fstat(file.fileno()))
            return {where: stat} if disk.digest(file.readall()) == digest else {}
    except FileNotFoundError:
        return {where: None} if not digest else {}
    except OSError:
        return {}


def stopped(db: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Roots and places in which nothing is done until a person has decided."""
    return frozenset(db.execute("SELECT root, place FROM stops WHERE place != 'closed'").fetchall())
