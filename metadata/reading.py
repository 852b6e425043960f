"""What a difference between a place and our memory of it means: a person's edit, or a program's accident. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from metadata import fields
from metadata.fields import Edits, Skip, Stand
from metadata.memory import Context, Losses, Memory, Place, Reading, Truth
from metadata.sinks import Seen
from metadata.tags import Word, key, names_person, parse, show

NO_NEWS = Reading()
"""A place is as it was."""
STALE_EDITOR = 600.0
"""Seconds after our own write in which a loss is laid to an editor that saved what it had read before."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One place whose losses are judged, with what stands there now."""

    place: Place
    memory: Memory
    truth: Truth
    now: Stand

    @property
    def ours(self) -> frozenset[str]:
        """Our words that were read back here."""
        return self.memory.confirmed & self.truth.ours


def skip_of(seen: Seen, memory: Memory | None, context: Context, *truths: Truth) -> Skip:
    """Whose words are nobody's wish in this place, now or when it was last read.

    What all agreed on is a wish, also where a face region came to bear that name later.
    """
    people = seen.people | (memory.people if memory else frozenset())
    if people and truths:
        people = frozenset(
            name for name in people if not any(key(("people", name)) in truth.words for truth in truths)
        )
    return Skip(context.skip, people)


def unchanged(memory: Memory, seen: Seen) -> bool:
    """Whether a place shows what it showed: the digest is of the file we write, the words may be of two."""
    if memory.exists != seen.exists or memory.digest != seen.digest:
        return False
    return memory.lists == seen.lists and memory.texts == seen.texts


def read(place: Place, truth: Truth, context: Context) -> Reading:
    """Compare a place with its memory, field by field."""
    seen, memory = place.seen, place.memory
    if memory is not None and memory.aside:
        return Reading(aside=memory.aside)
    if memory is not None and unchanged(memory, seen):
        return NO_NEWS
    if not place.writable:
        if memory is None and place.counts:
            return read(replace(place, writable=True), truth, context)
        return _only_read(place, memory, truth, context) if memory is not None else Reading()
    skip = skip_of(seen, memory, context, truth)
    now = fields.stand(place.layout, seen.lists, skip)
    if memory is None:
        return _first(now, seen, truth, context)
    before = fields.stand(place.layout, memory.lists, skip)
    if not seen.exists and not memory.exists:
        return _still_absent(
            _edited(_Case(place, memory, truth, now), fields.edits(place.layout, before, now), context)
        )
    if not seen.exists or (seen.digest in memory.history and not place.layout.trusted):
        went = frozenset(name for name in before.words if not stands(name, now))
        missing = went & truth.words.keys()
        reading = _decided(place, truth, missing) or _whole(place, truth, missing)
        return replace(reading, restored=seen.exists)
    return _edited(_Case(place, memory, truth, now), fields.edits(place.layout, before, now), context)


def _only_read(place: Place, memory: Memory, truth: Truth, context: Context) -> Reading:
    """What a person did in a place that is not ours to write: what a program lost there can stay lost.

    An earlier state that is back may be a copy from a backup: it takes nothing away. A word of ours that came
    was copied from the sidecar by a program that writes both.
    """
    restored = place.seen.digest in memory.history
    if not place.seen.digest and sum(map(len, memory.lists.values())) > 1:
        return Reading()  # emptied altogether: a program that keeps no metadata
    known = replace(memory, again=frozenset(), history=())
    reading = read(replace(place, writable=True, losses=Losses.JUDGE, memory=known), truth, context)
    removed = frozenset() if restored else reading.removed
    added = {name: word for name, word in reading.added.items() if name not in truth.ours}
    return Reading(added, reading.adopted, reading.echoes, removed, came=reading.came, restored=restored)


def _still_absent(reading: Reading) -> Reading:
    """A file that is not there shows what the photo holds; what went from that, the photo tells itself."""
    return Reading(added=reading.added, adopted=reading.adopted, echoes=reading.echoes, came=reading.came)


