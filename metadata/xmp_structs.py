"""Properties that hold structs: face regions and the place that is shown. Read as texts, changed item by item.

Of each named region `Seen.texts` says `mwg-rs:Regions/<name>`: centre x, y, width and height as fractions of
the stored picture, and that picture's size: `0.5 0.4 0.1 0.2 of 4000x3000` (MWG guidelines 2.0, 5.9). Several of
one name are joined by `; `. Regions of Microsoft's are only read: `MP:RegionInfo/<name>`.
`Iptc4xmpExt:LocationShown` is told in lines: `City: Oslo`.

An item that is not ours stays the bytes it was. A property of a form we do not know is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from metadata.errors import Refused
from metadata.xmp_document import Document, Element
from metadata.xmp_names import GLUE, MS_REGIONS, PREFIXES, RDF, REGION_LIST, SHOWN, Field
from metadata.xmp_splice import Layout, Plan, Tags, content

REGION: Final = "mwg-rs:Regions/"
MICROSOFT: Final = "MP:RegionInfo/"
LOCATION: Final = SHOWN.name
MOST: Final = 9
"""Struct items in one property: darktable can no longer save a file with ten (its issue 17880)."""
CROWDED: Final = 1 << 10
"""What is counted where regions have a form that nothing can be added to."""

_PARTS: Final = {
    "City": "City",
    "State": "ProvinceState",
    "Country": "CountryName",
    "Code": "CountryCode",
    "Location": "Sublocation",
}
"""The parts of a place as told in `texts`, and the fields of IPTC's LocationDetails."""
_DESCRIPTION: Final = f"{RDF}{GLUE}Description"
_BOXES: Final = {f"{RDF}{GLUE}{kind}" for kind in ("Bag", "Seq", "Alt")}
_AREA_URI: Final = "http://ns.adobe.com/xmp/sType/Area#"
_SIZE_URI: Final = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_FIELDS: Final = {REGION_LIST.expanded, MS_REGIONS, SHOWN.expanded}


def _mwg(local: str) -> str:
    return f"{PREFIXES['mwg-rs']}{GLUE}{local}"


class Area(NamedTuple):
    """A region in the stored picture: centre and size as fractions; that picture's size in pixels (0: unknown)."""

    x: float
    y: float
    w: float
    h: float
    width: int = 0
    height: int = 0

    def __str__(self) -> str:
        of = f" of {self.width}x{self.height}" if self.width and self.height else ""
        return self.spot + of

    @property
    def spot(self) -> str:
        """Where it is, whatever the picture's size is said to be."""
        return " ".join(f"{each:.6g}" for each in self[:4])

    def near(self, other: Area) -> bool:
        """Whether another program may have written this one again: digiKam rounds to whole pixels."""
        far = max(0.005, *(2 / size for size in (self.width, self.height, other.width, other.height) if size))
        return all(abs(mine - its) <= far for mine, its in zip(self[:4], other[:4], strict=True))


def areas(said: str) -> list[Area]:
    """The areas in a text of a region; those that cannot be read are left out."""
    found = []
    for each in said.split("; "):
        numbers, _, size = each.partition(" of ")
        try:
            x, y, w, h = map(float, numbers.split())
            width, height = map(int, size.split("x")) if size else (0, 0)
        except ValueError:
            continue
        found.append(Area(x, y, w, h, width, height))
    return found


def same(one: str, other: str) -> bool:
    """Whether two texts tell of the same areas, whatever the picture's size is said to be."""
    spots = [sorted(area.spot for area in areas(each)) for each in (one, other)]
    return spots[0] == spots[1] != []


# Reading


def _struct(element: Element) -> dict[str, Element | str]:
    """The fields of a struct in any of RDF's forms."""
    inner = element
    if len(element.kids) == 1 and element.kids[0].name == _DESCRIPTION:
        inner = element.kids[0]
    return {**element.attributes, **inner.attributes, **{kid.name: kid for kid in inner.kids}}


def _plain(found: Element | str | None) -> str:
    return found if isinstance(found, str) else "" if found is None or found.kids else found.text


def _standing(document: Document, name: str) -> list[Element]:
    return [kid for node in document.nodes for kid in node.kids if kid.name == name]


