"""Sidecars in the style of every writer we know of, made here: each exercises one or more forms of XMP.

`SIDECARS` maps a name to the bytes. `OURS` are words and a caption that fit each of them.
"""

from __future__ import annotations

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "darktable": "http://darktable.sf.net/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "GIMP": "http://www.gimp.org/xmp/",
    "photomechanic": "http://ns.camerabits.com/photomechanic/1.0/",
    "ics": "http://ns.idimager.com/ics/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "my": "http://example.org/family/album/1.0/",
}
BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
END = '\n<?xpacket end="w"?>'


def spaces(*prefixes: str) -> str:
    return "".join(f' xmlns:{prefix}="{SPACES[prefix]}"' for prefix in prefixes)


def bag(name: str, *values: str, kind: str = "Bag", gap: str = "\n     ") -> str:
    items = "".join(f"{gap}<rdf:li>{value}</rdf:li>" for value in values)
    return f"\n   <{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>"


def alt(name: str, default: str, **languages: str) -> str:
    others = "".join(f'<rdf:li xml:lang="{code}">{text}</rdf:li>' for code, text in languages.items())
    return f'\n   <{name}><rdf:Alt><rdf:li xml:lang="x-default">{default}</rdf:li>{others}</rdf:Alt></{name}>'


def node(inside: str = "", attributes: str = "", declared: str = "", about: str = ' rdf:about=""') -> str:
    return f"\n  <rdf:Description{about}{declared}{attributes}>{inside}\n  </rdf:Description>"


def meta(nodes: str, toolkit: str = "XMP Core 4.4.0-Exiv2", prefix: str = "x", root: str = "xmpmeta") -> str:
    return (
        f'<{prefix}:{root} xmlns:{prefix}="adobe:ns:meta/" {prefix}:xmptk="{toolkit}">\n'
        f" <rdf:RDF {RDF}>{nodes}\n </rdf:RDF>\n</{prefix}:{root}>"
    )


def plain(inside: str, *prefixes: str, attributes: str = "", toolkit: str = "XMP Core 5.6-c140") -> str:
    return meta(node(inside, attributes, spaces(*prefixes)), toolkit)


DECLARED = '<?xml version="1.0" encoding="UTF-8"?>\n'
KEYWORDS = bag("dc:subject", "cat", "Küste") + bag("lr:hierarchicalSubject", "animals|cat", "Orte|Küste")
TREE = bag("digiKam:TagsList", "animals/cat", "Orte/Küste", kind="Seq")
STEP = (
    '\n     <rdf:li darktable:num="%d" darktable:operation="%s" darktable:enabled="1" darktable:modversion="3"'
    ' darktable:params="gz04eJxjZWBgYAFiCQYYOOHEgAZY0QWAgBGLGANDgz0Ej1Q%%2B"'
    ' darktable:multi_name="1 &amp; &quot;2&quot;" darktable:blendop_params="gz06eJxjZWBgYAFiCQ=="/>'
)


def history(*operations: str) -> str:
    steps = "".join(STEP % pair for pair in enumerate(operations))
    return f"\n   <darktable:history>\n    <rdf:Seq>{steps}\n    </rdf:Seq>\n   </darktable:history>"


MASKS = (
    '\n   <darktable:masks_history>\n    <rdf:Seq>\n     <rdf:li darktable:mask_num="0" darktable:mask_id="168"'
    ' darktable:mask_type="4" darktable:mask_name="circle #1" darktable:mask_points="gz02eJ"/>\n    </rdf:Seq>\n'
    "   </darktable:masks_history>"
)


def darktable(version: int, inside: str, attributes: str = "", *prefixes: str) -> str:
    more = f' xmp:Rating="1" darktable:xmp_version="{version}" darktable:auto_presets_applied="1"{attributes}'
    return DECLARED + plain(
        inside, "darktable", "dc", "lr", "xmp", *prefixes, attributes=more, toolkit="XMP Core 4.4.0-Exiv2"
    )


def region(name: str, x: float) -> str:
    return (
        f'\n      <rdf:li><rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="Face"><mwg-rs:Area'
        f' stArea:x="{x}" stArea:y="0.5" stArea:w="0.1" stArea:h="0.17" stArea:unit="normalized"/>'
        "</rdf:Description></rdf:li>"
    )


