"""`tagwright xmp show`: what stands in the sidecars of photos, field by field, and whose each value is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from metadata.errors import TagwrightError, UserError
from metadata.fields import SIDECAR, Skip
from metadata.memory import Memory, Truth
from metadata.photo import Photo
from metadata.sinks import Claim, Seen
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import ancestors, fold, key, parse
from watcher import mounts
from watcher.ledger import files, words
from watcher.settings import Settings

Row = dict[str, Any]

OURS, PERSON, PROGRAM, NEWS = "ours", "a person's", "a program's", "not taken over yet"


def below(db: sqlite3.Connection, settings: Settings, paths: Sequence[str]) -> list[int]:
    """Numbers of the known photos at or below these paths, of all where none is named.

    Raises UserError for a path where there are none.
    """
    if not paths:
        return [row[0] for row in db.execute("SELECT id FROM photos WHERE gone IS NULL ORDER BY id")]
    found: list[int] = []
    for path in paths:
        here = [number for root in settings.roots for number in _in_root(db, root.name, root.path, path)]
        if not here:
            raise UserError(f"no known photo at {path}; `tagwright scan {path}` looks for some")
        found += here
    return list(dict.fromkeys(found))


def _in_root(db: sqlite3.Connection, name: str, base: os.PathLike[str], path: str) -> list[int]:
    real, top = os.path.abspath(path), os.path.abspath(base)
    if not mounts.is_below(os.fsencode(real), os.fsencode(top)):
        return []
    return files.below(db, name, os.fsencode(os.path.relpath(real, top)) if real != top else b"")


def sidecars(db: sqlite3.Connection, settings: Settings, ledger: str, paths: Sequence[str]) -> list[Row]:
    """A row for each sidecar of these photos; one without a place for a photo that has none."""
    from watcher.furnishing import sinks_of  # noqa: PLC0415 - only here

    sink = sinks_of(settings)["sidecar"]
    assert isinstance(sink, SidecarSink)
    numbers = below(db, settings, paths)
    rows: list[Row] = []
    for start in range(0, len(numbers), 200):
        some = numbers[start : start + 200]
        photos, truths, memories = files.photos_of(db, some), words.truths(db, some), words.memories(db, some)
        for number in some:
            memory = memories[number].get("sidecar", Memory())
            rows += _of_photo(sink, photos[number], truths[number], memory, ledger)
    return rows


def _of_photo(sink: SidecarSink, photo: Photo, truth: Truth, memory: Memory, ledger: str) -> Iterator[Row]:
    file = os.fsdecode(photo.file)
    try:
        found = sink.files(photo)
    except TagwrightError as error:
        yield {"file": file, "where": None, "error": str(error)}
        return
    if not found:
        yield {"file": file, "where": None, "fields": {}, "claim": None}
    for seen in found:
        yield {
            "file": file,
            "where": os.fsdecode(seen.where),
            "fields": {**_lists(seen, truth), **_texts(seen, memory)},
            "claim": _claim(seen.claimed, ledger, truth),
        }


def _lists(seen: Seen, truth: Truth) -> dict[str, list[Row]]:
    skip = Skip(people=seen.people)
    rows: dict[str, list[Row]] = {}
    for name, values in seen.lists.items():
        spelling = SIDECAR.paths.get(name)
        rows[name] = [
            {
                "value": value,
                "whose": _path(spelling.read(value), truth, skip) if spelling else _leaf(value, truth),
            }
            for value in values
        ]
    return rows


def _path(word: tuple[str, ...], truth: Truth, skip: Skip) -> str:
    name = key(word)
    if word and skip(word):
        return PROGRAM
    if name in truth.words:
        return OURS if name in truth.ours else PERSON
    above = {key(part) for one in truth.ours for part in ancestors(truth.words[one])}
    return OURS if name in above else NEWS


def _leaf(value: str, truth: Truth) -> str:
    """A leaf is ours where only words of ours end in it or lead to it."""
    name = fold(value)
    whose = {mine in truth.ours for mine, word in truth.words.items() if name == fold(word[-1])}
    if not whose:
        whose = {mine in truth.ours for mine, word in truth.words.items() if name in map(fold, word)}
    return PERSON if False in whose else OURS if whose else NEWS


def _texts(seen: Seen, memory: Memory) -> dict[str, list[Row]]:
    return {
        name: [{"value": value, "whose": OURS if memory.texts_ours.get(name) == value else PERSON}]
        for name, value in seen.texts.items()
    }


def _claim(claim: Claim | None, ledger: str, truth: Truth) -> Row | None:
    if claim is None:
        return None
    taken = claim.ledger == ledger or {key(parse(word)) for word in claim.words} <= truth.ours
    note = "" if taken else " (another ledger; `tagwright adopt` takes its words over)"
    return {"ledger": claim.ledger, "run": claim.run, "words": len(claim.words), "note": note}
