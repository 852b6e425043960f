"""Builds the real things out of the settings and hands them to each other; the only place that does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, cast

from metadata import tags
from metadata.choose import Rules
from metadata.errors import UserError
from metadata.sinks import Sink
from models import registry
from models.look import look, tagger_of
from watcher import (
    leftover,
    mounts,
    rooms,
    ruling,
    unconfirmed,
)
from watcher.afar import Afar
from watcher.beside import furnished
from watcher.desk import PROBE, Crew
from watcher.furnishing import (
    SMALL,
    Rare,
    beside_of,
    calm_of,
    fed,
    house_of,
    looking,
    made_here,
    memory_of,
    sidecars_of,
    sinks_of,
    suspects,
    workers_of,
    zero_shot,
)
from watcher.hands import Hands
from watcher.health import Pulse
from watcher.ignore import Ignore
from watcher.immich_layout import ImmichLayout
from watcher.imported_faces import FACES, guarded
from watcher.intake import Intake, Times
from watcher.ledger import assets, embedded, files, owners, store, work, writes
from watcher.ledger.store import Ledger
from watcher.settings import Root, Settings
from watcher.worker import Worker

if TYPE_CHECKING:
    from metadata.immich import Database
    from models.taggers.zero_shot import ZeroShot
    from watcher.cluster.post import Post
    from watcher.link import Link
    from watcher.mirrored import Mirrored
    from watcher.poll import Poll
    from watcher.vectors import Nearby

log = logging.getLogger(__name__)


@dataclass(slots=True)
class App:
    """The house with its doors still shut."""

    settings: Settings
    ledger: Ledger
    worker: Worker
    intake: Intake
    pulse: Pulse
    now: Callable[[], float]
    watch: Callable[[], object] = lambda: None
    """Called again and again in what takes long, so that somebody may tell how far it is."""
    alone: bool = False
    """Whether this process does one command and ends; the service does what a command leaves."""
    poll: Poll | None = None
    """Immich, where one is connected."""
    nearby: Nearby | None = None
    """Words out of Immich's vectors, where these can be read."""

    def root(self, name: str) -> Root:
        """The settings of a root; raises UserError where there is none of this name."""
        for root in self.settings.roots:
            if root.name == name:
                return root
        known = ", ".join(root.name for root in self.settings.roots) or "none"
        raise UserError(f"there is no root {name!r}; known roots: {known}")

    def at(self, path: Path) -> tuple[Root, bytes]:
        """The root a path lies in, and the path below it; raises UserError outside all roots."""
        real = os.path.abspath(path)
        for root in self.settings.roots:
            base = os.path.abspath(root.path)
            if mounts.is_below(os.fsencode(real), os.fsencode(base)):
                return root, os.fsencode(os.path.relpath(real, base)) if real != base else b""
        raise UserError(
            f"{path} is not below any root; add one to the settings, or name the folder on the command line"
        )

    def begin(self, why: str) -> int:
        """Start a numbered run for what a person asked."""
        with self.ledger.transaction() as db:
            self.worker.run_number = writes.begin(db, why, self.now())
        return self.worker.run_number

    def begin_today(self) -> int:
        """Go on with the service's run of this day and these rules, or start one."""
        day = datetime.fromtimestamp(self.now(), self.settings.zone()).date()
        with self.ledger.transaction() as db:
            self.worker.run_number = writes.today(db, f"service {day} {self.worker.house.stamp}", self.now())
        return self.worker.run_number

    def refresh_rules(self) -> bool:
        """Look again at aliases and at words said of too many pictures; whether the rules changed."""
        made = ruling.rules(self.settings, self.ledger)
        own = ruling.own(self.settings, self.ledger, made)
        stamp = ruling.stamp(self.settings, made, own)
        self.tell_overused(made)
        if (stamp, own) == (self.worker.house.stamp, self.worker.house.own):
            return False
        self.worker.house = replace(self.worker.house, rules=made, own=own, stamp=stamp)
        return True

    def tell_overused(self, made: Rules) -> None:
        """Note for `status` which rules say their word of too many pictures to be of use."""
        found = ruling.overused(self.settings, self.ledger)
        lines = [
            f"{tags.show(tags.parse(name))} would stand on {count} of {total} photos and is not written "
            "(`fact_limit`); switch the rule off in `facts`, or raise the limit"
            for name, (count, total) in sorted(found.items())
            if name in made.overused
        ]
        if "\n".join(lines) != self.ledger.get("overused"):
            self.ledger.put("overused", "\n".join(lines))
            for line in lines:
                log.warning("%s", line)


