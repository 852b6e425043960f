"""A sidecar that begins as a copy of what its photo says: begun, and found to be nothing more than that."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from metadata.embedded import glance
from metadata.errors import PhotoError
from metadata.fields import SIDECAR
from metadata.files import translate
from metadata.photo import Photo
from metadata.seed import Seed, seed
from metadata.sinks import Change, Seen, Values
from metadata.tags import (
    HIERARCHICAL,
    PERSONS,
    SUBJECT,
    TAGS_LIST,
    Word,
    fold,
    from_hierarchical,
    from_tags_list,
    key,
    person,
)
from metadata.xmp_bare import bare
from metadata.xmp_document import Document, Element
from metadata.xmp_edit import revise
from metadata.xmp_names import CLAIM, DATE, GLUE, LISTS, RDF, TEXTS
from metadata.xmp_read import parse
from metadata.xmp_seen import seen

_FIELDS: Final = (TAGS_LIST, HIERARCHICAL, SUBJECT, PERSONS)
_OURS: Final = frozenset(
    {
        CLAIM.expanded,
        DATE.expanded,
        *(LISTS[name].expanded for name in _FIELDS),
        *(TEXTS[name].expanded for name in SIDECAR.captions),
        TEXTS["photoshop:SidecarForExtension"].expanded,
        f"{RDF}{GLUE}about",
    }
)
_TOOLKIT: Final = b' x:xmptk="tagwright"'
_BETWEEN: Final = re.compile(rb">\s+<")
_ASIDE: Final = re.compile(rb"<!--.*?-->|<\?(?!xpacket|xml\b).*?\?>", re.DOTALL)
_READ: Final[Mapping[str, Callable[[str], Word]]] = {
    TAGS_LIST: from_tags_list,
    HIERARCHICAL: from_hierarchical,
    PERSONS: person,
}


@dataclass(frozen=True, slots=True)
class Inside:
    """What a photo holds, as a sidecar's first content (None: nothing worth a copy) and as it is shown."""

    seed: Seed | None
    seen: Seen | None = None


def inside(photo: Photo, where: bytes, now: datetime, *, steer: bool) -> Inside:
    """Read the photo, for the sidecar at `where`; a file that is no photo holds nothing.

    Raises Refused where a copy cannot be made, TryAgain or PlaceClosed where the photo cannot be read now.
    """
    try:
        found, _ = glance(photo.file)
    except PhotoError:
        return Inside(None)
    except OSError as error:
        raise translate(error, photo.file) from error
    return Inside(seed(found, steer=steer, now=now, path=where), found.seen)


def without(found: Inside, change: Change, where: bytes, now: datetime) -> Inside:
    """What the photo will hold once all that `change` takes away is gone from it too. Raises Refused."""
    if found.seed is None or found.seen is None:
        return found
    gone = Change(remove=change.remove, texts={name: None for name, text in change.texts.items() if text is None})
    revised = revise(parse(found.seed.data, where), found.seed.seen, gone, now)
    lists = {
        name: kept
        for name, values in found.seen.lists.items()
        if (kept := tuple(value for value in values if value not in gone.remove.get(name, ())))
    }
    texts = {name: text for name, text in found.seen.texts.items() if name not in gone.texts}
    left = replace(found.seed, data=revised.data, seen=revised.seen)
    return Inside(left, replace(found.seen, lists=lists, texts=texts))


def fitted(change: Change, given: Seen, begun: Seen) -> Change:
    """A change that was made for what the photo shows, as one of its copy.

    The copy has fields that the photo lacks: what goes from the one goes from the other, and what it has
    by itself is not added again.
    """
    gone = {_key(name, value) for name, values in change.remove.items() for value in values}
    add: dict[str, Values] = {}
    remove: dict[str, Values] = {}
    for name in _FIELDS:
        standing = begun.lists.get(name, ())
        here = {_key(name, value) for value in standing}
        going = {*change.remove.get(name, ())}
        if name not in given.lists:
            going |= {value for value in standing if _key(name, value) in gone}
        if going & {*standing}:
            remove[name] = tuple(value for value in dict.fromkeys(standing) if value in going)
        if fresh := tuple(value for value in change.add.get(name, ()) if _key(name, value) not in here):
            add[name] = fresh
    return replace(change, add=add, remove=remove)


def _key(name: str, value: str) -> str:
    if name == SUBJECT:
        return key((value,)) if fold(value) else ""
    word = _READ[name](value)
    return key(word) if word else ""


def says_no_more(document: Document, begun: Seed | None, where: bytes) -> bool:
    """Whether a sidecar holds nothing but what a new one would begin with, our own marks and dates apart.

    The photo's own words and caption may stand in further fields, where a merge has brought them.
    """
    if begun is None:
        return _TOOLKIT in document.work and bare(document)
    first = parse(begun.data, where)
    if _held(document) != _held(first) or _ASIDE.findall(document.work) != _ASIDE.findall(first.work):
        return False
    said = seen(document)
    return _no_more_words(said, begun.seen) and _no_more_captions(said, begun.seen)


def _no_more_words(said: Seen, first: Seen) -> bool:
    words = [key for name in _FIELDS for value in first.lists.get(name, ()) for key in _meanings(name, value)]
    for name in _FIELDS:
        standing, begun = said.lists.get(name, ()), first.lists.get(name, ())
        if not {*begun} <= {*standing}:
            return False
        if not {_key(name, value) for value in standing if value not in begun} <= {*words}:
            return False
    return True


def _meanings(name: str, value: str) -> list[str]:
    """A word, and its last part alone; of a person the name, which is no keyword."""
    if name == PERSONS:
        return [key(person(value))]
    word = (value,) if name == SUBJECT else _READ[name](value)
    return [key(word), key(word[-1:])] if word else []


def _no_more_captions(said: Seen, first: Seen) -> bool:
    known = {first.texts.get(name) for name in SIDECAR.captions}
    here = {name: said.texts.get(name) for name in SIDECAR.captions}
    return all(
        text == first.texts.get(name) or (name not in first.texts and text in known) for name, text in here.items()
    )


def _held(document: Document) -> list[tuple[str, bytes]]:
    """What stands in all other fields."""
    found: list[tuple[str, bytes]] = []
    for node in document.nodes:
        found += [(name, value.encode("utf-8", "surrogatepass")) for name, value in node.attributes.items()]
        found += [(kid.name, _plain(document, kid)) for kid in node.kids]
    return sorted(each for each in found if each[0] not in _OURS)


def _plain(document: Document, element: Element) -> bytes:
    return _BETWEEN.sub(b"><", document.work[element.start : document.end(element)])