def _box(element: Element | str | None) -> Element | None:
    if isinstance(element, Element) and len(element.kids) == 1 and element.kids[0].name in _BOXES:
        return element.kids[0]
    return None


def _number(found: Element | str | None) -> float:
    try:
        return float(_plain(found))
    except ValueError:
        return 0.0


def _size(regions: Mapping[str, Element | str]) -> tuple[int, int]:
    size = regions.get(_mwg("AppliedToDimensions"))
    if not isinstance(size, Element):
        return 0, 0
    found = _struct(size)
    width, height = (_number(found.get(f"{_SIZE_URI}{GLUE}{each}")) for each in "wh")
    return (int(width), int(height)) if 0 < width < 1e7 and 0 < height < 1e7 else (0, 0)


def _items(document: Document) -> Iterator[tuple[Element, str, Area]]:
    """Every region with its name and area; without a name it is an empty text."""
    for regions in _standing(document, REGION_LIST.expanded):
        fields = _struct(regions)
        box = _box(fields.get(_mwg("RegionList")))
        for item in box.kids if box else ():
            found = _struct(item)
            area = found.get(_mwg("Area"))
            inside = _struct(area) if isinstance(area, Element) else {}
            x, y, w, h = (_number(inside.get(f"{_AREA_URI}{GLUE}{each}")) for each in "xywh")
            yield item, _plain(found.get(_mwg("Name"))).strip(), Area(x, y, w, h, *_size(fields))


def _microsoft(document: Document) -> Iterator[tuple[str, str]]:
    name, box = (f"{PREFIXES['MPReg']}{GLUE}{local}" for local in ("PersonDisplayName", "Rectangle"))
    for regions in _standing(document, MS_REGIONS):
        for listed in _struct(regions).values():
            items = _box(listed)
            for item in items.kids if items else ():
                found = _struct(item)
                if said := _plain(found.get(name)).strip():
                    yield f"{MICROSOFT}{said}", _plain(found.get(box)).strip() or "somewhere"


def told(document: Document) -> dict[str, str]:
    """What stands in these properties, as texts."""
    if not _any(document):
        return {}
    found: dict[str, str] = {}
    named = [(f"{REGION}{name}", str(area)) for _, name, area in _items(document) if name]
    for name, said in (*named, *_microsoft(document)):
        found[name] = f"{found[name]}; {said}" if name in found else said
    if place := _place(document):
        found[LOCATION] = place
    return found


def _any(document: Document) -> bool:
    return any(kid.name in _FIELDS for node in document.nodes for kid in node.kids)


def _place(document: Document) -> str:
    """The one place that is shown, in lines; of anything else that stands there only that it does."""
    standing = _standing(document, SHOWN.expanded)
    if not standing:
        return ""
    box = _box(standing[0])
    item = box.kids[0] if len(standing) == 1 and box is not None and len(box.kids) == 1 else None
    if item is None:
        return "several places"
    found = _struct(item)
    lines = {name: _plain(found.get(f"{SHOWN.uri}{GLUE}{local}")) for name, local in _PARTS.items()}
    return "\n".join(f"{name}: {text}" for name, text in lines.items() if text.strip()) or "a place"


def count(document: Document) -> int:
    """How many regions stand there, named or not; `CROWDED` where none can be added."""
    standing = _standing(document, REGION_LIST.expanded)
    if not standing:
        return CROWDED if any(REGION_LIST.expanded in node.attributes for node in document.nodes) else 0
    box = _box(_struct(standing[0]).get(_mwg("RegionList")))
    return len(box.kids) if box is not None and len(standing) == 1 else CROWDED


# Changing


def is_struct(name: str) -> bool:
    """Whether this name in `Change.texts` is one of ours to handle."""
    return name.startswith(REGION) or name == LOCATION


def plan(work: Plan, before: Mapping[str, str], texts: Mapping[str, str | None]) -> None:
    """Plan these changes of regions and place: a text to set, None to take out. Raises Refused."""
    if LOCATION in texts and texts[LOCATION] != before.get(LOCATION):
        for element in _standing(work.document, SHOWN.expanded):
            work.drop(element)
        if said := texts[LOCATION]:
            _add_place(work, said)
    changed = {name: said for name, said in texts.items() if name.startswith(REGION) and said != before.get(name)}
    if changed:
        _regions(work, changed)


