"""How a command reaches the ledger: directly where nobody holds it, else handed to the service that does."""

from __future__ import annotations

import gc
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from metadata import tags
from metadata.errors import TagwrightError, TryAgain, UserError
from metadata.photo import Photo
from metadata.sinks import Seen
from watcher import allocator, commands, plan, rooms, texts
from watcher.app import App, opened
from watcher.chores import Chores
from watcher.ledger import answers, assets, embedded, evidence, files, requests, store, words, writes
from watcher.ledger.assets import Kept
from watcher.ledger.store import Busy
from watcher.settings import Root, Settings

PATIENCE = 600.0
"""Seconds that a command waits for the service's answer while nothing moves in the ledger."""
WORKS = frozenset(
    {
        "scan",
        "retry",
        "apply",
        "undo",
        "redo",
        "keep",
        "accept",
        "restore",
        "xmp write",
        "category rm",
        "category map",
        "category unmap",
        "adopt",
        "dedupe",
        "dedupe alias add",
        "dedupe alias rm",
        "dedupe alias import",
    }
)
"""Commands after which there is something to walk."""
OWN_RUN = frozenset({"undo", "dedupe"})
"""Those that begin their run themselves."""


Watch = Callable[[sqlite3.Connection], None]


def do(
    settings: Settings, name: str, values: Mapping[str, Any], watch: Watch | None = None
) -> tuple[dict[str, Any], bool]:
    """Do a command that changes something; its answer, and whether photos failed in it.

    `watch` is called again and again while it is done, to tell how far it is.

    Raises UserError when it cannot be done.
    """
    while True:
        try:
            with opened(settings, environment=os.environ) as app:
                return _here(app, name, values, watch)
        except Busy:
            answer = _handed(settings, name, values, watch)
            if answer is not None:
                return answer, False


def _here(
    app: App, name: str, values: Mapping[str, Any], watch: Watch | None = None
) -> tuple[dict[str, Any], bool]:
    from watcher.service import signals  # noqa: PLC0415 - the service needs this module's neighbours

    _only_what_is_named(app)
    gc.freeze()
    allocator.steady()
    app.alone, app.worker.patient = True, False
    if watch is not None:
        app.watch = lambda: watch(app.ledger.db)
    if name in WORKS and name not in OWN_RUN:
        app.begin(name)
    answer = commands.COMMANDS[name](app, **values)
    if name not in WORKS:
        return answer, False
    with signals(app):
        chores = Chores(app, service=False)

        def every() -> None:
            chores()
            app.watch()

        app.worker.run(until_idle=True, every=every, rest=chores.rest)
    with app.ledger.transaction() as db:
        writes.end(db, app.worker.run_number, app.now())
    counts = app.worker.counts
    answer |= {"looked_at": counts.looked, "written": counts.written, "set_aside": counts.failed}
    answer |= {f"held_{row['gate'].replace(' ', '_')}": row["photos"] for row in answers.held(app.ledger.db)}
    return answer, counts.failed > 0


def _only_what_is_named(app: App) -> None:
    """No walk is due but of what the command names."""
    for door in app.intake.doors.values():
        door.full_due = door.gated_due = float("inf")
        door.walks = 1


def synced(settings: Settings, out: TextIO) -> tuple[dict[str, Any], bool]:
    """Bring Immich's whole library to agreement, here or by the running service, telling how far it is."""
    from watcher import sync  # noqa: PLC0415 - only here

    while True:
        try:
            with opened(sync.seldom(settings), environment=os.environ) as app:
                answer = sync.here(app, out)
                return answer, app.worker.counts.failed > 0
        except Busy:
            handed = _handed(settings, "immich sync", {})
            if handed is not None:
                return handed | {"left": sync.watched(settings, out)}, False


def _handed(
    settings: Settings, name: str, values: Mapping[str, Any], watch: Watch | None = None
) -> dict[str, Any] | None:
    """Ask the service and wait for its answer, while anything moves; None when it ended without having heard."""
    db = sqlite3.connect(settings.state / store.NAME, isolation_level=None, timeout=10)
    try:
        number = requests.ask(db, name, values, time.time())
        until, state = time.monotonic() + PATIENCE, None
        while time.monotonic() < until:
            now = db.execute("PRAGMA data_version").fetchone()
            if now != state:
                until, state = time.monotonic() + PATIENCE, now
            if watch is not None:
                watch(db)
            answered = requests.answered(db, number)
            if answered is not None:
                return _answer(*answered)
            if not store.is_held(settings.state) and requests.withdraw(db, number):
                return None
            time.sleep(0.1)  # another process answers; there is nothing to wait on but the ledger
        requests.withdraw(db, number)
    finally:
        db.close()
    raise UserError(
        f"the service holds the ledger in {settings.state} and did not answer; is it stuck? `status` tells"
    )


def keep_texts(settings: Settings, model: str, made: texts.Made) -> None:
    """Keep vectors of texts in the ledger (`watcher.texts`), by the service where one holds it."""
    try:
        texts.book(settings.state, model, made)
    except Busy:
        file = texts.handed(settings.state, model, made)
        try:
            _handed(settings, "texts", {"file": str(file)})
        finally:
            file.unlink(missing_ok=True)


