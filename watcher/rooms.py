"""The walk of a photo: read -> look -> describe -> choose -> deliver. Read this file first.

Each room is a function over a batch. `look` and `describe` (models.look) are plain functions of plain data and
run on an Executor; `keep`, `book` and `confirm` touch the ledger and belong to the one thread that owns it;
`decide` and `write` read and write places and run beside it. docs/architecture.md draws the plan.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from metadata import files as disk
from metadata import merge, people, tags
from metadata.choose import Chosen, Evidence, Rules, choose, named, wanted
from metadata.errors import ChangedMeanwhile, PlaceClosed, Refused, TagwrightError, TryAgain
from metadata.fields import SERVER, SIDECAR, Layout
from metadata.memory import Context, Losses, Memory, Outcome, Place, Truth
from metadata.people import Person, Wish
from metadata.photo import Photo, Stat
from metadata.sinks import Draft, Seen, Sink
from metadata.sinks.pairs import Both, Pair
from models.look import Evidence as Spoken
from models.look import Looked
from watcher import ruling, siblings
from watcher.alike import likeness
from watcher.ledger import assets, embedded, files, kin, merges, words, work, writes
from watcher.ledger import evidence as said
from watcher.ledger.work import Job
from watcher.pages import Page, seal

log = logging.getLogger(__name__)

LAYOUTS: Mapping[str, Layout] = {"sidecar": SIDECAR, "embedded": SIDECAR, "memory": SIDECAR, "server": SERVER}
"""How each place spells words."""
EMBEDDED = "embedded"
"""The photo itself, a place that is always read: what is not written there is known from the last look."""
MIRROR = "server"
"""Immich, a place only of the photos that it holds."""
HIDING = frozenset({"sidecar"})
"""Places that programs read in the photo's stead: where nothing stands there, they show the photo's own."""

PAIRED = HIDING | {MIRROR}
"""Places that are written in an order where they belong together."""
T = TypeVar("T")

Answer = Seen | ChangedMeanwhile | TryAgain | PlaceClosed | Refused

FIRST_LOOK, RULES, LOSS, CLOSED, MOVE = "first look", "rules", "loss", "closed", "move"
HELD = (FIRST_LOOK, RULES, LOSS, CLOSED, MOVE)
"""Gates: why something that was decided is not done yet."""
OPEN, JUDGED, ACCEPT, RESTORE = "open", "judged", "accept", "restore"
"""What a gate becomes when it is released, and by which decision."""


@dataclass(frozen=True, slots=True)
class House:
    """What `decide` works with: the places of each root, the rules, and the roots and places that stopped.

    `embeds` says of which photos the file itself is written; of all others it is only read. `wishes` says for
    each root what is written of the people in its photos. `only_reads` says of places besides the photo itself
    whether they are only read, `both` writes photos whose places have to be written in an order.
    """

    sinks: Mapping[str, Sink]
    places: Mapping[str, Sequence[str]]
    rules: Rules
    stamp: str
    stopped: frozenset[tuple[str, str]] = frozenset()
    renamed: frozenset[tuple[str, str, str]] = frozenset()
    provenance: bool = True
    embeds: Callable[[Photo], bool] = lambda _: False
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    only_reads: Callable[[str, Photo], bool] = lambda *_: False
    both: Both | None = None
    own: Mapping[str, Rules] = field(default_factory=dict)
    """The rules of users of a server who want something otherwise, by user; "" has the photos of none."""

    def rules_for(self, page: Page) -> Rules:
        """The rules of the photo's owner."""
        return self.own.get(page.owner, self.rules)

    def rules_of(self, db: sqlite3.Connection, photo: int) -> Rules:
        """The same for a photo whose page was not read."""
        if not self.own:
            return self.rules
        return self.own.get(assets.owners_of(db, [photo]).get(photo, ""), self.rules)

    def writes(self, name: str, photo: Photo) -> bool:
        """Whether a photo's words are written to this place."""
        return self.embeds(photo) if name == EMBEDDED else not self.only_reads(name, photo)

    def wish(self, photo: Photo) -> Wish:
        """What is written of the people in a photo."""
        return self.wishes.get(photo.root, "none")


