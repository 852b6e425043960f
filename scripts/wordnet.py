#!/usr/bin/env python3
"""Make models/wordnet.txt.gz, the part of WordNet that tells when two words mean the same.

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb unpacked
    scripts/wordnet unpacked/usr/share/wordnet models/wordnet.txt.gz

The folder is WordNet 3.0's `dict` (data.*, index.*, noun.exc, verb.exc, cntlist.rev), as Debian's package and
the NLTK
corpus carry it. The same folder gives the same bytes. WordNet's licence asks for its notice on every copy:
models/wordnet.LICENSE holds it, and the first lines of the file point there.

The file has sections with an empty line between them; a column of keys is sorted, and the section behind it holds
what belongs to each, line by line, so that a reader splits and looks up and never walks. They are:

1. the notice,
2. synsets, `part-of-speech file hypernyms instances antonyms similar wholes`, numbered from 0 in the order of the
   lines, lists with commas,
3. and 4. lemmas and their senses, `number` for a synset, `^` before it where the lemma is written with a capital
   there, `*count` behind it where the corpus has it,
5. and 6. phrases that keywords are taken apart to and their senses: `t shirt` for `t-shirt`, `1st aid` for `first
   aid`, with the senses of a lemma spelt so,
7. and 8. irregular plurals and what they are of,
9. irregular forms of verbs and adjectives,
10. and 11. words of things and the synsets of which the gloss says that one uses the plural for them (`chaps`).
"""

import collections
import gzip
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from models import spelling

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
KEPT = {"@": 0, "@i": 1, "!": 2, "&": 3, "#p": 4}
PLURAL = re.compile(r"\([^)]*(usually|primarily)[^)]* plural[^)]*\)")
THINGS = "06"
"""WordNet's file of artifacts. Of ideas (`depths`) the plural is no word of its own in a photo library."""
Synset = tuple[str, str, list[list[tuple[str, str]]]]
"""Part of speech, lexicographer file, pointers by kind."""
Numbers = dict[tuple[str, str], int]
"""Part of speech and offset -> the number in our file."""
Capitals = set[tuple[str, int]]
Ranked = tuple[str, int, int, str]
"""Part of speech, rank in it, the synset's number, the lemma."""
Counts = dict[tuple[str, str, int], int]


def main(folder: str, target: str) -> None:
    """Read WordNet's folder and write the file."""
    source = pathlib.Path(folder)
    counts = _counts(source / "cntlist.rev")
    synsets: list[Synset] = []
    number: Numbers = {}
    capital: Capitals = set()
    for name, part in PARTS.items():
        for line in _lines(source / f"data.{name}"):
            _synset(line, part, synsets, number, capital)
    lemmas = _lemmas(source, number)
    exceptions = {name: _exceptions(source / f"{name}.exc") for name in ("noun", "verb", "adj")}
    plurals = _plurals(source / "data.noun", number)
    sections = [
        _head(),
        [_shown(one, number) for one in synsets],
        *_columns({lemma: _senses(lemmas[lemma], capital, counts) for lemma in lemmas}),
        *_columns({lemma: _senses(some, capital, counts) for lemma, some in _taken_apart(lemmas).items()}),
        *_columns(exceptions["noun"]),
        sorted(exceptions["verb"].keys() | exceptions["adj"].keys()),
        *_columns({lemma: " ".join(map(str, senses)) for lemma, senses in plurals.items()}),
    ]
    text = "\n\n".join("\n".join(lines) for lines in sections)
    pathlib.Path(target).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _columns(table: dict[str, str]) -> tuple[list[str], list[str]]:
    keys = sorted(table)
    return keys, [table[key] for key in keys]


def _exceptions(path: pathlib.Path) -> dict[str, str]:
    """Irregular form -> the first word that it is of."""
    rows = [[word.replace("_", " ") for word in line.split()] for line in _lines(path)]
    return {form: of for form, of, *_ in rows}


def _lines(path: pathlib.Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if not line.startswith("  ")]


