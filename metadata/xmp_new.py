"""A sidecar from nothing, in the form that every program we know of opens.

exiv2 (and with it digiKam, darktable and Photini) wants `<?xpacket begin=` directly followed by
`<x:xmpmeta` in the first 80 bytes, in UTF-8 without a byte order mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from metadata.sinks import Change
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


def new(change: Change, now: datetime, path: bytes = b"") -> bytes:
    """A fresh sidecar that holds what `change` adds; `now` must know its zone.

    Raises Refused, with `path`, for a value that XML cannot hold.
    """
    wanted = _wanted(change, now)
    uris = dict.fromkeys(field.uri for field, _ in wanted)
    if change.texts.get(SHOWN.name):
        uris.setdefault(SHOWN.uri)
    declared = "".join(f'\n    xmlns:{_PREFIX[uri]}="{uri}"' for uri in uris)
    body = "".join(_property(field, texts(values, path)) for field, values in wanted)
    body += _shown(change.texts.get(SHOWN.name), path)
    return f"{_HEAD}{declared}>\n{body}{_TAIL}".encode()


def _wanted(change: Change, now: datetime) -> list[tuple[Field, Sequence[str]]]:
    wanted: list[tuple[Field, Sequence[str]]] = []
    for name, field in LISTS.items():
        values = [value for value in dict.fromkeys(change.add.get(name, ())) if value]
        if values:
            wanted.append((field, values))
    wanted += [(TEXTS[name], [text]) for name, text in change.texts.items() if text and name in TEXTS]
    wanted.append((DATE, [now.isoformat(timespec="seconds")]))
    if change.claim and (change.claim.words or change.claim.texts):
        wanted.append((CLAIM, [claim_text(change.claim)]))
    return wanted


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


def _property(field: Field, values: Sequence[str]) -> str:
    name = f"{_PREFIX[field.uri]}:{field.local}"
    if field.kind == "text":
        return f"   <{name}>{values[0]}</{name}>\n"
    language = ' xml:lang="x-default"' if field.kind == "Alt" else ""
    opening, closing = f"     <rdf:li{language}>", "</rdf:li>\n"
    lines = (closing + opening).join(values)
    return f"   <{name}>\n    <rdf:{field.kind}>\n{opening}{lines}{closing}    </rdf:{field.kind}>\n   </{name}>\n"
