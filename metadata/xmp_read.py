"""Reads a sidecar's bytes into places: which property stands where, without touching anything.

One pass of expat (which never resolves anything external) gives the byte offsets that the editor needs.
Documents in another encoding than UTF-8 are worked on as UTF-8 and turned back afterwards, if and only if
that gives the same bytes again.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Any, Final
from xml.parsers import expat

from metadata.errors import Refused
from metadata.xmp_document import Document, Element, Scope
from metadata.xmp_lists import unfold, unfold_value
from metadata.xmp_names import FLAT, GLUE, LOOKED_INTO, PRESET, RDF, VALUES
from metadata.xmp_skip import Cut, cuts, without

LIMIT: Final = 64 * 1024 * 1024
"""Bytes. The largest real sidecars have a few MB (darktable with many drawn masks)."""

_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_PACKET = re.compile(rb"(?:\xef\xbb\xbf)?<\?xpacket[^>]{0,200}\?>")
_SHOWN: Final = bytes(sign if sign >= 32 or sign in b"\t\r\n" else 32 for sign in range(256))
_NARROW = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d")
_XML: Final = {"xml": "http://www.w3.org/XML/1998/namespace"}
_OUTERMOST: Final = Scope(_XML, _XML)
_RDF: Final = f"{RDF}{GLUE}RDF"
_NODE_ID: Final = f"{RDF}{GLUE}nodeID"
_ABOUT: Final = (f"{RDF}{GLUE}about", "about")


def parse(data: bytes, path: bytes, *, whole: bool = True) -> Document:
    """The document in `data`; `path` is only for messages.

    Without `whole` the items of keyword lists may be left out, which only an editor needs.

    Raises Refused, with line and column where there is one, for whatever cannot be changed safely: not
    well formed, DOCTYPE or entities, no or several rdf:RDF, several rdf:about, a Camera Raw preset,
    encodings that do not come back byte for byte, more than `LIMIT` bytes.
    """
    if len(data) > LIMIT:
        raise Refused(path, f"has {len(data)} bytes; {LIMIT} are the most that is read")
    if not data.strip():
        raise Refused(path, "is empty; perhaps another program is still writing it")
    work, codec, mark = _decoded(data, path)
    reader = _read(work, path, whole=whole)
    assert reader.rdf is not None
    declared = tuple(reader.declared)
    prefixes = frozenset(prefix for prefix, _ in declared)
    document = Document(path, data, work, codec, mark, reader.rdf, reader.nodes, prefixes, declared)
    _check(document)
    return document


def _decoded(data: bytes, path: bytes) -> tuple[bytes, str, bytes]:
    """The content as UTF-8, its codec, and the byte order mark that `work` lacks."""
    codec, mark = _codec(data, path)
    if codec == "utf-8":
        return data, codec, b""
    try:
        text = data[len(mark) :].decode(codec)
        work = text.encode()
    except UnicodeError as error:
        raise Refused(path, f"is not valid {codec}: {error}") from error
    if mark + text.encode(codec) != data:
        raise Refused(path, f"cannot be turned back into {codec} byte for byte")
    return work, codec, mark


def _codec(data: bytes, path: bytes) -> tuple[str, bytes]:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Refused(path, "is written in UTF-32")
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8", b""
    for mark, codec, first in (
        (codecs.BOM_UTF16_LE, "utf-16-le", b"<\0"),
        (codecs.BOM_UTF16_BE, "utf-16-be", b"\0<"),
    ):
        if data.startswith(mark):
            return codec, mark
        if data.startswith(first):
            return codec, b""
    declared = _DECLARED.match(data)
    return (_declared(declared[1].decode(), path) if declared else "utf-8"), b""


def _declared(name: str, path: bytes) -> str:
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        codec = name
    if not _NARROW.fullmatch(codec):
        raise Refused(path, f"says that it is written in {name}, and is not or cannot be read")
    return codec


def _read(work: bytes, path: bytes, *, whole: bool) -> _Reader:
    """Skips the inside of foreign properties and of plain lists; what that does not fit is read in full."""
    several = cuts(work)
    for flat, left_out in (
        ((True, several), (False, several), (False, [])) if several else ((True, []), (False, []))
    ):
        try:
            return _Reader(work, path, skim=True, flat=flat, cuts=left_out).run(whole=whole)
        except _Skewed:
            continue
    return _Reader(work, path, skim=False, flat=False).run(whole=whole)


class _Skewed(Exception):
    """Not to be read in this way.

    A foreign property holds an element of its own name, so its end was taken too early; a list is none; or
    what was left out is no property, or there is something to refuse, whose place is to be told.
    """


class _Reader:
    """The handlers of one pass.

    Foreign properties may have thousands of elements, so inside of one only end tags are heard, and the
    first of its name counts as its end. Where that is wrong an end tag is left over and does not match
    the stack: `_Skewed`. What is in `cuts` the parser does not even get; `_shift` is by how much its places
    are too small since.
    """

    def __init__(self, work: bytes, path: bytes, *, skim: bool, flat: bool, cuts: Sequence[Cut] = ()) -> None:
        self.work = work
        self.path = path
        self.skim = skim
        self.flat = FLAT | VALUES if flat else frozenset[str]()
        self.rdf: Element | None = None
        self.nodes: list[Element] = []
        self.named: dict[str, Element] = {}
        self.declared: dict[tuple[str, str], None] = dict.fromkeys(_XML.items())
        self._stack: list[Element] = []
        self._cuts = {each.start: each for each in cuts}
        self._left_out = bool(cuts)
        self._shift = 0
        self._rdf_at = -1
        self._done = False
        self._parser = self._new_parser()

    def _new_parser(self) -> Any:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        return parser

    def run(self, *, whole: bool) -> _Reader:
        """Read it all; raises Refused or _Skewed."""
        try:
            heard = without(self.work, list(self._cuts.values())) if self._cuts else self.work
            self._parser.Parse(_presentable(heard), True)  # noqa: FBT003 - pyexpat takes no keywords
        except expat.ExpatError as error:
            if self._left_out:
                raise _Skewed from error
            if not (self._done and self._only_filling(self._parser.ErrorByteIndex)):
                reason = expat.ErrorString(error.code)
                raise Refused(self.path, f"line {error.lineno}, column {error.offset + 1}: {reason}") from error
        finally:
            del self._parser  # it knows our handlers and they us: such a circle would keep every file alive
        if self._cuts:
            raise _Skewed
        if self.rdf is None:
            raise Refused(self.path, "holds no rdf:RDF, so it is no XMP")
        for node in self.nodes:
            for kid in node.kids:
                if kid.name in self.flat and not self._unfold(kid, whole=whole):
                    raise _Skewed
                self._resolve(kid)
        return self

    def _unfold(self, element: Element, *, whole: bool) -> bool:
        if element.name in VALUES:
            return unfold_value(self.work, element)
        return unfold(self.work, element, whole=whole)

    def _resolve(self, element: Element) -> None:
        """What a property refers to by rdf:nodeID counts as its content."""
        target = self.named.get(element.attributes.get(_NODE_ID, ""))
        if target is not None and not element.kids:
            element.kids = [target]

    def _only_filling(self, start: int) -> bool:
        """ACDSee and others leave NULs behind the document; a second document there is another matter."""
        return start >= 0 and b"<" not in self.work[start:]

    def _refuse(self, reason: str) -> Exception:
        if self._left_out:
            return _Skewed()
        parser = self._parser
        line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1
        return Refused(self.path, f"line {line}, column {column}: {reason}")

    def _doctype(self, *_: object) -> None:
        raise self._refuse("has a DOCTYPE, which XMP forbids")

    def _start(self, raw: str, attributes: dict[str, str]) -> None:
        stack = self._stack
        element = self._element(raw, attributes, stack[-1].scope if stack else _OUTERMOST)
        if self._rdf_at < 0:
            self._outside(element)
        else:
            self._inside(element, len(stack) - self._rdf_at)
        stack.append(element)

    def _element(self, raw: str, attributes: dict[str, str], scope: Scope) -> Element:
        inner = scope.inner(attributes) if attributes else scope
        if inner is not scope:
            self.declared.update(dict.fromkeys(inner.fresh.items()))
        try:
            name = inner.names.get(raw) or inner.element(raw)
            if attributes:
                attributes = {inner.attribute(each): value for each, value in attributes.items()}
        except KeyError as error:
            raise self._refuse("unbound prefix") from error
        return Element(raw, name, attributes, self._parser.CurrentByteIndex + self._shift, inner)

    def _named(self, raw: str, scope: Scope) -> str:
        try:
            return scope.element(raw)
        except KeyError as error:
            raise self._refuse("unbound prefix") from error

    def _outside(self, element: Element) -> None:
        if element.name != _RDF:
            return
        if self.rdf is not None:
            raise self._refuse("has a second rdf:RDF")
        self.rdf = element
        self._rdf_at = len(self._stack)

    def _inside(self, element: Element, depth: int) -> None:
        if depth > 1:
            _adopt(self._stack[-1], element)
            return
        if _NODE_ID not in element.attributes:
            self.nodes.append(element)
        else:  # it says nothing of the photo itself, but a property of the photo may refer to it
            self.named[element.attributes[_NODE_ID]] = element
        self._parser.StartElementHandler = self._property

    def _property(self, raw: str, attributes: dict[str, str]) -> None:
        """As `_start`, for what stands directly in a node."""
        stack = self._stack
        node = stack[-1]
        scope = node.scope
        if attributes:
            element = self._element(raw, attributes, scope)
            name = element.name
        else:
            name = scope.names.get(raw) or self._named(raw, scope)
            element = Element(raw, name, attributes, self._parser.CurrentByteIndex + self._shift, scope)
        _adopt(node, element)
        if (name in LOOKED_INTO and name not in self.flat) or (node.attributes and _NODE_ID in node.attributes):
            self._look_into()
        elif self.skim:
            self._parser.StartElementHandler = None
            self._parser.EndElementHandler = self._foreign_end
        else:
            self._parser.StartElementHandler = self._start
        stack.append(element)

    def _look_into(self) -> None:
        """Hear everything inside the property that starts now; closures, since they run for every item.

        Only the text of elements without children is kept: nothing else is ever read or replaced as text.
        """
        stack, parser, base, shift = self._stack, self._parser, len(self._stack), self._shift
        pieces: list[str] = []

        def start(raw: str, attributes: dict[str, str]) -> None:
            parent = stack[-1]
            scope = parent.scope
            name = scope.names.get(raw)
            if attributes or name is None:
                element = self._element(raw, attributes, scope)
            else:
                element = Element(raw, name, attributes, parser.CurrentByteIndex + shift, scope)
            _adopt(parent, element)
            stack.append(element)
            pieces.clear()

        def end(_name: str) -> None:
            element = stack.pop()
            element.closed = parser.CurrentByteIndex + shift
            if pieces:
                if not element.kids:
                    element.text = "".join(pieces)
                pieces.clear()
            if len(stack) == base:
                parser.CharacterDataHandler = None
                parser.StartElementHandler = self._property
                parser.EndElementHandler = self._end

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = pieces.append

    def _foreign_end(self, name: str) -> None:
        if name != self._stack[-1].raw:
            return
        element = self._stack.pop()
        cut = self._cuts.pop(element.start, None)
        if cut is None:
            element.closed = self._parser.CurrentByteIndex + self._shift
        else:
            element.closed = cut.closed
            self._shift += cut.end - cut.start - len(cut.marker)
        self._parser.StartElementHandler = self._property
        self._parser.EndElementHandler = self._end

    def _end(self, name: str) -> None:
        stack = self._stack
        if not stack or stack[-1].raw != name:
            raise _Skewed
        stack.pop().closed = self._parser.CurrentByteIndex + self._shift
        depth = len(stack) - self._rdf_at
        if depth > 2 or self._rdf_at < 0:
            pass
        elif depth == 2:  # a node goes on
            self._parser.StartElementHandler = self._property
        elif depth == 1:
            self._parser.StartElementHandler = self._start
        else:
            self._rdf_at = -1
        if not stack:
            self._done = True


def _adopt(parent: Element, element: Element) -> None:
    if parent.kids:
        parent.kids.append(element)
    else:
        parent.kids = [element]


def _presentable(work: bytes) -> bytes:
    """The same length with an unreadable packet header masked (f-spot writes control characters there)."""
    header = _PACKET.match(work)
    if header is None:
        return work
    masked = header[0].translate(_SHOWN)
    return work if masked == header[0] else masked + work[len(masked) :]


def _check(document: Document) -> None:
    """What is well formed and still no sidecar that one may change."""
    abouts = {
        value for node in document.nodes for name in _ABOUT if (value := node.attributes.get(name, "").strip())
    }
    if len(abouts) > 1:
        raise Refused(document.path, f"speaks of {len(abouts)} resources (rdf:about)")
    for node in document.nodes:
        if PRESET in node.attributes or any(kid.name == PRESET for kid in node.kids):
            raise Refused(document.path, "is a Camera Raw preset, no sidecar")
