"""What changes something when a person asks: functions of the house and plain arguments, with plain answers.

The process that holds the ledger does them: this one, or the service that a request was handed to.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from metadata import tags
from metadata.errors import TagwrightError, UserError
from metadata.photo import Photo
from metadata.tags import Word
from models.look import Item, LookJob, look
from watcher import adopt, categories, clean, merging, rest, sync, texts, undo
from watcher.app import App
from watcher.ledger import aliases, assets, embedded, evidence, files, merges, store, words, work, writes
from watcher.rooms import ACCEPT, FIRST_LOOK, LOSS, OPEN, RESTORE, RULES
from watcher.settings import outside

log = logging.getLogger(__name__)

Answer = dict[str, Any]


def attempt(app: App, name: str, arguments: Mapping[str, Any]) -> tuple[str, Answer]:
    """Do a command that was handed over; an error becomes the answer."""
    try:
        return "done", COMMANDS[name](app, **arguments)
    except TagwrightError as error:
        return "failed", {"error": str(error)}
    except Exception as error:
        log.exception("the command %s failed", name)
        return "failed", {"error": f"internal error: {error!r}"}


def chosen(app: App, paths: Sequence[str], *, gone: bool = False) -> list[int]:
    """Numbers of the known photos at or below these paths; all of them where none is named."""
    db = app.ledger.db
    if not paths:
        return [row[0] for row in db.execute("SELECT id FROM photos WHERE gone IS NULL OR ?", (gone,))]
    found: list[int] = []
    for path in paths:
        kept = assets.named(db, path) if any(root.immich for root in app.settings.roots) else None
        if kept is not None and kept.photo is not None:
            found.append(kept.photo)
            continue
        root, below = app.at(Path(path))
        here = files.below(db, root.name, below, gone=gone)
        if not here:
            raise UserError(
                f"no known photo at {path}; `tagwright scan {path}` takes up what is there, "
                f"`tagwright plan --look {path}` shows what that would write"
            )
        found += here
    return list(dict.fromkeys(found))


def scan(
    app: App,
    *,
    paths: Sequence[str],
    limit: int | None = None,
    since: str | None = None,
    again: str | None = None,
) -> Answer:
    """Walk these paths now; with `again` their photos are looked at anew, by one source or ("") by all."""
    after, db = _moment(app, since), app.ledger.db
    last = db.execute("SELECT coalesce(max(id), 0) FROM photos").fetchone()[0]
    for path in paths:
        root, below = app.at(Path(path))
        app.intake.look(root.name, below if os.path.isdir(path) else os.path.dirname(below))
    while app.intake.walks():
        pass
    app.worker.settle_all()
    ids = chosen(app, paths)
    if after is not None:
        ids = [number for number in ids if _taken(app, number) >= after]
    kept = ids if limit is None else ids[:limit]
    found = [row[0] for row in db.execute("SELECT id FROM photos WHERE id > ?", (last,))]
    with app.ledger.transaction():
        if again is not None:
            _look_again(app, kept, again or None)
        for start in range(0, len(kept), 500):
            open_ = app.worker.unasked(work.jobs(db, kept[start : start + 500]))
            work.again(db, [job.photo.id for job in open_ if job.digest is not None], app.now(), look=True)
        work.take_up(db, kept, app.now())
        if app.alone:
            work.leave(db, {*chosen(app, paths), *found} - {*kept})
    due = db.execute("SELECT count(*) FROM photos WHERE due IS NOT NULL").fetchone()[0]
    return {"photos": len(kept), "due": due}


def xmp_write(app: App, *, paths: Sequence[str]) -> Answer:
    """Write what is to be written beside these photos now, first looks and changed rules included."""
    answer = scan(app, paths=paths)
    with app.ledger.transaction() as db:
        ids = chosen(app, paths)
        db.executemany(
            "UPDATE photos SET gate = ? WHERE id = ? AND gate IN (?, ?)",
            [(OPEN, number, FIRST_LOOK, RULES) for number in ids],
        )
        work.again(db, ids, app.now())
    return answer


def xmp_clean(app: App, *, paths: Sequence[str], apply: bool = False) -> Answer:
    """What tagwright wrote beside these photos is shown, or (`apply`) taken away and kept back."""
    ids = chosen(app, paths)
    run = app.begin("xmp clean") if apply else None
    done = clean.clean(app, ids, apply=apply)
    return {
        "run": run,
        "photos": done.photos,
        "words": done.words,
        "changes": done.rows,
        "sidecars_removed": done.removed,
        "waits": done.waits,
        "redo": sorted(done.redo),
        "applied": apply,
    }


def adopt_(app: App, *, paths: Sequence[str]) -> Answer:
    """What these photos' sidecars call ours, by a ledger that was lost, is ours in this one."""
    scan(app, paths=paths)
    ids = chosen(app, paths)
    if app.alone:  # the service looks by itself
        app.worker.only_look(ids)
    done = adopt.adopt(app, ids)
    return {
        "photos": done.photos,
        "words": done.words,
        "texts": done.texts,
        "ledgers": sorted(done.ledgers),
        "waits": done.waits,
    }


