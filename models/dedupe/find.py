"""The whole: from keywords and how often they are used to groups, a review list and a possible hierarchy."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from models import canonical, runtime
from models.canonical import Wishes
from models.dedupe import doubt, groups, hierarchy, meaning, phrase, reference, review, same, typos
from models.dedupe.library import Entry, Evidence, Found, Library, Pair
from models.dedupe.paths import OFFERED, Paths
from models.dedupe.photos import Together
from models.dedupe.review import Nearness
from models.dedupe.vetoes import Vetoes

METHODS = ("agree", "dbscan", "hdbscan")
Embed = Callable[[Sequence[str]], meaning.Vectors]


@dataclass(frozen=True, slots=True)
class Options:
    """How boldly to look."""

    threshold: float = 0.9
    """The cosine from which two words, each other's nearest and not vetoed, are one. Small models put siblings
    (`wolf`, `fox`) as near as synonyms; below this they are wrong more often than right."""
    min_size: int = 2
    """The least words of a group."""
    method: str = "agree"
    """`agree` is ours; `dbscan` and `hdbscan` cluster the vectors alone, for comparison."""
    doubtful: float = 0.6
    """The cosine from which a pair may come on the review list."""
    wishes: Wishes = field(default_factory=Wishes)
    hierarchy: bool = True
    """Whether to look for what could be a hierarchy."""
    protected: frozenset[str] = frozenset()
    """Words that are never merged."""
    apart: frozenset[frozenset[str]] = frozenset()
    """Pairs of words that are never merged with each other, nor offered."""


@dataclass(frozen=True, slots=True)
class Group:
    """Words that mean the same, with the one that stands for them and why."""

    words: tuple[str, ...]
    canonical: str
    reason: str
    pairs: tuple[tuple[str, str, Evidence], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What was found."""

    groups: list[Group]
    suggestions: list[tuple[str, str, float, Evidence]]
    """Pairs in doubt, the likeliest first; not merged."""
    vetoed: list[tuple[str, str, Evidence]]
    """Near misses: proposed by something, and held apart by a veto."""
    parents: list[tuple[str, str, str]]
    """Child, parent, why: what could be a hierarchy; not merged."""

    def mapping(self) -> dict[str, str]:
        """Each word of a group that is not its canonical word, with that."""
        return {word: group.canonical for group in self.groups for word in group.words if word != group.canonical}


def find(
    counts: Mapping[str, int],
    photos: Iterable[Sequence[str]] = (),
    embed: Embed | None = None,
    options: Options | None = None,
) -> Result:
    """Find words that mean the same among `counts` (word -> photos that have it).

    `photos` are lists of words, and may be left out. Without `embed` only spelling and dictionaries speak.
    """
    with _uncollected():
        library = Library(counts, photos)
    vectors = embed([entry.spelling.phrase for entry in library.entries]) if embed and len(library) else None
    with _uncollected():
        return Search(library, options or Options(), vectors).result()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's collector, which walks over all that is kept, again and again; here is no circle."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


