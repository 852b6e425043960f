"""Where bytes go: splices, and a plan that puts elements in and takes them out in the style of the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from operator import itemgetter
from typing import Final, NamedTuple

from metadata.errors import Refused
from metadata.xmp_document import Document, Element, Scope
from metadata.xmp_names import GLUE, PREFIXES, RDF, Field

_ATTRIBUTE = re.compile(rb"\s+([^\s=/>\"']+)\s*=\s*(\"[^\"]*+\"|'[^']*+')")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile("[&<>\x00-\x1f\ud800-\udfff\ufffe\uffff]")
_BLANK: Final = b" \t\r\n"
_NEAR: Final = 64
_USUAL: Final = {uri: prefix for prefix, uri in PREFIXES.items()}


class Splice(NamedTuple):
    """Bytes [start, end) give way to `new`."""

    start: int
    end: int
    new: bytes


def apply(work: bytes, splices: Sequence[Splice], path: bytes) -> bytes:
    """The bytes with every splice made; raises Refused where they are not in order and apart."""
    view = memoryview(work)  # each byte is copied once
    parts: list[bytes | memoryview] = []
    at = 0
    for start, end, new in splices:
        if not at <= start <= end <= len(work):
            raise Refused(path, "two changes of it would overlap")
        parts += (view[at:start], new)
        at = end
    parts.append(view[at:])
    return b"".join(parts)


def gives(work: bytes, splices: Sequence[Splice], wanted: bytes) -> bool:
    """Whether `apply(work, splices)` is what is wanted; false where the splices are not in order and apart."""
    view = memoryview(work)
    at = reached = 0
    for start, end, new in splices:
        if not at <= start <= end <= len(work):
            return False
        for piece in (view[at:start], new):
            if not wanted.startswith(piece, reached):
                return False
            reached += len(piece)
        at = end
    return len(wanted) - reached == len(work) - at and wanted.endswith(view[at:])


def back(work: bytes, splices: Sequence[Splice]) -> tuple[Splice, ...]:
    """The splices that turn `apply(work, splices)` into `work` again."""
    shift = 0
    found = []
    for splice in splices:
        start = splice.start + shift
        found.append(Splice(start, start + len(splice.new), work[splice.start : splice.end]))
        shift += len(splice.new) - (splice.end - splice.start)
    return tuple(found)


def difference(old: bytes, new: bytes) -> tuple[Splice, ...]:
    """The one splice that turns `new` into `old`: all between what both begin and end with."""
    most = min(len(old), len(new))
    head = _longest(most, lambda size: old[:size] == new[:size])
    tail = _longest(most - head, lambda size: old[len(old) - size :] == new[len(new) - size :])
    return (Splice(head, len(new) - tail, old[head : len(old) - tail]),)


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        low, most = (middle, most) if holds(middle) else (low, middle - 1)
    return low


def content(value: str, path: bytes) -> bytes:
    """The value as an element's text; raises Refused for signs that XML 1.0 cannot hold (§2.2)."""
    return (_escaped(value, path) if _SPECIAL.search(value) else value).encode()


def texts(values: Sequence[str], path: bytes) -> Sequence[str]:
    """As `content`, for many values, not encoded; most hold nothing special, which one look tells for all."""
    joined = "".join(values)
    if joined.isprintable() and "&" not in joined and "<" not in joined and ">" not in joined:
        return values
    return [_escaped(value, path) if _SPECIAL.search(value) else value for value in values]


def contents(values: Sequence[str], path: bytes) -> list[bytes]:
    """As `content`, for many values."""
    return [*map(str.encode, texts(values, path))]


def _escaped(value: str, path: bytes) -> str:
    illegal = _ILLEGAL.search(value)
    if illegal:
        raise Refused(path, f"U+{ord(illegal[0]):04X} in {value[:80]!r} cannot be written in XML")
    return escape(value, quote=False).replace("\r", "&#13;")


def _quoted(value: str, quote: bytes, path: bytes) -> bytes:
    inside = content(value, path)
    for sign in (b"\n", b"\t", quote):
        inside = inside.replace(sign, b"&#%d;" % sign[0])
    return quote + inside + quote