def _moment(app: App, since: str | None) -> float | None:
    if since is None:
        return None
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise UserError(f"{since!r} is no date; write it as 2026-05-31 or 2026-05-31T18:00") from None
    zone = app.settings.zone()
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None and zone else moment).timestamp()


def _taken(app: App, number: int) -> float:
    """When a photo was taken, or its file was changed where it does not say."""
    row = app.ledger.db.execute("SELECT taken, mtime_ns, digest FROM photos WHERE id = ?", (number,)).fetchone()
    taken = datetime.fromisoformat(row[0]) if row[0] else None
    if row[2] is None:
        photo = files.photos_of(app.ledger.db, [number])[number]
        facts = look(LookJob((Item(number, photo.file),)))[0].facts
        taken = facts.taken if facts else None
    return taken.timestamp() if taken else row[1] / 1e9


def _look_again(app: App, ids: Sequence[int], source: str | None) -> None:
    db = app.ledger.db
    if source is not None and source not in (app.worker.house.rules.sources or ()):
        known = ", ".join(sorted(app.worker.house.rules.sources or ()))
        raise UserError(f"no source {source!r} is on; these are: {known}")
    digests = [row[0] for number in ids for row in db.execute("SELECT digest FROM photos WHERE id = ?", (number,))]
    evidence.ask_again(db, [digest for digest in digests if digest], source)
    evidence.ask_again(db, [evidence.own_key(number) for number in ids], source)
    work.again(db, ids, app.now(), look=True)


def retry(app: App, *, paths: Sequence[str] = (), reason: str | None = None) -> Answer:
    """Try again what was set aside or waits to be tried, all of it or what names this reason."""
    with app.ledger.transaction() as db:
        ids = chosen(app, paths)
        rows = db.execute(
            "SELECT photos.id, photos.reason || coalesce((SELECT group_concat(aside) FROM memory "
            "WHERE memory.photo = photos.id AND aside != ''), '') FROM photos WHERE photos.state = 'aside' "
            "OR photos.attempts > 0 "
            "OR EXISTS (SELECT 1 FROM memory WHERE memory.photo = photos.id AND aside != '')"
        ).fetchall()
        mine = set(ids)
        these = [number for number, why in rows if number in mine and (reason is None or reason in why)]
        these += [n for n, why in embedded.reasons(db).items() if n in mine and (reason is None or reason in why)]
        these = list(dict.fromkeys(these))
        embedded.allow(db, these)
        words.lift_aside(db, these)
        work.again(db, these, app.now())
        db.executemany("UPDATE photos SET look = 1 WHERE id = ? AND digest IS NULL", [(n,) for n in these])
    return {"photos": len(these)}


def apply(app: App) -> Answer:
    """Write what waits for a person's word: first looks, changed rules, understood renames."""
    db = app.ledger.db
    renamed = merging.renames(db)
    with app.ledger.transaction():
        merging.rename(app, renamed)
        db.execute("UPDATE roots SET agreed = ? WHERE agreed IS NULL", (app.now(),))
        count = work.release(db, [FIRST_LOOK, RULES], app.now())
    if renamed and app.refresh_rules():
        count += merging.wake_renamed(app, renamed)
    app.worker.prepare(count)
    return {"photos": count, "renames": len(renamed)}


