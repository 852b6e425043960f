"""Pairs in doubt, the likeliest first: what a person (or a language model) may decide, and nobody else. Pure.

A pair is scored by a logistic model over plain features. Its weights were fitted to the pairs that the sure
stages left over in a benchmark, with all of our lists and once more with most taken away, so that there is enough
to learn from (`python -m benchmarks.dedupe weights`); docs/dedupe.md shows how they do on words that they were not
fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log10

from models.dedupe import doubt
from models.dedupe.library import Entry, Evidence, Library
from models.dedupe.paths import BRANCH, LOST
from models.dedupe.same import FOR_SOME

WEIGHTS: Mapping[str, float] = {
    "cosine": 0.66,
    "above the crowd": 0.5,
    "mutual": 0.37,
    "shared": 0.55,
    "shared cosine": 0.65,
    "sure": 6.22,
    "both known": -1.12,
    "a part": -0.43,
    "phrases": 1.04,
    "found": 2.43,
    "for some": 1.12,
    "together": -0.1,
    "exclusive": 0.0,
    "swapped": 0.83,
    "shorter": 3.07,
    "slip": 1.06,
    "meant": 1.21,
    "two things": 1.77,
    "rarer": -0.65,
    "kind": 1.37,
    "more": -0.64,
    "one": -2.51,
}
REASONS = {
    "swapped": doubt.SWAPPED,
    "shorter": doubt.SHORTER,
    "slip": doubt.SLIP,
    "meant": "one is a slip of the other",
    "two things": "our list has them as one, WordNet as two things",
}
LEAST = 0.3
"""A pair below this is not shown: most such pairs are two things, and of all above it one of two is right."""
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
        LOST,
        BRANCH,
    }
)
"""Vetoes that hold: such a pair is told among the near misses, and not offered."""
EXCLUSIVE = -1.0
"""From here on two words avoid each other's photos. A step and no slope: somebody who says now `sofa`, now
`couch`, and never both looks the same as somebody with both things."""
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
    library: Library, a: Entry, b: Entry, evidence: Evidence | None, near: Nearness, lean: float = 0.0
) -> dict[str, float]:
    """What the score of a pair is made of, besides `vetoed`; what is missing is 0. `lean` is Together's."""
    ours, theirs = library.senses(a), library.senses(b)
    sureness, usual = library.lexicon.sureness, library.lexicon.usual
    shared = set(usual(a.word)) & set(usual(b.word)) if ours and theirs else ()
    sure = max([min(sureness(a.word, one), sureness(b.word, one)) for one in shared], default=0.0)
    return {
        "one": 1.0,
        "cosine": near.cosine,
        "above the crowd": 2 * near.cosine - near.crowd,
        "mutual": float(near.mutual),
        "shared": float(bool(shared)),
        "shared cosine": near.cosine * bool(shared),
        "sure": sure,
        "both known": float(bool(ours and theirs)),
        "a part": float(bool(set(a.lemmas) & set(b.lemmas))),
        "phrases": float(len(a.lemmas) > 1 and len(b.lemmas) > 1),
        "found": evidence.score if evidence else 0.0,
        "for some": float(bool(evidence and FOR_SOME in evidence.reasons)),
        "together": max(0.0, lean),
        "exclusive": float(lean <= EXCLUSIVE),
        **{name: float(bool(evidence and reason in evidence.reasons)) for name, reason in REASONS.items()},
        "rarer": log10((max(a.count, b.count) + 1) / (min(a.count, b.count) + 1)),
    }


def vetoed(veto: str) -> dict[str, float]:
    """What a veto adds to the features of a pair that may be offered."""
    return {
        "kind": float(veto == "one is a kind of the other in WordNet"),
        "more": float(veto == "one says more"),
    }


def at_best(made: Mapping[str, float]) -> float:
    """The most that a pair may score, whatever veto there is: only what WordNet knows is a kind of anything."""
    return score({**made, "kind": made["both known"]}, WEIGHTS)


def offered(veto: str) -> bool:
    """Whether a pair with this veto may be put before a person at all."""
    return veto not in NEVER and ":" not in veto


def score(made: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """How likely the pair is one word, 0 to 1."""
    total = sum([value * weights.get(name, 0.0) for name, value in made.items() if value])
    return 1 / (1 + exp(-max(-50.0, min(50.0, total))))
