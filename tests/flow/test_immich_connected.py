"""The whole house connected to the stand-in Immich: client, database, folders, look-ups, both places, undo."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest

from metadata import xmp
from metadata.immich import Keys, PathMap, Paths
from metadata.mirror.way import Way
from metadata.photo import Photo
from metadata.sinks.immich import Home
from metadata.tags import HIERARCHICAL, TAGS_LIST
from tests.flow.house_world import World, paint
from tests.immich import missing
from tests.immich_stand_in import Links
from watcher.app import opened
from watcher.mirrored import Ways, connected, probe

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


class Connected(World):
    """A root `p` that is an external library of the stand-in, connected as the settings say."""

    def __init__(self, folder, immich, links, *, exact=True, way=Way.SERVER_FIRST) -> None:
        super().__init__(folder, real=True)
        self.immich, self.links, self.exact, self.way = immich, links, exact, way
        self.photos = immich.external / folder.name
        self.photos.mkdir(parents=True)

    @contextmanager
    def open(self, **more):
        settings = self.settings(immich={"url": self.immich.url, "rate": 0}, **more)
        paths = Paths([PathMap("/external", os.fsencode(self.immich.external))])
        ways = Ways(paths, {os.fsencode(self.photos): self.way})
        database = self.links.database if self.exact else None
        mirrored = connected(settings, Keys([self.links.client]), database, paths, ways)
        with opened(settings, agreed=("p",), now=self.now, mirrored=mirrored) as app:
            yield app

    def rest(self):
        for _ in range(8):
            before = self.all()
            self.ahead += 5
            self.run()
            self.immich.idle()
            if self.all() == before:
                return
        raise AssertionError("it never came to rest")

    def all(self):
        files = {path.name: path.read_bytes() for path in self.photos.rglob("*.xmp")}
        return files, self.immich.sql('SELECT "assetId", "tagId" FROM tag_asset ORDER BY 1, 2')

    def asset(self, name):
        path = f"/external/{self.photos.name}/{name}"
        return self.immich.sql('SELECT id FROM asset WHERE "originalPath" = %s', path)[0]["id"]

    def tags(self, name):
        return set(self.immich.tags_of(self.asset(name)))

    def fields(self, name):
        lists = xmp.seen(xmp.parse((self.photos / f"{name}.xmp").read_bytes(), b"x")).lists
        return set(lists.get(TAGS_LIST, ())), {value.replace("|", "/") for value in lists.get(HIERARCHICAL, ())}


@pytest.fixture
def links(immich):
    made = Links.of(immich)
    yield made
    made.close()


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def world(request, tmp_path, immich, links):
    return Connected(tmp_path, immich, links, exact=request.param)


def test_a_library_is_mirrored_and_undone(world):
    for number in range(3):
        paint(world.photos / f"{number}.jpg", mark=number)
    world.immich.library(world.photos.name)
    world.immich.tag([world.asset("1.jpg")], ["Oma"])
    world.immich.idle()
    world.rest()
    assert [world.tags(f"{n}.jpg") for n in range(3)] == [{"colour/red"}, {"colour/red", "Oma"}, {"colour/red"}]
    assert all(world.fields(f"{n}.jpg") == (world.tags(f"{n}.jpg"),) * 2 for n in range(3))
    assert world.truth("1.jpg") == {"colour/red": True, "Oma": False}
    world.do("undo")
    world.rest()
    assert [world.tags(f"{n}.jpg") for n in range(3)] == [set(), {"Oma"}, set()]


def test_a_photo_that_was_seen_before_immich_did_is_mirrored_when_it_is_there(world):
    paint(world.photos / "a.jpg")
    world.rest()
    assert world.fields("a.jpg")[0] == {"colour/red"}
    world.immich.library(world.photos.name)
    world.touch("a.jpg")
    world.rest()
    assert world.tags("a.jpg") == {"colour/red"}
    assert world.truth("a.jpg") == {"colour/red": True}


def test_a_mount_is_tried_and_then_written_in_its_way(tmp_path, immich, links):
    world = Connected(tmp_path, immich, links)
    paint(world.photos / "a.jpg")
    immich.library(world.photos.name)
    immich.read_only(f"/external/{world.photos.name}")
    paths = Paths([PathMap("/external", os.fsencode(immich.external))])
    ways = Ways(paths)
    mirrored = connected(world.settings(), Keys([links.client]), links.database, paths, ways)
    photo = Photo(1, "p", os.fsencode(world.photos), b"a.jpg")
    found = probe(mirrored, photo, Home(world.asset("a.jpg"), immich.admin.id)).find()
    assert (found.way, found.left) == (Way.FILE_FIRST, "")
    ways.found[photo.base] = world.way = found.way
    assert mirrored.way(photo) is Way.FILE_FIRST
    world.rest()
    assert world.tags("a.jpg") == world.fields("a.jpg")[0] == {"colour/red"}
    immich.read_only()


def test_a_first_pass_shares_calls_and_costs_one_write_and_one_reading_a_photo(tmp_path, immich, links):
    world = Connected(tmp_path, immich, links)
    for number in range(40):
        paint(world.photos / f"{number:02}.jpg", mark=number)
    immich.library(world.photos.name)
    immich.reset_counts()
    world.rest()
    counts = immich.counts()
    assert all(world.tags(f"{number:02}.jpg") == {"colour/red"} for number in range(40))
    calls = sum(counts["calls"].values()) / 40
    assert calls <= 1.1, counts["calls"]
    assert counts["events"]["sidecar write"] <= 44
    assert counts["events"]["extraction"] <= 44
    immich.reset_counts()
    world.run()
    counts = immich.counts()
    assert sum(counts["calls"].values()) <= 1, counts["calls"]
    assert not counts["jobs"]
