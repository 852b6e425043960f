"""Which photos no other machine may see, by folder, people, keywords and albums; what is told of the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metadata import tags
from metadata.tags import Word
from models.protocols import UNKNOWN, Hints
from watcher import siblings
from watcher.ignore import Ignore
from watcher.ledger import assets, evidence, files, words
from watcher.ledger.files import marks
from watcher.ledger.work import Job

if TYPE_CHECKING:
    from watcher.model_settings import Private


@dataclass(frozen=True, slots=True)
class Rules:
    """What stays here: patterns of folders and files, names of people, keywords with all below them, albums."""

    folders: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()


def of(given: Private) -> Rules:
    """The rules of these settings."""
    return Rules(given.folders, given.people, given.keywords, given.albums)


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of photos: who and what is in them; `private` are the numbers of those that stay."""

    hints: dict[int, Hints] = field(default_factory=dict)
    private: frozenset[int] = frozenset()


def known(db: sqlite3.Connection, jobs: Sequence[Job], rules: Rules) -> Known:
    """Hints and privacy of these photos. One stays here if any copy of it, or any of its set or burst, has to."""
    copies = _copies(db, jobs)
    numbers = [*{number for each in copies.values() for number in each}]
    hints = _hints(db, numbers)
    paths = {number: photo.path for number, photo in files.photos_of(db, numbers).items()}
    ignore = Ignore(rules.folders) if rules.folders else None
    people = {tags.fold(name) for name in rules.people}
    barred = [tags.key(tags.typed(keyword)) for keyword in rules.keywords]
    shut = assets.barred(db, numbers, rules.albums) if rules.albums else set()

    def stays(number: int) -> bool:
        if number in shut:
            return True
        told = hints.get(number, UNKNOWN)
        if ignore is not None and ignore.skips_path(paths[number]):
            return True
        if any(tags.fold(name) in people for name in told.people):
            return True
        return any(_below(tags.key(word), barred) for word in told.keywords)

    private = frozenset(job.photo.id for job in jobs if any(map(stays, copies[job.photo.id])))
    return Known({job.photo.id: hints.get(job.photo.id, UNKNOWN) for job in jobs}, private)


def _below(name: str, barred: Iterable[str]) -> bool:
    return any(name == each or name.startswith(each + tags.SEPARATOR) for each in barred)


def _copies(db: sqlite3.Connection, jobs: Sequence[Job]) -> dict[int, list[int]]:
    """The numbers of all photos that show the same, by that of a job."""
    digests = [job.digest for job in jobs if job.digest is not None]
    found: dict[bytes, list[int]] = {}
    query = f"SELECT digest, id FROM photos WHERE gone IS NULL AND digest IN ({marks(digests)})"  # noqa: S608 - marks
    for digest, number in db.execute(query, digests):
        found.setdefault(digest, []).append(number)
    mates = siblings.mates(db, [job.photo.id for job in jobs])
    return {
        job.photo.id: [
            *found.get(job.digest or b"", [job.photo.id]),
            *(number for number, _ in mates.get(job.photo.id, ())),
        ]
        for job in jobs
    }


def _hints(db: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, Hints]:
    """Who is in each photo by what stands there and by what servers say; and the keywords that people gave it."""
    said = evidence.of(db, [evidence.own_key(number) for number in numbers])
    found: dict[int, Hints] = {}
    for number, truth in words.truths(db, numbers).items():
        people = [one.name for each in said[evidence.own_key(number)] for one in each.people]
        people += [word[-1] for word in truth.words.values() if word[0] == tags.PERSON]
        given: list[Word] = [
            word for name, word in truth.words.items() if word[0] != tags.PERSON and name not in truth.ours
        ]
        found[number] = Hints(tuple(dict.fromkeys(people)), tuple(given))
    return found
