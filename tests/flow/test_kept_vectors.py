"""Zero shot without Immich's vectors: looks make them, the ledger keeps them, the library teaches the measure."""

import logging

import numpy as np
import pytest

from models import image, making
from tests.flow.house_world import World, paint
from tests.tiny_models import clip
from watcher.cli import main
from watcher.ledger import evidence, vectors

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")

MANY = 48


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return clip(tmp_path_factory.mktemp("clip") / "tiny", pixels=32)


@pytest.fixture
def world(tmp_path, model) -> World:
    made = World(
        tmp_path,
        taggers=["zero_shot"],
        models_folder=tmp_path / "models",
        zero_shot={"embedder": "clip_onnx", "model": str(model), "words": ["colours/red", "green", "blue"]},
    )
    chance = np.random.default_rng(1)
    for number in range(MANY):
        grey = tuple(int(value) for value in chance.integers(150, 160, 3))
        paint(made.photos / f"g{number}.jpg", grey, mark=number)
    paint(made.photos / "red.jpg", (230, 10, 10))
    return made


@pytest.fixture(autouse=True)
def _log_of_before():
    """A command sets the log up for its process."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = before, level


@pytest.fixture
def decoded(monkeypatch):
    counted, do = [], image.decode
    monkeypatch.setattr(
        image, "decode", lambda *args, **more: counted.append(more.get("path")) or do(*args, **more)
    )
    return counted


def said(world):
    return {name: words for number in range(MANY) if (words := world.words(name := f"g{number}.jpg"))}


def test_the_library_teaches_the_measure_and_few_right_words_are_said(world):
    world.run()
    assert world.words("red.jpg") == {"colours/red"}
    assert len(said(world)) <= 2  # greys that are hardly red, green or blue
    assert world.ask("SELECT count(*) FROM vectors") == [(MANY + 1,)]
    with world.book() as db:
        (row,) = vectors.rows(db, vectors.current(db), [world.photo("red.jpg").id])
    assert np.linalg.norm(making.unpacked([row[1]])) == pytest.approx(1, abs=1e-3)


def test_other_words_are_compared_without_looking_again(world, decoded):
    world.run()
    assert len(decoded) == MANY + 1
    world.changed["zero_shot"] = {**world.changed["zero_shot"], "words": ["paint/crimson = red", "green", "blue"]}
    world.run()
    assert world.words("red.jpg") == {"paint/crimson"}
    world.run()
    assert len(decoded) == MANY + 1


def test_what_lands_later_is_compared_too_and_a_copy_needs_no_look(world, decoded):
    world.run()
    paint(world.photos / "later.jpg", (235, 5, 12))
    (world.photos / "copy.jpg").write_bytes((world.photos / "red.jpg").read_bytes())
    world.run()
    assert world.words("later.jpg") == world.words("copy.jpg") == {"colours/red"}
    assert len(decoded) <= MANY + 3
    assert world.ask("SELECT count(*) FROM vectors") == [(MANY + 2,)]


def test_another_model_asks_nobody_again_by_itself_and_its_vectors_are_kept_apart(world, decoded, tmp_path):
    world.run()
    other = clip(tmp_path / "other", pixels=48)
    world.changed["zero_shot"] = {**world.changed["zero_shot"], "model": str(other)}
    world.run()
    assert len(decoded) == MANY + 1
    assert world.words("red.jpg") == {"colours/red"}
    paint(world.photos / "later.jpg", (235, 5, 12))
    world.run()
    assert world.ask("SELECT count(*) FROM vectors GROUP BY model ORDER BY 1") == [(1,), (MANY + 1,)]


def test_what_is_forgotten_has_no_vector(world):
    world.run()
    number, digest = world.ask("SELECT id, digest FROM photos WHERE name = ?", b"red.jpg")[0]

    with world.open() as app, app.ledger.transaction() as db:
        evidence.forget(db, digest)
        assert vectors.rows(db, vectors.current(db), [number]) == []


def test_a_private_photo_is_not_shown_to_a_model_on_another_machine(world, monkeypatch):
    from models.making import Maker

    seen = []
    make = Maker.make
    monkeypatch.setattr(
        Maker, "__init__", lambda self, tagger, do=Maker.__init__: do(self, tagger) or setattr(self, "away", True)
    )
    monkeypatch.setattr(
        Maker, "make", lambda self, views: seen.extend(view.name for view in views) or make(self, views)
    )
    paint(world.photos / "secret" / "s.jpg", (230, 10, 10), mark=77)
    world.run(private={"folders": ["secret"]})
    assert "red.jpg" in seen
    assert "s.jpg" not in seen
    assert world.words("secret/s.jpg") == set()


def test_try_says_what_zero_shot_says_by_what_the_library_has_taught(world, tmp_path, capsys):
    world.run()
    settings = world.settings()
    config = tmp_path / "t.toml"
    config.write_text(
        f'state = "{settings.state}"\nmodels_folder = "{settings.models_folder}"\n'
        'taggers = ["zero_shot"]\nfacts = []\n'
        f'[zero_shot]\nembedder = "clip_onnx"\nmodel = "{settings.zero_shot.model}"\n'
        'words = ["colours/red", "green", "blue"]\n'
    )
    assert main(["--config", str(config), "try", str(world.photos / "red.jpg")]) == 0
    assert "colours/red" in capsys.readouterr().out
    assert main(["--config", str(config), "estimate", str(world.photos / "red.jpg")]) == 0
    assert "zero_shot" in capsys.readouterr().out


# Vectors of the words


@pytest.fixture
def embedded(monkeypatch):
    """How often texts were embedded; each process has a tagger of its own."""
    from models import look
    from models.embedders.clip_onnx import ClipOnnx

    counted, do = [], ClipOnnx.embed
    monkeypatch.setattr(ClipOnnx, "embed", lambda self, texts: counted.append(len(texts)) or do(self, texts))
    look._made_tagger.cache_clear()
    yield counted
    look._made_tagger.cache_clear()


def test_words_are_embedded_once_and_their_vectors_stand_in_the_ledger(world, embedded, tmp_path):
    from models import look

    world.run()
    asked = sum(embedded)
    assert world.ask("SELECT count(*) FROM texts") == [(asked,)]
    assert list(tmp_path.rglob("vectors-*.npz")) == []
    look._made_tagger.cache_clear()
    paint(world.photos / "later.jpg", (235, 5, 12))
    world.run()
    assert world.words("later.jpg") == {"colours/red"}
    assert sum(embedded) == asked


def test_try_takes_the_vectors_of_words_from_the_ledger_and_gives_them_to_it(world, embedded, tmp_path, capsys):
    from models import look

    world.changed["taggers"] = ["colour"]
    world.run()
    config = tmp_path / "t.toml"
    config.write_text(
        f'state = "{world.state}"\nmodels_folder = "{tmp_path / "models"}"\ntaggers = ["zero_shot"]\nfacts = []\n'
        f'[zero_shot]\nembedder = "clip_onnx"\nmodel = "{world.settings().zero_shot.model}"\n'
        'words = ["colours/red", "green", "blue"]\n'
    )
    for _ in range(2):
        look._made_tagger.cache_clear()
        with world.serving():
            assert main(["--config", str(config), "try", str(world.photos / "red.jpg")]) == 0
    assert "zero_shot" in capsys.readouterr().out
    assert world.ask("SELECT count(*) FROM texts") == [(sum(embedded),)]
    assert list(tmp_path.rglob("vectors-*.npz")) == list(world.state.glob("texts-*")) == []
