"""Which calls are made, how they are waited for, what is tried before, and which tags are deleted."""

from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from metadata.errors import PlaceClosed, Refused, TryAgain, UserError
from metadata.mirror.bring import Mirror
from metadata.mirror.broom import sweep
from metadata.mirror.pace import Pace
from metadata.mirror.plan import MOST_ASSETS, MOST_PAIRS, Wish, steps, waves, wrong
from metadata.mirror.ports import Shown, Wait
from metadata.mirror.settle import Settling
from metadata.mirror.sources import ByApi, ByDatabase
from metadata.mirror.way import Probe, Way
from tests.immich_memory import EPOCH, MemoryImmich, read_sidecar

values = st.lists(st.sampled_from(["a", "b", "c", "a/b", "d"]), unique=True, max_size=4).map(tuple)
wishes = st.lists(
    st.builds(Wish, st.just(""), st.sampled_from(["me", "you"]), values, values, st.sampled_from([None, "", "x"])),
    max_size=12,
).map(lambda made: [Wish(f"{n}", w.owner, w.add, w.remove, w.text) for n, w in enumerate(made)])


@given(wishes)
def test_each_asset_is_touched_once_a_wave_and_gets_all_that_it_wants(made):
    told = {wish.asset: [] for wish in made}
    for wave in waves(made):
        touched = [asset for call in wave for asset in call.assets]
        assert len(touched) == len(set(touched))
        for call in wave:
            for asset in call.assets:
                told[asset].append(call.step)
    assert told == {wish.asset: steps(wish) for wish in made}


@settings(max_examples=20)
@given(st.integers(0, 450), st.integers(1, 400))
def test_no_call_is_larger_than_immich_bears(assets, words):
    made = [Wish(f"{n}", "me", tuple(map(str, range(words)))) for n in range(assets)]
    calls = [call for wave in waves(made) for call in wave]
    assert sum(len(call.assets) for call in calls) == assets
    assert all(len(call.assets) <= MOST_ASSETS for call in calls)
    assert all(len(call.assets) * len(call.step.words) <= MOST_PAIRS for call in calls)