def _edited(case: _Case, edits: Edits, context: Context) -> Reading:
    """What words mean that came to a place and went from it."""
    place, memory, truth = case.place, case.memory, case.truth
    added, adopted = _whose(edits.added, place.seen, memory, truth, context)
    added |= _said_as_well(case, edits, adopted, context)
    age = _age(place.seen, memory, context)
    gone = memory.former | truth.refused.keys() | truth.withheld.keys()
    old = truth.refused.keys() if age < 0 else frozenset()
    echoes = {k: w for k, w in added.items() if k in old or (k in gone and _from_a_book(case, k))}
    added = {k: w for k, w in added.items() if k not in echoes}
    missing = edits.removed & truth.words.keys()
    forgotten = missing & truth.ours - claimed_words(place.seen, context) if age > 0 else frozenset()
    reading = _decided(place, truth, missing - forgotten)
    if reading is None and age < 0:
        reading = _whole(place, truth, missing)
    if reading is None:
        reading = _judged(case, edits, missing - forgotten, context)
    came = edits.added.keys() & truth.words.keys() - memory.ours - memory.written.keys()
    return replace(
        reading, added=added, adopted=adopted, echoes=echoes, forgotten=frozenset(forgotten), came=frozenset(came)
    )


def _said_as_well(case: _Case, edits: Edits, adopted: Mapping[str, Word], context: Context) -> dict[str, Word]:
    """Words of ours that a person wrote here before we did.

    A server copies ours into the first field of paths; nobody but a person puts them into the others.
    """
    memory = case.memory
    known = memory.ours | memory.written.keys() | adopted.keys()
    known |= memory.former if "darktable" in case.place.seen.programs else frozenset()
    known |= claimed_words(case.place.seen, context)
    others = [*case.place.layout.paths][1:]
    return {
        name: word
        for name, word in edits.added.items()
        if name in case.truth.ours - known and any(name in case.now.paths.get(field, {}) for field in others)
    }


def _from_a_book(case: _Case, name: str) -> bool:
    """Whether darktable put a word back in the fields it writes, and nobody did so in the others."""
    if names_person(name):  # it keeps nobody's name
        return False
    everywhere = all(name in case.now.paths.get(field, {}) for field in case.place.layout.paths)
    return not everywhere and "darktable" in case.place.seen.programs


def _age(seen: Seen, memory: Memory, context: Context) -> int:
    """Whether our own mark in the place is older (-1) or newer (1) than our memory of it; 0 where it is as known.

    Nobody but us writes it. So an older one tells of an older copy, on which somebody may have saved since,
    and a newer one of an older ledger that came back.
    """
    claim = seen.claimed
    if claim is None or claim.ledger != context.ledger or memory.pending or not memory.exists:
        return 0
    if claimed_words(seen, context) == memory.claimed:
        return 0
    return 1 if claim.run > memory.run else -1


def stands(name: str, now: Stand) -> bool:
    """Whether a place shows this word, be it only as the beginning of another."""
    return name in now.words or any(name in words for words in now.paths.values())


def _first(now: Stand, seen: Seen, truth: Truth, context: Context) -> Reading:
    """First contact: nothing tells when a word came, so what a person refused before is no addition."""
    added, adopted = _whose(now.words, seen, Memory(), truth, context)
    echoes = {name: word for name, word in added.items() if name in truth.refused}
    return Reading({name: word for name, word in added.items() if name not in echoes}, adopted, echoes)


def _whose(
    came: Mapping[str, Word], seen: Seen, memory: Memory, truth: Truth, context: Context
) -> tuple[dict[str, Word], dict[str, Word]]:
    """Part what came into a person's words and our own that the ledger does not know of (any more).

    What already stands everywhere is no news.
    """
    known = memory.ours if memory.pending else memory.confirmed
    known |= claimed_words(seen, context) - memory.claimed
    added = {name: word for name, word in came.items() if name not in known and name not in truth.words}
    adopted = {name: word for name, word in came.items() if name in known and name not in truth.words}
    return added, adopted


def claimed_words(seen: Seen, context: Context) -> frozenset[str]:
    """Words that the place itself says are ours."""
    if seen.claimed is None or seen.claimed.ledger != context.ledger:
        return frozenset()
    return frozenset(key(parse(word)) for word in seen.claimed.words)