def regions(*names: str) -> str:
    inside = "".join(region(name, number / 100) for number, name in enumerate(names))
    return (
        '\n   <mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="640" stDim:h="480"'
        f' stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag>{inside}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>'
    )


REGIONS = ("mwg-rs", "stArea", "stDim")
ADOBE_HISTORY = (
    '\n   <xmpMM:History><rdf:Seq><rdf:li stEvt:action="derived" stEvt:parameters="converted from a to b"/>'
    '<rdf:li rdf:parseType="Resource"><stEvt:action>saved</stEvt:action><stEvt:instanceID>xmp.iid:1'
    "</stEvt:instanceID><stEvt:changed>/metadata</stEvt:changed></rdf:li></rdf:Seq></xmpMM:History>"
    '\n   <xmpMM:DerivedFrom stRef:documentID="A1" stRef:originalDocumentID="A1"/>'
)
CURVE = bag("crs:ToneCurvePV2012", "0, 0", "64, 60", "255, 255", kind="Seq")
CORRECTIONS = (
    '\n   <crs:GradientBasedCorrections><rdf:Seq><rdf:li><rdf:Description crs:What="Correction"'
    ' crs:CorrectionAmount="1.000000"><crs:CorrectionMasks><rdf:Seq><rdf:li crs:What="Mask/Gradient"'
    ' crs:MaskValue="1.000000" crs:ZeroX="0.5"/></rdf:Seq></crs:CorrectionMasks></rdf:Description></rdf:li>'
    "</rdf:Seq></crs:GradientBasedCorrections>"
)
LOOK = (
    '\n   <crs:Look><rdf:Description crs:Name="Adobe Color"><crs:Group><rdf:Alt><rdf:li xml:lang="x-default">'
    "Profiles</rdf:li></rdf:Alt></crs:Group></rdf:Description></crs:Look>"
)
ACDSEE = (
    "&lt;Categories&gt;&lt;Category Assigned=&quot;0&quot;&gt;animals&lt;Category Assigned=&quot;1&quot;&gt;cat"
    "&lt;/Category&gt;&lt;/Category&gt;&lt;/Categories&gt;"
)
ADOBE = ("dc", "lr", "xmp", "xmpMM", "stEvt", "stRef", "tiff", "exif", "aux", "photoshop", "crs")
DEVELOPED = ' crs:Version="9.1" crs:Temperature="5500" crs:HasCrop="False" xmp:Rating="4" aux:Lens="EF24-70mm"'


def exiftool(*nodes: str) -> str:
    return BEGIN + meta("\n".join(nodes), "Image::ExifTool 12.57") + END


def utf16(text: str, codec: str, *, mark: bool) -> bytes:
    return (("\ufeff" if mark else "") + text).encode(codec)


MANY = "".join(
    f"\n   <Iptc4xmpExt:LocationShown><rdf:Bag>{''.join(places)}</rdf:Bag></Iptc4xmpExt:LocationShown>"
    for places in [
        [
            f'<rdf:li rdf:parseType="Resource"><Iptc4xmpExt:City>city {number}</Iptc4xmpExt:City></rdf:li>'
            for number in range(12)
        ]
    ]
)
QUALIFIED = (
    '\n   <dc:subject><rdf:Bag><rdf:li rdf:parseType="Resource"><rdf:value>cat</rdf:value><my:sure>0.8</my:sure>'
    "</rdf:li><rdf:li><rdf:Description><rdf:value>sea</rdf:value><my:by>Ann</my:by></rdf:Description></rdf:li>"
    '<rdf:li xml:lang="fr">mer</rdf:li></rdf:Bag></dc:subject>'
)
REMARKS = (
    "<!-- before --><?note a?>\n   <dc:subject><!-- in --><rdf:Bag><?pi here?>\n    <rdf:li>cat</rdf:li>"
    "<!-- between <rdf:li>no</rdf:li> -->\n    <rdf:li>sea</rdf:li><!-- last --></rdf:Bag>"
    "<!-- out --></dc:subject>"
    "<!-- after > -->"
)

