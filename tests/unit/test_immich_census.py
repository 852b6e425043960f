from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from metadata.errors import PlaceClosed
from metadata.immich import Asset, ByApi, ByDatabase

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def photo(ident: str, seconds: float = 0, **more) -> Asset:
    asset = Asset(
        ident, "anna", f"/data/{ident}.jpg", b"", "timeline", False, False, "IMAGE", "", None,
        NOW + timedelta(seconds=seconds), preview=True, extracted=True,
    )  # fmt: skip
    return replace(asset, **more)


class Memory:
    """An Immich of one user in memory; what is in the trash is in `trash`, what is locked nowhere."""

    place = b"memory"

    def __init__(self, *assets: Asset, counts: bool = True) -> None:
        self.shown = {asset.id: asset for asset in assets}
        self.trash: dict[str, Asset] = {}
        self.counts = counts
        self.listings = 0
        self.before_list: list[Asset] = []
        self.asked: list[str] = []

    def assets(self, *, updated_after=None, visibilities=("timeline", "archive")):
        self.listings += updated_after is None
        self.asked += visibilities
        if self.before_list:
            self.put(self.before_list.pop())
        found = [each for each in self.shown.values() if each.visibility in visibilities]
        return [each for each in found if updated_after is None or each.updated >= updated_after]

    def asset(self, id):  # noqa: A002 - the client's own word
        return self.shown.get(id) or self.trash.get(id)

    def count(self, visibility="timeline"):
        return sum(each.visibility == visibility for each in self.shown.values()) if self.counts else None

    def put(self, asset: Asset) -> None:
        self.shown[asset.id] = asset


def names(news) -> list[str]:
    return sorted(asset.id for asset in news.changed)


def test_the_first_look_tells_of_all_and_the_next_of_what_is_new():
    api = Memory(photo("a"), photo("b", visibility="archive"))
    census = ByApi(api)
    assert names(census.look()) == ["a", "b"]
    api.put(photo("a", 10))
    api.put(photo("c", 11))
    assert names(census.look()) == ["a", "c"]
    assert census.look() == census.look()
    assert api.listings == 1


def test_what_was_written_a_little_earlier_and_is_seen_later_is_not_missed():
    api = Memory(photo("a", 10))
    census = ByApi(api)
    census.look()
    api.put(photo("b", 6))
    assert names(census.look()) == ["b"]


def test_what_is_shown_no_more_is_gone_at_the_next_look():
    api = Memory(photo("a"), photo("b"))
    census = ByApi(api)
    census.look()
    del api.shown["a"]
    assert census.look().gone == {"a"}
    assert census.look().gone == frozenset()


def test_one_that_goes_while_another_comes_is_noticed_at_the_look_after_at_the_latest():
    api = Memory(photo("a"), photo("b"))
    census = ByApi(api)
    census.look()
    del api.shown["a"]
    api.put(photo("c", 9))
    assert (census.look().gone, names(census.look())) == ({"a"}, [])


def test_one_in_the_trash_is_told_as_such_and_is_not_gone():
    api = Memory(photo("a"), photo("b"))
    census = ByApi(api)
    census.look()
    api.trash["a"] = replace(api.shown.pop("a"), trashed=True)
    news = census.look()
    assert news.gone == frozenset()
    assert [asset.trashed for asset in news.changed] == [True]


def test_one_that_arrives_between_count_and_list_costs_no_listing_of_all():
    api = Memory(photo("a"))
    census = ByApi(api)
    census.look()
    api.before_list.append(photo("b", 20))
    assert names(census.look()) == ["b"]
    assert api.listings == 1


def test_what_nobody_has_archived_is_not_asked_for_until_somebody_has():
    api = Memory(photo("a"))
    census = ByApi(api)
    census.look()
    api.asked.clear()
    census.look()
    assert api.asked == ["timeline"]
    api.put(photo("a", 10, visibility="archive"))
    assert names(census.look()) == ["a"]
    assert api.asked == ["timeline", "archive"]


def test_a_key_that_may_not_count_lists_all_now_and_then():
    api = Memory(photo("a"), photo("b"), counts=False)
    census = ByApi(api, every=3)
    census.look()
    del api.shown["a"]
    assert [census.look().gone, census.look().gone] == [frozenset(), {"a"}]


def test_most_photos_gone_at_once_is_a_stop_and_nothing_is_forgotten():
    api = Memory(*(photo(str(n)) for n in range(300)))
    census = ByApi(api)
    census.look()
    for n in range(250):
        del api.shown[str(n)]
    for _ in range(2):
        with pytest.raises(PlaceClosed, match="250 of 300 photos are gone at once"):
            census.look()


def test_an_empty_library_is_listed_until_there_is_a_photo():
    api = Memory()
    census = ByApi(api)
    assert not census.look().changed
    api.put(photo("a"))
    assert names(census.look()) == ["a"]


class Rows:
    """The same of the database: changes by their ids, of which each begins with its milliseconds."""

    def __init__(self, *assets: Asset) -> None:
        self.all = sorted(assets, key=lambda each: each.change)
        self.told = 0

    def changed(self, after, *, most=5000):
        found = [each for each in self.all if each.change > after][:most]
        self.told += len(found)
        return found

    def ids(self, _owners):
        return {each.id for each in self.all}

    def count(self, _owners):
        return len(self.all)


def test_what_was_changed_in_one_go_is_not_read_anew_for_ever():
    clock = [0.0]
    api = Memory(*(photo(f"{number}", number / 1000) for number in range(100)))
    told, listed = [], api.assets

    def assets(**more):
        told.append(listed(**more))
        return told[-1]

    api.assets = assets
    census = ByApi(api, clock=lambda: clock[0])
    for clock[0] in (0.0, 10.0, 20.0, 400.0, 410.0):
        census.look()
    assert [len(each) for each in told] == [100, 100, 100, 1, 1]
    api.put(photo("late", 2.0))
    api.put(photo("before", 1.0))
    assert names(census.look()) == ["before", "late"]


def test_nor_by_the_database():
    clock = [0.0]
    changes = (str(UUID(int=((1_800_000_000_000 + number) << 80) + 1)) for number in range(100))
    rows = Rows(*(photo(f"{number}", change=change) for number, change in enumerate(changes)))
    census = ByDatabase(rows, ["anna"], b"db", clock=lambda: clock[0])
    found = []
    for clock[0] in (0.0, 10.0, 400.0, 410.0):
        before = rows.told
        census.look()
        found.append(rows.told - before)
    assert found == [100, 100, 0, 0]
