"""The keywords of a library, taken apart and looked up, and the shapes that the other rooms pass on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models import spelling
from models.dictionary import Sense
from models.lexicon import Lexicon
from models.spelling import Spelling


@dataclass(frozen=True, slots=True)
class Entry:
    """One keyword of the library."""

    text: str
    count: int
    spelling: Spelling
    lemmas: tuple[str, ...]
    joined: str
    """The lemmas without blanks."""
    word: str
    """What the dictionary has it under, or an empty string."""
    unknown: frozenset[str]
    """Tokens that neither the dictionary nor the list of names has."""

    @property
    def phrase(self) -> str:
        """The lemmas with blanks."""
        return " ".join(self.lemmas)


def words_of(entry: Entry) -> set[str]:
    """A keyword's words, and of `Anna's` the name."""
    tokens = set(entry.spelling.tokens)
    if "'" in entry.text or "’" in entry.text:
        tokens |= {token.removesuffix("s") for token in tokens}
    return tokens


Pair = tuple[int, int]
"""Two places in the library, the smaller first."""


@dataclass(slots=True)
class Evidence:
    """What speaks for one pair, and what against."""

    score: float
    """How likely the two mean the same, 0 to 1, of the strongest reason."""
    reasons: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


class Library:
    """All keywords, numbered in an order that does not depend on how they came."""

    def __init__(self, counts: Mapping[str, int], photos: Iterable[Sequence[str]] = ()) -> None:
        texts = sorted(counts)
        self.number = {text: place for place, text in enumerate(texts)}
        self.lexicon = Lexicon(texts)
        self.entries = [self._entry(text, counts[text]) for text in texts]
        self.photos = [frozenset(self.number[word] for word in photo if word in self.number) for photo in photos]

    def _entry(self, text: str, count: int) -> Entry:
        spelt = spelling.spelt(text)
        lemmas = self.lexicon.lemmas(spelt)
        names = self.lexicon.lists.sets["names"]
        odd = (token for token in spelt.tokens if token.isalpha() and token not in names)
        unknown = frozenset(token for token in odd if not self.lexicon.known(token))
        word = self.lexicon.entry(spelt, lemmas)
        return Entry(text, count, spelt, lemmas, "".join(lemmas), word, unknown)

    def senses(self, entry: Entry) -> tuple[Sense, ...]:
        """All meanings of a keyword."""
        return self.lexicon.dictionary.of(entry.word)

    def __len__(self) -> int:
        return len(self.entries)


class Found:
    """The pairs found so far with their evidence."""

    def __init__(self) -> None:
        self.pairs: dict[Pair, Evidence] = {}

    def add(self, a: int, b: int, score: float, reason: str) -> None:
        """Say that two words may mean the same, how sure, and why."""
        if a == b:
            return
        pair = (a, b) if a < b else (b, a)
        evidence = self.pairs.get(pair)
        if evidence is None:
            self.pairs[pair] = Evidence(score, [reason])
            return
        evidence.score = max(evidence.score, score)
        if reason not in evidence.reasons:
            evidence.reasons.append(reason)
