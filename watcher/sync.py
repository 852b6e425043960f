"""`tagwright immich sync`: a whole library of Immich is brought to agreement, as gently as the settings say.

Each photo that Immich has is due once; what is done is booked, so that an end in the middle costs nothing and
the next call goes on where this one was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from metadata.errors import UserError
from watcher.ledger import assets, work
from watcher.rooms import FIRST_LOOK, RULES

if TYPE_CHECKING:
    from watcher.app import App
    from watcher.settings import Settings

BEGUN = "immich sync"
"""Where the ledger remembers when a pass that is not over was begun."""
PATIENCE = 100.0
"""Seconds for which the end of a pass waits for photos that could not be written at once."""
EVERY = 2.0
"""Seconds between two looks at how far the service is."""


def sync(app: App) -> dict[str, Any]:
    """Make every photo of Immich due that this pass has not done yet. Raises UserError without an Immich."""
    if app.poll is None:
        raise UserError("no Immich is set: name its address as `immich.url` and a key as `immich.keys`")
    app.poll.soon()
    db = app.ledger.db
    begun = float(app.ledger.get(BEGUN) or 0)
    if not begun or not _unfinished(db, begun):
        begun = app.now()
        app.ledger.put(BEGUN, str(begun))
    freed = 0
    with app.ledger.transaction():
        for root in app.poll.link.mirrored.roots:
            db.execute("UPDATE roots SET agreed = ? WHERE name = ? AND agreed IS NULL", (app.now(), root))
            freed += work.release(db, [FIRST_LOOK, RULES], app.now(), root)
        photos = [
            row[0]
            for row in db.execute(
                "SELECT photos.id FROM assets JOIN photos ON photos.id = assets.photo "
                "WHERE assets.verdict = 'ready' AND photos.gone IS NULL AND photos.due IS NULL "
                "AND photos.booked IS NULL "
                "AND (photos.delivered IS NULL OR photos.delivered < ?)",
                (begun,),
            )
        ]
        work.take_up(db, photos, app.now())
        work.again(db, photos, app.now())
    return {"photos": len(photos) + freed, "assets": assets.counts(db)}


def _unfinished(db: Any, begun: float) -> bool:
    """Whether a pass that was begun then has still something to do."""
    row = db.execute(
        "SELECT 1 FROM assets JOIN photos ON photos.id = assets.photo WHERE assets.verdict = 'ready' "
        "AND photos.gone IS NULL AND photos.state NOT IN ('aside', 'left') "
        "AND (photos.delivered IS NULL OR photos.delivered < ?)",
        (begun,),
    ).fetchone()
    return row is not None


def left(db: Any) -> int:
    """How many photos of Immich are still to be done; those of which it has still to tell count."""
    row = db.execute(
        "SELECT count(*) FROM assets JOIN photos ON photos.id = assets.photo WHERE assets.verdict = 'ready' "
        "AND photos.gone IS NULL AND (photos.due IS NOT NULL OR photos.booked IS NOT NULL)"
    ).fetchone()
    silent = db.execute(
        "SELECT count(*) FROM photos WHERE state = 'waits' AND reason = ? AND gone IS NULL", (assets.SILENT,)
    ).fetchone()
    told = db.execute("SELECT count(*) FROM meta WHERE name = ?", (assets.FOUND,)).fetchone()
    return int(row[0]) + int(silent[0]) + (not told[0])


def _soon(app: App) -> bool:
    """Whether a photo of Immich is due in a moment, as Immich was busy with it."""
    if app.poll is None or app.poll.down:
        return False
    row = app.ledger.db.execute(
        "SELECT 1 FROM assets JOIN photos ON photos.id = assets.photo WHERE assets.verdict = 'ready' "
        "AND photos.gone IS NULL AND photos.due <= ?",
        (app.now() + PATIENCE,),
    ).fetchone()
    return row is not None


def here(app: App, out: TextIO) -> dict[str, Any]:
    """The whole pass in this process, with a line now and then that says how far it is."""
    from watcher.chores import Chores  # noqa: PLC0415 - it needs the commands, of which this is one
    from watcher.service import Progress, signals  # noqa: PLC0415 - the service needs this module's neighbours

    app.begin("immich sync")
    chores, progress = Chores(app, service=False), Progress(app, out)

    def every() -> None:
        chores()
        progress()

    with signals(app):
        app.worker.run(until_idle=True, every=every, rest=chores.rest)  # what Immich has to say first
        answer = sync(app)
        if not app.worker.stopped:
            app.worker.run(until_idle=True, every=every, rest=lambda: chores.rest() or _soon(app))
    progress.end()
    if app.poll is not None and app.poll.down:
        raise UserError(
            f"Immich: {app.poll.down}; what was begun goes on when `tagwright immich sync` is called again"
        )
    counts = app.worker.counts
    told = {
        "written": counts.written,
        "looked_at": counts.looked,
        "set_aside": counts.failed,
        "left": left(app.ledger.db),
    }
    return answer | told


def watched(settings: Settings, out: TextIO, *, pause: Callable[[float], object] = time.sleep) -> int:
    """Tell how far the running service is until nothing is left; Ctrl-C ends the telling, not the work."""
    from watcher import tell  # noqa: PLC0415 - only here
    from watcher.ledger import store  # noqa: PLC0415 - as above

    ledger = store.open_for_reading(settings.state)
    try:
        began, first = time.monotonic(), left(ledger.db)
        while (now := left(ledger.db)) and store.is_held(settings.state):
            rate = (first - now) / max(time.monotonic() - began, 0.001)
            about = f", about {tell.duration(now / rate)} left" if rate > 0 else ""
            print(f"{first - now} done, {now} to go{about}", file=out, flush=True)
            pause(EVERY)
        return left(ledger.db)
    finally:
        ledger.close()