@dataclass(slots=True)
class Decision:
    """What is to be done about one photo, worked out and not yet done.

    `barred` says that the photo itself cannot be written: what stands inside, by its digest, and why.
    """

    page: Page
    outcome: Outcome
    chosen: Mapping[str, Chosen]
    drafts: dict[str, Draft] = field(default_factory=dict)
    errors: dict[str, TagwrightError] = field(default_factory=dict)
    renames: frozenset[tuple[str, str]] = frozenset()
    intents: dict[str, int] = field(default_factory=dict)
    seal: bytes | None = None
    barred: tuple[bytes, str] | None = None
    read: dict[str, bytes] = field(default_factory=dict)
    tried: dict[str, words.Packed] = field(default_factory=dict)
    """What is remembered of each place with a draft while it is written."""
    done: dict[str, words.Packed] = field(default_factory=dict)
    """And once it was read back as drafted."""
    stands: dict[bytes, Stat | None] = field(default_factory=dict)
    """The sidecars that were written, as they stand if nobody wrote since."""

    @property
    def id(self) -> int:
        """The photo's number."""
        return self.page.job.photo.id

    @property
    def rests(self) -> bool:
        """Whether nothing was to be decided."""
        return self.outcome is NOTHING

    def lost(self) -> list[str]:
        """Places where words of ours are missing."""
        return [name for name, reading in self.outcome.readings.items() if reading.lost]


# Look


def keep(
    db: sqlite3.Connection, looks: Sequence[tuple[Job, Looked]], rules: Callable[[int], Rules], now: float
) -> None:
    """Room one and two are done: remember digests, facts and what was said; the attempts are over.

    Words that were undone are let go when something new names them, as the `rules` of a photo name it. Each look
    has a digest, facts and a stat.
    """
    together = [pair for pair in looks if not _of_burst(pair[1])]
    alone = [[pair] for pair in looks if _of_burst(pair[1])]  # what is said of the first holds for the next
    news = [photo for some in (together, *alone) for photo in _keep(db, some, rules, now)]
    siblings.wake(db, news, now)


def _of_burst(looked: Looked) -> bool:
    assert looked.facts is not None
    return bool(looked.facts.burst)


def _keep(
    db: sqlite3.Connection, looks: Sequence[tuple[Job, Looked]], rules: Callable[[int], Rules], now: float
) -> list[int]:
    """The photos of which there is news for the other files of the same picture."""
    spoken: list[tuple[bytes, list[Evidence]]] = []
    for job, looked in looks:
        assert looked.digest is not None
        assert looked.facts is not None
        assert looked.stat is not None
        shared = [_said(one) for one in looked.evidence if not one.of_file]
        if looked.facts.burst or looked.facts.moment:
            kin.note(db, job.photo.id, looked.facts)
            shared = kin.agreed(db, job.photo.id, shared) if looked.facts.burst else shared
        work.looked(db, job.photo.id, looked.digest, looked.facts, looked.stat)
        spoken.append((looked.digest, shared))
        spoken.append((said.own_key(job.photo.id), [_said(one) for one in looked.evidence if one.of_file]))
    heard = said.keep_all(db, spoken, now)
    news = {job.photo.id: of | own for (job, _), of, own in zip(looks, heard[::2], heard[1::2], strict=True)}
    embedded.allow(db, list(news))
    embedded.keep(db, {job.photo.id: one.embedded for job, one in looks if one.embedded is not None})
    for job, _ in looks:
        if job.digest is not None:  # of a photo that is looked at for the first time nothing was undone
            own = rules(job.photo.id)
            fresh = [tags.key(word) for one in news[job.photo.id] if (word := named(one, own))]
            words.let_go(db, job.photo.id, fresh)
    return [job.photo.id for job, looked in looks if news[job.photo.id] or job.digest != looked.digest]


def keep_said(db: sqlite3.Connection, job: Job, looked: Looked, now: float) -> None:
    """Remember what a captioner said of a picture whose digest and facts are known."""
    assert job.digest is not None
    if said.keep(db, job.digest, [_said(one) for one in looked.evidence], now):
        siblings.wake(db, [job.photo.id], now)


def keep_people(
    db: sqlite3.Connection, photo: int, source: str, version: str, found: Sequence[Person], now: float
) -> None:
    """Remember who a source says is in a photo, instead of what it said before; the photo is then due.

    Nobody is a statement too: names of ours that this source said go again. Boxes are fractions of the
    upright picture. Hidden people are not to be given.
    """
    key = said.own_key(photo)
    news = Evidence(source, version, (), people=tuple(found))
    if any(said.pack(known) == said.pack(news) for known in said.of(db, [key])[key] if known.source == source):
        return
    said.keep(db, key, [news], now)
    work.again(db, [photo], now)


def _said(one: Spoken) -> Evidence:
    """The look's evidence in the form that choice reads."""
    texts = {"caption" if name == "dc:description" else name: text for name, text in one.texts}
    return Evidence(one.source, one.version, one.words, texts)


