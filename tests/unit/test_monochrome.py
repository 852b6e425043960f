"""Black and white pictures of many kinds, and colour photos that come near to them."""

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from models.taggers.monochrome import EDGE, likeness
from watcher.sample import _photograph

TONES = {
    "sepia": ("#1e0f05", "#705438", "#f0dcb4"),
    "warm sepia": ("#000000", "#966e46", "#fffaeb"),
    "cyanotype": ("#050f2d", "#1e5a8c", "#e6f5fa"),
    "selenium": ("#140a19", "#78697d", "#fafafa"),
    "split": ("#0a0f2d", "#7d7d78", "#fff0c8"),
    "faded": ("#554632", "#a08c6e", "#ebdcbe"),
}


@cache
def photo(name):
    return Image.open(_photograph(f"{name}.jpg")).convert("RGB")


def parts(name):
    image = photo(name)
    yield image
    for left, top in ((0, 0), (320, 0), (0, 213), (320, 213), (160, 106)):
        yield image.crop((left, top, left + 320, top + 213))


def toned(image, tone):
    black, mid, white = TONES[tone]
    return ImageOps.colorize(image.convert("L"), black, white, mid)


def jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def grainy(image):
    noise = np.random.default_rng(3).normal(0, 8, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def stained(image):
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    rim = (x * x + y * y)[..., None] * np.array([0.1, 0.15, 0.22])
    return Image.fromarray((np.asarray(image) * (1 - rim)).clip(0, 255).astype(np.uint8))


def small(image, edge=EDGE):
    image = image.copy()
    image.thumbnail((edge, edge))
    return image


def share(pictures):
    """How many of the pictures are called black and white, 0..1."""
    answers = [likeness(small(picture)) >= 0.5 for picture in pictures]
    return sum(answers) / len(answers)


@pytest.mark.parametrize("name", ["china", "flower"])
def test_grey_is_black_and_white(name):
    assert all(likeness(small(part.convert("L").convert("RGB"))) > 0.99 for part in parts(name))


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("name", ["china", "flower"])
def test_toned_and_faded_is_black_and_white(name, tone):
    pictures = [toned(part, tone) for part in parts(name)]
    assert share(pictures) >= 5 / 6  # a toned cloud alone looks like sky
    assert share(pictures[:1]) == 1


@pytest.mark.parametrize(
    ("worn", "least"),
    [
        (lambda image: jpeg(image, 60), 0.95),
        (lambda image: jpeg(small(image, 160), 50), 0.95),
        (grainy, 0.95),
        (stained, 0.85),
    ],
    ids=["q60", "small", "grain", "stain"],
)
def test_wear_does_not_hide_it(worn, least):
    pictures = [worn(toned(part, tone)) for name in ("china", "flower") for part in parts(name) for tone in TONES]
    assert share(pictures) >= least


@pytest.mark.parametrize(
    "dulled",
    [
        lambda image: image,
        lambda image: ImageEnhance.Color(image).enhance(0.5),
        lambda image: Image.blend(image, Image.new("RGB", image.size, "#bec3c8"), 0.5),
        lambda image: Image.blend(image, Image.new("RGB", image.size, "#bec3c8"), 0.7),
        lambda image: ImageEnhance.Brightness(image).enhance(0.3),
        lambda image: Image.blend(image, Image.new("RGB", image.size, "#e6a050"), 0.35),
        lambda image: jpeg(image, 40),
        lambda image: jpeg(small(image, 120), 70),
    ],
    ids=["as it is", "half its colours", "fog", "thick fog", "dark", "warm light", "q40", "small"],
)
def test_a_colour_photo_is_not_even_a_dull_one(dulled):
    assert share([dulled(part) for name in ("china", "flower") for part in parts(name)]) == 0


def gradient(first, last):
    return Image.composite(
        Image.new("RGB", (128, 96), last),
        Image.new("RGB", (128, 96), first),
        Image.linear_gradient("L").resize((128, 96)),
    )


@pytest.mark.parametrize(
    ("first", "last"),
    [("#5f8fd0", "#e8f0fa"), ("#1f4d12", "#a8d070"), ("#600010", "#ff5060"), ("#8090a8", "#e0e4ea")],
)
def test_sky_leaves_a_red_wall_and_haze_are_colours(first, last):
    assert likeness(gradient(first, last)) < 0.5


def test_a_wall_of_one_colour_black_and_print_are_no_photographs():
    page = Image.new("RGB", (128, 96), "white")
    ImageDraw.Draw(page).text((10, 10), "Some words on a page", fill="black")
    drawing = Image.new("RGB", (128, 96), "white")
    ImageDraw.Draw(drawing).rectangle((20, 20, 100, 70), fill="blue")
    for picture in (Image.new("RGB", (128, 96), "#888888"), Image.new("RGB", (128, 96), "black"), page, drawing):
        assert likeness(picture) == 0


def test_a_tiny_or_thin_picture_says_nothing():
    for size in ((1, 1), (7, 128), (128, 3)):
        assert likeness(Image.new("RGB", size, "grey")) == 0


def test_one_small_red_thing_makes_it_a_colour_photo():
    image = small(photo("china").convert("L").convert("RGB"))
    ImageDraw.Draw(image).ellipse((50, 30, 75, 55), fill="#d02020")
    assert likeness(image) < 0.5