def _answer(state: str, answer: dict[str, Any]) -> dict[str, Any]:
    if state == "failed":
        raise UserError(answer["error"])
    return {**answer, "handed_to": "the running service"}


def planned(settings: Settings, paths: Sequence[str], *, look: bool) -> plan.Plan:
    """What would be written; with `look` photos are looked at first, and only that evidence is kept."""
    try:
        with opened(settings, environment=os.environ) as app:
            if look:
                _look(app, paths)
            return plan.plan(app, commands.chosen(app, paths))
    except Busy:
        if look:
            raise UserError(
                "the service is running and looks by itself; `tagwright plan` shows what it knows"
            ) from None
        return _planned_beside(settings, paths)


def _look(app: App, paths: Sequence[str]) -> None:
    """Look at what was not looked at yet, behind a gate that nothing passes."""
    _only_what_is_named(app)
    for path in paths:
        root, below = app.at(Path(path))
        app.intake.look(root.name, below if os.path.isdir(path) else os.path.dirname(below))
    for name in () if paths else app.intake.doors:
        app.intake.look(name)
    while app.intake.walks():
        pass
    app.worker.settle_all()
    app.worker.only_look(commands.chosen(app, paths))


def _planned_beside(settings: Settings, paths: Sequence[str]) -> plan.Plan:
    """Plan in a read transaction while the service works."""
    from watcher.app import reading  # noqa: PLC0415 - only here

    with reading(settings, os.environ) as app:
        app.ledger.db.execute("BEGIN")
        return plan.plan(app, commands.chosen(app, paths))


def about(db: sqlite3.Connection, settings: Settings, file: str) -> dict[str, Any]:
    """All about one photo, with what its places show now."""
    photo, root = _photo(db, settings, file)
    answer = answers.about(db, photo)
    answer["evidence"] = _evidence(db, photo, answer["digest"])
    kept = assets.of_photos(db, [photo.id]).get(photo.id)
    if kept is not None:
        answer["asset"] = {
            "id": kept.id,
            "owner": kept.owner,
            "path": kept.path,
            "state": kept.reason or kept.verdict,
        }
    answer["places"] = [_place(name, db, photo, settings) for name in _places(root, kept)]
    answer["only_read"] = embedded.barred(db, [photo.id]).get(photo.id, (b"", ""))[1]
    return answer


def _places(root: Root, kept: Kept | None) -> list[str]:
    """Where this photo's words stand, by the names of the sinks."""
    beside = [] if root.immich or "sidecar" not in root.places else ["sidecar"]
    return [*beside, *((rooms.EMBEDDED,) if root.embed else ()), *((rooms.MIRROR,) if kept is not None else ())]


def _photo(db: sqlite3.Connection, settings: Settings, file: str) -> tuple[Photo, Root]:
    path = os.fsencode(os.path.abspath(file))
    for root in settings.roots:
        kept = assets.named(db, file) if root.immich else None
        if kept is not None and kept.photo is not None:
            return files.photos_of(db, [kept.photo])[kept.photo], root
        base = os.fsencode(os.path.abspath(root.path))
        if path.startswith(base + b"/"):
            photo = files.find(db, root.name, base, path[len(base) + 1 :])
            if photo is not None:
                return photo, root
    raise UserError(f"{file} is no photo that the ledger knows; `tagwright scan {file}` looks at it")


def _evidence(db: sqlite3.Connection, photo: Photo, digest: str | None) -> list[dict[str, Any]]:
    keys = [evidence.own_key(photo.id), *([bytes.fromhex(digest)] if digest else [])]
    return [
        {
            "source": said.source,
            "version": said.version,
            "words": [[tags.show(word), score] for word, score in said.words],
            "unwritable": {tags.show(word): why for word, _ in said.words if (why := tags.unwritable(word))},
            "people": [one.name for one in said.people],
            "texts": dict(said.texts),
        }
        for some in evidence.of(db, keys).values()
        for said in some
    ]


def _read(name: str, photo: Photo, settings: Settings) -> Seen | TagwrightError:
    """What a place shows now."""
    from watcher.furnishing import sinks_of  # noqa: PLC0415 - only here

    if name != rooms.MIRROR:
        return sinks_of(settings)[name].read([photo])[0]
    if not settings.immich.url:
        return TryAgain(b"Immich", "no address is set")
    from watcher.link import linked  # noqa: PLC0415 - as above

    link = linked(settings, os.environ)
    try:
        return link.mirrored.sink.read([photo])[0]
    finally:
        link.close()


def _place(name: str, db: sqlite3.Connection, photo: Photo, settings: Settings) -> dict[str, Any]:
    memory = words.memories(db, [photo.id])[photo.id].get(name)
    seen = _read(name, photo, settings)
    if isinstance(seen, TagwrightError):
        return {"place": name, "error": str(seen)}
    return {
        "place": name,
        "where": os.fsdecode(seen.where),
        "exists": seen.exists,
        "lists": {field: list(values) for field, values in seen.lists.items()},
        "texts": dict(seen.texts),
        "changed_since": memory is not None and memory.digest != seen.digest,
        "aside": memory.aside if memory else "",
    }
