"""What people wrote into EXIF: caption, author, rights, Windows' own fields, and the stars.

Sources: EXIF 2.32 (4.6.4, 4.6.5), Metadata Working Group 2.0, Microsoft's tags as exiftool documents them.
Nothing here raises for what a file holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from metadata.container import Anatomy
from metadata.facts import Tags, gather

Values = tuple[str, ...]

_CAMERA_TALK: Final = re.compile(
    r"\s*(?:OLYMPUS DIGITAL CAMERA|MINOLTA DIGITAL CAMERA|SAMSUNG DIGITAL CAMERA|KONICA MINOLTA DIGITAL CAMERA"
    r"|SONY DSC|DCIM.*|DIGITAL CAMERA|Digital Camera|Exif_JPEG_PICTURE|MEDION DIGITAL CAMERA|screenshot"
    r"|binary comment|default|YCbCr|<\s*KENOX.*|Jenoptik|User comments?|charset=.*|Created with GIMP)\s*",
    re.IGNORECASE | re.DOTALL,
)
_ARTISTS: Final = re.compile(r"\s*(?:\"((?:[^\"]|\"\")*)\"|([^;]*))\s*(?:;|$)")


@dataclass(frozen=True, slots=True)
class ExifText:
    """Texts as they stand, without NULs and the blanks around them; "" or () where there is none.

    `rating` is 0 to 5 stars, or None. `raw` is what all of it was read from.
    """

    description: str = ""
    artist: str = ""
    rights: str = ""
    comment: str = ""
    title: str = ""
    remark: str = ""
    subject: str = ""
    keywords: Values = ()
    rating: int | None = None
    raw: bytes = b""

    @property
    def creators(self) -> Values:
        """Each author; several stand in one text, separated by semicolons (Metadata Working Group 2.0, 5.4)."""
        names = (quoted.replace('""', '"') or plain for quoted, plain in _ARTISTS.findall(self.artist))
        return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

    @property
    def described(self) -> str:
        """The description, where it is none that a camera writes by itself."""
        return "" if _CAMERA_TALK.fullmatch(self.description) else self.description

    @property
    def caption(self) -> str:
        """What a person said of the photo: the first text that no camera writes by itself."""
        said = (self.remark, self.comment)
        return self.described or next((text for text in said if text and not _CAMERA_TALK.fullmatch(text)), "")


def read_exif_text(anatomy: Anatomy, tags: Tags | None = None) -> ExifText:
    """The texts of the photo's EXIF; empty where it has none. `tags`, where known, are `gather(anatomy)`."""
    tags = gather(anatomy) if tags is None else tags
    raw: list[bytes] = []

    def text(tag: int, decoded: Callable[[bytes], str], ifd: str = "0") -> str:
        data = tags.raw(ifd, tag)
        if data:
            raw.append(b"%d %d\0" % (tag, len(data)) + data)
        return decoded(data).strip() if data else ""

    keywords = text(40094, _wide).split(";")
    rating = _rating(tags, raw)
    return ExifText(
        description=text(270, _plain),
        artist=text(315, _plain),
        rights=text(33432, _rights),
        comment=text(37510, _comment, "exif"),
        title=text(40091, _wide),
        remark=text(40092, _wide),
        subject=text(40095, _wide),
        keywords=tuple(dict.fromkeys(word.strip() for word in keywords if word.strip())),
        rating=rating,
        raw=b"".join(raw),
    )


def _rating(tags: Tags, raw: list[bytes]) -> int | None:
    value = tags.number("0", 18246)
    if value is None or not 0 <= value <= 5:
        return None
    raw.append(b"stars %d" % int(value))
    return int(value)


def _plain(data: bytes) -> str:
    value = data.split(b"\0")[0]
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _rights(data: bytes) -> str:
    """The photographer's and the editor's, with a NUL between them; a blank stands for the first alone."""
    parts = (_plain(part).strip() for part in data.split(b"\0")[:2])
    return "\n".join(part for part in parts if part)


def _wide(data: bytes) -> str:
    text = data[: len(data) & ~1].decode("utf-16-le", "replace")
    return text.split("\0")[0]


def _comment(data: bytes) -> str:
    """UserComment: eight bytes name the characters; Unicode comes in either byte order, whatever EXIF's is."""
    mark, body = data[:8], data[8:]
    kind = mark.rstrip(b"\0 ")
    if len(data) < 8:
        return ""
    if kind == b"UNICODE":
        return _either(body).split("\0")[0]
    if kind == b"JIS":
        return _japanese(body).split("\0")[0]
    if kind in (b"ASCII", b"") or mark[:1] == b"\0":
        return _plain(body)
    text = data.split(b"\0")[0].decode("utf-8", "replace")  # no mark at all, as some programs write it
    return text if text.isprintable() and "\ufffd" not in text else ""


def readable_comment(text: str) -> bool:
    """Whether readers that have to guess the byte order of a UserComment read it as it is: not `Ā` alone.

    The last sign of Unicode, which stands for nothing, is left out by exiftool 12.57.
    """
    return "\U0010ffff" not in text and all(
        _either(text.encode(f"utf-16-{order}", "surrogatepass")) == text for order in ("le", "be")
    )


def _either(body: bytes) -> str:
    """UTF-16 by its byte order mark, else by which halves look like the upper ones."""
    body = body[: len(body) & ~1]
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace")
    high, low = len(set(body[::2])), len(set(body[1::2]))
    zeros = body[::2].count(0) - body[1::2].count(0)
    big = zeros > 0 if zeros else high < low
    return body.decode("utf-16-be" if big else "utf-16-le", "replace")


def _japanese(body: bytes) -> str:
    for codec in ("iso2022_jp", "euc_jp", "shift_jis"):
        try:
            return body.rstrip(b"\0").decode(codec)
        except UnicodeDecodeError:
            continue
    return ""