@contextmanager
def opened(  # noqa: PLR0913 - each is a part of the house that a test or a command brings along
    settings: Settings,
    *,
    backlog: bool = True,
    agreed: Sequence[str] = (),
    sinks: dict[str, Sink] | None = None,
    now: Callable[[], float] = time,
    probe: float = PROBE,
    mirrored: Mirrored | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[App]:
    """The house, built and closed again. `agreed` roots need no `apply` before their backlog is written.

    Immich is connected where the settings name one (`environment` says where systemd keeps the keys), or as
    `mirrored` has it, which is then asked for no news.

    Raises UserError when the ledger or a tagger cannot be used.
    """
    ledger = store.open_for_writing(settings.state)
    try:
        hands = Hands(workers_of(settings))
        link = _linked(settings, environment or {}) if mirrored is None and not sinks else None
        mirrored = link.mirrored if link is not None else mirrored
        try:
            rare = Rare()
            made = sinks or sinks_of(settings, rare, mirrored)
            alone = not sinks and made.keys() == {"sidecar"}
            afar = Afar(partial(furnished, beside_of(settings))) if alone else None
            crew = _crew(Crew(hands, suspects, now, probe, partial(look, fallback=rare.facts), afar=afar), link)
            app = _build(settings, ledger, crew, made, mirrored, backlog=backlog, agreed=agreed)
            hands.post = _post(settings, app.worker, crew)
            if link is not None:
                _welcome(app, link, backlog=backlog, agreed=agreed)
            if made_here(settings):
                app.nearby = _nearby(app, None)
            if mirrored is not None:
                app.worker.hurry = mirrored.ending
            try:
                _recover(app, mirrored)
                yield app
            finally:
                if mirrored is not None:
                    mirrored.ending()
                if app.nearby is not None:
                    app.nearby.close()
                if app.poll is not None:
                    app.poll.close()
                app.worker.close()
                rare.close()
        finally:
            hands.close()
    finally:
        ledger.close()


def _linked(settings: Settings, environment: Mapping[str, str]) -> Link | None:
    """Immich as the settings name it; nothing is asked yet."""
    if not settings.immich.url:
        return None
    from watcher.link import linked  # noqa: PLC0415 - many have no Immich

    return linked(settings, environment)


def _post(settings: Settings, worker: Worker, crew: Crew) -> Post | None:
    """The way to other machines, where the settings name some."""
    if not settings.cluster.address:
        return None
    from watcher.cluster.post import opened as joined  # noqa: PLC0415 - few have more than one machine

    return joined(settings.cluster, worker.looking, crew.look, worker.nudge)


def _crew(crew: Crew, link: Link | None) -> Crew:
    """Who looks, and fetches first what lies in no folder here."""
    if link is None or link.remote is None:
        return crew
    from watcher.far import Far  # noqa: PLC0415 - as above

    far = Far(link.keys)
    return replace(crew, look=far.around(crew.look), describe=far.around(crew.describe))


def _welcome(app: App, link: Link, *, backlog: bool, agreed: Sequence[str]) -> None:
    """From now on Immich says which of its photos may be looked at."""
    from watcher import veil  # noqa: PLC0415 - as above
    from watcher.poll import Poll  # noqa: PLC0415 - as above

    sweeps = (app.worker.prints.drop, veil.of_pages(app.settings.state / veil.REPORTS))
    app.poll = Poll(app.ledger, link, now=app.now, backlog=backlog, agreed=agreed, sweeps=sweeps)
    app.poll.wake = app.worker.nudge
    app.poll.users = partial(_take_in, app)
    app.poll.news.met = app.intake.met
    app.poll.imports = partial(_heed_faces, app, app.settings)
    if app.ledger.get(FACES):
        _heed_faces(app, app.settings, True)  # noqa: FBT003 - what Immich said last
    app.intake.previews = app.poll.soon
    app.worker.welcome(app.poll.admission, marker=app.settings.immich.marker)
    if fed(app.settings) and link.database is not None:
        app.nearby = _nearby(app, link.database)


COMPARED = 1.0
"""Seconds between two looks for vectors of our own that are not compared yet."""


def _tagger(settings: Settings, model: str) -> ZeroShot:
    return cast("ZeroShot", registry.tagger("zero_shot", **dict(zero_shot(settings, model)[1])))


def _nearby(app: App, database: Database | None) -> Nearby:
    """Words out of the vectors that Immich has made, or, without its database, looks."""
    from models import vocabulary  # noqa: PLC0415 - as above
    from watcher.kept import Kept  # noqa: PLC0415 - as above
    from watcher.texts import Slip  # noqa: PLC0415 - as above
    from watcher.vectors import PART, Nearby  # noqa: PLC0415 - as above

    settings = app.settings
    slip = Slip(app.ledger, app.now)
    kept = Kept(settings.state, lambda: slip.given(cast("ZeroShot", tagger_of(zero_shot(settings)))))
    nearby = Nearby(
        *(app.ledger, database or kept),
        lambda model: kept.tagger() if database is None else slip.given(_tagger(settings, model)),
        now=app.now,
        rules=lambda photo: app.worker.house.rules_of(app.ledger.db, photo),
        poll=settings.immich.poll if database is not None else COMPARED,
        floor=settings.floor,
        model=settings.immich.model if database is not None else "",
        part=PART if memory_of(settings) >= SMALL else PART // 5,
        shown=None if database is not None else kept,
        stamp=vocabulary.chosen(str(settings.zero_shot.file or ""), settings.zero_shot.words).stamp,
        slip=slip,
    )
    nearby.wake, nearby.many, slip.wake = app.worker.nudge, app.worker.prepare, app.worker.nudge
    return nearby


def _heed_faces(app: App, settings: Settings, imports: bool) -> None:  # noqa: FBT001 - what a report says
    """Immich has said whether it imports faces from files; `settings` are those of the person."""
    told = "yes" if imports else ""
    if told != app.ledger.get(FACES):
        app.ledger.put(FACES, told)
        if imports:
            log.warning("Immich imports faces from files: names of people are written, and no regions")
    elif imports == (app.settings is not settings):
        return  # as it is
    assert app.poll is not None
    app.settings = guarded(settings, app.poll.link.mirrored.roots) if imports else settings
    app.worker.house = replace(app.worker.house, wishes={root.name: root.people for root in app.settings.roots})
    app.refresh_rules()


def _take_in(app: App, users: Mapping[str, frozenset[str]]) -> None:
    """Immich has said whose keys these are: what their users want otherwise is known by their ids."""
    owners.remember(app.ledger, users)
    app.refresh_rules()
    known = frozenset[str]().union(*users.values())
    for name in app.settings.immich.users.keys() - known:
        log.warning("immich.users: no key of a user %r is set", name)


def _build(
    settings: Settings,
    ledger: Ledger,
    crew: Crew,
    sinks: dict[str, Sink],
    mirrored: Mirrored | None,
    *,
    backlog: bool,
    agreed: Sequence[str],
) -> App:
    now = crew.now
    intake = _intake(settings, ledger, now, connected=mirrored is not None)
    embedded.allow_all_but(ledger.db, [root.name for root in settings.roots if root.embed])
    for root in settings.roots:
        if root.immich:
            continue  # no folder to walk
        calm = calm_of(settings, root)
        ignore = Ignore((*settings.ignore, *root.ignore))
        base = os.fsencode(os.path.abspath(root.path))
        intake.add(root.name, base, ignore, calm, agreed=root.name in agreed, backlog=backlog)
    pulse = Pulse()
    house = house_of(settings, ledger, sinks)
    if mirrored is not None:
        house = mirrored.furnished(house, sidecars_of(settings, mirrored))
    worker = Worker(ledger, house, looking(settings), crew, intake=intake, pulse=pulse)
    return App(settings, ledger, worker, intake, pulse, now)


def _intake(settings: Settings, ledger: Ledger, now: Callable[[], float], *, connected: bool = False) -> Intake:
    times = Times(settings.rescan, settings.rescan_folders)
    write = connected or settings.immich.without_connection == "write"
    return Intake(ledger, ImmichLayout(), times, now, write_in_immich=write)


def _recover(app: App, mirrored: Mirrored | None) -> None:
    """After a process that died: book what it left open, and take back in what it held. Waits for no server."""
    ledger = app.ledger
    with ledger.transaction() as db:
        suspects = work.interrupted(db)
        for root in {root.name for root in app.settings.roots} - {root for root, _ in app.worker.house.stopped}:
            work.release(db, [rooms.LOSS], app.now(), root)
        db.execute("UPDATE photos SET gate = '', due = ? WHERE gate = ?", (app.now(), rooms.MOVE))
        work.not_after(db, app.now())
        _look_over_waiting(app)
        app.worker.losses.renamed |= set(db.execute("SELECT owner, key, word FROM offers WHERE state = 'open'"))
    left = writes.intents(ledger.db)
    known = frozenset(digest for write in left for digest in (write.before, write.after))
    leftover.clear((os.path.dirname(write.path) for write in left), known, app.settings.state / "left-over")
    with ledger.transaction() as db:
        waits = mirrored.tells if mirrored is not None else lambda *_: False
        open_writes, later = unconfirmed.resolve(db, app.worker.house.sinks, app.worker.context(), waits)
        app.worker.settle_first(later)
    if suspects or open_writes:
        log.info(
            "the last run ended suddenly: %d photos looked at alone, %d writes checked", suspects, open_writes
        )


def _look_over_waiting(app: App) -> None:
    """Take in photos that may be written now, as the settings stand."""
    db = app.ledger.db
    waiting = work.waiting(db)
    for start in range(0, len(waiting), 500):
        photos = files.photos_of(db, waiting[start : start + 500])
        open_ = [number for number, photo in photos.items() if not app.intake.closed(photo.file)]
        work.look_over_waiting(db, open_, app.now())


@contextmanager
def reading(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[App]:
    """The house beside a running service: it decides and shows, and can change nothing.

    Immich is asked what it shows, as the service has found it; nothing is tried there and nothing is written.
    """
    ledger = store.open_for_reading(settings.state)
    try:
        hands = Hands(1)
        link = _linked(settings, environment or {})
        mirrored = link.mirrored if link is not None else None
        if link is not None:
            link.recall(ledger.get(assets.FOUND))
        if link is not None and ledger.get(FACES):
            settings = guarded(settings, link.mirrored.roots)
        try:
            crew = Crew(hands, suspects)
            house = house_of(settings, ledger, sinks_of(settings, mirrored=mirrored))
            if mirrored is not None:
                house = mirrored.furnished(house, sidecars_of(settings, mirrored))
            intake = _intake(settings, ledger, crew.now, connected=link is not None)
            worker = Worker(ledger, house, looking(settings), crew, intake=intake, pulse=Pulse())
            yield App(settings, ledger, worker, intake, Pulse(), crew.now)
            worker.close()
        finally:
            if link is not None:
                link.close()
            hands.close()
    finally:
        ledger.close()