class Search:
    """One search: the candidates, what speaks against them, and what comes out."""

    def __init__(self, library: Library, options: Options, vectors: meaning.Vectors | None) -> None:
        self.library = library
        self.options = options
        self.vectors = meaning.unit(vectors) if vectors is not None else None
        self.vetoes = Vetoes(library)
        self.paths = Paths(library)
        self.found = Found()
        self.near: dict[Pair, Nearness] = {}
        self._vetoed: dict[Pair, str] = {}
        self._protected = {library.number[word] for word in options.protected if word in library.number}

    def result(self) -> Result:
        """Look, judge, join, list."""
        places = self._grouped()
        together = Together(self.library.photos, self.found.pairs)
        for (a, b), evidence in self.found.pairs.items():
            said = together.said(a, b)
            if said:
                evidence.reasons.append(said)
        in_group = {word: place for place, group in enumerate(places) for word in group}
        return Result(
            [self._group(group) for group in places],
            self._suggestions(in_group) if self.options.method == "agree" else [],
            self._misses(in_group),
            list(self._parents(in_group)) if self.options.hierarchy else [],
        )

    def _parents(self, in_group: Mapping[int, int]) -> Iterator[tuple[str, str, str]]:
        """What could be a hierarchy; nobody's name is offered below the word that is spelled like it."""
        for one in hierarchy.parents(self.library, in_group):
            if not self._protected & {self.library.number[word] for word in one[:2]}:
                yield one

    def _grouped(self) -> list[list[int]]:
        if self.options.method != "agree":
            return self._compared()
        for look in (same.find, phrase.find, typos.find):
            look(self.library, self.found)
        self.paths.find(self.found)
        if self.vectors is not None:
            with runtime.threads(1):
                self._look_near(self.vectors)
        doubt.find(self.library, self.found)
        for (a, b), evidence in self.found.pairs.items():
            against = self._against(a, b)
            if against:
                evidence.against.append(against)
        found = groups.joined(self.found.pairs, self._against, LEAST)
        return [group for group in found if len(group) >= self.options.min_size]

    def _compared(self) -> list[list[int]]:
        if self.vectors is None:
            return []
        how = reference.METHODS[self.options.method]
        return [g for g in how(self.vectors, self.options.threshold) if len(g) >= self.options.min_size]

    def _look_near(self, vectors: meaning.Vectors) -> None:
        """Pairs that vectors propose: each other's nearest, as near as the threshold, and not vetoed."""
        pairs = meaning.near(vectors, min(self.options.doubtful, self.options.threshold), MOST_NEAR)
        self.near = _nearness(pairs, len(vectors))
        for pair, near in self.near.items():
            if near.mutual and near.cosine >= self.options.threshold:
                self._propose(pair, near.cosine)

    def _propose(self, pair: Pair, cosine: float) -> None:
        a, b = (self.library.entries[place] for place in pair)
        if pair not in self.found.pairs and not _spelt_alike(a, b):
            veto = self.vetoes.apart(a, b)
            self.found.add(*pair, MEANT, f"near in meaning ({cosine:.2f})")
            if veto and not self._against(*pair):
                self.found.pairs[pair].against.append(veto)

    def _against(self, a: int, b: int) -> str:
        pair = (a, b) if a < b else (b, a)
        if pair not in self._vetoed:
            protected = a in self._protected or b in self._protected
            entries = self.library.entries
            against = "protected" if protected else "kept apart by a person" if self._apart(a, b) else ""
            self._vetoed[pair] = against or self.paths.against(a, b) or self.vetoes.against(entries[a], entries[b])
        return self._vetoed[pair]

    def _apart(self, a: int, b: int) -> bool:
        return bool(self.options.apart) and frozenset({self._text(a), self._text(b)}) in self.options.apart

    def _group(self, group: list[int]) -> Group:
        best, reason = canonical.choose(self.library, group, self.options.wishes)
        pairs = [
            (self._text(a), self._text(b), self.found.pairs[a, b])
            for i, a in enumerate(group)
            for b in group[i + 1 :]
            if (a, b) in self.found.pairs
        ]
        return Group(tuple(map(self._text, group)), self._text(best), reason, tuple(pairs))

    def _text(self, place: int) -> str:
        return self.library.entries[place].text

    def _suggestions(self, in_group: Mapping[int, int]) -> list[tuple[str, str, float, Evidence]]:
        """The likeliest pair of every two groups that are not one."""
        best: dict[tuple[int, int], tuple[float, Pair]] = {}
        for (a, b), made in self.doubtful(in_group, review.LEAST).items():
            ends = sorted((in_group.get(a, -1 - a), in_group.get(b, -1 - b)))
            score = review.score(made, review.WEIGHTS)
            if score >= review.LEAST and score > best.get((ends[0], ends[1]), (0.0, (0, 0)))[0]:
                best[ends[0], ends[1]] = (score, (a, b))
        listed = sorted(best.values(), key=lambda one: (-one[0], one[1]))
        doubted = [(self._text(a), self._text(b), score, self._evidence(a, b)) for score, (a, b) in listed]
        return self._leaves(in_group) + doubted

    def _leaves(self, in_group: Mapping[int, int]) -> list[tuple[str, str, float, Evidence]]:
        """Plain words and the one path with that leaf: merged into the path, no level is lost."""
        return [
            (self._text(a), self._text(b), OFFERED, Evidence(OFFERED, ["the leaf of one path alone"]))
            for a, b in self.paths.offered()
            if in_group.get(a, -1 - a) != in_group.get(b, -1 - b) and not {a, b} & self._protected
        ]

    def doubtful(self, in_group: Mapping[int, int], least: float = 0.0) -> dict[Pair, dict[str, float]]:
        """The pairs that a person may decide, with the features of their score; none that cannot reach `least`."""
        pairs = dict.fromkeys([*self.found.pairs, *self.near, *same.any_meaning(self.library)])
        entries = self.library.entries
        together = Together(self.library.photos, pairs)
        made = {}
        for a, b in pairs:
            apart = in_group.get(a, -1 - a) != in_group.get(b, -1 - b)
            kept = bool({a, b} & self._protected) or self._apart(a, b)
            if not apart or kept or _spelt_alike(entries[a], entries[b]):
                continue
            evidence = self.found.pairs.get((a, b))
            near = self.near.get((a, b)) or self._measured(a, b)
            said = review.features(self.library, entries[a], entries[b], evidence, near, together.lean(a, b))
            if review.at_best(said) < least:
                continue  # vetoes take long
            veto = self.paths.against(a, b) or self.vetoes.apart(entries[a], entries[b])
            if review.offered(veto):
                made[a, b] = said | review.vetoed(veto)
        return made

    def _measured(self, a: int, b: int) -> Nearness:
        if self.vectors is None:
            return Nearness()
        return Nearness(float(self.vectors[a] @ self.vectors[b]))

    def _evidence(self, a: int, b: int) -> Evidence:
        known = self.found.pairs.get((a, b))
        if known:
            return known
        near = self.near.get((a, b))
        reasons = [f"near in meaning ({near.cosine:.2f})"] if near else ["a meaning in common in WordNet"]
        veto = self.vetoes.apart(self.library.entries[a], self.library.entries[b])
        return Evidence(0.0, reasons, [veto] if veto else [])

    def _misses(self, in_group: Mapping[int, int]) -> list[tuple[str, str, Evidence]]:
        return [
            (self._text(a), self._text(b), evidence)
            for (a, b), evidence in sorted(self.found.pairs.items())
            if evidence.against and in_group.get(a, -1 - a) != in_group.get(b, -1 - b)
        ]


LEAST = 0.85
"""The score from which evidence merges by itself."""
MEANT = 0.9
MOST_NEAR = 1_000_000
"""Pairs of vectors that are kept, the nearest."""


def _spelt_alike(a: Entry, b: Entry) -> bool:
    return bool(a.spelling.keys & b.spelling.keys) or a.joined == b.joined


def _nearness(pairs: meaning.Near, size: int) -> dict[Pair, Nearness]:
    """Cosine, crowd and mutuality of the pairs that are among the three nearest of both their words."""
    first, second = meaning.ranks(pairs, size)
    crowd = meaning.crowd(pairs, first, second, size)
    kept = np.flatnonzero((first < 3) & (second < 3))
    made = {}
    for k in kept.tolist():
        a, b = int(pairs.a[k]), int(pairs.b[k])
        mutual = bool(first[k] <= 1 and second[k] <= 1)
        made[a, b] = Nearness(float(pairs.cosine[k]), float(crowd[a] + crowd[b]), mutual)
    return made
