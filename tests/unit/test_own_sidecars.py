"""What this process puts in place itself is no news; whatever anybody else does there is."""

import os
import queue

import pytest
from watchdog.observers.api import ObservedWatch

from metadata.replace import Wish, put
from watcher.arrival import Kind, Pace, WatchedRoot
from watcher.watching import InotifyEmitter


@pytest.fixture
def emitter(tmp_path):
    root = WatchedRoot("r", os.fsencode(tmp_path))
    watch = ObservedWatch(str(tmp_path), recursive=True)
    made = InotifyEmitter(queue.Queue(), watch, root=root, pace=Pace(poll=0.0, check=0.0))
    yield made
    made.close()


def told(emitter):
    emitter.turn()
    said = []
    while not emitter._event_queue.empty():
        arrival = emitter._event_queue.get()[0].arrival
        said.append((arrival.path, arrival.kind))
    return said


def ours(tmp_path, name, before, after):
    path = os.fsencode(tmp_path / name)
    assert put([Wish(path, before, after, os.fsencode(tmp_path), os.fsencode(tmp_path))]) == [None]


def test_a_new_sidecar_of_ours_is_not_told(emitter, tmp_path):
    ours(tmp_path, "a.jpg.xmp", None, b"one")
    assert told(emitter) == []


def test_a_sidecar_that_somebody_else_moves_or_writes_there_is_told(emitter, tmp_path):
    ours(tmp_path, "a.jpg.xmp", None, b"one")
    assert told(emitter) == []
    (tmp_path / "draft").write_bytes(b"two")
    os.rename(tmp_path / "draft", tmp_path / "a.jpg.xmp")
    assert told(emitter) == [(b"a.jpg.xmp", Kind.CLOSED)]
    (tmp_path / "a.jpg.xmp").write_bytes(b"three")
    assert told(emitter) == [(b"a.jpg.xmp", Kind.CLOSED)]


def test_a_photo_that_this_process_replaces_is_told(emitter, tmp_path):
    ours(tmp_path, "a.jpg", None, b"one")
    assert told(emitter) == [(b"a.jpg", Kind.CLOSED)]
