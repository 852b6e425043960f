"""Immich is asked again and again; what it tells becomes photos that are due (`watcher.news`).

Asking is done in a thread of its own; everything else belongs to the thread that owns the ledger. Of a file
that Immich has, nothing is looked at before Immich has said that it may be (`watcher.admission`).
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

from metadata.errors import PlaceClosed, TagwrightError, TryAgain
from watcher import veil
from watcher.admission import BUSY, Admission, Contact
from watcher.ledger import assets, files, work
from watcher.ledger.store import Ledger
from watcher.link import MARKED, Link, Report
from watcher.news import News
from watcher.rooms import CLOSED

log = logging.getLogger(__name__)

MARKS_AGAIN: Final = 600.0
"""Seconds until the marker is tried again, where Immich did not take it."""
PATIENCE: Final = 15.0
"""Seconds without an answer after which nothing more is begun in Immich."""
ENDS: Final = 3.0
"""Seconds that a look under way has at the end."""
OFFERED: Final = 40
"""Photos of which one is chosen to try a mount."""


class Poll:
    """The look at Immich every `immich.poll` seconds."""

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        *,
        now: Callable[[], float],
        backlog: bool = True,
        agreed: Sequence[str] = (),
        sweeps: Sequence[veil.Sweep] = (),
    ) -> None:
        """`backlog`: photos that are there already are taken up; `agreed` roots are written without asking."""
        self._ledger, self.link, self._now = ledger, link, now
        self._contact = Contact()
        self.news = News(ledger, link, self._contact, now=now, backlog=backlog, sweeps=sweeps)
        self.admission = Admission(ledger, link, self._contact, now=now, sweeps=sweeps, soon=self.soon)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="immich")
        self._asked: Future[Report] | None = None
        self._marking: Future[list[str]] | None = None
        self._marks_due = 0.0
        self._due = 0.0
        self._soon = threading.Event()
        self.wake: Callable[[], object] = lambda: None
        """Called from the poll's thread when there is an answer."""
        self.users: Callable[[Mapping[str, frozenset[str]]], object] = lambda _: None
        """Called with the users whose keys are set, and what each is called, once Immich has said."""
        self.imports: Callable[[bool], object] = lambda _: None
        """Called with whether Immich imports faces from files, each time it was asked."""
        self._recall()
        if link.remote is not None:
            with ledger.transaction() as db:
                base = os.fsencode(link.remote.path)
                is_agreed = link.remote.name in agreed
                files.root(db, link.remote.name, base, agreed=now() if is_agreed else None)

    @property
    def down(self) -> str:
        """Why Immich takes nothing, or ""."""
        return self._contact.down

    def _recall(self) -> None:
        """What an earlier process found out: where Immich's folders are here, and how they are written."""
        self.link.recall(self._ledger.get(assets.FOUND))

    def _note(self) -> None:
        found = {
            "paths": [(each.container, os.fsdecode(each.host)) for each in self.link.paths.maps],
            "named": self.link.named,
            "ways": {os.fsdecode(host): way.name for host, way in self.link.ways.found.items()},
        }
        if (text := json.dumps(found)) != self._ledger.get(assets.FOUND):
            self._ledger.put(assets.FOUND, text)

    def close(self) -> None:
        """Asks no more; a look under way has a moment to take away what it tried."""
        self.link.end()
        under_way: list[Future[Any]] = [one for one in (self._asked, self._marking) if one is not None]
        wait(under_way, ENDS)
        self.link.mirrored.ending()
        self._thread.shutdown(cancel_futures=True)
        self.link.close()

    # The look, again and again

    def __call__(self) -> bool:
        """Ask if it is time, book what was told; whether anything moved."""
        moved = False
        if not self.down and (silent := self.link.silent()) > PATIENCE:
            self._is_down(f"it takes questions and has answered none for {silent:.0f} s")
        if self._asked is not None and self._asked.done():
            self._answered(self._asked)
            self._asked, moved = None, True
        if self._marking is not None and self._marking.done():
            self._got_marked(self._marking)
            self._marking = None
        if self.news.open:
            if not self.news.book():
                return True
            self._mark()
            moved = True
        if self._asked is None and (self._soon.is_set() or time.monotonic() >= self._due):
            self._soon.clear()
            self._due = time.monotonic() + self.link.settings.poll
            self._offer()
            known = assets.known(self._ledger.db) if not self._contact.looks else {}
            self._asked = self._thread.submit(self.link.look, known)
            self._asked.add_done_callback(lambda _: self.wake())
        return moved

    def _offer(self) -> None:
        """Photos on which mounts may be tried anew."""
        for mount in self.link.tries.wanted() if self._contact.looks else ():
            self.link.tries.offer(
                mount, assets.idle(self._ledger.db, mount.container, self._now() + BUSY / 2, OFFERED)
            )

    def soon(self) -> None:
        """Ask at the next turn, rather than when it would be time."""
        self._soon.set()
        self.wake()

    def busy(self) -> bool:
        """Whether a look is under way, or what it brought is not booked yet."""
        return self._asked is not None or self.news.open

    def fresh(self) -> bool:
        """Whether what Immich has to say is known and booked, and what is done marked; the end of a pass waits."""
        if self.busy() or not (self._contact.looks or self.down):
            return False
        self._mark()
        return self._marking is None

    def _answered(self, asked: Future[Report]) -> None:
        try:
            report = asked.result()
        except (TryAgain, PlaceClosed) as error:
            self._is_down(error.reason if isinstance(error, (TryAgain, PlaceClosed)) else str(error))
            return
        except TagwrightError as error:
            self._is_down(str(error))
            return
        except Exception as error:
            log.exception("the look at Immich failed; please report it")
            self._is_down(f"internal error: {error!r}")
            return
        self._contact.looks += 1
        if self._contact.looks == 1:
            self.users(report.owners)
        if report.imports is not None:
            self.imports(report.imports)
        self.news.hear(report)
        self._note()
        self._turned()
        self._is_back()

    def _is_down(self, reason: str) -> None:
        if not self.down:
            log.warning("Immich: %s; keywords wait, looking goes on", reason)
        self._contact.down = reason

    def _is_back(self) -> None:
        """What waited for Immich is due."""
        if self.down:
            log.info("Immich answers again")
            self.link.tries.doubt_immich()
        self._contact.down = ""
        db = self._ledger.db
        for root in self.link.mirrored.roots:
            query = "DELETE FROM stops WHERE root = ? AND place = 'closed' AND reason LIKE 'Immich%'"
            if db.execute(query, (root,)).rowcount:
                with self._ledger.transaction():
                    work.release(db, [CLOSED], self._now(), root)

    def _turned(self) -> None:
        """Photos of a mount that is written in another way by now are decided anew."""
        while self.link.tries.changed:
            mount, before, after = self.link.tries.changed.pop()
            log.warning("%s: before, %s; now, %s", os.fsdecode(mount.host), before.value, after.value)
            with self._ledger.transaction() as db:
                count = assets.decide_anew(db, mount.container, self._now())
                for root in self.link.mirrored.roots:
                    db.execute("DELETE FROM stops WHERE root = ? AND place = 'closed'", (root,))
                    work.release(db, [CLOSED], self._now(), root)
            log.info("%d photos are decided anew", count)

    def problems(self) -> list[str]:
        """For `status`: what is wrong with the connection."""
        return [f"Immich: {self.down}; what is to be written waits"] if self.down else []

    # The marker

    def _mark(self) -> None:
        if not self.link.settings.marker or self._marking is not None or self.down:
            return
        if time.monotonic() < self._marks_due:
            return
        open_ = assets.unmarked(self._ledger.db, MARKED)
        if open_:
            self._marking = self._thread.submit(self.link.mark, [(each.id, each.owner) for each in open_])
            self._marking.add_done_callback(lambda _: self.wake())

    def _got_marked(self, marking: Future[list[str]]) -> None:
        try:
            done = marking.result()
        except TagwrightError as error:
            log.warning("the marker could not be put on photos: %s", error)
            self._marks_due = time.monotonic() + MARKS_AGAIN
            return
        with self._ledger.transaction() as db:
            assets.mark(db, done)
