"""What could be a hierarchy: `golden retriever` below `dog`, `red wine` below `wine`. Offered, never merged. Pure.

Paths are compared by their parts: `animals/dog` and a plain `dog` are offered as one, and whichever way they are
merged the level above stays (`metadata.aliases.kept`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metadata.tags import Word
from models import spelling
from models.dedupe.library import Entry, Library
from models.dictionary import Dictionary

DEEPEST = 4
"""Steps in WordNet from a word to what is offered above it; beyond stand words like `object`."""


def parents(library: Library, in_group: Mapping[int, int]) -> list[tuple[str, str, str]]:
    """Child, parent and why, for the nearest parent of each word (of each group: its most used word)."""
    heads: dict[str, int] = {}
    meant: dict[int, int] = {}
    used = sorted(range(len(library.entries)), key=lambda place: (-library.entries[place].count, place))
    for place in reversed(used):
        entry = library.entries[place]
        heads[entry.phrase] = place
        for sense in library.lexicon.first(entry.word):
            meant[sense.synset] = place
    made = {}
    for place in used:
        entry = library.entries[place]
        group = in_group.get(place, -1 - place)
        if group in made:
            continue
        found = _above(library, entry, heads, meant)
        if found and in_group.get(found[0], -1 - found[0]) != group:
            made[group] = (entry.text, library.entries[found[0]].text, found[1])
    return sorted(made.values())


def _above(
    library: Library, entry: Entry, heads: Mapping[str, int], meant: Mapping[int, int]
) -> tuple[int, str] | None:
    """The nearest word above this one in the library."""
    dictionary = library.lexicon.dictionary
    for sense in library.lexicon.first(entry.word)[:1]:
        for above in _steps(dictionary, sense.synset):
            if above in meant:
                return meant[above], "WordNet has it as a kind of that"
    prepositions = library.lexicon.lists.sets["prepositions"]
    if (
        len(entry.lemmas) > 1
        and not prepositions & set(entry.lemmas)
        and not library.lexicon.of_name(entry.spelling)
    ):
        head = heads.get(entry.lemmas[-1])
        if head is not None:
            return head, "its last word"
    return None


def _steps(dictionary: Dictionary, synset: int) -> Iterator[int]:
    """The meanings above one, step by step, up to DEEPEST."""
    met, edge = {synset}, [synset]
    for _ in range(DEEPEST):
        edge = sorted(set[int]().union(*map(dictionary.above, edge)) - met)
        if not edge:
            return
        met.update(edge)
        yield from edge


def leaves(paths: Sequence[Word]) -> list[tuple[Word, Word]]:
    """Plain words and the one path whose leaf they are: `dog` and `animals/dog`. Two such paths say nothing."""
    by_leaf: dict[str, list[Word]] = {}
    for path in sorted(set(paths)):
        if len(path) > 1:
            for key in spelling.spelt(path[-1]).keys:
                by_leaf.setdefault(key, []).append(path)
    found: list[tuple[Word, Word]] = []
    for path in sorted(set(paths)):
        if len(path) == 1:
            at = {one for key in spelling.spelt(path[0]).keys for one in by_leaf.get(key, ())}
            if len(at) == 1:
                found.append((path, at.pop()))
    return found
