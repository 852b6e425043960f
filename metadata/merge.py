"""The three-way merge: one truth out of what changed everywhere, and the step that brings each place to it. Pure.

One photo at a time. `metadata.reading` says what each difference means; `merge` turns the edits of all
places into one truth and a step for every place. docs/merge.md holds the rules in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from metadata import aliases, captions, fields, joining, people
from metadata.echoes import explained
from metadata.fields import Layout, Stand
from metadata.imported import imported
from metadata.memory import (
    CAPTION,
    TITLE,
    Context,
    Event,
    Losses,
    Memory,
    Outcome,
    Place,
    Reading,
    Step,
    Truth,
    Wanted,
)
from metadata.reading import NO_NEWS, STALE_EDITOR, claimed_words, read, skip_of, stands, unchanged
from metadata.sinks import Change, Claim, Seen
from metadata.tags import PERSONS, SEPARATOR, Word, key, names_person, parse, show, text

PING_PONG = 3600.0
"""Seconds in which a photo and place is written three times at most without a new reason."""
MOST_WRITES = 3
MOST_TRIES = 3
MOST_HISTORY = 32
MOST_PAST = 4
READ = "read"
"""The mark of a place that is only read: nothing is ever to be done there."""
AFTER = 0.001
"""Seconds by which a word that we write is younger than those read in the same pass."""


def merge(truth: Truth, wanted: Wanted | None, places: Mapping[str, Place], context: Context) -> Outcome:
    """One truth for a photo, and the step that brings each place to it.

    `wanted` is None where nothing is known yet of what the photo shows: then our words stay as they are.
    """
    if not (context.merging or context.respelled) and _at_rest(places, _mark(truth, wanted)):
        return _nothing(truth, places)
    readings = {name: read(place, truth, context) for name, place in places.items()}
    readings |= explained(*_written(readings, places), truth, context)
    readings = imported(readings, places, truth, context)
    readings = people.with_taken(readings, places, truth)
    settled, events = _settle(truth, readings, context)
    settled = captions.told(settled, places, readings, context, events)
    settled = joining.joined(settled, context.merging)
    chosen = _chosen(settled, wanted, context)
    mark = _mark(chosen, wanted)
    steps = {
        name: _step(place, readings[name], (truth, chosen), wanted, mark, context)
        for name, place in places.items()
    }
    refused = frozenset[str]().union(*(step.refused_texts for step in steps.values()))
    if refused - chosen.texts_refused:
        chosen = replace(chosen, texts_refused=chosen.texts_refused | refused)
    events += [
        Event(name, f"set aside: {step.memory.aside}")
        for name, step in steps.items()
        if step.memory.aside != _aside(places[name])
    ]
    events += [Event(name, note) for name, step in steps.items() for note in step.notes]
    return Outcome(chosen, steps, readings, tuple(events))


def _mark(truth: Truth, wanted: Wanted | None) -> str:
    """What a place has to agree with, as a short text: as long as it is the same, there is nothing to do."""
    parts = [*sorted(truth.words), "", *sorted(truth.ours), "", truth.caption]
    parts += [
        "",
        *sorted(truth.refused),
        "",
        *sorted(truth.withheld),
        "",
        *sorted(truth.texts_refused),
        "",
        *sorted(truth.texts_withheld),
    ]
    parts.append("conflict" if truth.conflict else "ours" if truth.caption_ours else "")
    if wanted is not None:
        parts += [*wanted.words, wanted.caption, *wanted.texts, *wanted.texts.values()]
    if truth.title or truth.title_conflict or (wanted is not None and wanted.title):
        parts += [truth.title, "title", "conflict" if truth.title_conflict else "ours" if truth.title_ours else ""]
        parts += [wanted.title] if wanted is not None else []
    return blake2b(SEPARATOR.join(parts).encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _at_rest(places: Mapping[str, Place], mark: str) -> bool:
    return all(_rests(place, mark) for place in places.values())


def _rests(place: Place, mark: str) -> bool:
    memory, seen = place.memory, place.seen
    return (
        memory is not None
        and memory.agreed == (mark if place.writable else READ)
        and unchanged(memory, seen)
        and not memory.pending
        and not memory.aside
    )


def _nothing(truth: Truth, places: Mapping[str, Place]) -> Outcome:
    steps = {
        name: Step(_NO_CHANGE, place.memory, writable=place.writable)
        for name, place in places.items()
        if place.memory is not None
    }
    return Outcome(truth, steps, dict.fromkeys(places, NO_NEWS))


_NO_CHANGE = Change()


def _aside(place: Place) -> str:
    return place.memory.aside if place.memory else ""


def _written(
    readings: Mapping[str, Reading], places: Mapping[str, Place]
) -> tuple[dict[str, Reading], dict[str, Place]]:
    """Those of the places that we write."""
    ours = {name: place for name, place in places.items() if place.writable}
    return {name: readings[name] for name in ours}, ours


def _settle(truth: Truth, readings: Mapping[str, Reading], context: Context) -> tuple[Truth, list[Event]]:
    """What persons added and removed anywhere; a word added in one place and removed in another stays."""
    events: list[Event] = []
    if not any(map(_tells, readings.values())) and truth.ours <= truth.words.keys():
        return truth, events
    added: dict[str, Word] = {}
    adopted: dict[str, Word] = {}
    forgotten = frozenset[str]().union(*(reading.forgotten for reading in readings.values()))
    removed: set[str] = set()
    for name, reading in readings.items():
        added |= reading.added
        adopted |= {k: w for k, w in reading.adopted.items() if k not in truth.refused and k not in truth.withheld}
        removed |= reading.removed | (reading.overwritten & context.renamed)
        events += [Event(name, "added by a person", word) for word in reading.added.values()]
        events += [Event(name, "overwritten by another program", parse(k)) for k in reading.overwritten]
        events += [Event(name, "removed by a person", parse(k)) for k in reading.removed - added.keys()]
    forgotten -= added.keys()
    came = frozenset[str]().union(*(reading.came for reading in readings.values()))
    removed -= added.keys() | came | forgotten
    words = {k: w for k, w in truth.words.items() if k not in removed and k not in forgotten} | added
    words |= {k: w for k, w in adopted.items() if k not in words and k not in removed}
    ours = (truth.ours | adopted.keys()) & words.keys() - added.keys()
    gone = {k: truth.words[k] for k in removed if k in truth.words}
    renamed = {k: w for k, w in gone.items() if k in context.renamed}
    kept_back = renamed | {k: truth.words[k] for k in forgotten if k in truth.words}
    refused = {k: w for k, w in {**truth.refused, **gone}.items() if k not in added and k not in renamed}
    withheld = {k: w for k, w in {**truth.withheld, **kept_back}.items() if k not in added}
    settled = replace(truth, words=words, ours=frozenset(ours), refused=refused, withheld=withheld)
    return settled, events


def _tells(reading: Reading) -> bool:
    """Whether a reading has anything to say about the truth."""
    words = reading.added or reading.adopted or reading.removed or reading.overwritten or reading.forgotten
    return bool(words)


def _chosen(truth: Truth, wanted: Wanted | None, context: Context) -> Truth:
    """The truth with our part replaced by what choice wants, less what was refused or undone."""
    kept_away = truth.refused.keys() | truth.withheld.keys()
    if context.leaves:
        kept_away = kept_away | {aliases.keys(name, context.leaves) for name in kept_away}
    if context.aliases:
        kept_away = _with_aliases(kept_away, context.aliases)
    persons = {k: w for k, w in truth.words.items() if k not in truth.ours}
    if wanted is None:
        ours = {k: w for k, w in truth.words.items() if k in truth.ours and k not in kept_away}
        return (
            truth if len(ours) == len(truth.ours) else replace(truth, words=persons | ours, ours=frozenset(ours))
        )
    ours = {k: truth.words.get(k, w) for k, w in wanted.words.items() if k not in kept_away and k not in persons}
    said = _said(truth, wanted)
    if not (ours or truth.ours) and all(getattr(truth, name) == value for name, value in said.items()):
        return truth
    return replace(truth, words=persons | ours, ours=frozenset(ours), **said)


def _said(truth: Truth, wanted: Wanted) -> dict[str, Any]:
    """Caption and title that choice wants, each where no person gave one or took ours away."""
    away = truth.texts_refused | truth.texts_withheld
    said: dict[str, Any] = {}
    if not (CAPTION in away or (truth.caption and not truth.caption_ours) or truth.conflict):
        said |= {"caption": wanted.caption, "caption_ours": bool(wanted.caption)}
    titled = TITLE in away or (truth.title and not truth.title_ours) or truth.title_conflict
    if (wanted.title or truth.title) and not titled:
        said |= {"title": wanted.title, "title_ours": bool(wanted.title)}
    return said


def _with_aliases(kept_away: set[str], used_for: Mapping[str, str]) -> set[str]:
    """These words with every other name for them."""
    meant = {used_for.get(name, name) for name in kept_away}
    return kept_away | meant | {name for name, used in used_for.items() if used in meant}


def _step(
    place: Place,
    reading: Reading,
    truths: tuple[Truth, Truth],
    wanted: Wanted | None,
    mark: str,
    context: Context,
) -> Step:
    """The change that brings one place to the truth, and the memory as of its reading."""
    before, truth = truths
    if not place.writable:
        return Step(_NO_CHANGE, _read_only(place, context), writable=False)
    if reading.aside and place.memory is not None and place.memory.aside:
        return Step(_NO_CHANGE, place.memory)
    skip = skip_of(place.seen, place.memory, context, before, truth)
    now = fields.stand(place.layout, place.seen.lists, skip)
    memory = _remembered(place, reading, truths, now, context)
    unwanted = _unwanted(before, truth, reading, memory, now)
    merged = joining.went(before, truth, context)
    unwanted |= {k: before.words[k] for k in merged}
    drops = {k: w for k, w in unwanted.items() if stands(k, now)}
    former = memory.former | merged
    if reading.aside:
        memory = replace(memory, dropping=frozenset(drops), former=former, aside=reading.aside)
        return Step(_NO_CHANGE, memory)
    missing = {k: w for k, w in truth.words.items() if not stands(k, now) and fields.fits(place.layout, k)}
    fill = bool(missing or truth.ours or memory.texts_ours or memory.stale)
    add, remove = fields.render(place.layout, place.seen.lists, truth.words, unwanted, skip, fill=fill)
    if context.respelled:
        names = (context.respelled, context.returned)
        add, remove = joining.respelled(place.layout, place.seen.lists, truth.words, skip, (add, remove), names)
    texts, texts_ours, refused = captions.step(place, reading, truths, wanted, memory)
    faces = people.step(place, truth, wanted, memory)
    texts = {**texts, **faces.texts}
    texts_ours = {n: v for n, v in texts_ours.items() if not people.is_region(n)} | dict(faces.ours)
    kept: dict[str, Any] = {"dropping": frozenset(drops), "former": former, "texts_ours": texts_ours}
    if not (add or remove or texts):
        return Step(_NO_CHANGE, replace(memory, **kept, stale=False, agreed=mark), refused_texts=refused)
    fresh = {k: w for k, w in missing.items() if k in truth.ours}
    approved = joining.came(before, truth, context) | context.respelled
    approved -= fresh.keys() | reading.added.keys()
    reason = (
        reading.person
        or context.respelled
        or _differ(truths)
        or place.memory is None
        or texts.items() - texts_ours.items()
    )
    late = _too_often(memory, missing, fresh_reason=bool(reason))
    if late:
        return Step(_NO_CHANGE, replace(memory, **kept, aside=late), refused_texts=refused)
    memory = replace(memory, **kept, writes=() if reason else memory.writes)
    kept_away = truth.refused.keys() | reading.removed
    others = missing.keys() - fresh.keys() - approved
    carried = bool(others) or bool(drops.keys() & kept_away) or captions.carries(texts, truths)
    change = Change(add, remove, texts, _claim(place, truth, texts_ours, context))
    notes = (people.crowded(faces.left_out),) if faces.left_out else ()
    return Step(
        change, memory, missing, fresh, drops, carried=carried, refused_texts=refused, agreed=mark, notes=notes
    )


def _read_only(place: Place, context: Context) -> Memory:
    """The memory of a place that we do not write: what stands there, and nothing of ours."""
    memory = place.memory or Memory()
    if memory.aside or memory.pending or memory.agreed != READ:
        memory = replace(memory, aside="", pending=False, agreed=READ)
    return memory if unchanged(memory, place.seen) else replace(memory, **_base(memory, place.seen, context))


def _differ(truths: tuple[Truth, Truth]) -> bool:
    """Whether there is new evidence, or a person's edit somewhere."""
    before, after = truths
    return (
        before.ours != after.ours
        or before.words.keys() != after.words.keys()
        or before.caption != after.caption
        or before.title != after.title
    )


