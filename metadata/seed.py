"""The beginning of a new sidecar: everything that the photo says of itself.

A sidecar hides the photo's own metadata from digiKam and darktable, and every program takes the first
keyword field that it finds. So a new one starts as the embedded packet, byte for byte, and then:

- what only IPTC or EXIF holds is added (caption, title, authors, rights, keywords, places, …);
- digiKam:TagsList and lr:hierarchicalSubject, where the packet has none, get every word of the fields that
  programs read after them, since they would no longer look there;
- where Immich may read the sidecar, what would steer it stays out (`metadata/steering.py`).

Padding goes and a read-only packet becomes writable: both only mean something inside a photo.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from metadata import files, foreign_words
from metadata.embedded import Embedded, elsewhere
from metadata.errors import Refused
from metadata.sinks import Change, Seen, Values
from metadata.steering import steers
from metadata.tags import (
    HIERARCHICAL,
    SUBJECT,
    TAGS_LIST,
    Word,
    fold,
    from_hierarchical,
    from_tags_list,
    key,
    to_hierarchical,
    to_tags_list,
)
from metadata.xmp_document import Document, Element
from metadata.xmp_edit import revise
from metadata.xmp_names import DATE, GLUE, LISTS, PREFIXES, TEXTS, Field, Kind
from metadata.xmp_read import parse
from metadata.xmp_seen import seen
from metadata.xmp_splice import Layout, Plan, Splice, Tags, apply, content

_BEGIN: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
_END: Final = b'\n<?xpacket end="w"?>\n'
_EMPTY: Final = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="tagwright">\n'
    b' <rdf:RDF xmlns:rdf="' + PREFIXES["rdf"].encode() + b'">\n'
    b'  <rdf:Description rdf:about=""/>\n'
    b" </rdf:RDF>\n"
    b"</x:xmpmeta>"
)
_TRAILER: Final = re.compile(rb"<\?xpacket\s+end\s*=\s*[\"'][rw][\"'][^>]{0,40}\?>\Z")
_BLANK: Final = b" \t\r\n\0"
_DECLARATION: Final = re.compile(rb"<\?xml\s[^>]{0,200}\?>\s*")
_HEADER: Final = b"<?xpacket"
_PROGRAM: Final = "darktable"


def _field(name: str, kind: Kind) -> Field:
    prefix, local = name.split(":")
    return Field(name, PREFIXES[prefix], local, kind, f"{PREFIXES[prefix]}{GLUE}{local}")


CREATOR: Final = _field("dc:creator", "Seq")
RIGHTS: Final = _field("dc:rights", "Alt")
RATING: Final = _field("xmp:Rating", "text")
MORE: Final = {
    "headline": _field("photoshop:Headline", "text"),
    "instructions": _field("photoshop:Instructions", "text"),
    "position": _field("photoshop:AuthorsPosition", "text"),
    "credit": _field("photoshop:Credit", "text"),
    "source": _field("photoshop:Source", "text"),
    "reference": _field("photoshop:TransmissionReference", "text"),
    "writer": _field("photoshop:CaptionWriter", "text"),
    "category": _field("photoshop:Category", "text"),
    "categories": _field("photoshop:SupplementalCategories", "Bag"),
    "urgency": _field("photoshop:Urgency", "text"),
}
"""What else of IPTC digiKam takes from a sidecar, by the names of `metadata.iptc.NAMES`."""


KNOWN: Final = {**LISTS, **TEXTS}


@dataclass(frozen=True, slots=True)
class Seed:
    """A sidecar's first content, before anything of ours is in it, and what it says.

    `packet` is the digest of the embedded packet it copies (b"" where there is none), `origin` that of all
    the metadata it was made from (`Embedded.seen.digest`). `seeded` holds what did not come from the packet,
    by field; `left` the expanded names of what was left out.
    """

    data: bytes
    seen: Seen
    packet: bytes
    origin: bytes
    seeded: Mapping[str, Values]
    left: Values = ()


def seed(embedded: Embedded, *, steer: bool, now: datetime, path: bytes) -> Seed | None:
    """The first content of the sidecar at `path`, or None where the photo says nothing worth a copy.

    With `steer=False`, for a photo that is or may become an asset of Immich, nothing is in it that would
    change the date, zone, orientation, rating or place which Immich takes from the photo alone. `now`, with
    its zone, becomes xmp:MetadataDate where keywords, caption or places were added to the packet.

    Raises Refused where the packet cannot be read or spliced safely: no sidecar may then be made, since a
    smaller one would hide the photo's own words.
    """
    if embedded.fault is not None:
        raise Refused(path, f"not created: the photo's own XMP {embedded.fault.reason}")
    base = parse(_wrapped(embedded.document), path)
    added = _added(base, embedded, stars=steer)
    change = _change(base, embedded)
    base = _declared(base, [*added, *(KNOWN[name] for name in (*change.add, *change.texts))])
    plan = Plan(base)
    left = () if steer else _leave_out(plan)
    for field, values in added.items():
        _add(plan, field, values)
    document = _made(base, plan, left, added)
    seeded = {field.name: values for field, values in added.items()}
    seeded.update(change.add)
    seeded.update((name, (text,)) for name, text in change.texts.items() if text)
    if embedded.document is None and not seeded:
        return None
    revised = revise(document, seen(document), change, now)
    packet = b"" if embedded.packet is None else files.digest(embedded.packet)
    return Seed(revised.data, revised.seen, packet, embedded.seen.digest, seeded, left)


def _wrapped(document: Document | None) -> bytes:
    """The packet in the form that exiv2 takes for a sidecar: UTF-8, an xpacket header first, no padding."""
    if document is None:
        return _BEGIN + _EMPTY + _END
    work = document.work.removeprefix(b"\xef\xbb\xbf").strip(_BLANK)
    if document.work is not document.data:  # it names an encoding that it no longer has
        work = _DECLARATION.sub(b"", work, count=1)
    end = work.rfind(_HEADER)
    body = work[:end].rstrip(_BLANK) if end > 0 and _TRAILER.match(work, end) else work
    declared = _DECLARATION.match(body)
    start = declared.end() if declared else 0
    if not body.startswith((_HEADER, b"<x:xmpmeta"), start):
        body, start = _BEGIN + body[start:], 0
    if not body.startswith(_HEADER, start):
        return body + b"\n"
    return body + _END


def _declared(document: Document, fields: Iterable[Field]) -> Document:
    """The document with the namespaces of these fields declared, once and by their usual prefixes.

    exiv2 reads nothing of a file in which one namespace has two prefixes.
    """
    if not document.nodes:
        return document
    uris = {field.uri for field in fields}
    if uris:
        uris.add(DATE.uri)
    bound = {uri for node in document.nodes for uri in node.namespaces.values()}
    usual = [(prefix, uri) for prefix, uri in PREFIXES.items() if uri in uris - bound]
    new = "".join(f'\n    xmlns:{prefix}="{uri}"' for prefix, uri in usual if prefix not in document.prefixes)
    if not new:
        return document
    node = document.nodes[0]
    at = node.start + 1 + len(document.tag(node))
    return parse(apply(document.work, [Splice(at, at, new.encode())], document.path), document.path)


def _leave_out(plan: Plan) -> Values:
    left: dict[str, None] = {}
    for node in plan.document.nodes:
        for name in filter(steers, node.attributes):
            plan.attribute(node, name, None)
            left[name] = None
        for kid in node.kids:
            if steers(kid.name):
                plan.drop(kid)
                left[kid.name] = None
    return tuple(left)


def _added(document: Document, embedded: Embedded, *, stars: bool) -> dict[Field, Values]:
    """The fields that the packet lacks and IPTC or EXIF has, among those that we otherwise never write."""
    iptc, exif = embedded.iptc, embedded.exif
    wanted: dict[Field, Iterable[str]] = {
        CREATOR: exif.creators or iptc.values.get("creator", ()),
        RIGHTS: (exif.rights or iptc.first("rights"),),
        **{field: iptc.values.get(name, ()) for name, field in MORE.items()},
    }
    if stars and exif.rating:
        wanted[RATING] = (str(exif.rating),)
    held = {name.casefold() for name in _names(document)}  # old Adobe programs wrote dc:Creator
    found: dict[Field, Values] = {}
    for field, values in wanted.items():
        kept = tuple(dict.fromkeys(text for value in values if (text := _legal(value))))
        if kept and field.expanded.casefold() not in held:
            found[field] = kept if field.kind in ("Bag", "Seq") else kept[:1]
    return found


def _names(document: Document) -> set[str]:
    return {name for node in document.nodes for name in (*node.attributes, *(kid.name for kid in node.kids))}


def _legal(value: str) -> str:
    """Without what XML cannot hold; such signs in IPTC and EXIF are a camera's or a disk's doing."""
    kept = (sign for sign in value if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
    return "".join(sign for sign in kept if not "\ud800" <= sign <= "\udfff").strip()


def _add(plan: Plan, field: Field, values: Values) -> None:
    raw = [content(value, plan.path) for value in values]
    if field.kind == "text":
        plan.add(field, lambda _tags, _layout: raw[0])
    else:
        plan.add(field, _listing(field.kind, raw))


def _listing(kind: str, raw: list[bytes]) -> Callable[[Tags, Layout], bytes]:
    language = b' xml:lang="x-default"' if kind == "Alt" else b""

    def inside(tags: Tags, layout: Layout) -> bytes:
        deep = layout.deeper()
        box, item = tags.in_rdf(kind), tags.in_rdf("li")
        gap = deep.deeper().gap
        lines = b"".join(b"%s<%s%s>%s</%s>" % (gap, item, language, each, item) for each in raw)
        return b"%s<%s>%s%s</%s>%s" % (deep.gap, box, lines, deep.gap, box, layout.gap)

    return inside


def _made(base: Document, plan: Plan, left: Values, added: Mapping[Field, Values]) -> Document:
    """The document with all of that done; raises Refused unless everything else is what it was."""
    if not plan:
        return base
    made = parse(apply(base.work, plan.splices(), base.path), base.path)
    new = {field.expanded for field in added}
    gone = set(left)
    before = sorted(each for each in _content(base) if each[0] not in gone)
    after = sorted(each for each in _content(made) if each[0] not in new)
    if before != after or not _names(made).isdisjoint(left) or not new <= _names(made):
        raise Refused(base.path, "not created: the photo's own XMP could not be copied without a change")
    return made


def _content(document: Document) -> list[tuple[str, bytes]]:
    """Every property with its bytes; the namespaces of what encloses it are seen by the parser."""
    found = []
    for node in document.nodes:
        found += [(name, value.encode("utf-8", "surrogatepass")) for name, value in node.attributes.items()]
        found += [(kid.name, _bytes(document, kid)) for kid in node.kids]
    return found


def _bytes(document: Document, element: Element) -> bytes:
    return document.work[element.start : document.end(element)]


def _change(document: Document, embedded: Embedded) -> Change:
    """What is to be added to the fields that we also write ourselves."""
    standing = seen(document)
    subject = standing.lists.get(SUBJECT, ())
    united = tuple(word for value in embedded.seen.lists.get(SUBJECT, ()) if (word := _legal(value)))
    add = {
        TAGS_LIST: _filled(document, standing, united, TAGS_LIST),
        HIERARCHICAL: _filled(document, standing, united, HIERARCHICAL),
        SUBJECT: tuple(word for word in united if word not in subject),
    }
    texts: dict[str, str | None] = {
        name: legal
        for name, text in elsewhere(embedded.iptc, embedded.exif).items()
        if not standing.texts.get(name) and (legal := _legal(text))
    }
    return Change(add={name: values for name, values in add.items() if values}, texts=texts)


def _filled(document: Document, standing: Seen, united: Values, name: str) -> Values:
    """Every word of the fields that are read after this one, in its spelling; none where it stands already.

    Paths come first; a flat word that is a level of one of them is there already. darktable's own marks
    ("darktable|exported") are no tags for others.
    """
    if document.places(KNOWN[name]):
        return ()
    words = [*foreign_words.microsoft(document)]
    if name == TAGS_LIST:
        words += map(from_hierarchical, standing.lists.get(HIERARCHICAL, ()))
    else:
        words += map(from_tags_list, standing.lists.get(TAGS_LIST, ()))
    words += [*foreign_words.media_pro(document), *foreign_words.acdsee(document)]
    paths = {key(word): word for word in reversed(words) if word and _meant(word, name)}
    levels = {fold(part) for word in paths.values() for part in word}
    spelled = to_tags_list if name == TAGS_LIST else to_hierarchical
    flat = [word for word in united if fold(word) not in levels and word.strip("/| ")]
    return tuple(dict.fromkeys([*(spelled(word) for word in reversed(paths.values())), *flat]))


def _meant(word: Word, name: str) -> bool:
    return name != TAGS_LIST or word[0] != _PROGRAM
