"""One look at a batch: what comes back, and what happens when a photo or a tagger is at fault."""

import os
import pickle
import sys
import types
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest
from PIL import Image

from metadata import digest, source
from metadata.errors import PhotoError, TryAgain, UserError
from metadata.photo import Stat
from models import image
from models import look as looking
from models.look import DescribeJob, Item, Known, LookJob, PlaceSpec, asked, describe, look
from models.protocols import Titled
from watcher.sample import SHOTS, exif

LOCAL = tuple((name, ()) for name in ("monochrome", "panorama", "screenshot", "night"))


def photo(folder, name="a.jpg", *, colour="red", shot=None, size=(300, 200), **options):
    path = folder / name
    image = Image.new("RGB", size, colour)
    image.save(path, **options, **({"exif": exif(shot)} if shot else {}))
    return bytes(path)


def one(path, *, taggers=LOCAL, known=None, **settings):
    (looked,) = look(LookJob((Item(7, path, known),), taggers, **settings))
    return looked


@pytest.fixture
def backend(monkeypatch):
    """Registers a tagger or captioner for one test as an installed module would be."""

    def register(kind, **methods):
        module = types.ModuleType(f"models.{kind}.probe")
        made = type("Probe", (), {"name": "probe", "version": "1", **methods})
        module.make = made
        monkeypatch.setitem(sys.modules, module.__name__, module)
        names = looking.registry.names
        monkeypatch.setattr(looking.registry, "names", lambda asked: [*names(asked), "probe"])
        return (("probe", ()),)

    looking._made_tagger.cache_clear()
    looking._made_captioner.cache_clear()
    yield register
    looking._made_tagger.cache_clear()
    looking._made_captioner.cache_clear()


def test_a_photo_gives_digest_facts_stat_and_evidence(tmp_path):
    path = photo(tmp_path, shot=SHOTS["night"], size=(600, 200))
    looked = one(path, place=PlaceSpec())
    assert looked.id == 7
    assert looked.error is None
    assert len(looked.digest) == 16
    assert looked.facts.model == "EX-1"
    assert looked.stat == Stat.of(os.stat(path))
    words = {evidence.source: dict(evidence.words) for evidence in looked.evidence}
    assert words == {
        "place": {("Places", "Austria", "Vienna"): 1.0},
        "monochrome": {},
        "panorama": {("panorama",): 0.9},
        "screenshot": {},
        "night": {("night",): 1.0},
    }
    (place,) = [evidence for evidence in looked.evidence if evidence.source == "place"]
    assert dict(place.texts)["photoshop:City"] == "Vienna"


def test_what_was_asked_is_what_answers(tmp_path):
    looked = one(photo(tmp_path), place=PlaceSpec())
    assert {evidence.key for evidence in looked.evidence} == asked(LOCAL, PlaceSpec())
    assert asked(()) == frozenset()


def test_a_place_without_a_position_is_empty_so_that_an_old_one_does_not_stay(tmp_path):
    (evidence,) = one(photo(tmp_path), taggers=(), place=PlaceSpec()).evidence
    assert (evidence.words, evidence.texts, evidence.of_file) == ((), (), True)


def test_jobs_and_answers_pickle(tmp_path):
    job = LookJob((Item(1, photo(tmp_path, shot=SHOTS["suva"])), Item(2, b"/none")), LOCAL, place=PlaceSpec())
    answers = look(pickle.loads(pickle.dumps(job)))
    again = pickle.loads(pickle.dumps(answers))
    assert again[0] == answers[0]
    assert str(again[1].error) == str(answers[1].error)
    assert type(again[1].error) is TryAgain


def test_it_runs_in_threads_and_in_other_processes(tmp_path):
    items = tuple(Item(number, photo(tmp_path, f"{number}.jpg", size=(60 + number, 40))) for number in range(8))
    jobs = [LookJob(items[start : start + 2], LOCAL) for start in range(0, 8, 2)]
    wanted = [looked for job in jobs for looked in look(job)]
    with ThreadPoolExecutor(4) as pool:
        assert [looked for answer in pool.map(look, jobs) for looked in answer] == wanted
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(look, jobs[0]).result() == wanted[:2]


def test_what_is_known_of_the_same_picture_is_not_asked_again(tmp_path, backend):
    calls = []
    spec = backend("taggers", tag=lambda _, views: calls.append(len(views)) or [[(("x",), 1.0)] for _ in views])
    path = photo(tmp_path)
    first = one(path, taggers=spec)
    known = Known(first.digest, frozenset({"probe@1"}))
    assert one(path, taggers=spec, known=known).evidence == ()
    assert one(path, taggers=spec, known=replace(known, digest=b"another")).evidence == first.evidence
    assert one(path, taggers=spec, known=replace(known, sources=frozenset({"probe@0"}))).evidence == first.evidence
    assert calls == [1, 1, 1]


