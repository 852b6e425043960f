"""Runs a pass on a small library again and again, kills it, and compares with one that was never killed.

A program of its own, because it forks: everything heavy is imported once, and it has no threads. It prints
what it found as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields as columns
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metadata import rename, replace, xmp
from metadata.sinks import Change
from models.look import Item, LookJob, look
from tests.flow.house_world import BLUE, GREEN, RED, World, paint
from tests.patience import PATIENCE
from watcher import app
from watcher.ledger import store, words

DATE = re.compile(rb'(xmp:MetadataDate(?:="|>))[^"<]*')
TIMES = frozenset({"written", "since", "writes", "digest", "history"})
"""What a memory holds that differs with the moment of writing: only how many there are is compared."""

Tree = dict[str, bytes]


def library(folder: Path) -> None:
    """Fourteen photos: groups, copies, one broken, sidecars by others."""
    for number in range(5):
        paint(folder / f"a{number}.jpg", RED, mark=number)
    for number in range(4):
        paint(folder / f"deep/in/b{number}.jpg", BLUE, mark=number)
    paint(folder / "pair.jpg", GREEN, mark=1)
    paint(folder / "pair.png", GREEN, mark=2)
    shutil.copy(folder / "a1.jpg", folder / "deep/copy.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    for name, added in (("a0.jpg.xmp", "Oma"), ("a2.xmp", "colour"), ("deep/in/b0.jpg.xmp", "See")):
        change = Change(
            add={"dc:subject": (added,), "digiKam:TagsList": (added,)}, texts={"dc:description": added}
        )
        data = xmp.create(change, datetime(2020, 1, 2, tzinfo=UTC), b"x").data
        (folder / name).write_bytes(data)
    paint(folder / "a9.jpg", RED, mark=99)


def tree(world: World, *, plain: bool = False) -> Tree:
    """Every file; with `plain` the time of writing is blotted out."""
    found = {}
    for path in sorted(world.photos.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            found[str(path.relative_to(world.photos))] = DATE.sub(rb"\1-", data) if plain else data
    return found


def book(world: World) -> dict[str, list[Any]]:
    """Everything the ledger holds, by names instead of numbers and without times."""
    base = str(world.photos)
    names = "folders.path || '/' || photos.name"
    joined = "JOIN photos ON photos.id = {0}.photo JOIN folders ON folders.id = photos.folder"
    queries = {
        "photos": f"SELECT {names}, stem, hex(digest), state, reason, gate, look, due, attempts, booked, rules, "
        "gone, format, width, delivered > 0 FROM photos JOIN folders ON folders.id = photos.folder",
        "standing": f"SELECT {names}, words.text, ours, source, score FROM standing {joined.format('standing')} "
        "JOIN words ON words.id = standing.word",
        "captions": f"SELECT {names}, caption, ours, conflict, texts_refused FROM captions "
        f"{joined.format('captions')}",
        "withheld": f"SELECT {names}, key FROM withheld {joined.format('withheld')}",
        "writes": f"SELECT {names}, place, substr(writes.path, {len(os.fsencode(base)) + 1}), run, words, "
        f"carried, writes.state FROM writes {joined.format('writes')}",
        "events": f"SELECT {names}, events.run, place, what, word FROM events {joined.format('events')}",
        "refusals": "SELECT stem, key FROM refusals",
        "evidence": "SELECT hex(digest), source, version, said FROM evidence WHERE length(digest) > 8",
        "tallies": "SELECT * FROM tallies",
        "sidecars": "SELECT folders.path || '/' || name FROM sidecars "
        "JOIN folders ON folders.id = sidecars.folder",
        "runs": "SELECT id, why FROM runs",
        "stops": "SELECT * FROM stops",
        "offers": "SELECT * FROM offers",
    }
    found = {name: sorted(map(repr, world.ask(query))) for name, query in queries.items()}
    with world.book() as db:
        rows = db.execute(f"SELECT photos.id, {names} FROM photos JOIN folders ON folders.id = photos.folder")
        known = dict(rows.fetchall())
        memories = words.memories(db, list(known))
    found["memory"] = sorted(
        repr((known[number], place, _plain(memory)))
        for number, some in memories.items()
        for place, memory in some.items()
    )
    return found


def _plain(memory: words.Memory) -> list[Any]:
    plain = []
    for column in columns(memory):
        value = getattr(memory, column.name)
        value = sorted(value) if isinstance(value, frozenset) else value
        plain.append((column.name, len(value) if column.name in TIMES else value))
    return plain


def forked(work: Callable[[], object]) -> int:
    """Do it in a child; its process number."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - this is the end of the child
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(child: int, within: float) -> int | None:
    """The child's end within so many seconds; None when it had to be killed."""
    handle = os.pidfd_open(child)
    try:
        done, _, _ = select.select([handle], [], [], within)
    finally:
        os.close(handle)
    if not done:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if done else None


@contextlib.contextmanager
def stepping(at: int) -> Iterator[None]:
    """Die before the step of this number: commits, and everything that touches a file of the library."""
    count = 0

    def step(real: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*values: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*values, **more)

        return stepped

    real_transaction = store.Ledger.transaction

    @contextlib.contextmanager
    def transaction(ledger: store.Ledger, **more: Any) -> Iterator[Any]:
        with real_transaction(ledger, **more) as db:
            yield db
            step(int)()
        step(int)()

    store.Ledger.transaction = transaction  # type: ignore[method-assign]
    for module, name in ((rename, "move"), (rename, "exchange"), (replace, "_write"), (replace, "_discard")):
        setattr(module, name, step(getattr(module, name)))
    yield


