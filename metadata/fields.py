"""How the keyword fields of one place spell words, and what a difference between two states of them means. Pure.

Programs edit different fields of one file: Lightroom `dc:subject` and `lr:hierarchicalSubject`, Immich
`digiKam:TagsList` alone, digiKam all, darktable the first two out of its database. So states are compared
field by field: the field that differs is where the edit happened, the others are stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from metadata import tags
from metadata.sinks import Values
from metadata.tags import Word, fold, key, names_person

Lists = Mapping[str, Values]

PROGRAMS = ("darktable", "_Digikam_Internal_Tags_", "tagwright-probe", "tagwright-canary")
"""First parts of words by which programs speak about themselves; they stay where they are."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one field of full paths writes a word, and reads it.

    Where `ancestors` holds, programs list A and A/B beside A/B/C, and these are no words of their own. A field
    of `persons` holds their names, and no keywords; all others hold keywords alone.
    """

    read: Callable[[str], Word]
    write: Callable[[Word], str]
    ancestors: bool = False
    persons: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a place: `paths` hold whole keywords, `leaves` only their last parts.

    `captions` are the fields of the one caption, the one that counts first, `titles` likewise; `texts` those
    that are filled together and only where all of them are empty (a place's names).

    In a `trusted` place a missing word is an act of a person, never an accident of a program that wrote
    the whole place from its own memory.
    """

    paths: Mapping[str, Spelling]
    leaves: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    trusted: bool = False


SIDECAR = Layout(
    paths={
        tags.TAGS_LIST: Spelling(tags.from_tags_list, tags.to_tags_list),
        tags.HIERARCHICAL: Spelling(tags.from_hierarchical, tags.to_hierarchical, ancestors=True),
        tags.PERSONS: Spelling(tags.person, itemgetter(-1), persons=True),
    },
    leaves=(tags.SUBJECT,),
    captions=("dc:description", "tiff:ImageDescription"),
    titles=("dc:title",),
    texts=(
        *("photoshop:City", "photoshop:State", "photoshop:Country", "Iptc4xmpCore:CountryCode"),
        "Iptc4xmpExt:LocationShown",
    ),
)

SERVER = Layout(
    paths={"tags": Spelling(tags.from_tags_list, tags.to_tags_list)},
    captions=("description",),
    trusted=True,
)


@dataclass(frozen=True, slots=True)
class Skip:
    """Which words of a place are nobody's wish: programs' own, and names that stand for face regions."""

    programs: frozenset[str] = frozenset(fold(name) for name in PROGRAMS)
    people: frozenset[str] = frozenset()

    def __call__(self, word: Word) -> bool:
        """Whether to look past this word."""
        if fold(word[0]) in self.programs:
            return True
        return len(word) == 2 and word[1] in self.people and fold(word[0]) == "people"


@dataclass(frozen=True, slots=True)
class Stand:
    """The words of one state of a place, by field, and all together."""

    paths: Mapping[str, dict[str, Word]]
    leaves: Mapping[str, dict[str, str]]
    skipped: frozenset[str] = frozenset()
    words: dict[str, Word] = field(default_factory=dict)

    def parts(self) -> set[str]:
        """Every part, folded, of every path that stands here: what a list of leaves may hold besides."""
        keywords = [words for name, words in self.paths.items() if name != tags.PERSONS]
        here = {fold(part) for words in keywords for word in words.values() for part in word}
        return here | self.skipped


def stand(layout: Layout, lists: Lists, skip: Skip) -> Stand:
    """Read a place: full paths as they are, leaves that no path explains as flat words."""
    paths = {name: _read(spelling, lists[name]) for name, spelling in layout.paths.items() if name in lists}
    nobodys = {word for word in {word for words in paths.values() for word in words.values()} if skip(word)}
    if nobodys:
        paths = {name: {k: w for k, w in words.items() if w not in nobodys} for name, words in paths.items()}
    leaves = {name: _leaves(lists[name], skip) for name in layout.leaves if name in lists}
    skipped = frozenset(fold(part) for word in nobodys for part in word) if nobodys else frozenset()
    found = Stand(paths, leaves, skipped)
    for name, words in paths.items():
        for folded, word in explicit(layout.paths[name], words).items():
            found.words.setdefault(folded, word)
    known = found.parts()
    for values in leaves.values():
        for folded, value in values.items():
            if folded not in known:
                found.words.setdefault(key((value,)), (value,))
    return found


def _read(spelling: Spelling, values: Values) -> dict[str, Word]:
    words: dict[str, Word] = {}
    for value in values:
        word = spelling.read(value)
        if word and word[-1].strip():
            words.setdefault(key(word), word)
    return words


def _leaves(values: Values, skip: Skip) -> dict[str, str]:
    leaves: dict[str, str] = {}
    for value in values:
        folded = fold(value)
        if folded and folded not in leaves and not skip((value,)):
            leaves[folded] = value
    return leaves


def explicit(spelling: Spelling, words: Mapping[str, Word]) -> Mapping[str, Word]:
    """The words without those that are only the beginning of another (Lightroom lists A and A|B for A|B|C)."""
    implied = _above(words.values()) if spelling.ancestors else ()
    return {name: word for name, word in words.items() if name not in implied} if implied else words


@dataclass(frozen=True, slots=True)
class Edits:
    """What became of a place between two states: words that came, and words that went, field by field."""

    added: Mapping[str, Word]
    went: Mapping[str, frozenset[str]]

    @property
    def removed(self) -> frozenset[str]:
        """Every word that went from some field."""
        return frozenset().union(*self.went.values())


