"""Which word of a group stands for all, and where aliases lead. Pure.

A person's choice comes first, then a word that a person typed before one that only a model made, then the better
spelt and the commoner, then the fuller. The words themselves are never altered: one of the group is chosen as
it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from metadata.errors import UserError
from metadata.tags import Word
from models.dedupe.library import Entry, Library


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is known of people's words."""

    chosen: frozenset[str] = frozenset()
    """Words that a person chose to stand for their group."""
    typed: frozenset[str] = frozenset()
    """Words that a person typed."""
    made: frozenset[str] = field(default_factory=frozenset)
    """Words that only models say."""


def choose(library: Library, group: Sequence[int], wishes: Wishes) -> tuple[int, str]:
    """The word that stands for a group, and why it was chosen."""
    entries = [library.entries[place] for place in group]
    for reason, words in (("chosen by a person", wishes.chosen), ("typed by a person", wishes.typed)):
        mine = [place for place in group if library.entries[place].text in words]
        if mine:
            return _best(library, mine), reason
    known = [place for place in group if library.entries[place].text not in wishes.made]
    best = _best(library, known or group)
    most = max(entry.count for entry in entries)
    return best, "used most" if library.entries[best].count == most else "the best spelt of those used much"


def _best(library: Library, group: Sequence[int]) -> int:
    """The commonest well-spelt word; spelling is judged against the group's own words."""
    entries = {place: library.entries[place] for place in group}
    worst = {place: faults(library, entry, list(entries.values())) for place, entry in entries.items()}
    return min(group, key=lambda place: (worst[place], -entries[place].count, -len(entries[place].text), place))


def faults(library: Library, entry: Entry, group: Sequence[Entry]) -> int:
    """How badly a word is spelt, 0 for well: signs, words run together, shouting, slips, lost accents."""
    others = [other for other in group if other is not entry]
    return (
        8 * _signs(entry)
        + 8 * _slip(entry, others)
        + 4 * _turned(entry, others)
        + 4 * _together(entry, others)
        + 2 * _case(library, entry, others)
        + 1 * _plain(entry, others)
    )


def _signs(entry: Entry) -> bool:
    """Signs that belong to no word: `_`, quotes, `#`, a dot at the end, blanks doubled or not plain, a comma."""
    text = entry.text
    odd = "_" in text or text[:1] in "#\"'“" or text != " ".join(text.split(" ")).strip() or "  " in text
    ends = text[-1:] in ',;:!?"' or (
        text.endswith(".") and text.count(".") == 1 and len(entry.spelling.tokens[-1]) > 3
    )
    return odd or ends or any(sign.isspace() and sign != " " for sign in text) or _article(entry)


def _article(entry: Entry) -> bool:
    first, _, rest = entry.text.partition(" ")
    return bool(rest) and first in ("a", "an", "the") and entry.spelling.tokens[0] != first


def _slip(entry: Entry, others: Sequence[Entry]) -> bool:
    """A word nobody knows where the group has none such."""
    return bool(entry.unknown) and any(not other.unknown and other.text[:1].isalpha() for other in others)


def _turned(entry: Entry, others: Sequence[Entry]) -> bool:
    return entry.spelling.turned and any(not other.spelling.turned for other in others)


def _together(entry: Entry, others: Sequence[Entry]) -> bool:
    """Words run together, or joined by hyphens, that another member writes apart."""
    mine = len(entry.text.replace("-", " ").split())
    same = [other for other in others if other.spelling.keys & entry.spelling.keys and "_" not in other.text]
    apart = [other for other in same if len(other.text.split()) > len(entry.text.split())]
    camel = (
        any(a.islower() and b.isupper() for a, b in zip(entry.text, entry.text[1:], strict=False)) and mine == 1
    )
    return bool(apart) and (camel or "-" in entry.text or (mine == 1 and bool(entry.unknown)))


def _case(library: Library, entry: Entry, others: Sequence[Entry]) -> bool:
    """Shouting, and names and acronyms written small, where another member does better."""
    same = [other.text for other in others if other.spelling.keys & entry.spelling.keys]
    if entry.text.isupper():
        return bool(same) and not _acronym(library, entry)
    if any(_acronym(library, other) and other.text.isupper() for other in others if other.text in same):
        return True
    name = bool(entry.unknown) or _is_name(library, entry)
    return name and entry.text.islower() and any(other[:1].isupper() and not other.isupper() for other in same)


def _acronym(library: Library, entry: Entry) -> bool:
    """Short capitals that are no common word: `DSLR`, not `FOG`."""
    token = entry.spelling.phrase
    if len(token) > 5 or not token.isalpha() or token in library.lexicon.lists.sets["names"]:
        return False
    common = any(not sense.capital for sense in library.lexicon.dictionary.of(token))
    brand = token in library.lexicon.lists.sets["brands"] and len(token) > 4
    return not brand and not common and (not library.lexicon.known(token) or not _is_place(library, entry))


def _is_place(library: Library, entry: Entry) -> bool:
    senses = library.lexicon.dictionary.of(entry.spelling.phrase)
    return (
        any(library.lexicon.dictionary.synset(sense.synset).file == 15 for sense in senses) and len(entry.text) > 3
    )


def _is_name(library: Library, entry: Entry) -> bool:
    """Whether every meaning is written with a capital, or it is a given name."""
    phrase = entry.spelling.phrase
    senses = library.lexicon.dictionary.of(phrase)
    return phrase in library.lexicon.lists.sets["names"] or (
        bool(senses) and all(sense.capital for sense in senses)
    )


def _plain(entry: Entry, others: Sequence[Entry]) -> bool:
    """Accents lost that another member has."""
    return entry.text.isascii() and any(
        not other.text.isascii() and other.spelling.keys & entry.spelling.keys and not _signs(other)
        for other in others
    )


# Aliases


def resolved(aliases: Mapping[Word, Word]) -> dict[Word, Word]:
    """Each alias with the word that it leads to in the end. Raises UserError for a circle."""
    return {word: end(aliases, word) for word in aliases}


def end(aliases: Mapping[Word, Word], word: Word) -> Word:
    """Where a word leads; itself where it is no alias. Raises UserError for a circle."""
    seen = [word]
    while seen[-1] in aliases:
        following = aliases[seen[-1]]
        if following in seen:
            raise UserError(
                "aliases lead in a circle: " + " -> ".join("/".join(one) for one in [*seen, following])
            )
        seen.append(following)
    return seen[-1]


def add(aliases: Mapping[Word, Word], word: Word, to: Word) -> dict[Word, Word]:
    """The aliases with one more. Raises UserError where that would close a circle."""
    if word == to:
        raise UserError(f"{'/'.join(word)} cannot stand for itself")
    added = {**aliases, word: to}
    end(added, word)
    return added


def applied(aliases: Mapping[Word, Word], word: Word, leaves: Collection[Word] = ()) -> Word:
    """The word that stands for `word`: an alias matches a whole path.

    An alias listed in `leaves` (its word has one part) also matches that part at the end of any path, whose
    levels above
    stay as they are: with `couch -> sofa`, `furniture/couch` becomes `furniture/sofa`.
    """
    if word in aliases:
        return end(aliases, word)
    leaf = word[-1:]
    if len(word) > 1 and leaf in leaves and leaf in aliases:
        target = end(aliases, leaf)
        return word[:-1] + target[-1:] if len(target) == 1 else word
    return word
