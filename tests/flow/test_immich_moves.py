"""A photo that Immich's storage template moves keeps all that is known of it: facts, places, people."""

from __future__ import annotations

import pytest

from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing, running

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def known(world):
    return world.ask("SELECT format, width, height, orientation FROM photos WHERE gone IS NULL")


def test_regions_and_facts_stay_when_the_template_moves_a_photo(tmp_path):
    with running(template=True) as immich:
        asset = immich.upload_photo(photo(mark=151), "first.jpg")
        immich.idle()
        world = ImmichWorld(tmp_path, immich, root={"people": "regions"})
        person = immich.sql(
            'INSERT INTO person ("ownerId", name) VALUES (%s, %s) RETURNING id', immich.admin.id, "Ann"
        )[0]["id"]
        immich.sql(
            'INSERT INTO asset_face ("assetId", "personId", "imageWidth", "imageHeight", "boundingBoxX1", '
            '"boundingBoxY1", "boundingBoxX2", "boundingBoxY2") VALUES (%s, %s, 64, 48, 10, 10, 30, 30)',
            asset,
            person,
        )  # fmt: skip
        world.rest()
        facts, before = known(world), immich.original_of(asset)
        assert facts[0][1] == 64
        assert "mwg-rs:Regions" in world.sidecar(asset).read_text()
        when = "2019-05-05 10:00Z"
        immich.sql('UPDATE asset SET "localDateTime" = %s, "fileCreatedAt" = %s WHERE id = %s', when, when, asset)
        immich.ok("PUT", "/jobs/storageTemplateMigration", {"command": "start", "force": False})
        immich.idle()
        assert immich.original_of(asset) != before
        world.rest()
        assert known(world) == facts
        assert "mwg-rs:Regions" in world.sidecar(asset).read_text()
