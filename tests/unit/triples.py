"""A small reader of XMP on ElementTree, that shares nothing with the product's: what a file says, as values.

`statements` gives every property as a canonical value, so that two files may be compared whatever form each
uses: attributes or elements, structs in any spelling, qualifiers, containers.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
CONTAINERS = {f"{RDF}{kind}": kind for kind in ("Bag", "Seq", "Alt")}
SYNTAX = {f"{RDF}about", "about", f"{RDF}ID", f"{RDF}nodeID", f"{RDF}parseType", f"{RDF}resource", LANG}


def decoded(data: bytes) -> str:
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(codec)
    if data[:2] in (b"<\0", b"\0<"):
        return data.decode("utf-16-le" if data[1] == 0 else "utf-16-be")
    declared = re.match(rb"<\?xml[^>]*encoding=[\"']([\w-]+)", data)
    return data.decode(declared[1].decode() if declared else "utf-8")


def tree(data: bytes) -> ElementTree.Element:
    text = re.sub(r"^<\?xpacket[^>]*\?>|^<\?xml[^>]*\?>", "", decoded(data))
    text = text[: text.rindex(">") + 1]
    root = ElementTree.fromstring(text)
    return root if root.tag == f"{RDF}RDF" else root.find(f".//{RDF}RDF")


def statements(data: bytes) -> list[tuple]:
    """(property, value) of everything that the file says of its photo; nodes in any number count as one."""
    found = []
    rdf = tree(data)
    named = {node.get(f"{RDF}nodeID"): node for node in rdf if node.get(f"{RDF}nodeID")}
    for node in rdf:
        if node.get(f"{RDF}nodeID"):
            continue
        found += _fields(node, named)
        about = node.get(f"{RDF}about") or node.get("about")
        if about:
            found.append(("about", about))
    return found


def _fields(node: ElementTree.Element, named: dict) -> list[tuple]:
    found = [(name, ("text", value, "", ())) for name, value in node.attrib.items() if name not in SYNTAX]
    return found + [(kid.tag, _value(kid, named)) for kid in node]


def _value(element: ElementTree.Element, named: dict) -> tuple:
    language = element.get(LANG, "")
    if element.get(f"{RDF}resource") is not None:
        return ("uri", element.get(f"{RDF}resource"), language, ())
    if element.get(f"{RDF}nodeID") in named:
        target = named[element.get(f"{RDF}nodeID")]
        if target.tag not in CONTAINERS:
            return _struct(_fields(target, named), language)
        kids = [target]
    else:
        kids = list(element)
    if len(kids) == 1 and kids[0].tag in CONTAINERS:
        inside = tuple(_value(item, named) for item in kids[0])
        kind = CONTAINERS[kids[0].tag]
        return (kind, tuple(sorted(inside, key=repr)) if kind == "Bag" else inside)
    if len(kids) == 1 and kids[0].tag == f"{RDF}Description" and not element.get(f"{RDF}parseType"):
        return _struct(_fields(kids[0], named), language)
    fields = _fields(element, named)
    if not fields and not element.get(f"{RDF}parseType"):
        return ("text", element.text or "", language, ())
    return _struct(fields, language)


def _struct(fields: list[tuple], language: str) -> tuple:
    plain = [value for name, value in fields if name == f"{RDF}value"]
    rest = tuple(sorted(((name, value) for name, value in fields if name != f"{RDF}value"), key=repr))
    if plain:
        return ("text", plain[0][1], language or plain[0][2], rest)
    return ("struct", rest, language)


def listed(data: bytes, name: str) -> list[str]:
    """The values of one property, however it is written."""
    found = []
    for property_, value in statements(data):
        if property_ == name:
            several = value[1] if value[0] in CONTAINERS.values() else [value]
            found += [each[1] for each in several if each[0] == "text" and each[1].strip()]
    return found


def remarks(data: bytes) -> list[str]:
    """Comments and processing instructions, in order."""
    return re.findall(r"<!--.*?-->|<\?.*?\?>", decoded(data), re.DOTALL)
