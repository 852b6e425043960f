"""Rooms one to three are done with a batch: the ledger keeps what was found out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from metadata import tags
from metadata.choose import Evidence, Rules, named
from metadata.people import Person
from models.look import Evidence as Spoken
from models.look import Looked
from watcher import siblings
from watcher.ledger import embedded, kin, vectors, words, work
from watcher.ledger import evidence as said
from watcher.ledger.work import Job


def keep(
    db: sqlite3.Connection, looks: Sequence[tuple[Job, Looked]], rules: Callable[[int], Rules], now: float
) -> None:
    """Room one and two are done: remember digests, facts and what was said; the attempts are over.

    Words that were undone are let go when something new names them, as the `rules` of a photo name it. Each look
    has a digest, facts and a stat.
    """
    together = [pair for pair in looks if not _of_burst(pair[1])]
    alone = [[pair] for pair in looks if _of_burst(pair[1])]  # what is said of the first holds for the next
    news = [photo for some in (together, *alone) for photo in _keep(db, some, rules, now)]
    siblings.wake(db, news, now)


def _of_burst(looked: Looked) -> bool:
    assert looked.facts is not None
    return bool(looked.facts.burst)


def _keep(
    db: sqlite3.Connection, looks: Sequence[tuple[Job, Looked]], rules: Callable[[int], Rules], now: float
) -> list[int]:
    """The photos of which there is news for the other files of the same picture."""
    spoken: list[tuple[bytes, list[Evidence]]] = []
    made: list[tuple[bytes, str, bytes]] = []
    for job, looked in looks:
        assert looked.digest is not None
        assert looked.facts is not None
        assert looked.stat is not None
        made += [(looked.digest, one.version, one.vector) for one in looked.evidence if one.vector]
        shared = [_said(one) for one in looked.evidence if not (one.of_file or one.vector)]
        if looked.facts.burst or looked.facts.moment:
            kin.note(db, job.photo.id, looked.facts)
            shared = kin.agreed(db, job.photo.id, shared) if looked.facts.burst else shared
        work.looked(db, job.photo.id, looked.digest, looked.facts, looked.stat)
        spoken.append((looked.digest, shared))
        spoken.append((said.own_key(job.photo.id), [_said(one) for one in looked.evidence if one.of_file]))
    heard = said.keep_all(db, spoken, now)
    news = {job.photo.id: of | own for (job, _), of, own in zip(looks, heard[::2], heard[1::2], strict=True)}
    if made:
        vectors.keep(db, made)
    embedded.allow(db, list(news))
    embedded.keep(db, {job.photo.id: one.embedded for job, one in looks if one.embedded is not None})
    for job, _ in looks:
        if job.digest is not None:  # of a photo that is looked at for the first time nothing was undone
            own = rules(job.photo.id)
            fresh = [tags.key(word) for one in news[job.photo.id] if (word := named(one, own))]
            words.let_go(db, job.photo.id, fresh)
    return [job.photo.id for job, looked in looks if news[job.photo.id] or job.digest != looked.digest]


def keep_said(db: sqlite3.Connection, job: Job, looked: Looked, now: float) -> None:
    """Remember what a captioner said of a picture whose digest and facts are known."""
    assert job.digest is not None
    if said.keep(db, job.digest, [_said(one) for one in looked.evidence], now):
        siblings.wake(db, [job.photo.id], now)


def keep_people(
    db: sqlite3.Connection, photo: int, source: str, version: str, found: Sequence[Person], now: float
) -> None:
    """Remember who a source says is in a photo, instead of what it said before; the photo is then due.

    Nobody is a statement too: names of ours that this source said go again. Boxes are fractions of the
    upright picture. Hidden people are not to be given.
    """
    key = said.own_key(photo)
    news = Evidence(source, version, (), people=tuple(found))
    if any(said.pack(known) == said.pack(news) for known in said.of(db, [key])[key] if known.source == source):
        return
    said.keep(db, key, [news], now)
    work.again(db, [photo], now)


def _said(one: Spoken) -> Evidence:
    """The look's evidence in the form that choice reads."""
    texts = {"caption" if name == "dc:description" else name: text for name, text in one.texts}
    return Evidence(one.source, one.version, one.words, texts)
