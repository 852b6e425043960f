"""Films: what they say of themselves, which pictures are looked at, and what becomes of those that are no good."""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
from datetime import datetime

import pytest

from metadata.container import dissect
from metadata.digest import LONG, digest
from metadata.errors import PhotoError
from metadata.facts import read_facts
from metadata.film import located
from metadata.source import Source
from models import film as films
from models import shown
from models.look import Item, LookJob, PlaceSpec, asked, describe, look
from tests.films import BLUE, CODECS, GREEN, GREY, RED, apple, clocked, film, put, turned

FORMATS = {
    "mp4": "MP4", "mov": "MP4", "matroska": "MKV", "webm": "MKV", "avi": "AVI",
    "mpegts": "MPEG-TS", "mpeg": "MPEG", "flv": "FLV", "asf": "WMV",
}  # fmt: skip


def near(pixel, colour):
    return all(abs(one - other) < 24 for one, other in zip(pixel, colour, strict=True))


def seen(data, edge=64, **more):
    source = Source(data)
    return films.pictures(source, read_facts(source).format, edge, **more)


def tried(data, edge=64):
    """The pictures, or why there are none."""
    try:
        return seen(data, edge), ""
    except PhotoError as error:
        return [], error.reason


@pytest.mark.parametrize("kind", CODECS)
def test_a_film_is_told_by_its_content_and_shows_pictures_from_all_of_it(kind):
    data = film((RED, BLUE), kind=kind, fps=25 if kind == "mpeg" else 10)
    assert read_facts(Source(data)).format == FORMATS[kind]
    pictures = seen(data)
    assert 3 <= len(pictures) <= 8
    assert near(pictures[0].getpixel((32, 24)), RED)
    assert near(pictures[-1].getpixel((32, 24)), BLUE)
    assert {picture.mode for picture in pictures} == {"RGB"}


def test_a_film_with_one_keyframe_is_looked_through():
    colours = [near(picture.getpixel((32, 24)), BLUE) for picture in seen(film((RED, BLUE), gop=1000))]
    assert len(colours) == 8
    assert 3 <= sum(colours) <= 5


def test_a_film_of_one_frame_has_one_picture():
    assert len(seen(film(seconds=0.1))) == 1


def test_pictures_are_as_large_as_is_wanted_and_never_larger_than_the_film():
    data = film(size=(320, 180))
    assert {picture.size for picture in seen(data, 160)} == {(160, 90)}
    assert {picture.size for picture in seen(data, 4000, most=3)} == {(320, 180)}


def test_a_phone_that_was_held_upright_gives_upright_pictures():
    data = turned(film((BLUE,), size=(64, 48), top=RED))
    facts = read_facts(Source(data))
    assert (facts.width, facts.height, facts.orientation) == (48, 64, 1)
    picture = seen(data)[0]
    assert picture.size == (48, 64)
    assert near(picture.getpixel((45, 32)), RED), "what was above is on the right after a turn to the right"
    assert near(picture.getpixel((5, 32)), BLUE)


def test_an_iphone_says_where_and_when_with_its_zone():
    says = apple("2024-05-01T18:30:00+0200", place="+48.2082+016.3738+171.000/", moment="ABC-1")
    facts = read_facts(Source(film(kind="mov", says=says)))
    assert (facts.taken, facts.offset) == (datetime.fromisoformat("2024-05-01T18:30"), 120)
    assert (facts.latitude, facts.longitude) == pytest.approx((48.2082, 16.3738))
    assert (facts.make, facts.moment) == ("Apple", "ABC-1")


def test_a_film_without_a_zone_has_the_time_of_its_own_clock_and_none_where_that_was_never_set():
    data = film()
    assert read_facts(Source(data)).taken is None
    when = datetime.fromisoformat("2023-02-03T04:05:06")
    facts = read_facts(Source(clocked(data, when)))
    assert (facts.taken, facts.offset) == (when, None)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("+48.2082+016.3738/", (48.2082, 16.3738)),
        ("-3352.5+15112.75/", (-33.875, 151.2125)),
        ("+482930-0012345/", (48.491667, -1.395833)),
        ("here", (None, None)),
    ],
)
def test_places_are_read_as_iso_6709_writes_them(text, place):
    assert located(text) == (pytest.approx(place) if place[0] is not None else place)


