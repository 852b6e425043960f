"""What Immich groups: stacks are one picture, films are looked at by its previews, albums keep photos here."""

from __future__ import annotations

import pytest

from tests.films import GREEN, film
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher import privacy
from watcher.ledger import work

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture
def world(tmp_path, immich):
    return ImmichWorld(tmp_path, immich)


def test_a_stack_gets_one_set_of_words_and_shares_refusals(world):
    immich = world.immich
    red, blue, other = (
        immich.upload_photo(photo(colour, mark=number))
        for number, colour in enumerate(((200, 20, 20), (20, 20, 200), (20, 180, 20)))
    )
    immich.idle()
    world.rest()
    assert world.tags(red) == {"colour/red"}
    immich.ok("POST", "/stacks", {"assetIds": [red, blue]})
    immich.idle()
    world.rest()
    assert world.tags(red) == world.tags(blue) == {"colour/red", "colour/blue"}
    assert world.tags(other) == {"colour/green"}
    world.ahead += 3600
    tag = next(tag["id"] for tag in immich.ok("GET", "/tags") if tag["value"] == "colour/blue")
    immich.ok("DELETE", f"/tags/{tag}/assets", {"ids": [red]})
    immich.idle()
    world.rest()
    assert world.tags(red) == world.tags(blue) == {"colour/red"}
    assert world.refused_of(blue) == {"colour/blue"}


def test_without_the_database_stacks_are_asked_for(tmp_path, immich):
    world = ImmichWorld(tmp_path, immich, database=False)
    assets = [immich.upload_photo(photo(mark=500 + number)) for number in range(3)]
    immich.ok("POST", "/stacks", {"assetIds": assets[:2]})
    immich.idle()
    world.run()
    with world.open() as app:
        find = "SELECT assets.id FROM sets JOIN assets ON assets.photo = sets.other WHERE sets.photo = "
        find += "(SELECT photo FROM assets WHERE id = ?)"
        mates = [{row[0] for row in app.ledger.db.execute(find, (asset,))} for asset in assets]
    assert mates == [{assets[1]}, {assets[0]}, set()]


def test_a_film_is_looked_at_by_immichs_preview(world, monkeypatch):
    from models import film as films

    def never(*_, **__):
        raise AssertionError("the film itself was opened")

    monkeypatch.setattr(films, "pictures", never)
    asset = world.immich.upload_photo(film((GREEN,), seconds=1), name="a.mp4")
    world.immich.idle()
    world.rest()
    assert world.known(asset)[0] == "delivered"
    assert world.tags(asset) == {"colour/green"}


def test_what_is_in_an_album_that_is_named_stays_on_this_machine_at_once_and_as_long(world):
    immich = world.immich
    first, second = (immich.upload_photo(photo(mark=1000 + number)) for number in range(2))
    album = immich.ok("POST", "/albums", {"albumName": "Family", "assetIds": [first]})
    immich.idle()
    world.rest()
    world.more["private"] = {"albums": ["family"]}
    assert private(world, first, second) == {first, second}, "as long as nobody has asked what is in it"
    world.rest()
    assert private(world, first, second) == {first}
    immich.ok("PUT", f"/albums/{album['id']}/assets", {"ids": [second]})
    world.ahead += 60
    world.run()
    assert private(world, first, second) == {first, second}
    immich.ok("DELETE", f"/albums/{album['id']}/assets", {"ids": [first]})
    world.ahead += 60
    world.run()
    assert private(world, first, second) == {second}


def private(world, *assets):
    with world.open() as app:
        rules, found = privacy.of(app.settings.private), set()
        for asset in assets:
            (number,) = app.ledger.db.execute("SELECT photo FROM assets WHERE id = ?", (asset,)).fetchone()
            jobs = work.jobs(app.ledger.db, [number])
            found |= {asset} if privacy.known(app.ledger.db, jobs, rules).private else set()
    return found


def test_with_a_key_that_may_not_see_albums_nothing_is_shown_to_anybody_and_status_says_why(tmp_path, immich):
    rights = [
        "asset.read",
        "asset.view",
        "tag.read",
        "tag.create",
        "tag.asset",
        "user.read",
        "job.create",
        "tag.delete",
    ]
    key = immich.key_for(immich.admin.id, rights)
    world = ImmichWorld(tmp_path, immich, database=False, keys=(key,), private={"albums": ["Family"]})
    asset = immich.upload_photo(photo(mark=5000))
    immich.idle()
    with world.open() as app:
        world.work(app)
        assert "album.read" in " ".join(app.poll.problems())
        assert not app.ledger.db.execute("SELECT 1 FROM photos WHERE digest IS NOT NULL").fetchone()
    assert not world.tags(asset)


def test_a_name_that_no_album_has_is_told_once(caplog):
    from metadata.immich.shapes import Album
    from watcher.albums import Albums

    class Client:
        asked = 0

        def albums(self):
            return [Album("1", "Holiday", "a"), Album("2", "Family", "b")]

        def in_album(self, album):
            Client.asked += 1
            return [f"of {album}"]

    albums = Albums(["holiday", "Famly"])
    for _ in range(3):
        assert albums.look({"ann": Client()}) == {"of 1"}
    assert Client.asked == 1, "what did not change is not asked again"
    assert [one.message for one in caplog.records] == ["private.albums: no album in Immich is called 'Famly'"]
