"""A mount that becomes read-only, or writable again, while we run: it is noticed, and written in another order."""

from __future__ import annotations

import pytest

from metadata.mirror.way import PROBE, Way
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher import tries

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture
def world(tmp_path, immich, monkeypatch):
    """A library of Immich's in a folder of ours, with one photo that is done."""
    monkeypatch.setattr(tries, "AGAIN", 0.0)
    monkeypatch.setattr(tries, "BUSY", 0.2)
    folder = immich.external / tmp_path.name
    folder.mkdir()
    made = ImmichWorld(
        tmp_path,
        immich,
        root={"path": folder},
        immich={"paths": {f"/external/{tmp_path.name}": str(folder)}},
    )
    made.folder, made.inside = folder, f"/external/{tmp_path.name}"
    made.first = lands(made, "a.jpg", 1)
    made.rest()
    assert way_of(made) is Way.SERVER_FIRST
    yield made
    immich.read_only()


def lands(world, name, mark):
    (world.folder / name).write_bytes(photo(mark=1000 * (1 + hash(world.inside) % 50) + mark))
    world.immich.library(world.folder.name)
    world.immich.idle()
    path = f"{world.inside}/{name}"
    return world.immich.sql('SELECT id FROM asset WHERE "originalPath" = %s', path)[0]["id"]


def way_of(world):
    with world.open() as app:
        return next(iter(app.poll.link.ways.found.values()))


def agrees(world, asset, *words):
    world.immich.ok("POST", "/assets/jobs", {"assetIds": [asset], "name": "refresh-metadata"})
    world.immich.idle()
    assert world.tags(asset) == {*words}
    assert world.fields(asset) == {*words}


def test_immichs_mount_becomes_read_only_and_writable_again(world):
    world.immich.read_only(world.inside)
    second = lands(world, "b.jpg", 2)
    world.rest()
    assert way_of(world) is Way.FILE_FIRST
    agrees(world, second, "colour/red")
    agrees(world, world.first, "colour/red")
    world.immich.read_only()
    with world.open() as app:  # a start: what somebody could not write is tried again
        world.wait(lambda: _turn(app) or app.poll.link.ways.found[bytes(world.folder)] is Way.SERVER_FIRST)
    world.immich.tag([second], ["Oma"])
    world.immich.idle()
    world.rest()
    agrees(world, second, "colour/red", "Oma")
    assert PROBE not in {tag["value"] for tag in world.immich.ok("GET", "/tags")}


def test_immich_that_was_away_may_write_again(world):
    world.immich.read_only(world.inside)
    lands(world, "b.jpg", 2)
    with world.open() as app:
        world.work(app)
        world.ahead += 60
        world.work(app)
        world.wait(lambda: _turn(app) or app.poll.link.ways.found[bytes(world.folder)] is Way.FILE_FIRST)
        world.immich.read_only()
        app.poll._is_down("does not answer")
        app.poll._due = 0.0
        world.wait(lambda: _turn(app) or app.poll.link.ways.found[bytes(world.folder)] is Way.SERVER_FIRST)


def _turn(app):
    app.worker.turn()
    app.poll()
    app.poll.soon()


def test_our_mount_becomes_read_only_and_writable_again(world, monkeypatch):
    with world.open() as app:
        world.work(app)
        ways, mount = app.poll.link.ways.found, bytes(world.folder)
        world.wait(lambda: _turn(app) or mount in app.poll.link.tries._open)
        with monkeypatch.context() as shut:
            shut.setattr(tries.os, "access", lambda *_: False)
            shut.setattr("metadata.mirror.way.writable", lambda _: "Read-only file system")
            world.wait(lambda: _turn(app) or ways[mount] is Way.SERVER_ONLY)
            second = lands(world, "b.jpg", 2)
            world.ahead += 60
            # Immich shows the tag before it has even a job for the sidecar; what is delivered is settled
            world.wait(lambda: _turn(app) or (world.known(second) or ("",))[0] == "delivered")
        world.immich.idle()
        assert world.tags(second) == {"colour/red"}
        assert world.fields(second) is None  # Immich's own list alone
        world.wait(lambda: _turn(app) or ways[mount] is Way.SERVER_FIRST)
        world.ahead += 60
        world.wait(lambda: _turn(app) or world.fields(second) == {"colour/red"})
    agrees(world, second, "colour/red")


def test_the_tag_of_a_try_that_was_ended_in_the_middle_goes_at_the_next_start(world):
    world.immich.tag([world.first], [PROBE])
    world.immich.idle()
    world.rest()
    agrees(world, world.first, "colour/red")
    assert PROBE not in {tag["value"] for tag in world.immich.ok("GET", "/tags")}
