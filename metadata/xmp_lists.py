"""Reads a keyword list or a text in its usual form at once: a container with items that are nothing but texts.

expat has found the document well formed and gives where the list starts and ends; hearing every item
from it takes three times as long. Any other form is left to `metadata.xmp_read` to hear in full.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from metadata.xmp_document import Element, behind
from metadata.xmp_names import GLUE, RDF, XML_LANG

_REFERENCE: Final = re.compile(r"&(#x?)?([0-9a-zA-Z]+);")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def unfold(work: bytes, element: Element, *, whole: bool) -> bool:
    """Give a property its container with the items' texts; false where it has another form.

    Without `whole` the container has no children, only `texts`.
    """
    opened = behind(work, element)
    if opened < 0 or element.attributes:
        return False
    if work[opened - 2 : opened] == b"/>":
        return True
    rdf = element.scope.prefix(RDF) or ""
    if not rdf:
        return False
    box, item = _patterns(rdf)
    found = box.fullmatch(work, opened, element.closed)
    if found is None:
        return False
    kind, span = found[1].decode(), found.span(2)
    inner = Element(f"{rdf}:{kind}", f"{RDF}{GLUE}{kind}", {}, found.start(1) - len(rdf) - 2, element.scope)
    inner.closed = span[1]
    inner.texts = _texts(item.findall(work, *span), referring=work.find(b"&", *span) >= 0)
    if whole:
        inner.kids = _items(work, inner, item, f"{rdf}:li", span)
    element.kids = [inner]
    return True


def unfold_value(work: bytes, element: Element) -> bool:
    """Give a property of one value its text, or its language alternative; false where it has another form."""
    opened = behind(work, element)
    if opened < 0:
        return False
    if work[opened - 2 : opened] == b"/>":
        return True
    inside = work[opened : element.closed]
    if b"\r" in inside:
        return False
    if b"<" not in inside:
        element.text = _texts([inside], referring=b"&" in inside)[0]
        return True
    rdf = element.scope.prefix(RDF) or ""
    found = None if element.attributes or not rdf else _alternative(rdf)[0].fullmatch(inside)
    if found is None:
        return False
    inner = Element(f"{rdf}:Alt", f"{RDF}{GLUE}Alt", {}, opened + found.start(1), element.scope)
    inner.closed = opened + found.end(2)
    inner.kids = _spoken(inside, opened, found.span(2), rdf, inner)
    element.kids = [inner]
    return True


def _spoken(inside: bytes, base: int, span: tuple[int, int], rdf: str, inner: Element) -> list[Element]:
    """The items of a language alternative; `base` is where `inside` begins."""
    kids = []
    for found in _alternative(rdf)[1].finditer(inside, *span):
        kid = Element(
            f"{rdf}:li", f"{RDF}{GLUE}li", {XML_LANG: found[1][1:-1].decode()}, base + found.start(), inner.scope
        )
        kid.closed = base + found.end(2)
        kid.text = _texts([found[2]], referring=b"&" in found[2])[0]
        kids.append(kid)
    return kids


@lru_cache(maxsize=32)
def _alternative(rdf: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """The whole inside of a language alternative, and one item of it, where RDF has this prefix.

    exiftool writes single quotes, most others double ones.
    """
    prefix = re.escape(rdf.encode()) + b":"
    item = rb"<%bli xml:lang=(%b|%b)>(%b)</%bli>"
    quoted = rb"\"[^\"<&\s]*+\"", rb"'[^'<&\s]*+'"
    inside = (item % (prefix, *quoted, rb"[^<]*+", prefix)).replace(b"(", b"(?:")
    box = rb"\s*+(<%bAlt>)((?:\s*+%b)*+\s*+)</%bAlt>\s*+" % (prefix, inside, prefix)
    return re.compile(box), re.compile(item % (prefix, *quoted, rb"[^<]*+", prefix))


@lru_cache(maxsize=32)
def _patterns(rdf: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """The whole inside of a list, and one item of it, where RDF has this prefix.

    A carriage return inside a text would have to be normalised (XML 1.0 §2.11), so it is another form.
    """
    prefix = re.escape(rdf.encode()) + b":"
    item = rb"<%bli>([^<\r]*+)</%bli>" % (prefix, prefix)
    box = rb"\s*+<%b(Bag|Seq|Alt)>((?:\s*+%b)*+\s*+)</%b\1>\s*+" % (prefix, item.replace(b"(", b"(?:"), prefix)
    return re.compile(box), re.compile(item)


def _items(work: bytes, inner: Element, item: re.Pattern[bytes], raw: str, span: tuple[int, int]) -> list[Element]:
    name, scope = f"{RDF}{GLUE}li", inner.scope
    kids = []
    for found, text in zip(item.finditer(work, *span), inner.texts or (), strict=True):
        kid = Element(raw, name, {}, found.start(), scope)
        kid.closed = found.end(1)
        kid.text = text
        kids.append(kid)
    return kids


def _texts(raw: list[bytes], *, referring: bool) -> list[str]:
    if referring:
        return [_REFERENCE.sub(_referred, each.decode()) for each in raw]
    return [*map(bytes.decode, raw)]


def _referred(found: re.Match[str]) -> str:
    number = found[1]
    return chr(int(found[2], 16 if number == "#x" else 10)) if number else _NAMED[found[2]]
