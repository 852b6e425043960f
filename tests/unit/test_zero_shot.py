"""Words for pictures by a model that knows both."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")
from PIL import Image

from metadata.errors import UserError
from metadata.photo import Facts
from models import registry
from models.image import FileView
from tests import tiny_models

WORDS = tuple(f"colours/{name}" for name in tiny_models.COLOURS)


def view(colour):
    image = Image.new("RGB", (320, 240), colour)
    return FileView(b"a.jpg", Facts("JPEG", *image.size), image=image, edge=1000)


@pytest.fixture
def made(tmp_path):
    tiny_models.clip(tmp_path / "tiny")
    return make(tmp_path)


def make(folder, **more):
    return registry.tagger(
        "zero_shot", embedder="clip_onnx", model=folder / "tiny", words=WORDS, folder=folder, **more
    )


def vectors(made, count=600):
    """A library of mostly grey pictures, each tenth of them red."""
    rng = np.random.default_rng(2)
    rows = 0.05 * rng.normal(size=(count, 512)).astype(np.float32)
    rows[:, 7] += 1
    rows[::10, :3] += (0.8, -0.8, -0.8)
    return rows


def test_what_the_library_taught_decides_and_is_kept_for_the_next_start(made, tmp_path):
    before = made.version
    made.teach(vectors(made))
    said = list(made.score(vectors(made)))
    red = [any(word == ("colours", "red") and score >= 0.5 for word, score in one) for one in said]
    assert np.mean(red[::10]) == 1
    assert not any(any(score >= 0.5 for _, score in one) for row, one in enumerate(said) if row % 10)
    assert made.version != before
    again = make(tmp_path)
    assert again.version == made.version
    assert again.taught == 600
    assert list(again.score(vectors(made)[:20])) == said[:20]


def test_a_person_s_own_tag_teaches_by_path_or_by_name(made):
    rows = vectors(made)
    tagged = list(range(0, 600, 10))
    made.teach(rows, {("colours", "red"): tagged})
    one = made._taught.sure[0]
    made.teach(rows, {("red",): tagged, ("unknown",): tagged})
    assert made._taught.sure[0] == one != made._taught.sure[1]


def test_a_file_that_is_broken_is_taken_anew(made, tmp_path):
    made.teach(vectors(made))
    made._file.write_bytes(b"PK broken")
    assert make(tmp_path).taught == 0


def test_vectors_of_another_model_are_refused(made):
    with pytest.raises(UserError, match="vectors of 512 numbers, and those of the pictures have 768"):
        list(made.score(np.ones((2, 768), np.float32)))


def test_texts_are_asked_for_once(made, tmp_path, monkeypatch):
    list(made.score(vectors(made)[:1]))
    again = make(tmp_path)
    monkeypatch.setattr(again._embedder, "embed", lambda texts: pytest.fail("asked again"))
    assert len(list(again.score(vectors(made)[:1]))) == 1


def test_another_vocabulary_is_another_version(made, tmp_path):
    other = registry.tagger(
        "zero_shot", embedder="clip_onnx", model=tmp_path / "tiny", words=("sea",), folder=tmp_path
    )
    assert other.version != made.version


def test_an_embedder_of_texts_alone_is_refused(tmp_path):
    with pytest.raises(UserError, match="server knows texts alone"):
        registry.tagger("zero_shot", embedder="server")


def test_pictures_are_looked_at_where_nobody_has_their_vectors(made):
    assert len(made.tag([view("red"), view("grey")])) == 2
