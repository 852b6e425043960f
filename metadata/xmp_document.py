"""A parsed sidecar: its one rdf:RDF, the nodes in it, and where each property of ours stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from metadata.errors import Refused
from metadata.xmp_names import FOLLOWED, GLUE, WRITTEN, Field

_KNOWN = WRITTEN.keys() | FOLLOWED.keys()
_TAG = re.compile(rb"<[^\s/>\"']++(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")


class Scope:
    """The namespaces bound at one place, and names that were looked up there; documents share theirs.

    Resolved here and not by expat, which then needs a third less time for the whole document.
    """

    __slots__ = ("_prefixes", "bound", "fresh", "names")

    def __init__(self, bound: dict[str, str], fresh: dict[str, str]) -> None:
        """`fresh` are those of the bound that are declared at this very place."""
        self.bound = bound
        self.fresh = fresh
        self.names: dict[str, str] = {}
        self._prefixes: dict[str, str] | None = None

    def prefix(self, uri: str) -> str | None:
        """The first prefix that is bound to a namespace here; the default namespace's is empty."""
        if self._prefixes is None:
            self._prefixes = {uri: prefix for prefix, uri in reversed(self.bound.items())}
        return self._prefixes.get(uri)

    def element(self, raw: str) -> str:
        """The expanded name of an element; raises KeyError for a prefix that nothing is bound to."""
        prefix, colon, local = raw.partition(":")
        uri = self.bound[prefix] if colon else self.bound.get("", "")
        name = f"{uri}{GLUE}{local if colon else raw}" if uri else raw
        if len(self.names) < _MOST:
            self.names[raw] = name
        return name

    def attribute(self, raw: str) -> str:
        """The expanded name of an attribute, which without a prefix has no namespace; raises KeyError."""
        prefix, colon, local = raw.partition(":")
        return f"{self.bound[prefix]}{GLUE}{local}" if colon else raw

    def inner(self, attributes: dict[str, str]) -> Scope:
        """The scope inside an element with these attributes; takes the declarations out of them."""
        declared = [name for name in attributes if name.startswith("xmlns") and name[5:6] in (":", "")]
        if not declared:
            return self
        fresh = tuple((name[6:], attributes.pop(name)) for name in declared)
        return (_inner if sum(map(len, chain.from_iterable(fresh))) < _MOST else _opened)(self, fresh)


_MOST: Final = 4096
"""Names in a scope, and signs in the declarations of one, that are remembered for other documents."""


def _opened(scope: Scope, declared: tuple[tuple[str, str], ...]) -> Scope:
    fresh = dict(declared)
    inner = Scope({**scope.bound, **fresh}, fresh)
    if "" not in fresh and scope.bound.keys().isdisjoint(fresh):  # no name means anything else now
        inner.names = scope.names.copy()
    return inner


_inner = lru_cache(maxsize=256)(_opened)
"""A program declares the same in each of its files."""


class Element:
    """One element and where it stands; `kids` and `text` only where the inside was looked into.

    `texts` are those of a container's items where these are nothing but texts.
    """

    __slots__ = ("attributes", "closed", "kids", "name", "raw", "scope", "start", "text", "texts")

    def __init__(self, raw: str, name: str, attributes: dict[str, str], start: int, scope: Scope) -> None:
        self.raw = raw
        self.name = name
        self.attributes = attributes
        self.start = start
        self.scope = scope
        self.closed = start
        self.kids: list[Element] = _NONE
        self.text = ""
        self.texts: list[str] | None = None

    @property
    def namespaces(self) -> dict[str, str]:
        """Prefix to URI, as bound here; the prefix of the default namespace is empty."""
        return self.scope.bound


def behind(work: bytes, element: Element) -> int:
    """The offset just behind an element's start tag, which is mostly its name alone; -1 where there is none."""
    at = element.start + 1 + len(element.raw)
    if work[at : at + 1] == b">":  # no name holds it, so the name ends here even where letters have more bytes
        return at + 1
    found = _TAG.match(work, element.start)
    return found.end() if found else -1


_NONE: list[Element] = []
"""Shared by all elements without children, which are most; never changed."""


class Place(NamedTuple):
    """One occurrence of a field: an attribute of `node` where `element` is None, else a property in it."""

    node: Element
    element: Element | None
    name: str


@dataclass
class Document:
    """A sidecar's bytes, and its one rdf:RDF with the nodes in it.

    `work` is the content as UTF-8, to which all offsets refer; for nearly every file it is `data` itself.
    `declared` are the prefixes with their namespaces wherever something was looked into.
    """

    path: bytes
    data: bytes
    work: bytes
    codec: str
    mark: bytes
    rdf: Element
    nodes: list[Element]
    prefixes: frozenset[str]
    declared: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        self._places: dict[str, list[Place]] = {}
        for node in self.nodes:
            for name in _KNOWN & node.attributes.keys():
                self._places.setdefault(name, []).append(Place(node, None, name))
            for kid in node.kids:
                if kid.name in _KNOWN:
                    self._places.setdefault(kid.name, []).append(Place(node, kid, kid.name))

    def places(self, field: Field) -> list[Place]:
        """Where the field stands, in the document's order."""
        return self._places.get(field.expanded, [])

    def opened(self, element: Element) -> int:
        """The offset just behind the start tag."""
        at = behind(self.work, element)
        if at < 0:
            raise Refused(self.path, "an element could not be found again")
        return at

    def hollow(self, element: Element) -> bool:
        """Whether it is written as `<name/>`."""
        end = self.opened(element)
        return self.work[end - 2 : end] == b"/>"

    def end(self, element: Element) -> int:
        """The offset just behind the whole element."""
        opened = self.opened(element)
        if self.work[opened - 2 : opened] == b"/>":
            return opened
        return self.work.index(b">", element.closed) + 1

    def tag(self, element: Element) -> bytes:
        """The element's name as it is written there."""
        return element.raw.encode()

    def encoded(self, work: bytes) -> bytes:
        """Edited UTF-8 back in the encoding of the file; signs it lacks become references."""
        if self.work is self.data:
            return work
        return self.mark + work.decode().encode(self.codec, "xmlcharrefreplace")