# Choose and merge


def decide(pages: Sequence[Page], house: House, context: Context) -> list[Decision]:
    """Read the places of these photos, merge, and work out what would be written. Nothing is touched."""
    seen: dict[int, dict[str, Seen | TagwrightError]] = {page.job.photo.id: {} for page in pages}
    for name, sink in house.sinks.items():
        here = [page for page in pages if name in house.places.get(page.job.photo.root, ())]
        here = [page for page in here if (page.job.photo.root, name) not in house.stopped]
        here = [page for page in here if name != EMBEDDED or house.embeds(page.job.photo)]
        for page, answer in zip(here, sink.read([p.job.photo for p in here]) if here else (), strict=True):
            if name != MIRROR or not isinstance(answer, Seen) or answer.exists:
                seen[page.job.photo.id][name] = answer
    own = {owner: ruling.surrounded(context, rules) for owner, rules in house.own.items()}
    around = [approved(page, own.get(page.owner, context)) for page in pages]
    twins: dict[Hashable, Decision] = {}
    return [
        _decided_like(twins, page, _shown(page, seen[page.job.photo.id], house), house, here)
        for page, here in zip(pages, around, strict=True)
    ]


def approved(page: Page, context: Context) -> Context:
    """What a person approved for this photo goes before the merge, and is written as a part of its own run."""
    open_ = page.merges
    if not open_.respelled:
        return context
    return replace(context, run=open_.run or context.run, merging=open_.merging, respelled=open_.respelled)


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


def _decided_like(
    twins: dict[Hashable, Decision],
    page: Page,
    seen: Mapping[str, Seen | TagwrightError],
    house: House,
    context: Context,
) -> Decision:
    """As for another photo of the batch of which the same is known; only what is written is about this one."""
    photo, wish = page.job.photo, house.wish(page.job.photo)
    settled = (wish, page.job.frame if wish == "regions" else None, *(house.writes(name, photo) for name in seen))
    mark = likeness(page, seen, settled)
    twin = twins.get(mark) if mark is not None else None
    if twin is not None:
        decision = Decision(page, twin.outcome, twin.chosen, read=dict(twin.read))
        for name, step in twin.outcome.steps.items():
            answer = seen[name]
            if step.change and isinstance(answer, Seen):
                _draft(decision, name, house.sinks[name], answer, context, twin)
        if not decision.errors:
            return decision
    decision = _decided(page, seen, house, context)
    if mark is not None and decision.drafts and not (decision.errors or decision.barred or decision.renames):
        twins[mark] = decision
    return decision


def _decided(page: Page, seen: Mapping[str, Seen | TagwrightError], house: House, context: Context) -> Decision:
    inside = seen.get(EMBEDDED)
    if page.barred and isinstance(inside, Seen) and inside.digest == page.barred[0]:
        house = replace(house, embeds=lambda _: False)
    if _rests(page, seen, house):
        return Decision(page, NOTHING, {})
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
    for name, step in outcome.steps.items():
        if step.change:
            _draft(decision, name, house.sinks[name], places[name].seen, context)
    refused = decision.errors.get(EMBEDDED)
    if isinstance(refused, Refused) and EMBEDDED in places:
        log.info("only read, and not written: %s", refused)
        decision = _decided(page, seen, replace(house, embeds=lambda _: False), context)
        decision.barred = (places[EMBEDDED].seen.digest, refused.reason)
        return decision
    decision.seal = page.seal(house.stamp) if _changes_nothing(decision) else None
    return decision


NOTHING = Outcome(Truth(), {}, {})
"""The outcome of a decision that was not made, because an earlier one still holds."""


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
    """Whether an earlier decision found nothing to do, and all that it rested on is as it was."""
    if page.job.gate not in (OPEN, FIRST_LOOK, ""):
        return False
    found = {name: answer.digest for name, answer in seen.items() if isinstance(answer, Seen) and not answer.more}
    places = {*house.places.get(page.job.photo.root, ())}
    if page.inside is None and not house.embeds(page.job.photo):
        places -= {EMBEDDED}
    if MIRROR not in seen:
        places -= {MIRROR}
    return len(found) == len(places) and page.rests(house.stamp, found)


def _changes_nothing(decision: Decision) -> bool:
    """Whether booking this decision leaves the ledger as it is."""
    outcome, page = decision.outcome, decision.page
    if decision.drafts or decision.errors or decision.renames or outcome.events or decision.lost():
        return False
    kept = {name: step.memory for name, step in outcome.steps.items()}
    if any(memory.aside for memory in kept.values()):
        return False
    return kept == page.memories and outcome.truth == page.truth and not _new(decision)


