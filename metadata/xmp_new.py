"""A sidecar from nothing, in the form that every program we know of opens.

exiv2 (and with it digiKam, darktable and Photini) wants `<?xpacket begin=` directly followed by
`<x:xmpmeta` in the first 80 bytes, in UTF-8 without a byte order mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from metadata.sinks import Change, Values
from metadata.xmp_names import CLAIM, DATE, LISTS, PREFIXES, SHOWN, TEXTS, Field
from metadata.xmp_seen import claim_text
from metadata.xmp_splice import content, texts
from metadata.xmp_structs import parts

_HEAD: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="tagwright">\n'
    f' <rdf:RDF xmlns:rdf="{PREFIXES["rdf"]}">\n'
    '  <rdf:Description rdf:about=""'
)
_TAIL: Final = '  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>\n'
_PREFIX: Final = {uri: prefix for prefix, uri in PREFIXES.items()}


class _Form(NamedTuple):
    """What stands before, between and behind a field's values."""

    opening: str
    between: str
    closing: str


def _form(field: Field) -> _Form:
    name = f"{_PREFIX[field.uri]}:{field.local}"
    if field.kind == "text":
        return _Form(f"   <{name}>", "", f"</{name}>\n")
    language = ' xml:lang="x-default"' if field.kind == "Alt" else ""
    item, closed = f"     <rdf:li{language}>", "</rdf:li>\n"
    return _Form(
        f"   <{name}>\n    <rdf:{field.kind}>\n{item}",
        closed + item,
        f"{closed}    </rdf:{field.kind}>\n   </{name}>\n",
    )


_FIELDS: Final = {**LISTS, **TEXTS, DATE.name: DATE, CLAIM.name: CLAIM, SHOWN.name: SHOWN}
_FORMS: Final = {name: _form(field) for name, field in _FIELDS.items()}


def fresh_lists(change: Change) -> dict[str, Values]:
    """The values that a fresh sidecar gets, by list field: each once, none empty."""
    add = change.add
    found = {name: tuple(filter(None, dict.fromkeys(add[name]))) for name in LISTS if name in add}
    return {name: values for name, values in found.items() if values}


def new(change: Change, now: datetime, path: bytes = b"", listed: Mapping[str, Values] | None = None) -> bytes:
    """A fresh sidecar that holds what `change` adds; `now` must know its zone. `listed` is `fresh_lists(change)`.

    Raises Refused, with `path`, for a value that XML cannot hold.
    """
    listed = fresh_lists(change) if listed is None else listed
    said = {name: text for name, text in change.texts.items() if text and name in TEXTS}
    shown = change.texts.get(SHOWN.name)
    claim = claim_text(change.claim) if change.claim and (change.claim.words or change.claim.texts) else ""
    names = (*listed, *said, DATE.name, *((CLAIM.name,) if claim else ()), *((SHOWN.name,) if shown else ()))
    pieces = [_head(names)]
    for name, values in listed.items():
        opening, between, closing = _FORMS[name]
        pieces += (opening, between.join(texts(values, path)), closing)
    written: dict[str, str] = {}  # a caption stands in two fields
    for name, text in (*said.items(), (DATE.name, now.isoformat(timespec="seconds")), (CLAIM.name, claim)):
        if text:
            opening, _, closing = _FORMS[name]
            inside = written.get(text) or written.setdefault(text, texts((text,), path)[0])
            pieces += (opening, inside, closing)
    pieces += (_shown(shown, path), _TAIL)
    return "".join(pieces).encode()


@lru_cache(maxsize=256)
def _head(names: tuple[str, ...]) -> str:
    uris = dict.fromkeys(_FIELDS[name].uri for name in names)
    return _HEAD + "".join(f'\n    xmlns:{_PREFIX[uri]}="{uri}"' for uri in uris) + ">\n"


def _shown(said: str | None, path: bytes) -> str:
    """The place in the picture as IPTC's struct."""
    if not said:
        return ""
    name, lines = f"{_PREFIX[SHOWN.uri]}:{SHOWN.local}", ""
    for local, value in parts(said):
        tag = f"{_PREFIX[SHOWN.uri]}:{local}"
        lines += f"      <{tag}>{content(value, path).decode()}</{tag}>\n"
    item = f'     <rdf:li rdf:parseType="Resource">\n{lines}     </rdf:li>\n'
    return f"   <{name}>\n    <rdf:Bag>\n{item}    </rdf:Bag>\n   </{name}>\n"
