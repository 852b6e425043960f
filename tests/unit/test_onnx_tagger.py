"""ONNX taggers beside a plain reference: what each manifest says is what reaches the model."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from PIL import Image

from metadata.errors import UserError
from metadata.photo import Facts
from models import labels, manifest, registry, runtime
from models.image import FileView
from models.taggers.onnx import relative
from tests import tiny_models
from tests.unit.test_pixels import PHOTO, near, resized


def view(image):
    return FileView(b"a.jpg", Facts("JPEG", *image.size), image=image, edge=10_000)


LARGE = Image.fromarray(np.random.default_rng(8).integers(0, 256, (75, 100, 3), np.uint8)).resize((400, 300))


def reference(name, image):
    """What reaches the model, as its authors' programs make it."""
    values = np.asarray(image)
    height = len(values)
    if name.startswith("wd_"):
        square = np.full((448, 448, 3), 255.0)
        top = (448 - height) // 2
        square[top : top + height] = values
        return square[:, :, ::-1]
    if name == "deepdanbooru":
        top = (512 - height) // 2
        return np.pad(values, ((top, 512 - height - top), (0, 0), (0, 0)), mode="edge") / 255
    if name == "camie":
        square = np.zeros((512, 512, 3))
        top = (512 - height) // 2
        square[top : top + height] = values
        return (square / 255).transpose(2, 0, 1)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    from tests.unit.test_pixels import linear

    return ((resized(values, 384, 384, linear, 1.0) / 255 - mean) / std).transpose(2, 0, 1)