def _remembered(
    place: Place, reading: Reading, truths: tuple[Truth, Truth], now: Stand, context: Context
) -> Memory:
    """The memory with what was just read as its base."""
    before, truth = truths
    seen, memory = place.seen, place.memory or Memory()
    changed = (memory.exists or seen.exists) and place.memory is not None and not unchanged(memory, seen)
    persons = truth.words.keys() - truth.ours
    ours = memory.ours | ((before.ours | truth.ours | reading.adopted.keys()) & now.words.keys())
    ours = frozenset(k for k in ours - persons if k in truth.ours or stands(k, now))
    texts_ours = memory.texts_ours if place.memory else captions.claimed_texts(seen, context)
    overwritten = reading.overwritten if place.losses is not Losses.RESTORE else frozenset()
    return replace(
        memory,
        **_base(memory, seen, context),
        run=max(memory.run, _claimed_run(seen, context)),
        ours=ours,
        confirmed=frozenset(name for name in ours if stands(name, now)),
        texts_ours=texts_ours,
        again=frozenset((memory.again | overwritten) & truth.words.keys()),
        former=frozenset((memory.former | memory.ours) - truth.words.keys()),
        kept=_kept(place, reading, truth, now, context)
        if changed
        else frozenset(memory.kept & truth.words.keys()),
        past=_past(memory, seen, place.layout),
        written={k: t for k, t in memory.written.items() if abs(context.now - t) < STALE_EDITOR},
        since={k: memory.since.get(k, context.now) for k in now.words}
        | {k: t for k, t in memory.since.items() if k in truth.words},
        tries={k: n for k, n in memory.tries.items() if k in truth.words and not stands(k, now)},
        writes=tuple(t for t in memory.writes if abs(context.now - t) < PING_PONG),
        stale=memory.stale or (changed and _brings_along(reading, memory, seen)),
        pending=False,
        agreed="",
    )


