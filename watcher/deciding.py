"""Room four: read the places of photos, choose, merge, and work out what would be written. Touches nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from metadata import merge, people
from metadata.choose import Rules, choose, wanted
from metadata.errors import Refused, TagwrightError
from metadata.memory import Context, Losses, Memory, Outcome, Place, Step
from metadata.photo import Stat
from metadata.sinks import Draft, Seen
from metadata.tags import key
from watcher.alike import likeness
from watcher.ledger import words, writes
from watcher.ledger.work import Job
from watcher.pages import Page
from watcher.rooms import (
    ACCEPT,
    EMBEDDED,
    FIRST_LOOK,
    HIDING,
    JUDGED,
    LAYOUTS,
    LOSS,
    MIRROR,
    NOTHING,
    OPEN,
    RESTORE,
    Decision,
    House,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Case:
    """A photo that is to be decided, and what that rests on."""

    page: Page
    seen: Mapping[str, Seen | TagwrightError]
    house: House
    context: Context


def decide(pages: Sequence[Page], house: House, context: Context) -> list[Decision]:
    """Read the places of these photos, merge, and work out what would be written. Nothing is touched.

    Photos that are known take each step together: so the processor keeps at hand what the step is made of,
    which saves a tenth.
    """
    seen = _read(pages, house)
    own = {owner: surrounded(context, rules) for owner, rules in house.own.items()}
    twins: dict[Hashable, Decision] = {}
    made: list[Decision] = []
    known: list[tuple[int, _Case]] = []
    for number, page in enumerate(pages):
        if _rests(page, seen[page.job.photo.id], house):
            made.append(Decision(page, NOTHING, {}))
            continue
        shown = _shown(page, seen[page.job.photo.id], house)
        case = _Case(page, shown, house, approved(page, own.get(page.owner, context)))
        if page.is_new:
            made.append(_decided_like(twins, case))
        else:
            made.append(_concluded(case))
            known.append((number, case))
    for number, case in known:
        made[number] = _drafted(case, made[number])
    for number, case in known:
        _note(made[number], case)
    return made


def surrounded(context: Context, made: Rules) -> Context:
    """The merge's surroundings with the aliases of these rules."""
    used = {old: key(word) for old, word in made.aliases.items()}
    return replace(context, aliases=used | dict(made.filed), leaves=made.leaves)


def _read(pages: Sequence[Page], house: House) -> dict[int, dict[str, Seen | TagwrightError]]:
    """What the places of each photo show, or why they cannot be read."""
    seen: dict[int, dict[str, Seen | TagwrightError]] = {page.job.photo.id: {} for page in pages}
    for name, sink in house.sinks.items():
        here = [page for page in pages if name in house.places.get(page.job.photo.root, ())]
        here = [page for page in here if (page.job.photo.root, name) not in house.stopped]
        here = [page for page in here if name != EMBEDDED or house.embeds(page.job.photo)]
        for page, answer in zip(here, sink.read([p.job.photo for p in here]) if here else (), strict=True):
            if name != MIRROR or not isinstance(answer, Seen) or answer.exists:
                seen[page.job.photo.id][name] = answer
    return seen


def run_of(page: Page, context: Context) -> int:
    """The run that this photo's writes are counted to: its own, where a person approved something for it."""
    return (page.merges.run if page.merges.respelled else 0) or context.run


def approved(page: Page, context: Context) -> Context:
    """What a person approved for this photo goes before the merge, and is written as a part of its own run."""
    open_ = page.merges
    if not open_.respelled:
        return context
    return replace(
        context,
        run=run_of(page, context),
        merging=open_.merging,
        respelled=open_.respelled,
        returned=open_.returned,
    )


def _shown(page: Page, seen: dict[str, Seen | TagwrightError], house: House) -> dict[str, Seen | TagwrightError]:
    """What the places show, the photo itself among them, and a sidecar that is not there what the photo holds."""
    inside = page.inside
    if EMBEDDED in seen:
        answer = seen[EMBEDDED]
        inside = answer if isinstance(answer, Seen) else None
    elif inside is not None and EMBEDDED in house.places.get(page.job.photo.root, ()):
        seen[EMBEDDED] = inside
    for name in HIDING & seen.keys():
        answer = seen[name]
        if inside is not None and isinstance(answer, Seen) and not answer.exists:
            seen[name] = replace(
                answer,
                lists=inside.lists,
                texts=inside.texts,
                people=inside.people,
                claimed=inside.claimed,
                hides_nothing=not inside.digest and _as_looked_at(page.job),
            )
    return seen


