"""What a parsed sidecar says: keywords, texts, people, programs, and what is ours by its own account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from metadata import xmp_structs
from metadata.errors import Refused
from metadata.files import digest
from metadata.foreign_words import below_tags_list
from metadata.sinks import Claim, Seen, Values
from metadata.tags import PERSONS, SEPARATOR, TAGS_LIST
from metadata.xmp_document import Document, Element, Place
from metadata.xmp_names import (
    CLAIM,
    FOLLOWED,
    GLUE,
    LISTS,
    LOOKED_INTO,
    PROGRAMS,
    RDF,
    REGION_NAMES,
    REGIONS,
    TEXTS,
    WRITTEN,
    XML_LANG,
    Field,
)

_CONTAINERS: Final = {f"{RDF}{GLUE}{kind}" for kind in ("Bag", "Seq", "Alt")}
_VALUE: Final = f"{RDF}{GLUE}value"
_DESCRIPTION: Final = f"{RDF}{GLUE}Description"
_NOBODY: Final = LOOKED_INTO - FOLLOWED.keys()
_PLAIN: Final = {XML_LANG}
_DEFAULT: Final = "x-default"
_json: Final = json.encoder.encode_basestring  # ten times as fast as an encoder for all of it


def container(element: Element) -> Element | None:
    """The rdf:Bag, rdf:Seq or rdf:Alt that is a property's whole content."""
    if len(element.kids) == 1 and element.kids[0].name in _CONTAINERS:
        return element.kids[0]
    return None


def plain(element: Element) -> bool:
    """Whether the element's content is nothing but text, which may be replaced."""
    return not element.kids and _PLAIN.issuperset(element.attributes)


def value(item: Element) -> str | None:
    """The text of one list item, with or without qualifiers; None for a struct or a reference."""
    if plain(item):
        return item.text
    if _VALUE in item.attributes:
        return item.attributes[_VALUE]
    inner = item.kids[0] if len(item.kids) == 1 and item.kids[0].name == _DESCRIPTION else item
    if _VALUE in inner.attributes:
        return inner.attributes[_VALUE]
    return next((kid.text for kid in inner.kids if kid.name == _VALUE and plain(kid)), None)


def items(place: Place) -> list[tuple[Element, str]] | None:
    """A container's items that have a text; None where the place is no container."""
    inner = place.element and container(place.element)
    if not inner:
        return None
    return [
        (kid, text)
        for kid in inner.kids
        if (text := value(kid) if kid.kids or kid.attributes else kid.text) is not None
    ]


def default(inner: Element) -> Element | None:
    """The item of a language alternative that speaks for all: x-default, else the one without a language."""
    for kid in inner.kids:
        if kid.attributes.get(XML_LANG, "").lower() == _DEFAULT:
            return kid
    return next((kid for kid in inner.kids if XML_LANG not in kid.attributes), None)


def text(place: Place) -> str | None:
    """What a field of one value says here; None where it is of a form we do not know."""
    if place.element is None:
        return place.node.attributes[place.name]
    inner = container(place.element)
    if inner is None:
        return value(place.element)
    shown = default(inner) or next(iter(inner.kids), None)
    return value(shown) if shown is not None else ""


def seen(document: Document, *, summed: bool = True) -> Seen:
    """What stands in the document; without a digest unless `summed`.

    A field that stands several times gives all its values, one after the other; of a text the first that
    is not empty counts. Raises Refused where a keyword field has a form that cannot be read as a list.

    Where there is no TagsList, that of the answer are the words of the fields that programs read next and we
    never make (`metadata.foreign_words`): one that is made would hide them.
    """
    lists = _lists(document)
    below = () if TAGS_LIST in lists else below_tags_list(document)
    if below:
        lists = {TAGS_LIST: below, **lists}
    own = digest(document.data) if summed else b""
    return _all(document, lists, own, frozenset(_programs(document)), people(document, lists))


def ours(document: Document) -> Seen:
    """Of what `seen` says only the fields that we can write."""
    return _all(document, _lists(document))


def _lists(document: Document) -> dict[str, Values]:
    return {name: values for name, field in LISTS.items() if (values := _values(document, field)) is not None}


def _all(
    document: Document,
    lists: dict[str, Values],
    own: bytes = b"",
    programs: frozenset[str] = frozenset(),
    named: frozenset[str] = frozenset(),
) -> Seen:
    return Seen(
        exists=True,
        digest=own,
        lists=lists,
        texts={name: said for name, field in TEXTS.items() if (said := _said(document, field))}
        | xmp_structs.told(document),
        programs=programs,
        people=named,
        claimed=_claimed(document),
        where=document.path,
        regions=xmp_structs.count(document),
    )


def _values(document: Document, field: Field) -> Values | None:
    found = document.places(field)
    if not found:
        return None
    return tuple(each for place in found for each in list_values(document, place) if each)


def list_values(document: Document, place: Place) -> list[str]:
    """The values at one place of a keyword field, empty ones included; raises Refused for odd forms."""
    inner = place.element and container(place.element)
    if inner:
        return inner.texts if inner.texts is not None else [each for _, each in items(place) or []]
    if place.element is None:
        return [place.node.attributes[place.name]]
    if not plain(place.element):
        field = WRITTEN.get(place.name) or FOLLOWED[place.name]
        raise Refused(document.path, f"its {field.name} is neither a list nor a text")
    return [place.element.text if place.element.text.strip() else ""]


def _said(document: Document, field: Field) -> str | None:
    return next((said for place in document.places(field) if (said := text(place))), None)


def _programs(document: Document) -> Iterator[str]:
    for node in document.nodes:
        for name in (*node.attributes, *(kid.name for kid in node.kids)):
            if name not in _NOBODY and (program := PROGRAMS.get(name.partition(GLUE)[0])):
                yield program


def people(document: Document, lists: Mapping[str, Values]) -> frozenset[str]:
    """Who is named in the picture: in its list of persons (in `lists`), and by regions."""
    regions = (kid for node in document.nodes for kid in node.kids if kid.name in REGIONS)
    return frozenset(lists.get(PERSONS, ())).union(*(_named(each) for each in regions))


def _named(regions: Element) -> Iterator[str]:
    """The names of regions at any depth; a stack of our own, since depth is the writer's choice."""
    waiting = [regions]
    while waiting:
        element = waiting.pop()
        waiting += element.kids
        yield from (element.attributes[name] for name in REGION_NAMES if element.attributes.get(name))
        if element.name in REGION_NAMES and element.text.strip():
            yield element.text


def claim_text(claim: Claim) -> str:
    """The provenance as the file holds it: JSON in one text value, since every program carries that.

    Words are lists of parts there, so that no separator has to be escaped.
    """
    words = [_json(word) if SEPARATOR not in word else _array(word.split(SEPARATOR)) for word in claim.words]
    return (
        f'{{"ledger":{_json(claim.ledger)},"run":{claim.run:d},"words":[{",".join(words)}],'
        f'"texts":{_array(claim.texts)}}}'
    )


def _array(texts: Iterable[str]) -> str:
    return f"[{','.join(map(_json, texts))}]"


def _claimed(document: Document) -> Claim | None:
    said = _said(document, CLAIM)
    if not said:
        return None
    try:
        content = json.loads(said)
        words = tuple(
            word if isinstance(word, str) else SEPARATOR.join(map(str, word)) for word in content["words"]
        )
        return Claim(str(content["ledger"]), int(content["run"]), words, tuple(map(str, content["texts"])))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None  # somebody edited it: it then says nothing that we could trust
