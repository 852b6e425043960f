"""After a change of `sidecar_style`: our words move to the sidecar that is named the new way, as a run of its own.

They leave the old file, which goes where nothing of anybody else's is left in it. The new one is written first,
so that the words stand somewhere at any moment; a process that dies between the two moves on at the next start.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from metadata import fields, merge, which
from metadata.errors import Refused, TagwrightError
from metadata.fields import SIDECAR, Skip
from metadata.memory import Memory, Truth
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.sidecar import SidecarSink
from metadata.tags import Word, text
from watcher import booking
from watcher.app import App
from watcher.ledger import files, words, writes
from watcher.settings import Root

log = logging.getLogger(__name__)

SLICE = 50
FIRST = "immich"
"""What a ledger that says nothing was written with."""


class Restyling:
    """The move of every root whose style is not the one its sidecars were written with, in slices."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._roots = [root for root in app.settings.roots if root.sidecar_style != self._written_with(root)]
        self._after, self._run, self._moved, self._left = 0, 0, 0, 0

    def _written_with(self, root: Root) -> str:
        return self._app.ledger.get(f"style {root.name}") or FIRST

    def step(self) -> bool:
        """Move some photos; whether there are more."""
        sink = self._app.worker.house.sinks.get("sidecar")
        if not self._roots or not isinstance(sink, SidecarSink):
            return False
        root = self._roots[0]
        photos = [] if self._waits(root) else self._next(root)
        for photo in photos:
            self._move(sink, photo)
        if not photos:
            self._end(root)
        return bool(self._roots)

    def _next(self, root: Root) -> list[Photo]:
        rows = self._app.ledger.db.execute(
            "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder "
            "JOIN roots ON roots.name = folders.root JOIN memory ON memory.photo = photos.id "
            "WHERE folders.root = ? AND memory.place = 'sidecar' AND photos.gone IS NULL AND roots.waits = '' "
            "AND photos.id > ? ORDER BY photos.id LIMIT ?",
            (root.name, self._after, SLICE),
        )
        found = files.photos_of(self._app.ledger.db, [row[0] for row in rows])
        self._after = max(found, default=self._after)
        return list(found.values())

    def _end(self, root: Root) -> None:
        self._roots.pop(0)
        if self._moved or self._left:
            log.info("%s: our words moved on %d photos, %d were left", root.name, self._moved, self._left)
        if not self._left and not self._waits(root):
            self._app.ledger.put(f"style {root.name}", root.sidecar_style)
        if self._run:
            self._app.begin_today()
        self._after, self._run, self._moved, self._left = 0, 0, 0, 0

    def _waits(self, root: Root) -> bool:
        """Whether the root is not there, or stopped: it is moved at a later start."""
        db = self._app.ledger.db
        gone = db.execute("SELECT 1 FROM roots WHERE name = ? AND waits != ''", (root.name,)).fetchone()
        return bool(gone) or any(name == root.name for name, _ in self._app.worker.house.stopped)

    def _move(self, sink: SidecarSink, photo: Photo) -> None:
        if not which.is_raw(photo) or self._app.intake.closed(photo.file):
            return
        try:
            target = sink.place(photo)
            old = [seen for seen in sink.files(photo) if seen.where != target and _stands(self._app, photo, seen)]
            for seen in old:
                self._run = self._run or self._app.begin(f"sidecar_style {self._roots[0].sidecar_style}")
                _one(self._app, sink, photo, seen, target)
            self._moved += bool(old)
        except Refused as error:
            log.info("left where it is: %s", error)
        except TagwrightError as error:
            self._left += 1
            log.warning("left for the next start: %s", error)


def _known(app: App, photo: Photo) -> tuple[Truth, Memory]:
    memory = words.memories(app.ledger.db, [photo.id])[photo.id].get("sidecar", Memory())
    return words.truths(app.ledger.db, [photo.id])[photo.id], memory


def _stands(app: App, photo: Photo, seen: Seen) -> bool:
    """Whether something of ours stands in this file."""
    truth, memory = _known(app, photo)
    here = fields.stand(SIDECAR, seen.lists, Skip(people=seen.people)).words
    return bool(truth.ours & here.keys() or any(seen.texts.get(n) == v for n, v in memory.texts_ours.items()))


def _one(app: App, sink: SidecarSink, photo: Photo, old: Seen, target: bytes) -> None:
    """Write the new file, take ours from the old one, and remember the place as it stands then."""
    truth, memory = _known(app, photo)
    ours = {name: truth.words[name] for name in truth.ours}
    texts = {name: value for name, value in memory.texts_ours.items() if old.texts.get(name) == value}
    standing = next((seen for seen in sink.files(photo) if seen.where == target), None)
    come = _coming(app, ours, texts, standing)
    go = _going(truth, ours, texts, old)
    for where, change in ((target, come), (old.where, go)):
        draft = sink.draft_at(photo, where, change)
        _put(app, sink, sink.without_shell(draft))
    _remember(app, sink, photo, truth, memory)


def _coming(app: App, ours: Mapping[str, Word], texts: Mapping[str, str], there: Seen | None) -> Change:
    skip = Skip(people=there.people if there else frozenset())
    add, _ = fields.render(SIDECAR, there.lists if there else {}, ours, {}, skip, fill=True)
    said = {name: value for name, value in texts.items() if not (there and there.texts.get(name))}
    claim = Claim(
        app.ledger.id, app.worker.run_number, tuple(sorted(map(text, ours.values()))), tuple(sorted(texts))
    )
    return Change(add, {}, said, claim)


def _going(truth: Truth, ours: Mapping[str, Word], texts: Mapping[str, str], old: Seen) -> Change:
    persons = {name: word for name, word in truth.words.items() if name not in ours}
    _, remove = fields.render(SIDECAR, old.lists, persons, ours, Skip(people=old.people), fill=False)
    return Change({}, remove, dict.fromkeys(texts), Claim("", 0, ()))


def _put(app: App, sink: SidecarSink, draft: Draft) -> None:
    """One booked write that brings and drops no word: undo of the run gives both files back, and no more."""
    if draft.before == draft.after:
        return
    run, nothing = app.worker.run_number, dict[str, Word]()
    write = writes.Write(
        *(0, run, draft.photo.id, "sidecar", draft.where, draft.before, draft.after, draft.inverse),
        *(nothing, nothing, (), False, "intent"),
    )
    with app.ledger.transaction() as db:
        number = writes.intend(db, writes.row(write), app.now())
    answer = sink.write([draft])[0]
    with app.ledger.transaction() as db:
        done = isinstance(answer, Seen)
        writes.settle(db, number, "done" if done else "void")
        if done:
            folder = db.execute("SELECT folder FROM photos WHERE id = ?", (draft.photo.id,)).fetchone()[0]
            booking.remember_file(db, folder, draft.where, draft.after)
    if isinstance(answer, TagwrightError):
        raise answer


def _remember(app: App, sink: SidecarSink, photo: Photo, truth: Truth, memory: Memory) -> None:
    seen = sink.read([photo])[0]
    if not isinstance(seen, Seen):
        raise seen
    fresh = merge.confirmed(memory, SIDECAR, seen, truth, app.worker.context())
    with app.ledger.transaction() as db:
        words.save_memory(db, photo.id, "sidecar", fresh)
    log.info("our words moved to %s", os.fsdecode(seen.where))
