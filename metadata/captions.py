"""Fields of one value: a caption that is carried between places, and names of a place that fill gaps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata.memory import CAPTION, TITLE, Context, Event, Losses, Memory, Place, Reading, Truth, Wanted
from metadata.sinks import Seen


def told(
    truth: Truth,
    places: Mapping[str, Place],
    readings: Mapping[str, Reading],
    context: Context,
    events: list[Event],
) -> Truth:
    """The truth with what persons did to caption and title; a title is merged as a caption is."""
    truth = captioned(truth, places, readings, context, events)
    if not truth.title and not any(_has_title(place) for place in places.values()):
        return truth
    truth = _found_title(truth, places)
    titles = {name: _of_title(place) for name, place in places.items()}
    return _from_title(captioned(_as_caption(truth), titles, readings, context, events, "title"), truth)


def _has_title(place: Place) -> bool:
    return TITLE in place.seen.texts or (place.memory is not None and TITLE in place.memory.texts)


def _found_title(truth: Truth, places: Mapping[str, Place]) -> Truth:
    """A title that stands in a place we write and is not ours is a person's, be it older than our memory of it."""
    if truth.title or truth.title_conflict:
        return truth
    for place in places.values():
        said = place.seen.texts.get(TITLE, "")
        memory = place.memory
        known = memory is not None and place.writable and memory.texts.get(TITLE) == said
        if said and known and memory is not None and TITLE not in memory.texts_ours:
            return replace(truth, title=said, title_ours=False)
    return truth


def _of_title(place: Place) -> Place:
    return replace(place, layout=replace(place.layout, captions=place.layout.titles))


def _as_caption(truth: Truth) -> Truth:
    """The title in the caption's place, so that one set of rules holds for both."""
    return replace(
        truth,
        caption=truth.title,
        caption_ours=truth.title_ours,
        conflict=truth.title_conflict,
        texts_refused=_exchanged(truth.texts_refused),
    )


def _from_title(titled: Truth, truth: Truth) -> Truth:
    return replace(
        truth,
        title=titled.caption,
        title_ours=titled.caption_ours,
        title_conflict=titled.conflict,
        texts_refused=_exchanged(titled.texts_refused),
    )


def _exchanged(names: frozenset[str]) -> frozenset[str]:
    other = {CAPTION: TITLE, TITLE: CAPTION}
    return frozenset(other.get(name, name) for name in names)


def captioned(
    truth: Truth,
    places: Mapping[str, Place],
    readings: Mapping[str, Reading],
    context: Context,
    events: list[Event],
    what: str = "caption",
) -> Truth:
    """A caption changed in one place is carried; changed differently in two, each keeps its own."""
    said: dict[str, str] = {}
    for name, place in places.items():
        if not readings[name].aside:
            edit = _caption_edit(place, readings[name], truth, context)
            if edit is not None:
                said[name] = edit
    new = {value for value in said.values() if value}
    if len(new) > 1 or (new and _contradicted(said, places, truth)):
        events += [Event(name, f"{what} here: {value}") for name, value in said.items()]
        return replace(truth, conflict=True)
    refused = truth.texts_refused
    if new:
        return replace(
            truth, caption=new.pop(), caption_ours=False, conflict=False, texts_refused=refused - {CAPTION}
        )
    if said:
        return replace(truth, caption="", caption_ours=False, conflict=False, texts_refused=refused | {CAPTION})
    return truth


def _contradicted(said: Mapping[str, str], places: Mapping[str, Place], truth: Truth) -> bool:
    """Whether a place at first contact holds another caption than the one a person gave elsewhere."""
    first = all(places[name].memory is None for name, value in said.items() if value)
    return first and bool(truth.caption) and not truth.caption_ours


def undone_by_program(place: Place, reading: Reading) -> bool:
    """Whether the content as a whole is not a person's doing: gone, restored, or written over."""
    known = place.memory is not None and place.memory.exists
    return reading.restored or bool(reading.overwritten) or (known and not place.seen.exists)


def _caption_edit(place: Place, reading: Reading, truth: Truth, context: Context) -> str | None:
    """The caption a person gave here since the base ("" = took away), or None.

    Where the fields disagree the one that changed counts; the second one lost alone is only stale. A
    program that lost our words may have lost a caption or put an old one back, but a new one is a person's.
    """
    names, seen = place.layout.captions, place.seen
    now = {name: seen.texts.get(name, "") for name in names}
    if place.memory is None and not (place.writable or place.counts):
        return None
    if place.memory is None:
        first = next((value for value in now.values() if value), "")
        ours = claimed_texts(seen, context).keys() & set(names)
        return first if first and not ours and first != truth.caption else None
    if place.memory.exists and not seen.exists:
        return None
    if not place.writable and not seen.digest and place.memory.lists:
        return None  # emptied altogether: a program that keeps no metadata
    was = {name: place.memory.texts.get(name, "") for name in names}
    changed = [name for name in names if now[name] != was[name]]
    given = next((now[name] for name in changed if now[name]), "")
    if undone_by_program(place, reading):
        return (
            given if given and not reading.restored and given not in {*place.memory.past, truth.caption} else None
        )
    if given:
        return given if given != truth.caption else None
    return "" if changed and changed[0] == names[0] and truth.caption else None


