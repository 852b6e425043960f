"""What is done besides the walk of photos: commands handed over, midnight, changed rules, first looks."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from watcher import allocator, pages
from watcher.app import App
from watcher.crier import Crier
from watcher.ledger import evidence, requests, texts, work, writes
from watcher.restyle import Restyling
from watcher.rooms import FIRST_LOOK, RULES
from watcher.worker import agreed

log = logging.getLogger(__name__)

ASK = 0.5
"""Seconds between two looks for commands that were handed over."""
QUIET = 5.0
"""Seconds between two looks at what no write of the ledger tells of."""
SWEEP = 10.0
"""Seconds between two looks for tags that nobody uses any more."""
CRY = 30.0
"""Seconds between two looks for what a person should be told."""
TIDY = 30.0
"""Seconds between two looks for objects that nobody needs any more."""
HOUR, DAY = 3600.0, 86400.0


class Chores:
    """Called by the worker between its steps; each chore is short, or done in slices."""

    def __init__(
        self,
        app: App,
        *,
        problems: Callable[[], list[str]] = list,
        service: bool = True,
        ask: bool = False,
        crier: Crier | None = None,
    ) -> None:
        """`ask`: a person is asked before any first look is written. Without `service` no day is begun."""
        self._crier = crier
        self._app = app
        self._service = service
        self._ask = ask
        self._problems = problems
        self._due = {
            "ask": 0.0,
            "quiet": 0.0,
            "cry": 0.0,
            "sweep": 0.0,
            "tidy": time.monotonic() + TIDY,
            "hour": 0.0,
            "day": time.monotonic() + 60.0,
        }
        self._state: tuple[int, int] | None = None
        self._reconsidering = ""
        self._told: set[str] = set()
        self._asked = False
        self._restyling: Restyling | None = Restyling(app) if service else None

    def __call__(self) -> None:
        """One round of what is due."""
        if self._is_due("ask", ASK) and self._stirred():
            self._requests()
            self._look_over()
        if self._crier and self._is_due("cry", CRY):
            self._crier.look(self._app.ledger.db)
        if self._service and self._is_due("hour", HOUR):
            self._hourly()
        if self._service and self._is_due("day", DAY):
            self._daily()
        if self._service and self._is_due("tidy", TIDY):
            allocator.tidy()
        if self._reconsidering:
            self._reconsider()
        if self._app.poll is not None and self._app.poll():
            self._app.worker.nudge()  # there may be more to book, or photos that are due
        if self._app.nearby is not None and self._app.nearby():
            self._app.worker.nudge()
        self._restyle()
        if self._is_due("sweep", SWEEP):
            self._sweep()

    def _sweep(self) -> None:
        """Look at tags that a merge may have left empty, once all else is done."""
        from watcher import sweeping  # noqa: PLC0415 - no start waits for it

        ledger, poll = self._app.ledger, self._app.poll
        runs = sweeping.waiting(ledger.db) if self._app.worker.idle() else []
        if not runs or poll is None or poll.down:
            return
        unused = poll.link.database.unused if poll.link.database is not None else None
        for run in runs:
            sweeping.sweep(ledger, run, poll.link.keys.by_owner, unused)

    def _restyle(self) -> None:
        """Move our words to sidecars of another name, once all else is done."""
        if self._restyling and self._app.worker.idle() and not self._restyling.step():
            self._restyling = None

    def _stirred(self) -> bool:
        """Whether the ledger was written since the last look, by us or by others; at times in any case."""
        db = self._app.ledger.db
        state = (db.total_changes, db.execute("PRAGMA data_version").fetchone()[0])
        changed, self._state = state != self._state, state
        return self._is_due("quiet", 0.0 if changed else QUIET) or changed

    def rest(self) -> bool:
        """All is done: look whether something that was held may go now; whether there is work again."""
        if self._app.poll is not None and not self._app.poll.fresh():
            return True
        if self._app.nearby is not None and not self._app.nearby.fresh():
            return True
        self._look_over()
        while self._reconsidering:
            self._reconsider()
        while self._restyling and self._app.worker.idle():
            self._restyle()
        self._sweep()
        return not self._app.worker.idle()

    def _is_due(self, name: str, pause: float) -> bool:
        at = time.monotonic()
        if at < self._due[name]:
            return False
        self._due[name] = at + pause
        return True

    def _requests(self) -> None:
        """Do what another process was asked to, because this one holds the ledger."""
        asked = requests.waiting(self._app.ledger.db)
        if not asked and not self._asked:
            return
        from watcher import commands  # noqa: PLC0415 - as above

        if asked:
            self._app.worker.finish_deliveries()
        for number, command, arguments in asked:
            requests.answer(self._app.ledger.db, number, *commands.attempt(self._app, command, arguments))
        self._asked = self._asked or bool(asked)
        if self._asked and self._app.worker.idle():
            self._asked = False
            self._app.begin_today()  # what a person asked for was a run of its own, and is over

    def _look_over(self) -> None:
        """Let first looks go that are small, and tell of those that wait; note what `status` shows."""
        db, worker = self._app.ledger.db, self._app.worker
        for name in self._app.intake.doors:
            row = db.execute("SELECT agreed, waits FROM roots WHERE name = ?", (name,)).fetchone()
            asked = self._ask or not self._app.intake.doors[name].backlog
            if row[0] is not None or row[1] or asked or self._app.intake.busy(name):
                continue
            if not self._open_work(name):  # asked last: it looks at every photo
                self._first_look(name)
        self._look_over_remote()
        if self._reconsidering == "" and worker.house.stamp != self._app.ledger.get("rules") and worker.idle():
            self._begin_anew()
        growing = [os.fsdecode(path) for door in self._app.intake.doors.values() for path in door.growing]
        self._look_at_rest()
        missing = {f"root {name!r}: " for name, door in self._app.intake.doors.items() if door.waits}
        problems = [line for line in self._problems() if not any(map(line.startswith, missing))]  # it is told why
        problems = [*problems, *(self._app.poll.problems() if self._app.poll is not None else ())]
        problems += self._app.nearby.problems() if self._app.nearby is not None else ()
        for name, value in (("growing", ", ".join(growing[:20])), ("problems", "\n".join(problems))):
            if self._app.ledger.get(name) != value:
                self._app.ledger.put(name, value)

    def _look_over_remote(self) -> None:
        """The same for photos that lie in no folder here."""
        poll = self._app.poll
        if poll is None or poll.link.remote is None or self._ask or not poll.fresh() or poll.down:
            return
        name = poll.link.remote.name
        row = self._app.ledger.db.execute("SELECT agreed FROM roots WHERE name = ?", (name,)).fetchone()
        if row[0] is None and not self._open_work(name):
            self._first_look(name)

    def _look_at_rest(self) -> None:
        why = self._app.worker.resting()
        if self._app.ledger.get("rests") != why:
            self._app.ledger.put("rests", why)
            log.info("%s", f"rests: {why}" if why else "goes on")

    def _open_work(self, root: str) -> bool:
        row = self._app.ledger.db.execute(
            "SELECT 1 FROM photos JOIN folders ON folders.id = photos.folder WHERE folders.root = ? "
            "AND photos.gone IS NULL AND (photos.booked IS NOT NULL OR (photos.due <= ? AND photos.attempts = 0))",
            (root, self._app.now()),
        ).fetchone()
        return row is not None

    def _first_look(self, root: str) -> None:
        count = held(self._app, FIRST_LOOK, root)
        if count <= self._app.settings.auto_apply and not self._app.ledger.get(f"declined {root}"):
            agreed(self._app.ledger, root, self._app.now())
        elif root not in self._told:
            self._told.add(root)
            log.warning(
                "root %s was looked at for the first time: %d photos would get words. `tagwright plan` shows "
                "them, `tagwright apply` writes them",
                *(root, count),
            )

    def _hourly(self) -> None:
        """A new day or new rules are a new run."""
        self._app.refresh_rules()
        self._app.begin_today()

    def _daily(self) -> None:
        with self._app.ledger.transaction() as db:
            writes.forget(db, self._app.now() - self._app.settings.undo_for)
            requests.forget(db, self._app.now() - DAY)
            evidence.sweep(db)
            slip = self._app.nearby.slip if self._app.nearby is not None else None
            texts.tidy(db, slip.shelf.models if slip is not None else (), self._app.now())
        self._app.worker.prints.sweep(self._app.ledger.db)
        from watcher.commands import prune  # noqa: PLC0415 - as above

        for path in prune(self._app, apply=True)["sidecars_of_others"]:
            log.info("left behind by a photo that is gone, and not of our words alone: %s", path)

    def _begin_anew(self) -> None:
        """What earlier rules held is judged by today's."""
        self._reconsidering = self._app.worker.house.stamp
        self._app.ledger.db.execute("UPDATE photos SET gate = '' WHERE gate = ? AND due IS NULL", (RULES,))

    def _reconsider(self) -> None:
        """Choose anew for photos whose rules are not today's: what stays the same is stamped, the rest is held."""
        db, worker, stamp = self._app.ledger.db, self._app.worker, self._reconsidering
        if stamp != worker.house.stamp:
            self._begin_anew()
            return
        ids = [
            row[0]
            for row in db.execute(
                "SELECT id FROM photos WHERE state = 'delivered' AND rules != ? AND gate = '' AND gone IS NULL "
                "AND due IS NULL LIMIT 200",
                (stamp,),
            )
        ]
        if not ids:
            self._reconsidered()
            return
        with self._app.ledger.transaction():
            changed = [
                page.job.photo.id
                for page in pages.of(db, work.jobs(db, ids))
                if pages.changes(page, worker.house.rules_for(page), worker.house.wish(page.job.photo))
            ]
            work.hold(db, changed, RULES)
            same = set(ids) - set(changed)
            db.executemany("UPDATE photos SET rules = ? WHERE id = ?", [(stamp, number) for number in same])

    def _reconsidered(self) -> None:
        self._app.ledger.put("rules", self._reconsidering)
        self._reconsidering = ""
        count = held(self._app, RULES)
        if 0 < count <= self._app.settings.auto_apply:
            with self._app.ledger.transaction() as db:
                work.release(db, [RULES], self._app.now())
        elif count:
            log.warning("the rules changed; %d photos wait for `tagwright plan` and `tagwright apply`", count)


def held(app: App, gate: str, root: str | None = None) -> int:
    """How many photos wait behind a gate."""
    row = app.ledger.db.execute(
        "SELECT count(*) FROM photos JOIN folders ON folders.id = photos.folder WHERE photos.gate = ? "
        "AND photos.gone IS NULL AND photos.due IS NULL AND photos.state NOT IN ('aside', 'left') "
        "AND (? IS NULL OR folders.root = ?)",
        (gate, root, root),
    ).fetchone()
    return int(row[0])
