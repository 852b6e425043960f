"""The nearest city is the nearest: compared with looking at every row of the list."""

import csv
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from metadata import places

pytest.importorskip("scipy")


@cache
def rows():
    with open(places.source(), encoding="utf-8", newline="") as file:
        return [line for line in csv.reader(file) if line[0] != "lat"]


@cache
def points():
    return places.sphere(np.array([[float(row[0]), float(row[1])] for row in rows()]))


def brute(latitude, longitude):
    """The distance in km to the nearest city of all, by great circles (haversine), and every city that near."""
    here = places.sphere(np.array([[latitude, longitude]]))[0]
    chords = np.sqrt(((points() - here) ** 2).sum(axis=1))
    km = 2 * places.EARTH_KM * math.asin(min(1.0, chords.min() / 2))
    return km, {rows()[index][2] for index in np.flatnonzero(chords <= chords.min() + 1e-9)}


@given(latitude=some.floats(-90, 90), longitude=some.floats(-180, 180))
def test_anywhere_on_earth_the_answer_is_the_nearest_row(latitude, longitude):
    km, names = brute(latitude, longitude)
    place = places.nearest(latitude, longitude, limit_km=30_000)
    if place is None:  # the guard for "unknown"
        assert abs(latitude) < 1e-6
        assert abs(longitude) < 1e-6
    else:
        assert place.km == pytest.approx(km, abs=1e-3)
        assert place.city in names


@given(index=some.integers(0, 144_000), north=some.floats(-0.4, 0.4), east=some.floats(-0.8, 0.8))
def test_near_cities_too(index, north, east):
    row = rows()[index]
    latitude = max(-90.0, min(90.0, float(row[0]) + north))
    longitude = (float(row[1]) + east + 180) % 360 - 180
    km, names = brute(latitude, longitude)
    place = places.nearest(latitude, longitude, limit_km=30_000)
    assert place is not None
    assert place.km == pytest.approx(km, abs=1e-3)
    assert place.city in names


def test_a_search_over_raw_degrees_would_be_wrong_for_one_place_in_twenty():
    """What the list's own package does; ours is right for the same places (the tests above)."""
    from scipy.spatial import cKDTree

    chance = np.random.default_rng(1)
    degrees = np.array([[float(row[0]), float(row[1])] for row in rows()])
    asked = degrees[chance.integers(0, len(degrees), 4000)] + chance.uniform(-0.3, 0.3, (4000, 2))
    asked = asked[(np.abs(asked[:, 0]) < 90) & (np.abs(asked[:, 1]) < 180)]
    flat = cKDTree(degrees).query(asked)[1]
    round_ = cKDTree(points()).query(places.sphere(asked))[1]
    wrong = float((flat != round_).mean())
    assert wrong > 0.05