TEXTS: dict[str, str] = {
    "darktable 3": darktable(3, history("exposure", "toneequal") + KEYWORDS),
    "darktable 4, masks, own tags": darktable(
        4,
        MASKS
        + history("filmicrgb", "crop")
        + bag("dc:subject", "cat", "darktable", "changed")
        + bag("lr:hierarchicalSubject", "animals|cat", "darktable|changed", kind="Seq"),
        ' darktable:history_end="2" darktable:iop_order_version="2"',
    ),
    "darktable 5, masks empty": darktable(
        5, "\n   <darktable:masks_history>\n    <rdf:Seq/>\n   </darktable:masks_history>" + history("sigmoid")
    ),
    "darktable, empty history": darktable(
        5,
        "\n   <darktable:history>\n    <rdf:Seq/>\n   </darktable:history>" + KEYWORDS,
        ' darktable:history_end="0"',
    ),
    "darktable, nothing but itself": darktable(5, history("a")),
    "darktable with DerivedFrom": darktable(
        4, KEYWORDS + history("b"), ' xmpMM:DerivedFrom="a.raw" exif:DateTimeOriginal=""', "xmpMM", "exif"
    ),
    "digiKam 5": BEGIN
    + plain(
        TREE + KEYWORDS + alt("dc:description", "Am Strand", de="Am Strand"),
        "dc",
        "lr",
        "digiKam",
        "xmp",
        "tiff",
        attributes=' xmp:Rating="3" digiKam:PickLabel="0" digiKam:ColorLabel="2"',
        toolkit="XMP Core 4.4.0-Exiv2",
    )
    + END,
    "digiKam 8, every field": BEGIN
    + plain(
        TREE
        + KEYWORDS
        + bag("MicrosoftPhoto:LastKeywordXMP", "animals/cat", "Orte/Küste")
        + bag("mediapro:CatalogSets", "animals|cat", "Orte|Küste")
        + alt("dc:description", "A cat")
        + alt("exif:UserComment", "A cat")
        + alt("tiff:ImageDescription", "A cat")
        + alt("digiKam:CaptionsAuthorNames", "Ann"),
        "dc",
        "lr",
        "digiKam",
        "xmp",
        "tiff",
        "exif",
        "MicrosoftPhoto",
        "mediapro",
        "acdsee",
        attributes=f' xmp:Rating="4" MicrosoftPhoto:Rating="75" acdsee:rating="4" acdsee:categories="{ACDSEE}"',
    )
    + END,
    "digiKam over Lightroom": BEGIN
    + plain(CURVE + TREE + KEYWORDS + ADOBE_HISTORY, *ADOBE, "digiKam", attributes=DEVELOPED)
    + END,
    "digiKam with faces": BEGIN
    + plain(TREE + regions("Ann", "Bob & co".replace("&", "&amp;")) + KEYWORDS, "dc", "lr", "digiKam", *REGIONS)
    + END,
    "Lightroom 3, several Descriptions": meta(
        node(KEYWORDS, "", spaces("dc", "lr"))
        + node(ADOBE_HISTORY, "", spaces("xmpMM", "stEvt", "stRef"))
        + node(CURVE, DEVELOPED, spaces("crs", "xmp", "aux")),
        "Adobe XMP Core 4.2-c020",
    ),
    "Lightroom 6": BEGIN
    + plain(ADOBE_HISTORY + CURVE + CORRECTIONS + KEYWORDS, *ADOBE, attributes=DEVELOPED)
    + " " * 2048
    + END,
    "Lightroom Classic": BEGIN
    + plain(
        LOOK + CURVE + alt("dc:title", "Cat") + KEYWORDS + bag("dc:creator", "Ann", kind="Seq"),
        *ADOBE,
        attributes=DEVELOPED + ' photoshop:SidecarForExtension="JPG" xmp:MetadataDate="2020-01-01T00:00:00+01:00"',
    )
    + END,
    "Lightroom Classic with ancestors": plain(
        bag("dc:subject", "animals", "cat", "Orte", "Küste")
        + bag("lr:hierarchicalSubject", "animals", "animals|cat", "Orte", "Orte|Küste"),
        *ADOBE,
    ),
    "Camera Raw": plain(CURVE + CORRECTIONS + LOOK, *ADOBE, attributes=DEVELOPED + ' crs:RawFileName="a.CR2"'),
    "Capture One": meta(
        node(
            "\n   <xmp:Rating>0</xmp:Rating>"
            + bag("dc:subject", "cat")
            + bag("lightroom:hierarchicalSubject", "animals|cat"),
            "",
            spaces("dc", "xmp") + f' xmlns:lightroom="{SPACES["lr"]}"',
        ),
        "XMP Core 5.5.0",
    ),
    "Immich": exiftool(
        node(TREE, "", spaces("digiKam")),
        node("\n   <xmp:Rating>5</xmp:Rating>", "", spaces("xmp")),
        node(alt("tiff:ImageDescription", "Her cat"), "", spaces("tiff")),
        node(alt("dc:description", "Her cat"), "", spaces("dc")),
    ),
    "Immich, no tags any more": exiftool(node(bag("digiKam:TagsList", "", kind="Seq"), "", spaces("digiKam"))),
    "exiftool 9": exiftool(
        node(bag("dc:subject", "cat", "sea"), "", spaces("dc")),
        node("\n   <exif:GPSLatitude>48,30.0N</exif:GPSLatitude>", "", spaces("exif")),
        node(bag("MicrosoftPhoto:LastKeywordXMP", "cat"), "", spaces("MicrosoftPhoto").replace("1.0/", "1.0")),
    ),
    "exiftool, apostrophes": exiftool(node(KEYWORDS, "", spaces("dc", "lr"))).replace('"', "'"),
    "Photini": DECLARED
    + plain(
        bag("dc:subject", "cat")
        + bag("digiKam:TagsList", "animals|cat", kind="Seq")
        + alt("dc:title", "t", en="t"),
        "dc",
        "digiKam",
        "xmp",
        attributes=' xmp:Rating="3.0" xmp:CreatorTool="Photini editor"',
    ),
    "ACDSee": plain(
        f"\n   <acdsee:categories>{ACDSEE}</acdsee:categories>\n   <acdsee:notes>n</acdsee:notes>"
        + bag("acdsee:keywords", "cat")
        + "\n   <acdsee:collections/>",
        "acdsee",
        "dc",
    )
    + "\n\0 \0 \0 \0\n",
    "Mylio over Picasa": BEGIN
    + plain(
        regions("Ann") + bag("dc:subject", "cat", kind="Seq") + "\n   <MY:flag>1</MY:flag>",
        "dc",
        *REGIONS,
        attributes=' xmlns:MY="http://ns.mylollc.com/MyloEdit/"',
    )
    + " " * 4000
    + END,
    "Apple": meta(
        node(
            "\n   <photoshop:DateCreated>2020-01-01T10:00:00+01:00</photoshop:DateCreated>"
            + alt("dc:title", "Kater"),
            "",
            spaces("photoshop", "dc", "exif"),
        ),
        "XMP Core 6.0.0",
    ),
    "GIMP over darktable": BEGIN
    + plain(
        history("exposure") + ADOBE_HISTORY + KEYWORDS,
        "darktable",
        "dc",
        "lr",
        "xmpMM",
        "stEvt",
        "stRef",
        "GIMP",
        attributes=' GIMP:API="2.0" GIMP:Platform="Linux" darktable:xmp_version="2"',
    )
    + END,
    "Photo Mechanic": BEGIN
    + meta(
        node("", ' photomechanic:ColorClass="0" photomechanic:Tagged="False"', spaces("photomechanic"))
        + node(bag("dc:subject", "cat", "sport"), "", spaces("dc")),
    )
    + END,
    "Windows": BEGIN
    + meta(
        node(
            bag("MicrosoftPhoto:LastKeywordXMP", "cat", "hers") + bag("dc:subject", "cat", "hers"),
            ' MicrosoftPhoto:Rating="50"',
            spaces("MicrosoftPhoto", "dc"),
            about=' rdf:about="uuid:faf5bdd5-ba3d-11da-ad31-d33d75182f1b"',
        )
    )
    + END,
    "Windows with faces": plain(
        '\n   <MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:PersonDisplayName="Ann"'
        ' MPReg:Rectangle="0.1, 0.2, 0.3, 0.4"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>',
        "MP",
        "MPRI",
        "MPReg",
        "dc",
    ),
    "Photo Supreme": BEGIN
    + meta(
        node("\n   <ics:ImageRef>1</ics:ImageRef>", "", spaces("ics"))
        + node(
            "\n   <ics:SubRefs><rdf:Seq><rdf:li><rdf:Description><ics:catalog>c</ics:catalog></rdf:Description>"
            "</rdf:li></rdf:Seq></ics:SubRefs>",
            "",
            spaces("ics"),
        )
        + node(KEYWORDS, "", spaces("dc", "lr"))
        + node(bag("MicrosoftPhoto:LastKeywordXMP", "animals/cat"), "", spaces("MicrosoftPhoto")),
    )
    + END,
    "xapmeta of 2002": '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d" bytes="900"?>\n'
    + meta(
        node(
            bag("dc:subject", "cat"),
            "",
            spaces("dc"),
            about=' about=""',
        )
        + node(
            "\n   <xap:CreateDate>2002-01-01</xap:CreateDate>", f' xmlns:xap="{SPACES["xmp"]}"', about=' about=""'
        ),
        "XMP toolkit 2.9-9",
        root="xapmeta",
    )
    + END,
    "another prefix for everything": (
        '<m:xmpmeta xmlns:m="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<r:Description r:about="" xmlns:d="{SPACES["dc"]}" xmlns:l="{SPACES["lr"]}"><d:subject><r:Bag>'
        "<r:li>cat</r:li></r:Bag></d:subject></r:Description></r:RDF></m:xmpmeta>"
    ),
    "default namespace": meta(
        node(f'<subject xmlns="{SPACES["dc"]}"><rdf:Bag><rdf:li>cat</rdf:li></rdf:Bag></subject>')
    ),
    "prefixes that mean something else": meta(
        node(
            "\n   <dc:subject><rdf:Bag><rdf:li>not ours</rdf:li></rdf:Bag></dc:subject><lr:x>1</lr:x>",
            ' digiKam:TagsList="no"',
            ' xmlns:dc="http://example.org/dc" xmlns:lr="http://example.org/lr" xmlns:digiKam="http://example.org/d"'
            ' xmlns:tagwright="http://example.org/t" xmlns:tiff="http://example.org/f"',
        )
    ),
    "unknown namespace": plain(
        '\n   <my:tree rdf:parseType="Resource"><my:a>1</my:a><my:b rdf:resource="http://example.org/"/><my:c/>'
        "</my:tree><my:empty></my:empty><my:own><my:own>deeper</my:own></my:own>" + KEYWORDS,
        "my",
        "dc",
        "lr",
        attributes=' my:flag="True" my:number="1.50" my:blank=""',
    ),
    "attributes only": meta(
        node("", ' dc:subject="cat" dc:description="Her words" xmp:Rating="3"', spaces("dc", "xmp"))
    ),
    "keywords as plain text": plain("\n   <dc:subject>cat</dc:subject><dc:title>t</dc:title>", "dc"),
    "hollow Description": meta(f'\n  <rdf:Description rdf:about=""{spaces("xmp")} xmp:Rating="2"/>'),
    "no Description": meta(""),
    "bare RDF": f"<rdf:RDF {RDF}>{node(KEYWORDS, '', spaces('dc', 'lr'))}</rdf:RDF>",
    "comment first": "<!-- Created with osxphotos -->\n" + plain(KEYWORDS, "dc", "lr"),
    "Seq and Alt for Bag": plain(
        bag("dc:subject", "cat", "sea", kind="Seq")
        + bag("lr:hierarchicalSubject", "animals|cat", kind="Alt")
        + bag("digiKam:TagsList", "animals/cat"),
        "dc",
        "lr",
        "digiKam",
    ),
    "misspelt HierarchicalSubject": plain(bag("lr:HierarchicalSubject", "animals|cat", kind="Seq"), "dc", "lr"),
    "field that stands twice": meta(
        node(bag("dc:subject", "one", "two"), "", spaces("dc"))
        + node(bag("dc:subject", "three"), "", spaces("dc"))
    ),
    "language alternatives": plain(
        alt("dc:description", "A cat", de="Ein Kater", fr="Un chat")
        + alt("dc:title", "t", de="T")
        + alt("dc:rights", "mine"),
        "dc",
    ),
    "no default language": plain(
        '\n   <dc:description><rdf:Alt><rdf:li xml:lang="de">Ein Kater</rdf:li></rdf:Alt></dc:description>', "dc"
    ),
    "qualified keywords": plain(QUALIFIED, "dc", "my"),
    "twelve structs": plain(
        MANY + regions(*(f"P{number}" for number in range(12))), "Iptc4xmpExt", "dc", *REGIONS
    ),
    "nodeID": meta(
        node('\n   <my:place rdf:nodeID="n1"/>' + KEYWORDS, "", spaces("my", "dc", "lr"))
        + node("\n   <my:city>Oslo</my:city>", "", spaces("my"), about=' rdf:nodeID="n1"')
    ),
    "read-only packet": BEGIN + plain(KEYWORDS, "dc", "lr") + " " * 100 + '\n<?xpacket end="r"?>',
    "comments and instructions everywhere": "<!-- a -->\n" + plain(REMARKS, "dc", "my") + "\n<!-- d --><?e f?>",
    "CDATA and references": plain(
        "\n   <dc:subject><rdf:Bag><rdf:li><![CDATA[a <b> & c]]></rdf:li><rdf:li>x &#x20AC; &amp; y</rdf:li>"
        "</rdf:Bag></dc:subject><my:x><![CDATA[</my:x><dc:subject>]]></my:x>",
        "dc",
        "my",
    ),
    "awkward keywords": plain(
        bag(
            "dc:subject",
            "AC/DC",
            "a|b",
            "comma, blank",
            "Zoe\u0301",
            "Zoé",
            "\u05e9\u05dc\u05d5\u05dd",
            "\U0001f408",
            "\u202ertl",
            "007",
            "True",
            "1.50",
            " led",
            "CAT",
            "cat",
            "-x",
            "#y",
            "",
        )
        + bag("lr:hierarchicalSubject", "AC/DC, live|hier", "|a||b|")
        + bag("digiKam:TagsList", "a//b", "/c/", kind="Seq"),
        "dc",
        "lr",
        "digiKam",
    ),
    "one line": plain(KEYWORDS, "dc", "lr").replace("\n", "").replace("  ", ""),
    "our own words there already": plain(
        bag("dc:subject", "dog", "BEACH") + bag("digiKam:TagsList", "animals/dog", kind="Seq"), "dc", "digiKam"
    ),
    "unnamed region and PersonInImage": plain(
        regions("", "Ann") + bag("Iptc4xmpExt:PersonInImage", "Ann", "Bob"), "dc", "Iptc4xmpExt", *REGIONS
    ),
    "places that a person wrote": plain(
        "\n   <photoshop:City>Oslo</photoshop:City><Iptc4xmpCore:Location>harbour</Iptc4xmpCore:Location>",
        "photoshop",
        "Iptc4xmpCore",
        attributes=' photoshop:Country="Norge"',
    ),
}

_KATER = plain(bag("dc:subject", "Küste", "cat") + alt("dc:title", "Grüße"), "dc")

SIDECARS: dict[str, bytes] = {
    **{name: text.encode() for name, text in TEXTS.items()},
    "byte order mark": ("\ufeff" + _KATER).encode(),
    "CRLF": (DECLARED + _KATER).replace("\n", "\r\n").encode(),
    "UTF-16 LE with mark": utf16(BEGIN.replace("\ufeff", "") + _KATER + END, "utf-16-le", mark=True),
    "UTF-16 BE with mark": utf16(_KATER, "utf-16-be", mark=True),
    "UTF-16 LE without mark": utf16(_KATER, "utf-16-le", mark=False),
    "Latin-1": ('<?xml version="1.0" encoding="ISO-8859-1"?>\n' + _KATER).encode("latin-1"),
    "windows-1252": ('<?xml version="1.0" encoding="windows-1252"?>\n' + _KATER).encode("cp1252"),
    "tabs": _KATER.replace("  ", "\t").encode(),
    "trailing NULs": (_KATER + "\n").encode() + b"\0" * 40,
}