class Layout(NamedTuple):
    """How children are set: `gap` before each (empty where all stands in one line), `unit` a level deeper."""

    gap: bytes
    unit: bytes

    def deeper(self) -> Layout:
        """One level further in."""
        return Layout(self.gap + self.unit if self.gap else b"", self.unit)


class Tags(NamedTuple):
    """The prefixes that stand for a field's own namespace and for RDF at one place."""

    own: str
    rdf: str

    def of(self, local: str) -> bytes:
        """The field's element name."""
        return f"{self.own}:{local}".encode() if self.own else local.encode()

    def in_rdf(self, local: str) -> bytes:
        """A name of RDF's own."""
        return f"{self.rdf}:{local}".encode() if self.rdf else local.encode()


class Plan:
    """Collects splices against one document; false while there are none."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.path = document.path
        self._splices: list[Splice] = []
        self._added: list[tuple[Element | None, bytes]] = []
        self._layouts: dict[int, Layout] = {}

    def __bool__(self) -> bool:
        return bool(self._splices or self._added)

    def splices(self) -> list[Splice]:
        """Everything that was planned, in the order of the file."""
        planned = list(self._splices)
        planned += (
            self._joined(parent, b"".join(new for at, new in self._added if at is parent))
            for parent in dict.fromkeys(parent for parent, _ in self._added)
        )
        return sorted(planned, key=itemgetter(0, 1))

    def swap(self, start: int, end: int, new: bytes) -> None:
        """Replace bytes."""
        self._splices.append(Splice(start, end, new))

    def drop(self, element: Element) -> None:
        """Take an element out with the blanks before it."""
        self.swap(self._blank(element.start), self.document.end(element), b"")

    def fill(self, element: Element, inside: bytes) -> None:
        """Replace what stands between an element's tags."""
        opened = self.document.opened(element)
        if self.document.hollow(element):
            self.swap(opened - 2, opened, b">" + inside + b"</" + self.document.tag(element) + b">")
        else:
            self.swap(opened, element.closed, inside)

    def attribute(self, node: Element, name: str, value: str | None) -> None:
        """Replace an attribute's value, or take it out with the blanks before it."""
        found = self._attribute(node, name)
        if value is None:
            self.swap(found.start(), found.end(), b"")
        else:
            self.swap(*found.span(2), _quoted(value, found[2][:1], self.path))

    def _attribute(self, node: Element, name: str) -> re.Match[bytes]:
        work = self.document.work
        end = self.document.opened(node)
        at = node.start + 1 + len(self.document.tag(node))
        while found := _ATTRIBUTE.match(work, at, end):
            prefix, colon, local = found[1].decode().partition(":")
            if colon and f"{node.namespaces.get(prefix)}{GLUE}{local}" == name:
                return found
            at = found.end()
        raise Refused(self.path, "an attribute could not be found again")

    def follow(self, element: Element, opening: bytes, inside: Sequence[bytes], closing: bytes) -> None:
        """Put new siblings behind an element, each between these tags and set as that one is."""
        at = self.document.end(element)
        opening = self.gap(element) + opening
        self.swap(at, at, opening + (closing + opening).join(inside) + closing)

    def precede(self, element: Element, sibling: bytes) -> None:
        """Put one new sibling before an element, set as that one is."""
        at = self._blank(element.start)
        self.swap(at, at, self.gap(element) + sibling)

    def add(self, field: Field, inside: Callable[[Tags, Layout], bytes]) -> None:
        """Add a new property at the end of a node, by preference of one that knows its namespace.

        `inside` gives what stands between its tags.
        """
        nodes = self.document.nodes
        node = next(
            (each for each in nodes if each.scope.prefix(field.uri) is not None), nodes[0] if nodes else None
        )
        scope = node.scope if node else self.document.rdf.scope
        own, declared = self._bound(field.uri, scope)
        rdf, also = self._bound(RDF, scope) if field.kind != "text" else ("", b"")
        tags = Tags(own, rdf)
        layout = self._layouts.get(id(node)) or self._layouts.setdefault(id(node), self._layout(node))
        name = tags.of(field.local)
        element = b"".join((b"<", name, declared, also, b">", inside(tags, layout), b"</", name, b">"))
        self._added.append((node, layout.gap + element))

    def _bound(self, uri: str, scope: Scope) -> tuple[str, bytes]:
        """The prefix for a namespace, and the declaration where the document has none in scope.

        One that stands for it elsewhere in the document goes first: exiv2 reads nothing at all of a file in
        which one namespace has two prefixes.
        """
        prefix = scope.prefix(uri)
        if prefix is not None:
            return prefix, b""
        elsewhere = (name for name in self._elsewhere(uri) if name not in scope.bound)
        prefix = next(elsewhere, "") or self._fresh(_USUAL[uri])
        return prefix, f' xmlns:{prefix}="{uri}"'.encode()

    def _elsewhere(self, uri: str) -> list[str]:
        """Prefixes by which the document declares it somewhere."""
        return [name for name, known in self.document.declared if known == uri and name]

    def _fresh(self, usual: str) -> str:
        prefix, number = usual, 0
        while prefix in self.document.prefixes:
            number += 1
            prefix = f"{usual}{number}"
        return prefix

    def _layout(self, node: Element | None) -> Layout:
        """As the node's last property is set; where it has none, one blank deeper than the node."""
        if node is None:
            return Layout(b"", b" ")
        parent = self.gap(node)
        if not node.kids:
            return Layout(_line(parent), b" ").deeper()
        gap = _line(self.gap(node.kids[-1]))
        outer, inner = parent.rpartition(b"\n")[2], gap.rpartition(b"\n")[2]
        unit = inner[len(outer) :] if inner.startswith(outer) else b""
        return Layout(gap, unit or b" ")

    def _joined(self, node: Element | None, new: bytes) -> Splice:
        document = self.document
        if node is None:
            return self._first_node(new)
        if node.kids:
            at = document.end(node.kids[-1])
            return Splice(at, at, new)
        opened = document.opened(node)
        closing = _line(self.gap(node))
        if document.hollow(node):
            return Splice(opened - 2, opened, b">" + new + closing + b"</" + document.tag(node) + b">")
        blank = not document.work[opened : node.closed].isspace()
        return Splice(opened, opened, new + (closing if blank else b""))

    def _first_node(self, new: bytes) -> Splice:
        """An rdf:RDF without any rdf:Description gets one."""
        document = self.document
        rdf = document.tag(document.rdf)
        prefix = rdf.rpartition(b":")[0]
        name = Tags(prefix.decode(), prefix.decode()).of("Description")
        about = b' rdf:about=""' if prefix == b"rdf" else b""
        node = b"<" + name + about + b">" + new + b"</" + name + b">"
        opened = document.opened(document.rdf)
        if document.hollow(document.rdf):
            return Splice(opened - 2, opened, b">" + node + b"</" + rdf + b">")
        return Splice(opened, opened, node)

    def around(self, element: Element, inner: Element | None = None) -> tuple[Tags, Layout]:
        """The prefixes and the layout inside a property that is there already."""
        rdf = inner.raw.rpartition(":")[0] if inner else element.scope.prefix(RDF)
        if rdf is None:
            rdf = "rdf"
        return Tags("", rdf), Layout(_line(self.gap(element)), b" ")

    def bare(self, element: Element) -> bool:
        """Whether only blanks stand between an element's children: no comment would go with it."""
        work = self.document.work
        edges = [self.document.opened(element)]
        for kid in element.kids:
            edges += (kid.start, self.document.end(kid))
        edges.append(element.closed)
        return all(not work[a:b].strip(_BLANK) for a, b in zip(edges[::2], edges[1::2], strict=True))

    def gap(self, element: Element) -> bytes:
        """The blanks before an element."""
        return self.document.work[self._blank(element.start) : element.start]

    def _blank(self, at: int) -> int:
        work = self.document.work
        while at and work[at - 1] in _BLANK:
            near = work[max(at - _NEAR, 0) : at]
            at -= len(near) - len(near.rstrip(_BLANK))
        return at


def _line(gap: bytes) -> bytes:
    """The last line break of a gap and the blanks behind it; empty where all stands in one line."""
    before, feed, blanks = gap.rpartition(b"\n")
    return (b"\r\n" if before.endswith(b"\r") else feed) + blanks if feed else b""
