"""What became of many writes that a killed process had begun is found out together, however slowly one is told."""

from __future__ import annotations

from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.settle import APART
from metadata.photo import Photo
from metadata.sinks import Seen
from metadata.sinks.immich import ImmichSink
from metadata.sinks.memory import MemorySink
from tests.immich_memory import MemoryImmich
from watcher import unconfirmed
from watcher.ledger.writes import Write

MANY = 200


def begun(number, place):
    return Write(number, 1, number, place, b"x", b"before", b"after", b"", {}, {}, (), {}, "intent")


def test_without_a_database_all_are_read_in_the_time_of_one():
    immich = MemoryImmich(exact=False)
    for number in range(MANY):
        immich.add(f"a{number}", "cat")
    wait = immich.wait
    mirror = Mirror({"me": immich}, immich, pace=Pace(wait), wait=wait)
    server = ImmichSink(mirror=mirror, find=lambda photos: [immich.home(f"a{photo.id}") for photo in photos])
    photos = {number: Photo(number, "r", b"/r", b"%d.jpg" % number) for number in range(MANY)}
    found = unconfirmed.stood([begun(number, "server") for number in photos], photos, {"server": server})
    assert all(isinstance(seen, Seen) and seen.lists == {"tags": ("cat",)} for seen in found)
    assert immich.seconds <= 2 * APART


def test_each_write_is_told_what_its_own_place_shows():
    here, there = MemorySink(), MemorySink()
    photos = {number: Photo(number, "r", b"/r", b"%d.jpg" % number) for number in (1, 2)}
    open_ = [begun(2, "a"), begun(1, "b"), begun(1, "a"), begun(3, "a"), begun(2, "elsewhere"), begun(2, "a")]
    found = unconfirmed.stood(open_, photos, {"a": here, "b": there})
    assert [seen is None for seen in found] == [False, False, False, True, True, False]
    assert found[0] is found[5]


def test_which_sidecar_immich_knows_is_told_without_waiting_for_its_rest():
    immich = MemoryImmich(exact=False)
    immich.add("a")
    wait = immich.wait
    mirror = Mirror({"me": immich}, immich, pace=Pace(wait), wait=wait)
    server = ImmichSink(mirror=mirror, find=lambda photos: [immich.home("a") for _ in photos])
    assert server.registered(Photo(1, "r", b"/r", b"a.jpg")) is None
    assert immich.seconds == 0
    assert immich.calls["shown"] == 1
