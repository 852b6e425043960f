"""`tagwright immich sync`: a whole library of Immich is brought to agreement, as gently as the settings say.

Each photo that Immich has is due once; what is done is booked, so that an end in the middle costs nothing and
the next call goes on where this one was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from metadata.errors import UserError
from watcher import tell
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
    begun, freed = _begin(app)
    return {"photos": freed + _take_up(app, begun), "assets": assets.counts(app.ledger.db)}


def _begin(app: App) -> tuple[float, int]:
    """When this pass was begun, or the one that was ended in the middle; and the photos that were held until now.

    Whoever calls it agrees to its writing: what is looked at is written at once, and not after all was looked at.
    """
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
    return begun, freed


def _take_up(app: App, begun: float) -> int:
    """What was not delivered since then is due; how many photos that is."""
    db = app.ledger.db
    with app.ledger.transaction():
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
    return len(photos)


def _done(db: Any, begun: float) -> tuple[int, int]:
    """How many photos of Immich are in agreement since then; and how many there are with those to go."""
    (done,) = db.execute(
        "SELECT count(*) FROM assets JOIN photos ON photos.id = assets.photo "
        "WHERE assets.verdict = 'ready' AND photos.gone IS NULL AND photos.delivered >= ?",
        (begun,),
    ).fetchone()
    (left,) = db.execute(  # one that Immich tells of once more is done all the same
        "SELECT count(*) FROM photos WHERE (due IS NOT NULL OR booked IS NOT NULL) AND gone IS NULL "
        "AND (delivered IS NULL OR delivered < ?)",
        (begun,),
    ).fetchone()
    return int(done), int(done) + int(left)


class _Line:
    """How far the pass is, and how long it will take at the pace of this process."""

    def __init__(self, app: App, begun: float) -> None:
        self._app, self._begun = app, begun
        self._first, self._at = _done(app.ledger.db, begun)[0], time.monotonic()

    def __call__(self, at: float) -> str:
        """The line at this time (monotonic seconds)."""
        done, photos = _done(self._app.ledger.db, self._begun)
        rate = (done - self._first) / max(at - self._at, 0.001)
        about = f", about {tell.duration((photos - done) / rate)} left" if rate > 0 and done < photos else ""
        looked = self._app.worker.counts.looked
        return f"{done} of {photos} in agreement, {looked} looked at, {rate:.0f} a second{about}"


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


def seldom(settings: Settings) -> Settings:
    """The same with fewer walks: Immich tells of its photos, and each walk of 100,000 takes time from them."""
    return settings.model_copy(update={"rescan_folders": max(settings.rescan_folders, settings.rescan)})


def here(app: App, out: TextIO) -> dict[str, Any]:
    """The whole pass in this process, with a line now and then that says how far it is."""
    from watcher.chores import Chores  # noqa: PLC0415 - it needs the commands, of which this is one
    from watcher.service import Progress, signals  # noqa: PLC0415 - the service needs this module's neighbours

    begun, _ = _begin(app)
    app.begin("immich sync")
    chores, progress = Chores(app, service=False), Progress(app, out, _Line(app, begun))

    def every() -> None:
        chores()
        progress()

    with signals(app) as ended:
        app.worker.run(until_idle=True, every=every, rest=chores.rest)  # what is new, and what Immich has to say
        if not app.worker.stopped:
            _take_up(app, begun)
            app.worker.run(until_idle=True, every=every, rest=lambda: chores.rest() or _soon(app))
    progress.end()
    if app.poll is not None and app.poll.down:
        raise UserError(
            f"Immich: {app.poll.down}; what was begun goes on when `tagwright immich sync` is called again"
        )
    db, counts = app.ledger.db, app.worker.counts
    told = {
        "photos": _done(db, begun)[0],
        "assets": assets.counts(db),
        "written": counts.written,
        "looked_at": counts.looked,
        "set_aside": counts.failed,
        "left": left(db),
    }
    return told | ({"ended": "what is left goes on when it is called again"} if ended else {})


def watched(settings: Settings, out: TextIO, *, pause: Callable[[float], object] = time.sleep) -> int:
    """Tell how far the running service is until nothing is left; Ctrl-C ends the telling, not the work."""
    from watcher.ledger import store  # noqa: PLC0415 - only here

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
