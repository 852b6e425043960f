"""Pictures of HDR films as an ordinary screen shows them, against the curves of BT.2100 the other way round."""

import numpy as np
import pytest

from metadata.source import Source
from models import film, hdr
from tests.films import hdr_film

WIDE = np.linalg.inv(
    np.array(((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)))
)


def of_srgb(*colour):
    """Nits of BT.2020's three colours where this colour's white is at 203 nits."""
    coded = np.array(colour) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return 203 * WIDE @ light


def pq(nits):
    part = (np.asarray(nits) / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * part) / (1 + 2392 / 128 * part)) ** (2523 / 32)


def hlg(nits):
    """Of a screen of 1,000 nits, whose gamma is 1.2."""
    shown = np.asarray(nits) / 1000
    luma = shown @ np.array((0.2627, 0.6780, 0.0593))
    scene = shown * luma ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


CURVES = [(hdr.PQ, pq), (hdr.HLG, hlg)]


def seen(signal, transfer):
    data = np.full((2, 2, 3), np.rint(65535 * np.asarray(signal)), np.uint16)
    return hdr.shown(data, transfer)[0, 0].astype(int)


@pytest.mark.parametrize(("transfer", "curve"), CURVES)
@pytest.mark.parametrize("colour", [(128, 128, 128), (200, 20, 20), (20, 180, 20), (60, 90, 200), (8, 8, 8)])
def test_colours_that_an_ordinary_screen_has_are_those_colours(transfer, curve, colour):
    assert np.abs(seen(curve(of_srgb(*colour)), transfer) - colour).max() <= 1


@pytest.mark.parametrize(("transfer", "curve"), CURVES)
def test_what_is_brighter_than_paper_comes_near_to_white_and_stays_apart(transfer, curve):
    greys = [seen(curve(np.full(3, float(nits))), transfer)[0] for nits in (100, 203, 400, 700)]
    assert greys == sorted(set(greys))
    assert 230 < greys[1] < greys[-1] <= 255


def test_nothing_of_the_signal_s_range_goes_wrong():
    steps = np.linspace(0, 65535, 33).astype(np.uint16)
    every = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(33, -1, 3)
    for transfer in (hdr.PQ, hdr.HLG):
        with np.errstate(all="raise", under="ignore"):
            shown = hdr.shown(every, transfer)
        assert shown.shape == every.shape
        assert (shown.min(), shown.max()) == (0, 255)


@pytest.mark.parametrize(("transfer", "curve"), CURVES)
def test_a_film_in_hdr_is_seen_in_its_colours(transfer, curve):
    data = hdr_film(curve(of_srgb(200, 20, 20)), transfer)
    found = film.pictures(Source(data), "MKV", 32)
    assert found
    for image in found:
        assert image.size == (32, 24)
        assert np.abs(np.asarray(image).astype(int) - (200, 20, 20)).max() <= 6
