"""Keywords that are paths, `animals/dog`: compared by their parts, so that no merge ever loses a level. Pure.

Two paths can be one only where they have as many levels and the same branch above the leaf; a path and a plain
word are never merged by themselves, but offered where the plain word is the leaf of one path alone.
"""

from __future__ import annotations

from collections import defaultdict

from metadata.tags import Word
from models import spelling
from models.dedupe import hierarchy, same
from models.dedupe.library import Found, Library

LOST = "a level would be lost"
BRANCH = "in different branches"
OFFERED = 0.9
"""The score of a plain word and the one path with that leaf, on the review list."""


def parts(text: str) -> Word:
    """The levels of a keyword; one for a plain word, and for `f/2.8`, `b/w`, `24/7`."""
    found = tuple(part.strip() for part in text.split("/"))
    named = all(len(part) > 1 and any(sign.isalpha() for sign in part) for part in found)
    return found if len(found) > 1 and named and len(found[0]) > 2 else (text,)


class Paths:
    """The paths of one library, by their place."""

    def __init__(self, library: Library) -> None:
        self.library = library
        split = {place: parts(entry.text) for place, entry in enumerate(library.entries) if "/" in entry.text}
        self.of = {place: path for place, path in split.items() if len(path) > 1}

    def against(self, a: int, b: int) -> str:
        """The veto against a pair of which one at least is a path, or an empty string."""
        if not self.of or (a not in self.of and b not in self.of):
            return ""
        ours, theirs = self.of.get(a, ("",)), self.of.get(b, ("",))
        if len(ours) != len(theirs):
            return LOST
        return "" if self._branch(ours) == self._branch(theirs) else BRANCH

    def find(self, found: Found) -> None:
        """Add the pairs of one branch whose leaves mean the same: `furniture/couch` and `furniture/sofa`."""
        branches: dict[Word, list[int]] = defaultdict(list)
        for place, path in self.of.items():
            branches[self._branch(path)].append(place)
        for places in branches.values():
            if len(places) > 1:
                self._leaves(places, found)

    def _leaves(self, places: list[int], found: Found) -> None:
        by_leaf: dict[str, list[int]] = defaultdict(list)
        for place in places:
            by_leaf[self.of[place][-1]].append(place)
        among, proposed = Library(dict.fromkeys(by_leaf, 1)), Found()
        same.find(among, proposed)
        for (a, b), evidence in proposed.pairs.items():
            for one in by_leaf[among.entries[a].text]:
                for other in by_leaf[among.entries[b].text]:
                    found.add(one, other, evidence.score, f"leaf: {evidence.reasons[0]}")

    def offered(self) -> list[tuple[int, int]]:
        """Each plain word and the one path whose leaf it is."""
        numbers = {self.of.get(place, (entry.text,)): place for place, entry in enumerate(self.library.entries)}
        return (
            [(numbers[word], numbers[path]) for word, path in hierarchy.leaves(list(numbers))] if self.of else []
        )

    def _branch(self, path: Word) -> Word:
        lemmas = self.library.lexicon.lemmas
        return tuple("".join(lemmas(spelling.spelt(part))) for part in path[:-1])