def test_what_the_file_itself_says_is_asked_anew_each_time(tmp_path):
    path = photo(tmp_path, shot=SHOTS["night"])
    known = Known(one(path).digest, asked(LOCAL, PlaceSpec()))
    again = one(path, known=known, place=PlaceSpec())
    assert {evidence.source for evidence in again.evidence} == {"place", "panorama", "screenshot", "night"}
    assert all(evidence.of_file for evidence in again.evidence)


def test_nothing_is_decoded_when_nobody_needs_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "decode", lambda *_, **__: pytest.fail("decoded"))
    path = photo(tmp_path)
    looked = one(path, taggers=tuple(spec for spec in LOCAL if spec[0] != "monochrome"), place=PlaceSpec())
    assert looked.error is None
    assert one(path, known=Known(looked.digest, frozenset({"monochrome@1"}))).error is None


def test_a_file_is_opened_and_decoded_once(tmp_path, monkeypatch, backend):
    opened, decoded = [], []
    monkeypatch.setattr(source.os, "open", lambda *args, do=os.open: opened.append(args) or do(*args))
    do = image.decode
    monkeypatch.setattr(image, "decode", lambda *args, **more: decoded.append(args) or do(*args, **more))
    spec = backend(
        "taggers",
        edge=512,
        tag=lambda _, views: [[(("x",), float(max(view.pixels(512).size) == 512))] for view in views],
    )
    path = photo(tmp_path, size=(1000, 800))
    opened.clear()
    looked = one(path, taggers=(*LOCAL, *spec))
    assert looked.error is None
    assert looked.evidence[-1].words == ((("x",), 1.0),)
    assert len([args for args in opened if args[0] == path]) == 1
    assert len(decoded) == 1


def test_bad_photos_do_not_spoil_the_batch(tmp_path):
    good = photo(tmp_path, "good.jpg", shot=SHOTS["lisbon"])
    cut, empty, text, pipe = (tmp_path / name for name in ("cut.jpg", "empty.jpg", "text.jpg", "pipe.jpg"))
    image = Image.effect_noise((300, 200), 80)
    image.save(cut)
    cut.write_bytes(cut.read_bytes()[:9000])
    empty.touch()
    text.write_text("hello")
    os.mkfifo(pipe)
    paths = [
        good,
        bytes(cut),
        bytes(empty),
        bytes(text),
        bytes(pipe),
        bytes(tmp_path / "gone.jpg"),
        bytes(tmp_path),
        good,
    ]
    answers = look(
        LookJob(tuple(Item(number, path) for number, path in enumerate(paths)), LOCAL, place=PlaceSpec())
    )
    assert [looked.id for looked in answers] == list(range(8))
    said = [(type(looked.error), looked.error.reason if looked.error else None) for looked in answers]
    assert said == [
        (type(None), None),
        (PhotoError, "truncated JPEG: the end of the picture is missing"),
        (PhotoError, "empty file"),
        (PhotoError, "holds no picture that we open"),
        (PhotoError, "not a regular file"),
        (TryAgain, "No such file or directory"),
        (PhotoError, "not a regular file"),
        (type(None), None),
    ]
    assert answers[0].evidence == answers[7].evidence
    assert answers[1].facts.width == 300  # what was found out before the error is kept
    assert {evidence.source for evidence in answers[1].evidence} == {"place", "panorama", "screenshot", "night"}


def test_a_photo_that_changes_while_it_is_read_is_for_later(tmp_path, monkeypatch):
    path = photo(tmp_path)

    def growing(*args, do=digest.digest):
        with open(path, "ab") as file:
            file.write(b"more")
        return do(*args)

    monkeypatch.setattr(digest, "digest", growing)
    looked = one(path)
    assert type(looked.error) is TryAgain
    assert (looked.digest, looked.facts, looked.evidence) == (None, None, ())


def test_a_tagger_that_fails_on_one_photo_fails_that_one_by_name(tmp_path, backend, caplog):
    def tag(_, views):
        if any(view.name == "2.jpg" for view in views):
            raise ValueError("no idea")
        return [[(("x",), 1.0)] for _ in views]

    spec = backend("taggers", tag=tag)
    items = tuple(Item(number, photo(tmp_path, f"{number}.jpg")) for number in range(4))
    answers = look(LookJob(items, (*spec, *LOCAL)))
    assert [looked.error and looked.error.reason for looked in answers] == [
        None, None, "probe failed: ValueError: no idea", None,
    ]  # fmt: skip
    assert type(answers[2].error) is PhotoError
    assert [evidence.source for evidence in answers[2].evidence] == [name for name, _ in LOCAL]
    assert [evidence.source for evidence in answers[3].evidence] == ["probe", *(name for name, _ in LOCAL)]
    assert "probe failed" in caplog.text


