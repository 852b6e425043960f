"""Make models/vocabulary.txt, the words that pictures are compared with.

    python scripts/vocabulary.py > models/vocabulary.txt

What can be seen, out of models/wordnet.txt.gz (nouns by their first meaning, below the kinds of KINDS, the more
familiar first) and models/scenes.txt, which is written by hand and goes before. A line is `path/word = synonym`.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from pathlib import Path

HOUSE = Path(__file__).parent.parent
sys.path.insert(0, str(HOUSE))

from models import dictionary  # noqa: E402 - found only now

KINDS = {
    "animals/birds": ("bird", 240),
    "animals/dogs": ("dog", 110),
    "animals/cats": ("feline", 40),
    "animals/fish": ("fish", 120),
    "animals/insects": ("insect", 120),
    "animals/reptiles": ("reptile", 70),
    "animals/amphibians": ("amphibian", 20),
    "animals/mammals": ("mammal", 200),
    "animals": ("animal", 130),
    "plants/trees": ("tree", 130),
    "plants/flowers": ("flower", 110),
    "plants": ("plant", 160),
    "food/fruit": ("edible fruit", 90),
    "food/vegetables": ("vegetable", 90),
    "food/drinks": ("beverage", 110),
    "food": ("food", 330),
    "vehicles": ("vehicle", 230),
    "music": ("musical instrument", 110),
    "clothing": ("clothing", 240),
    "buildings": ("building", 180),
    "furniture": ("furniture", 70),
    "weapons": ("weapon", 40),
    "tools": ("tool", 110),
    "machines": ("machine", 90),
    "devices": ("device", 200),
    "containers": ("container", 130),
    "structures": ("structure", 230),
    "landscape": ("geological formation", 160),
    "water": ("body of water", 60),
    "sport": ("sport", 90),
    "events": ("social event", 90),
    "weather": ("atmospheric phenomenon", 50),
    "materials": ("fabric", 70),
    "objects": ("artifact", 330),
}
"""Path -> WordNet's word for the kind, and how many of its words at most; the first kind that fits counts."""
NEVER = frozenset(
    "whole thing object artifact unit article structure instrumentality way area part piece line side head base "  # noqa: SIM905 - a list of these reads worse
    "work product creation system means issue back front top end stop set point bed-and-breakfast spot hand foot "
    "critter creature beast game stock young prey herb host sucker bitch cock ass pussy tit brothel gallows gas "
    "chamber kill stake facility construction covering fixture room-and-board drug block plant form space".split()
)


def main() -> None:
    """Print the list."""
    every = dict.fromkeys(dictionary.lemmas())
    words = dictionary.load(every)
    compounds = Counter(part for lemma in every if " " in lemma for part in lemma.split())
    hand = _by_hand()
    for line in hand:
        print(line)
    taken = {word.strip() for line in hand for word in line.rpartition("/")[2].split("=")}
    seen: set[int] = set()
    for path, ranked in _ranked(words, every, compounds, taken).items():
        most = KINDS[path][1]
        for _, lemma, synset in ranked:
            if synset in seen or most == 0:
                continue
            seen.add(synset)
            most -= 1
            print(" = ".join([f"{path}/{lemma}", *_synonyms(words, every, synset, lemma, taken)]))


def _by_hand() -> list[str]:
    lines = (HOUSE / "models" / "scenes.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _ranked(words, every, compounds, taken):  # noqa: ANN001, ANN202 - a script
    kinds = {}
    for path, (name, _) in KINDS.items():
        kinds[next(s.synset for s in words.of(name) if words.synset(s.synset).part == "n")] = path
    found: dict[str, list[tuple[float, str, int]]] = {path: [] for path in KINDS}
    order = list(KINDS)
    for lemma in every:
        nouns = [sense for sense in words.of(lemma) if words.synset(sense.synset).part == "n"]
        if not nouns or nouns[0].capital or not _plain(lemma) or lemma in taken or lemma in NEVER:
            continue
        above = words.ancestors(nouns[0].synset)
        paths = sorted((kinds[each] for each in above if each in kinds), key=order.index)
        if paths:
            found[paths[0]].append((-_familiar(words, lemma, nouns[0].count, compounds), lemma, nouns[0].synset))
    return {path: sorted(rows) for path, rows in found.items()}


def _plain(lemma: str) -> bool:
    return (
        lemma.replace(" ", "").isascii()
        and lemma.replace(" ", "").isalpha()
        and 3 <= len(lemma) <= 18
        and lemma.count(" ") <= 1
    )


def _familiar(words, lemma, count, compounds) -> float:  # noqa: ANN001
    """How likely people know a word: used in WordNet's corpus, part of other words, of many meanings, short."""
    rare = 0.25 * max(0, len(lemma) - 7) + 1.2 * (" " in lemma)
    return (
        3 * math.log1p(count) + 1.6 * math.log1p(compounds[lemma]) + 0.6 * math.log1p(len(words.of(lemma))) - rare
    )


def _synonyms(words, every, synset, lemma, taken):  # noqa: ANN001, ANN202
    if not hasattr(_synonyms, "by"):
        by: dict[int, list[str]] = {}
        for other in every:
            for sense in words.of(other)[:1]:
                if not sense.capital:
                    by.setdefault(sense.synset, []).append(other)
        _synonyms.by = by  # type: ignore[attr-defined]
    return [
        o for o in _synonyms.by.get(synset, []) if o != lemma and _plain(o) and o not in taken and o not in NEVER
    ][:3]


if __name__ == "__main__":
    main()
