"""Persons in a picture: their names become `PersonInImage`, their faces MWG regions in the stored picture. Pure.

A name is merged like a keyword (`tags.person`), field by field. A region is a text of its own
(`metadata.xmp_structs`) that is ours where we put it there and nobody moved it:

- no region without a name, none of a person who has one already by somebody else, in whatever list;
- at most nine in a file; of more people the largest faces, and the others' names alone;
- a region of ours that somebody took out is a no to that person, unless several went at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from metadata.captions import undone_by_program
from metadata.choose import Chosen, Evidence, Rules
from metadata.memory import Losses, Memory, Place, Reading, Truth, Wanted
from metadata.sinks import Seen
from metadata.tags import PERSONS, clean, fold, key, person
from metadata.xmp_structs import MICROSOFT, MOST, REGION, Area, areas

Wish = Literal["none", "names", "regions"]
"""What is written of people: nothing, their names, or names and face regions."""


class Box(NamedTuple):
    """A face in the upright picture: its edges as fractions of width and height, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Frame(NamedTuple):
    """The stored picture: size in pixels, and how it is turned to be looked at (TIFF 6.0 tag 274, 1-8)."""

    width: int
    height: int
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the picture, and where the face is if that is known."""

    name: str
    box: Box | None = None


_Turn = Callable[[float, float], tuple[float, float]]
_TO_STORED: Final[Mapping[int, _Turn]] = {
    1: lambda u, v: (u, v),
    2: lambda u, v: (1 - u, v),
    3: lambda u, v: (1 - u, 1 - v),
    4: lambda u, v: (u, 1 - v),
    5: lambda u, v: (v, u),
    6: lambda u, v: (v, 1 - u),
    7: lambda u, v: (1 - v, 1 - u),
    8: lambda u, v: (1 - v, u),
}
"""A point of the upright picture in the stored one, both as fractions (EXIF 2.32, orientation)."""


def stored(box: Box, frame: Frame) -> Area | None:
    """The box turned back into the stored picture, cut at its edges; None where nothing is left of it."""
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    turn = _TO_STORED.get(frame.orientation, _TO_STORED[1])
    (x1, y1), (x2, y2) = turn(left, top), turn(right, bottom)
    w, h = abs(x2 - x1), abs(y2 - y1)
    if not (left < right and top < bottom and frame.width > 0 and frame.height > 0) or min(w, h) < 1e-5:
        return None
    return Area((x1 + x2) / 2, (y1 + y2) / 2, w, h, frame.width, frame.height)


# What choice asks for


def named(said: Person, rules: Rules) -> str | None:
    """A name as we write it: without commas, separators and control signs; None if blocked or empty."""
    name = clean((said.name,))
    return None if name is None or key(name) in rules.block else name[0]


def chosen(evidence: Iterable[Evidence], rules: Rules, wish: Wish) -> dict[str, Chosen]:
    """Everybody who is to be named, by key, with who said so."""
    found: dict[str, Chosen] = {}
    for said in evidence if wish != "none" else ():
        for each in said.people:
            name = named(each, rules)
            if name is not None:
                found.setdefault(key(person(name)), Chosen(person(name), said.source, 1.0))
    return found


def regions(evidence: Iterable[Evidence], rules: Rules, frame: Frame) -> dict[str, str]:
    """A region for everybody whose face is known, the largest first."""
    found: dict[str, tuple[str, Area]] = {}
    for said in evidence:
        for each in said.people:
            name = named(each, rules)
            area = stored(each.box, frame) if each.box and name else None
            if name is not None and area is not None:
                found.setdefault(fold(name), (name, area))
    ranked = sorted(found.values(), key=lambda item: (-item[1].w * item[1].h, item[0]))
    return {f"{REGION}{name}": str(area) for name, area in ranked}


# The merge


def is_region(name: str) -> bool:
    """Whether this name among texts is that of a face region that we may write."""
    return name.startswith(REGION)


def _key(name: str) -> str:
    return key(person(name.partition("/")[2]))


def _mine(said: str, texts: Mapping[str, str], name: str) -> Area | None:
    """Our area as it stands there now, if nobody moved it."""
    ours = areas(said)
    return next((area for area in areas(texts.get(name, "")) if ours and area.near(ours[0])), None)


def taken(place: Place, reading: Reading, truth: Truth) -> frozenset[str]:
    """Regions of ours that somebody took out: each is a no to that person."""
    memory = place.memory
    if memory is None or PERSONS not in place.layout.paths or not place.writable:
        return frozenset()
    known = {name for name in memory.texts_ours if is_region(name) and name in memory.texts}
    gone = {name for name in known - place.seen.texts.keys() if _key(name) in truth.words}
    if place.losses is Losses.ACCEPT:
        return frozenset(gone)
    accident = undone_by_program(place, reading) or place.losses is Losses.RESTORE or len(gone) > 1
    return frozenset() if accident or reading.aside or not place.seen.exists else frozenset(gone)


def with_taken(readings: Mapping[str, Reading], places: Mapping[str, Place], truth: Truth) -> dict[str, Reading]:
    """The readings with persons removed whose regions were taken out."""
    found = dict(readings)
    for name, place in places.items():
        if place.memory is not None and any(map(is_region, place.memory.texts_ours)):
            went = {_key(each) for each in taken(place, readings[name], truth)}
            if went:
                removed = readings[name].removed | went
                found[name] = replace(
                    readings[name], removed=removed, overwritten=readings[name].overwritten - went
                )
    return found


@dataclass(frozen=True, slots=True)
class Regions:
    """What becomes of the regions of one place: texts to set (None: delete), ours then, who has no room."""

    texts: Mapping[str, str | None]
    ours: Mapping[str, str]
    left_out: tuple[str, ...] = ()


def step(place: Place, truth: Truth, wanted: Wanted | None, memory: Memory) -> Regions:
    """Bring the regions of one place to what is wanted; what others put there stays."""
    if PERSONS not in place.layout.paths:
        return Regions({}, {})
    known = {name: said for name, said in memory.texts_ours.items() if is_region(name)}
    mine = {name: area for name, said in known.items() if (area := _mine(said, place.seen.texts, name))}
    want = _want(truth, wanted, known)
    if not mine and not want:
        return Regions({}, {})
    texts: dict[str, str | None] = {}
    for name, area in mine.items():
        if name not in want or not area.near(areas(want[name])[0]):
            texts[name] = _without(place.seen.texts[name], area)
    ours = {name: known[name] for name in mine if name not in texts}
    room = MOST - place.seen.regions + len(texts)
    come = [name for name in want if name not in ours and not _others(name, place.seen, mine)]
    for name in come[: max(0, room)]:
        texts[name] = ours[name] = want[name]
    return Regions(texts, ours, tuple(name.removeprefix(REGION) for name in come[max(0, room) :]))


def _want(truth: Truth, wanted: Wanted | None, known: Mapping[str, str]) -> Mapping[str, str]:
    """Regions that may stand: of persons who do, and that nobody undid. Without a choice ours stay."""
    asked = known if wanted is None else {name: said for name, said in wanted.texts.items() if is_region(name)}
    away = truth.texts_refused | truth.texts_withheld
    return {name: said for name, said in asked.items() if name not in away and _key(name) in truth.words}


def _without(said: str, mine: Area) -> str | None:
    return "; ".join(str(area) for area in areas(said) if area.spot != mine.spot) or None


def _others(name: str, seen: Seen, mine: Mapping[str, Area]) -> bool:
    """Whether somebody else has marked this person here already."""
    folded = fold(name.partition("/")[2])
    for other, said in seen.texts.items():
        same = other.startswith((REGION, MICROSOFT)) and fold(other.partition("/")[2]) == folded
        if same and (other not in mine or _without(said, mine[other])):
            return True
    return False


def crowded(left_out: Sequence[str]) -> str:
    """Why these people have no region, for `show`."""
    return f"named without a region, since darktable saves no file with ten: {', '.join(left_out)}"
