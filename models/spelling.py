"""How a keyword is spelt, apart from what it means: the forms that one word takes in a library. Pure.

`DSLR`, `Dslr` and `#dslr`; `long_hair`, `long-hair` and `longHair`; `Nürnberg` and `Nuernberg`; `the lake`;
`view, sea`; `U.K.` and `UK`. Only what holds for English, and signs that mean nothing in any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from models import numerals

ARTICLES = frozenset({"a", "an", "the"})
_DOTS = re.compile(r"\b[^\W\d_](?:\.[^\W\d_])+(?!\w)\.?|\b(?:st|mt|dr|mr|mrs|no|ft)\.(?=\s|$)", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z][a-z])|(?<=[a-z]{2})(?=[A-Z])")
_AND = re.compile(r"\s*&\s*|\s+'?n'?\s+")
_SIGNS = re.compile(r"[^\w.\-/+&']+|_+|(?<!\d)[.\-/]|[.\-/](?!\d)")
_APART = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "æ": "ae",
    "ø": "oe",
    "å": "aa",
    "œ": "oe",
    "þ": "th",
    "đ": "dj",
}
_ALONE = {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ`´‘", "'"))


@dataclass(frozen=True, slots=True)
class Spelling:
    """One keyword taken apart."""

    text: str
    """As it stands in the library."""
    tokens: tuple[str, ...]
    """Folded words in their order, without a leading article, numbers in one form."""
    keys: frozenset[str]
    """Letters and digits run together, once for each way of writing accents; equal ones are the same spelling."""
    turned: bool
    """Whether a comma had turned it round: `view, sea` is given as `sea view`."""
    phrase: str
    """The tokens with blanks between them, as a dictionary has it."""


@lru_cache(maxsize=65536)
def spelt(text: str) -> Spelling:
    """Take a keyword apart."""
    if text.islower() and text.isascii() and text.replace(" ", "x").isalpha() and " n " not in text:
        tokens = _folded(text)  # nothing to take away, as in most keywords
        return Spelling(text, tokens, frozenset((_key(tokens),)), turned=False, phrase=" ".join(tokens))
    composed = " ".join(unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).split())
    bare = composed.strip(" \"'“”«»„.,;:!?#*~()[]{}") or composed
    straight, turned = _straight(bare)
    tokens = _tokens(straight, camel=" " not in straight)
    keys = {_key(tokens)}
    if not straight.isascii():
        keys.add(_key(_tokens(straight, camel=" " not in straight, apart=True)))
    return Spelling(text, tokens, frozenset(keys), turned, " ".join(tokens))


def _straight(text: str) -> tuple[str, bool]:
    """`view, sea` as `sea view`; a list or `Washington, D.C.` stays."""
    front, comma, rest = text.partition(",")
    plain = comma and "," not in rest and front.strip() and rest.strip()
    if not plain or rest.strip()[:1].isupper() != front.strip()[:1].isupper() or _DOTS.search(rest):
        return text.replace(",", " "), False
    return f"{rest.strip()} {front.strip()}", True


def _tokens(text: str, *, camel: bool, apart: bool = False) -> tuple[str, ...]:
    undotted = _DOTS.sub(lambda found: found[0].replace(".", ""), text)
    split = (
        _CAMEL.sub(" ", undotted) if camel and not undotted[:2].islower() * undotted[1:2].isupper() else undotted
    )
    folded = _unaccented(split.casefold(), apart=apart)
    return _folded(_SIGNS.sub(" ", _AND.sub(" and ", folded)).replace("'", "")) or (folded,)


def _folded(text: str) -> tuple[str, ...]:
    """The words of a text in small letters, without a leading article, numbers in one form."""
    tokens = text.split()
    if len(tokens) > 1 and tokens[0] in ARTICLES and len(tokens[1]) > 1 and not tokens[1][0].isdigit():
        tokens = tokens[1:]
    return numerals.plain(tokens)


def _unaccented(text: str, *, apart: bool) -> str:
    if text.isascii():
        return text
    for sign, letters in (_APART if apart else _ALONE).items():
        text = text.replace(sign, letters)
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def _key(tokens: tuple[str, ...]) -> str:
    """Tokens run together; a blank stays only where two digits would touch."""
    made = tokens[0]
    for token in tokens[1:]:
        made += (" " if made[-1].isdigit() and token[0].isdigit() else "") + token
    return made


def singulars(token: str) -> Sequence[str]:
    """What an English plural may be the plural of, likeliest first; nothing for what does not look like one."""
    return _singulars(token) if token[-1:] == "s" else ()


@lru_cache(maxsize=65536)
def _singulars(token: str) -> tuple[str, ...]:
    if len(token) < 4 or token.endswith(("ss", "us", "is")):
        return ()
    found = []
    if token.endswith("ses"):
        found.append(token[:-2])
    if token.endswith("ies") and len(token) > 4:
        found.append(token[:-3] + "y")
    if token.endswith("ves"):
        found += [token[:-3] + "f", token[:-3] + "fe"]
    if token.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        found.append(token[:-2])
    return (*found, token[:-1])


def one_slip(a: str, b: str) -> bool:
    """Whether two words differ by exactly one letter added, lost, changed or swapped with the next."""
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if a == b or len(long) - len(short) > 1:
        return False
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    return swapped or short[at + 1 :] == long[at + 1 :]


def shortened(letters: str) -> set[str]:
    """The letters, and with each one left out: two strings one slip apart share one of these."""
    return {letters, *(letters[:i] + letters[i + 1 :] for i in range(len(letters)))}


_RULES = [
    ("our", "or"), ("tre", "ter"), ("bre", "ber"), ("ise", "ize"), ("isa", "iza"), ("isi", "izi"), ("yse", "yze"),
    ("ll", "l"), ("gue", "g"), ("ence", "ense"), ("ae", "e"), ("oe", "e"), ("mme", "m"), ("oul", "ol"),
    ("key", "ky"), ("scep", "skep"), ("ough", "ow"), ("augh", "af"), ("phur", "fur"), ("que", "ck"),
    ("yre", "ire"), ("gg", "g"), ("gement", "gment"), ("eable", "able"), ("geing", "ging"),
]  # fmt: skip
_BRITISH = re.compile("|".join(british for british, _ in _RULES))


@lru_cache(maxsize=65536)
def american(token: str) -> tuple[str, ...]:
    """Spellings that an American may use for what stands here, by rule; most are no words."""
    if not _BRITISH.search(token):
        return ()
    found = []
    for british, other in _RULES:
        at = token.find(british)
        while at >= 0:
            found.append(token[:at] + other + token[at + len(british) :])
            at = token.find(british, at + 1)
    return tuple(dict.fromkeys(found))
