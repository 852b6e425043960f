"""Every keyword of the library: on which photos it stands, who wrote it, and which places show it.

Keywords are counted by their parts: `animals/dog` counts for `dog` as well as for `animals`. Words by which
programs speak of themselves are left out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from metadata import fields, tags
from metadata.fields import Skip
from metadata.tags import Word
from watcher.ledger import owners, words
from watcher.ledger.files import marks
from watcher.rooms import LAYOUTS

SLICE = 500
PEOPLE = "people"
"""The first part, folded, of paths below which programs keep the names of people."""

Tell = Callable[[int, int], None]
"""Told how many photos are read, and of how many."""


@dataclass(slots=True)
class Use:
    """How one part, as it is spelled, is used; photos by their numbers.

    `photos` are those that agree on it, `shown` those where only some place shows it spelled so; `persons` and
    `ours` say who wrote it, `places` counts where it stands, `words` are the keywords that it is the last part of.
    """

    photos: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    persons: int = 0
    ours: int = 0
    places: dict[str, int] = field(default_factory=dict)
    words: set[Word] = field(default_factory=set)


@dataclass(slots=True)
class Census:
    """The library's keywords by part, the parts on each photo, and parts that name people."""

    photos: int = 0
    uses: dict[str, Use] = field(default_factory=dict)
    together: list[list[str]] = field(default_factory=list)
    people: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """Each part with the number of its photos."""
        return {text: len(use.photos) + len(use.shown) for text, use in self.uses.items()}


def take(db: sqlite3.Connection, tell: Tell = lambda *_: None, owner: str = owners.EVERYBODY) -> Census:
    """Read what the ledger remembers of all photos that are there, or of one owner's, in one look."""
    made = Census()
    ids = [row[0] for row in db.execute("SELECT id FROM photos WHERE gone IS NULL ORDER BY id")]
    whose = owners.mine(db, owner, ids)
    ids = [number for number in ids if number in whose]
    made.photos = len(ids)
    names = {row[0]: tags.parse(row[1]) for row in db.execute("SELECT id, text FROM words")}
    names = {number: word for number, word in names.items() if counted(word)}
    for start in range(0, len(ids), SLICE):
        _slice(db, ids[start : start + SLICE], names, made)
        tell(min(start + SLICE, len(ids)), len(ids))
    return made


def counted(word: Word) -> bool:
    """Whether a word is a keyword, and no program's own."""
    return bool(word) and word[0] != tags.PERSON and not Skip()(word)


def _slice(db: sqlite3.Connection, ids: Sequence[int], names: dict[int, Word], made: Census) -> None:
    standing: dict[int, dict[Word, bool]] = {number: {} for number in ids}
    query = f"SELECT photo, word, ours FROM standing WHERE photo IN ({marks(ids)})"  # noqa: S608 - question marks
    for photo, word, ours in db.execute(query, ids):
        if word in names:
            standing[photo][names[word]] = bool(ours)
    memories = words.memories(db, ids)
    for photo in ids:
        here = standing[photo]
        for word, ours in here.items():
            _stands(made, photo, word, ours=ours)
        for place, memory in memories[photo].items():
            found = fields.stand(LAYOUTS[place], memory.lists, Skip(people=memory.people)).words
            _shown(made, photo, place, [word for word in found.values() if counted(word)], here)
        if here:
            made.together.append(sorted({part for word in here for part in word}))


def _stands(made: Census, photo: int, word: Word, *, ours: bool) -> None:
    for part in word:
        use = made.uses.setdefault(part, Use())
        if not use.photos or use.photos[-1] != photo:
            use.photos.append(photo)
            use.persons += not ours
            use.ours += ours
    made.uses[word[-1]].words.add(word)
    if len(word) > 1 and tags.fold(word[0]) == PEOPLE:
        made.people.update(word)


def _shown(made: Census, photo: int, place: str, found: Sequence[Word], here: dict[Word, bool]) -> None:
    for part in dict.fromkeys(part for word in found for part in word):
        use = made.uses.setdefault(part, Use())
        use.places[place] = use.places.get(place, 0) + 1
        agreed = use.photos and use.photos[-1] == photo
        if not agreed and (not use.shown or use.shown[-1] != photo):
            use.shown.append(photo)
    for word in found:
        if word not in here:
            made.uses[word[-1]].words.add(word)


def standing_now(db: sqlite3.Connection, parts: Sequence[str], owner: str = owners.EVERYBODY) -> dict[str, int]:
    """On how many photos that are there, of all or of one owner, each of these parts is agreed on now."""
    return {part: len(owners.mine(db, owner, list(dict.fromkeys(_photos(db, part))))) for part in parts}


def _photos(db: sqlite3.Connection, part: str) -> Iterator[int]:
    numbers = [number for number, word in words_with(db, part) if counted(word)]
    query = (
        "SELECT standing.photo FROM standing JOIN photos ON photos.id = standing.photo "
        "WHERE standing.word = ? AND photos.gone IS NULL"
    )
    for number in numbers:
        yield from (row[0] for row in db.execute(query, (number,)))


def words_with(db: sqlite3.Connection, part: str) -> list[tuple[int, Word]]:
    """The ledger's words with this part, spelled so."""
    found = db.execute("SELECT id, text FROM words WHERE instr(text, ?) > 0", (part,)).fetchall()
    parsed = [(int(number), tags.parse(text)) for number, text in found]
    return [(number, word) for number, word in parsed if part in word]
