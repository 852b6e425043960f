"""Photos looked at by processes of this one and by workers of a cluster on this machine, and what a batch costs.

No goals; `python -m benchmarks.machines [PHOTOS]` prints its own figures. Ways are taken in turns; medians.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy
from PIL import Image

from models.look import Item, Looked, LookJob, look
from watcher.cluster import errand
from watcher.cluster.errand import Whence
from watcher.cluster.executor import Cluster, Times
from watcher.cluster.post import Post

BATCH = 32
TAGGERS = (("monochrome", ()), ("night", ()), ("panorama", ()), ("screenshot", ()), ("colour", ()))

Send = Callable[[LookJob], Future[list[Looked]]]


def photos(folder: Path, count: int, width: int = 3000) -> list[Path]:
    """JPEGs of 6.75 megapixels, each another picture."""
    noise = numpy.random.default_rng(1).integers(0, 255, (width * 3 // 64, width // 16, 3), dtype=numpy.uint8)
    made = []
    for number in range(count):
        file = folder / f"p{number:05}.jpg"
        if number < 8:
            turned = Image.fromarray(numpy.roll(noise, 5 * number, axis=1))
            turned.resize((width, width * 3 // 4), Image.Resampling.BICUBIC).save(file, quality=88)
        else:
            file.write_bytes(made[number % 8].read_bytes() + b"%d" % number)
        made.append(file)
    return made


def batches(files: Sequence[Path]) -> list[LookJob]:
    """All photos, 32 at once."""
    items = [Item(number, os.fsencode(file)) for number, file in enumerate(files)]
    return [LookJob(tuple(items[at : at + BATCH]), TAGGERS) for at in range(0, len(items), BATCH)]


@contextlib.contextmanager
def machines(folder: Path, photos_: Path, processes: int) -> Iterator[str]:
    """A scheduler and one `tagwright worker` with so many processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    config = folder / "worker.toml"
    root = f'[[roots]]\nname = "p"\npath = "{photos_}"\n'
    config.write_text(f'state = "{folder}/state"\ncluster = "{address}"\n{root}')
    words = [sys.executable, "-m", "watcher.cli", "--config", str(config)]
    started = [
        subprocess.Popen([*words, *more], stdout=subprocess.DEVNULL)
        for more in (["scheduler"], ["worker", "--processes", str(processes)])
    ]
    try:
        yield address
    finally:
        for each in reversed(started):
            each.terminate()
            each.wait()


def rate(send: Send, jobs: Sequence[LookJob]) -> tuple[float, float]:
    """Photos a second, and milliseconds of a core for each with all that was needed for it."""
    began, before = time.monotonic(), core()
    futures = [send(job) for job in jobs]
    wait(futures)
    taken = time.monotonic() - began
    assert all(one.error is None for future in futures for one in future.result())
    count = sum(len(job.photos) for job in jobs)
    return count / taken, 1000 * (core() - before) / count


def core() -> float:
    """Seconds of a core that this process and all below it have taken."""
    rows = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parts = entry.read_text().rpartition(")")[2].split()
            rows[int(entry.parent.name)] = (int(parts[1]), int(parts[11]) + int(parts[12]))
    ours = {os.getpid()}
    while more := {pid for pid, (parent, _) in rows.items() if parent in ours} - ours:
        ours |= more
    return sum(rows[pid][1] for pid in ours if pid in rows) / os.sysconf("SC_CLK_TCK")


def cost(send: Send, job: LookJob, times: int = 20) -> float:
    """Milliseconds from sending one batch to its answer, the median."""
    taken = []
    for _ in range(times):
        began = time.monotonic()
        send(job).result()
        taken.append(1000 * (time.monotonic() - began))
    return statistics.median(taken)


def to_cluster(address: str, folder: Path, workers: int) -> tuple[Cluster, Send]:
    """The way of the house: packed, sent, compared with the files as they are here."""
    exam = partial(errand.exam, TAGGERS, None)
    cluster = Cluster(address, exam=exam, times=Times(look=0.2, again=0.2))
    while cluster.slots < workers:
        time.sleep(0.05)
    post = Post(cluster, (), look)

    def send(job: LookJob) -> Future[list[Looked]]:
        return post.send(
            job, [Whence("p", os.path.relpath(item.path, os.fsencode(folder))) for item in job.photos]
        )

    return cluster, send


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as last:
        folder = Path(name, "photos")
        folder.mkdir()
        jobs = batches(photos(folder, count))
        found: dict[str, list[tuple[float, float]]] = {}
        ways: dict[str, Send] = {}
        for processes in (1, 2):
            pool = last.enter_context(ProcessPoolExecutor(processes, mp_context=get_context("spawn")))
            ways[f"processes of this one: {processes}"] = partial(pool.submit, look)
            own = Path(name, str(processes))
            own.mkdir()
            address = last.enter_context(machines(own, folder, processes))
            cluster, send = to_cluster(address, folder, processes)
            last.enter_context(cluster)
            ways[f"workers of a cluster: {processes}"] = send
        for way in ways.values():
            rate(way, jobs[:4])  # everything is imported
        for _ in range(3):
            for what, way in ways.items():
                found.setdefault(what, []).append(rate(way, jobs))
        for what, rates in found.items():
            fast, dear = zip(*rates, strict=True)
            spread = f"{min(fast):.0f} to {max(fast):.0f}"
            print(
                f"{what}: {statistics.median(fast):.0f} photos/s ({spread}), "
                f"{statistics.median(dear):.1f} ms of a core each ({min(dear):.1f} to {max(dear):.1f})"
            )
        bare = LookJob(jobs[0].photos)
        for what in ("processes of this one: 1", "workers of a cluster: 1"):
            print(f"{what}: {cost(ways[what], bare):.1f} ms for {BATCH} photos that no source looks at")
        empty = LookJob(jobs[0].photos[:1])
        for what in ("processes of this one: 1", "workers of a cluster: 1"):
            print(f"{what}: {cost(ways[what], empty):.1f} ms for one such photo")


if __name__ == "__main__":
    main()
