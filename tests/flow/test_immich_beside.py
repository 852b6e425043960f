"""Commands beside a running service that is connected with Immich."""

from __future__ import annotations

import io

import pytest

from tests.flow.house_world import soon
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher import handing, sync

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def held(world):
    return world.ask("SELECT count(*) FROM photos WHERE gate = 'first look'")[0][0]


@pytest.mark.parametrize("database", [True, False])
def test_plan_beside_the_service_shows_what_would_go_to_immich_and_only_reads(tmp_path, immich, database):
    world = ImmichWorld(tmp_path, immich, database=database, auto_apply=0, immich={"poll": 3600.0})
    world.agreed = False
    asset = immich.upload_photo(photo(mark=401 + database))
    immich.idle()
    with world.serving():
        soon(lambda: world.known(asset) and held(world) == world.ask("SELECT count(*) FROM photos")[0][0])
        immich.tag([asset], ["Oma"])
        immich.idle()
        immich.reset_counts()
        plan = handing.planned(world.settings(), [str(immich.original_of(asset))], look=False)
        asked = immich.counts()["calls"]
        rows = {row["place"]: row for row in plan.rows}
        assert "server" in rows, (plan, world.ask("SELECT state, gate, reason FROM photos"))
        assert rows["server"].get("add") == ["colour/red"]
        assert not rows["server"]["remove"]
        if database:  # where only Immich's database tells of an upload's sidecar, there is none without
            assert rows["sidecar"]["add"] == ["Oma", "colour/red"] or rows["sidecar"]["add"] == ["colour/red"]
        assert {route.partition(" ")[0] for route in asked} <= {"GET"} | (set() if database else {"POST"})
        assert not [route for route in asked if route.startswith("POST") and "search" not in route]
        assert not immich.counts()["jobs"]
    assert world.tags(asset) == {"Oma"}


def test_a_sync_is_handed_to_the_running_service_which_does_it(tmp_path, immich, monkeypatch):
    monkeypatch.setattr(sync, "EVERY", 0.1)
    world = ImmichWorld(tmp_path, immich, auto_apply=0)
    world.agreed = False
    assets = [immich.upload_photo(photo(mark=411 + number)) for number in range(3)]
    immich.idle()
    with world.serving():
        soon(lambda: held(world) >= 3)
        assert [world.tags(asset) for asset in assets] == [set()] * 3
        out = io.StringIO()
        answer, failed = handing.synced(world.settings(), out)
        assert not failed
        assert answer["handed_to"] == "the running service"
        assert answer["left"] == 0
        assert answer["photos"] >= 3
        state = (
            world.ask("SELECT state, gate, reason, due, booked, look FROM photos"),
            world.ask("SELECT * FROM stops"),
        )
        assert [world.tags(asset) for asset in assets] == [{"colour/red"}] * 3, (state, answer)
        assert "to go" in out.getvalue()
    immich.idle()
    assert [world.fields(asset) for asset in assets] == [{"colour/red"}] * 3