def test_words_inside_a_film_change_no_digest_and_its_pictures_do():
    one, other = (film(kind="mov", says=apple(f"2024-05-0{day}T18:30:00+0200")) for day in (1, 2))
    assert digest(Source(one)) == digest(Source(other))
    assert digest(Source(one)) != digest(Source(film((BLUE,), kind="mov")))


class Counting(Source):
    """A film of many gigabytes that nobody has to keep: boxes in front, and then what a rule says."""

    __slots__ = ("changed", "head", "read")

    def __init__(self, size, changed=-1) -> None:
        super().__init__(None, size=size)
        self.head = b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\0\0\0\1mdat" + (size - 20).to_bytes(8, "big")
        self.read, self.changed = 0, changed

    def at(self, offset, length):
        length = min(length, self.size - offset)
        self.read += length
        if offset < len(self.head):
            return (self.head + bytes(length))[offset : offset + length]
        return bytes(length) if not offset <= self.changed < offset + length else b"\1" + bytes(length - 1)


def test_of_a_long_film_a_part_is_read_that_tells_it_from_others():
    size = 4 * 2**30
    film = Counting(size)
    name = digest(film)
    assert film.read < 1.1 * LONG
    assert digest(Counting(size)) == name
    assert digest(Counting(size - 1)) != name
    assert digest(Counting(size, changed=size - 5)) != name
    assert dissect(film).format == "MP4"


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi", "mpegts"])
def test_a_film_that_was_cut_off_shows_what_is_left_or_says_that_it_is_damaged(kind):
    data = film((RED, BLUE), kind=kind)
    pictures, reason = tried(data[: len(data) // 2])
    assert reason.startswith("damaged film") if reason else near(pictures[0].getpixel((32, 24)), RED)


def test_broken_films_are_read_in_little_time_and_fail_plainly():
    chance = random.Random(7)
    seeds = [film((RED, BLUE), kind=kind, seconds=1, fps=25 if kind == "mpeg" else 10) for kind in CODECS]
    for data in itertools.islice(itertools.cycle(seeds), 90):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 20)):
            broken[chance.randrange(min(len(data), chance.choice((200, 2000))))] = chance.choice((0, 1, 255))
        source = Source(bytes(broken))
        digest(source)
        facts = read_facts(source)
        if facts.format in FORMATS.values():
            pictures, reason = tried(bytes(broken), 32)
            assert reason.startswith("damaged film") if reason else pictures


def test_a_film_that_never_ends_is_left_when_its_time_is_up():
    ticks = itertools.count()
    with pytest.raises(PhotoError, match="in the time that a film may take"):
        seen(film(), seconds=3.0, clock=lambda: float(next(ticks)))


def test_what_was_found_until_then_counts():
    data, ticks = film((RED, BLUE)), itertools.count()
    most = len(seen(data, seconds=10**9, clock=lambda: float(next(ticks))))
    spent, counts = next(ticks), set()
    for share in (0.5, 0.6, 0.7, 0.8, 0.9):
        ticks = itertools.count()
        with contextlib.suppress(PhotoError):
            counts.add(len(seen(data, seconds=share * spent, clock=lambda ticks=ticks: float(next(ticks)))))
    assert counts & set(range(1, most))


def test_pictures_too_large_to_decode_are_refused():
    with pytest.raises(PhotoError, match="damaged film"):
        seen(film(size=(640, 480)), budget=640 * 480 - 1)


# What is said of a film


def job(path, *taggers, **more):
    return LookJob((Item(1, path, **more),), tuple((name, ()) for name in taggers))


def words(looked):
    return {"/".join(word): score for one in looked.evidence for word, score in one.words}


def test_a_word_counts_where_two_pictures_show_it_with_the_second_of_its_scores():
    cat, dog, owl = ("cat",), ("dog",), ("owl",)
    said = [[(cat, 0.9), (dog, 0.8)], [(cat, 0.7), (owl, 0.6)], [(cat, 0.2), (owl, 0.95)]]
    assert films.merged(said) == [(cat, 0.7), (owl, 0.6)]
    assert films.merged(said, every=True) == [(cat, 0.2)]
    assert films.merged(said[:1]) == said[0]


