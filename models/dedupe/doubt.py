"""Pairs that are worth a person's look, though nothing here is sure enough to merge them. Pure.

Phrases that differ in one word, where the two may mean the same; makers' models with a part of the name left out;
slips within phrases, and in short words. (Measured and left out: the same words in another order, and initials in
small letters; one of fifty was right.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from models import numerals, spelling
from models.dedupe.library import Entry, Found, Library, Pair

SAID = 0.5
"""Less than any reason that merges, or that our lists give."""
SWAPPED = "the same phrase but for one word, which may mean the same"
SHORTER = "the same model, with a part of the name left out"
SLIP = "perhaps a slip of the other"
MOST = 30
"""Phrases that may share all words but one; of more, that says nothing."""
LONG = 8
"""Letters of a phrase from which a slip within it can be told though its words are all known."""


def find(library: Library, found: Found) -> None:
    """Add the pairs that nothing better has proposed."""
    for pair, reason in (*_phrases(library), *_shorter(library), *_slips(library)):
        if pair not in found.pairs:
            found.add(*pair, SAID, reason)


def _phrases(library: Library) -> Iterator[tuple[Pair, str]]:
    for pair, words in _but_one(library):
        if may_mean(library, *words):
            yield pair, SWAPPED
        elif _slipped(library, *pair):
            yield pair, SLIP


def _each(places: list[int]) -> Iterator[Pair]:
    for i, a in enumerate(places):
        for b in places[i + 1 :]:
            yield (a, b) if a < b else (b, a)


def _but_one(library: Library) -> Iterator[tuple[Pair, tuple[str, str]]]:
    """Phrases that share all words but one, and those two words."""
    around: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, entry in enumerate(library.entries):
        if len(entry.lemmas) > 1:
            for at in range(len(entry.lemmas)):
                around[*entry.lemmas[:at], "", *entry.lemmas[at + 1 :]].append(place)
    for key, places in around.items():
        at = key.index("")
        for a, b in _each(places) if len(places) <= MOST else ():
            one, other = library.entries[a].lemmas[at], library.entries[b].lemmas[at]
            if one != other:
                yield (a, b), (one, other)


def may_mean(library: Library, one: str, other: str) -> bool:
    """Whether our lists have two words on one line, or WordNet has a meaning in common."""
    lexicon = library.lexicon
    for lines in (lexicon.lines, lexicon.doubted):
        if set(lines.get(one, ())) & set(lines.get(other, ())):
            return True
    ours = {sense.synset for sense in lexicon.dictionary.of(one)}
    return any(sense.synset in ours for sense in lexicon.dictionary.of(other))


def _shorter(library: Library) -> Iterator[tuple[Pair, str]]:
    """`Canon EOS R5` and `Canon R5`: the same numbers, a maker's name, and nothing else that differs."""
    by_number: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, entry in enumerate(library.entries):
        numbered = tuple(sorted(token for token in entry.lemmas if any(map(str.isdigit, token))))
        if numbered and any(map(str.isalpha, "".join(entry.lemmas))):
            by_number[numbered].append(place)
    brands = library.lexicon.lists.sets["brands"]
    for places in by_number.values():
        for a, b in _each(places) if len(places) <= MOST else ():
            one, other = (set(library.entries[place].lemmas) for place in (a, b))
            if (one < other or other < one) and (one | other) & brands:
                yield (a, b), SHORTER


def _slips(library: Library) -> Iterator[tuple[Pair, str]]:
    """Single words that nobody knows, too short or too alike to be sure which word was meant."""
    single = [place for place, entry in enumerate(library.entries) if len(entry.spelling.tokens) == 1]
    by_part: dict[str, list[int]] = defaultdict(list)
    for place in single:
        if library.entries[place].unknown:
            for part in spelling.shortened(library.entries[place].spelling.tokens[0]):
                by_part[part].append(place)
    for place in single if by_part else ():
        entry = library.entries[place]
        if entry.word or entry.count > 1:
            shared = by_part.keys() & spelling.shortened(entry.spelling.tokens[0])
            for wrong in {one for part in shared for one in by_part[part]} - {place}:
                if is_slip(library, library.entries[wrong], entry):
                    yield ((place, wrong) if place < wrong else (wrong, place)), SLIP


def _slipped(library: Library, a: int, b: int) -> bool:
    """Whether one of two phrases is the other with a slip: a dictionary has that, and the slip is rarer."""
    one, other = library.entries[a], library.entries[b]
    return any(
        bool(right.word or right.count > 1)
        and not wrong.word
        and (bool(wrong.unknown) or sum(map(len, wrong.spelling.tokens)) >= LONG)
        and is_slip(library, wrong, right)
        for wrong, right in ((one, other), (other, one))
    )


def is_slip(library: Library, wrong: Entry, right: Entry) -> bool:
    """Whether `wrong` may be `right` with one slip: as many words, no number or name changed."""
    a, b = wrong.spelling, right.spelling
    if len(a.tokens) != len(b.tokens) or right.count < wrong.count or len("".join(b.tokens)) < 4:
        return False
    names = library.lexicon.lists.sets["names"]
    changed = [(x, y) for x, y in zip(a.tokens, b.tokens, strict=True) if x != y]
    return (
        len(changed) == 1
        and spelling.one_slip(*changed[0])
        and not {*changed[0]} & names
        and numerals.values(a.tokens) == numerals.values(b.tokens)
    )
