"""What one place shows only because another does: a server that reads sidecars copies losses and old words. Pure.

Immich keeps a photo's keywords in its sidecar and reads them back from there. So a server's words that
vanished, or came, may say nothing but that the sidecar was deleted, restored or written over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata import fields
from metadata.fields import Stand
from metadata.memory import Context, Place, Reading, Truth
from metadata.reading import skip_of, stands


def explained(
    readings: Mapping[str, Reading], places: Mapping[str, Place], truth: Truth, context: Context
) -> dict[str, Reading]:
    """The readings, less what one place only repeats after another."""
    if not any(place.layout.trusted for place in places.values()) or len(places) == 1:
        return dict(readings)
    told = {name: _told(name, reading, readings, places, context) for name, reading in readings.items()}
    return {name: _without_echoes(name, reading, places, truth, context) for name, reading in told.items()}


def _told(
    name: str,
    reading: Reading,
    readings: Mapping[str, Reading],
    places: Mapping[str, Place],
    context: Context,
) -> Reading:
    """A server's losses that a file explains, and a file's empty list that the server has to back."""
    others = [other for other in places if places[other].layout.trusted != places[name].layout.trusted]
    if places[name].layout.trusted:
        for other in others:
            reading = _copied(reading, readings[other], places[other], context)
        return reading
    unbacked = reading.emptied
    for other in others:
        memory = places[other].memory
        if memory is not None and not memory.aside:
            base = fields.stand(places[other].layout, memory.lists, skip_of(places[other].seen, memory, context))
            unbacked = frozenset(word for word in unbacked if not stands(word, base))
        else:
            unbacked = frozenset()
    return replace(reading, removed=reading.removed - unbacked, overwritten=reading.overwritten | unbacked)


def _copied(reading: Reading, file: Reading, place: Place, context: Context) -> Reading:
    """What a server lost, or shows again, because it read a file that a program or nobody's wish changed."""
    now = _stand(place, context)
    vanished = not place.seen.exists and (place.memory is None or place.memory.exists)
    unread = place.memory is not None and place.memory.aside and place.memory.digest != place.seen.digest
    lost = reading.removed if vanished or unread or file.restored else reading.removed & file.overwritten
    lost = frozenset(name for name in lost if not stands(name, now))
    old = {name: word for name, word in reading.added.items() if file.restored and stands(name, now)}
    return replace(
        reading,
        removed=reading.removed - lost,
        overwritten=reading.overwritten | lost,
        added={name: word for name, word in reading.added.items() if name not in old},
        echoes={**reading.echoes, **old},
    )


def _without_echoes(
    name: str, reading: Reading, places: Mapping[str, Place], truth: Truth, context: Context
) -> Reading:
    """Words that came here while they were still waiting to go from the place that this one copies from."""
    waiting: set[str] = set()
    for other, place in places.items():
        if other != name and place.memory is not None and place.memory.dropping and reading.added:
            now = _stand(place, context)
            waiting |= {one for one in place.memory.dropping - truth.words.keys() if stands(one, now)}
    old = {one: word for one, word in reading.added.items() if one in waiting}
    if not old:
        return reading
    added = {one: word for one, word in reading.added.items() if one not in old}
    return replace(reading, added=added, echoes={**reading.echoes, **old})


def _stand(place: Place, context: Context) -> Stand:
    return fields.stand(place.layout, place.seen.lists, skip_of(place.seen, place.memory, context))
