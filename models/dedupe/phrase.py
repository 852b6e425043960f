"""Pairs of phrases said another way: `view of the sea` and `sea view`, `man smiling`, `VR headset` written out.

Each keyword is brought to a few plain forms; two that share one are a pair. English only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from models.dedupe.library import Entry, Found, Library
from models.spelling import ARTICLES

SAID = 0.965
SUBSTITUTED = 0.9
_PERSON, _ALIVE = frozenset({18}), frozenset({5, 18})
"""WordNet's files of people, and of animals and people. What one does to an animal is not turned: a `riding horse`
is no `horse riding`."""
_AT = {"into": "at", "to": "at", "toward": "at", "towards": "at", "on": "at", "by": "at"}


def find(library: Library, found: Found) -> None:
    """Add pairs of phrases that say the same."""
    phrases = [(place, entry) for place, entry in enumerate(library.entries) if len(entry.spelling.tokens) > 1]
    plain = [(place, forms_of(library, entry, {})) for place, entry in phrases]
    parts = _parts(library)
    begun = {run.partition(" ")[0] for run in parts}
    replaced = [
        (place, forms if begun.isdisjoint(entry.lemmas) else forms_of(library, entry, parts))
        for (place, entry), (_, forms) in zip(phrases, plain, strict=True)
    ]
    for reason, score, formed in (
        ("the same phrase said another way", SAID, plain),
        ("the same phrase with a word that means the same", SUBSTITUTED, replaced),
    ):
        shared: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, forms in formed:
            for form in forms:
                shared[form].append(place)
        for places in shared.values():
            for i, a in enumerate(places):
                for b in places[i + 1 :]:
                    found.add(a, b, score, reason)
    _acronyms(library, found)


def _parts(library: Library) -> dict[str, str]:
    """A word inside a phrase -> the word that stands for all that mean the same there."""
    lists = library.lexicon.lists.same
    return {word: line[0] for line in (*lists["parts"], *lists["acronyms"]) for word in line[1:]}


def forms_of(library: Library, entry: Entry, parts: dict[str, str]) -> set[tuple[str, ...]]:
    """The plain forms of a phrase of two words and more; none for a single word."""
    tokens = entry.spelling.tokens
    if len(tokens) < 2:
        return set()
    sets = library.lexicon.lists.sets
    bare = [(token, base) for token, base in _replaced(tokens, entry.lemmas, parts) if token not in ARTICLES]
    straight = tuple(base for _, base in bare)
    forms = {straight, _dressed(straight), *_turned(straight, sets), *_acting(bare, library)}
    fillers = sets["fillers"]
    shorter = tuple(base for base in straight if base not in fillers)
    if len(shorter) > 1 and any(sign.isdigit() for base in shorter for sign in base):
        forms.add(shorter)
    return {form for form in forms if form}


def _replaced(tokens: tuple[str, ...], lemmas: tuple[str, ...], parts: dict[str, str]) -> list[tuple[str, str]]:
    """Token and base form of each word, runs of up to four words replaced that `parts` has."""
    made: list[tuple[str, str]] = []
    place = 0
    while place < len(tokens):
        for length in range(min(4, len(tokens) - place), 0, -1):
            run = " ".join(lemmas[place : place + length])
            if run in parts or length == 1:
                made.append((tokens[place], parts.get(run, run)))
                place += length
                break
    return made


def _dressed(words: tuple[str, ...]) -> tuple[str, ...]:
    """`woman wearing red dress` as `woman in red dress`; `looking into camera` as `looking at camera`."""
    made = tuple("in" if word == "wearing" else word for word in words)
    if made[0] in ("looking", "staring", "gazing") and len(made) > 2:
        made = (made[0], _AT.get(made[1], made[1]), *made[2:])
    return made


def _turned(words: tuple[str, ...], sets: dict[str, frozenset[str]]) -> Iterator[tuple[str, ...]]:
    """`sea view` for `view of sea`; not for a `glass of wine`, which is no wine glass."""
    prepositions = [place for place, word in enumerate(words) if word in sets["prepositions"]]
    if len(prepositions) != 1 or len(words) > 5:
        return
    place = prepositions[0]
    head, joint, rest = words[:place], words[place], words[place + 1 :]
    loose = joint in ("of", "from", "at", "on", "by")
    if loose and len(head) == 1 and 1 <= len(rest) <= 2 and not (joint == "of" and head[0] in sets["containers"]):
        yield (*rest, *head)


def _acting(bare: list[tuple[str, str]], library: Library) -> Iterator[tuple[str, ...]]:
    """`smiling man` for `man smiling`, `bird watching` for `watching birds`."""
    if len(bare) != 2:
        return
    (first, one), (second, other) = bare
    sets = library.lexicon.lists.sets
    if second in sets["intransitive"] and _lives(one, library, _PERSON if second in sets["handled"] else _ALIVE):
        yield (second, one)
    elif first in sets["transitive"] and second != other:
        yield (other, first)


def _lives(word: str, library: Library, files: frozenset[int]) -> bool:
    """Whether the word means something of these files of WordNet first."""
    senses = library.lexicon.first(word)
    return any(library.lexicon.dictionary.synset(sense.synset).file in files for sense in senses)


def _acronyms(library: Library, found: Found) -> None:
    """`VR headset` and `virtual reality headset`, `DIY` and `do it yourself`: initials that stand in capitals."""
    initials: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, entry in enumerate(library.entries):
        for form in _abbreviated(entry):
            initials[form].append(place)
    for place, entry in enumerate(library.entries):
        short = next((word for word in entry.text.split() if word.isalpha() and word.isupper()), "")
        shouted = entry.text.isupper() and len(entry.spelling.tokens) > 1
        if len(short) < 2 or shouted or (len(short) == 2 and len(entry.spelling.tokens) == 1):
            continue
        for other in initials.get(entry.spelling.tokens, ()):
            if short.casefold() not in library.lexicon.dictionary or len(entry.spelling.tokens) > 1:
                found.add(place, other, SAID, f"{short} written out")


def _abbreviated(entry: Entry) -> Iterator[tuple[str, ...]]:
    tokens = entry.spelling.tokens
    for start in range(len(tokens)):
        for end in range(start + 2, min(len(tokens), start + 5) + 1):
            if end - start > 2 or len(tokens) > 2:
                yield (*tokens[:start], "".join(token[0] for token in tokens[start:end]), *tokens[end:])
