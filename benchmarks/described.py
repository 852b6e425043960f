"""How many photos a vision model is asked about: the whole service, real photos, servers that take one second.

The servers are of our own and run in a process of their own; each takes four questions at once and answers one
second after it has read a question whole. Photos are JPEGs of 12 megapixels, each another picture. The rate is
taken from the first question to the last answer; the photos had their other keywords before, as in a backlog.

python -m benchmarks.described [--photos 60]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.household import HOUSE
from benchmarks.table import Figure

SLOTS, ANSWER = 4, 1.0
GOALS = {1: 3.8, 3: 11.0}
SAID = {"kind": "photo", "title": "A field", "caption": "A field in some colour.", "keywords": ["field", "grass"]}


def serve(hosts: int) -> None:
    """As many servers as there are to be; their ports are printed, and at the end what they were asked."""
    times: list[tuple[float, float]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # as every server has it: an answer in two parts would take 40 ms more

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            start = time.monotonic()
            with self.server.free:  # type: ignore[attr-defined]
                time.sleep(ANSWER)
            times.append((start, time.monotonic()))
            content = json.dumps({"message": {"content": json.dumps(SAID)}, "done_reason": "stop"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(hosts)]
    for server in servers:
        server.free = threading.BoundedSemaphore(SLOTS)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps([server.server_address[1] for server in servers]), flush=True)
    sys.stdin.read()
    print(json.dumps([len(times), max(end for _, end in times) - min(start for start, _ in times)]), flush=True)


@contextmanager
def serving(hosts: int) -> Iterator[tuple[list[str], list[float]]]:
    words = [sys.executable, "-m", "benchmarks.described", "--serve", str(hosts)]
    told: list[float] = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HOUSE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        yield [f"http://127.0.0.1:{port}" for port in ports], told
        process.stdin.close()
        told += json.loads(process.stdout.readline())


def photos(folder: Path, count: int) -> None:
    """JPEGs of 12 megapixels whose pictures differ."""
    folder.mkdir()
    picture = Image.effect_noise((500, 375), 80).resize((4000, 3000)).convert("RGB")
    for number in range(count):
        one, left, top = picture.copy(), 64 * (number % 60), 64 * (number // 60)
        one.paste((9, 200, 9), (left, top, left + 64, top + 64))
        file = io.BytesIO()
        one.save(file, "JPEG", quality=88)
        (folder / f"{number}.jpg").write_bytes(file.getvalue())


def rate(hosts: int, count: int) -> tuple[float, float]:
    """Photos a second, and the seconds until all had been looked at and delivered without the model before."""
    from watcher.app import opened  # noqa: PLC0415 - the servers' process needs none of it
    from watcher.chores import Chores  # noqa: PLC0415 - as above
    from watcher.settings import Settings  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as name, serving(hosts) as (urls, told):
        photos(Path(name, "photos"), count)
        raw = {
            "state": Path(name, "state"),
            "roots": [{"name": "p", "path": Path(name, "photos")}],
            "settle": 0.0,
            "ollama": {"hosts": urls},
        }
        seconds = []
        for captioner in ("", "ollama"):
            start = time.monotonic()
            with opened(Settings.model_validate({**raw, "captioner": captioner}), agreed=("p",)) as app:
                app.begin_today()
                chores = Chores(app)
                app.worker.run(until_idle=True, every=chores, rest=chores.rest)
            seconds.append(time.monotonic() - start)
    answered, taken = told
    assert answered == count, f"{answered} answers for {count} photos"
    return count / taken, seconds[0]


def figures(count: int) -> Iterable[Figure]:
    for hosts, goal in GOALS.items():
        found, quick = rate(hosts, count * hosts)
        yield Figure(
            f"described, {hosts} host{'s' if hosts > 1 else ''} of {SLOTS} slots and {ANSWER:g} s",
            f">= {goal:g} photos/s",
            f"{found:.2f} photos/s ({count * hosts} of 12 MP; looked at and delivered before in {quick:.1f} s)",
            found >= goal,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
    else:
        for figure in figures(given.photos):
            print(figure.name, figure.measured, figure.verdict)
        print(f"load {os.getloadavg()[0]:.1f}")