def _regions(work: Plan, changed: Mapping[str, str | None]) -> None:
    document = work.document
    wanted = {name.removeprefix(REGION): areas(said or "") for name, said in changed.items()}
    spots = {name: {area.spot for area in these} for name, these in wanted.items()}
    items = list(_items(document))
    gone = [item for item, name, area in items if name in spots and area.spot not in spots[name]]
    here = {(name, area.spot) for _, name, area in items}
    new = [(name, area) for name, these in wanted.items() for area in these if (name, area.spot) not in here]
    total = count(document)
    if new and total - len(gone) + len(new) > MOST:
        raise Refused(work.path, f"more than {MOST} regions would stand in it, and darktable could not save it")
    standing = _standing(document, REGION_LIST.expanded)
    if gone and not new and len(gone) == total:
        work.drop(standing[0])
        return
    for item in gone:
        work.drop(item)
    if new and standing:
        _append(work, standing[0], new)
    elif new:
        _begin(work, new)


class _Names(NamedTuple):
    """How the namespaces are called at one place, and the declarations that are missing there."""

    of: Mapping[str, str]
    declared: bytes

    def tag(self, uri: str, local: str) -> bytes:
        return f"{self.of[uri]}:{local}".encode()


_USUAL: Final = {
    PREFIXES["mwg-rs"]: "mwg-rs",
    _AREA_URI: "stArea",
    _SIZE_URI: "stDim",
    SHOWN.uri: "Iptc4xmpExt",
    RDF: "rdf",
}


def _names(document: Document, scope: Mapping[str, str], *uris: str) -> _Names:
    known = {uri: prefix for prefix, uri in scope.items() if prefix}
    of, declared = {}, b""
    for uri in uris:
        prefix = known.get(uri)
        if prefix is None:
            prefix = _elsewhere(document, scope, uri) or _fresh(document, uri)
            declared += f' xmlns:{prefix}="{uri}"'.encode()
        of[uri] = prefix
    return _Names(of, declared)


def _elsewhere(document: Document, scope: Mapping[str, str], uri: str) -> str:
    """The prefix by which the document declares it in another place: exiv2 wants one for all."""
    found = re.search(rb"\sxmlns:([^\s=]++)\s*=\s*[\"']" + re.escape(uri.encode()) + rb"[\"']", document.work)
    prefix = found[1].decode() if found else ""
    return "" if prefix in scope else prefix


def _fresh(document: Document, uri: str) -> str:
    prefix, number = _USUAL[uri], 0
    while prefix in document.prefixes:
        number += 1
        prefix = f"{_USUAL[uri]}{number}"
    return prefix


def _scope(work: Plan, field: Field) -> Mapping[str, str]:
    """What is bound where `Plan.add` puts this property."""
    nodes = work.document.nodes
    node = next((each for each in nodes if field.uri in each.namespaces.values()), None) or next(iter(nodes), None)
    return node.namespaces if node else work.document.rdf.namespaces


def _with_own(scope: Mapping[str, str], tags: Tags, field: Field) -> Mapping[str, str]:
    return {**scope, **({tags.own: field.uri} if tags.own else {}), **({tags.rdf: RDF} if tags.rdf else {})}


def _begin(work: Plan, new: Sequence[tuple[str, Area]]) -> None:
    scope = _scope(work, REGION_LIST)

    def inside(tags: Tags, layout: Layout) -> bytes:
        uris = (RDF, PREFIXES["mwg-rs"], _AREA_URI, _SIZE_URI)
        names = _names(work.document, _with_own(scope, tags, REGION_LIST), *uris)
        one = new[0][1]
        node, box = names.tag(RDF, "Description"), names.tag(RDF, "Bag")
        size, unit = names.tag(PREFIXES["mwg-rs"], "AppliedToDimensions"), names.tag(_SIZE_URI, "unit")
        w, h = names.tag(_SIZE_URI, "w"), names.tag(_SIZE_URI, "h")
        listed = names.tag(PREFIXES["mwg-rs"], "RegionList")
        a, b, c, d = _steps(layout, 4)
        applied = b'%s<%s><%s %s="%d" %s="%d" %s="pixel"/></%s>' % (
            *(b, size, node, w, one.width, h, one.height, unit, size),
        )
        items = b"".join(d + _region(work, names, *each) for each in new)
        regions = b"%s<%s>%s<%s>%s%s</%s>%s</%s>" % (b, listed, c, box, items, c, box, b, listed)
        return b"%s<%s%s>%s%s%s</%s>%s" % (a, node, names.declared, applied, regions, a, node, layout.gap)

    work.add(REGION_LIST, inside)