def test_one_set_of_words_is_said_of_a_film(tmp_path):
    path = put(tmp_path / "a.mp4", film((RED, RED, BLUE, BLUE)))
    (looked,) = look(job(bytes(path), "colour"))
    assert looked.error is None
    assert words(looked) == {"colour/red": 1.0, "colour/blue": 1.0}
    assert len(looked.evidence) == 1


def test_a_film_is_black_and_white_only_where_all_of_it_is(tmp_path):
    grey = put(tmp_path / "grey.mp4", film((GREY,)))
    mixed = put(tmp_path / "mixed.mp4", film((GREY, GREY, GREEN)))
    for path in (grey, mixed):
        (looked,) = look(job(bytes(path), "monochrome", "colour"))
        assert looked.error is None
        assert "black and white" not in words(looked) or path == grey


def test_a_wide_film_is_no_panorama_and_one_as_large_as_a_screen_no_screenshot(tmp_path):
    path = put(tmp_path / "Screenshot_1.mp4", film(size=(240, 100)))
    (looked,) = look(job(bytes(path), "panorama", "screenshot"))
    assert not words(looked)


def test_a_servers_preview_is_looked_at_in_the_films_stead(tmp_path):
    from PIL import Image

    path = put(tmp_path / "a.mp4", film((RED,)))
    Image.new("RGB", (1440, 810), BLUE).save(tmp_path / "preview.webp")
    (looked,) = look(job(bytes(path), "colour", preview=bytes(tmp_path / "preview.webp")))
    assert words(looked) == {"colour/blue": 1.0}
    (tmp_path / "preview.webp").write_bytes(b"RIFF")
    (looked,) = look(job(bytes(path), "colour", preview=bytes(tmp_path / "preview.webp")))
    assert words(looked) == {"colour/red": 1.0}


def test_without_pyav_a_film_says_what_stands_in_it_and_one_line_says_what_is_missing(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(films, "available", lambda: False)
    shown._tell.cache_clear()
    says = apple("2024-05-01T18:30:00+0200", place="+48.2082+016.3738/")
    paths = [put(tmp_path / f"{number}.mov", film(kind="mov", says=says)) for number in (1, 2)]
    with caplog.at_level(logging.WARNING):
        for path in paths:
            asks = LookJob((Item(1, bytes(path)),), (("colour", ()),), place=PlaceSpec())
            (looked,) = look(asks)
            assert looked.error is None
            assert "PyAV is not installed" in looked.note
            assert set(words(looked)) == {"Places/Austria/Vienna"}
            assert asked(asks.taggers) - {one.key for one in looked.evidence}, "it is asked about another time"
    assert len([one for one in caplog.records if "PyAV" in one.message]) == 1


def test_a_captioner_is_asked_about_few_pictures_and_says_one_thing(tmp_path):
    from models.look import DescribeJob

    path = put(tmp_path / "a.mp4", film((RED, BLUE)))
    (looked,) = describe(DescribeJob((Item(1, bytes(path)),), ("plain", ())))
    assert looked.error is None
    assert len(looked.evidence) == 1


def test_who_tries_a_film_sees_what_would_be_said_of_it(tmp_path):
    from models.trial import Who, trial

    path = put(tmp_path / "a.mp4", film((RED, RED, BLUE, BLUE)))
    found = {one.name: one for one in trial(bytes(path), Who((("colour", ()), ("panorama", ())))).said}
    assert dict(found["colour"].words) == {("colour", "red"): 1.0, ("colour", "blue"): 1.0}
    assert not found["panorama"].words
    assert "damaged film" in trial(bytes(put(tmp_path / "b.mp4", film()[:300])), Who((("colour", ()),))).error


def test_an_empty_film_is_an_empty_file(tmp_path):
    (looked,) = look(job(bytes(put(tmp_path / "a.mp4", b"")), "colour"))
    assert looked.error.reason == "empty file"