def _as_looked_at(job: Job) -> bool:
    """Whether the photo is the file that was looked at."""
    try:
        return Stat.of(os.stat(job.photo.file)) == job.stat
    except OSError:
        return False


def _decided_like(twins: dict[Hashable, Decision], case: _Case) -> Decision:
    """As for another photo of the batch of which the same is known; only what is written is about this one."""
    page, seen, house = case.page, case.seen, case.house
    photo, wish = page.job.photo, house.wish(page.job.photo)
    settled = (wish, page.job.frame if wish == "regions" else None, *(house.writes(name, photo) for name in seen))
    mark = likeness(page, seen, settled)
    twin = twins.get(mark) if mark is not None else None
    if twin is not None:
        decision = Decision(page, twin.outcome, twin.chosen, read=dict(twin.read))
        _draft(decision, case)
        if not decision.errors:
            _note(decision, case, twin)
            return decision
    decision = _drafted(case, _concluded(case))
    _note(decision, case)
    if mark is not None and decision.drafts and not (decision.errors or decision.barred or decision.renames):
        twins[mark] = decision
    return decision


def _concluded(case: _Case) -> Decision:
    """What the places of a photo mean, and what is to become of them."""
    page, seen, house, context = case.page, case.seen, case.house, case.context
    inside = seen.get(EMBEDDED)
    if page.barred and isinstance(inside, Seen) and inside.digest == page.barred[0]:
        house = replace(house, embeds=lambda _: False)
    if unread := _unread(page, seen, house):
        return Decision(page, NOTHING, {}, errors=unread)
    places = {
        name: Place(
            LAYOUTS[name],
            answer,
            _memory(page, name, answer),
            _losses(page.job.gate),
            house.provenance,
            writable=house.writes(name, page.job.photo),
            counts=name != EMBEDDED,
        )
        for name, answer in seen.items()
        if isinstance(answer, Seen)
    }
    wish, rules = house.wish(page.job.photo), house.rules_for(page)
    chosen = choose(page.evidence, rules) | people.chosen(page.evidence, rules, wish)
    want = wanted(page.evidence, rules, chosen) if page.job.digest else None
    if want is not None and wish == "regions":
        faces = people.regions(page.evidence, rules, page.job.frame)
        want = replace(want, texts={**want.texts, **faces})
    outcome = merge.merge(page.truth, want, places, context)
    pairs = merge.renames(outcome.readings, page.truth) if _anything_went(outcome) else frozenset()
    known = frozenset(old for old, new in pairs if (page.owner, old, new) in house.renamed)
    if known:
        outcome = merge.merge(page.truth, want, places, replace(context, renamed=known))
    decision = Decision(page, outcome, chosen, renames=pairs)
    decision.read = {name: place.seen.digest for name, place in places.items()}
    decision.errors = {name: answer for name, answer in seen.items() if isinstance(answer, TagwrightError)}
    return decision


def _drafted(case: _Case, decision: Decision) -> Decision:
    """With what would be written. A photo that cannot be written itself is decided as one that is only read."""
    _draft(decision, case)
    refused, inside = decision.errors.get(EMBEDDED), case.seen.get(EMBEDDED)
    if isinstance(refused, Refused) and isinstance(inside, Seen):
        log.info("only read, and not written: %s", refused)
        again = replace(case, house=replace(case.house, embeds=lambda _: False))
        decision = _drafted(again, _concluded(again))
        decision.barred = inside.digest, refused.reason
    return decision


def _memory(page: Page, name: str, seen: Seen) -> Memory | None:
    """What is remembered of this place; nothing, where the photo has another one by now."""
    memory = page.memories.get(name)
    return None if memory is not None and seen.of and memory.of != seen.of else memory


def _unread(page: Page, seen: Mapping[str, Seen | TagwrightError], house: House) -> dict[str, TagwrightError]:
    """Why a photo is left alone whose places depend on each other: one of them cannot be read now."""
    if house.both is None or not house.both.mine(page.job.photo):
        return {}
    return {name: answer for name, answer in seen.items() if isinstance(answer, TagwrightError)}