@pytest.mark.parametrize("name", sorted(tiny_models.SHAPES))
def test_the_picture_reaches_the_model_to_the_last_pixel(tmp_path, name):
    """The model's outputs are its input's numbers, so a channel, border or range that is wrong is seen."""
    size = manifest.find(name, None).input.size
    image = LARGE.resize((size, size * 3 // 4)) if name != "ram_plus" else LARGE
    made = registry.tagger(name, folder=tiny_models.tagger(tmp_path, name))
    assert made.name == name
    from models import pixels

    given = pixels.numbers(view(image).pixels(made.edge), made._about.input)
    want = reference(name, image)
    step = {"wd": 0.0, "de": 1e-6, "ca": 1e-6, "ra": 1 / 255 / 0.22}[name[:2]]
    assert near(given, want, step + 1e-5)
    out = made._asked(given[None], 8)[0]
    taken = want.reshape(-1)[tiny_models.places(name)] * tiny_models.SHAPES[name][2]
    if manifest.find(name, None).logits:
        taken = 1 / (1 + np.exp(-taken))
    assert np.abs(out - taken).max() <= step + 1e-5


def test_every_manifest_of_ours_is_tried():
    assert set(manifest.names()) == set(tiny_models.SHAPES)


def test_a_score_of_a_half_is_the_model_s_own_threshold_and_only_what_is_above_counts():
    own = np.float32([0.35, 0.35, 0.35, 0.85, 0.85, 1.0])
    said = relative(np.float32([0.35, 0.3501, 0.175, 1.0, 0.84999, 1.0]), own)
    assert said[0] < 0.4995
    assert said[1] >= 0.5
    assert said[2] == pytest.approx(0.25)
    assert said[3] == 1
    assert round(float(said[4]), 3) < 0.5
    assert said[5] == 0


def test_labels_lose_underscores_but_faces_keep_them_and_ratings_are_dropped(tmp_path):
    about = manifest.find("wd_vit_v3", None)
    table = labels.read(about, tiny_models.tagger(tmp_path, "wd_vit_v3") / "wd_vit_v3", {})
    assert [each.word for each in table.labels[:6]] == [None, None, None, None, (">_<",), ("long hair",)]
    assert table.labels[-1].word == ("characters", "some label 10860")
    assert table.thresholds[[5, -1]].tolist() == pytest.approx([0.2614, 0.85])


def test_a_category_is_renamed_dropped_or_kept(tmp_path):
    about = manifest.find("wd_vit_v3", None)
    home = tiny_models.tagger(tmp_path, "wd_vit_v3") / "wd_vit_v3"
    table = labels.read(about, home, {"rating": "keep", "character": "Anime/People", "general": "drop"})
    assert table.labels[0].word == ("rating", "general")
    assert table.labels[-1].word == ("Anime", "People", "some label 10860")
    assert table.labels[10].word is None
    assert table.best["rating"].tolist() == [0, 1, 2, 3]
    with pytest.raises(UserError, match="has no category colour"):
        labels.read(about, home, {"colour": "drop"})


def test_of_ratings_only_the_likeliest_is_said(tmp_path):
    folder = tiny_models.tagger(tmp_path, "wd_vit_v3")
    made = registry.tagger("wd_vit_v3", folder=folder, categories=(("rating", "keep"),))
    said = [word for word, _ in made.tag([view(LARGE)])[0] if word[0] == "rating"]
    assert len(said) == 1


def test_each_label_of_ram_has_a_threshold_of_its_own_and_1_switches_it_off(tmp_path):
    made = registry.tagger("ram_plus", folder=tiny_models.tagger(tmp_path, "ram_plus"))
    thresholds = made._table.thresholds
    assert np.unique(thresholds).tolist() == pytest.approx([0.45, 0.65, 0.8, 0.9, 1.0])
    (said,) = made.tag([view(LARGE)])
    chosen = {word[0] for word, score in said if score >= 0.5}
    assert chosen
    for name in chosen:
        assert thresholds[int(name.rpartition("_")[2])] < 1


def test_a_file_that_takes_one_photo_at_a_time_gets_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setitem(tiny_models.SHAPES, "camie", ([1, 3, 512, 512], 7000, 1.0))
    made = registry.tagger("camie", folder=tiny_models.tagger(tmp_path, "camie"))
    assert len(made.tag([view(LARGE), view(PHOTO), view(LARGE)])) == 3


def test_a_missing_file_says_how_to_get_it(tmp_path):
    with pytest.raises(
        UserError, match=r"wd_vit_v3 needs model.onnx, selected_tags.csv in .*models fetch wd_vit_v3"
    ):
        registry.tagger("wd_vit_v3", folder=tmp_path)


def test_a_file_that_is_no_model_is_told_when_it_is_first_asked(tmp_path):
    folder = tiny_models.tagger(tmp_path, "wd_vit_v3")
    (folder / "wd_vit_v3" / "model.onnx").write_bytes(b"<html>")
    with pytest.raises(UserError, match="cannot be loaded"):
        registry.tagger("wd_vit_v3", folder=folder).tag([view(PHOTO)])


def test_labels_of_another_model_are_told(tmp_path):
    folder = tiny_models.tagger(tmp_path, "deepdanbooru")
    (folder / "deepdanbooru" / "tags.txt").write_text("one\ntwo\n")
    with pytest.raises(UserError, match="6000 outputs and 2 labels"):
        registry.tagger("deepdanbooru", folder=folder).tag([view(PHOTO)])


def test_a_person_s_own_model_is_a_folder_with_a_manifest(tmp_path):
    folder = tiny_models.tagger(tmp_path, "deepdanbooru")
    (folder / "deepdanbooru").rename(folder / "birds")
    (folder / "birds" / "manifest.toml").write_text(
        '[input]\nsize = 512\nlayout = "NHWC"\nfit = "edge"\n'
        '[labels]\nfile = "tags.txt"\n[output]\nthreshold = 0.7\n'
    )
    made = registry.tagger("birds", folder=folder)
    assert made.name == "birds"
    assert made._table.thresholds[0] == pytest.approx(0.7)
    with pytest.raises(UserError, match="no tagger is called 'birds'"):
        registry.tagger("birds")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "input is missing|labels is missing"),
        ("[input]\nsize = 4\n[labels]\nfile = 'a'\nfrom = 'b'", "does not know from"),
        ("[input]\nsize = 4\nfit = 'round'\n[labels]\nfile = 'a'", "input.fit is 'round'; it can be stretch"),
        ("[input]\nsize = 4\nmean = [1, 2]\n[labels]\nfile = 'a'", "three numbers"),
        ("[input]\nsize = 4\n[labels]\nfile = 'a'\n[output]\nthreshold = 2", "lies between 0 and 1"),
        ("[input", "is wrong"),
    ],
)
def test_a_wrong_manifest_says_what_is_wrong(text, told):
    with pytest.raises(UserError, match=told):
        manifest.read("x", text.encode(), "/models/x/manifest.toml")


def test_a_device_that_cannot_be_had_is_told():
    with pytest.raises(UserError, match="cuda, which this onnxruntime cannot use"):
        runtime.providers("cuda")
    with pytest.raises(UserError, match='it can be "auto", "cpu" or "cuda"'):
        runtime.providers("tpu")
    assert runtime.providers("auto")[-1] == "CPUExecutionProvider"


def test_numpy_takes_as_many_threads_as_it_may_and_then_as_before():
    from threadpoolctl import threadpool_info

    def most():
        return max((one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"), default=1)

    before = most()
    with runtime.threads(1):
        assert most() == 1
    assert most() == before


def test_no_room_is_told_as_such():
    with pytest.raises(MemoryError), runtime.memory_told():
        raise RuntimeError("Failed to allocate memory for requested buffer of size 12")
    with pytest.raises(RuntimeError, match="odd"), runtime.memory_told():
        raise RuntimeError("odd")


def test_another_manifest_is_another_version(tmp_path):
    folder = tiny_models.tagger(tmp_path, "camie")
    one = registry.tagger("camie", folder=folder).version
    assert one == registry.tagger("camie", folder=folder).version
    assert one != registry.tagger("camie", folder=folder, categories=(("artist", "keep"),)).version
