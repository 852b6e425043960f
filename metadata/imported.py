"""What a server held when it was first met: a person's, unless the server has it from a sidecar of ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata import fields
from metadata.memory import Context, Memory, Place, Reading, Truth
from metadata.reading import claimed_words, skip_of
from metadata.tags import Word


def imported(
    readings: Mapping[str, Reading], places: Mapping[str, Place], truth: Truth, context: Context
) -> dict[str, Reading]:
    """The readings, with the words of a server at first contact given to whoever wrote them."""
    first = [name for name, place in places.items() if place.layout.trusted and place.memory is None]
    return {**readings, **{name: _imported(name, readings[name], places, truth, context) for name in first}}


def _imported(name: str, reading: Reading, places: Mapping[str, Place], truth: Truth, context: Context) -> Reading:
    place = places[name]
    here = fields.stand(place.layout, place.seen.lists, skip_of(place.seen, None, context)).words
    files = [other for other in places.values() if not other.layout.trusted]
    ours = frozenset[str]().union(*(_ours(file, context) for file in files))
    before = frozenset[str]().union(*(file.memory.former for file in files if file.memory is not None))
    persons: dict[str, Word] = {k: w for k, w in here.items() if k in truth.ours and k not in ours}
    old = {k: w for k, w in reading.added.items() if k in before and k in truth.withheld}
    added = {k: w for k, w in {**reading.added, **persons}.items() if k not in old and k not in reading.echoes}
    return replace(reading, added=added, echoes={**reading.echoes, **old})


def _ours(file: Place, context: Context) -> frozenset[str]:
    """Words of ours that a server may have read in this file."""
    memory = file.memory or Memory()
    return memory.ours | memory.confirmed | claimed_words(file.seen, context)