def undo_(
    app: App,
    *,
    paths: Sequence[str] = (),
    run: int | None = None,
    keyword: str | None = None,
    source: str | None = None,
) -> Answer:
    """Take our words back and keep them back: of a run, a keyword, a source, these paths, or everything."""
    db = app.ledger.db
    if run is not None and not db.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone():
        raise UserError(f"there is no run {run}; `tagwright runs` lists them")
    here = chosen(app, paths)
    number = app.begin(f"undo {run or keyword or source or 'everything'}")
    if keyword is None and source is None:
        mine = set(here)
        if run is not None and not paths:
            with app.ledger.transaction():
                aliases.switch(db, run, off=True)
        app.refresh_rules()
        touched = dict.fromkeys((*merges.photos_of(db, run), *writes.photos_of(db, run)))
        done = undo.undo_writes(app, [photo for photo in touched if photo in mine], run)
        if run is None:  # what was adopted, or written longer ago than a way back is kept
            done += undo.undo_words(app, _ours_with(app, here, None, None))
    else:
        done = undo.undo_words(app, _ours_with(app, here, keyword, source))
    return {"run": number, "photos": done.photos, "byte_for_byte": done.restored, "words": done.words}


def _ours_with(
    app: App, photos: Sequence[int], keyword: str | None, source: str | None
) -> dict[int, dict[str, Word]]:
    name = tags.key(tags.typed(keyword)) if keyword else None
    found: dict[int, dict[str, Word]] = {}
    mine = set(photos)
    for photo, text, key in app.ledger.db.execute(
        "SELECT standing.photo, words.text, words.key FROM standing JOIN words ON words.id = standing.word "
        "WHERE standing.ours = 1 AND (? IS NULL OR words.key = ?) AND (? IS NULL OR standing.source = ?)",
        (name, name, source, source),
    ):
        if photo in mine:
            found.setdefault(photo, {})[key] = tags.parse(text)
    return found


def redo(app: App, *, run: int) -> Answer:
    """Write again what was undone of a run."""
    count = undo.redo(app, run)
    if not count:
        raise UserError(f"nothing of run {run} was undone; `tagwright runs` lists what was")
    return {"photos": count}


def keep(app: App, *, paths: Sequence[str], keywords: Sequence[str] = ()) -> Answer:
    """Our words on these photos become the person's: all of them, or these."""
    names = {tags.key(tags.typed(word)) for word in keywords}
    count = 0
    with app.ledger.transaction() as db:
        for photo in chosen(app, paths):
            rows = db.execute(
                "SELECT words.id, words.key FROM standing JOIN words ON words.id = standing.word "
                "WHERE standing.photo = ? AND standing.ours = 1",
                (photo,),
            ).fetchall()
            mine = [(photo, word) for word, key in rows if not names or key in names]
            db.executemany("UPDATE standing SET ours = 0 WHERE photo = ? AND word = ?", mine)
            count += len(mine)
    return {"words": count}


def accept(app: App, *, root: str) -> Answer:
    """What is seen is right: our missing words were taken away by a person, this folder is the root."""
    return _decide(app, root, ACCEPT)


def restore(app: App, *, root: str) -> Answer:
    """What is seen is an accident: our missing words are written again."""
    return _decide(app, root, RESTORE)


def _decide(app: App, root: str, gate: str) -> Answer:
    app.root(root)
    with app.ledger.transaction() as db:
        db.execute("DELETE FROM stops WHERE root = ?", (root,))
        if gate == ACCEPT:
            db.execute("UPDATE roots SET identity = '', waits = '' WHERE name = ?", (root,))
        done = db.execute(
            "UPDATE photos SET gate = ?, due = ? WHERE gate = ? AND gone IS NULL "
            "AND folder IN (SELECT id FROM folders WHERE root = ?)",
            (gate, app.now(), LOSS, root),
        )
    app.worker.look_at_stops()
    return {"root": root, "photos": done.rowcount}


