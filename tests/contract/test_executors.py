"""What batches may rely on, wherever they are looked at: threads, processes, and workers of a cluster."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from importlib.util import find_spec
from multiprocessing import get_context

import pytest

from metadata.errors import PhotoError
from models.look import Item, LookJob, look
from tests.cluster_world import Machines, held, refuse
from tests.flow.house_world import paint

KINDS = ("threads", "processes", "cluster")


@pytest.fixture(scope="module", autouse=True)
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as made:
        made.submit(os.getpid).result()
        yield made


@pytest.fixture(scope="module", autouse=True)
def scheduler(tmp_path_factory) -> Iterator[str]:
    if find_spec("distributed") is None:
        yield ""
        return
    machines = Machines(tmp_path_factory.mktemp("machines"), None)
    with machines.up(1):
        yield machines.address


@pytest.fixture(params=KINDS)
def executor(request) -> Iterator[Executor]:
    if request.param == "processes":
        yield request.getfixturevalue("processes")
        return
    with ThreadPoolExecutor(2) if request.param == "threads" else cluster(request) as made:
        yield made


def cluster(request) -> Executor:
    address = request.getfixturevalue("scheduler")
    pytest.importorskip("distributed")
    from watcher.cluster.executor import Cluster, Times

    return Cluster(address, times=Times(look=0.05, again=0.1))


def test_a_batch_has_the_same_answer_everywhere(executor, tmp_path):
    photos = [paint(tmp_path / f"p{number}.jpg", mark=number) for number in range(3)]
    (tmp_path / "broken.jpg").write_bytes(b"none")
    items = [Item(number, os.fsencode(path)) for number, path in enumerate([*photos, tmp_path / "broken.jpg"])]
    job = LookJob(tuple(items), (("colour", ()), ("monochrome", ())))
    answer = executor.submit(look, job).result()
    plain = look(job)
    assert [repr(one.error) for one in answer] == [repr(one.error) for one in plain]
    assert answer[:3] == plain[:3]


def test_answers_come_to_who_asked_and_in_order(executor):
    assert list(executor.map(pow, range(50), [2] * 50)) == [number**2 for number in range(50)]


def test_what_is_raised_there_is_raised_here(executor):
    with pytest.raises(ZeroDivisionError):
        executor.submit(divmod, 1, 0).result()
    with pytest.raises(PhotoError) as raised:
        executor.submit(refuse, b"/p.jpg").result()
    assert (raised.value.path, raised.value.reason) == (b"/p.jpg", "no picture")


def test_keywords_are_passed_on(executor):
    assert executor.submit(int, "11", base=2).result() == 3


def test_who_asked_is_called_when_it_is_done(executor):
    futures = [executor.submit(pow, 3, number) for number in range(10)]
    told = []
    for future in futures:
        future.add_done_callback(told.append)
    wait(futures)
    assert set(told) == set(futures)


def test_what_has_not_begun_can_be_called_off(executor, tmp_path):
    gate = tmp_path / "gate"
    busy = [executor.submit(held, str(gate)) for _ in range(2)]
    last = executor.submit(held, str(gate))
    more = [executor.submit(held, str(gate)) for _ in range(8)]
    assert more[-1].cancel()
    assert more[-1].cancelled()
    gate.touch()
    assert [future.result() for future in [*busy, last]] == [True] * 3


def test_after_its_end_it_takes_nothing_more(executor):
    made: Executor
    if isinstance(executor, ThreadPoolExecutor):
        made = ThreadPoolExecutor(1)
    elif isinstance(executor, ProcessPoolExecutor):
        made = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    else:
        made = type(executor)(executor.address)
    future = made.submit(pow, 2, 5)
    made.shutdown(wait=True)
    assert future.result(timeout=0) == 32
    with pytest.raises(RuntimeError):
        made.submit(pow, 2, 5)


def test_a_connection_whose_end_takes_too_long_is_left_and_nothing_complains_later(scheduler, monkeypatch):
    distributed = pytest.importorskip("distributed")
    from watcher.cluster import executor

    async def endless(self, fast=False):
        await asyncio.Event().wait()

    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: complaints.append(told.exc_value))
    monkeypatch.setattr(distributed.Client, "_close", endless)
    monkeypatch.setattr(executor, "CLOSES", 0.01)
    made = executor.Cluster(scheduler, times=executor.Times(look=0.05, again=0.1))
    assert made.submit(pow, 2, 5).result() == 32
    made.shutdown(wait=True)
    del made
    gc.collect()
    assert complaints == []
