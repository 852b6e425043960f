"""Pairs in doubt, the likeliest first: what a person (or a language model) may decide, and nobody else. Pure.

A pair is scored by a logistic model over plain features. Its weights were fitted to the pairs that the sure
stages left
over in a benchmark, with most of our own lists taken away so that they do not lean on them
(`python -m benchmarks.dedupe weights`); docs/dedupe.md shows how they do on words that they were not fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from models.dedupe.library import Entry, Evidence, Library

WEIGHTS: Mapping[str, float] = {
    "cosine": 4.28,
    "above the crowd": 1.59,
    "mutual": 0.99,
    "shared": 2.88,
    "shared cosine": -1.85,
    "sure": 10.3,
    "both known": -1.64,
    "letters": 0.37,
    "a part": -2.21,
    "heads": 1.64,
    "phrases": 1.72,
    "found": 2.01,
    "kind": 2.03,
    "sibling": -0.21,
    "more": -1.74,
    "one": -5.94,
}
LEAST = 0.3
"""A pair below this is not shown: most such pairs are two things."""
NEVER = frozenset(
    {
        "the order of the words",
        "a plural with a meaning of its own",
        "numbers differ",
        "brands",
        "people",
        "names nobody knows",
        "a name and a common word",
        "a compound with a meaning of its own",
        "opposites in WordNet",
    }
)
"""Vetoes that hold: such a pair is told among the near misses, and not offered."""
UNKNOWN = 0.6
"""The cosine that is assumed where there are no vectors."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """What the vectors say about a pair."""

    cosine: float = UNKNOWN
    crowd: float = 2 * UNKNOWN
    """The two words' mean cosines to their lesser neighbours, added: how crowded it is around them."""
    mutual: bool = False
    """Whether each is among the two nearest of the other."""


def features(
    library: Library, veto: str, a: Entry, b: Entry, evidence: Evidence | None, near: Nearness
) -> dict[str, float]:
    """What the score of a pair is made of; what is not named is 0."""
    ours, theirs = library.senses(a), library.senses(b)
    shared = {one.synset for one in ours} & {one.synset for one in theirs}
    sure = max(
        (min(library.lexicon.sureness(word, one) for word in (a.word, b.word)) for one in shared), default=0.0
    )
    return {
        "one": 1.0,
        "cosine": near.cosine,
        "above the crowd": 2 * near.cosine - near.crowd,
        "mutual": float(near.mutual),
        "shared": float(bool(shared)),
        "shared cosine": near.cosine * bool(shared),
        "sure": sure,
        "both known": float(bool(ours and theirs)),
        "letters": _letters(a.joined, b.joined),
        "a part": float(bool(set(a.lemmas) & set(b.lemmas))),
        "heads": float(a.lemmas[-1] == b.lemmas[-1]),
        "phrases": float(len(a.lemmas) > 1 and len(b.lemmas) > 1),
        "found": evidence.score if evidence else 0.0,
        "kind": float(veto == "one is a kind of the other in WordNet"),
        "sibling": float(veto == "siblings in WordNet"),
        "more": float(veto == "one says more"),
    }


def offered(veto: str) -> bool:
    """Whether a pair with this veto may be put before a person at all."""
    return veto not in NEVER and ":" not in veto


def _letters(a: str, b: str) -> float:
    """The share of letter pairs that two words have in common."""
    ours, theirs = ({word[i : i + 2] for i in range(len(word) - 1)} for word in (a, b))
    return len(ours & theirs) / max(1, len(ours | theirs))


def score(made: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """How likely the pair is one word, 0 to 1."""
    total = sum(value * weights.get(name, 0.0) for name, value in made.items())
    return 1 / (1 + exp(-max(-50.0, min(50.0, total))))
