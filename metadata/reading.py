"""What a difference between a place and our memory of it means: a person's edit, or a program's accident. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata import fields
from metadata.fields import Skip, Stand
from metadata.memory import Context, Losses, Memory, Place, Reading, Truth
from metadata.sinks import Seen
from metadata.tags import Word, key, parse, show

STALE_EDITOR = 600.0
"""Seconds after our own write in which a loss is laid to an editor that saved what it had read before."""


def skip_of(seen: Seen, memory: Memory | None, context: Context) -> Skip:
    """Whose words are nobody's wish in this place, now or when it was last read."""
    return Skip(context.skip, seen.people | (memory.people if memory else frozenset()))


def read(place: Place, truth: Truth, context: Context) -> Reading:
    """Compare a place with its memory, field by field."""
    seen, memory = place.seen, place.memory
    if memory is not None and memory.aside:
        return Reading(aside=memory.aside)
    if memory is not None and memory.exists == seen.exists and memory.digest == seen.digest:
        return Reading()
    skip = skip_of(seen, memory, context)
    now = fields.stand(place.layout, seen.lists, skip)
    if memory is None:
        return _first(now, seen, truth, context)
    before = fields.stand(place.layout, memory.lists, skip)
    if not seen.exists:
        return _judged(place, memory, truth, now, frozenset(before.words), context, gone=True)
    if seen.digest in memory.history:
        went = frozenset(before.words.keys() - now.words.keys())
        return replace(_judged(place, memory, truth, now, went, context, gone=True), restored=True)
    edits = fields.edits(place.layout, before, now)
    added, adopted = _whose(edits.added, seen, memory, truth, context)
    return replace(_judged(place, memory, truth, now, edits.removed, context), added=added, adopted=adopted)


def _first(now: Stand, seen: Seen, truth: Truth, context: Context) -> Reading:
    added, adopted = _whose(now.words, seen, Memory(), truth, context)
    return Reading(added=added, adopted=adopted)


def _whose(
    came: Mapping[str, Word], seen: Seen, memory: Memory, truth: Truth, context: Context
) -> tuple[dict[str, Word], dict[str, Word]]:
    """Part what came into a person's words and our own that the ledger does not know of (any more)."""
    claim = seen.claimed
    claimed: set[str] = set()
    if claim is not None and claim.ledger == context.ledger and (not memory.exists or claim.run > memory.run):
        claimed = {key(parse(word)) for word in claim.words}
    known = claimed | memory.ours | truth.ours
    added = {name: word for name, word in came.items() if name not in known}
    adopted = {name: word for name, word in came.items() if name in known}
    return added, adopted


def _judged(
    place: Place,
    memory: Memory,
    truth: Truth,
    now: Stand,
    went: frozenset[str],
    context: Context,
    *,
    gone: bool = False,
) -> Reading:
    """What it means that these words of the base are missing; `gone` when the whole content is another's."""
    missing = went & (truth.words.keys() | memory.ours)
    confirmed = memory.confirmed & truth.ours
    lost = missing & confirmed
    if place.losses is Losses.RESTORE:
        return Reading(overwritten=missing)
    if place.losses is Losses.ACCEPT:
        return Reading(removed=missing if place.seen.exists else missing & memory.ours)
    if place.layout.trusted:
        return Reading(removed=missing)
    if not gone and fields.spelled_empty(place.layout, place.seen.lists):
        return Reading(removed=missing, lost=lost)
    if gone or (lost and not (confirmed & now.words.keys())):
        overwritten = missing
    else:
        overwritten = frozenset(name for name in missing if _recent(memory, name, context.now))
    return _second_time(
        place, memory, Reading(overwritten=overwritten, removed=missing - overwritten, lost=lost), gone
    )


def _recent(memory: Memory, name: str, now: float) -> bool:
    """Whether we wrote this word less than ten minutes ago."""
    return name in memory.written and abs(now - memory.written[name]) < STALE_EDITOR


def _second_time(place: Place, memory: Memory, reading: Reading, gone: bool) -> Reading:  # noqa: FBT001 - private
    """What was overwritten once is written again; what is lost again is a person's no, or a reason to stop."""
    again = reading.overwritten & memory.again
    if not again:
        return reading
    if "darktable" in place.seen.programs:
        return replace(reading, overwritten=frozenset(), removed=frozenset(), aside=DARKTABLE)
    if len(again) > 1 or (gone and place.seen.exists) or not again <= memory.ours:
        return replace(reading, overwritten=frozenset(), removed=frozenset(), aside=_overwritten(again))
    return replace(reading, overwritten=reading.overwritten - again, removed=reading.removed | again)


DARKTABLE = "darktable wrote its own copy over this file twice; set it to read changed sidecars, then retry"


def _overwritten(again: frozenset[str]) -> str:
    words = ", ".join(sorted(show(parse(name)) for name in again)[:5])
    return f"another program wrote over this place twice and lost: {words}"
