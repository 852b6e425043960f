"""`tagwright adopt`: after a ledger was lost, what its sidecars call ours becomes ours in this one.

Otherwise the provenance of another ledger says nothing: two households may share a folder. Here a person says
that it was theirs. What today's rules would take away of it waits for `plan` and `apply`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from metadata import fields, merge
from metadata.choose import choose
from metadata.fields import SIDECAR, Skip
from metadata.memory import TITLE, Event, Memory, Truth
from metadata.sinks import Claim, Seen
from metadata.tags import Word, key, parse
from watcher import pages
from watcher.app import App
from watcher.ledger import words, work
from watcher.pages import Page
from watcher.rooms import FIRST_LOOK, RULES


@dataclass(slots=True)
class Adopted:
    """How many photos, words and text fields are ours again, whose they were, and what has to wait."""

    photos: int = 0
    words: int = 0
    texts: int = 0
    ledgers: set[str] = field(default_factory=set)
    waits: list[str] = field(default_factory=list)


def adopt(app: App, photos: Sequence[int]) -> Adopted:
    """Take over what the sidecars of these photos call ours, whichever ledger says so."""
    done = Adopted()
    for start in range(0, len(photos), 200):
        some = pages.of(app.ledger.db, work.jobs(app.ledger.db, photos[start : start + 200]))
        sink = app.worker.house.sinks["sidecar"]
        for page, seen in zip(some, sink.read([page.job.photo for page in some]), strict=True):
            if isinstance(seen, Seen):
                _adopt(app, page, seen, done)
            else:
                done.waits.append(str(seen))
    return done


def _adopt(app: App, page: Page, seen: Seen, done: Adopted) -> None:
    claim, memory = seen.claimed, page.memories.get("sidecar")
    if claim is None or claim.ledger == app.ledger.id:
        return
    if memory is not None and memory.digest != seen.digest:
        done.waits.append(f"{os.fsdecode(seen.where)}: somebody changed it just now; adopt it once more")
        return
    truth = _agreed(page.truth, seen, claim)
    texts = {name: seen.texts[name] for name in claim.texts if name in seen.texts}
    fresh = truth.ours - page.truth.ours
    if not fresh and (memory is None or texts.items() <= memory.texts_ours.items()):
        return
    _keep(app, page, seen, truth, texts)
    done.photos += 1
    done.words += len(fresh)
    done.texts += len(texts)
    done.ledgers.add(claim.ledger)


def _agreed(before: Truth, seen: Seen, claim: Claim) -> Truth:
    """What stands is agreed on; of it the claimed words are ours, unless they were refused or undone since."""
    here = fields.stand(SIDECAR, seen.lists, Skip(people=seen.people)).words
    away = before.refused.keys() | before.withheld.keys()
    named: dict[str, Word] = {key(parse(word)): parse(word) for word in claim.words}
    ours = frozenset(name for name in named if name in here and name not in away)
    stay = {name: word for name, word in here.items() if name not in away}
    truth = replace(before, words={**stay, **before.words}, ours=before.ours | ours)
    title = seen.texts.get(TITLE, "")
    if TITLE in claim.texts and title and before.title in ("", title):
        truth = replace(truth, title=title, title_ours=True)
    said = seen.texts.get("dc:description", "")
    if "dc:description" in claim.texts and said and before.caption in ("", said):
        return replace(truth, caption=said, caption_ours=True)
    return truth


def _keep(app: App, page: Page, seen: Seen, truth: Truth, texts: dict[str, str]) -> None:
    number, context = page.job.photo.id, app.worker.context()
    memory = page.memories.get("sidecar", Memory())
    memory = replace(memory, ours=memory.ours | truth.ours, texts_ours={**memory.texts_ours, **texts})
    memory = merge.confirmed(memory, SIDECAR, seen, truth, context)
    chosen = {k: v for k, v in choose(page.evidence, app.worker.house.rules_for(page)).items() if k in truth.ours}
    fresh = truth.ours - page.truth.ours
    with app.ledger.transaction() as db:
        words.save_truth(db, number, page.truth, truth, chosen=chosen, run=context.run, now=context.now)
        words.save_memory(db, number, "sidecar", memory)
        events = [Event("sidecar", "taken over from another ledger", truth.words[name]) for name in sorted(fresh)]
        words.note_events(db, number, events, context.run, context.now)
        _then(app, number)


def _then(app: App, number: int) -> None:
    """Go on with the photo, unless today's rules would take something away that was just taken over."""
    db = app.ledger.db
    page = pages.of(db, work.jobs(db, [number]))[0]
    house = app.worker.house
    changed = pages.changes(page, house.rules_for(page), house.wish(page.job.photo))
    if page.job.digest and page.job.gate != FIRST_LOOK and changed:
        work.hold(db, [number], RULES)
    else:
        work.again(db, [number], app.now())
