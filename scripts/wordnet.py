#!/usr/bin/env python3
"""Make models/wordnet.txt.gz, the part of WordNet that tells when two words mean the same.

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb unpacked
    scripts/wordnet unpacked/usr/share/wordnet models/wordnet.txt.gz

The folder is WordNet 3.0's `dict` (data.*, index.*, noun.exc, verb.exc, cntlist.rev), as Debian's package and
the NLTK
corpus carry it. The same folder gives the same bytes. WordNet's licence asks for its notice on every copy:
models/wordnet.LICENSE holds it, and the first lines of the file point there.

Lines: `S part-of-speech file hypernyms instances antonyms similar wholes` for a synset (numbered from 0 in the
order of
the lines, lists with commas), `L lemma sense...` for a lemma with its senses from the first to the last (`number`,
`^` before it where the lemma is written with a capital there, `*count` behind it where the corpus has it), `F
form lemma` for irregular plurals and `V form lemma` for irregular forms of
verbs and adjectives.
"""

import collections
import gzip
import pathlib
import sys

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
KEPT = {"@": 0, "@i": 1, "!": 2, "&": 3, "#p": 4}
Synset = tuple[str, str, list[list[tuple[str, str]]]]
"""Part of speech, lexicographer file, pointers by kind."""
Numbers = dict[tuple[str, str], int]
"""Part of speech and offset -> the number in our file."""
Capitals = set[tuple[str, int]]
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
    text = [*_head(), *(_shown(one, number) for one in synsets)]
    for lemma in sorted(lemmas):
        senses = " ".join(_sense(lemma, *sense, capital, counts) for sense in lemmas[lemma])
        text.append(f"L\t{lemma}\t{senses}")
    for sign, name in (("F", "noun"), ("V", "verb"), ("V", "adj")):
        for line in _lines(source / f"{name}.exc"):
            form, *of = line.split()
            text.append(f"{sign}\t{form.replace('_', ' ')}\t{of[0].replace('_', ' ')}")
    pathlib.Path(target).write_bytes(gzip.compress(("\n".join(text) + "\n").encode(), 9, mtime=0))


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
    return "\t".join(["S", part, str(int(file)), *lists])


def _lemmas(source: pathlib.Path, number: Numbers) -> dict[str, list[tuple[str, int, int]]]:
    """Lemma -> (part of speech, rank in it, synset)."""
    found = collections.defaultdict(list)
    for name, part in PARTS.items():
        for line in _lines(source / f"index.{name}"):
            fields = line.split()
            for rank, offset in enumerate(fields[-int(fields[2]) :], 1):
                found[fields[0].replace("_", " ")].append((part, rank, number[part, offset]))
    return found


def _sense(lemma: str, part: str, rank: int, synset: int, capital: Capitals, counts: Counts) -> str:
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
