"""Pairs of which one is a slip of the other: a letter lost, added, changed or swapped in a word nobody knows."""

from __future__ import annotations

from collections import defaultdict

from models import numerals, spelling
from models.dedupe.library import Entry, Found, Library, words_of

TYPO = 0.962
DOUBTED = 0.7
"""Where two words can be meant: for the review list."""
SPELT = 0.96
COMMONER = 5
"""How many times as often a word that nobody knows must be used to be what another was meant to be."""
_PERSON = 18
"""WordNet's file of people."""
SHORTEST = 6
"""Letters of a keyword below which one letter's difference says nothing, unless two letters are swapped."""


def find(library: Library, found: Found) -> None:
    """Add pairs of a mistyped keyword and the one meant, where only one can be meant."""
    explained = _explained(library, found)
    odd = [
        place
        for place, entry in enumerate(library.entries)
        if place not in explained and entry.unknown and len(_letters(entry)) >= SHORTEST - 1
    ]
    rarest = min((library.entries[place].count for place in odd), default=0)
    rights = [place for place, entry in enumerate(library.entries) if _may_be_meant(entry, rarest)] if odd else []
    by_part: dict[str, list[int]] = defaultdict(list)
    for place in odd if rights else ():
        for part in spelling.shortened(_letters(library.entries[place])):
            by_part[part].append(place)
    meant: dict[int, set[int]] = defaultdict(set)
    for place in rights:
        entry = library.entries[place]
        shared = by_part.keys() & spelling.shortened(_letters(entry))
        for wrong in {other for part in shared for other in by_part[part]}:
            if wrong != place and is_slip(library, library.entries[wrong], entry):
                meant[wrong].add(place)
    for wrong, places in meant.items():
        one = len({library.entries[place].joined for place in places}) == 1
        for place in places:
            found.add(wrong, place, TYPO if one else DOUBTED, "one is a slip of the other")


def _is_name(library: Library, token: str, entry: Entry) -> bool:
    """Whether a word is somebody's name, of which another spelling is somebody else: not a place's."""
    if words_of(entry) & library.lexicon.lists.sets["names"] & {token, token.removesuffix("s")}:
        return True
    dictionary = library.lexicon.dictionary
    senses = dictionary.of(token)
    return bool(senses) and all(
        sense.capital and dictionary.synset(sense.synset).file == _PERSON for sense in senses
    )


def _may_be_meant(entry: Entry, rarest: int) -> bool:
    """Whether a word used as rarely as this can be a slip of the keyword: known, in part at least, or commoner."""
    return len(entry.spelling.tokens) > 1 or not entry.unknown or entry.count >= COMMONER * rarest


def _explained(library: Library, found: Found) -> set[int]:
    """Words whose odd look has another reason: `ledlight` where there is an `LED light`."""
    both = [pair for pair, evidence in found.pairs.items() if evidence.score >= SPELT]
    return {one for pair in both for one, other in (pair, pair[::-1]) if not library.entries[other].unknown}


def _letters(entry: Entry) -> str:
    return "".join(entry.spelling.tokens)


def is_slip(library: Library, wrong: Entry, right: Entry) -> bool:
    """Whether `wrong` is `right` with one slip: its odd word is unknown, the other's is known or far commoner."""
    differing = set(wrong.spelling.tokens) - set(right.spelling.tokens)
    instead = set(right.spelling.tokens) - set(wrong.spelling.tokens)
    if not differing <= wrong.unknown:
        return False
    if instead & right.unknown and not (right.count >= COMMONER * wrong.count and wrong.text.islower()):
        return False
    a, b = _letters(wrong), _letters(right)
    if not spelling.one_slip(a, b) or (len(b) < SHORTEST and sorted(a) != sorted(b)):
        return False
    alone = len(right.spelling.tokens) == 1
    if any(_is_name(library, word, right) for word in instead) or (alone and len(right.joined) < 4):
        return False
    return numerals.values(wrong.spelling.tokens) == numerals.values(right.spelling.tokens)
