"""Words of one photo that a person approved to become another: the truth with them, and fields respelled. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metadata import tags
from metadata.fields import Layout, Lists, Skip
from metadata.memory import Context, Truth
from metadata.sinks import Values
from metadata.tags import Word, fold, key


def joined(truth: Truth, merging: Mapping[str, Word]) -> Truth:
    """The truth in which these words (by key) are others. What a person wrote stays a person's.

    A person's word does not become one that a person took away from this photo: then both stay as they are.
    """
    if not merging.keys() & truth.words.keys():
        return truth
    words, ours = dict(truth.words), set(truth.ours)
    for old in merging.keys() & truth.words.keys():
        name, mine = key(merging[old]), old in truth.ours
        if name != old and name in truth.refused and not mine:
            continue
        del words[old]
        ours.discard(old)
        if name in truth.refused and name != old:
            continue
        if mine and name not in words:
            ours.add(name)
        elif not mine:
            ours.discard(name)
        words[name] = merging[old]
    persons = words.keys() - ours
    withheld = {name: word for name, word in truth.withheld.items() if name not in persons}
    return replace(truth, words=words, ours=frozenset(ours), withheld=withheld)


def went(before: Truth, after: Truth, context: Context) -> frozenset[str]:
    """The keys of words that a merge took out of the truth."""
    return frozenset(context.merging.keys() & before.words.keys() - after.words.keys())


def came(before: Truth, after: Truth, context: Context) -> frozenset[str]:
    """The keys of words that stand only because others became them."""
    names = {key(word) for old, word in context.merging.items() if old in before.words}
    return frozenset(names & after.words.keys() - before.words.keys())


def respelled(
    layout: Layout,
    lists: Lists,
    words: Mapping[str, Word],
    skip: Skip,
    change: tuple[dict[str, Values], dict[str, Values]],
    names: tuple[frozenset[str], frozenset[str]],
) -> tuple[dict[str, Values], dict[str, Values]]:
    """What a place is to add and remove, with other spellings of these words (by key) made the truth's.

    `names` are all, and those that came back to what they were: of these others beside the truth's stay.
    """
    add, remove = (dict(part) for part in change)
    wanted = {name: words[name] for name in names[0] if name in words and not tags.names_person(name)}
    if not wanted:
        return add, remove
    for name in (*layout.paths, *layout.leaves):
        if name != tags.PERSONS:
            values = lists.get(name, ())
            there = {each for each in names[1] & wanted.keys() if _fit(layout, name, wanted[each]) in values}
            meant = {each: word for each, word in wanted.items() if each not in there}
            _respell(layout, name, values, meant, skip, add, remove)
    return add, remove


def _fit(layout: Layout, name: str, word: Word) -> str:
    """How a field spells a word."""
    return layout.paths[name].write(word) if name in layout.paths else word[-1]


def _respell(  # noqa: PLR0917 - what one field is worked out from, and the two lists it goes to
    layout: Layout,
    name: str,
    values: Values,
    wanted: Mapping[str, Word],
    skip: Skip,
    add: dict[str, Values],
    remove: dict[str, Values],
) -> None:
    spelling = layout.paths.get(name)
    meant = {fold(word[-1]): word for word in wanted.values()}
    right: dict[str, str] = {}
    for value in values:
        word = spelling.read(value) if spelling is not None else (value,)
        to = wanted.get(key(word)) if spelling is not None else meant.get(fold(value))
        if to is None or skip(word):
            continue
        fit = _fit(layout, name, to)
        if value != fit:
            right[value] = fit
    if right:
        remove[name] = tuple(dict.fromkeys((*remove.get(name, ()), *right)))
        fresh = [fit for fit in right.values() if fit not in values]
        if fresh:
            add[name] = tuple(dict.fromkeys((*add.get(name, ()), *fresh)))
