"""Whether a sidecar still holds anything: properties, comments, or whatever else somebody put there."""

from __future__ import annotations

import re
from typing import Final

from metadata.xmp_document import Document
from metadata.xmp_names import CLAIM, DATE, GLUE, RDF, TEXTS

_OURS: Final = frozenset({CLAIM.expanded, DATE.expanded, TEXTS["photoshop:SidecarForExtension"].expanded})
_FRAME: Final = frozenset({*_OURS, f"{RDF}{GLUE}about", "about"})
_TAGS: Final = re.compile(
    rb"<\?(?:xpacket|xml)\b[^>]*\?>|</?(?:[\w-]+:)?(?:xmpmeta|xapmeta|RDF|Description)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>"
)


def bare(document: Document) -> bool:
    """Whether nothing stands there but a sidecar's frame, our provenance, whose it is and the date of writing."""
    kids = [kid for node in document.nodes for kid in node.kids]
    if not {kid.name for kid in kids} <= _OURS:
        return False
    if not {name for node in document.nodes for name in node.attributes} <= _FRAME:
        return False
    rest, at = b"", 0
    for kid in kids:
        rest += document.work[at : kid.start]
        at = document.end(kid)
    rest = _TAGS.sub(b"", rest + document.work[at:])
    return not rest.decode(errors="replace").strip("\ufeff \t\r\n\0")
