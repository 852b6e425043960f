"""A worker without the shared folder looks at previews that it fetches from Immich with a key of its own."""

from __future__ import annotations

import pytest

pytest.importorskip("distributed")


from metadata.digest import digest
from metadata.source import opened
from tests.cluster_world import Machines
from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing, running
from watcher.ledger import evidence

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def test_a_worker_without_the_folder_looks_at_previews_that_it_fetches_itself(tmp_path):
    with running() as immich:
        key = tmp_path / "worker.key"
        key.write_text(immich.key)
        key.chmod(0o600)
        machines = Machines(tmp_path / "machines", None)
        with machines.config.open("a") as config:
            config.write(f'[immich]\nurl = "{immich.url}"\nkeys = ["{key}"]\n')
        asset = immich.upload_photo(photo(mark=71))
        immich.idle()
        world = ImmichWorld(tmp_path / "here", immich, database=False, cluster=machines.cluster)
        world.changed |= {"taggers": ["colour", "brooding"], "facts": ["monochrome"], "threshold": 1.0}
        with machines.up(1):
            world.run()
        state, _, found, _ = world.known(asset)
        assert state == "delivered"
        with opened(bytes(immich.original_of(asset))) as file:
            assert found == digest(file.source)
        with world.book() as db:
            said = {one.source: one.words for one in evidence.of(db, [found])[found]}
        assert said.keys() == {"colour", "brooding", "monochrome"}
        assert [word for word, _ in said["colour"]] == [("colour", "red")]
        # So the preview is called: no file reached the worker.
        assert [word for word, _ in said["brooding"]] == [(asset,)]
        assert len(machines.begun()) == 1