def _brings_along(reading: Reading, memory: Memory, seen: Seen) -> bool:
    """Whether a save in some fields is to reach the others."""
    return reading.person or bool(reading.overwritten or reading.aside) or memory.texts != seen.texts


def _base(memory: Memory, seen: Seen, context: Context) -> dict[str, Any]:
    """What changes of a memory that takes this content as its base, and the one before into its history."""
    history = memory.history
    if memory.exists and memory.digest != seen.digest:
        history = (*(d for d in history if d != memory.digest), memory.digest)[-MOST_HISTORY:]
    return {
        "lists": seen.lists,
        "texts": seen.texts,
        "digest": seen.digest,
        "exists": seen.exists,
        "people": seen.people,
        "claimed": claimed_words(seen, context),
        "history": history,
        "seeded": seen.seeded or (memory.seeded if seen.exists else ""),
        "of": seen.of,
    }


def _claimed_run(seen: Seen, context: Context) -> int:
    return seen.claimed.run if seen.claimed is not None and seen.claimed.ledger == context.ledger else 0


def _kept(place: Place, reading: Reading, truth: Truth, now: Stand, context: Context) -> frozenset[str]:
    """Words that darktable has in its database: it saved them in the fields that it writes, and in no other."""
    memory, seen = place.memory or Memory(), place.seen
    kept = memory.kept - reading.overwritten
    if "darktable" in seen.programs and not reading.restored:
        first, *others = place.layout.paths
        others = [field for field in others if field != PERSONS]  # it does not write that one
        saved = [field for field in others if memory.lists.get(field) != seen.lists.get(field)]
        if saved and memory.lists.get(first) == seen.lists.get(first):
            before = fields.stand(place.layout, memory.lists, skip_of(seen, memory, context, truth))
            kept |= {k for k in truth.words if all(_saved(k, field, first, before, now) for field in saved)}
    return frozenset(kept & truth.words.keys())


