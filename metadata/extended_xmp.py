"""A JPEG's Extended XMP put into its packet, so that one document says everything (XMP part 3, 1.1.3.1)."""

from __future__ import annotations

import re
from typing import Final

from metadata.errors import Refused
from metadata.packet import Packet
from metadata.xmp_document import Document, Element
from metadata.xmp_names import GLUE
from metadata.xmp_read import parse
from metadata.xmp_splice import Plan, apply

MOST: Final = 2**20
"""Bytes. What is larger is depth maps and second pictures; who understands those reads them in the photo."""

_NOTE: Final = f"http://ns.adobe.com/xmp/note/{GLUE}HasExtendedXMP"
_DECLARED: Final = re.compile(rb"\sxmlns:?([^\s=]*)\s*=")


def joined(packet: Packet, *, path: bytes) -> Document:
    """The packet as one document. Raises Refused, with `path`, where either part cannot be read."""
    main = parse(packet.data, path)
    if not packet.extended or len(packet.extended) > MOST:
        return main
    more = parse(packet.extended, path)
    if main.work is not main.data or more.work is not more.data:
        raise Refused(path, "has an extended part that is not written in UTF-8")
    plan = Plan(main)
    for node in main.nodes:
        if _NOTE in node.attributes:
            plan.attribute(node, _NOTE, None)
        for kid in node.kids:
            if kid.name == _NOTE:
                plan.drop(kid)
    new = b"".join(b"\n" + _standing_alone(more, node) for node in more.nodes)
    if main.hollow(main.rdf):
        raise Refused(path, "has an extended part and nothing that it extends")
    plan.swap(main.rdf.closed, main.rdf.closed, new + b"\n")
    return parse(apply(main.work, plan.splices(), path), path)


def _standing_alone(document: Document, node: Element) -> bytes:
    """The node with every namespace declared that was declared around it."""
    start, opened = node.start, document.opened(node)
    declared = {name.decode() for name in _DECLARED.findall(document.work[start:opened])}
    around = document.rdf.namespaces.items()
    missing = "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{uri}"'
        for prefix, uri in around
        if prefix != "xml" and prefix not in declared and not set('"&<') & set(uri)
    )
    at = start + 1 + len(document.tag(node))
    return document.work[start:at] + missing.encode() + document.work[at : document.end(node)]
