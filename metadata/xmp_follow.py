"""Keyword fields of other programs, which follow ours where they are there already and are never created.

Each gets the words of the final TagsList that it lacks and loses those that were taken from TagsList;
whatever else stands in it stays. One in a form that we do not know is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from xml.parsers import expat

from metadata.errors import Refused
from metadata.fields import PROGRAMS
from metadata.sinks import Values
from metadata.tags import (
    Word,
    fold,
    from_hierarchical,
    from_tags_list,
    key,
    to_hierarchical,
    to_tags_list,
)
from metadata.xmp_document import Document
from metadata.xmp_names import CATALOG_SETS, CATEGORIES, FOLLOWED, LAST_KEYWORDS, Field
from metadata.xmp_seen import list_values, text

_DEEPEST: Final = 100
_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Following:
    """What becomes of one field: values that go and come; of a field of one value, what it is to say."""

    field: Field
    remove: Values = ()
    add: Values = ()
    text: str | None = None


def following(document: Document, words: Iterable[str], went: Iterable[str]) -> list[Following]:
    """The fields that are there and have to follow; `words` are the final TagsList, `went` what left it."""
    if not any(document.places(field) for field in FOLLOWED.values()):
        return []
    stay = [word for value in words if (word := from_tags_list(value)) and fold(word[0]) not in _PROGRAMS]
    gone = [word for value in went if (word := from_tags_list(value))]
    found = [_list(document, field, spelling, stay, gone) for field, spelling in _LISTS if document.places(field)]
    found.append(_categories(document, stay, gone))
    return [each for each in found if each is not None]


_PROGRAMS: Final = frozenset(fold(name) for name in PROGRAMS)
_Spelling = tuple[Callable[[str], Word], Callable[[Word], str]]
_LISTS: Final[tuple[tuple[Field, _Spelling], ...]] = (
    (LAST_KEYWORDS, (from_tags_list, to_tags_list)),
    (CATALOG_SETS, (from_hierarchical, to_hierarchical)),
)


def values(document: Document, field: Field) -> list[str] | None:
    """What a list of another program holds; None where its form is unknown."""
    try:
        return [each for place in document.places(field) for each in list_values(document, place) if each]
    except Refused:
        return None


def _list(
    document: Document, field: Field, spelling: _Spelling, stay: Sequence[Word], gone: Sequence[Word]
) -> Following | None:
    standing = values(document, field)
    if standing is None:
        return None
    read, write = spelling
    going = {key(word) for word in gone} - {key(word) for word in stay}
    here = {key(read(value)) for value in standing}
    remove = tuple(value for value in standing if key(read(value)) in going)
    add = tuple(dict.fromkeys(write(word) for word in stay if key(word) not in here))
    return Following(field, remove, add) if remove or add else None


# ACDSee: one text that is XML in itself


class _Category:
    """One level of ACDSee's categories; `assigned` says whether the photo has it or only something below."""

    __slots__ = ("assigned", "kids", "name")

    def __init__(self, name: str, assigned: str) -> None:
        self.name = name
        self.assigned = assigned
        self.kids: list[_Category] = []

    def kid(self, part: str) -> _Category | None:
        return next((each for each in self.kids if fold(each.name) == fold(part)), None)


def _categories(document: Document, stay: Sequence[Word], gone: Sequence[Word]) -> Following | None:
    places = document.places(CATEGORIES)
    said = text(places[0]) if len(places) == 1 else None
    root = _read(said) if said else None
    if root is None:
        return None
    for word in stay:
        _put(root, word)
    stays = {key(word) for word in stay}
    for word in gone:
        if key(word) not in stays:
            _take(root, word)
    new = _written(root)
    return Following(CATEGORIES, text=new) if new != said else None


def _put(root: _Category, word: Word) -> None:
    at = root
    for part in word[:_DEEPEST]:
        below = at.kid(part)
        if below is None:
            below = _Category(part, "0")
            at.kids.append(below)
        at = below
    at.assigned = "1"


def _take(root: _Category, word: Word) -> None:
    way = [root]
    for part in word:
        below = way[-1].kid(part)
        if below is None:
            return
        way.append(below)
    way[-1].assigned = "0"
    for above, below in zip(reversed(way[:-1]), reversed(way), strict=False):
        if below.kids or below.assigned != "0":
            return
        above.kids.remove(below)


def _written(root: _Category) -> str:
    return f"<Categories>{''.join(map(_shown, root.kids))}</Categories>"


def _shown(category: _Category) -> str:
    inside = "".join(map(_shown, category.kids))
    return f'<Category Assigned="{category.assigned}">{escape(category.name, quote=False)}{inside}</Category>'


def _read(said: str) -> _Category | None:
    """The tree in the text; None unless writing it again gives the very same text."""
    if len(said) > _LONGEST or "<!" in said:
        return None
    root = _Category("", "0")
    stack: list[_Category] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > _DEEPEST or (name != "Category" if stack else name != "Categories"):
            raise _Unknown
        level = _Category("", attributes.get("Assigned", "")) if stack else root
        if stack:
            stack[-1].kids.append(level)
        stack.append(level)

    def heard(piece: str) -> None:
        stack[-1].name += piece

    def end(_name: str) -> None:
        stack.pop()

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, heard
    try:
        parser.Parse(said.encode(errors="surrogatepass"), True)  # noqa: FBT003 - pyexpat takes no keywords
    except (expat.ExpatError, _Unknown):
        return None
    return root if _written(root) == said else None


class _Unknown(Exception):
    """An element that we do not know."""