def _saved(name: str, field: str, first: str, before: Stand, now: Stand) -> bool:
    """Whether a save of this field shows the word, and did not only bring it along from the first field."""
    old = name in before.paths.get(field, {}) or name not in now.paths.get(first, {})
    return old and name in now.paths.get(field, {})


def _past(memory: Memory, seen: Seen, layout: Layout) -> frozenset[str]:
    """Captions that stood here before; a few, since nobody changes them often."""
    names = (*layout.captions, *layout.titles)
    gone = {memory.texts.get(name, "") for name in names} - {*seen.texts.values(), ""}
    return frozenset(sorted(memory.past)[-MOST_PAST:] + sorted(gone)) if gone else memory.past


def _unwanted(before: Truth, truth: Truth, reading: Reading, memory: Memory, now: Stand) -> dict[str, Word]:
    """Words that may not stand: taken away by a person, undone, ours and no longer chosen, echoes.

    In a restored older copy every word outside the truth is one of these.
    """
    away = {**truth.refused, **truth.withheld, **reading.echoes, **reading.adopted}
    away |= {
        k: before.words.get(k) or now.words.get(k) or parse(k)
        for k in before.ours | memory.ours | memory.dropping | reading.removed
    }
    if reading.restored:
        away |= now.words
    return {k: w for k, w in away.items() if k not in truth.words}


