"""The words that pictures are compared with: ours (vocabulary.txt), a file of the same form, or a person's own.

A line is `path/word = synonym = synonym`; `#` begins a remark. The keyword is the whole path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from metadata.errors import UserError
from metadata.tags import Word, clean, typed

TEMPLATES = ("a photo of {}.", "{}")
"""What a word stands in when its vector is made; synonyms stand in the first."""
ANCHORS = ("a photo.", "a picture of something.", "an image.", "a blurry photo.", "things.")
"""Texts that say nothing: how near a picture is to these says how much its nearness to a word is worth."""
SYNONYMS = 2
"""Synonyms a word that are asked for; each costs a call where Immich answers."""


@dataclass(frozen=True)
class Vocabulary:
    """`words[i]` is said where a picture is near to `names[i]`: the word itself and what else it is called."""

    words: tuple[Word, ...]
    names: tuple[tuple[str, ...], ...]

    @cached_property
    def texts(self) -> list[list[str]]:
        """The texts whose vectors together stand for each word."""
        return [
            [*(each.format(own[0]) for each in TEMPLATES), *(TEMPLATES[0].format(each) for each in own[1:])]
            for own in self.names
        ]

    @cached_property
    def stamp(self) -> str:
        """A digest of all that matters."""
        return hashlib.sha256(repr((self.words, self.texts, ANCHORS)).encode()).hexdigest()[:8]


def chosen(file: str = "", words: Iterable[str] = ()) -> Vocabulary:
    """Words of a person's own, else those of a file, else ours. Raises UserError where there is none."""
    own = list(words)
    if own:
        return parsed(own, "the setting `words`")
    if not file:
        return parsed(resources.files("models").joinpath("vocabulary.txt").read_text("utf-8").splitlines(), "ours")
    try:
        return parsed(Path(file).read_text("utf-8").splitlines(), file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the vocabulary {file} cannot be read: {error}") from error


def parsed(lines: Sequence[str], where: str) -> Vocabulary:
    """The vocabulary of such lines; a word that stands there twice counts once."""
    found: dict[Word, tuple[str, ...]] = {}
    for line in lines:
        text = line.partition("#")[0]
        path, *others = (part.strip() for part in text.split("="))
        word = clean(typed(path)) if path else None
        if word is not None:
            found.setdefault(word, (word[-1], *others[:SYNONYMS]))
    if not found:
        raise UserError(f"the vocabulary {where} holds no word")
    return Vocabulary(tuple(found), tuple(found.values()))
