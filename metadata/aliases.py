"""Aliases: a word that stands for another, as a whole path or as the last part of any path. Pure.

Upper and lower case make no difference in what an alias matches; what it leads to is spelled as it was typed.
"""

from __future__ import annotations

from collections.abc import Mapping

from metadata.errors import UserError
from metadata.tags import SEPARATOR, Word, key, show


def resolved(aliases: Mapping[str, Word]) -> dict[str, Word]:
    """Each alias (by its key) with the word that it leads to in the end. Raises UserError for a circle.

    A word that leads to itself is only spelled another way, and ends there.
    """
    return {name: _end(aliases, name) for name in aliases}


def _end(aliases: Mapping[str, Word], name: str) -> Word:
    seen, word = [name], aliases[name]
    while key(word) in aliases and key(word) != seen[-1]:
        if key(word) in seen:
            names = " -> ".join(one.replace(SEPARATOR, "/") for one in [*seen, key(word)])
            raise UserError(f"aliases lead in a circle: {names}")
        seen.append(key(word))
        word = aliases[key(word)]
    return word


def added(aliases: Mapping[str, Word], word: Word, to: Word) -> dict[str, Word]:
    """The aliases with one more. Raises UserError where it says nothing, or would close a circle."""
    if word == to:
        raise UserError(f"{show(word)} stands for itself already")
    more = {**aliases, key(word): to}
    _end(more, key(word))
    return more


def applied(word: Word, paths: Mapping[str, Word], leaves: Mapping[str, Word]) -> Word:
    """The word in use for `word`, by aliases of whole paths and of last parts that lead to their end already.

    A last part is exchanged where it stands, and no level is lost: with `couch -> sofa`, `furniture/couch` becomes
    `furniture/sofa`; with `dogs -> animals/dog`, `pets/dogs` becomes `pets/dog`.
    """
    if not paths and not leaves:
        return word
    name = key(word)
    if name in paths:
        return paths[name]
    to = leaves.get(key(word[-1:])) if leaves else None
    if to is None:
        return word
    return onto(word, to)


def onto(word: Word, to: Word) -> Word:
    """A word whose last part becomes `to`: never a path with fewer levels."""
    return word[:-1] + to[-1:] if len(word) > 1 else to


def kept(word: Word, to: Word) -> Word:
    """What `word` becomes when its leaf is merged into `to`, as a person approved: never a path with fewer levels.

    `animals/dogs` merged into `dog` is `animals/dog`; `dogs` merged into `animals/dog` is `animals/dog`.
    """
    return onto(word, to) if len(word) > len(to) else to


def keys(name: str, leaves: Mapping[str, Word]) -> str:
    """The key of what a word of this key becomes by an alias of its last part; its own where there is none."""
    above, cut, leaf = name.rpartition(SEPARATOR)
    to = leaves.get(leaf)
    return name if to is None else key(to) if not cut else above + cut + key(to[-1:])
