"""What one place shows only because another does: a server that reads sidecars copies losses and old words. Pure.

Immich keeps a photo's keywords in its sidecar and reads them back from there. So a server's words that
vanished, or came, may say nothing but that the sidecar was deleted, restored or written over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata import fields
from metadata.fields import Stand
from metadata.memory import Context, Memory, Place, Reading, Truth
from metadata.reading import skip_of, stands
from metadata.tags import names_person


def explained(
    readings: Mapping[str, Reading], places: Mapping[str, Place], truth: Truth, context: Context
) -> dict[str, Reading]:
    """The readings, less what one place only repeats after another."""
    if not any(place.layout.trusted for place in places.values()) or len(places) == 1:
        return dict(readings)
    told = {name: _told(name, readings, places, truth, context) for name in readings}
    ours = {word for reading in told.values() for word in reading.adopted}
    told = {name: _adopting(reading, ours) for name, reading in told.items()}
    told = {name: _still_ours(reading, truth) for name, reading in told.items()}
    return {name: _without_echoes(name, reading, places, truth, context) for name, reading in told.items()}


def _still_ours(reading: Reading, truth: Truth) -> Reading:
    """A word of ours that came to a file may have come by way of the server: no person is needed for that."""
    if not reading.added.keys() & truth.ours:
        return reading
    return replace(reading, added={k: w for k, w in reading.added.items() if k not in truth.ours})


def _adopting(reading: Reading, ours: set[str]) -> Reading:
    """A word that another place calls ours is ours here as well."""
    more = {name: word for name, word in reading.added.items() if name in ours}
    if not more:
        return reading
    added = {name: word for name, word in reading.added.items() if name not in ours}
    return replace(reading, added=added, adopted={**reading.adopted, **more})


def _told(
    name: str, readings: Mapping[str, Reading], places: Mapping[str, Place], truth: Truth, context: Context
) -> Reading:
    """A server's losses that a file explains, and a file's that come from a server which never held the word.

    A server writes its own list over the first field of paths, and nothing else.
    """
    reading = readings[name]
    others = [other for other in places if places[other].layout.trusted != places[name].layout.trusted]
    if places[name].layout.trusted:
        for other in others:
            reading = _copied(places[name], reading, places[other], readings[other], truth, context)
        return reading
    now = _stand(places[name], context)
    copied = now.paths.get(next(iter(places[name].layout.paths)), {})
    whole = any(copied.keys() == _stand(places[other], context).words.keys() for other in others)
    removed = {word for word in reading.removed if not names_person(word)}  # no server holds one
    unknown = frozenset(word for word in removed if word not in copied and (whole or stands(word, now)))
    for other in others:
        unknown = frozenset(word for word in unknown if not _knew(places[other], word, context))
    return replace(reading, removed=reading.removed - unknown, overwritten=reading.overwritten | unknown)


def _knew(place: Place, name: str, context: Context) -> bool:
    """Whether a server held this word when it was last read; one that is not read now may know anything."""
    memory = place.memory
    if memory is None or memory.aside:
        return True
    return stands(name, fields.stand(place.layout, memory.lists, skip_of(place.seen, memory, context)))


def _copied(
    place: Place, reading: Reading, from_: Place, file: Reading, truth: Truth, context: Context
) -> Reading:
    """What a server lost, or shows again, because it read a file that lacks the word though nobody took it away.

    A person's no on the server takes the word from the first field of the file, and leaves it in the others.
    """
    now = _stand(from_, context)
    memory = place.memory or Memory()
    read = now.paths.get(next(iter(from_.layout.paths)), {})
    base = set() if file.restored else _base(from_, context)
    lost = {
        name for name in reading.removed - file.removed if not stands(name, now) or name not in read.keys() | base
    }
    back = {name: word for name, word in reading.added.items() if stands(name, now)}
    if not file.restored:
        gone = memory.former | truth.refused.keys() | truth.withheld.keys() if file.aside else frozenset()
        back = {name: word for name, word in back.items() if name in gone}
    reading = replace(
        reading,
        added={name: word for name, word in reading.added.items() if name not in back},
        echoes={**reading.echoes, **back},
    )
    if reading.aside:
        return replace(reading, removed=reading.removed - lost)
    if lost & memory.again and len(lost) == 1:
        return reading
    aside = "its words were lost twice with those of the sidecar" if lost & memory.again else ""
    return replace(
        reading,
        removed=reading.removed - lost,
        overwritten=frozenset() if aside else reading.overwritten | lost,
        aside=aside,
    )


def _without_echoes(
    name: str, reading: Reading, places: Mapping[str, Place], truth: Truth, context: Context
) -> Reading:
    """Words that came here while they were still waiting to go from the place that this one copies from.

    Whoever copies copies all of them.
    """
    waiting: set[str] = set()
    here = _stand(places[name], context) if reading.added else None
    for other, place in places.items():
        if here is not None and other != name and place.memory is not None and place.memory.dropping:
            now = _stand(place, context)
            going = {one for one in place.memory.dropping - truth.words.keys() if not names_person(one)}
            left = {one for one in going if stands(one, now)}
            waiting |= left if all(stands(one, here) for one in left) else set()
    old = {one: word for one, word in reading.added.items() if one in waiting}
    if not old:
        return reading
    added = {one: word for one, word in reading.added.items() if one not in old}
    return replace(reading, added=added, echoes={**reading.echoes, **old})


def _base(place: Place, context: Context) -> set[str]:
    """What the first field of paths, which servers read, showed when the place was last read."""
    if place.memory is None:
        return set()
    before = fields.stand(place.layout, place.memory.lists, skip_of(place.seen, place.memory, context))
    return set(before.paths.get(next(iter(place.layout.paths)), {}))


def _stand(place: Place, context: Context) -> Stand:
    return fields.stand(place.layout, place.seen.lists, skip_of(place.seen, place.memory, context))