def claimed_texts(seen: Seen, context: Context) -> dict[str, str]:
    """Text fields that the place itself says are ours."""
    if seen.claimed is None or seen.claimed.ledger != context.ledger:
        return {}
    return {name: seen.texts[name] for name in seen.claimed.texts if name in seen.texts}


def step(
    place: Place,
    reading: Reading,
    truths: tuple[Truth, Truth],
    wanted: Wanted | None,
    memory: Memory,
) -> tuple[dict[str, str | None], dict[str, str], frozenset[str]]:
    """Text fields to set (None = delete), which of the texts here are ours afterwards, and which were refused."""
    change, ours = _caption_texts(place, truths, memory)
    if truths[0].title or truths[1].title or TITLE in ours:
        titles = _as_caption(truths[0]), _as_caption(truths[1])
        titled, ours = _caption_texts(_of_title(place), titles, replace(memory, texts_ours=ours))
        change |= titled
    filled, ours, refused = _filled_texts(place, reading, truths[1], wanted, ours)
    return change | filled, ours, refused


def _caption_texts(
    place: Place, truths: tuple[Truth, Truth], memory: Memory
) -> tuple[dict[str, str | None], dict[str, str]]:
    before, truth = truths
    names, texts = place.layout.captions, place.seen.texts
    ours = {
        name: value for name, value in memory.texts_ours.items() if texts.get(name) == value or name not in names
    }
    if truth.conflict or not names:
        return {}, ours
    if not truth.caption:
        old = {texts.get(name) for name in names} if CAPTION in truth.texts_refused else {before.caption}
        gone = {name for name in names if texts.get(name) and texts[name] in old} | (ours.keys() & {*names})
        return dict.fromkeys(sorted(gone)), {n: v for n, v in ours.items() if n not in gone}
    edited = place.memory is not None and (memory.stale or truth.caption != before.caption)
    here = truth.caption in (texts.get(name) for name in names)
    if here and not truth.caption_ours and not place.seen.exists:
        return {}, ours  # the photo itself shows it, and no file is made for a second field
    if not (truth.caption_ours or edited or not here or (place.memory and place.memory.texts != texts)):
        return {}, ours
    change: dict[str, str | None] = {n: truth.caption for n in names if texts.get(n) != truth.caption}
    mine = dict.fromkeys(names, truth.caption) if truth.caption_ours else {}
    return change, {n: v for n, v in ours.items() if n not in names} | mine


def _filled_texts(
    place: Place, reading: Reading, truth: Truth, wanted: Wanted | None, ours: Mapping[str, str]
) -> tuple[dict[str, str | None], dict[str, str], frozenset[str]]:
    """Fields that are filled together, where none of them is somebody else's."""
    names, texts, memory = place.layout.texts, place.seen.texts, place.memory
    lost = {n for n, v in ours.items() if n in names and memory and memory.texts.get(n) == v and not texts.get(n)}
    rewritten = undone_by_program(place, reading) or place.losses is Losses.RESTORE
    refused = frozenset() if rewritten else frozenset(lost)
    others = [n for n in names if texts.get(n) and ours.get(n) != texts[n]]
    mine = {n: v for n, v in ours.items() if n not in refused and texts.get(n, v) == v}
    if wanted is None or others:
        return {}, mine, refused
    away = truth.texts_refused | truth.texts_withheld | refused
    want = {n: v for n, v in wanted.texts.items() if n in names and n not in away}
    change: dict[str, str | None] = {n: v for n, v in want.items() if texts.get(n) != v}
    change |= {n: None for n in mine if n in names and n not in want and n in texts}
    return change, {n: v for n, v in mine.items() if n not in names} | want, refused


def carries(texts: Mapping[str, str | None], truths: tuple[Truth, Truth]) -> bool:
    """Whether these texts hold what a person wrote or took away elsewhere."""
    before, truth = truths
    if not texts:
        return False
    captions = (before.caption, before.caption_ours), (truth.caption, truth.caption_ours)
    titles = (before.title, before.title_ours), (truth.title, truth.title_ours)
    return any(was != now and not (was[1] or now[1]) for was, now in (captions, titles))
