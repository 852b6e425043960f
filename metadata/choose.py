"""Choice: from what was said about a photo to the words it should have. Pure; no model is asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metadata.aliases import applied
from metadata.memory import TITLE, Wanted
from metadata.tags import Word, clean, key

if TYPE_CHECKING:
    from metadata.people import Person


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one version of one source said about a photo: words with scores in 0..1, text fields, who is in it."""

    source: str
    version: str
    words: Sequence[tuple[Word, float]]
    texts: Mapping[str, str] = field(default_factory=dict)
    people: Sequence[Person] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What turns evidence into keywords.

    A word counts from `threshold` on, or from its source's own in `thresholds` (scores in 0..1). `block`
    and `overused` are keys of words that are never chosen, `most` is the number of keywords a photo gets
    at most, `under` the root they are put below (nothing: none). `aliases` map the key of a word, `leaves` that
    of the last part of any path, to what is in use (metadata.aliases). `categories` (by the key of a word, or of
    a last part) and `people` (by the key of a name, which wins) say under which path a word is written; `filed`
    maps each path under which one of those was ever written to the one in use.
    """

    threshold: float = 0.5
    thresholds: Mapping[str, float] = field(default_factory=dict)
    block: frozenset[str] = frozenset()
    overused: frozenset[str] = frozenset()
    most: int = 30
    under: Word = ()
    aliases: Mapping[str, Word] = field(default_factory=dict)
    leaves: Mapping[str, Word] = field(default_factory=dict)
    sources: frozenset[str] | None = None
    categories: Mapping[str, Word] = field(default_factory=dict)
    people: Mapping[str, Word] = field(default_factory=dict)
    filed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One chosen keyword, with the source that was surest of it, and its score."""

    word: Word
    source: str
    score: float


def choose(evidence: Iterable[Evidence], rules: Rules) -> dict[str, Chosen]:
    """The keywords a photo should have by these rules, by key, surest first."""
    best: dict[str, Chosen] = {}
    for said in evidence:
        if rules.sources is not None and said.source not in rules.sources:
            continue
        threshold = rules.thresholds.get(said.source, rules.threshold)
        for word, score in said.words:
            if score >= threshold:
                _keep(best, word, said.source, score, rules)
    ranked = sorted(best.items(), key=lambda item: (-item[1].score, item[0]))
    return dict(ranked[: rules.most])


def _keep(best: dict[str, Chosen], said: Word, source: str, score: float, rules: Rules) -> None:
    """Note a word under the name it will be written with, if it is surer than before."""
    word = named(said, rules)
    if word is None:
        return
    name = key(word)
    if name not in best or best[name].score < score:
        best[name] = Chosen(word, source, score)


def named(said: Word, rules: Rules) -> Word | None:
    """The word as it will be written: cleaned, not blocked, by its alias, in its category, below the root.

    None if not at all.
    """
    word = clean(said)
    if word is None or _barred(word, rules):
        return None
    word = applied(word, rules.aliases, rules.leaves)
    if rules.categories or rules.people:
        word = _filed(word, rules)
    return None if _barred(word, rules) else rules.under + word


def _filed(word: Word, rules: Rules) -> Word:
    """A word in the category it is bound to, which takes the place of the path that was said."""
    leaf = key(word[-1:])
    category = rules.people.get(leaf) or rules.categories.get(key(word)) or rules.categories.get(leaf)
    return word if category is None else category + word[-1:]


def _barred(word: Word, rules: Rules) -> bool:
    """Whether a word, or a word it stands below, is blocked or said of too many photos."""
    beginnings = [key(word[:length]) for length in range(1, len(word) + 1)]
    barred = rules.block | rules.overused
    return any(name in barred for name in beginnings) or key(word[-1:]) in rules.block


def wanted(evidence: Sequence[Evidence], rules: Rules, chosen: Mapping[str, Chosen] | None = None) -> Wanted:
    """What choice asks of the merge: keywords (as `chosen` from this evidence), one caption, texts to fill."""
    words = {name: each.word for name, each in (choose(evidence, rules) if chosen is None else chosen).items()}
    texts: dict[str, str] = {}
    for said in evidence:
        if rules.sources is None or said.source in rules.sources:
            texts |= {name: value for name, value in said.texts.items() if value and name not in texts}
    caption, title = (safe(texts.pop(name, "")) for name in ("caption", TITLE))
    return Wanted(words, caption, texts, title)


def safe(text: str) -> str:
    """A caption or title that we create, as every program reads it back: NFC, without control signs.

    exiv2 and what is built on it take `charset=` and `lang=` at the beginning for a note about the text and
    drop what follows up to a blank: there the sign becomes a colon.
    """
    kept = unicodedata.normalize("NFC", text.translate(_CONTROLS))
    kept = "".join(sign for sign in kept if unicodedata.category(sign) not in ("Cs", "Cn")).strip()
    return _MISREAD.sub(r"\1: ", kept)


_CONTROLS = {number: " " if number in (9, 10, 13) else None for number in (*range(32), *range(127, 160))}
_MISREAD = re.compile(r"^((?:charset|lang))\s*=\s*", re.IGNORECASE)
