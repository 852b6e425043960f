"""Pairs from spelling and from dictionaries: the same letters, the same base form, the same meaning listed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from models import spelling
from models.dedupe.library import Entry, Found, Library
from models.lexicon import Lexicon

Key = TypeVar("Key", bound=Hashable)
_FOOD = 13
SPELLING = 1.0
BASE = 0.99
LISTED = 0.97
WORDNET = 0.95
DOUBTED = 0.7
"""Not merged by itself, but first on the review list."""
FOR_SOME = "our list has them as one for some people"
LEAST_SURE, LEAST_DOUBTED = 0.7, 0.34
"""A word of two meanings that the corpus never met is doubted (people disagree on half of such), of three left."""
LEAST_SHARED = 0.2
"""How sure a meaning in common has to be for our list to be believed beside WordNet."""
PLACES = ("countries", "cities", "landmarks")
MOST = 40
"""Words that may share a key; what more share says nothing."""


def find(library: Library, found: Found) -> None:
    """Add every pair of the same spelling, base form or listed meaning."""
    for a, b, _ in _pairs(library, lambda entry: entry.spelling.keys):
        found.add(a, b, SPELLING, "the same letters")
    for a, b, _ in _pairs(library, lambda entry: _base(library, entry)):
        found.add(a, b, BASE, "singular, plural or British and American of one word")
    listed, doubted = library.lexicon.lines, library.lexicon.doubted
    for a, b, (name, _) in _pairs(library, lambda entry: listed.get(entry.joined, ())):
        entries = library.entries[a], library.entries[b]
        if name == "things" and disagrees(library, *entries):
            found.add(a, b, DOUBTED, "our list has them as one, WordNet as two things")
        elif name in PLACES and any(_common(library, entry) for entry in entries):
            found.add(a, b, DOUBTED, "our list has a place of this name, WordNet a common word")
        else:
            found.add(a, b, LISTED, f"our list has them as one ({name})")
    for a, b, _ in _pairs(library, lambda entry: doubted.get(entry.joined, ())):
        found.add(a, b, DOUBTED, FOR_SOME)
    kinds = _kinds(library)
    for a, b, _ in _pairs(library, kinds):
        if library.entries[a].joined != library.entries[b].joined:
            found.add(a, b, BASE, "the kind is named or left out")
    meant = {entry.text: meanings(library, entry) for entry in library.entries}
    for a, b, _ in _pairs(library, lambda entry: _sure(meant[entry.text], LEAST_SURE)):
        found.add(a, b, WORDNET, "the same first meaning in WordNet")
    for a, b, _ in _pairs(library, lambda entry: _sure(meant[entry.text], LEAST_DOUBTED)):
        if (a, b) not in found.pairs:
            found.add(a, b, DOUBTED, "the same first meaning in WordNet, of several")


def _common(library: Library, entry: Entry) -> bool:
    """Whether WordNet knows a place's name as a common word alone: `Island`, as some call Iceland."""
    senses = library.senses(entry)
    return bool(senses) and not any(sense.capital for sense in senses)


def disagrees(library: Library, a: Entry, b: Entry) -> bool:
    """Whether WordNet knows both keywords, and no meaning of the one that the other has as well, but for seldom.

    Of letters like `b/w` it knows what they are short for elsewhere.
    """
    if any(all(len(token) == 1 for token in entry.spelling.tokens) for entry in (a, b)):
        return False
    ours, theirs = library.senses(a), library.senses(b)
    shared = {one.synset for one in ours} & {one.synset for one in theirs}
    sure = library.lexicon.sureness
    return bool(ours and theirs) and not any(
        min(sure(a.word, one), sure(b.word, one)) >= LEAST_SHARED for one in shared
    )


def meanings(library: Library, entry: Entry) -> list[tuple[int, float]]:
    """The synsets that most people have in mind with this keyword, and how sure each is."""
    lexicon = library.lexicon
    if not entry.word or entry.text in lexicon.lists.sets["small"]:
        return []
    return [(one.synset, lexicon.sureness(entry.word, one.synset)) for one in lexicon.first(entry.word)]


def _sure(meant: list[tuple[int, float]], least: float) -> list[int]:
    return [synset for synset, sureness in meant if sureness >= least]


def _base(library: Library, entry: Entry) -> Iterator[str]:
    """The lemmas run together; of a phrase also with its last word's plain singular, for `no peoples`."""
    yield entry.joined
    unlisted = entry.spelling.tokens[-1] not in library.lexicon.dictionary
    if len(entry.lemmas) > 1 and not unlisted:
        for one in spelling.singulars(entry.spelling.tokens[-1]):
            yield "".join((*entry.lemmas[:-1], one))


def _kinds(library: Library) -> Callable[[Entry], list[str]]:
    """`oak` for `oak tree`, `mallard` for `mallard duck`: the last word only says what the first is anyway."""
    lexicon = library.lexicon
    words = {entry.joined for entry in library.entries}

    def without(entry: Entry) -> list[str]:
        if len(entry.lemmas) == 1:
            return [entry.joined]
        kind, name = entry.lemmas[-1], " ".join(entry.lemmas[:-1])
        if kind not in lexicon.lists.sets["kinds"] or name.replace(" ", "") not in words:
            return []
        return [name.replace(" ", "")] if _is_a(lexicon, name, kind) else []

    return without


def _is_a(lexicon: Lexicon, name: str, kind: str) -> bool:
    """Whether a word means such a kind first; a tree also where its wood does, unless one eats of it."""
    dictionary = lexicon.dictionary
    kinds = {sense.synset for sense in lexicon.first(kind)}
    senses = dictionary.of(name)
    if any(dictionary.synset(sense.synset).file == _FOOD for sense in senses):
        return False
    looked_at = senses if kind == "tree" else lexicon.first(name)
    return any(kinds & dictionary.ancestors(sense.synset).keys() for sense in looked_at)


def _pairs(library: Library, keys_of: Callable[[Entry], Iterable[Key]]) -> Iterator[tuple[int, int, Key]]:
    """Every two entries that share a key."""
    first: dict[Key, int] = {}
    shared: dict[Key, list[int]] = {}
    for place, entry in enumerate(library.entries):
        keys = keys_of(entry)
        for key in dict.fromkeys(keys) if keys else ():
            alone = first.setdefault(key, place)
            if alone != place:
                shared.setdefault(key, [alone]).append(place)
    for key, places in shared.items():
        if len(places) <= MOST:
            yield from ((a, b, key) for i, a in enumerate(places) for b in places[i + 1 :])


def any_meaning(library: Library) -> list[tuple[int, int]]:
    """Pairs that share any usual meaning in WordNet: too little to merge, enough to be looked at."""
    return [(a, b) for a, b, _ in _pairs(library, lambda entry: library.lexicon.usual(entry.word))]