def edits(layout: Layout, before: Stand, now: Stand) -> Edits:
    """Compare field by field. A word that came in one field and went in another has come."""
    added: dict[str, Word] = {}
    went: dict[str, set[str]] = {}
    for name, spelling in layout.paths.items():
        was, here = before.paths.get(name, {}), now.paths.get(name, {})
        if spelling.persons and not was and not here:
            continue
        old = explicit(spelling, was)
        added |= {k: w for k, w in explicit(spelling, here).items() if k not in old}
        went[name] = was.keys() - here.keys()
    for name in layout.leaves:
        added |= _leaves_added(name, before, now)
        went[name] = _leaves_removed(name, before, now)
    return Edits(added, {name: frozenset(words - added.keys()) for name, words in went.items()})


def _leaves_added(name: str, before: Stand, now: Stand) -> dict[str, Word]:
    was = before.leaves.get(name, {})
    known = now.parts()
    fresh = [v for folded, v in now.leaves.get(name, {}).items() if folded not in was and folded not in known]
    return {key((value,)): (value,) for value in fresh}


def _leaves_removed(name: str, before: Stand, now: Stand) -> set[str]:
    """Words whose leaf went; where several words share the leaf nobody can say which was meant."""
    gone = before.leaves.get(name, {}).keys() - now.leaves.get(name, {}).keys()
    changed = [words for field_, words in now.paths.items() if words.keys() != before.paths.get(field_, {}).keys()]
    known = [(k, word) for k, word in before.words.items() if not names_person(k)]
    removed: set[str] = set()
    for leaf in gone:
        meant = [k for k, word in known if fold(word[-1]) == leaf]
        if len(meant) == 1 and not any(meant[0] in words for words in changed):
            removed.add(meant[0])
    return removed


def holds(stood: Stand, name: str, folded: str, word: Word) -> bool:
    """Whether this field shows a word (a list of leaves: its last part)."""
    if folded in stood.paths.get(name, {}):
        return True
    return not names_person(folded) and fold(word[-1]) in stood.leaves.get(name, {})


def fits(layout: Layout, folded: str) -> bool:
    """Whether a place can hold this word at all: not every place has a field for persons."""
    return not names_person(folded) or tags.PERSONS in layout.paths


def emptied(layout: Layout, before: Lists, now: Lists) -> bool:
    """Whether the first field of paths now stands there and holds nothing: a server's way to say "no keywords"."""
    first = next(iter(layout.paths))
    return now.get(first) == () != before.get(first)


def render(
    layout: Layout,
    lists: Lists,
    wanted: Mapping[str, Word],
    unwanted: Mapping[str, Word],
    skip: Skip,
    *,
    fill: bool,
) -> tuple[dict[str, Values], dict[str, Values]]:
    """Values to add to and to take from each field, so that it shows `wanted` and none of `unwanted`.

    Without `fill` nothing is added. Whatever is in neither stays: other programs' words, doubled values,
    ancestors.
    """
    add: dict[str, Values] = {}
    remove: dict[str, Values] = {}
    wanted, present = _parted(wanted)
    unwanted, absent = _parted(unwanted)
    for name in (*layout.paths, *layout.leaves):
        values = lists.get(name, ())
        if name == tags.PERSONS:
            if not (present or absent):
                continue
            come, go = _render_paths(layout.paths[name], values, present, absent, skip)
        elif name in layout.paths:
            come, go = _render_paths(layout.paths[name], values, wanted, unwanted, skip)
        else:
            come, go = _render_leaves(values, wanted, unwanted, skip)
        if come and fill:
            add[name] = tuple(come)
        if go:
            remove[name] = tuple(go)
    return add, remove


def _parted(words: Mapping[str, Word]) -> tuple[Mapping[str, Word], Mapping[str, Word]]:
    """Keywords and persons apart."""
    persons = {name: word for name, word in words.items() if names_person(name)}
    if not persons:
        return words, persons
    return {name: word for name, word in words.items() if name not in persons}, persons


def _render_paths(
    spelling: Spelling, values: Values, wanted: Mapping[str, Word], unwanted: Mapping[str, Word], skip: Skip
) -> tuple[list[str], list[str]]:
    read = {value: spelling.read(value) for value in values}
    here = {key(word) for word in read.values() if word}
    going = set(unwanted)
    if spelling.ancestors:
        going |= _above(unwanted.values()) - _above(wanted.values())
    going -= wanted.keys()
    go = [value for value, word in read.items() if word and key(word) in going and not skip(word)]
    come = [spelling.write(word) for name, word in wanted.items() if name not in here]
    return _once(come), go


def _above(words: Iterable[Word]) -> set[str]:
    return {key(above) for word in words if len(word) > 1 for above in tags.ancestors(word)}


def _render_leaves(
    values: Values, wanted: Mapping[str, Word], unwanted: Mapping[str, Word], skip: Skip
) -> tuple[list[str], list[str]]:
    here = {fold(value) for value in values}
    stay = {fold(part) for word in wanted.values() for part in word}
    going = {fold(part) for word in unwanted.values() for part in word} - stay
    go = [value for value in dict.fromkeys(values) if fold(value) in going and not skip((value,))]
    come = [word[-1] for word in wanted.values() if fold(word[-1]) not in here]
    return _once(come), go


def _once(values: Iterable[str]) -> list[str]:
    """Each spelling once. Not by `fold`, to which `/` and `|` are one: here they are what tells words apart."""
    spelled: dict[str, str] = {}
    for value in values:
        spelled.setdefault(value.strip().casefold(), value)
    return list(spelled.values())