def _anything_went(outcome: Outcome) -> bool:
    return any(reading.removed or reading.overwritten for reading in outcome.readings.values())


def _losses(gate: str) -> Losses:
    return {ACCEPT: Losses.ACCEPT, RESTORE: Losses.RESTORE}.get(gate, Losses.JUDGE)


def _draft(
    decision: Decision, name: str, sink: Sink, seen: Seen, context: Context, twin: Decision | None = None
) -> None:
    step = decision.outcome.steps[name]
    try:
        draft = sink.draft(decision.page.job.photo, seen, step.change)
    except TagwrightError as error:
        decision.errors[name] = error
        return
    if isinstance(draft, Refused):
        decision.errors[name] = draft
    elif draft.before != draft.after:
        decision.drafts[name] = draft
        if twin is not None and name in twin.drafts and twin.drafts[name].after == draft.after:
            decision.tried[name], decision.done[name] = twin.tried[name], twin.done[name]
            return
        memory = merge.intended(step, context)
        decision.tried[name] = words.packed(memory)
        memory = merge.confirmed(memory, LAYOUTS[name], draft.seen, decision.outcome.truth, context)
        decision.done[name] = words.packed(memory)


def held(decision: Decision) -> str:
    """The gate this decision waits behind, or ""."""
    gate = decision.page.job.gate
    if (decision.lost() or decision.renames) and gate not in (JUDGED, ACCEPT, RESTORE):
        return LOSS
    return FIRST_LOOK if gate == FIRST_LOOK and decision.drafts else ""


# Deliver


def book(db: sqlite3.Connection, decision: Decision, context: Context) -> None:
    """Commit the truth, what was read, and the intent of every write, before anything is written."""
    page, outcome = decision.page, decision.outcome
    photo, context = page.job.photo.id, approved(page, context)
    if decision.seal is not None:
        seal(db, photo, decision.seal)
    if decision.barred is not None:
        embedded.bar(db, photo, *decision.barred)
    if decision.rests:
        return
    truth = _refused_texts(outcome)
    if page.merges.merging:
        merges.book(db, photo, page.truth, truth)
    words.save_truth(db, photo, page.truth, truth, chosen=_new(decision), run=context.run, now=context.now)
    words.note_reasons(db, photo, _reasons(decision))
    for name, step in outcome.steps.items():
        if name in decision.drafts:
            words.save_packed(db, photo, name, decision.tried[name])
            decision.intents[name] = _intend(db, decision, name, context)
        elif step.memory != page.memories.get(name):
            words.save_memory(db, photo, name, step.memory)
    if page.memories:
        words.note_events(db, photo, outcome.events, context.run, context.now)
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


def _new(decision: Decision) -> dict[str, Chosen]:
    """Chosen words whose source the book does not hold yet."""
    ours, before = decision.outcome.truth.ours, decision.page.truth.ours
    return {name: chosen for name, chosen in decision.chosen.items() if name in ours and name not in before}


def _refused_texts(outcome: Outcome) -> Truth:
    refused = frozenset[str]().union(*(step.refused_texts for step in outcome.steps.values()))
    truth = outcome.truth
    return replace(truth, texts_refused=truth.texts_refused | refused) if refused else truth


def _intend(db: sqlite3.Connection, decision: Decision, name: str, context: Context) -> int:
    draft, step = decision.drafts[name], decision.outcome.steps[name]
    return writes.intend(
        db,
        writes.Write(
            0,
            context.run,
            decision.id,
            name,
            draft.where,
            draft.before,
            draft.after,
            draft.inverse,
            step.ours,
            step.drops,
            tuple(sorted(name for name, value in step.change.texts.items() if value is not None)),
            step.carried,
            "intent",
        ),
        context.now,
    )


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
    step, number = decision.outcome.steps[name], decision.intents[name]
    context = approved(decision.page, context)
    if not isinstance(answer, Seen):
        writes.settle(db, number, "void")
        words.save_memory(db, decision.id, name, step.memory)
        if name == EMBEDDED and isinstance(answer, Refused):
            embedded.bar(db, decision.id, decision.drafts[name].before, answer.reason)
            log.info("only read, and not written: %s", answer)
            return ChangedMeanwhile(answer.path, "is only read from now on")  # decided anew, as such
        return answer
    if answer is decision.drafts[name].seen:
        words.save_packed(db, decision.id, name, decision.done[name])
    else:
        memory = merge.intended(step, context)
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