class Trial:
    """A fresh copy of the library, killed and run to the end."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.world = World(folder, real=True, memory="64M", taggers=["colour"], facts=["monochrome"])
        shutil.copytree(model, self.world.photos, dirs_exist_ok=True)

    def go(self, *, step: int = 0) -> int:
        """Start a pass; the child's number."""

        def work() -> None:
            with stepping(step) if step else contextlib.nullcontext():
                self.world.run()

        return forked(work)

    def finish(self) -> None:
        code = ended(self.go(), PATIENCE)
        if code != 0:
            raise AssertionError(f"the last pass ended with {code}")

    def go_undo(self, *, step: int = 0) -> int:
        """Start to take everything back; the child's number."""

        def work() -> None:
            with stepping(step) if step else contextlib.nullcontext():
                self.world.do("undo")

        return forked(work)

    def undo(self) -> None:
        code = ended(self.go_undo(), PATIENCE)
        if code != 0:
            raise AssertionError(f"undo ended with {code}")


def differences(trial: Trial, model: Path, want: tuple[Tree, dict[str, list[Any]]]) -> list[str]:
    """What is otherwise than without a kill; nothing, if all is well."""
    found = []
    now = tree(trial.world, plain=True)
    found += [f"file {name}" for name in sorted(now.keys() ^ want[0].keys())]
    found += [f"content of {name}" for name in now.keys() & want[0].keys() if now[name] != want[0][name]]
    held = book(trial.world)
    for name, rows in want[1].items():
        found += [f"{name}: missing {row}" for row in rows if row not in held[name]]
        found += [f"{name}: too much {row}" for row in held[name] if row not in rows]
        if len(rows) != len(held[name]):
            found.append(f"{name}: {len(held[name])} instead of {len(rows)}")
    return found + undone(trial, model)


def undone(trial: Trial, model: Path) -> list[str]:
    """What is otherwise than before us, once everything was taken back."""
    found = []
    trial.undo()
    before = {str(p.relative_to(model)): p.read_bytes() for p in sorted(model.rglob("*")) if p.is_file()}
    after = tree(trial.world)
    found += [f"after undo: {n}" for n in sorted(before.keys() | after.keys()) if before.get(n) != after.get(n)]
    found += ["a refusal"] * trial.world.refusals()
    return found


def main(kills: int, seed: int, *, steps: bool, undo: bool, stride: int) -> dict[str, Any]:
    """Kill so often, at random moments or before each step (of a pass, of an undo); what was found."""
    app.suspects = lambda: ThreadPoolExecutor(1)  # type: ignore[assignment,return-value] - no second fork
    store.secrets.token_hex = lambda size: "ab" * size  # the ledger's name stands in every sidecar
    chance = random.Random(seed)
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shm) as name:
        top = Path(name)
        model = top / "model"
        model.mkdir()
        library(model)
        look(LookJob((Item(1, os.fsencode(model / "a0.jpg")),), (("colour", ()), ("monochrome", ()))))
        reference = Trial(top / "reference", model)
        began = time.monotonic()
        reference.finish()
        length = time.monotonic() - began
        want = tree(reference.world, plain=True), book(reference.world)
        problems: list[str] = []
        done = trials = finished = 0
        moments: list[float] = []
        began = time.monotonic()
        while done < kills and not finished and len(problems) < 20:  # a trial more than needed does no harm
            trials += 1
            trial = Trial(top / f"trial{trials}", model)
            if undo:
                trial.finish()
                killed = ended(trial.go_undo(step=1 + stride * (trials - 1)), PATIENCE) == -signal.SIGKILL
                done, finished = done + killed, not killed
                problems += [f"trial {trials}: {what}" for what in undone(trial, model)]
                shutil.rmtree(top / f"trial{trials}")
                continue
            if steps:
                killed = ended(trial.go(step=1 + stride * (trials - 1)), PATIENCE) == -signal.SIGKILL
                done, finished = done + killed, not killed
            else:
                for _ in range(chance.randint(1, 8)):
                    moment = chance.uniform(0, 1.1 * length)
                    code = ended(trial.go(), moment)
                    if code is None:
                        done += 1
                        moments.append(moment)
                    elif code:
                        problems.append(f"trial {trials}: a pass ended with {code}")
            trial.finish()
            problems += [f"trial {trials}: {what}" for what in differences(trial, model, want)]
            shutil.rmtree(top / f"trial{trials}")
    took = time.monotonic() - began
    return {
        "kills": done,
        "trials": trials,
        "seconds": round(took, 1),
        "pass": round(length, 3),
        "sidecars": sum(name.endswith(".xmp") for name in want[0]),
        "problems": problems[:20],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", action="store_true")
    parser.add_argument("--undo", action="store_true")
    parser.add_argument("--stride", type=int, default=1)
    given = parser.parse_args()
    found = main(given.kills, given.seed, steps=given.steps, undo=given.undo, stride=given.stride)
    json.dump(found, sys.stdout, indent=1)
