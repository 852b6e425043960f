"""Changes an IPTC block (IIM 4.2): our values are exchanged, every other data set stays as the bytes it was.

Where the block would come to hold signs beyond ASCII and is not marked as UTF-8, all of its texts are
converted and the mark is set, since one mark speaks for the whole block. Nothing foreign is ever cut.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from metadata.iptc import NAMES

UTF8: Final = b"\x1b%G"
MOST: Final = {
    "keywords": 64,
    "title": 64,
    "caption": 2000,
    "city": 32,
    "location": 32,
    "state": 32,
    "country": 64,
    "code": 3,
}
"""The most bytes a value of ours may have, by its name in `metadata.iptc.NAMES` (IIM 4.2, chapter 6)."""

_NUMBERS: Final = {name: number for number, name in NAMES.items()}
_CHARSET: Final = (1, 90)
_NO_TEXT: Final = frozenset({0, 125, 200, 201, 202})
"""Data sets of record 2 that are numbers or pictures."""
_KEYWORDS: Final = _NUMBERS["keywords"]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set: record, number, and its bytes without the header."""

    record: int
    number: int
    data: bytes

    def __bytes__(self) -> bytes:
        size = len(self.data)
        length = size.to_bytes(2, "big") if size < 0x8000 else b"\x80\x04" + size.to_bytes(4, "big")
        return b"\x1c" + bytes((self.record, self.number)) + length + self.data

    @property
    def is_text(self) -> bool:
        """Whether the block's character set speaks of it."""
        return self.record == 2 and self.number not in _NO_TEXT


def parse(raw: bytes) -> list[DataSet]:
    """All data sets; NULs behind the last one are padding. Raises ValueError for what is not understood."""
    found: list[DataSet] = []
    place = 0
    while place < len(raw) and raw[place] == 0x1C:
        record, number, size = raw[place + 1], raw[place + 2], int.from_bytes(raw[place + 3 : place + 5], "big")
        place += 5
        if size & 0x8000:
            wide = size & 0x7FFF
            size = int.from_bytes(raw[place : place + wide], "big") if wide <= 4 else len(raw)
            place += wide
        if place + size > len(raw):
            raise ValueError("its IPTC is cut off")
        found.append(DataSet(record, number, raw[place : place + size]))
        place += size
    if raw[place:].strip(b"\0"):
        raise ValueError("its IPTC holds something that is no data set")
    return found


def trimmed(raw: bytes) -> bytes:
    """The block without padding; as it is where it is not understood."""
    try:
        whole = b"".join(map(bytes, parse(raw)))
    except (ValueError, IndexError):
        return raw
    return whole if raw.startswith(whole) else raw  # a short value with a long header is written otherwise


def cut(text: str, name: str) -> str:
    """The text as far as IPTC has room for it (bytes of UTF-8), cut between two characters."""
    return text.encode()[: MOST[name]].decode(errors="ignore")


def whole(value: str, name: str, known: Iterable[str]) -> str:
    """The text of which `value` is what was left by cutting; `value` itself where none of the known is."""
    if len(value.encode()) < MOST[name] - 3 and len(value) != MOST[name]:
        return value
    return next((each for each in known if each != value and each.startswith(value)), value)


def revised(
    raw: bytes, add: Sequence[str], remove: Sequence[str], texts: Mapping[str, str | None], known: Sequence[str]
) -> bytes:
    """The block with keywords added and removed and texts set (None: deleted), cut to what IPTC has room for.

    `remove` and `known` are whole keywords; one in the block that was cut is recognised. The same bytes
    where nothing changes. Raises ValueError for a block that is not understood.
    """
    sets = parse(raw)
    charset = next((each.data for each in sets if (each.record, each.number) == _CHARSET), b"")
    old = _codec(charset, [each.data for each in sets if each.is_text])
    kept = [each for each in sets if not _goes(each, remove, texts, old, known)]
    here = {_read(each, old) for each in kept if each.number == _KEYWORDS and each.record == 2}
    fresh = [(_KEYWORDS, cut(word, "keywords")) for word in add]
    fresh = [(number, value) for number, value in dict.fromkeys(fresh) if value and value not in here]
    standing = {(each.number, _read(each, old)) for each in kept if each.is_text}
    new = [(_NUMBERS[name], cut(text, name)) for name, text in texts.items() if text]
    new = [each for each in new if each not in standing]
    if len(kept) == len(sets) and not fresh and not new:
        return raw
    return _joined(kept, [*new, *fresh], old, charset)


def _codec(charset: bytes, values: Iterable[bytes]) -> str:
    """UTF-8 by its mark or because every value is UTF-8; else what Windows made of Latin-1."""
    if charset == UTF8:
        return "utf-8"
    decode = codecs.getincrementaldecoder("utf-8")
    try:
        for value in values:
            decode().decode(value)  # not to the end: a value may have been cut within its last sign
    except UnicodeDecodeError:
        return "cp1252"
    return "cp1252" if charset else "utf-8"


def _goes(
    each: DataSet, remove: Sequence[str], texts: Mapping[str, str | None], old: str, known: Sequence[str]
) -> bool:
    if each.record != 2 or each.number not in NAMES:
        return False
    name, value = NAMES[each.number], _read(each, old)
    if name == "keywords":
        return value in remove or whole(value, name, known) in remove
    if name not in texts:
        return False
    text = texts[name]
    return not text or value != cut(text, name)


def _read(each: DataSet, name: str) -> str:
    return each.data.rstrip(b"\0").decode(name, "replace")


def _joined(kept: Sequence[DataSet], new: Sequence[tuple[int, str]], old: str, charset: bytes) -> bytes:
    plain = all(text.isascii() for _, text in new) and all(each.data.isascii() for each in kept if each.is_text)
    sets = list(kept)
    if not plain and charset != UTF8:
        sets = [_converted(each, old) for each in sets if (each.record, each.number) != _CHARSET]
        _insert(sets, DataSet(*_CHARSET, UTF8))
    for number, text in new:
        _insert(sets, DataSet(2, number, text.encode()))
    return b"".join(map(bytes, sets))


def _converted(each: DataSet, old: str) -> DataSet:
    if not each.is_text or each.data.isascii():
        return each
    return DataSet(each.record, each.number, each.data.decode(old, "replace").encode())


def _insert(sets: list[DataSet], new: DataSet) -> None:
    """Behind its equals, else where its number belongs."""
    order = (new.record, new.number)
    places = [place for place, each in enumerate(sets) if (each.record, each.number) <= order]
    equal = [place for place, each in enumerate(sets) if (each.record, each.number) == order]
    sets.insert((equal or places or [-1])[-1] + 1, new)
