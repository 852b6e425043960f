"""Several users of one Immich: aliases, block lists and reports of words that mean the same are their own."""

from __future__ import annotations

import json

import pytest

from metadata.errors import UserError
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing
from watcher import cli, duplicates, merging, report
from watcher.ledger import owners

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


class Shared(ImmichWorld):
    """Anna's and Ben's photos, whatever their `names`, beside those of a plain folder."""

    def __init__(self, folder, immich, names, /, **more) -> None:
        self.anna, self.ben = (immich.user(name) for name in names)
        self.hers, self.his = (f"{name.lower()}@example.com" for name in names)
        super().__init__(folder, immich, keys=(self.anna.key, self.ben.key), **more)
        self.plain = folder / "plain"
        self.plain.mkdir()
        self.number = 0

    def settings(self, **more):
        made = super().settings(**more)
        plain = made.roots[0].model_copy(update={"name": "plain", "path": self.plain})
        return made.model_copy(update={"roots": (*made.roots, plain)})

    def upload(self, user, *words):
        self.number += 1
        asset = self.immich.upload_photo(photo(mark=self.number), key=user.key)
        self.immich.idle()
        if words:
            self.immich.tag([asset], words, key=user.key)
            self.immich.idle()
        return asset

    def beside(self, name, *words):
        from tests.flow.test_dedupe_library import sidecar

        self.number += 1
        (self.plain / name).write_bytes(photo(mark=self.number))
        sidecar(self.plain / f"{name}.xmp", *words)

    def dedupe(self, *flags):
        """The command line, which only reads."""
        config = self.state.parent / "t.toml"
        config.write_text(
            f'state = "{self.state}"\nfacts = []\n[[roots]]\nname = "plain"\npath = "{self.plain}"\n'
        )
        return cli.main(["--config", str(config), "dedupe", *map(str, flags)])

    def report(self, name):
        return report.read(self.state / f"dedupe/{name}/report.json")

    def plain_words(self, name):
        from metadata import xmp
        from metadata.tags import TAGS_LIST

        return {*xmp.seen(xmp.parse((self.plain / f"{name}.xmp").read_bytes(), b"x")).lists.get(TAGS_LIST, ())}


def test_each_user_has_a_report_and_applying_it_touches_nobody_else(tmp_path, immich, capsys):
    world = Shared(tmp_path, immich, ("Anna", "Ben"))
    hers = [world.upload(world.anna, "couch"), world.upload(world.anna, "sofa"), world.upload(world.anna, "sofa")]
    his = [world.upload(world.ben, "couch"), world.upload(world.ben, "sofa"), world.upload(world.ben, "couch")]
    world.beside("c.jpg", "couch")
    world.beside("s.jpg", "sofa")
    world.rest()
    assert world.dedupe("--embedder", "none", "--json") == 0
    told = json.loads(capsys.readouterr().out)["reports"]
    assert {one["user"]: one["photos"] for one in told} == {world.hers: 3, world.his: 3, duplicates.NO_USER: 2}
    hers_shown = world.report(world.hers)
    assert [sorted(group["words"]) for group in hers_shown["groups"]] == [["couch", "sofa"]]
    assert hers_shown["words"]["couch"]["photos"] == 1
    assert world.report(world.his)["words"]["couch"]["photos"] == 2
    answer = world.do("dedupe", **duplicates.values(hers_shown))
    immich.idle()
    world.rest()
    assert [world.tags(asset) for asset in hers] == [{"sofa", "colour/red"}] * 3
    assert [sorted(world.tags(asset) - {"colour/red"}) for asset in his] == [["couch"], ["sofa"], ["couch"]]
    assert world.plain_words("c.jpg") >= {"couch"}
    names = {
        user.id: {tag["value"] for tag in immich.ok("GET", "/tags", key=user.key)}
        for user in (world.anna, world.ben)
    }
    assert "couch" not in names[world.anna.id]
    assert "couch" in names[world.ben.id]
    assert world.dedupe("alias", "list", "--user", "Anna", "--json") == 0
    (alias,) = json.loads(capsys.readouterr().out)
    assert (alias["word"], alias["to"], alias["user"]) == ("couch", "sofa", world.hers)
    world.do("undo", run=answer["run"])
    immich.idle()
    world.rest()
    assert world.tags(hers[0]) == {"couch", "colour/red"}
    assert world.dedupe("alias", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_alias_and_a_block_of_one_user_hold_for_this_users_photos_alone(tmp_path, immich, capsys):
    users = {"Bob": {"block": ["colour/rot"]}}
    world = Shared(tmp_path, immich, ("Ada", "Bob"), immich={"users": users})
    first = world.upload(world.anna)
    world.rest()
    assert world.tags(first) == {"colour/red"}
    said = world.do("dedupe alias add", word="colour/red", to="colour/rot", user="Ada")
    assert said["user"] == world.hers
    world.do("dedupe alias add", word="colour/red", to="colour/rot", user=world.his)
    world.do("dedupe alias add", word="colour/red", to="colour/rouge", user="-")
    hers, his = world.upload(world.anna), world.upload(world.ben)
    world.beside("p.jpg")
    world.rest()
    assert world.tags(first) == {"colour/rot"}
    assert world.tags(hers) == {"colour/rot"}
    assert world.tags(his) == set()
    assert world.plain_words("p.jpg") == {"colour/rouge"}
    assert world.dedupe("alias", "export", "-") == 0
    exported = json.loads(capsys.readouterr().out)
    assert sorted(one["user"] for one in exported) == ["-", world.hers, world.his]
    for user in ("Ada", "Bob", "-"):
        world.do("dedupe alias rm", word="colour/red", user=user)
    world.do("dedupe alias import", aliases=exported)
    assert world.dedupe("alias", "export", "-") == 0
    assert json.loads(capsys.readouterr().out) == exported
    with pytest.raises(UserError, match="no user 'Carl'; known are: ada@example"):
        world.do("dedupe alias add", word="a", to="b", user="Carl")


def test_words_are_kept_apart_for_one_user(tmp_path, immich):
    world = Shared(tmp_path, immich, ("Amy", "Bill"))
    for user in (world.anna, world.ben):
        world.upload(user, "couch")
        world.upload(user, "sofa")
    world.rest()
    world.do("dedupe block", word="couch", other="sofa", user="Amy")
    assert world.dedupe("--embedder", "none") == 0
    assert world.report(world.hers)["groups"] == []
    assert [sorted(group["words"]) for group in world.report(world.his)["groups"]] == [["couch", "sofa"]]
    world.do("dedupe unblock", word="couch", other="sofa", user="Amy")
    world.do("dedupe protect", words=["couch"], user="Bill")
    assert world.dedupe("--embedder", "none", "--user", "Bill") == 0
    assert world.report(world.his)["groups"] == []
    with pytest.raises(UserError, match="is not protected"):
        world.do("dedupe unprotect", words=["couch"], user="Amy")
    assert world.dedupe("--apply") == 2
    with world.open() as app:
        assert owners.parts(app.ledger.db) == sorted([world.anna.id, world.ben.id])
        with pytest.raises(UserError, match="make"):
            merging.merge(app, report="of all", words=[])
