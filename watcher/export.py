"""`tagwright export`: what the ledger knows of photos, as CSV or JSON, for programs and spreadsheets.

Where a photo was taken (coordinates) and who is in it are left out unless asked for: a file that is handed
on is hard to get back. Files are readable by their owner only.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from metadata import tags
from metadata.errors import UserError
from metadata.memory import Memory, Truth
from watcher.ledger import answers, categories, files, words

Row = dict[str, Any]

FACTS = tuple(name.strip() for name in files.COLUMNS.split(","))
GPS = ("latitude", "longitude")
PEOPLE = "people"
"""The root of names by which programs tag persons."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is told besides keywords, captions and facts."""

    gps: bool = False
    people: bool = False


def rows(db: sqlite3.Connection, photos: Sequence[int], wishes: Wishes) -> Iterator[Row]:
    """A photo each: its file, root, caption, facts, keywords with whose they are, and people if wished."""
    for start in range(0, len(photos), 200):
        yield from _some(db, photos[start : start + 200], wishes)


def _some(db: sqlite3.Connection, some: Sequence[int], wishes: Wishes) -> Iterator[Row]:
    found, truths, memories = files.photos_of(db, some), words.truths(db, some), words.memories(db, some)
    facts, standing = answers.facts_of(db, some, _told(wishes)), answers.standing_of(db, some)
    persons = categories.persons(db)
    for number in some:
        names = frozenset().union(*(memory.people for memory in memories[number].values()))
        hidden = persons | {tags.fold(name) for name in names}
        keywords = [each for each in standing[number] if wishes.people or not _person(each["word"], hidden)]
        yield {
            "file": os.fsdecode(found[number].file),
            "root": found[number].root,
            **_caption(truths[number], memories[number]),
            "facts": facts[number],
            "keywords": [{**each, "word": tags.show(each["word"])} for each in keywords],
            **({"people": sorted(names)} if wishes.people else {}),
        }


def _told(wishes: Wishes) -> list[str]:
    return [name for name in FACTS if wishes.gps or name not in GPS]


def _person(word: tags.Word, hidden: frozenset[str]) -> bool:
    """Whether a keyword says who is in the picture."""
    return word[0] == tags.PERSON or tags.fold(word[0]) == PEOPLE or tags.fold(word[-1]) in hidden


def _caption(truth: Truth, memories: Mapping[str, Memory]) -> Row:
    owner = ("tagwright" if truth.caption_ours else "person") if truth.caption else None
    if truth.caption:
        return {"caption": truth.caption, "caption_owner": owner}
    here = next((text for memory in memories.values() if (text := memory.texts.get("dc:description"))), "")
    return {"caption": here, "caption_owner": "person" if here else None}


# Out


def write(found: Iterator[Row], form: Literal["csv", "json"], wishes: Wishes, out: TextIO) -> int:
    """Write the photos out; how many they are."""
    return _json(found, out) if form == "json" else _csv(found, wishes, out)


def _json(found: Iterator[Row], out: TextIO) -> int:
    count = 0
    out.write("[")
    for count, row in enumerate(found, 1):
        out.write(("," if count > 1 else "") + "\n" + json.dumps(row))
    out.write("\n]\n")
    return count


def _csv(found: Iterator[Row], wishes: Wishes, out: TextIO) -> int:
    """A line for each keyword of a photo, and one for a photo without any."""
    told = _told(wishes)
    head = ["file", "root", "keyword", "owner", "source", "score", "caption", "caption_owner", *told]
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(head + (["people"] if wishes.people else []))
    count = 0
    nothing = {"word": None, "owner": None, "source": None, "score": None}
    for count, row in enumerate(found, 1):  # noqa: B007 - the last one is how many there were
        last = [row["caption"], row["caption_owner"], *row["facts"].values()]
        last += ["; ".join(row["people"])] if wishes.people else []
        for word in row["keywords"] or [nothing]:
            lines.writerow([row["file"], row["root"], *word.values(), *last])
    return count


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A file that its owner alone may read, and that stands there when it is whole. Raises UserError."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            yield out
        part.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
