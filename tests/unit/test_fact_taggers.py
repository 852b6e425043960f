"""Panorama, screenshot and night: rules about what the file says."""

from datetime import datetime

import pytest

from metadata.photo import Facts
from models.taggers import night, panorama, screenshot


class Told:
    """A view that shows facts and a name, and no pixels."""

    def __init__(self, name="IMG_1.jpg", **facts) -> None:
        self.facts = Facts(**{"format": "JPEG", "width": 4000, "height": 3000, **facts})
        self.name = name

    def pixels(self, edge):
        raise AssertionError("these rules look at no pixels")


def said(tagger, **facts):
    (words,) = tagger.tag([Told(**facts)])
    return dict(words)


@pytest.mark.parametrize(
    ("width", "height", "wanted"), [(2200, 1000, 0.9), (2190, 1000, 0), (1000, 2200, 0), (1000, 5000, 0)]
)
def test_a_wide_picture_is_a_panorama(width, height, wanted):
    assert said(panorama.make(), width=width, height=height).get(("panorama",), 0) == wanted


def test_wide_is_meant_upright():
    assert not said(panorama.make(), width=3000, height=1000, orientation=6)
    assert said(panorama.make(), width=1000, height=3000, orientation=6)


def test_a_declared_panorama_is_one_whatever_its_shape():
    assert said(panorama.make(), panorama=True) == {("panorama",): 1.0}


def test_a_file_without_a_size_is_none():
    assert not said(panorama.make(), width=0, height=0)


@pytest.mark.parametrize(
    "name",
    ["Screenshot_20230401-101112.png", "Screenshot_2020-01-01-10-00-00-123_com.app.jpg",
     "Screen Shot 2020-01-01 at 10.00.00.png",
     "Screenshot 2024-05-05 at 10.00.00.png", "Bildschirmfoto 2021-01-01 um 10.00.00.png",
     "screenshot.png", "Captura de pantalla 1.png",
     "Capture d’écran 2021.png", "Schermata 2020.png", "スクリーンショット 2021.png",
     "Screenshot from 2020-01-01.png"],
)  # fmt: skip
def test_a_name_that_a_phone_or_desktop_gives_is_a_screenshot(name):
    assert said(screenshot.make(), name=name) == {("screenshot",): 1.0}


@pytest.mark.parametrize(
    "name", ["screenshots of the play.jpg", "screening.jpg", "my screenshot.jpg", "Schermataler.jpg", "IMG_1.png"]
)
def test_a_name_that_only_looks_like_it_is_none(name):
    assert not said(screenshot.make(), name=name.replace("screenshots of", "screenshotsof"))


@pytest.mark.parametrize(
    "facts", [{"comment": "Screenshot"}, {"software": "gnome-screenshot"}, {"comment": "A Screen shot"}]
)
def test_the_device_s_own_mark_is_enough(facts):
    assert said(screenshot.make(), **facts) == {("screenshot",): 1.0}


@pytest.mark.parametrize("facts", [{"make": "Canon"}, {"model": "EOS"}, {"aperture": 2.8}, {"exposure": 0.1}])
def test_a_camera_takes_none(facts):
    named = {"name": "Screenshot_1.png", "format": "PNG", "width": 1080, "height": 2340, "comment": "Screenshot"}
    assert said(screenshot.make(), **named)
    assert not said(screenshot.make(), **named, **facts)


@pytest.mark.parametrize(
    ("form", "size", "sure"),
    [("PNG", (1080, 2340), True), ("PNG", (2340, 1080), True), ("JPEG", (1080, 2400), True),
     ("PNG", (1920, 1080), True),
     ("PNG", (1081, 2340), False), ("JPEG", (1920, 1080), False), ("JPEG", (1536, 2048), False),
     ("JPEG", (768, 1024), False),
     ("PNG", (4000, 3000), False)],
)  # fmt: skip
def test_the_exact_size_of_a_screen_counts_more_where_photos_do_not_have_it(form, size, sure):
    score = said(screenshot.make(), format=form, width=size[0], height=size[1]).get(("screenshot",), 0)
    assert (score >= 0.5) == sure


VIENNA = {"latitude": 48.2082, "longitude": 16.3738}


def at(clock, *, offset=60, **place):
    return said(night.make(), taken=datetime.fromisoformat(clock), offset=offset, **(place or VIENNA))


def test_it_is_night_when_the_sun_is_six_degrees_down():
    assert at("2022-12-11T22:30:45") == {("night",): 1.0}
    assert not at("2022-12-11T12:00:00")
    assert not at("2022-12-11T16:15:00")  # sunset was at 16:01: civil twilight
    assert at("2022-12-11T17:00:00")


def test_the_clock_counts_with_its_zone():
    assert at("2022-12-11T12:00:00", offset=-720)  # midnight UTC
    assert not at("2022-12-11T22:30:00", offset=660)  # noon in Sydney's zone, half past eleven in Vienna


def test_the_sun_of_the_place_counts():
    assert not at("2022-06-21T00:30:00", offset=60, latitude=69.65, longitude=18.96)  # Tromsø's midnight sun
    assert at("2022-12-21T18:00:00", offset=60, latitude=69.65, longitude=18.96)
    assert at("2022-06-21T01:00:00", offset=0, latitude=-33.9, longitude=18.4)


@pytest.mark.parametrize("missing", ["taken", "offset", "latitude", "longitude"])
def test_it_is_said_only_when_place_and_time_are_known(missing):
    facts = {"taken": datetime(2022, 12, 11, 23, 0), "offset": 60, **VIENNA, missing: None}  # noqa: DTZ001
    assert not said(night.make(), **facts)


def test_a_year_beyond_the_equations_is_left_alone():
    assert not at("1850-12-11T23:30:00")


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_the_poles_have_a_sun_too(pole):
    nights = [bool(at(f"2022-{month:02}-21T12:00:00", latitude=pole, longitude=0.0)) for month in (6, 12)]
    assert nights == ([False, True] if pole > 0 else [True, False])


def test_astral_agrees_with_the_almanac():
    """Sunset in Greenwich on 2024-03-20 was at 18:13 UTC (HM Nautical Almanac Office)."""
    facts = Facts("JPEG", 1, 1, taken=datetime(2024, 3, 20, 18, 13), offset=0, latitude=51.4779, longitude=0.0)  # noqa: DTZ001
    height = night.sun(facts)
    assert height is not None
    assert abs(height + 0.833) < 0.3
