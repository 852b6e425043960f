"""What the ledger knows of a photo, unpacked only where somebody asks for it, and the seal of what needs nothing.

A seal is a digest of everything that a decision rests on, kept beside the memory of a place. It is set
where a decision came out with nothing to do; while it fits and the places still hold what is remembered,
the decision would come out the same, and nothing is unpacked to find that out.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b

from metadata import people, tags
from metadata.aliases import applied
from metadata.choose import Evidence, Rules, choose
from metadata.memory import Memory, Truth
from metadata.people import Wish
from metadata.sinks import Seen
from watcher import __version__, siblings
from watcher.ledger import assets, embedded, evidence, merges, words
from watcher.ledger.merges import NONE, Merges
from watcher.ledger.work import Job

PLAIN = 2
"""The format of marshal that writes equal values equally: newer ones mark what is referred to elsewhere."""


class Page:
    """All that the ledger knows of one photo and the merge needs, as it stood when it was read."""

    def __init__(  # noqa: PLR0913, PLR0917 - as many as there are chapters
        self,
        job: Job,
        truth: words.TruthRows,
        memories: Mapping[str, words.MemoryRow],
        said: Sequence[evidence.Row],
        inside: embedded.Row | None = None,
        barred: tuple[bytes, str] | None = None,
        merges: Merges = NONE,
        owner: str = "",
    ) -> None:
        """The rows as the ledger gave them; `barred` says for which content the photo is only read, and why.

        `owner` is the user of a server whose photo it is.
        """
        self.barred, self.merges, self.owner = barred, merges, owner
        self.job, self._inside = job, inside
        self._truth, self._memories, self._said = truth, memories, said

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever agreed on, remembered or approved."""
        return not (self._memories or any(self._truth) or self.barred or self.merges.respelled)

    @property
    def said(self) -> Sequence[evidence.Row]:
        """What `evidence` is made of."""
        return self._said

    @cached_property
    def truth(self) -> Truth:
        """What all agreed on."""
        return words.truth(self._truth)

    @property
    def remembers(self) -> bool:
        """Whether some place was read before."""
        return bool(self._memories)

    @cached_property
    def memories(self) -> Mapping[str, Memory]:
        """What stood in each place."""
        return {place: words.memory(row) for place, row in self._memories.items()}

    @cached_property
    def inside(self) -> Seen | None:
        """What stood inside the photo when it was last looked at, or None where that is not known."""
        return embedded.unpack(self._inside) if self._inside is not None else None

    @property
    def holds(self) -> bytes | None:
        """The digest of `inside`, or None where that is not known."""
        return self._inside[0] if self._inside is not None else None

    @cached_property
    def evidence(self) -> Sequence[Evidence]:
        """What was said of the picture, then what of the file."""
        return [evidence.unpack(*row) for row in self._said]

    def seal(self, stamp: str) -> bytes:
        """The digest of all this, for the rules of `stamp` and this version of the program."""
        memories = [(place, row[0], row[1], row[2]) for place, row in self._memories.items()]
        job = (self.job.digest, *self.job.frame, self.owner, self.barred)
        rows = (__version__, stamp, job, self._truth, memories, [*self._said])
        return blake2b(marshal.dumps(rows, PLAIN), digest_size=8).digest()

    def rests(self, stamp: str, places: Mapping[str, bytes]) -> bool:
        """Whether nothing is to be done while `places` hold these contents (digests by place)."""
        if not places or places.keys() != self._memories.keys() or self.merges.respelled:
            return False
        seals = set()
        for place, row in self._memories.items():
            if places[place] != row[0]:
                return False
            seals.add(row[3])
        return seals == {self.seal(stamp)}


def of(db: sqlite3.Connection, jobs: Sequence[Job]) -> list[Page]:
    """What the ledger knows of these photos."""
    ids = [job.photo.id for job in jobs]
    truths = words.truth_rows(db, ids)
    memories = words.memory_rows(db, ids)
    own = {photo: evidence.own_key(photo) for photo in ids}
    keys = [*own.values(), *(job.digest for job in jobs if job.digest is not None)]
    halves = {photo: [digest for _, digest in found] for photo, found in siblings.of(db, ids).items()}
    keys += [digest for found in halves.values() for digest in found]
    said = evidence.rows(db, list(dict.fromkeys(keys)) if halves else keys)
    inside, barred = embedded.rows(db, ids), embedded.barred(db, ids)
    approved, owners = merges.of(db, ids), assets.owners_of(db, ids)
    made: list[Page] = []
    for photo, job in zip(ids, jobs, strict=True):
        spoken = said[job.digest] if job.digest else []
        for digest in halves.get(photo, ()):
            if digest != job.digest:
                spoken = spoken + said[digest]
        more = inside.get(photo), barred.get(photo), approved.get(photo, NONE), owners.get(photo, "")
        made.append(Page(job, truths[photo], memories[photo], spoken + said[own[photo]], *more))
    return made


def seal(db: sqlite3.Connection, photo: int, mark: bytes) -> None:
    """Keep the seal of a photo whose places need nothing."""
    db.execute("UPDATE memory SET seal = ? WHERE photo = ?", (mark, photo))


def changes(page: Page, rules: Rules, wish: Wish = "none") -> bool:
    """Whether these rules choose other words or people for a photo than stand there as ours."""
    truth = page.truth
    away = truth.refused.keys() | truth.withheld.keys() | (truth.words.keys() - truth.ours)
    away = {rules.filed.get(name, name) for name in away} if rules.filed else away
    if rules.aliases or rules.leaves:  # a refusal holds for what the word is called now
        away |= {tags.key(applied(tags.parse(name), rules.aliases, rules.leaves)) for name in away}
    chosen = choose(page.evidence, rules).keys() | people.chosen(page.evidence, rules, wish).keys()
    return chosen - away != truth.ours or _other_regions(page, rules, wish)


def _other_regions(page: Page, rules: Rules, wish: Wish) -> bool:
    """Whether face regions of ours stand there that are not wished for, or none where some are."""
    texts = frozenset().union(*(memory.texts_ours for memory in page.memories.values()))
    have = any(map(people.is_region, texts))
    if wish != "regions":
        return have
    return bool(people.regions(page.evidence, rules, page.job.frame)) and not have
