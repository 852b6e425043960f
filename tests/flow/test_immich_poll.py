"""The house beside the stand-in Immich, by settings alone: what lands in Immich, and what people do there."""

from __future__ import annotations

import pytest

from tests.flow.immich_world import ImmichWorld
from tests.immich import missing, running

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(scope="module")
def immich():
    with running() as found:
        yield found


@pytest.fixture(params=[True, False], ids=["database", "no database"])
def world(request, tmp_path, immich):
    return ImmichWorld(tmp_path, immich, database=request.param)


def photo(colour=(200, 20, 20), mark=0):
    import io
    import random

    from PIL import Image

    data = io.BytesIO()
    image = Image.new("RGB", (64, 48), colour)
    chance = random.Random(mark)
    for x in range(16):
        image.putpixel((x, 3), (colour[0], chance.randrange(60), colour[2]))
    image.save(data, "JPEG", quality=95)
    return data.getvalue()


def test_an_upload_gets_its_keywords_in_immich_and_in_its_sidecar(world):
    asset = world.immich.upload_photo(photo(mark=1 + world.database))
    world.immich.idle()
    world.rest()
    assert world.tags(asset) == {"colour/red"}
    if world.database:
        assert world.fields(asset) == {"colour/red"}
    assert world.known(asset)[0] == "delivered"
