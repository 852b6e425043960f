"""Many photos beside a server that fails one call in ten: all is delivered, and nobody's tag is lost."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest

from metadata.immich import Immich, Keys, PathMap, Paths
from metadata.mirror.bring import Mirror
from metadata.mirror.sources import ByDatabase
from metadata.photo import Photo
from metadata.sinks import Change, Seen
from metadata.sinks.immich import Home, ImmichSink
from tests.flow.house_world import World
from tests.immich import missing, running
from tests.immich_stand_in import Links
from watcher.app import opened
from watcher.mirrored import connected

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
ASSETS = int(os.environ.get("TAGWRIGHT_SOAK", "5000" if LONG else "60"))


class Soaked(World):
    """Uploads of the stand-in, in Immich's own folder, connected to a client that never waits long."""

    def __init__(self, folder, immich, links) -> None:
        super().__init__(folder, real=True)
        self.immich, self.links = immich, links
        self.photos = immich.upload
        self.client = Immich(immich.url, immich.key, wait=lambda _: None)

    @contextmanager
    def open(self, **more):
        settings = self.settings(immich={"url": self.immich.url, "rate": 0}, **more)
        paths = Paths([PathMap("/data", os.fsencode(self.immich.upload))])
        mirrored = connected(settings, Keys([self.client]), self.links.database, paths)
        with opened(settings, agreed=("p",), now=self.now, mirrored=mirrored) as app:
            yield app

    def left(self):
        return self.ask("SELECT count(*) FROM photos WHERE state != 'delivered'")[0][0]


@pytest.mark.timeout(3600 if LONG else 1200)
def test_everything_is_delivered_though_one_call_in_ten_fails(tmp_path, capsys):
    with running() as immich:
        links = Links.of(immich)
        world = Soaked(tmp_path, immich, links)
        assets = immich.assets(ASSETS)
        immich.idle()
        immich.tag(assets[:5], ["Oma"])
        immich.idle()
        immich.reset_counts()
        immich.faults(0.1, seed=3)
        for _ in range(12):
            world.run()
            world.ahead += 4000
            if not world.left():
                break
        immich.faults(0)
        immich.idle(600)
        counts = immich.counts()
        world.client.close()
        links.close()
        tags = [set(immich.tags_of(asset)) for asset in assets]
        assert world.left() == 0
        assert all(any(word.startswith("colour/") for word in each) for each in tags)
        assert all("Oma" in each for each in tags[:5])
        calls = sum(counts["calls"].values()) / ASSETS
        with capsys.disabled():
            print(f"\n{ASSETS} assets: {calls:.2f} calls a photo, {counts['events']}")
        assert calls <= 1.5


@pytest.mark.timeout(3600 if LONG else 1200)
def test_photos_of_which_each_has_its_own_words_are_delivered_too(capsys):
    with running() as immich:
        links = Links.of(immich)
        client = Immich(immich.url, immich.key, wait=lambda _: None)
        assets = immich.assets(ASSETS, files=True)
        immich.idle()
        immich.reset_counts()
        immich.faults(0.1, seed=5)
        owner = immich.admin.id
        sink = ImmichSink(
            mirror=Mirror({owner: client}, ByDatabase(links.database.looks)),
            find=lambda photos: [Home(assets[photo.id], owner) for photo in photos],
        )
        left = [Photo(number, "r", b"/r", b"%d.jpg" % number) for number in range(ASSETS)]
        for _ in range(20):
            left = [
                photo for start in range(0, len(left), 128) for photo in undone(sink, left[start : start + 128])
            ]
            if not left:
                break
        immich.faults(0)
        immich.idle(600)
        counts = immich.counts()
        client.close()
        links.close()
        assert not left
        assert all(immich.tags_of(asset) == sorted(own(number)) for number, asset in enumerate(assets))
        calls = sum(counts["calls"].values()) / ASSETS
        with capsys.disabled():
            print(f"\n{ASSETS} assets: {calls:.2f} calls a photo, {counts['events']}")
        assert calls <= 1.5


def own(number):
    return (f"own/{number}", f"shared/{number % 7}", "all")


def undone(sink, photos):
    """One pass; the photos that have to be tried again."""
    seen = sink.read(photos)
    pairs = [(photo, each) for photo, each in zip(photos, seen, strict=True) if isinstance(each, Seen)]
    drafts = [sink.draft(photo, each, Change(add={"tags": own(photo.id)})) for photo, each in pairs]
    written = {
        draft.photo.id for draft, done in zip(drafts, sink.write(drafts), strict=True) if isinstance(done, Seen)
    }
    return [photo for photo in photos if photo.id not in written]
