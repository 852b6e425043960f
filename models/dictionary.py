"""What words mean, as WordNet 3.0 has it (licence: wordnet.LICENSE), and lists of our own (words.txt).

The files lie beside this module. Only the words asked for are kept, so a library of 10,000 keywords costs a
tenth of a
second. Where WordNet gives a word several meanings, the first is the one that most people have in mind.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a word."""

    synset: int
    count: int
    """How often WordNet's corpus has the word in this meaning."""
    capital: bool
    """Whether the word is written with a capital when it means this."""


@dataclass(frozen=True, slots=True)
class Synset:
    """One meaning, and those it leans on."""

    part: str
    """n, v, a or r."""
    file: int
    """WordNet's lexicographer file: 5 animal, 15 location, 18 person, 20 plant, 28 time …"""
    above: tuple[int, ...]
    instance_of: tuple[int, ...]
    opposite: tuple[int, ...]
    similar: tuple[int, ...]
    wholes: tuple[int, ...]


class Dictionary:
    """The meanings of the words it was made for."""

    def __init__(
        self,
        senses: dict[str, str],
        synsets: list[bytes],
        plurals: dict[str, str],
        forms: frozenset[str],
        own: dict[str, tuple[int, ...]],
    ) -> None:
        self.known = senses
        """Every word that is known; its meanings are taken apart when somebody asks for them."""
        self._own = own
        self._senses: dict[str, tuple[Sense, ...]] = {}
        self._first: dict[str, tuple[Sense, ...]] = {}
        self.plurals = plurals
        self.forms = forms
        self._lines = synsets
        self._synsets: dict[int, Synset] = {}
        self._above: dict[int, tuple[int, ...]] = {}
        self._ancestors: dict[int, dict[int, int]] = {}

    def __contains__(self, word: str) -> bool:
        return word in self.known

    def of(self, word: str) -> tuple[Sense, ...]:
        """The word's meanings, nouns before verbs before adjectives, the commonest first in each."""
        found = self._senses.get(word)
        if found is None:
            text = self.known.get(word)
            found = self._senses[word] = tuple(map(_sense, text.split(" "))) if text else ()
        return found

    def own(self, word: str) -> tuple[int, ...]:
        """The synsets for which one uses the word's plural."""
        return self._own.get(word, ())

    def synset(self, number: int) -> Synset:
        """The meaning with this number."""
        found = self._synsets.get(number)
        if found is None:
            fields = self._lines[number].decode().split("\t")
            lists = [tuple(map(int, field.split(","))) if field else () for field in fields[2:]]
            found = self._synsets[number] = Synset(fields[0], int(fields[1]), *lists)
        return found

    def part(self, number: int) -> str:
        """The part of speech of this meaning."""
        return chr(self._lines[number][0])

    def above(self, number: int) -> tuple[int, ...]:
        """The meanings one step above this one."""
        found = self._above.get(number)
        if found is None:
            _, _, kinds, instances, _ = self._lines[number].split(b"\t", 4)
            found = self._above[number] = tuple(
                [int(one) for each in (kinds, instances) if each for one in each.split(b",")]
            )
        return found

    def ancestors(self, number: int) -> dict[int, int]:
        """Every meaning above this one, itself among them, with the steps to it."""
        found = self._ancestors.get(number)
        if found is None:
            found = {number: 0}
            edge = [number]
            while edge:
                below = edge.pop(0)
                for above in self.above(below):
                    if above not in found:
                        found[above] = found[below] + 1
                        edge.append(above)
            self._ancestors[number] = found
        return found

    def first(self, word: str) -> tuple[Sense, ...]:
        """The first meaning of each part of speech that the word is."""
        found = self._first.get(word)
        if found is None:
            parts: dict[str, Sense] = {}
            for sense in self.of(word):
                parts.setdefault(self.part(sense.synset), sense)
            found = self._first[word] = tuple(parts.values())
        return found


def load(words: Iterable[str]) -> Dictionary:
    """The dictionary for these words (lower case, blanks between the parts of a compound)."""
    wanted = {word.encode() for word in words}
    _, synsets, *columns = _sections()
    lemmas, senses, phrases, phrase_senses, plural, singular, forms, of_plural, own = columns
    found = {**_picked(lemmas, senses, wanted), **_picked(phrases, phrase_senses, wanted)}
    return Dictionary(
        found,
        synsets.split(b"\n"),
        _picked(plural, singular, wanted),
        frozenset(form.decode() for form in wanted.intersection(forms.split(b"\n"))),
        {word: tuple(map(int, text.split(" "))) for word, text in _picked(of_plural, own, wanted).items()},
    )


def lemmas() -> list[str]:
    """Every word of WordNet, sorted."""
    return _sections()[2].decode().split("\n")


def _sections() -> list[bytes]:
    """What scripts/wordnet.py says of the file."""
    packed = resources.files("models").joinpath("wordnet.txt.gz").read_bytes()
    return gzip.decompress(packed).split(b"\n\n")


def _picked(keys: bytes, values: bytes, wanted: set[bytes]) -> dict[str, str]:
    """The lines of `values` beside those of `keys` that are wanted."""
    lines = values.split(b"\n")
    known = enumerate(keys.split(b"\n"))
    return {key.decode(): lines[place].decode() for place, key in known if key in wanted}


def _sense(text: str) -> Sense:
    number, _, count = text.partition("*")
    capital = number[0] == "^"
    return Sense(int(number[1:] if capital else number), int(count) if count else 0, capital)


@dataclass(frozen=True, slots=True)
class Lists:
    """Our own lists: `same` and `apart` are sets of words, by the heading they stand under."""

    same: dict[str, list[list[str]]]
    apart: dict[str, list[list[str]]]
    sets: dict[str, frozenset[str]]


@cache
def lists() -> Lists:
    """Read words.txt."""
    same: dict[str, list[list[str]]] = {}
    apart: dict[str, list[list[str]]] = {}
    sets: dict[str, frozenset[str]] = {}
    kind = name = ""
    for line in resources.files("models").joinpath("words.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            kind, _, name = line.strip("[]").partition(" ")
        elif line and not line.startswith("#"):
            parts = [part.strip() for part in line.split("=" if kind == "same" else ",") if part.strip()]
            if kind == "set":
                sets[name] = sets.get(name, frozenset()) | frozenset(parts)
            else:
                (same if kind == "same" else apart).setdefault(name, []).append(parts)
    return Lists(same, apart, sets)
