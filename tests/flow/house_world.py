"""A small library with the whole house around it: real photos, a real ledger, places in memory or sidecars."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from metadata import tags
from metadata.photo import Photo
from metadata.sinks.memory import MemorySink
from tests.patience import PATIENCE
from watcher import handing
from watcher.app import App, opened
from watcher.chores import Chores
from watcher.ledger import answers, files, store, words, work
from watcher.rooms import FIRST_LOOK
from watcher.settings import Settings

RED, GREEN, BLUE, WHITE = (200, 20, 20), (20, 180, 20), (20, 20, 200), (250, 250, 250)


def paint(path: Path, colour: tuple[int, int, int] = RED, *, mark: int = 0) -> Path:
    """A tiny photo; `mark` makes its picture differ from others of the colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (24, 16), colour)
    for bit in range(16):
        if mark >> bit & 1:
            image.putpixel((bit, 3), (colour[0] ^ 64, colour[1], colour[2]))
    kind = {".png": "PNG", ".tif": "TIFF"}.get(path.suffix.lower(), "JPEG")
    image.save(path, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return path


def soon(what: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """Wait until `what` answers something true; the answer."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while not (found := what()):
        assert time.monotonic() < until, "it did not happen in time"
        pause.wait(0.01)
    return found


class World:
    """One library with one root `p`, its ledger, and what a person does with it."""

    def __init__(self, folder: Path, *, real: bool = False, agreed: bool = True, **settings: Any) -> None:
        self.photos, self.state = folder / "photos", folder / "state"
        self.photos.mkdir(parents=True, exist_ok=True)
        self.sink = None if real else MemorySink()
        self.changed = settings
        self.agreed = agreed
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def settings(self, **more: Any) -> Settings:
        raw = {
            "state": self.state,
            "roots": [{"name": "p", "path": self.photos}],
            "taggers": ["colour"],
            "facts": [],
            "settle": 0.02,
            "cooldown": 0.0,
            "workers": 2,
            "auto_apply": 100,
            **self.changed,
            **more,
        }
        return Settings.model_validate(raw)

    def sinks(self) -> dict[str, Any] | None:
        return {"memory": self.sink} if self.sink is not None else None

    @contextmanager
    def open(self, **more: Any) -> Iterator[App]:
        """The house; `more` goes to `opened` or is a setting."""
        ways = {name: more.pop(name) for name in ("backlog", "probe") if name in more}
        agreed = ("p",) if self.agreed else ()
        settings = self.settings(**more)
        with opened(settings, agreed=agreed, sinks=self.sinks(), now=self.now, **ways) as app:
            yield app

    def run(self, **more: Any) -> App:
        """One pass of the service, as with `--once`."""
        with self.open(**more) as app:
            self.work(app, take_up=more.get("backlog", True))
        return app

    def work(self, app: App, *, take_up: bool = True) -> None:
        """All that is due, in a house that is open."""
        if take_up:
            with app.ledger.transaction() as db:
                work.take_up(db, None, app.now(), gate=FIRST_LOOK)
        app.begin_today()
        chores = Chores(app)
        app.worker.run(until_idle=True, every=chores, rest=chores.rest)

    def do(self, name: str, **values: Any) -> dict[str, Any]:
        """A command, as from the command line while no service runs."""
        with self.open() as app:
            return handing._here(app, name, values)[0]

    @contextmanager
    def serving(self, **more: Any) -> Iterator[App]:
        """The service in a thread of its own, which owns the ledger; this thread gives the commands."""
        started, failed = threading.Event(), []
        holder: list[App] = []

        def serve() -> None:
            try:
                with self.open(**more) as app:
                    holder.append(app)
                    app.begin_today()
                    started.set()
                    app.worker.run(until_idle=False, every=Chores(app))
            except BaseException as error:
                failed.append(error)
                started.set()
                raise

        thread = threading.Thread(target=serve, name="service")
        thread.start()
        try:
            started.wait(PATIENCE)
            assert not failed, failed
            yield holder[0]
        finally:
            if holder:
                holder[0].worker.stop()
            thread.join(PATIENCE)
        assert not failed, failed

    # What is known

    @contextmanager
    def book(self) -> Iterator[Any]:
        ledger = store.open_for_reading(self.state)
        try:
            yield ledger.db
        finally:
            ledger.close()

    def status(self) -> Mapping[str, Any]:
        with self.book() as db:
            return answers.status(db, self.now())

    def ask(self, query: str, *values: Any) -> list[Any]:
        with self.book() as db:
            return db.execute(query, values).fetchall()

    def photo(self, name: str) -> Photo:
        with self.book() as db:
            found = files.find(db, "p", os.fsencode(self.photos), os.fsencode(name))
        assert found is not None, f"{name} is not known"
        return found

    def state_of(self, name: str) -> tuple[str, str, str]:
        """State, gate and reason."""
        return self.ask("SELECT state, gate, reason FROM photos WHERE id = ?", self.photo(name).id)[0]

    def truth(self, name: str) -> dict[str, bool]:
        """The words that stand, and whether they are ours."""
        with self.book() as db:
            number = self.photo(name).id
            truth = words.truths(db, [number])[number]
        return {tags.show(word): key in truth.ours for key, word in truth.words.items()}

    def refused(self, name: str) -> set[str]:
        with self.book() as db:
            number = self.photo(name).id
            return {tags.show(word) for word in words.truths(db, [number])[number].refused.values()}

    def refusals(self) -> int:
        return self.ask("SELECT count(*) FROM refusals")[0][0]

    # The place in memory

    def words(self, name: str) -> set[str]:
        """The keywords that stand in the place in memory."""
        seen = self.sink.read([self.photo(name)])[0]
        return set(seen.lists.get(tags.TAGS_LIST, ()))

    def edit(self, name: str, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
        """A person with digiKam: all fields at once."""
        photo = self.photo(name)
        seen = self.sink.read([photo])[0]
        paths = [tags.from_tags_list(value) for value in seen.lists.get(tags.TAGS_LIST, ())]
        paths = [path for path in paths if tags.show(path) not in remove]
        paths += [tags.from_tags_list(value) for value in add]
        self.sink.put(
            photo,
            lists={
                tags.TAGS_LIST: tuple(tags.to_tags_list(path) for path in paths),
                tags.HIERARCHICAL: tuple(tags.to_hierarchical(path) for path in paths),
                tags.SUBJECT: tuple(path[-1] for path in paths),
            },
            texts=seen.texts,
            claimed=seen.claimed,
        )
        self.touch(name)

    def touch(self, name: str) -> None:
        """The next walk finds that the photo changed."""
        path = self.photos / name
        found = path.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1_000_000_000))
