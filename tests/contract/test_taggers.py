"""What every tagger and captioner promises; each module in models/taggers and captioners is found by itself."""

import io

import pytest
from PIL import Image

from metadata.facts import read_facts
from metadata.photo import Facts
from metadata.source import Source
from metadata.tags import clean
from models import manifest, registry
from models.image import FileView, decode
from tests import tiny_models
from tests.contract.test_vision import VISION  # those that need a server are held to their promises there
from watcher.sample import SHOTS, exif

TAGGERS = registry.names("taggers")
CAPTIONERS = [name for name in registry.names("captioners") if name not in VISION]
MODELS = manifest.names()
SETTINGS = {name: {"model": "ram_plus"} for name in ("onnx",)}
"""Of those that have to be told something; files are in `folder`."""


def zero_shot(folder):
    if not folder.exists():
        tiny_models.clip(folder / "tiny")
    words = tuple(f"colours/{name}" for name in tiny_models.COLOURS)
    return registry.tagger("zero_shot", embedder="clip_onnx", model=folder / "tiny", words=words, folder=folder)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A tagger of this name, with what it needs: a tiny model of the same shape."""

    def make(name):
        settings = dict(SETTINGS.get(name, {}))
        if name == "zero_shot":
            pytest.importorskip("onnxruntime")
            return zero_shot(tmp_path_factory.getbasetemp() / "zero-shot")
        if name in MODELS or settings:
            pytest.importorskip("onnx")
            pytest.importorskip("onnxruntime")
            model = settings.get("model", name)
            folder = tmp_path_factory.getbasetemp() / f"files-{model}"
            if not folder.exists():
                tiny_models.tagger(folder, model)
            settings["folder"] = folder
        return registry.tagger(name, **settings)

    return make


def view(name, image, block=b"", *, form="JPEG"):
    file = io.BytesIO()
    image.save(file, form, **({"exif": block} if block else {}))
    source = Source(file.getvalue())
    facts = read_facts(source)
    return FileView(name.encode(), facts, image=decode(source, facts, 2000), edge=2000)


@pytest.fixture(scope="module")
def views():
    grey = Image.radial_gradient("L").resize((320, 240))
    colours = Image.merge(
        "RGB", (grey, grey.transpose(Image.Transpose.ROTATE_180), Image.linear_gradient("L").resize((320, 240)))
    )
    return [
        view("a.jpg", colours, exif(SHOTS["lisbon"])),
        view("b.jpg", grey.convert("RGB"), exif(SHOTS["night"])),
        view("Screenshot_1.png", Image.new("RGB", (1080, 2340), "white"), form="PNG"),
        view("wide.jpg", colours.resize((900, 200))),
        view("dot.png", Image.new("RGB", (1, 1), "red"), form="PNG"),
        view("line.png", Image.new("RGB", (500, 1), "blue"), form="PNG"),
        view("turned.jpg", colours, exif(None, 6)),
        FileView(b"unknown.jpg", Facts("JPEG", 0, 0), image=colours, edge=2000),
    ]


def test_there_are_some():
    assert {"colour", "monochrome", "night", "panorama", "screenshot"} <= set(TAGGERS)
    assert "plain" in CAPTIONERS


@pytest.mark.parametrize("name", [*TAGGERS, *MODELS])
def test_a_tagger_bears_the_name_by_which_it_was_asked_for(name, tagger):
    made = tagger(name)
    assert made.name == SETTINGS.get(name, {}).get("model", name)
    assert made.version
    assert "@" not in made.name + made.version


@pytest.mark.parametrize("name", [*TAGGERS, *MODELS])
def test_it_says_clean_words_with_scores_between_0_and_1(name, views, tagger):
    for words in tagger(name).tag(views):
        for word, score in words:
            assert clean(word) == word
            assert isinstance(score, float)
            assert 0 <= score <= 1
        assert len({word for word, _ in words}) == len(words)


@pytest.mark.parametrize("name", [*TAGGERS, *MODELS])
def test_it_answers_each_photo_the_same_alone_and_in_a_batch(name, views, tagger):
    made = tagger(name)
    together = made.tag(views)
    assert len(together) == len(views)
    assert [made.tag([one])[0] for one in views] == together
    assert made.tag(views[::-1]) == together[::-1]
    assert made.tag([]) == []


@pytest.mark.parametrize("name", [*TAGGERS, *MODELS])
def test_two_of_them_agree(name, views, tagger):
    assert tagger(name).tag(views) == tagger(name).tag(views)


@pytest.mark.parametrize("name", [*TAGGERS, *MODELS])
def test_one_that_asks_for_no_pixels_uses_none(name, views, tagger):
    made = tagger(name)
    blind = [FileView(b"/nowhere/" + one.path, one.facts) for one in views]
    if getattr(made, "edge", 1) == 0:
        assert made.tag(blind) == made.tag(views)
    else:
        with pytest.raises(OSError, match="No such file"):
            made.tag(blind)


@pytest.mark.parametrize("name", CAPTIONERS)
def test_a_captioner_says_one_line_a_photo_the_same_alone_and_in_a_batch(name, views):
    captioner = registry.captioner(name)
    assert captioner.name == name
    said = captioner.caption(views)
    assert [captioner.caption([one])[0] for one in views] == said
    assert all("\n" not in one and one == one.strip() for one in said)
    assert captioner.caption([]) == []
