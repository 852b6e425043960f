"""The names of XMP: namespaces, the fields that tagwright reads and writes, and which programs leave traces.

Expanded names are written as one text: URI, U+0001, local name. No XML document can hold
U+0001, so no document can forge one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

GLUE: Final = "\x01"

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML_LANG: Final = f"http://www.w3.org/XML/1998/namespace{GLUE}lang"

PREFIXES: Final = {
    "rdf": RDF,
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "tagwright": "urn:tagwright:ns:1.0/",
}
"""The prefix we bind where a document has none for the namespace."""

Kind = Literal["Bag", "Seq", "Alt", "text"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field we can write: its usual name, its parts, and the form of a new one."""

    name: str
    uri: str
    local: str
    kind: Kind
    expanded: str
    """URI and local name as one text."""


def _field(name: str, kind: Kind) -> Field:
    prefix, local = name.split(":")
    return Field(name, PREFIXES[prefix], local, kind, _expanded(prefix, local))


def _expanded(prefix: str, local: str) -> str:
    return f"{PREFIXES[prefix]}{GLUE}{local}"


def _others(name: str, uri: str, kind: Kind) -> Field:
    local = name.split(":")[1]
    return Field(name, uri, local, kind, f"{uri}{GLUE}{local}")


LISTS: Final = {
    field.name: field
    for field in (
        _field("digiKam:TagsList", "Seq"),
        _field("lr:hierarchicalSubject", "Bag"),
        _field("dc:subject", "Bag"),
        _field("Iptc4xmpExt:PersonInImage", "Bag"),
    )
}
"""Keyword fields (XMP part 2; digiKam's handbook), and persons' names (IPTC Extension)."""

TEXTS: Final = {
    field.name: field
    for field in (
        _field("dc:description", "Alt"),
        _field("tiff:ImageDescription", "Alt"),
        _field("dc:title", "Alt"),
        _field("photoshop:City", "text"),
        _field("photoshop:State", "text"),
        _field("photoshop:Country", "text"),
        _field("Iptc4xmpCore:CountryCode", "text"),
        _field("Iptc4xmpCore:Location", "text"),
        _field("photoshop:SidecarForExtension", "text"),
    )
}
"""Fields of one value; of a language alternative the x-default item counts."""

DATE: Final = _field("xmp:MetadataDate", "text")
CLAIM: Final = _field("tagwright:Ours", "text")

LAST_KEYWORDS: Final = _others("MicrosoftPhoto:LastKeywordXMP", "http://ns.microsoft.com/photo/1.0/", "Bag")
"""As Windows and digiKam write it; exiftool leaves the last slash out, and what it moved there is left alone."""

CATALOG_SETS: Final = _others("mediapro:CatalogSets", "http://ns.iview-multimedia.com/mediapro/1.0/", "Bag")
CATEGORIES: Final = _others("acdsee:categories", "http://ns.acdsee.com/iptc/1.0/", "text")

FOLLOWED: Final = {field.expanded: field for field in (LAST_KEYWORDS, CATALOG_SETS, CATEGORIES)}
"""Keyword fields of other programs: changed with ours where they are there, never created."""

WRITTEN: Final = {field.expanded: field for field in (*LISTS.values(), *TEXTS.values(), DATE, CLAIM)}
"""Every field that we may replace, by expanded name; all else is somebody's and stays."""


PERSONS: Final = _expanded("Iptc4xmpExt", "PersonInImage")
REGION_LIST: Final = _field("mwg-rs:Regions", "Bag")
MS_REGIONS: Final = _expanded("MP", "RegionInfo")
REGIONS: Final = frozenset({REGION_LIST.expanded, MS_REGIONS})
SHOWN: Final = _field("Iptc4xmpExt:LocationShown", "Bag")
STRUCTS: Final = REGIONS | {SHOWN.expanded}
"""Properties of structs, which `metadata.xmp_structs` reads and changes item by item."""
REGION_NAMES: Final = frozenset({_expanded("mwg-rs", "Name"), _expanded("MPReg", "PersonDisplayName")})
PRESET: Final = _expanded("crs", "PresetType")

FLAT: Final = frozenset(field.expanded for field in LISTS.values())
"""Properties that nearly always are plain lists."""

VALUES: Final = frozenset(field.expanded for field in (*TEXTS.values(), DATE, CLAIM))
"""Properties that nearly always are one text, or a language alternative of nothing but texts."""

LOOKED_INTO: Final = WRITTEN.keys() | FOLLOWED.keys() | STRUCTS
"""Properties whose inside is read; others are skipped as a whole."""

PROGRAMS: Final = {
    "http://darktable.sf.net/": "darktable",
    PREFIXES["digiKam"]: "digiKam",
    PREFIXES["crs"]: "Camera Raw",
    "http://ns.acdsee.com/iptc/1.0/": "ACDSee",
    "http://ns.iview-multimedia.com/mediapro/1.0/": "Media Pro",
    "http://ns.microsoft.com/photo/1.0": "Microsoft",
    "http://ns.microsoft.com/photo/1.0/": "Microsoft",
}
"""Namespaces that name their program; a field that we write ourselves names nobody."""