def _steps(layout: Layout, number: int) -> Iterator[bytes]:
    for _ in range(number):
        layout = layout.deeper()
        yield layout.gap


def _region(work: Plan, names: _Names, name: str, area: Area, declared: bytes = b"") -> bytes:
    """One item; `declared` is what is not declared around it."""
    node, item = names.tag(RDF, "Description"), names.tag(RDF, "li")
    numbers = b" ".join(
        b'%s="%s"' % (names.tag(_AREA_URI, local), f"{value:.6g}".encode())
        for local, value in zip("xywh", area[:4], strict=True)
    )
    numbers += b' %s="normalized"' % names.tag(_AREA_URI, "unit")
    n, t, box = (names.tag(PREFIXES["mwg-rs"], local) for local in ("Name", "Type", "Area"))
    inside = b"<%s>%s</%s><%s>Face</%s>" % (n, content(name, work.path), n, t, t)
    spot = b"<%s><%s %s/></%s>" % (box, node, numbers, box)
    return b"<%s%s><%s>%s%s</%s></%s>" % (item, declared, node, inside, spot, node, item)


def _append(work: Plan, regions: Element, new: Sequence[tuple[str, Area]]) -> None:
    box = _box(_struct(regions).get(_mwg("RegionList")))
    if box is None:
        raise Refused(work.path, "its regions have a form that nothing can be added to")
    names = _names(work.document, box.namespaces, RDF, PREFIXES["mwg-rs"], _AREA_URI)
    raw = [_region(work, names, *each, names.declared) for each in new]
    if box.kids:
        work.follow(box.kids[-1], b"", raw, b"")
    else:
        work.fill(box, b"".join(raw))


def parts(said: str) -> list[tuple[str, str]]:
    """The fields of IPTC's LocationDetails in a place as it is told, by their local names."""
    lines = (line.partition(": ") for line in said.split("\n"))
    return [(_PARTS[name], text) for name, _, text in lines if name in _PARTS and text]


def _add_place(work: Plan, said: str) -> None:
    scope = _scope(work, SHOWN)

    def inside(tags: Tags, layout: Layout) -> bytes:
        names = _names(work.document, _with_own(scope, tags, SHOWN), RDF, SHOWN.uri)
        node, item, box = (names.tag(RDF, local) for local in ("Description", "li", "Bag"))
        a, b, c, d = _steps(layout, 4)
        lines = b"".join(
            b"%s<%s>%s</%s>" % (d, name, content(text, work.path), name)
            for local, text in parts(said)
            if (name := names.tag(SHOWN.uri, local))
        )
        place = b"%s<%s%s>%s%s</%s>" % (c, node, names.declared, lines, c, node)
        return b"%s<%s>%s<%s>%s%s</%s>%s</%s>%s" % (a, box, b, item, place, b, item, a, box, layout.gap)

    work.add(SHOWN, inside)


# Proof


def untouched(before: Document, after: Document, texts: Mapping[str, str | None]) -> bool:
    """Whether every region and place that was not to change is still there, byte for byte and in its order."""
    if not (_any(before) or _any(after)):
        return True
    ours = {name for name in texts if is_struct(name)}
    kept = [_bytes(before, item) for item, name, _ in _items(before) if f"{REGION}{name}" not in ours]
    now = [_bytes(after, item) for item, name, _ in _items(after) if f"{REGION}{name}" not in ours]
    return kept == now and _others(before, ours) == _others(after, ours)


def _others(document: Document, ours: set[str]) -> list[bytes]:
    names = {MS_REGIONS} | (set() if LOCATION in ours else {SHOWN.expanded})
    found = [_bytes(document, each) for name in sorted(names) for each in _standing(document, name)]
    if any(name.startswith(REGION) for name in ours):
        return found
    return found + [_bytes(document, each) for each in _standing(document, REGION_LIST.expanded)]


def _bytes(document: Document, element: Element) -> bytes:
    return document.work[element.start : document.end(element)]