def test_a_tagger_that_miscounts_is_at_fault(tmp_path, backend):
    spec = backend("taggers", tag=lambda _, views: [])
    assert one(photo(tmp_path), taggers=spec).error.reason == "probe failed: RuntimeError: 0 answers for 1 photos"


@pytest.mark.parametrize("error", [TryAgain(b"/x", "busy"), MemoryError()])
def test_a_tagger_may_ask_for_another_try(tmp_path, backend, error):
    def tag(_, views):
        raise error

    assert type(one(photo(tmp_path), taggers=backend("taggers", tag=tag)).error) is TryAgain


def test_words_below_the_floor_dirty_double_or_past_256_fall_away(tmp_path, backend):
    said = [
        (("a", "b"), 0.3),
        (("low",), 0.2),
        (("A,B",), 0.9),
        (("a", "b"), 0.8),
        ((" ",), 1.0),
        (("n",), float("nan")),
        (("big",), 1.5),
    ]
    spec = backend("taggers", tag=lambda _, views: [said for _ in views])
    assert one(photo(tmp_path), taggers=spec).evidence[0].words == ((("A B",), 0.9), (("a", "b"), 0.8))


def test_a_word_that_nobody_could_write_is_kept_as_it_was_said_and_cut(tmp_path, backend):
    spec = backend("taggers", tag=lambda _, views: [[(("x" * 999,), 0.9), (("cat", "\x01"), 0.8)] for _ in views])
    assert one(photo(tmp_path), taggers=spec).evidence[0].words == ((("x" * 300,), 0.9), (("cat", "\x01"), 0.8))


def test_the_best_256_words_are_kept(tmp_path, backend):
    spec = backend("taggers", tag=lambda _, views: [[((f"w{n}",), n / 1000) for n in range(1000)] for _ in views])
    words = one(photo(tmp_path), taggers=spec, floor=0.0).evidence[0].words
    assert len(words) == 256
    assert words[0] == (("w999",), 0.999)
    assert words[-1][1] == 0.744


def test_an_unknown_tagger_is_a_matter_for_the_person(tmp_path):
    with pytest.raises(UserError, match="no tagger is called 'nobody'; there are: colour, monochrome"):
        one(photo(tmp_path), taggers=(("nobody", ()),))


def test_the_place_s_limit_and_root_are_settings_and_part_of_its_version(tmp_path):
    path = photo(tmp_path, shot=SHOTS["lisbon"])
    (near,) = one(path, taggers=(), place=PlaceSpec(distance=0.001)).evidence
    (rooted,) = one(path, taggers=(), place=PlaceSpec(root="Orte")).evidence
    assert near.words == ()
    assert rooted.words == ((("Orte", "Portugal", "Lisbon"), 1.0),)
    assert len({near.version, rooted.version, looking._place_version(PlaceSpec())}) == 3


def test_an_ending_that_lies_is_noted_and_stops_nothing(tmp_path):
    path = photo(tmp_path, "a.png", format="JPEG")
    looked = one(path)
    assert looked.error is None
    assert looked.note == "named .png but holds JPEG"


def test_a_captioner_s_sentence_is_a_text(tmp_path):
    path = photo(tmp_path, colour="blue")
    (looked,) = describe(DescribeJob((Item(3, path),), ("plain", ())))
    (evidence,) = looked.evidence
    assert (looked.id, evidence.key, evidence.words) == (3, "plain@1", ())
    assert evidence.texts == (("dc:description", "A wide, mostly blue picture"),)
    known = Known(looked.digest, frozenset({"plain@1"}))
    assert describe(DescribeJob((Item(3, path, known),), ("plain", ())))[0].evidence == ()


def test_a_captioner_may_give_a_title_too(tmp_path, backend):
    spec = backend("captioners", caption=lambda _, views: [Titled(" A cat\nin a box ", " Minka ") for _ in views])
    (looked,) = describe(DescribeJob((Item(3, photo(tmp_path)),), spec[0]))
    assert looked.evidence[0].texts == (("dc:description", "A cat in a box"), ("dc:title", "Minka"))


def test_a_captioner_with_nothing_to_say_says_nothing(tmp_path, backend):
    spec = backend("captioners", caption=lambda _, views: ["  " for _ in views])
    (looked,) = describe(DescribeJob((Item(3, photo(tmp_path)),), spec[0]))
    assert looked.evidence[0].texts == ()


def test_a_name_that_is_not_utf_8_is_no_hindrance(tmp_path):
    path = photo(tmp_path)
    odd = os.path.join(bytes(tmp_path), b"Screenshot_\xff.jpg")
    os.rename(path, odd)
    assert one(odd).error is None
