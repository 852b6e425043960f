"""What one library's keywords are made of: base forms, meanings, and how two meanings lie to each other.

Joins spelling, WordNet and our own lists. Pure but for reading the two files beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cache, cached_property, lru_cache

from models import dictionary, spelling
from models.dictionary import Dictionary, Lists, Sense
from models.spelling import Spelling

COLOURS = "colours"
ZODIAC = "sign of the zodiac"
"""WordNet holds the Lion for a place in the sky."""
FEW = 8
"""Meanings beyond which WordNet's remark on one of them says nothing of a word."""
SELDOM = 0.5


class Lexicon:
    """The words of one library, looked up once."""

    def __init__(self, texts: Iterable[str]) -> None:
        spelt = [spelling.spelt(text) for text in texts]
        self.lists: Lists = dictionary.lists()
        self.dictionary: Dictionary = dictionary.load(_wanted(spelt))
        self._british = {
            word: line[0] for line in self.lists.same["spelling"] for word in line[1:] if " " not in word
        }
        self._listed = _listed()
        self._first: dict[str, tuple[Sense, ...]] = {}
        self._usual: dict[str, tuple[int, ...]] = {}
        self._sure: dict[str, dict[int, float]] = {}
        self.colours = frozenset(self._british.get(w, w) for line in self.lists.apart[COLOURS] for w in line)
        self.base = lru_cache(maxsize=None)(self._base)
        self.american = lru_cache(maxsize=None)(self._american)

    def lemmas(self, word: Spelling) -> tuple[str, ...]:
        """The keyword's tokens in base form: singular, American."""
        if len(word.tokens) == 1:
            return (self.base(word.tokens[0], True),)  # noqa: FBT003 - a cache's key
        return tuple([self.base(token, False) for token in word.tokens])  # noqa: FBT003 - as above

    @cached_property
    def lines(self) -> dict[str, list[tuple[str, int]]]:
        """Base form -> the lines of our lists that have it, of those that hold for everybody."""
        return self._lines(self.lists.same.keys() - {"parts", "spelling", "doubted"})

    @cached_property
    def doubted(self) -> dict[str, list[tuple[str, int]]]:
        """The same of what is one for some people only."""
        return self._lines({"doubted"})

    def _lines(self, names: Collection[str]) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name in sorted(names):
            for place, line in enumerate(self.lists.same[name]):
                for key in {"".join(self.lemmas(spelling.spelt(word))) for word in line}:
                    found[key].append((name, place))
        return found

    def known(self, token: str) -> bool:
        """Whether the dictionary has the word or what it is an inflection of."""
        words = self.dictionary
        return (
            token in words
            or token in words.forms
            or token in words.plurals
            or token in self._listed
            or any(stem in words for stem in stems(token))
        )

    def entry(self, word: Spelling, lemmas: tuple[str, ...]) -> str:
        """The dictionary's entry for a keyword, or an empty string."""
        known = self.dictionary.known
        if word.phrase in known and word.phrase not in self.dictionary.plurals:
            return word.phrase  # not `men`, which WordNet also has for manpower
        for form in (" ".join(lemmas), "".join(word.tokens), *_last_singular(word.tokens)):
            if form in known:
                return form
        return ""

    def first(self, entry: str) -> tuple[Sense, ...]:
        """The meanings that most people have in mind: the first noun, else the commonest first of another part."""
        found = self._first.get(entry)
        if found is None:
            firsts = self.dictionary.first(entry)
            nouns = tuple(sense for sense in firsts if self.dictionary.part(sense.synset) == "n")
            found = self._first[entry] = nouns or tuple(sorted(firsts, key=lambda one: -one.count)[:1])
        return found

    def usual(self, entry: str) -> tuple[int, ...]:
        """A word's synsets of the part of speech that most people have in mind: of a noun's no verb's."""
        found = self._usual.get(entry)
        if found is None:
            part = self.dictionary.part
            parts = {part(one.synset) for one in self.first(entry)}
            senses = [one.synset for one in self.dictionary.of(entry)]
            found = self._usual[entry] = tuple([one for one in senses if part(one) in parts])
        return found

    def of_name(self, word: Spelling) -> bool:
        """Whether a keyword is a person's or a maker's name."""
        return not (
            self.lists.sets["names"].isdisjoint(word.tokens) and self.lists.sets["brands"].isdisjoint(word.tokens)
        )

    def sureness(self, entry: str, synset: int) -> float:
        """How likely a word means this, by WordNet's corpus: 1 where it means nothing else, 0 where never this."""
        found = self._sure.get(entry)
        if found is None:
            found = self._sure[entry] = self._surenesses(entry)
        return found.get(synset, 0.0)

    def _surenesses(self, entry: str) -> dict[int, float]:
        """The same of all meanings of a word, each among those of its part of speech."""
        counts: dict[str, dict[int, int]] = {}
        for one in self.dictionary.of(entry):
            counts.setdefault(self.dictionary.part(one.synset), {})[one.synset] = one.count + 1
        return {
            synset: count / total
            for part in counts.values()
            for total in (sum(part.values()),)
            for synset, count in part.items()
        }

    def _base(self, token: str, alone: bool) -> str:  # noqa: FBT001 - a cache's key
        if token.isdigit() or len(token) < 3:
            return token
        return self.american(self._singular(token, alone=alone))

    def _singular(self, token: str, *, alone: bool) -> str:
        if alone and self.own_plural(token):
            return token
        if token in self.dictionary.plurals:
            return self.dictionary.plurals[token]
        found = [one for one in spelling.singulars(token) if one in self.dictionary]
        if token not in self.dictionary:
            return found[0] if found else (spelling.singulars(token) or [token])[-1]
        return found[0] if found and not (alone and self._means_more(token, found[0])) else token

    def own_plural(self, token: str) -> bool:
        """Whether a plural has a meaning of its own, by our list or by WordNet.

        That says of some meanings that one uses the plural for them: `chaps`. It counts where the word has the
        meaning seldom, and has not many: the plural of such a word is that of all.
        """
        if token in self.lists.sets["pluralia"]:
            return True
        for one in spelling.singulars(token) if token not in self.dictionary else ():
            senses = self.dictionary.of(one)
            if len(senses) <= FEW and any(self.sureness(one, own) < SELDOM for own in self.dictionary.own(one)):
                return True
        return False

    def _means_more(self, many: str, one: str) -> bool:
        """Whether a plural has a meaning of its own that comes first: `glasses`, not `cows` or `Brooks`."""
        first = self.dictionary.first(many)[0]
        own = first.synset not in {sense.synset for sense in self.dictionary.of(one)}
        return own and not first.capital and self.dictionary.synset(first.synset).part == "n"

    def _american(self, token: str) -> str:
        if token in self._british:
            return self._british[token]
        mine = {sense.synset for sense in self.dictionary.of(token)}
        for other in spelling.american(token) if mine and len(token) > 3 else ():
            if any(sense.synset in mine for sense in self.dictionary.of(other)):
                return self._british.get(other, other)
        return token


@cache
def _listed() -> frozenset[str]:
    """Every word that stands in our lists of what means the same."""
    lines = (line for sets in dictionary.lists().same.values() for line in sets)
    return frozenset(token for line in lines for word in line for token in spelling.spelt(word).tokens)


def stems(token: str) -> list[str]:
    """What an English verb or adjective form may come from."""
    found = [*spelling.singulars(token)]
    for ending in ("ing", "ed"):
        if token.endswith(ending) and len(token) > len(ending) + 2:
            found += [token[: -len(ending)], token[: -len(ending)] + "e"]
    return found


def _last_singular(tokens: tuple[str, ...]) -> list[str]:
    return [" ".join((*tokens[:-1], one)) for one in spelling.singulars(tokens[-1])]


def _wanted(words: Iterable[Spelling]) -> set[str]:
    wanted = {ZODIAC}
    tokens: set[str] = set()
    for word in words:
        tokens.update(word.tokens)
        wanted.update((word.phrase, "".join(word.tokens), *_last_singular(word.tokens)))
    for token in tokens:
        one = [token, *spelling.singulars(token)]
        wanted.update(one)
        wanted.update(stems(token))
        for form in one:
            wanted.update(spelling.american(form))
    return wanted
