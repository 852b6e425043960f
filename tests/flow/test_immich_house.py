"""The whole house beside an Immich: words in Immich and in sidecars, edits carried, runs undone."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from metadata import xmp
from metadata.errors import TryAgain
from metadata.memory import CAPTION, Truth
from metadata.mirror.bring import Mirror
from metadata.mirror.pace import Pace
from metadata.mirror.way import Way
from metadata.sinks.immich import ImmichSink
from metadata.tags import HIERARCHICAL, SUBJECT, TAGS_LIST
from tests.flow.house_world import World, paint
from tests.immich_memory import MemoryImmich
from watcher.app import opened
from watcher.mirrored import Mirrored
from watcher.undo import without


class Beside(World):
    """A root `p` of which Immich is a place; an asset is called as its photo."""

    def __init__(self, folder: Path, *, way: Way = Way.SERVER_FIRST, exact: bool = True, **settings) -> None:
        super().__init__(folder, real=True, **settings)
        self.immich = MemoryImmich(exact=exact)
        self.way = way
        self.unknown: set[str] = set()

    def upload(self, name: str, *tags: str, **more):
        path = paint(self.photos / name, **more)
        return self.immich.add(name, *tags, path=str(path))

    def _find(self, photos):
        names = [photo.path.decode() for photo in photos]
        return [
            TryAgain(name.encode(), "not yet") if name in self.unknown
            else self.immich.home(name) if name in self.immich.assets else None
            for name in names
        ]  # fmt: skip

    @contextmanager
    def open(self, **more):
        ways = {name: more.pop(name) for name in ("backlog", "probe") if name in more}
        wait = self.immich.wait
        mirror = Mirror({"me": self.immich}, self.immich, pace=Pace(wait), wait=wait)
        sink = ImmichSink(mirror=mirror, find=self._find)
        mirrored = Mirrored(sink, frozenset({"p"}), lambda _: self.way, os.fsencode)
        agreed = ("p",) if self.agreed else ()
        with opened(self.settings(**more), agreed=agreed, now=self.now, mirrored=mirrored, **ways) as app:
            yield app

    def rest(self):
        """Passes a second apart, and Immich's work between, until all is as it was."""
        for _ in range(8):
            before = self.all()
            self.ahead += 5
            self.run()
            self.immich.work()
            if self.all() == before:
                return
        raise AssertionError("it never came to rest")

    def all(self):
        files = {path.name: path.read_bytes() for path in self.photos.rglob("*.xmp")}
        return files, {name: (set(kept.tags), kept.sidecar) for name, kept in self.immich.assets.items()}

    def words(self, name):
        """The words of every field of the sidecar, which have to be the same."""
        lists = xmp.seen(xmp.parse((self.photos / f"{name}.xmp").read_bytes(), b"x")).lists
        full = set(lists.get(TAGS_LIST, ()))
        assert {value.replace("|", "/") for value in lists.get(HIERARCHICAL, ())} == full
        assert set(lists.get(SUBJECT, ())) == {value.rpartition("/")[2] for value in full}
        return full

    def tags(self, name):
        return self.immich.assets[name].tags


@pytest.fixture
def world(tmp_path):
    return Beside(tmp_path)


def test_a_photo_has_its_words_in_immich_and_in_its_sidecar(world):
    world.upload("a.jpg")
    world.upload("b.jpg", mark=1)
    world.rest()
    assert world.tags("a.jpg") == world.tags("b.jpg") == {"colour/red"}
    assert world.words("a.jpg") == world.words("b.jpg") == {"colour/red"}
    assert world.immich.done["write"] == 2


def test_a_second_pass_calls_nobody(world):
    world.upload("a.jpg")
    world.rest()
    world.immich.calls.clear()
    world.touch("a.jpg")
    world.run()
    assert set(world.immich.calls) <= {"shown"}


def test_what_immich_held_before_is_a_persons(world):
    world.upload("a.jpg", "Oma", "colour/red")
    world.rest()
    assert world.truth("a.jpg") == {"Oma": False, "colour/red": False}
    assert world.words("a.jpg") == {"Oma", "colour/red"}
    world.do("undo")
    world.rest()
    assert world.tags("a.jpg") == {"Oma", "colour/red"}


def test_a_word_that_immich_has_from_our_sidecar_stays_ours(world):
    kept = world.upload("a.jpg")
    asset = world.immich.assets.pop("a.jpg")
    world.rest()
    assert world.words("a.jpg") == {"colour/red"}
    world.immich.assets["a.jpg"] = asset
    kept.sidecar = kept.path + ".xmp"
    world.immich.refresh(["a.jpg"])
    world.immich.work()
    world.touch("a.jpg")
    world.rest()
    assert world.truth("a.jpg") == {"colour/red": True}


def test_a_tag_that_a_person_takes_away_in_immich_stays_away(world):
    world.upload("a.jpg")
    world.rest()
    world.ahead += 3600
    world.immich.user_tags("a.jpg", "Oma")
    world.immich.work()
    world.immich.user_untags("a.jpg", "colour/red")
    world.immich.work()
    world.touch("a.jpg")
    world.rest()
    assert world.tags("a.jpg") == world.words("a.jpg") == {"Oma"}
    assert world.refused("a.jpg") == {"colour/red"}


