"""The service: everything built, watched and worked until a signal comes, or until one pass is over."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from metadata.errors import UserError
from watcher import allocator, backends, mounts, tell, vitals, web, worker
from watcher.app import App, opened
from watcher.arrival import Pace, WatchedRoot
from watcher.chores import Chores, held
from watcher.crier import Crier, webhook
from watcher.events import Arrivals
from watcher.figures import TYPE, Figure, Figures
from watcher.health import Feeder, Notifier, interval
from watcher.ignore import Ignore
from watcher.ledger import answers, files, work, writes
from watcher.rest import Queues, Rest, hours
from watcher.rooms import FIRST_LOOK
from watcher.settings import Root, Settings, secret

log = logging.getLogger(__name__)

SHOWN = (
    *("XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", "XMP-dc:Subject", "XMP-dc:Description"),
    *("XMP-photoshop:City", "XMP-photoshop:State", "XMP-photoshop:Country"),
)
"""What is read back from the first files that were written."""


LONG = 5000
"""Photos from which a person is told beforehand how long it will take."""
SHARE = 50.0
"""How many times longer than to count what is to go took it is not counted again."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person started it."""

    once: bool = False
    new_only: bool = False
    ask: bool = False
    yes: bool = False
    show: int = 0
    agreed: Sequence[str] = ()
    program: str = "tagwright"


def run(settings: Settings, wishes: Wishes, *, out: TextIO, answer: Callable[[str], str] = input) -> int:
    """Run until a signal, or with `once` until nothing is due. 0 done, 1 some photos failed, 130 interrupted."""
    if not settings.roots:
        raise UserError("no folder to look at: name one on the command line, or add [[roots]] to the settings")
    if twice := _twins(settings):
        raise UserError(twice[0])
    if lacking := backends.faults(settings):
        raise UserError(lacking[0])
    allocator.steady()
    with opened(settings, backlog=not wishes.new_only, agreed=wishes.agreed, environment=os.environ) as app:
        if not wishes.new_only:
            with app.ledger.transaction() as db:
                work.take_up(db, None, app.now(), gate=FIRST_LOOK)
        app.begin_today()
        gc.freeze()
        notifier = Notifier(os.environ.get("NOTIFY_SOCKET"))
        with ExitStack() as last:
            ended = last.enter_context(signals(app))
            last.enter_context(Feeder(app.pulse, notifier, interval(os.environ, os.getpid())))
            crier = last.enter_context(_crier(settings))
            if not wishes.once:
                app.worker.rest = last.enter_context(_rest(app))
            watched = None if wishes.once else _watch(app, settings)
            if watched is not None:
                last.callback(watched.stop)
                last.enter_context(_window(app, watched))
            last.callback(notifier.stopping)
            problems = watched.problems if watched else list
            chores = Chores(app, problems=problems, ask=wishes.ask, crier=crier)
            _work(app, wishes, chores, notifier, out, answer)
        if ended:
            print("ended; what was begun is finished", file=out)
        return _code(app, ended)


def _twins(settings: Settings) -> list[str]:
    if len(settings.roots) == 1:
        return []
    from watcher import premises  # noqa: PLC0415 - most have one root

    return premises.twins(settings.roots, mounts.table())


def _code(app: App, ended: Sequence[int]) -> int:
    if signal.SIGINT in ended:
        return 130
    return 1 if app.worker.counts.failed else 0


@contextmanager
def _rest(app: App) -> Iterator[Rest]:
    """When photos are left alone; models also while Immich has its own work to do."""
    settings, link = app.settings, app.poll.link if app.poll is not None else None
    queues = None
    if link is not None and link.keys.clients and (settings.taggers or settings.captioner):
        queues = Queues(link.keys.clients[0].queues, settings.immich.busy)
    try:
        quiet = tuple(map(hours, settings.quiet_hours))
        yield Rest(app.ledger, quiet, settings.zone(), app.now, busy=queues)
    finally:
        if queues is not None:
            queues.close()


def _crier(settings: Settings) -> Crier:
    notify = settings.notify
    token = secret(notify.token_file, os.environ, warn=log.warning) if notify.token_file else None
    send = webhook(notify.url, token.get_secret_value() if token else "") if notify.url else None
    return Crier(notify, send, time.monotonic)


def _window(app: App, watched: Arrivals) -> web.Window:
    """What shows from outside how the service is."""
    body = vitals.Body(app.pulse, app.settings.state, watched.turns)
    figures = Figures(body, app.worker.counts)
    figures.more.append(partial(_outside, app))

    def health() -> web.Page:
        found = vitals.told(vitals.parts(body))
        return 200 if found["ok"] else 503, "application/json", json.dumps(found) + "\n"

    doors = [*web.port(app.settings.health.listen), *web.local(app.settings.state)]
    return web.Window({"/health": health, "/metrics": lambda: (200, TYPE, figures.text())}, doors)


