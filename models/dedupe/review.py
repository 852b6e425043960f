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
from models.dedupe.paths import BRANCH, LOST
from models.dedupe.same import FOR_SOME

WEIGHTS: Mapping[str, float] = {
    "cosine": 1.38,
    "above the crowd": 0.46,
    "mutual": 0.4,
    "shared": 0.34,
    "shared cosine": 0.98,
    "sure": 6.26,
    "both known": -1.16,
    "letters": -0.18,
    "a part": -0.57,
    "heads": 0.12,
    "phrases": 1.18,
    "found": 2.47,
    "for some": 1.05,
    "together": -0.02,
    "exclusive": 0.0,
    "kind": 1.08,
    "sibling": 0.06,
    "more": -0.85,
    "one": -2.99,
}
LEAST = 0.35
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


def features(  # noqa: PLR0917 - all that is known of a pair
    library: Library, veto: str, a: Entry, b: Entry, evidence: Evidence | None, near: Nearness, lean: float = 0.0
) -> dict[str, float]:
    """What the score of a pair is made of; what is not named is 0. `lean` is photos.Together's."""
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
        "for some": float(bool(evidence and FOR_SOME in evidence.reasons)),
        "together": max(0.0, lean),
        "exclusive": float(lean <= EXCLUSIVE),
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
