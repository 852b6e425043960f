"""A vision model that is far behind: pictures wait in files, no photo is decoded twice, no disk is waited for."""

import errno
import os
import threading

import pytest

from models import hosts
from tests.flow.house_world import BLUE, World, paint, soon
from tests.flow.test_described import caption, decodes, house  # noqa: F401 - a fixture
from tests.vision_server import GOOD, Act, serving
from watcher import describer, furnishing, prints, spool


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hosts, "SHORTEST", 0.05)
    monkeypatch.setattr(describer, "AGAIN", 0.05)


@pytest.fixture(autouse=True)
def _little_memory(monkeypatch):
    monkeypatch.setattr(prints, "MANY", 3)


def files(world) -> set[str]:
    return {path.name for path in world.state.glob("prints/*/*")}


def answered(world) -> int:
    return world.ask("SELECT count(*) FROM evidence WHERE source = 'ollama'")[0][0]


MANY = 40


def painted(world) -> list[bytes]:
    return [bytes(paint(world.photos / f"p{number}.jpg", mark=number + 1)) for number in range(MANY)]


def test_photos_are_decoded_once_though_the_model_is_far_behind(tmp_path, decodes):  # noqa: F811
    go = threading.Event()
    with serving(lambda number, asked: Act(GOOD, hold=go)) as server:
        world = house(tmp_path, server)
        paths = painted(world)
        with world.serving() as app:
            soon(lambda: app.worker.counts.delivered >= MANY)
            soon(lambda: len(files(world)) > MANY // 2)
            assert answered(world) == 0
            go.set()
            soon(lambda: answered(world) == MANY)
            soon(lambda: not files(world))
            soon(lambda: world.ask("SELECT count(*) FROM photos WHERE due IS NOT NULL") == [(0,)])
        assert decodes == dict.fromkeys(paths, 1)
        assert len(server.asked) == MANY
        assert {caption(world, os.fsdecode(os.path.basename(path)))[0] for path in paths} == {GOOD["caption"]}


def test_the_next_process_goes_on_with_what_one_has_left(tmp_path, decodes):  # noqa: F811
    with serving() as server:
        world = World(tmp_path, captioner="ollama", ollama={"hosts": ["http://127.0.0.1:9"]})
        paths = painted(world)
        world.run()
        assert len(files(world)) == MANY  # those in memory, too
        assert decodes == dict.fromkeys(paths, 1)
        world.changed["ollama"] = {"hosts": [server.url]}
        world.run()
        assert answered(world) == MANY
        assert decodes == dict.fromkeys(paths, 1)
        assert files(world) == set()


def test_another_size_is_made_anew(tmp_path, decodes):  # noqa: F811
    with serving() as server:
        world = World(tmp_path, captioner="ollama", ollama={"hosts": ["http://127.0.0.1:9"]})
        paths = painted(world)
        world.run()
        world.changed["ollama"] = {"hosts": [server.url], "size": 64}
        world.run()
        assert answered(world) == MANY
        assert decodes == dict.fromkeys(paths, 2)
        assert [path.name for path in (world.state / "prints").iterdir() if path.is_dir()] == ["64-85"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_nothing_only_means_that_photos_are_decoded_again(
    tmp_path,
    monkeypatch,
    decodes,  # noqa: F811
    code,
):
    class Full:
        path, replace, statvfs, scandir, unlink = os.path, os.replace, os.statvfs, os.scandir, os.unlink
        O_WRONLY = O_CREAT = O_TRUNC = O_CLOEXEC = 0

        def open(self, *_):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(spool, "os", Full())
    monkeypatch.setattr(furnishing, "PRINTS", 0)
    with serving() as server:
        world = house(tmp_path, server)
        paths = painted(world)
        world.run()
        assert answered(world) == MANY
        assert set(decodes) == set(paths)
        assert set(decodes.values()) <= {1, 2}  # some were asked about before the disk had refused theirs
        assert world.ask("SELECT count(*) FROM photos WHERE state != 'delivered'") == [(0,)]


def waiting(tmp_path, **more) -> World:
    """Photos whose model does not answer; their pictures lie in files."""
    world = World(tmp_path, captioner="ollama", ollama={"hosts": ["http://127.0.0.1:9"]}, **more)
    painted(world)
    world.run()
    assert len(files(world)) == MANY
    return world


def test_without_the_captioner_nothing_is_left(tmp_path):
    world = waiting(tmp_path)
    world.run(captioner="")
    assert not (world.state / "prints").exists()


def test_pictures_of_photos_that_are_gone_or_forgotten_or_private_now_are_removed(tmp_path, monkeypatch):
    world = waiting(tmp_path)
    digests = [row[0].hex() for row in world.ask("SELECT digest FROM photos ORDER BY id")]
    names = [os.fsdecode(row[0]) for row in world.ask("SELECT name FROM photos ORDER BY id")]
    world.do("forget", paths=[str(world.photos / names[0])])
    assert files(world) == set(digests[1:])
    (world.photos / names[0]).unlink()
    (world.photos / names[1]).unlink()
    monkeypatch.setattr(hosts, "reach", lambda _: "near")  # as if it were another machine
    with world.serving(private={"folders": [names[2]]}):
        soon(lambda: files(world) == set(digests[3:]))


def test_of_what_is_changed_while_it_waits_the_old_picture_goes(tmp_path):
    world = waiting(tmp_path)
    before = files(world)
    paint(world.photos / "p0.jpg", BLUE)
    with world.serving():
        soon(lambda: len(before - files(world)) == 1)


def test_a_photo_that_becomes_locked_in_immich_has_no_picture_after_the_next_look(tmp_path, immich):
    from tests.flow.immich_world import ImmichWorld
    from tests.flow.test_immich_poll import photo

    world = ImmichWorld(tmp_path, immich, captioner="ollama", ollama={"hosts": ["http://127.0.0.1:9"]})
    asset = immich.upload_photo(photo(mark=731))
    immich.idle()
    world.rest()
    digest = world.known(asset)[2].hex()
    assert digest in files(world)
    immich.sql("UPDATE asset SET visibility = 'locked' WHERE id = %s", asset)
    world.run()
    assert digest not in files(world)