def test_a_word_that_stands_in_another_spelling_is_not_wrong():
    assert not wrong(Wish("a", "me", add=("Cat", "sea")), Shown(frozenset({"cat", "sea"})))
    assert wrong(Wish("a", "me", remove=("Cat",)), Shown(frozenset({"Cat"}))).remove == ("Cat",)


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    @property
    def wait(self):
        return Wait(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def test_the_rate_is_kept_over_all_batches():
    clock = Clock()
    pace = Pace(clock.wait, rate=10)
    for _ in range(5):
        pace.take(20)
    assert clock.now == pytest.approx(8.0)


def test_while_immich_is_busy_nothing_is_asked_and_after_a_minute_it_is_for_later():
    clock, immich = Clock(), MemoryImmich(busy=1000)
    with pytest.raises(TryAgain, match="1000 jobs"):
        Pace(clock.wait).quiet(immich)
    assert clock.now >= 60


def test_the_queues_are_looked_at_once_for_many_assets():
    immich = MemoryImmich()
    pace = Pace(immich.wait)
    for _ in range(1000):
        pace.quiet(immich)
        pace.take(1)
    assert immich.calls["queues"] == 10


def test_a_change_has_settled_when_it_was_unlocked_and_read_again():
    clock = Clock()
    states = [
        Shown(frozenset("a"), locked=True, extracted=EPOCH),
        Shown(frozenset("a"), locked=True, extracted=EPOCH.replace(second=8)),
        Shown(frozenset("a"), extracted=EPOCH.replace(second=8)),
        Shown(frozenset("a"), extracted=EPOCH.replace(second=9)),
    ]

    class Source:
        exact = True

        def shown(self, assets):
            return {"x": states.pop(0)}

    before = {"x": Shown(frozenset(), extracted=EPOCH)}
    assert Settling(Source(), clock.wait).settled(before)["x"].extracted == EPOCH.replace(second=9)
    assert not states


class Written:
    """Immich has written a change at once, and reads it again when so many seconds have passed."""

    exact = True

    def __init__(self, clock, seconds) -> None:
        self.clock, self.seconds = clock, seconds

    def shown(self, assets):
        now = self.clock.now
        locked, read = 0.02 <= now < 1.0, now >= self.seconds
        moment = EPOCH.replace(second=9) if read else EPOCH
        return {"x": Shown(frozenset() if read else frozenset("a"), locked=locked, extracted=moment)}


def test_what_was_written_has_not_settled_before_its_reading_came_out_of_a_long_queue():
    clock = Clock()
    found = Settling(Written(clock, 25.0), clock.wait).settled({"x": Shown(frozenset(), extracted=EPOCH)})
    assert found["x"].tags == frozenset()
    assert 25 <= clock.now < 26


def test_a_reading_that_never_comes_is_waited_for_half_a_minute():
    clock = Clock()
    found = Settling(Written(clock, 1e9), clock.wait).settled({"x": Shown(frozenset(), extracted=EPOCH)})
    assert found["x"].tags == frozenset("a")
    assert 30 <= clock.now < 33


def test_an_asset_that_nobody_had_to_write_has_settled_after_a_while():
    clock, immich = Clock(), MemoryImmich()
    immich.add("x", "a")
    settled = Settling(immich, clock.wait).settled(immich.shown(["x"]))
    assert settled.keys() == {"x"}
    assert 4 <= clock.now < 6


def test_what_does_not_settle_is_given_up_for_now():
    clock, immich = Clock(), MemoryImmich()
    immich.add("x", "a")
    before = immich.shown(["x"])
    immich.user_tags("x", "b")
    assert Settling(immich, clock.wait, patience=30).settled(before) == {}
    assert 30 <= clock.now < 32


def test_an_asset_that_is_gone_is_not_waited_for():
    clock, immich = Clock(), MemoryImmich()
    immich.add("x", "a")
    before = immich.shown(["x"])
    del immich.assets["x"]
    assert Settling(immich, clock.wait).settled(before) == {}
    assert clock.now == 0


def test_without_a_database_two_equal_reads_two_seconds_apart_are_asked_for():
    clock = Clock()
    states = [frozenset("a"), frozenset("ab"), frozenset("b"), frozenset("b")]

    class Source:
        exact = False

        def shown(self, assets):
            return {"x": Shown(states.pop(0))}

    assert Settling(Source(), clock.wait).settled({"x": Shown(frozenset())})["x"].tags == frozenset("b")
    assert clock.slept == [2.0, 2.0, 2.0]


class Slow:
    """Without a database, and so many that to read them takes longer than the patience."""

    exact = False

    def __init__(self, clock, seconds, assets) -> None:
        self.clock, self.seconds, self.assets = clock, seconds, assets

    def shown(self, assets):
        self.clock.now += self.seconds
        return {asset: self.assets[asset] for asset in assets if asset in self.assets}


def test_a_wave_that_takes_longer_to_read_than_the_patience_settles_all_the_same():
    clock = Clock()
    source = Slow(clock, 70.0, {"x": Shown(frozenset("a")), "y": Shown(frozenset("b"))})
    assert Settling(source, clock.wait).settled(source.assets).keys() == {"x", "y"}
    assert clock.now < 150


def test_without_a_database_an_asset_that_is_gone_is_not_waited_for_either():
    clock = Clock()
    source = Slow(clock, 0.0, {"x": Shown(frozenset("a"))})
    before = {**source.assets, "gone": Shown(frozenset())}
    assert Settling(source, clock.wait).settled(before).keys() == {"x"}
    assert clock.now == 2.0


def mirror_of(immich, **more):
    return Mirror({"me": immich}, immich, pace=Pace(immich.wait), wait=immich.wait, **more)


def test_a_missing_permission_closes_the_place_with_its_name():
    immich = MemoryImmich()
    immich.add("x")

    def forbidden(_values):
        raise UserError("the key lacks tag.create")

    immich.upsert_tags = forbidden
    fault = mirror_of(immich).bring([Wish("x", "me", add=("a",))], immich.shown(["x"]))["x"]
    assert isinstance(fault, PlaceClosed)
    assert "tag.create" in fault.reason


def test_one_asset_that_immich_refuses_does_not_stop_the_others_of_its_call():
    immich = MemoryImmich()
    for name in "abcdef":
        immich.add(name)
    tag = immich.tag

    def picky(numbers, assets):
        if "d" in assets:
            raise Refused(b"Immich", "400: not found or no asset.update access")
        return tag(numbers, assets)

    immich.tag = picky
    made = [Wish(name, "me", add=("cat",)) for name in "abcdef"]
    faults = mirror_of(immich).bring(made, immich.shown([*"abcdef"]))
    assert {name for name, fault in faults.items() if fault} == {"d"}
    assert all(immich.assets[name].tags == {"cat"} for name in "abcef")


def test_each_users_assets_are_changed_with_their_own_key():
    mine, yours = MemoryImmich(owner="me"), MemoryImmich(owner="you")
    mine.add("a")
    yours.add("b")

    class Source:
        exact = True

        def shown(self, assets):
            return mine.shown(assets) | yours.shown(assets)

    def sleep(seconds):
        for each in (mine, yours):
            each._sleep(seconds)

    wait = Wait(lambda: mine.seconds, sleep)
    both = Mirror({"me": mine, "you": yours}, Source(), pace=Pace(wait), wait=wait)
    made = [Wish("a", "me", add=("cat",)), Wish("b", "you", add=("cat",))]
    assert both.bring(made, Source().shown(["a", "b"])) == {"a": None, "b": None}
    assert (mine.assets["a"].tags, yours.assets["b"].tags) == ({"cat"}, {"cat"})


def test_the_database_and_the_api_tell_the_same():
    from datetime import UTC, datetime

    from metadata.immich.shapes import Asset, Look, Tag

    look = Look(frozenset({"tags"}), EPOCH, frozenset({"a/b"}), "text", "/data/x.xmp")
    (shown,) = ByDatabase(lambda ids: dict.fromkeys(ids, look)).shown(["x"]).values()
    assert (shown.tags, shown.description, shown.locked, shown.ready) == ({"a/b"}, "text", True, True)
    plain = Asset("x", "you", "/p", b"", "timeline", False, False, "IMAGE", "text", (Tag("1", "a/b"),),
                  datetime.now(UTC))  # fmt: skip

    class User:
        def __init__(self, *assets) -> None:
            self.assets, self.asked = {asset.id: asset for asset in assets}, 0

        def asset(self, name):
            self.asked += 1
            return self.assets.get(name)

    users = {"me": User(), "you": User(plain)}
    source = ByApi(users)
    assert source.shown(["x"])["x"].tags == shown.tags
    source.shown(["x"])
    assert (users["me"].asked, users["you"].asked) == (1, 2)
    assert source.shown(["nobody's"]) == {}


@pytest.fixture
def probed(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"picture")
    immich = MemoryImmich()
    immich.add("a", path=str(tmp_path / "a.jpg"))
    return immich


def probe_of(immich):
    kept = immich.assets["a"]
    folder = os.fsencode(os.path.dirname(kept.path))
    return Probe(mirror_of(immich), "a", "me", folder, lambda: read_sidecar(kept.path + ".xmp").get("tags") or ())


def test_where_both_can_write_immich_goes_first(probed):
    found = probe_of(probed).find()
    assert (found.way, found.left) == (Way.SERVER_FIRST, "")


def test_where_immich_cannot_write_the_file_goes_first(probed):
    probed.may_write = False
    found = probe_of(probed).find()
    assert found.way is Way.FILE_FIRST
    assert "lost" in found.seen


def test_where_we_cannot_write_immich_does_it_alone(probed, monkeypatch):
    monkeypatch.setattr("metadata.mirror.way.writable", lambda folder: "Read-only file system")
    assert probe_of(probed).find().way is Way.SERVER_ONLY


def test_where_nobody_can_write_nothing_is_written(probed, monkeypatch):
    monkeypatch.setattr("metadata.mirror.way.writable", lambda folder: "Read-only file system")
    probed.may_write = False
    assert probe_of(probed).find().way is Way.NONE


def test_the_probe_and_its_tag_are_gone_afterwards_whatever_happens(probed):
    probe = probe_of(probed)

    def fails():
        raise OSError("the network went away")

    broken = Probe(probe.mirror, "a", "me", probe.folder, fails)
    with pytest.raises(OSError, match="network"):
        broken.find()
    assert not probed.assets["a"].tags
    assert not probed.known


def test_a_folder_that_takes_no_file_says_why(tmp_path):
    from metadata.mirror.way import writable

    assert writable(os.fsencode(tmp_path)) == ""
    assert os.listdir(tmp_path) == []
    assert "No such file" in writable(os.fsencode(tmp_path / "gone"))


def test_only_tags_without_children_and_assets_are_deleted_and_only_ours():
    immich = MemoryImmich()
    for value in ("a/b/c", "a/b/d", "x", "theirs", "y/z"):
        immich._tag(value)
    immich.add("p", "a/b/d")
    immich.add("q", "y")
    gone = sweep(immich, {"a", "a/b", "a/b/c", "a/b/d", "x", "y", "y/z"}, immich.unused)
    assert sorted(gone) == ["a/b/c", "x", "y/z"]
    assert immich.known.keys() == {"a", "a/b", "a/b/d", "theirs", "y"}


def test_a_tag_above_goes_when_the_last_below_it_went():
    immich = MemoryImmich()
    immich._tag("a/b/c")
    assert sweep(immich, {"a", "a/b", "a/b/c"}, immich.unused) == ["a/b/c", "a/b", "a"]
