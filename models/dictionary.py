"""What words mean, as WordNet 3.0 has it (licence: wordnet.LICENSE), and lists of our own (words.txt).

The files lie beside this module. Only the words asked for are kept, so a library of 10,000 keywords costs a
tenth of a
second. Where WordNet gives a word several meanings, the first is the one that most people have in mind.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
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
        senses: dict[str, tuple[Sense, ...]],
        synsets: list[bytes],
        plurals: dict[str, str],
        forms: frozenset[str],
    ) -> None:
        self.senses = senses
        self.plurals = plurals
        self.forms = forms
        self._lines = synsets
        self._synsets: dict[int, Synset] = {}
        self._above: dict[int, dict[int, int]] = {}

    def __contains__(self, word: str) -> bool:
        return word in self.senses

    def of(self, word: str) -> tuple[Sense, ...]:
        """The word's meanings, nouns before verbs before adjectives, the commonest first in each."""
        return self.senses.get(word, ())

    def synset(self, number: int) -> Synset:
        """The meaning with this number."""
        found = self._synsets.get(number)
        if found is None:
            fields = self._lines[number].decode().split("\t")
            lists = [tuple(map(int, field.split(","))) if field else () for field in fields[3:]]
            found = self._synsets[number] = Synset(fields[1], int(fields[2]), *lists)
        return found

    def ancestors(self, number: int) -> dict[int, int]:
        """Every meaning above this one, itself among them, with the steps to it."""
        found = self._above.get(number)
        if found is None:
            found = {number: 0}
            edge = [number]
            while edge:
                below = edge.pop(0)
                synset = self.synset(below)
                for above in synset.above + synset.instance_of:
                    if above not in found:
                        found[above] = found[below] + 1
                        edge.append(above)
            self._above[number] = found
        return found

    @cached_property
    def firsts(self) -> dict[str, tuple[Sense, ...]]:
        """For each word the first meaning of each part of speech."""
        made = {}
        for word, senses in self.senses.items():
            parts: dict[str, Sense] = {}
            for sense in senses:
                parts.setdefault(self.synset(sense.synset).part, sense)
            made[word] = tuple(parts.values())
        return made


def load(words: Iterable[str]) -> Dictionary:
    """The dictionary for these words (lower case, blanks between the parts of a compound)."""
    wanted = {word.encode() for word in words}
    text = gzip.decompress(resources.files("models").joinpath("wordnet.txt.gz").read_bytes())
    lines = text.split(b"\n")
    synsets = [line for line in lines if line[:1] == b"S"]
    senses, plurals, forms = {}, {}, set()
    for line in lines:
        if line[:1] == b"L":
            lemma, _, rest = line[2:].partition(b"\t")
            if lemma in wanted:
                senses[lemma.decode()] = tuple(map(_sense, rest.decode().split(" ")))
        elif line[:1] == b"F":
            form, _, lemma = line[2:].partition(b"\t")
            if form in wanted:
                plurals[form.decode()] = lemma.decode()
        elif line[:1] == b"V":
            form = line[2:].partition(b"\t")[0]
            if form in wanted:
                forms.add(form.decode())
    return Dictionary(senses, synsets, plurals, frozenset(forms))


def _sense(text: str) -> Sense:
    number, _, count = text.partition("*")
    return Sense(int(number.lstrip("^")), int(count or 0), text.startswith("^"))


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