def _outside(app: App) -> Iterator[Figure]:
    """The servers that are asked: how often, and how the hosts of models do."""
    for url, up, served, _ in app.worker.hosts():
        yield Figure("host_up", float(up), {"host": url})
        yield Figure("calls_total", served, {"to": url, "outcome": "answered"})
    clients = app.poll.link.keys.clients if app.poll is not None else ()
    for outcome in ("answered", "failed") if clients else ():
        count = sum(client.calls[outcome] for client in clients)
        yield Figure("calls_total", count, {"to": "immich", "outcome": outcome})


def _watch(app: App, settings: Settings) -> Arrivals:
    """Watch every root before it is walked, so that nothing lands between the two."""
    arrivals = Arrivals(app.worker.tell, pace=Pace(poll=settings.poll))
    for root in settings.roots:
        if root.immich:
            continue  # the poll asks for these
        arrivals.watch(_watched(app, root))
    arrivals.start()
    app.intake.missed = partial(_switch, app, arrivals)
    return arrivals


def _watched(app: App, root: Root) -> WatchedRoot:
    polling = None if root.polling == "auto" else root.polling
    if polling is None and app.ledger.get(f"polled {root.name}"):
        polling = True  # events were not enough, as was found out
    ignore = Ignore((*app.settings.ignore, *root.ignore))
    return WatchedRoot(root.name, os.fsencode(os.path.abspath(root.path)), ignore, polling)


def _switch(app: App, arrivals: Arrivals, name: str, photos: int) -> None:
    """Walks find again and again what no event told of: the root is looked at by its times from now on."""
    root = app.root(name)
    if root.polling != "auto" or app.ledger.get(f"polled {name}") or arrivals.polls(name):
        return
    app.ledger.put(f"polled {name}", "yes")
    arrivals.unwatch(name)
    arrivals.watch(_watched(app, root))
    log.warning(
        "root %s: a walk found %d photos that no event told of, and not for the first time; it is looked at every "
        "%.0f s from now on. Set `polling = true` for it, or false to keep events alone",
        *(name, photos, app.settings.poll),
    )


def _work(
    app: App,
    wishes: Wishes,
    chores: Chores,
    notifier: Notifier,
    out: TextIO,
    answer: Callable[[str], str],
) -> None:
    progress = Progress(app, out)

    def every() -> None:
        chores()
        progress()

    notifier.ready()
    app.worker.run(until_idle=True, every=every, rest=chores.rest)
    progress.end()
    if wishes.ask and not app.worker.stopped:
        _ask(app, wishes, out, answer)
        app.worker.run(until_idle=True, every=every, rest=chores.rest)
        progress.end()
    if wishes.show and not app.worker.stopped:
        _show(app, wishes, out)
    elif wishes.once:
        tell.say(tell.status(answers.status(app.ledger.db, app.now()), app.settings.zone()), out)
    if wishes.once or app.worker.stopped:
        return
    names = ", ".join("Immich" if root.immich else str(root.path) for root in app.settings.roots)
    print(f"watching {names}: what lands there gets its keywords. Ctrl-C ends", file=out, flush=True)
    live = _Live(app, out, wanted=wishes.show > 0)

    def meanwhile() -> None:
        chores()
        live()

    app.worker.run(until_idle=False, every=meanwhile)


