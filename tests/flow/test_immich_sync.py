"""`immich sync`: what is looked at is written at once, and an end in the middle costs nothing."""

from __future__ import annotations

import io
import signal

import pytest

from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher import asking, cli, handing, nested, sync

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture
def world(tmp_path, immich):
    made = ImmichWorld(tmp_path, immich, auto_apply=0)
    made.agreed = False
    made.assets = [immich.upload_photo(photo(mark=631 + number)) for number in range(3)]
    immich.idle()
    return made


def events(world):
    found = world.immich.per_asset()
    return [found.get(asset, {}) for asset in world.assets]


def test_it_ends_by_a_signal_goes_on_where_it_was_and_does_nothing_twice(world):
    world.immich.reset_counts()
    with world.open() as app:
        looked = app.worker._looker.keep

        def and_then(jobs, answers):
            looked(jobs, answers)
            signal.raise_signal(signal.SIGINT)

        app.worker._looker.keep = and_then
        answer = sync.here(app, io.StringIO())
        assert answer["ended"]
        assert answer["left"] >= 1
        assert answer["photos"] == 0
    with world.open() as app:
        answer = sync.here(app, io.StringIO())
    world.immich.idle()
    assert "ended" not in answer
    assert answer["photos"] >= 3
    assert answer["left"] == 0
    assert [world.tags(asset) for asset in world.assets] == [{"colour/red"}] * 3
    tried = events(world)  # one of them, or another photo, was the one on which the mount was tried
    assert sorted(each["sidecar write"] for each in tried)[:2] == [1, 1]


def test_the_command_says_by_its_code_that_it_was_ended(monkeypatch, capsys):
    monkeypatch.setattr(handing, "synced", lambda *_: ({"left": 2, "ended": "goes on"}, False))
    monkeypatch.setattr(nested, "known_settings", lambda _: None)
    assert nested._sync(cli.parser().parse_args(["immich", "sync"])) == asking.INTERRUPTED
    assert "goes on" in capsys.readouterr().out


def test_nobody_is_told_of_a_first_look_that_is_written_anyway(world, caplog):
    with world.open() as app:
        sync.here(app, io.StringIO())
    assert not [line for line in caplog.messages if "looked at for the first time" in line]


def test_how_far_it_is_counts_each_photo_once_though_immich_tells_of_it_again(world):
    with world.open() as app:
        begun, _ = sync._begin(app)
        line = sync._Line(app, begun)
        assert line(line._at + 1).startswith("0 of 0 in agreement, 0 looked at")
        answer = sync.here(app, io.StringIO())
        said = line(line._at + 2)
    count = answer["photos"]
    assert count >= 3
    assert said == f"{count} of {count} in agreement, {count} looked at, {count / 2:.0f} a second"


def test_its_folders_are_walked_once_and_not_each_minute(world):
    settings = sync.seldom(world.settings())
    assert settings.rescan_folders == settings.rescan == world.settings().rescan
    assert sync.seldom(world.settings(rescan_folders=7200.0)).rescan_folders == 7200.0


def test_what_a_person_takes_away_goes_before_photos_that_are_still_to_be_looked_at(world):
    with world.open() as app:
        sync.here(app, io.StringIO())
    world.immich.idle()
    for number in range(60):
        world.immich.upload_photo(photo(mark=700 + number))
    world.immich.idle()
    told, since = [], []

    with world.open(memory=1 << 28) as app:  # batches are small
        take = app.worker._take

        def and_meanwhile(**how):
            jobs = take(**how)
            since.append(jobs)
            if not told and any(job.look for job in jobs):
                told.append(untagged(world, app))
                since.clear()
            return jobs

        app.worker._take = and_meanwhile
        sync.here(app, io.StringIO())
    number = world.known(world.assets[0])[3]
    order = [(job.photo.id == number, job.look) for jobs in since for job in jobs]
    assert sum(look for _, look in order) >= 20
    assert order.index((True, False)) < [look for _, look in order].index(True)
    assert world.refused_of(world.assets[0]) == {"colour/red"}


def untagged(world, app):
    """A person takes our word from the first photo, and Immich has told of it."""
    red = next(tag["id"] for tag in world.immich.ok("GET", "/tags") if tag["value"] == "colour/red")
    world.immich.ok("DELETE", f"/tags/{red}/assets", {"ids": world.assets[:1]})
    world.immich.idle()
    app.poll.soon()
    world.wait(lambda: app.poll() and not app.poll.busy())