def forget(app: App, *, paths: Sequence[str]) -> Answer:
    """Forget photos, and all that is known of them; no file is touched."""
    with app.ledger.transaction():
        ids = chosen(app, paths, gone=True)
        for number in ids:
            _forget(app, number)
        evidence.sweep(app.ledger.db)
    app.worker.prints.sweep(app.ledger.db)
    return {"photos": len(ids)}


def _forget(app: App, number: int) -> None:
    db = app.ledger.db
    evidence.forget(db, evidence.own_key(number))
    others = ("embedded", "only_read", "writes", "events", "merges")
    for table in ("standing", "captions", "withheld", "memory", *others):
        db.execute(f"DELETE FROM {table} WHERE photo = ?", (number,))  # noqa: S608 - our own names
    db.execute("DELETE FROM photos WHERE id = ?", (number,))


def prune(app: App, *, apply: bool = False) -> Answer:
    """Photos that are gone for good: sidecars of only our words go, others are listed, the photos are forgotten.

    A photo is gone for good after `forget_after`, while its root stands.
    """
    db = app.ledger.db
    rows = db.execute(
        "SELECT photos.id FROM photos JOIN folders ON folders.id = photos.folder "
        "JOIN roots ON roots.name = folders.root WHERE photos.gone < ? AND roots.waits = ''",
        (app.now() - app.settings.forget_after,),
    ).fetchall()
    ids = [row[0] for row in rows]
    photos: dict[int, Photo] = {}
    for start in range(0, len(ids), 500):
        photos |= files.photos_of(db, ids[start : start + 500])
    removed: list[str] = []
    left: list[str] = []
    for number, photo in photos.items():
        if os.path.lexists(photo.file) or not os.path.isdir(photo.base):
            continue
        ours = [write for write in writes.by_photo(db, [number]) if os.path.lexists(write.path)]
        for path in dict.fromkeys(write.path for write in ours):
            only_ours = undo.only_ours(path, [write for write in ours if write.path == path])
            (removed if only_ours else left).append(os.fsdecode(path))
            if only_ours and apply:
                with suppress(OSError):
                    os.unlink(path)
        if apply:
            with app.ledger.transaction():
                _forget(app, number)
    return {"photos": len(photos), "sidecars_of_ours": removed, "sidecars_of_others": left, "applied": apply}


def backup(app: App, *, file: str) -> Answer:
    """Copy the ledger to a file, whole, while it is in use."""
    target = Path(file).absolute()
    if target.exists():
        raise UserError(f"{target} is there already; name a new file")
    outside(app.settings, target)
    store.copy(app.ledger.db, target)
    return {"file": str(target), "bytes": target.stat().st_size}


def pause(app: App, *, seconds: float) -> Answer:
    """The service leaves photos alone for so long; what lands is noted, and commands are done."""
    until = app.now() + seconds
    app.ledger.put(rest.PAUSED, str(until))
    return {"until": datetime.fromtimestamp(until, app.settings.zone()).strftime("%Y-%m-%d %H:%M:%S")}


def resume(app: App) -> Answer:
    """The pause is over; what waits is due at once."""
    was = rest.paused(app.ledger) > app.now()
    app.ledger.put(rest.PAUSED, "0")
    return {"was": "paused" if was else "not paused"}


COMMANDS: Mapping[str, Callable[..., Answer]] = {
    "scan": scan,
    "xmp write": xmp_write,
    "xmp clean": xmp_clean,
    "adopt": adopt_,
    "category add": categories.add,
    "category rm": categories.remove,
    "category map": categories.bind,
    "category unmap": categories.loosen,
    "dedupe": merging.merge,
    "dedupe alias add": merging.alias_add,
    "dedupe alias rm": merging.alias_remove,
    "dedupe alias import": merging.alias_import,
    "dedupe protect": merging.protect,
    "dedupe unprotect": merging.unprotect,
    "dedupe block": merging.block,
    "dedupe unblock": merging.unblock,
    "retry": retry,
    "apply": apply,
    "undo": undo_,
    "redo": redo,
    "keep": keep,
    "accept": accept,
    "restore": restore,
    "pause": pause,
    "resume": resume,
    "forget": forget,
    "prune": prune,
    "backup": backup,
    "immich sync": sync.sync,
    "texts": texts.take_in,
}
"""Every command that changes something, by the name it has on the command line."""
