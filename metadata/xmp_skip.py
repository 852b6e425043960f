"""Finds big foreign properties that expat need not hear, since they are known to be well formed.

A develop history is most of a sidecar, in XML of the plainest form, which a few searches over all its bytes
prove well formed in half the time of a parser. It then stands as an empty element in what expat reads. Whatever
else a property holds (references, comments, single quotes, signs beyond ASCII), expat hears it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_HEAVY: Final = re.compile(
    rb"<(darktable:(?:masks_)?history|crs:(?:MaskGroupBased|PaintBased)Corrections|crs:RetouchAreas"
    rb"|xmpMM:History|photoshop:DocumentAncestors)>"
)
_WORTH: Final = 4096
"""Bytes; a smaller property is heard as fast."""

_VALUE: Final = (b"\t\n\r" + bytes(range(32, 127))).translate(None, b'&<"')
_TEXT: Final = _VALUE.replace(b">", b"")
_NAME: Final = rb"[A-Za-z_][A-Za-z0-9_.:-]*+"
_S: Final = rb"[ \t\r\n]"
_OPENED: Final = re.compile(
    rb"(%b)((?:%b++%b%b*+=%b*+\")*+)%b*+(/?)>(.*+)" % (_NAME, _S, _NAME, _S, _S, _S), re.DOTALL
)
_CLOSED: Final = re.compile(rb"(/%b)%b*+>(.*+)" % (_NAME, _S), re.DOTALL)
_ATTRIBUTE: Final = re.compile(_NAME)


class Cut(NamedTuple):
    """A property from `start` to `end`, whose end tag begins at `closed`; `marker` stands for it."""

    start: int
    closed: int
    end: int
    marker: bytes


def cuts(work: bytes) -> list[Cut]:
    """What may be left out, in order and apart; whoever reads must see that each stands where a property does."""
    if len(work) < _WORTH:
        return []
    found: dict[bytes, Cut | None] = {}
    at = 0
    while begun := _HEAVY.search(work, at):
        cut = None if begun[1] in found else _cut(work, begun)
        found.setdefault(begun[1], cut)
        at = cut.end if cut else begun.end()
    several = [each for each in found.values() if each]
    return [] if several and b"nodeID" in without(work, several) else several


def _cut(work: bytes, begun: re.Match[bytes]) -> Cut | None:
    ending = b"</%b>" % begun[1]
    closed = work.rfind(ending)
    if closed - begun.end() < _WORTH or not sound(work[begun.end() : closed]):
        return None
    return Cut(begun.start(), closed, closed + len(ending), b"<%b/>" % begun[1])


def without(work: bytes, several: list[Cut]) -> bytes:
    """The content with each property's marker in its place."""
    parts: list[bytes] = []
    at = 0
    for each in several:
        parts += (work[at : each.start], each.marker)
        at = each.end
    return b"".join((*parts, work[at:]))


def sound(inside: bytes) -> bool:
    """Whether this is surely well-formed content of an element; false may mean that it is merely not plain.

    Every attribute's value becomes one quotation mark. A quotation mark in a text would pair with one behind
    a `<`, which no value may hold, so nothing can pass for a value that is none.
    """
    pieces = inside.split(b'"')
    if not len(pieces) % 2 or b"".join(pieces[1::2]).translate(None, _VALUE):
        return False
    head, *tags = b'"'.join(pieces[::2]).split(b"<")
    return not head.translate(None, _TEXT) and _balanced(tags)


def _balanced(tags: list[bytes]) -> bool:
    opened: list[bytes] = []
    last, name = b"", None
    for tag in tags:
        if tag != last:  # steps of one kind follow each other
            last, name = tag, _name(tag) if len(tag) < _SHORT else _named(tag)
        if name is None:
            return False
        if name[:1] != b"/":
            opened.append(name)
        elif len(name) > 1 and (not opened or opened.pop() != name[1:]):
            return False
    return not opened


def _named(tag: bytes) -> bytes | None:
    """The name in a start tag, with a slash before it in an end tag, alone in an empty element's; else None."""
    found = _CLOSED.fullmatch(tag)
    if found:
        return None if found[2].translate(None, _TEXT) else found[1]
    found = _OPENED.fullmatch(tag)
    if found is None or found[4].translate(None, _TEXT):
        return None
    attributes = _ATTRIBUTE.findall(found[2])
    if len(set(attributes)) < len(attributes):
        return None
    return found[3] or found[1]


_SHORT: Final = 1024
_name = lru_cache(maxsize=256)(_named)
"""Without its values a tag is the same in all files of a program; what is kept is bounded."""