def _head() -> list[str]:
    return [
        "# WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.",
        "# Licence: wordnet.LICENSE",
    ]


def _synset(line: str, part: str, synsets: list[Synset], number: Numbers, capital: Capitals) -> None:
    fields = line.partition("|")[0].split()
    words = [fields[4 + 2 * i].partition("(")[0].replace("_", " ") for i in range(int(fields[3], 16))]
    at = 4 + 2 * len(words)
    pointers: list[list[tuple[str, str]]] = [[] for _ in KEPT]
    for i in range(int(fields[at])):
        symbol, offset, of, _ = fields[at + 1 + 4 * i : at + 5 + 4 * i]
        if symbol in KEPT:
            pointers[KEPT[symbol]].append((of if of != "s" else "a", offset))
    number[part, fields[0]] = len(synsets)
    capital.update((word.lower(), len(synsets)) for word in words if word != word.lower())
    synsets.append((part, fields[1], pointers))


def _shown(synset: Synset, number: Numbers) -> str:
    part, file, pointers = synset
    lists = [",".join(str(number[key]) for key in dict.fromkeys(some)) for some in pointers]
    return "\t".join([part, str(int(file)), *lists])


def _plurals(path: pathlib.Path, number: Numbers) -> dict[str, list[int]]:
    """Single words -> the synsets that have them in the plural."""
    found = collections.defaultdict(list)
    for line in _lines(path):
        fields, _, gloss = line.partition("|")
        if PLURAL.search(gloss):
            offset, file, _, count, *words = fields.split()
            for word in words[: 2 * int(count, 16) : 2]:
                if file == THINGS and word.isalpha() and word.islower():
                    found[word].append(number["n", offset])
    return found


def _lemmas(source: pathlib.Path, number: Numbers) -> dict[str, list[Ranked]]:
    """Each lemma's senses."""
    found = collections.defaultdict(list)
    for name, part in PARTS.items():
        for line in _lines(source / f"index.{name}"):
            fields = line.split()
            for rank, offset in enumerate(fields[-int(fields[2]) :], 1):
                lemma = fields[0].replace("_", " ")
                found[lemma].append((part, rank, number[part, offset], lemma))
    return found


def _taken_apart(lemmas: dict[str, list[Ranked]]) -> dict[str, list[Ranked]]:
    """Phrases that keywords are taken apart to and that are no lemmas as they stand, or of fewer meanings.

    What is a lemma already gains those of other signs alone (`break-up`), none of an article (`the city`).
    """
    found: dict[str, list[Ranked]] = collections.defaultdict(list)
    for lemma in sorted(lemmas):
        phrase = spelling.spelt(lemma).phrase
        named = any(sign.isalpha() for sign in phrase)
        if phrase != lemma and named and (phrase not in lemmas or _letters(phrase) == _letters(lemma)):
            found[phrase] += lemmas[lemma]
    return {phrase: _merged([*lemmas.get(phrase, ()), *some]) for phrase, some in found.items()}


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _merged(senses: list[Ranked]) -> list[Ranked]:
    """Senses of some lemmas in one order, each synset once."""
    made: dict[int, Ranked] = {}
    for one in sorted(senses, key=lambda one: ([*PARTS.values()].index(one[0]), one[1])):
        made.setdefault(one[2], one)
    return list(made.values())


def _senses(senses: list[Ranked], capital: Capitals, counts: Counts) -> str:
    return " ".join(_sense(sense, capital, counts) for sense in senses)


def _sense(sense: Ranked, capital: Capitals, counts: Counts) -> str:
    part, rank, synset, lemma = sense
    sign = "^" if (lemma, synset) in capital else ""
    count = counts.get((lemma, part, rank), 0)
    return f"{sign}{synset}" + (f"*{count}" if count else "")


def _counts(path: pathlib.Path) -> Counts:
    found = {}
    back = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
    for line in path.read_text("utf-8").splitlines():
        key, rank, count = line.split()
        lemma, _, rest = key.partition("%")
        found[lemma.replace("_", " "), back[rest[0]], int(rank)] = int(count)
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