def _rests(page: Page, seen: Mapping[str, Seen | TagwrightError], house: House) -> bool:
    """Whether an earlier decision found nothing to do, and all that it rested on is as it was.

    A photo of which it is not known what stands inside is one place less, and so is one that Immich does not have.
    """
    if page.job.gate not in (OPEN, FIRST_LOOK, ""):
        return False
    found = {name: answer.digest for name, answer in seen.items() if isinstance(answer, Seen) and not answer.more}
    places = house.places.get(page.job.photo.root, ())
    left = int(MIRROR in places and MIRROR not in seen)
    if EMBEDDED in places and EMBEDDED not in seen:
        if page.holds is not None:
            found[EMBEDDED] = page.holds
        else:
            left += not house.embeds(page.job.photo)
    return len(found) + left == len(places) and page.rests(house.stamp, found)


def _changes_nothing(decision: Decision) -> bool:
    """Whether booking this decision leaves the ledger as it is."""
    outcome, page = decision.outcome, decision.page
    if decision.drafts or decision.errors or decision.renames or outcome.events or decision.lost():
        return False
    kept = {name: step.memory for name, step in outcome.steps.items()}
    if any(memory.aside for memory in kept.values()):
        return False
    return kept == page.memories and outcome.truth == page.truth and not decision.news()


def _kept(decision: Decision) -> dict[str, words.Packed]:
    before = decision.page.memories
    return {
        name: words.packed(step.memory)
        for name, step in decision.outcome.steps.items()
        if name not in decision.drafts and step.memory != before.get(name)
    }


def _anything_went(outcome: Outcome) -> bool:
    return any(reading.removed or reading.overwritten for reading in outcome.readings.values())


def _aside(outcome: Outcome) -> str:
    steps = [step for step in outcome.steps.values() if step.writable]
    reasons = [step.memory.aside for step in steps if step.memory.aside]
    return reasons[0] if reasons and len(reasons) == len(steps) else ""


def _losses(gate: str) -> Losses:
    return {ACCEPT: Losses.ACCEPT, RESTORE: Losses.RESTORE}.get(gate, Losses.JUDGE)


def _draft(decision: Decision, case: _Case) -> None:
    for name, step in decision.outcome.steps.items():
        seen = case.seen[name]
        if not (step.change and isinstance(seen, Seen)):
            continue
        try:
            draft = case.house.sinks[name].draft(case.page.job.photo, seen, step.change)
        except TagwrightError as error:
            decision.errors[name] = error
            continue
        if isinstance(draft, Refused):
            decision.errors[name] = draft
        elif draft.before != draft.after:
            decision.drafts[name] = draft


def _note(decision: Decision, case: _Case, twin: Decision | None = None) -> None:
    """Pack what the ledger is to remember of a photo, where it can be told ahead."""
    for name, draft in decision.drafts.items():
        step = decision.outcome.steps[name]
        decision.intended[name] = _intended(draft, name, step, case.context.run)
        if twin is not None and name in twin.drafts and twin.drafts[name].after == draft.after:
            decision.tried[name], decision.done[name] = twin.tried[name], twin.done[name]
            continue
        memory = merge.intended(step, case.context)
        decision.tried[name] = words.packed(memory)
        truth = decision.outcome.truth
        memory = merge.confirmed(memory, LAYOUTS[name], draft.seen, truth, case.context)
        decision.done[name] = words.packed(memory)
    decision.aside, decision.kept = _aside(decision.outcome), _kept(decision)
    decision.seal = case.page.seal(case.house.stamp) if _changes_nothing(decision) else None


def _intended(draft: Draft, name: str, step: Step, run: int) -> writes.Row:
    texts = sorted(name for name, value in step.change.texts.items() if value is not None)
    there = 0, run, draft.photo.id, name, draft.where, draft.before, draft.after, draft.inverse
    return writes.row(writes.Write(*there, step.ours, step.drops, texts, step.carried, "intent"))


def held(decision: Decision) -> str:
    """The gate this decision waits behind, or ""."""
    gate = decision.page.job.gate
    if (decision.lost() or decision.renames) and gate not in (JUDGED, ACCEPT, RESTORE):
        return LOSS
    return FIRST_LOOK if gate == FIRST_LOOK and decision.drafts else ""