@contextmanager
def signals(app: App) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end the work cleanly; a second one ends at once."""
    ended: list[int] = []

    def end(number: int, _frame: object) -> None:
        if ended:
            os._exit(130 if number == signal.SIGINT else 143)  # asked twice: the ledger stands this
        ended.append(number)
        app.worker.stop()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Progress:
    """One line on a terminal, or one every ten seconds elsewhere: how many, how fast, how long."""

    def __init__(self, app: App, out: TextIO, line: Callable[[float], str] | None = None) -> None:
        """`line` says otherwise how far it is, at a time in monotonic seconds."""
        self._app, self._out, self._live = app, out, out.isatty()
        self._line = line or self._plain
        self._began = time.monotonic()
        self._due = self._began + (0.3 if self._live else 10.0)
        self._said = self._foretold = False

    def __call__(self) -> None:
        """Tell, if it is time."""
        at = time.monotonic()
        if at < self._due:
            return
        line = self._line(at)
        self._due = at + max(0.3 if self._live else 10.0, SHARE * (time.monotonic() - at))
        self._said = True
        self._foretell(at)
        print(
            f"\r{line}\x1b[K" if self._live else line, end="" if self._live else "\n", file=self._out, flush=True
        )

    def _foretell(self, at: float) -> None:
        """Once, as soon as the rate is known: how long a long first run will take, and how to have peace."""
        done, due = self._app.worker.counts.looked, self._due_photos()
        if self._foretold or done < 100 or due < LONG:
            return
        self._foretold = True
        rate = done / max(at - self._began, 0.001)
        log.warning(
            "a long run: %d photos are to be looked at, at %.0f a second about %s. It can be ended and goes on "
            "where it was; `tagwright pause 2h` or `quiet_hours` give peace",
            *(due, rate, tell.duration(due / rate)),
        )

    def _due_photos(self) -> int:
        query = "SELECT count(*) FROM photos WHERE (due IS NOT NULL OR booked IS NOT NULL) AND gone IS NULL"
        return int(self._app.ledger.db.execute(query).fetchone()[0])

    def _plain(self, at: float) -> str:
        counts = self._app.worker.counts
        due = self._due_photos()
        done = max(counts.looked, counts.delivered)
        rate = done / max(at - self._began, 0.001)
        left = f", about {tell.duration(due / rate)} left" if rate > 0 and due else ""
        return f"{counts.looked} looked at, {counts.delivered} done, {due} to go, {rate:.0f} a second{left}"

    def end(self) -> None:
        """The pass is over."""
        if self._said or self._live:
            line = self._line(time.monotonic())
            print(f"\r{line}\x1b[K" if self._live else line, file=self._out, flush=True)


def _ask(app: App, wishes: Wishes, out: TextIO, answer: Callable[[str], str]) -> None:
    """Show what the first look would change, and ask."""
    waiting = [root.name for root in app.settings.roots if held(app, FIRST_LOOK, root.name)]
    if not waiting:
        return
    from watcher import plan  # noqa: PLC0415 - only who asks needs it

    ids = [number for name in waiting for number in files.below(app.ledger.db, name, b"")]
    made = plan.plan(app, ids)
    tell.say(tell.plan(made.rows, made.photos, made.unasked, wishes.show or None), out)
    if wishes.yes or _yes(answer):
        for name in waiting:
            worker.agreed(app.ledger, name, app.now())
    else:
        for name in waiting:
            app.ledger.put(f"declined {name}", "yes")
        print("nothing was written. Whenever you want:", file=out)
        print(f"  {wishes.program} plan     shows all of it\n  {wishes.program} apply    writes it", file=out)
        app.worker.stop()


def _yes(answer: Callable[[str], str]) -> bool:
    try:
        return answer("Write this? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _show(app: App, wishes: Wishes, out: TextIO) -> None:
    """What exiftool reads back from the first photos that were written, then counts."""
    db = app.ledger.db
    rows = db.execute(
        "SELECT path FROM writes WHERE state = 'done' GROUP BY photo ORDER BY photo LIMIT ?", (wishes.show,)
    ).fetchall()
    shown = [row[0] for row in rows]
    if shown:
        print(f"what exiftool reads in the sidecars of the first {len(shown)} photos:", file=out)
    _read_back(shown, out)
    tell.say(tell.status(answers.status(db, app.now()), app.settings.zone()), out)
    tell.say([tell.counted(answers.stats(db))], out)
    print(f"more: {wishes.program} show FILE, status, undo, --help", file=out, flush=True)


def _read_back(paths: Sequence[bytes], out: TextIO) -> None:
    from metadata.exiftool import Exiftool  # noqa: PLC0415 - a program is started

    standing = [path for path in paths if os.path.lexists(path)]
    if not standing:
        return
    try:
        with Exiftool() as tool:
            tell.say(tell.written(tool.read(standing, SHOWN), standing), out)
    except UserError as error:
        log.warning("what was written is not read back: %s", error)


class _Live:
    """Prints each sidecar as it is written, while a person looks on."""

    def __init__(self, app: App, out: TextIO, *, wanted: bool) -> None:
        self._app, self._out, self._wanted = app, out, wanted
        self._last = self._newest()

    def _newest(self) -> int:
        return int(self._app.ledger.db.execute("SELECT coalesce(max(id), 0) FROM writes").fetchone()[0])

    def __call__(self) -> None:
        """Tell what was written since the last call."""
        if not self._wanted:
            return
        for write in writes.since(self._app.ledger.db, self._last):
            self._last = max(self._last, write.id)
            tell.say([tell.wrote(write.path, write.ours, write.drops)], self._out)
            self._out.flush()


def root_of(path: Path) -> dict[str, str]:
    """A root for a folder that was named on the command line."""
    name = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in path.name).strip("-") or "photos"
    return {"name": name[:64], "path": str(path)}