def _too_often(memory: Memory, missing: Mapping[str, Word], *, fresh_reason: bool) -> str:
    """The reason why this place is not written any more, or ""."""
    stubborn = [show(w) for k, w in missing.items() if memory.tries.get(k, 0) >= MOST_TRIES]
    if stubborn:
        return f"written {MOST_TRIES} times and never read back: {', '.join(sorted(stubborn)[:5])}"
    if len(memory.writes) >= MOST_WRITES and not fresh_reason:
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
        since={**dict.fromkeys(step.adds, context.now + AFTER), **memory.since},
        tries={**memory.tries, **{k: memory.tries.get(k, 0) + 1 for k in step.adds}},
        writes=(*memory.writes, context.now),
        pending=True,
        agreed=step.agreed,
    )


def unwritten(memory: Memory) -> Memory:
    """The memory of a write that was booked and, as its place shows, never made."""
    if not memory.pending or not memory.writes:
        return memory
    adds = {name for name, at in memory.written.items() if at == memory.writes[-1]}
    return replace(
        memory,
        written={name: at for name, at in memory.written.items() if name not in adds},
        tries={name: n - (name in adds) for name, n in memory.tries.items() if n > (name in adds)},
        writes=memory.writes[:-1],
        pending=False,
        agreed="",
    )


def confirmed(memory: Memory, layout: Layout, seen: Seen, truth: Truth, context: Context) -> Memory:
    """The memory once the place was read back after our write."""
    now = fields.stand(layout, seen.lists, skip_of(seen, memory, context, truth))
    ours = frozenset(name for name in memory.ours if name in truth.ours or stands(name, now))
    standing = frozenset(name for name in ours if stands(name, now))
    dropping = frozenset(name for name in memory.dropping if stands(name, now) and name not in truth.words)
    done = not dropping and all(stands(name, now) for name in truth.words if fields.fits(layout, name))
    return replace(
        memory,
        **_base(memory, seen, context),
        run=context.run,
        ours=ours,
        confirmed=standing,
        tries={k: n for k, n in memory.tries.items() if not stands(k, now)},
        past=_past(memory, seen, layout),
        dropping=dropping,
        stale=False,
        pending=False,
        agreed=memory.agreed if done else "",
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
        if key((word[-1],)) == key((truth.words[old][-1],))
        and old != new
        and not (names_person(old) or names_person(new))
    )
