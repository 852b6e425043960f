"""The three-way merge: one truth out of what changed everywhere, and the step that brings each place to it. Pure.

One photo at a time. `metadata.reading` says what each difference means; `merge` turns the edits of all
places into one truth and a step for every place. docs/merge.md holds the rules in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata import captions, fields
from metadata.fields import Layout, Stand
from metadata.memory import CAPTION, Context, Event, Memory, Outcome, Place, Reading, Step, Truth, Wanted
from metadata.reading import STALE_EDITOR, read, skip_of
from metadata.sinks import Change, Claim, Seen
from metadata.tags import Word, key, parse, show, text

PING_PONG = 3600.0
"""Seconds in which a photo and place is written three times at most without a new reason."""
MOST_WRITES = 3
MOST_TRIES = 3
MOST_HISTORY = 32


def merge(truth: Truth, wanted: Wanted | None, places: Mapping[str, Place], context: Context) -> Outcome:
    """One truth for a photo, and the step that brings each place to it.

    `wanted` is None where nothing is known yet of what the photo shows: then our words stay as they are.
    """
    readings = {name: read(place, truth, context) for name, place in places.items()}
    settled, events = _settle(truth, readings, context)
    settled = captions.captioned(settled, places, readings, context, events)
    chosen = _chosen(settled, wanted)
    steps = {
        name: _step(place, readings[name], (truth, chosen), wanted, context) for name, place in places.items()
    }
    events += [
        Event(name, f"set aside: {step.memory.aside}")
        for name, step in steps.items()
        if step.memory.aside != _aside(places[name])
    ]
    return Outcome(chosen, steps, readings, tuple(events))


def _aside(place: Place) -> str:
    return place.memory.aside if place.memory else ""


def _settle(truth: Truth, readings: Mapping[str, Reading], context: Context) -> tuple[Truth, list[Event]]:
    """What persons added and removed anywhere; a word added in one place and removed in another stays."""
    events: list[Event] = []
    added: dict[str, Word] = {}
    adopted: dict[str, Word] = {}
    removed: set[str] = set()
    for name, reading in readings.items():
        added |= reading.added
        adopted |= {k: w for k, w in reading.adopted.items() if k not in truth.refused and k not in truth.withheld}
        removed |= reading.removed
        events += [Event(name, "added by a person", word) for word in reading.added.values()]
        events += [Event(name, "overwritten by another program", parse(k)) for k in reading.overwritten]
        events += [Event(name, "removed by a person", parse(k)) for k in reading.removed - added.keys()]
    removed -= added.keys()
    words = {k: w for k, w in truth.words.items() if k not in removed} | added
    words |= {k: w for k, w in adopted.items() if k not in words}
    ours = (truth.ours | adopted.keys()) & words.keys() - added.keys()
    gone = {k: truth.words[k] for k in removed if k in truth.words}
    renamed = {k: w for k, w in gone.items() if k in context.renamed}
    refused = {k: w for k, w in {**truth.refused, **gone}.items() if k not in added and k not in renamed}
    withheld = {k: w for k, w in {**truth.withheld, **renamed}.items() if k not in added}
    settled = replace(truth, words=words, ours=frozenset(ours), refused=refused, withheld=withheld)
    return settled, events


def _chosen(truth: Truth, wanted: Wanted | None) -> Truth:
    """The truth with our part replaced by what choice wants, less what was refused or undone."""
    if wanted is None:
        return truth
    kept_away = truth.refused.keys() | truth.withheld.keys()
    persons = {k: w for k, w in truth.words.items() if k not in truth.ours}
    ours = {k: truth.words.get(k, w) for k, w in wanted.words.items() if k not in kept_away and k not in persons}
    truth = replace(truth, words=persons | ours, ours=frozenset(ours))
    if CAPTION in truth.texts_refused or (truth.caption and not truth.caption_ours) or truth.conflict:
        return truth
    return replace(truth, caption=wanted.caption, caption_ours=bool(wanted.caption))


def _step(
    place: Place, reading: Reading, truths: tuple[Truth, Truth], wanted: Wanted | None, context: Context
) -> Step:
    """The change that brings one place to the truth, and the memory as of its reading."""
    before, truth = truths
    skip = skip_of(place.seen, place.memory, context)
    now = fields.stand(place.layout, place.seen.lists, skip)
    memory = _remembered(place, reading, truth, now, context)
    if reading.aside:
        return Step(Change(), replace(memory, aside=reading.aside))
    unwanted = _unwanted(before, truth, reading, memory, now)
    missing = {k: w for k, w in truth.words.items() if not _stands(k, now)}
    ours_here = truth.ours or memory.texts_ours
    fill = bool(missing or ours_here or (place.memory is not None and reading.person))
    add, remove = fields.render(place.layout, place.seen.lists, truth.words, unwanted, skip, fill=fill)
    texts, texts_ours, refused = captions.step(place, reading, truths, wanted, memory)
    drops = {k: w for k, w in unwanted.items() if _stands(k, now)}
    memory = replace(memory, texts_ours=texts_ours)
    change = Change(add, remove, texts)
    if not change:
        return Step(change, memory, refused_texts=refused)
    fresh = {k: w for k, w in missing.items() if k in truth.ours}
    late = _too_often(place, reading, memory, fresh, truths)
    if late:
        return Step(Change(), replace(memory, aside=late), refused_texts=refused)
    kept_away = truth.refused.keys() | reading.removed
    carried = len(fresh) != len(missing) or bool(drops.keys() & kept_away) or captions.carries(texts, truths)
    change = replace(change, claim=_claim(place, truth, texts_ours, context))
    return Step(change, memory, missing, fresh, drops, carried=carried, refused_texts=refused)


def _stands(name: str, now: Stand) -> bool:
    return name in now.words or any(name in words for words in now.paths.values())


def _remembered(place: Place, reading: Reading, truth: Truth, now: Stand, context: Context) -> Memory:
    """The memory with what was just read as its base."""
    seen, memory = place.seen, place.memory or Memory()
    texts_ours = memory.texts_ours if place.memory else captions.claimed_texts(seen, context)
    run = memory.run
    if seen.claimed is not None and seen.claimed.ledger == context.ledger:
        run = max(run, seen.claimed.run)
    history = memory.history
    if memory.exists and memory.digest != seen.digest:
        history = (*(d for d in history if d != memory.digest), memory.digest)[-MOST_HISTORY:]
    ours = (memory.ours | (truth.ours & now.words.keys())) & truth.ours
    return replace(
        memory,
        lists=seen.lists,
        texts=seen.texts,
        digest=seen.digest,
        exists=seen.exists,
        people=seen.people,
        run=run,
        ours=ours,
        confirmed=frozenset(name for name in ours if _stands(name, now)),
        texts_ours=texts_ours,
        again=(memory.again | reading.overwritten) & truth.words.keys(),
        history=history,
        written={k: t for k, t in memory.written.items() if abs(context.now - t) < STALE_EDITOR},
        writes=() if reading.person else tuple(t for t in memory.writes if abs(context.now - t) < PING_PONG),
    )


def _unwanted(before: Truth, truth: Truth, reading: Reading, memory: Memory, now: Stand) -> dict[str, Word]:
    """Words that may not stand: taken away by a person, undone, ours and no longer chosen.

    In a restored older copy every word outside the truth is one of these.
    """
    away = {**truth.refused, **truth.withheld}
    away |= {k: before.words.get(k, parse(k)) for k in before.ours | memory.ours | reading.removed}
    if reading.restored:
        away |= now.words
    return {k: w for k, w in away.items() if k not in truth.words}


def _too_often(
    place: Place, reading: Reading, memory: Memory, fresh: Mapping[str, Word], truths: tuple[Truth, Truth]
) -> str:
    """The reason why this place is not written any more, or ""."""
    stubborn = [show(w) for k, w in fresh.items() if memory.tries.get(k, 0) >= MOST_TRIES]
    if stubborn:
        return f"written {MOST_TRIES} times and never read back: {', '.join(sorted(stubborn)[:5])}"
    new_reason = reading.person or truths[0].ours != truths[1].ours or place.memory is None
    if len(memory.writes) >= MOST_WRITES and not new_reason:
        return f"written {MOST_WRITES} times within an hour, and changed back each time"
    return ""


def _claim(place: Place, truth: Truth, texts_ours: Mapping[str, str], context: Context) -> Claim | None:
    """The provenance to leave in a place that is written; an empty one takes an old one away."""
    if not place.provenance:
        return None
    words = tuple(sorted(text(truth.words[name]) for name in truth.ours))
    if not words and not texts_ours and place.seen.claimed is None:
        return None
    return Claim(context.ledger, context.run, words, tuple(sorted(texts_ours)))


def intended(step: Step, context: Context) -> Memory:
    """The memory to commit before the place is written: what will be ours there, and that it was tried."""
    memory = step.memory
    return replace(
        memory,
        ours=memory.ours | step.ours.keys(),
        written={**memory.written, **dict.fromkeys(step.adds, context.now)},
        tries={**memory.tries, **{k: memory.tries.get(k, 0) + 1 for k in step.ours}},
        writes=(*memory.writes, context.now),
    )


def confirmed(memory: Memory, layout: Layout, seen: Seen, truth: Truth, context: Context) -> Memory:
    """The memory once the place was read back after our write."""
    now = fields.stand(layout, seen.lists, skip_of(seen, memory, context))
    ours = memory.ours & truth.ours
    standing = frozenset(name for name in ours if _stands(name, now))
    history = memory.history
    if memory.exists and memory.digest != seen.digest:
        history = (*(d for d in history if d != memory.digest), memory.digest)[-MOST_HISTORY:]
    return replace(
        memory,
        lists=seen.lists,
        texts=seen.texts,
        digest=seen.digest,
        exists=seen.exists,
        people=seen.people,
        run=context.run,
        ours=ours,
        confirmed=standing,
        tries={k: n for k, n in memory.tries.items() if k not in standing},
        history=history,
    )


def renames(readings: Mapping[str, Reading], truth: Truth) -> frozenset[tuple[str, str]]:
    """Pairs (old, new) that may be one rename: a path went and another with the same leaf came."""
    came = {k: w for reading in readings.values() for k, w in reading.added.items()}
    went = {k for reading in readings.values() for k in reading.removed | reading.overwritten}
    return frozenset(
        (old, new)
        for old in went
        if old in truth.words
        for new, word in came.items()
        if key((word[-1],)) == key((truth.words[old][-1],)) and old != new
    )
