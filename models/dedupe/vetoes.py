"""What speaks against a pair, whatever speaks for it: numbers, colours, opposites, people, places, kinds. Pure.

A veto has a name, which the report shows. `against` judges a pair that spelling or a dictionary proposed;
`apart` is stricter and judges one that only vectors propose.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from models import numerals, spelling
from models.dedupe.library import Entry, Library, words_of
from models.dictionary import Sense
from models.lexicon import ZODIAC

_PLACE = 15
"""WordNet's file of places."""
KINDS = "kinds:"
SURE = 0.7
"""How sure WordNet has to be of a phrase for its parts not to matter."""


class Vetoes:
    """The vetoes for one library."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.lexicon = library.lexicon
        self._lines = self.lexicon.lines
        self._zodiac = {one.synset for one in self.lexicon.dictionary.of(ZODIAC)}
        sets = self.lexicon.lists.sets
        self._persons = sets["names"] | sets["family"]
        self._sets: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, lines in self.lexicon.lists.apart.items():
            for place, line in enumerate(lines):
                for word in line:
                    key = " ".join(map(self.lexicon.american, word.split()))
                    self._sets[key].append((name, place))

    def against(self, a: Entry, b: Entry) -> str:
        """The veto against a pair proposed by spelling or a dictionary, or an empty string."""
        if a.spelling.keys & b.spelling.keys:
            return self._case(a, b) or self._compound(a, b)
        if a.joined == b.joined or self._listed(a, b):
            return self._case(a, b)
        if self._plural(a, b):
            return "a plural with a meaning of its own"
        if numerals.values(a.spelling.tokens) != numerals.values(b.spelling.tokens) and not self._listed_number(
            a, b
        ):
            return "numbers differ"
        return self._excluded(a, b) or _gender(a, b) or self._case(a, b)

    def apart(self, a: Entry, b: Entry) -> str:
        """The veto against a pair that vectors propose."""
        return (
            self.against(a, b)
            or self._differ(a, b)
            or self._people(a, b)
            or self._models(a, b)
            or self._order(a, b)
            or self._part(a, b)
            or self._senses(a, b)
        )

    def _listed(self, a: Entry, b: Entry) -> bool:
        return any(line in self._lines.get(b.joined, ()) for line in self._lines.get(a.joined, ()))

    def _plural(self, a: Entry, b: Entry) -> bool:
        """`custom` and `customs`."""
        for (one, *more), (other, *others) in (
            (a.spelling.tokens, b.spelling.tokens),
            (b.spelling.tokens, a.spelling.tokens),
        ):
            if not more and not others and other in spelling.singulars(one) and self.lexicon.own_plural(one):
                return True
        return False

    def _listed_number(self, a: Entry, b: Entry) -> bool:
        """Names like `WW2` carry a number that the other's letters say too."""
        return not any(sign.isdigit() for sign in a.joined) or not any(sign.isdigit() for sign in b.joined)

    def _case(self, a: Entry, b: Entry) -> str:
        """`Turkey` and `turkey`, `March` and `march`: a name and a common word."""
        if a.text[:1].isupper() == b.text[:1].isupper() or len(a.spelling.tokens) != 1:
            return ""
        if {a.text, b.text} & self.lexicon.lists.sets["small"]:
            return "a name and a common word"
        senses = self.lexicon.dictionary.of(a.spelling.phrase)
        named = [self.lexicon.dictionary.synset(sense.synset) for sense in senses if sense.capital]
        place = any(one.file == _PLACE and not self._zodiac & {*one.instance_of, *one.above} for one in named)
        common = any(not sense.capital for sense in senses)
        month = a.spelling.phrase in numerals.MONTH.values()
        if common and (month or (place and a.joined == b.joined)):
            return "a name and a common word"
        return ""

    def _compound(self, a: Entry, b: Entry) -> str:
        """`black bird` and `blackbird`: a colour stands alone or within a word of its own meaning."""
        one, other = (a, b) if len(a.spelling.tokens) > len(b.spelling.tokens) else (b, a)
        closed = "".join(other.spelling.tokens)
        same = len(one.spelling.tokens) == len(other.spelling.tokens)
        if not same and one.lemmas[0] in self.lexicon.colours and closed in self.lexicon.dictionary:
            return "a compound with a meaning of its own"
        return ""

    def _excluded(self, a: Entry, b: Entry) -> str:
        """Words of one of our lists that exclude each other, alone or as the only difference of two phrases."""
        ours, theirs = [w for w in a.lemmas if w not in b.lemmas], [w for w in b.lemmas if w not in a.lemmas]
        whole = self._common(a.phrase, b.phrase)
        if whole:
            return whole
        parts = (self._common(mine, other) for mine in ours for other in theirs)
        found = [part for part in parts if part]
        if found and all(part.startswith(KINDS) for part in found) and self._one_meaning(a, b):
            return ""
        return found[0] if found else ""

    def _one_meaning(self, a: Entry, b: Entry) -> bool:
        """Whether it has two phrases for one thing, though their parts are two (`box turtle`, `box tortoise`)."""
        meanings = [
            {one.synset for one in self.lexicon.first(word) if self.lexicon.sureness(word, one.synset) >= SURE}
            for word in (a.word, b.word)
        ]
        return len(a.lemmas) > 1 and len(b.lemmas) > 1 and bool(meanings[0] & meanings[1])

    def _common(self, a: str, b: str) -> str:
        shared = set(self._sets.get(a, ())) & set(self._sets.get(b, ()))
        return f"{min(shared)[0]}: {a}, {b}" if shared and a != b else ""

    def _people(self, a: Entry, b: Entry) -> str:
        named = [not self._persons.isdisjoint(words_of(entry)) for entry in (a, b)]
        capital = all(entry.text[:1].isupper() and entry.text[1:2].islower() for entry in (a, b))
        if any(named) and capital:
            return "people"
        if capital and (a.unknown or b.unknown):
            return "names nobody knows"
        names = (self._name(a) and self._name(b)) or (self._named(a, b) and self._named(b, a))
        return "perhaps two names" if names else ""

    def _name(self, entry: Entry) -> bool:
        """Whether a keyword is written as a name, and the dictionary has no common word of these letters."""
        words = [
            word for word in entry.text.split() if word.casefold() not in self.lexicon.lists.sets["prepositions"]
        ]
        capital = all(word[:1].isupper() and not word.isupper() for word in words)
        return capital and all(sense.capital for sense in self.lexicon.dictionary.of(entry.word))

    def _named(self, entry: Entry, other: Entry) -> bool:
        """Whether what the other lacks has a capital, and may be a name: the `Java` of `Java island`."""
        own = (word.casefold() for word in entry.text.split() if word[:1].isupper())
        senses = self.lexicon.dictionary.of
        return any(word not in other.spelling.tokens and any(one.capital for one in senses(word)) for word in own)

    def _differ(self, a: Entry, b: Entry) -> str:
        """One has a number or a colour that the other lacks, or numbers in another order, as in a date."""
        ours, theirs = (numerals.in_order(entry.spelling.tokens) for entry in (a, b))
        if ours != theirs:
            return "numbers differ"
        colours = [{word for word in entry.lemmas if word in self.lexicon.colours} for entry in (a, b)]
        return "colours differ" if colours[0] != colours[1] else ""

    def _models(self, a: Entry, b: Entry) -> str:
        brands = self.lexicon.lists.sets["brands"]
        ours, theirs = set(a.spelling.tokens) & brands, set(b.spelling.tokens) & brands
        return "brands" if ours != theirs else ""

    def _order(self, a: Entry, b: Entry) -> str:
        if a.joined != b.joined and sorted(a.lemmas) == sorted(b.lemmas):
            return "the order of the words"
        return ""

    def _part(self, a: Entry, b: Entry) -> str:
        """One is the other with a word more: a kind of it, or a part."""
        ours, theirs = Counter(a.lemmas), Counter(b.lemmas)
        return "one says more" if ours < theirs or theirs < ours else ""

    def _senses(self, a: Entry, b: Entry) -> str:
        """WordNet knows both and has no meaning of the one that is one of the other."""
        ours, theirs = self.library.senses(a), self.library.senses(b)
        if not ours or not theirs:
            return ""
        shared = {sense.synset for sense in ours} & {sense.synset for sense in theirs}
        return "" if shared else self.relation(ours, theirs) or "different meanings in WordNet"

    def relation(self, ours: tuple[Sense, ...], theirs: tuple[Sense, ...]) -> str:
        """How the meanings of two words lie in WordNet: `kind of`, `siblings`, `opposites` or nothing."""
        dictionary = self.lexicon.dictionary
        for one in ours[:3]:
            for other in theirs[:3]:
                if other.synset in dictionary.synset(one.synset).opposite:
                    return "opposites in WordNet"
                up, down = dictionary.ancestors(one.synset), dictionary.ancestors(other.synset)
                if other.synset in up or one.synset in down:
                    return "one is a kind of the other in WordNet"
                near = [up[step] + down[step] for step in up.keys() & down.keys()]
                if near and min(near) <= 3:
                    return "siblings in WordNet"
        return ""


_FEMALE = re.compile(r"(wo(?=m[ae]n$))|girl(?=s?$)")


def _gender(a: Entry, b: Entry) -> str:
    """`chairman` and `chairwoman`, `two men` and `two women`, `ballboy` and `ballgirl`."""
    ours, theirs = set(a.spelling.tokens), set(b.spelling.tokens)
    male, other = ({_FEMALE.sub(_male, word) for word in some} for some in (ours - theirs, theirs - ours))
    changed = male != ours - theirs or other != theirs - ours
    return f"gender: {a.phrase}, {b.phrase}" if changed and male & other else ""


def _male(found: re.Match[str]) -> str:
    return "boy" if found[0] == "girl" else ""
