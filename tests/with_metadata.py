"""Photos with XMP, IPTC and EXIF of our choosing, in every format that holds them."""

import hashlib
import io
import struct
import zlib

FORMATS = ("JPEG", "PNG", "PNG packed", "PNG profile", "WEBP", "TIFF", "GIF", "HEIF", "AVIF", "CR3", "RAF")
ABOUT = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/" '
    'xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" '
    'xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/" xmlns:acdsee="http://ns.acdsee.com/iptc/1.0/" '
    'xmlns:mediapro="http://ns.iview-multimedia.com/mediapro/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
)


def packet(inside="", attributes="", padding=2000, end="w"):
    """A packet as Adobe's programs write it, padding included."""
    return (
        f'{ABOUT}\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF xmlns:rdf="{RDF}">\n'
        f'  <rdf:Description rdf:about="" {SPACES} {attributes}>\n{inside}\n  </rdf:Description>\n </rdf:RDF>\n'
        f'</x:xmpmeta>\n{" " * padding}\n<?xpacket end="{end}"?>'
    ).encode()


def listed(name, *values, kind="Bag"):
    items = "".join(f"<rdf:li>{value}</rdf:li>" for value in values)
    return f"   <{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>\n"


def caption(text):
    return f'   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:description>\n'


def picture():
    from PIL import Image

    return Image.linear_gradient("L").resize((32, 24)).convert("RGB")


def saved(kind, **options):
    file = io.BytesIO()
    picture().save(file, kind, **options)
    return file.getvalue()


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(*packets, extended=(), resources=b"", exif=b""):
    blocks = [segment(0xE1, b"Exif\0\0" + exif)] if exif else []
    blocks += [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + each) for each in packets]
    blocks += [segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + each) for each in extended]
    if resources:
        blocks.append(segment(0xED, b"Photoshop 3.0\0" + resources))
    data = saved("JPEG")
    return data[:2] + b"".join(blocks) + data[2:]


def extension(whole, size=400):
    """Extended XMP in parts, and the GUID the packet has to name."""
    guid = hashlib.md5(whole).hexdigest().upper().encode()
    parts = [
        guid + struct.pack(">II", len(whole), place) + whole[place : place + size]
        for place in range(0, len(whole), size)
    ]
    return guid.decode(), parts


def dataset(record, number, value):
    if len(value) > 0x7FFF:
        return bytes([0x1C, record, number]) + struct.pack(">HI", 0x8004, len(value)) + value
    return bytes([0x1C, record, number]) + struct.pack(">H", len(value)) + value


def iim(*sets, charset=b"\x1b%G"):
    """An IPTC block of (data set of record 2, text or bytes)."""
    codec = "utf-8" if charset else "cp1252"
    mark = dataset(1, 90, charset) if charset else b""
    return mark + b"".join(
        dataset(2, number, value.encode(codec) if isinstance(value, str) else value) for number, value in sets
    )


def resource(number, data):
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + b"\0\0"
        + struct.pack(">I", len(data))
        + data
        + b"\0" * (len(data) & 1)
    )


def photoshop(block, digest=None):
    """Image resources with an IPTC block, among others, and the digest that says it goes with the XMP."""
    before = resource(0x03ED, b"\0\x48\0\0\0\1\0\1\0\x48\0\0\0\1\0\1")
    after = resource(0x0425, hashlib.md5(block).digest() if digest is None else digest) if digest != b"" else b""
    return before + resource(0x0404, block) + after


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(data, kind="PNG"):
    image = saved("PNG")
    if kind == "PNG profile":
        digits = data.hex()
        text = (
            f"\nxmp\n{len(data):8}\n" + "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72)) + "\n"
        )
        new = chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(text.encode()))
    else:
        packed = kind == "PNG packed"
        head = b"XML:com.adobe.xmp\0" + bytes([packed, 0]) + b"\0\0"
        new = chunk(b"iTXt", head + (zlib.compress(data) if packed else data))
    return image[:-12] + new + image[-12:]  # behind the picture, where some programs put it


def gif(data):
    image = saved("GIF")
    trailer = bytes((1, *range(255, -1, -1), 0))
    return image[:-1] + b"\x21\xff\x0bXMP DataXMP" + data + trailer + b"\x3b"


def box(kind, data):
    return struct.pack(">I4s", len(data) + 8, kind) + data


def heif(data, kind):
    if kind == "AVIF":
        return saved("AVIF", xmp=data)
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(file, xmp=data)
    return file.getvalue()


def cr3(data):
    uuid = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"uuid", uuid + data) + box(b"mdat", b"picture" * 9)


def raf(data):
    inner = jpeg(data)
    head = b"FUJIFILMCCD-RAW 0201FF383501X-T1".ljust(84, b"\0")
    return head + struct.pack(">6I", 108, len(inner), 0, 0, 108 + len(inner), 8) + inner + b"sensor.."


def photo(kind, data):
    """A photo of this format with this packet."""
    makers = {"JPEG": jpeg, "GIF": gif, "CR3": cr3, "RAF": raf}
    if kind in makers:
        return makers[kind](data)
    if kind.startswith("PNG"):
        return png(data, kind)
    if kind == "WEBP":
        return saved("WEBP", xmp=data)
    if kind == "TIFF":
        return tiff({700: (1, data)})
    return heif(data, kind)


def tiff(tags, order="<"):
    """A TIFF of our tags, each (type, bytes), beside a strip of one grey pixel."""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 13: 4}
    base = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
    entries = {tag: (4, struct.pack(order + "I", value)) for tag, value in base.items()}
    entries.update(tags)
    return _directories(entries, sizes, order)


def _directories(entries, sizes, order):
    count = len(entries)
    place = 10 + 2 + count * 12 + 4
    body = b""
    rows = []
    for tag, (kind, data) in sorted(entries.items()):
        number = len(data) // sizes[kind]
        if len(data) <= 4:
            value = data.ljust(4, b"\0")
        else:
            value = struct.pack(order + "I", place + len(body))
            body += data + b"\0" * (len(data) & 1)
        rows.append(struct.pack(order + "HHI", tag, kind, number) + value)
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HI", 42, 10) + b"\x80\0"
    return head + struct.pack(order + "H", count) + b"".join(rows) + b"\0\0\0\0" + body


def exif_block(tags, comment=None, order="<"):
    """EXIF of IFD0 tags (type, bytes) and, in a directory of its own, UserComment."""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 13: 4}
    if comment is None:
        return _directories(tags, sizes, order)
    inner = struct.pack(order + "H", 1) + struct.pack(order + "HHI", 37510, 7, len(comment))
    blank = _directories({**tags, 34665: (4, b"\0\0\0\0")}, sizes, order)
    place = len(blank) + (len(blank) & 1)
    whole = _directories({**tags, 34665: (4, struct.pack(order + "I", place))}, sizes, order).ljust(place, b"\0")
    return whole + inner + struct.pack(order + "I", place + 18) + b"\0\0\0\0" + comment
