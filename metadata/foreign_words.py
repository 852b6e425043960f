"""Keyword fields of a packet that we never write and some program reads first: Microsoft, Media Pro, ACDSee.

digiKam reads them before or after lr:hierarchicalSubject (docs/interop.md), so a list that it would read
earlier has to hold their words too. Fields whose form is not understood say nothing.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from metadata.sinks import Values
from metadata.tags import Word, from_hierarchical, from_tags_list, key, to_tags_list
from metadata.xmp_document import Document, Element
from metadata.xmp_names import GLUE, RDF

_MICROSOFT: Final = "http://ns.microsoft.com/photo/1.0"
_MEDIA_PRO: Final = "http://ns.iview-multimedia.com/mediapro/1.0/"
_ACDSEE: Final = "http://ns.acdsee.com/iptc/1.0/"
_MOST: Final = 2**20
_DEPTH: Final = 20


_NAMES: Final = frozenset(
    {
        f"{_MICROSOFT}{GLUE}LastKeywordXMP",
        f"{_MICROSOFT}/{GLUE}LastKeywordXMP",
        f"{_MEDIA_PRO}{GLUE}CatalogSets",
        f"{_ACDSEE}{GLUE}categories",
    }
)


def below_tags_list(document: Document) -> Values:
    """All words of these fields, in the spelling and the order in which digiKam reads them, each once."""
    if not any(
        name in _NAMES for node in document.nodes for name in (*node.attributes, *(k.name for k in node.kids))
    ):
        return ()
    words = [*microsoft(document), *media_pro(document), *acdsee(document)]
    return tuple({key(word): to_tags_list(word) for word in reversed(words)}.values())[::-1]


def microsoft(document: Document) -> list[Word]:
    """MicrosoftPhoto:LastKeywordXMP, with or without the slash at the end of its namespace."""
    names = [f"{_MICROSOFT}{slash}{GLUE}LastKeywordXMP" for slash in ("", "/")]
    return [word for value in _items(document, names) if (word := from_tags_list(value))]


def media_pro(document: Document) -> list[Word]:
    """mediapro:CatalogSets."""
    names = [f"{_MEDIA_PRO}{GLUE}CatalogSets"]
    return [word for value in _items(document, names) if (word := from_hierarchical(value))]


def acdsee(document: Document) -> list[Word]:
    """acdsee:categories: XML in a text, of which those count that are assigned."""
    name = f"{_ACDSEE}{GLUE}categories"
    texts = [node.attributes[name] for node in document.nodes if name in node.attributes]
    texts += ["".join(tree.itertext()) for tree in _trees(document, [name])]
    return [path for text in texts for path in _assigned(text)]


def _items(document: Document, names: list[str]) -> list[str]:
    return [
        item.text
        for tree in _trees(document, names)
        for item in tree.iter(f"{{{RDF}}}li")
        if item.text is not None
    ]


def _trees(document: Document, names: list[str]) -> list[ET.Element]:
    """Each property of one of these names, parsed: the walk over the document skips what is not ours."""
    found = (kid for node in document.nodes for kid in node.kids if kid.name in names)
    return [tree for kid in found if (tree := _tree(document, kid)) is not None]


def _tree(document: Document, element: Element) -> ET.Element | None:
    raw = document.work[element.start : document.end(element)]
    bound = "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{uri}"'
        for prefix, uri in element.namespaces.items()
        if prefix != "xml" and not set('"&<') & set(uri)
    )
    return _parsed(b"<all%s>%s</all>" % (bound.encode(), raw))


def _parsed(data: bytes) -> ET.Element | None:
    if len(data) > _MOST or b"<!DOCTYPE" in data:
        return None
    try:
        return ET.fromstring(data)  # noqa: S314 - without a DOCTYPE there is nothing to expand
    except ET.ParseError:
        return None


def _assigned(text: str) -> list[Word]:
    root = _parsed(text.strip().encode("utf-8", "replace"))
    found: list[Word] = []

    def walk(element: ET.Element, above: Word) -> None:
        for kid in element:
            name = (kid.text or "").strip()
            path = (*above, name) if name else above
            if kid.get("Assigned") == "1" and name:
                found.append(path)
            if len(path) < _DEPTH:
                walk(kid, path)

    if root is not None:
        walk(root, ())
    return found
