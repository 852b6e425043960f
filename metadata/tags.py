"""Keywords as paths of parts, how each field spells them, and when two spellings are one word. Pure."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

Word = tuple[str, ...]
"""A keyword from its root to its leaf: ("animals", "cat"). A flat keyword has one part."""

SEPARATOR = "\x1f"
"""Between the parts in the ledger's text form; no program can write it into XMP (XML 1.0 §2.2)."""

TAGS_LIST = "digiKam:TagsList"
HIERARCHICAL = "lr:hierarchicalSubject"
SUBJECT = "dc:subject"
"""The keyword fields of a sidecar: `A/B/C` (digiKam, Immich), `A|B|C` (Lightroom), leaf names (XMP part 2)."""
PERSONS = "Iptc4xmpExt:PersonInImage"
"""Names of persons in the picture (IPTC Extension)."""

PERSON = "\x02person"
"""The first part of a word that names a person and is no keyword: U+0002 can be in no XMP."""


def person(name: str) -> Word:
    """The word that says that this person is in the picture."""
    return (PERSON, name)


def names_person(name: str) -> bool:
    """Whether the key of a word is that of a person."""
    return name.startswith(PERSON)


def text(word: Word) -> str:
    """One string for the ledger; `parse` turns it back."""
    return SEPARATOR.join(word)


def parse(value: str) -> Word:
    """The keyword that `text` wrote."""
    return tuple(value.split(SEPARATOR))


def show(word: Word) -> str:
    """As a person reads and types it: `animals/cat`."""
    if word and word[0] == PERSON:
        return f"{word[-1]} (a person)"
    return "/".join(part.replace("/", "|") for part in word)


def typed(value: str) -> Word:
    """The keyword a person typed as `animals/cat` or `animals|cat`; empty parts fall away."""
    parts = value.replace("|", "/").split("/")
    return tuple(part.strip() for part in parts if part.strip())


@lru_cache(maxsize=65536)
def key(word: Word) -> str:
    """What two spellings of one keyword share: NFC, case-folded, trimmed parts.

    `/` and `|` inside a part count as the same sign: neither field can hold its own separator inside a
    part, so each spells it with the other's, as Immich does.
    """
    return SEPARATOR.join(fold(part) for part in word)


@lru_cache(maxsize=65536)
def fold(part: str) -> str:
    """One part of a key (Unicode normalisation form C, full case folding, outer blanks removed)."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())
    return folded.strip().replace("/", "|")


@lru_cache(maxsize=8192)
def from_tags_list(value: str) -> Word:
    """`A/B/C` as in digiKam:TagsList; empty parts fall away, as in Immich."""
    return tuple(part for part in value.split("/") if part.strip())


@lru_cache(maxsize=8192)
def from_hierarchical(value: str) -> Word:
    """`A|B|C` as in lr:hierarchicalSubject."""
    return tuple(part for part in value.split("|") if part.strip())


@lru_cache(maxsize=8192)
def to_tags_list(word: Word) -> str:
    """The spelling for digiKam:TagsList; a `/` inside a part becomes `|`."""
    return "/".join(part.replace("/", "|") for part in word)


@lru_cache(maxsize=8192)
def to_hierarchical(word: Word) -> str:
    """The spelling for lr:hierarchicalSubject; a `|` inside a part becomes `/`."""
    return "|".join(part.replace("|", "/") for part in word)


@lru_cache(maxsize=65536)
def clean(word: Word) -> Word | None:
    """A word that we create, made safe for every program; None where nothing is left of it.

    Separators of any field and commas (darktable drops what follows one) become blanks, control and
    format characters go (but not those that join the parts of an emoji, or part Persian letters), blanks are
    folded, NFC. `unwritable` says why nothing is made of a word.
    """
    parts = tuple(_clean_part(part) for part in word)
    if not parts or any(not part or len(part) > LONGEST for part in parts):
        return None
    return parts


LONGEST = 255
"""Signs that a part of a word of ours may have."""


def unwritable(word: Word) -> str:
    """Why nothing is made of a word that a source said, or ""."""
    if clean(word) is not None:
        return ""
    if any(len(_clean_part(part)) > LONGEST for part in word):
        return f"a part of it is longer than {LONGEST} signs"
    return "nothing is left of it without signs that no program can hold in a keyword"


_JOINERS = "\u200c\u200d"
_FLAG = "\U0001f3f4"
"""Flags of regions are spelled behind this one, in format characters from U+E0020 on."""


def _clean_part(part: str) -> str:
    kept = "".join(_clean_sign(sign, flag=_FLAG in part) for sign in unicodedata.normalize("NFC", part))
    return " ".join(kept.split()).strip(f"{_JOINERS} ")


def _clean_sign(sign: str, *, flag: bool) -> str:
    if sign in "/|,;\n\r\t":
        return " "
    if sign in _JOINERS or (flag and "\U000e0020" <= sign <= "\U000e007f"):
        return sign
    return "" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") else sign


def ancestors(word: Word) -> list[Word]:
    """Every strict prefix, from the root down: of A/B/C these are A and A/B."""
    return [word[:length] for length in range(1, len(word))]