def _decided(place: Place, truth: Truth, missing: frozenset[str]) -> Reading | None:
    """What a person decided for the whole root."""
    if place.losses is Losses.RESTORE:
        return Reading(overwritten=missing)
    if place.losses is Losses.ACCEPT:
        return Reading(removed=missing if place.seen.exists else missing & truth.ours)
    return None


def _whole(place: Place, truth: Truth, missing: frozenset[str]) -> Reading:
    """The content as a whole is gone, or an earlier one: no single word was meant."""
    memory = place.memory or Memory()
    reading = Reading(overwritten=missing, lost=missing & memory.confirmed & truth.ours)
    return _second_time(place, truth, reading, whole=True)


def _judged(case: _Case, edits: Edits, missing: frozenset[str], context: Context) -> Reading:
    """What it means that these words of the base went from some field."""
    place, memory = case.place, case.memory
    lost = missing & case.ours
    recent = {name for name in missing if _recent(memory, name, context.now)}
    if place.layout.trusted:
        swept = lost if not any(stands(name, case.now) for name in case.ours) else frozenset()
        reading = Reading(overwritten=swept & recent, removed=missing - (swept & recent), lost=lost)
        return _second_time(place, case.truth, reading)
    said_none = fields.emptied(place.layout, memory.lists, place.seen.lists)
    meant = {name for name in missing - recent if _meant(case, name, edits, missing)}
    overwritten = frozenset() if said_none else missing - meant
    reading = Reading(overwritten=overwritten, removed=missing - overwritten, lost=lost)
    return _second_time(place, case.truth, reading)


def _recent(memory: Memory, name: str, now: float) -> bool:
    """Whether we wrote this word less than ten minutes ago."""
    return name in memory.written and abs(now - memory.written[name]) < STALE_EDITOR


def _meant(case: _Case, name: str, edits: Edits, missing: frozenset[str]) -> bool:
    """Whether some field tells that this word went because a person took it away."""
    return any(name in went and _speaks(case, field, name, went & missing) for field, went in edits.went.items())


def _speaks(case: _Case, field: str, name: str, went: frozenset[str]) -> bool:
    """Whether that this word went from this field is a person's no, as far as this field can tell.

    Not if several words went with the field itself; not if all our words went from it at once; and not if
    darktable's book may never have held the word.
    """
    seen = case.place.seen
    if field not in seen.lists and len(went) > 1:
        return False
    if "darktable" in seen.programs and not _in_the_book(case, field, name):
        return False
    return not case.ours & went or any(
        fields.holds(case.now, field, one, case.truth.words[one]) for one in case.ours - went
    )


def _in_the_book(case: _Case, field: str, name: str) -> bool:
    """Whether darktable had read this word: it saved it before, or it shows one of ours that is younger.

    Its database is written into all but the first field of every file that it touches, and a word may have
    come after its last reading. Words of one write of ours are of one age: whoever read
    one of them read all.
    """
    memory, words = case.memory, case.truth.words
    if name in memory.kept or field == next(iter(case.place.layout.paths)) or names_person(name):
        return True
    age, written = memory.since.get(name, 0.0), name in case.ours
    younger = {one for one, since in memory.since.items() if since > age or (written and since == age)}
    return any(fields.holds(case.now, field, one, words[one]) for one in (younger - {name}) & case.ours)


def _second_time(place: Place, truth: Truth, reading: Reading, *, whole: bool = False) -> Reading:
    """What was overwritten once is written again; what is lost again is a person's no, or a reason to stop."""
    again = reading.overwritten & (place.memory.again if place.memory else frozenset())
    if not again:
        return reading
    if "darktable" in place.seen.programs and not whole:
        return replace(reading, overwritten=frozenset(), aside=DARKTABLE)
    if whole or len(reading.overwritten) > 1 or not again <= truth.ours:
        return replace(reading, overwritten=frozenset(), aside=_overwritten(again))
    return replace(reading, overwritten=frozenset(), removed=reading.removed | again)


DARKTABLE = "darktable wrote its own copy over this file twice; set it to read changed sidecars, then retry"


def _overwritten(again: frozenset[str]) -> str:
    words = ", ".join(sorted(show(parse(name)) for name in again)[:5])
    return f"another program wrote over this place twice and lost: {words}"