@pytest.mark.parametrize("exact", [True, False])
def test_undo_of_a_run_takes_its_words_out_of_immich_and_the_file(tmp_path, exact):
    world = Beside(tmp_path, exact=exact)
    world.upload("a.jpg", "Oma")
    world.rest()
    assert world.tags("a.jpg") == {"Oma", "colour/red"}
    world.do("undo")
    world.rest()
    assert world.tags("a.jpg") == {"Oma"}
    sidecar = (world.photos / "a.jpg.xmp").read_bytes()
    assert b"Oma" in sidecar
    assert b"red" not in sidecar
    world.immich.refresh(["a.jpg"])
    world.immich.work()
    assert world.tags("a.jpg") == {"Oma"}


def test_while_immich_writes_what_a_person_changed_the_photo_is_left_alone(world):
    world.upload("a.jpg")
    world.immich.user_tags("a.jpg", "Oma")
    world.run()
    assert not list(world.photos.glob("*.xmp"))
    assert world.truth("a.jpg") == {}
    world.ahead += 3600
    world.immich.work()
    world.rest()
    assert world.tags("a.jpg") == world.words("a.jpg") == {"Oma", "colour/red"}


@pytest.mark.real
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is missing")
def test_words_come_into_the_photo_itself_as_well(world):
    world.changed["roots"] = [{"name": "p", "path": world.photos, "embed": True}]
    world.upload("a.jpg")
    world.rest()
    assert world.tags("a.jpg") == world.words("a.jpg") == {"colour/red"}
    assert b"hierarchicalSubject" in (world.photos / "a.jpg").read_bytes()
    assert world.ask("SELECT count(*) FROM writes WHERE state = 'intent'")[0][0] == 0


@pytest.mark.parametrize("way", [Way.SERVER_FIRST, Way.SERVER_ONLY, Way.FILE_FIRST])
def test_undo_leaves_what_immich_held_before_whatever_way_it_was_written(tmp_path, way):
    world = Beside(tmp_path, way=way)
    world.immich.may_write = way is not Way.FILE_FIRST
    world.upload("a.jpg")
    world.upload("b.jpg", mark=1)
    world.rest()
    assert world.tags("a.jpg") == world.tags("b.jpg") == {"colour/red"}
    world.do("undo")
    world.rest()
    assert world.tags("a.jpg") == world.tags("b.jpg") == set()
    assert world.truth("a.jpg") == {}
    assert sum(name == "untag" for name, _, _ in world.immich.log) <= 1


def test_while_immich_is_down_photos_are_looked_at_and_nothing_is_written(world):
    world.upload("a.jpg")
    world.immich.down = True
    world.run()
    assert not list(world.photos.glob("*.xmp"))
    world.immich.down = False
    world.ahead += 3600
    world.run(probe=0.0)
    world.rest()
    assert world.tags("a.jpg") == world.words("a.jpg") == {"colour/red"}


def test_a_photo_that_immich_has_still_to_take_in_waits(world):
    world.upload("a.jpg")
    world.unknown.add("a.jpg")
    world.run()
    assert not list(world.photos.glob("*.xmp"))
    world.unknown.clear()
    world.ahead += 3600
    world.rest()
    assert world.tags("a.jpg") == {"colour/red"}


def test_a_photo_outside_immich_has_a_sidecar_alone(world):
    paint(world.photos / "a.jpg")
    world.rest()
    assert world.words("a.jpg") == {"colour/red"}
    assert not world.immich.calls["tag"]


def test_an_asset_that_was_made_anew_has_refused_nothing(world):
    world.upload("a.jpg")
    world.rest()
    kept = world.immich.assets.pop("a.jpg")
    world.immich.add("new", path=kept.path)
    world._find = lambda photos: [world.immich.home("new") for _ in photos]
    world.touch("a.jpg")
    world.rest()
    assert world.refused("a.jpg") == set()
    assert world.tags("new") == {"colour/red"}


def test_where_only_immich_can_write_there_is_no_sidecar_of_ours(tmp_path):
    world = Beside(tmp_path, way=Way.SERVER_ONLY)
    world.upload("a.jpg")
    world.rest()
    assert world.tags("a.jpg") == {"colour/red"}
    assert b"hierarchicalSubject" not in (world.photos / "a.jpg.xmp").read_bytes()


def test_where_nobody_can_write_the_words_stay_in_the_ledger(tmp_path):
    world = Beside(tmp_path, way=Way.NONE)
    world.upload("a.jpg")
    world.rest()
    assert world.tags("a.jpg") == set()
    assert not list(world.photos.glob("*.xmp"))


def test_a_caption_that_stands_in_immich_alone_is_kept_back_when_it_is_undone():
    after = without(Truth(caption="a cat", caption_ours=True), {}, frozenset({"description"}))
    assert (after.caption, after.caption_ours, CAPTION in after.texts_withheld) == ("", False, True)
