"""An Immich that takes connections and answers nothing: looking goes on, delivery waits, nobody hangs with it."""

from __future__ import annotations

import socket
import time

import pytest
from psycopg.conninfo import conninfo_to_dict

from metadata.immich import database
from metadata.sinks.together import Together
from tests.flow.house_world import paint, soon
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from tests.relay import Relay
from watcher import poll
from watcher.settings import Root

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
HANGS = 50.0
"""Seconds. Whoever waits for an answer that does not come waits for a minute, or more."""


@pytest.fixture
def mute():
    """An address where the kernel accepts every connection, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def world(request, tmp_path, immich):
    return ImmichWorld(tmp_path, immich, database=request.param, **_external(immich, request.param))


def _external(immich, database):
    """Where no database tells of an upload's sidecar, a library beside it."""
    if database:
        return {}
    (immich.external / "mute").mkdir(exist_ok=True)
    return {
        "root": {"name": "p", "path": immich.external / "mute"},
        "immich": {"paths": {"/external": str(immich.external)}},
    }


def _added(world, mark):
    if world.database:
        asset = world.immich.upload_photo(photo(mark=mark))
    else:
        (world.immich.external / "mute" / f"{mark}.jpg").write_bytes(photo(mark=mark))
        world.immich.library("mute")
        path = f"/external/mute/{mark}.jpg"
        asset = world.immich.sql('SELECT id FROM asset WHERE "originalPath" = %s', path)[0]["id"]
    world.immich.idle()
    return asset


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Without a database two equal reads need not be so far apart here."""
    monkeypatch.setattr("metadata.mirror.settle.APART", 0.3)
    monkeypatch.setattr("metadata.mirror.calm.APART", 0.3)


class Killed(BaseException):
    """The process dies here, as far as the ledger can tell."""


def _dies_when_both_are_written(world):
    """A pass that ends after Immich and the sidecar were written, and before the ledger heard of it."""
    write = Together.write

    def written(both, pairs):
        write(both, pairs)
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed), world.open() as app:  # noqa: PT012 - it dies
        patch.setattr(Together, "write", written)
        patch.setattr(type(app.worker._deliverer), "_written", _raised)
        world.work(app)
    world.immich.idle()


def _raised(deliverer, future, _context):
    deliverer._desk.deliveries.pop(future)
    raise future.exception() or AssertionError


def _open(world):
    return world.ask("SELECT place FROM writes WHERE state = 'intent' ORDER BY place")


def test_a_start_after_a_kill_does_not_wait_for_an_immich_that_hangs(world, mute):
    asset = _added(world, 201 + world.database)
    _dies_when_both_are_written(world)
    assert _open(world) == [("server",), ("sidecar",)]
    url, more = world.immich.url, dict(world.more)
    world.more = {**more, "immich": {**more.get("immich", {}), "url": mute}}
    began = time.monotonic()
    with world.serving() as app:
        assert time.monotonic() - began < HANGS
        app.worker.patience = 0.2
        soon(lambda: world.status()["waits"] or world.status()["held"])
        assert _open(world) == [("server",), ("sidecar",)]
        began = time.monotonic()
    assert time.monotonic() - began < HANGS
    assert not world.ask("SELECT 1 FROM photos WHERE state = 'aside'")
    world.more = {**more, "immich": {**more.get("immich", {}), "url": url}}
    world.rest()
    assert _open(world) == []
    assert world.tags(asset) == world.fields(asset) == {"colour/red"}
    assert world.words_of(asset) == {"colour/red": True}


def test_when_immich_begins_to_hang_photos_outside_it_go_on_and_it_is_said(tmp_path, immich, mute, monkeypatch):
    monkeypatch.setattr(poll, "PATIENCE", 0.2)
    world = ImmichWorld(tmp_path, immich, immich={"url": mute})
    known = immich.upload_photo(photo(mark=211))
    immich.idle()
    world.more = {}
    world.rest()
    world.more = {"immich": {"url": mute}}
    plain = paint(tmp_path / "plain" / "a.jpg")
    settings = world.settings()
    world.settings = lambda **_: settings.model_copy(
        update={"roots": (*settings.roots, Root(name="plain", path=plain.parent))}
    )
    with world.serving() as app:
        app.worker.patience = 0.2
        soon(lambda: plain.with_name("a.jpg.xmp").exists())
        soon(app.poll.problems)
        assert "answered none" in app.poll.problems()[0]
    assert world.tags(known) == {"colour/red"}


def test_what_hangs_in_a_write_is_given_up_when_the_service_ends(world, mute):
    _added(world, 221 + world.database)
    world.rest()
    asset = _added(world, 231 + world.database)
    with world.serving() as app:
        app.worker.patience = 0.2
        world.immich.hold("sidecar-write")
        try:
            world.immich.held("sidecar-write")
            began = time.monotonic()
            app.worker.stop()
            soon(lambda: not app.worker._desk.deliveries)
            assert time.monotonic() - began < HANGS
        finally:
            world.immich.release("sidecar-write")
    world.immich.idle()
    world.rest()
    assert world.tags(asset) == world.fields(asset) == {"colour/red"}


def test_a_database_that_falls_silent_is_said_and_holds_up_neither_work_outside_immich_nor_the_end(
    tmp_path, immich, monkeypatch
):
    monkeypatch.setattr(poll, "PATIENCE", 0.5)
    monkeypatch.setattr(database, "MORE", 3.0 - database.PATIENCE)
    world = ImmichWorld(tmp_path, immich)
    known = immich.upload_photo(photo(mark=241))
    immich.idle()
    way = Relay(int(conninfo_to_dict(immich.dsn)["port"]))
    plain = tmp_path / "plain"
    plain.mkdir()
    settings = world.settings()
    immich_settings = settings.immich.model_copy(
        update={"database": settings.immich.database.model_copy(update={"port": way.port})}
    )
    roots = (*settings.roots, Root(name="plain", path=plain))
    world.settings = lambda **_: settings.model_copy(update={"roots": roots, "immich": immich_settings})
    try:
        with world.serving() as app:
            app.worker.patience = 0.2
            soon(lambda: world.known(known) and world.known(known)[0] == "delivered")
            way.hush()
            soon(app.poll.problems)
            assert "answered none" in app.poll.problems()[0]
            paint(plain / "a.jpg")
            app.intake.walk_soon("plain")
            app.worker.nudge()
            soon((plain / "a.jpg.xmp").exists)
            way.mend()
            soon(lambda: not app.poll.problems())
            way.hush()
            soon(app.poll.problems)
            began = time.monotonic()
        assert time.monotonic() - began < HANGS
    finally:
        way.close()
