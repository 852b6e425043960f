"""Numbers as people write them: `four` and `4`, `1st` and `first`, `70s` and `1970s`. English; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
_ONES += ["seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
_ORDINALS += [f"{word}th" for word in _ONES[13:]]
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]

CARDINAL = {word: number for number, word in enumerate(_ONES)}
CARDINAL |= {word: 10 * (place + 2) for place, word in enumerate(_TENS)}
ORDINAL = {word: number for number, word in enumerate(_ORDINALS)}
ORDINAL |= {f"{word[:-1]}ieth": 10 * (place + 2) for place, word in enumerate(_TENS)}
DECADE = {f"{word[:-1]}ies": f"19{place + 2}0s" for place, word in enumerate(_TENS)}
MONTH = {month[:3]: month for month in _MONTHS} | {"sept": "september"} | {month: month for month in _MONTHS}
_AND_K = frozenset({"run", "race", "walk"})
"""Before these `10k` is a distance."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def plain(tokens: Sequence[str]) -> tuple[str, ...]:
    """The folded tokens with numbers in one form: digits, `1st`, `1970s`, `10km`."""
    joined = _joined(tokens)
    made: list[str] = []
    for place, token in enumerate(joined):
        after = joined[place + 1] if place + 1 < len(joined) else ""
        before = made[-1] if made else ""
        made.append(_one(token, before, after))
    return tuple(made)


def _joined(tokens: Sequence[str]) -> list[str]:
    """`twenty first` and `10 km` as one token."""
    made: list[str] = []
    for token in tokens:
        last = made[-1] if made else ""
        if last in CARDINAL and CARDINAL[last] >= 20 and 1 <= {**CARDINAL, **ORDINAL}.get(token, 0) <= 9:
            number = CARDINAL[last] + {**CARDINAL, **ORDINAL}[token]
            made[-1] = _ordinal(number) if token in ORDINAL else str(number)
        elif last[:1].isdigit() and last[-1:].isdigit() and token in ("km", "mm", "cm", "mp", "kg", "gb", "tb"):
            made[-1] = last + token
        else:
            made.append(token)
    return made


def _one(token: str, before: str, after: str) -> str:
    if token in CARDINAL and (after or before):
        return str(CARDINAL[token])
    if token in ORDINAL and after:
        return _ordinal(ORDINAL[token])
    if token in DECADE:
        return DECADE[token]
    if token[:-1].isdigit() and token.endswith("s") and len(token) == 3 and token[0] in "23456789":
        return f"19{token}"
    if token in MONTH and (after[:1].isdigit() or before[:1].isdigit()):
        return MONTH[token]
    if token[:-1].isdigit() and token.endswith("k") and after in _AND_K:
        return f"{token}m"
    return token


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def values(tokens: Sequence[str]) -> tuple[str, ...]:
    """The numbers in plain tokens, sorted: `("1970",)`, `("4",)`. Where they differ, the meanings do."""
    return tuple(sorted(in_order(tokens)))


def in_order(tokens: Sequence[str]) -> tuple[str, ...]:
    """The numbers in plain tokens as they come: of a date the day and the month in their places."""
    found: list[str] = []
    for token in tokens:
        found += [str(CARDINAL[token])] if token in CARDINAL else _NUMBER.findall(token)
    return tuple(found)
