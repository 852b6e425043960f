"""Groups in which every pair agrees: no chain leads from a word over a second to a third that is something else.

First the spellings of one word become one *form* (what agrees with one of them agrees with all). Then two groups
of forms are joined, the surest pair first, when every two forms across them have evidence of their own and no
two words
across them are vetoed (complete linkage). Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from models.dedupe.library import Evidence, Pair

SURE = 0.96
"""From here on a pair is one word in two spellings."""
Veto = Callable[[int, int], str]


def joined(pairs: Mapping[Pair, Evidence], vetoed: Veto, least: float) -> list[list[int]]:
    """Groups of two and more words, each sorted, in the order of their first word."""
    usable = {pair: found.score for pair, found in pairs.items() if found.score >= least and not found.against}
    forms = Groups(word for pair in usable for word in pair)
    order = sorted(usable, key=lambda pair: (-usable[pair], pair))
    for a, b in order:
        if usable[a, b] >= SURE:
            forms.join(a, b, lambda ours, theirs: not any(vetoed(x, y) for x in ours for y in theirs))
    near: dict[Pair, float] = {}
    for a, b in order:
        pair = _pair(forms.of[a], forms.of[b])
        if pair[0] != pair[1]:
            near.setdefault(pair, usable[a, b])
    groups = Groups(forms.words)
    for a, b in sorted(near, key=lambda pair: (-near[pair], pair)):
        groups.join(a, b, lambda ours, theirs: _agree(ours, theirs, near, forms, vetoed))
    return sorted(
        sorted(word for form in some for word in forms.words[form])
        for some in groups.words.values()
        if len(some) > 1 or len(forms.words[some[0]]) > 1
    )


class Groups:
    """A partition of words that only grows together; a group goes by its smallest word."""

    def __init__(self, words: Iterable[int]) -> None:
        self.of = {word: word for word in words}
        self.words = {word: [word] for word in self.of}

    def join(self, a: int, b: int, allowed: Callable[[list[int], list[int]], bool]) -> None:
        """Make the groups of two words one, if that is allowed."""
        low, high = _pair(self.of[a], self.of[b])
        if low == high or not allowed(self.words[low], self.words[high]):
            return
        moved = self.words.pop(high)
        self.words[low] += moved
        self.of.update(dict.fromkeys(moved, low))


def _agree(ours: list[int], theirs: list[int], near: Mapping[Pair, float], forms: Groups, vetoed: Veto) -> bool:
    """Whether every two forms have evidence, and no two words a veto."""
    if any(_pair(a, b) not in near for a in ours for b in theirs):
        return False
    words = [[word for form in some for word in forms.words[form]] for some in (ours, theirs)]
    return not any(vetoed(a, b) for a in words[0] for b in words[1])


def _pair(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


def neighbours(pairs: Iterable[Pair]) -> dict[int, set[int]]:
    """Each word's partners."""
    found: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        found[a].add(b)
        found[b].add(a)
    return found
