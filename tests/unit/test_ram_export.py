"""RAM++'s checkpoint as ONNX: a tiny one with the published names, beside the same sums in plain NumPy."""

import pickle
import sys

import numpy as np
import pytest
from PIL import Image

from metadata.errors import UserError
from metadata.photo import Facts
from models import exports, manifest, registry, shelf
from models.image import FileView
from watcher import cli

SIZE, PATCH, WINDOW, WIDTH, DEPTHS, HEADS = 64, 4, 4, 16, (2, 2, 2), (2, 4, 4)
LABELS, DESCRIPTIONS, VECTOR, HIDDEN = 9, 51, 16, 24
OUT = WIDTH << (len(DEPTHS) - 1)
WORDS = [f"thing {number}" for number in range(LABELS)]


# The checkpoint


def linear(kept, chance, name, wide, high, *, bias=True):
    kept[f"{name}.weight"] = chance.normal(0, 1.5 / wide**0.5, (high, wide))
    if bias:
        kept[f"{name}.bias"] = chance.normal(0, 0.1, high)


def norm(kept, chance, name, wide):
    kept[f"{name}.weight"], kept[f"{name}.bias"] = chance.normal(1, 0.1, wide), chance.normal(0, 0.1, wide)


def checkpoint(seed=1):
    """Tensors by their published names, as NumPy has them."""
    chance, kept = np.random.default_rng(seed), {}
    at = "visual_encoder."
    kept[f"{at}patch_embed.proj.weight"] = chance.normal(0, 0.2, (WIDTH, 3, PATCH, PATCH))
    kept[f"{at}patch_embed.proj.bias"] = chance.normal(0, 0.1, WIDTH)
    norm(kept, chance, f"{at}patch_embed.norm", WIDTH)
    for stage, (depth, heads) in enumerate(zip(DEPTHS, HEADS, strict=True)):
        wide, edge = WIDTH << stage, SIZE // PATCH >> stage
        for number in range(depth):
            name = f"{at}layers.{stage}.blocks.{number}."
            norm(kept, chance, f"{name}norm1", wide)
            kept[f"{name}attn.relative_position_bias_table"] = chance.normal(0, 1, ((2 * WINDOW - 1) ** 2, heads))
            kept[f"{name}attn.relative_position_index"] = np.zeros((WINDOW**2, WINDOW**2), np.int64)
            linear(kept, chance, f"{name}attn.qkv", wide, 3 * wide)
            linear(kept, chance, f"{name}attn.proj", wide, wide)
            norm(kept, chance, f"{name}norm2", wide)
            linear(kept, chance, f"{name}mlp.fc1", wide, 4 * wide)
            linear(kept, chance, f"{name}mlp.fc2", 4 * wide, wide)
            if number % 2 and edge > WINDOW:
                kept[f"{name}attn_mask"] = np.zeros(((edge // WINDOW) ** 2, WINDOW**2, WINDOW**2))
        if stage < len(DEPTHS) - 1:
            linear(kept, chance, f"{at}layers.{stage}.downsample.reduction", 4 * wide, 2 * wide, bias=False)
            norm(kept, chance, f"{at}layers.{stage}.downsample.norm", 4 * wide)
    norm(kept, chance, f"{at}norm", OUT)
    linear(kept, chance, "image_proj", OUT, VECTOR)
    kept["label_embed"] = chance.normal(0, 0.5, (LABELS * DESCRIPTIONS, VECTOR))
    kept["reweight_scale"] = np.asarray(np.log(1 / 0.2))
    linear(kept, chance, "wordvec_proj", VECTOR, HIDDEN)
    kept["tagging_head.embeddings.word_embeddings.weight"] = np.zeros((5, HIDDEN))
    for number in range(2):
        name = f"tagging_head.encoder.layer.{number}."
        kept[f"{name}attention.self.query.weight"] = np.zeros((HIDDEN, HIDDEN))
        linear(kept, chance, f"{name}crossattention.self.query", HIDDEN, HIDDEN)
        linear(kept, chance, f"{name}crossattention.self.key", VECTOR, HIDDEN)
        linear(kept, chance, f"{name}crossattention.self.value", VECTOR, HIDDEN)
        linear(kept, chance, f"{name}crossattention.output.dense", HIDDEN, HIDDEN)
        norm(kept, chance, f"{name}crossattention.output.LayerNorm", HIDDEN)
        linear(kept, chance, f"{name}intermediate.dense", HIDDEN, 4 * HIDDEN)
        linear(kept, chance, f"{name}output.dense", 4 * HIDDEN, HIDDEN)
        norm(kept, chance, f"{name}output.LayerNorm", HIDDEN)
    linear(kept, chance, "fc", HIDDEN, 1)
    return {
        name: np.asarray(value, value.dtype if value.dtype == np.int64 else np.float32)
        for name, value in kept.items()
    }


# The same sums, place by place


def through(kept, name, values):
    return values @ kept[f"{name}.weight"].T + kept.get(f"{name}.bias", 0)


def normed(kept, name, values, eps=1e-5):
    middle, spread = values.mean(-1, keepdims=True), values.var(-1, keepdims=True)
    return (values - middle) / np.sqrt(spread + eps) * kept[f"{name}.weight"] + kept[f"{name}.bias"]


def gelu(values):
    from scipy.special import erf

    return values / 2 * (1 + erf(values / np.sqrt(2)))


def shares(values):
    raised = np.exp(values - values.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def seeing(edge, shift):
    """Which places see which, and the table's row for each two: windows lie `shift` to the right and below."""
    row, column = np.divmod(np.arange(edge * edge), edge)
    row, column = (row - shift) % edge, (column - shift) % edge
    wrapped = [(each >= edge - shift) & (shift > 0) for each in (row, column)]
    same = np.ones((edge * edge,) * 2, bool)
    for each in (row // WINDOW, column // WINDOW, *wrapped):
        same &= each[:, None] == each[None]
    down, right = (each[:, None] - each[None] + WINDOW - 1 for each in (row, column))
    return same, np.where(same, down * (2 * WINDOW - 1) + right, 0)


def attention(asked, keys, values, bias=0.0):
    """Heads x places x numbers."""
    told = shares(asked @ keys.transpose(0, 2, 1) / asked.shape[-1] ** 0.5 + bias) @ values
    return told.transpose(1, 0, 2).reshape(told.shape[1], -1)


def split(values, heads):
    return values.reshape(len(values), heads, -1).transpose(1, 0, 2)


def block(kept, name, seen, heads, edge, shift):
    same, lie = seeing(edge, shift)
    asked, keys, values = (
        split(each, heads)
        for each in np.split(through(kept, f"{name}attn.qkv", normed(kept, f"{name}norm1", seen)), 3, -1)
    )
    bias = kept[f"{name}attn.relative_position_bias_table"][lie].transpose(2, 0, 1)
    told = attention(asked, keys, values, np.where(same, bias, -np.inf))
    seen = seen + through(kept, f"{name}attn.proj", told)
    inner = gelu(through(kept, f"{name}mlp.fc1", normed(kept, f"{name}norm2", seen)))
    return seen + through(kept, f"{name}mlp.fc2", inner)


def encoded(kept, picture):
    at, edge = "visual_encoder.", SIZE // PATCH
    patches = picture.reshape(3, edge, PATCH, edge, PATCH).transpose(1, 3, 0, 2, 4).reshape(edge * edge, -1)
    flat = {
        "p.weight": kept[f"{at}patch_embed.proj.weight"].reshape(WIDTH, -1),
        "p.bias": kept[f"{at}patch_embed.proj.bias"],
    }
    seen = normed(kept, f"{at}patch_embed.norm", through(flat, "p", patches))
    for stage, (depth, heads) in enumerate(zip(DEPTHS, HEADS, strict=True)):
        for number in range(depth):
            shift = WINDOW // 2 if number % 2 and edge > WINDOW else 0
            seen = block(kept, f"{at}layers.{stage}.blocks.{number}.", seen, heads, edge, shift)
        if stage < len(DEPTHS) - 1:
            square = seen.reshape(edge, edge, -1)
            four = [square[row::2, column::2] for column in (0, 1) for row in (0, 1)]
            edge //= 2
            four = np.concatenate(four, -1).reshape(edge * edge, -1)
            name = f"{at}layers.{stage}.downsample."
            seen = through(kept, f"{name}reduction", normed(kept, f"{name}norm", four))
    seen = normed(kept, f"{at}norm", seen)
    return np.concatenate([seen.mean(0, keepdims=True), seen])


def reference(kept, picture):
    """The logits of one picture (3 x SIZE x SIZE)."""
    kept = {name: value.astype(np.float64) for name, value in kept.items()}
    seen = through(kept, "image_proj", encoded(kept, picture))
    whole = seen[0] / np.linalg.norm(seen[0])
    told = kept["label_embed"].reshape(LABELS, DESCRIPTIONS, VECTOR)
    meant = [shares(np.exp(kept["reweight_scale"]) * each @ whole) @ each for each in told]
    labels = np.maximum(through(kept, "wordvec_proj", np.stack(meant)), 0)
    for number in range(2):
        name = f"tagging_head.encoder.layer.{number}."
        at = f"{name}crossattention."
        asked = through(kept, f"{at}self.query", labels)
        keys, values = (through(kept, f"{at}self.{each}", seen) for each in ("key", "value"))
        told = attention(*(split(each, 4) for each in (asked, keys, values)))
        told = normed(kept, f"{at}output.LayerNorm", through(kept, f"{at}output.dense", told) + labels, 1e-12)
        inner = through(kept, f"{name}output.dense", gelu(through(kept, f"{name}intermediate.dense", told)))
        labels = normed(kept, f"{name}output.LayerNorm", inner + told, 1e-12)
    return through(kept, "fc", labels)[:, 0]


# What a person does


@pytest.fixture
def torch():
    pytest.importorskip("onnxruntime")
    return pytest.importorskip("torch")


def saved(torch, path, kept, **more):
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in kept.items()}
    torch.save({"model": tensors, "optimizer": {"state": {}, "lr": 1e-4}, "config": {}, "epoch": 4, **more}, path)
    return path


def lists(tmp_path, thresholds=None):
    (tmp_path / "tags.txt").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "own.txt").write_text("\n".join(str(each) for each in (thresholds or [0.5] * LABELS)) + "\n")
    return ["--tags", str(tmp_path / "tags.txt"), "--thresholds", str(tmp_path / "own.txt")]


def command(tmp_path, *words):
    (tmp_path / "t.toml").write_text(f'state = "{tmp_path}/state"\nmodels_folder = "{tmp_path}/models"\n')
    return cli.main(["--config", str(tmp_path / "t.toml"), "models", *map(str, words)])


LARGE = Image.fromarray(np.random.default_rng(8).integers(0, 256, (9, 12, 3), np.uint8)).resize((400, 300))


def test_a_checkpoint_becomes_a_tagger_that_says_what_the_same_sums_say(tmp_path, torch, capsys):
    kept = checkpoint()
    about = manifest.find("ram_plus", None).input
    small = np.asarray(LARGE.resize((96, 72)).resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float64) / 255
    logits = reference(kept, ((small - about.mean) / about.std).transpose(2, 0, 1))
    assert np.ptp(logits) > 0.5
    sure = 1 / (1 + np.exp(-logits))
    own = [round(float(each) + (0.03 if number % 2 else -0.03), 3) for number, each in enumerate(sure)]
    learning = {"text_decoder.weight": np.ones(2, np.float32)}
    path = saved(torch, tmp_path / "ram.pth", {**kept, **learning})
    assert command(tmp_path, "export", "ram_plus", path, *lists(tmp_path, own)) == 0
    told = capsys.readouterr()
    assert "left out, as they say nothing about a picture: text_decoder" in told.err
    assert "comparing both on random pictures" in told.err
    assert 'ram_plus is there (Apache-2.0): `taggers = ["ram_plus"]`' in told.out

    tagger = registry.tagger("ram_plus", folder=tmp_path / "models")
    assert tagger._about.input.size == SIZE
    made = FileView(b"a.jpg", Facts("JPEG", 96, 72), image=LARGE.resize((96, 72)), edge=10_000)
    said = {word[0]: score for word, score in tagger.tag([made])[0]}
    for number, word in enumerate(WORDS):
        t, p = own[number], sure[number]
        assert said[word] == pytest.approx(0.5 + 0.5 * (p - t) / (1 - t) if p > t else 0.5 * p / t, abs=3e-4)
    assert {word for word, score in said.items() if score >= 0.5} == set(WORDS[::2])
    assert tagger.tag([made, made]) == [tagger.tag([made])[0]] * 2
    one = shelf.find("ram_plus", tmp_path / "models", tmp_path)
    assert shelf.check(one) == dict.fromkeys(
        ("model.onnx", "ram_tag_list.txt", "ram_tag_list_threshold.txt"), True
    )


def test_other_thresholds_are_another_version(tmp_path, torch):
    path, versions = saved(torch, tmp_path / "ram.pth", checkpoint()), set()
    for share in (0.4, 0.6):
        assert command(tmp_path, "export", "ram_plus", path, *lists(tmp_path, [share] * LABELS)) == 0
        versions.add(registry.tagger("ram_plus", folder=tmp_path / "models").version)
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kept: kept.pop("fc.bias"), "it lacks fc.bias"),
        (lambda kept: kept.pop("label_embed"), "it has no label_embed"),
        (lambda kept: kept.update({"fc.scale": np.ones(1)}), "it has besides fc.scale"),
        (
            lambda kept: kept.update({"image_proj.weight": np.ones((3, 3))}),
            "of another size are image_proj.weight",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_one_line_that_names_what_does_not(
    tmp_path, torch, capsys, change, told
):
    kept = checkpoint()
    change(kept)
    path = saved(torch, tmp_path / "ram.pth", kept)
    assert command(tmp_path, "export", "ram_plus", path, *lists(tmp_path)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert told in last
    assert not (tmp_path / "models" / "ram_plus" / "model.onnx").exists()


def test_lists_of_another_model_are_told_before_anything_is_written(tmp_path, torch, capsys):
    path = saved(torch, tmp_path / "ram.pth", checkpoint())
    given = lists(tmp_path)
    (tmp_path / "tags.txt").write_text("one\ntwo\n")
    (tmp_path / "own.txt").write_text("0.5\n0.5\n")
    assert command(tmp_path, "export", "ram_plus", path, *given) == 2
    assert f"has {LABELS} labels, and" in capsys.readouterr().err


class Harmful:
    def __reduce__(self):  # noqa: ANN204 - a test
        return print, ("this was run",)


def test_nothing_in_a_checkpoint_is_run_and_no_checkpoint_is_one_line(tmp_path, torch, capsys):
    given = lists(tmp_path)
    (tmp_path / "page.pth").write_text("<html>")
    (tmp_path / "harm.pth").write_bytes(pickle.dumps({"model": Harmful()}))
    saved(torch, tmp_path / "harmful.pth", checkpoint(), config=Harmful())
    for name in ("page.pth", "harm.pth", "harmful.pth", "none.pth"):
        assert command(tmp_path, "export", "ram_plus", tmp_path / name, *given) == 2
        told = capsys.readouterr()
        assert str(tmp_path / name) in told.err.splitlines()[-1]
        assert "this was run" not in told.out


def test_without_torch_it_is_one_line_that_says_what_to_install(tmp_path, capsys, monkeypatch):
    for name in [each for each in sys.modules if each == "torch" or each.startswith("models.exports.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert command(tmp_path, "export", "ram_plus", tmp_path / "a.pth") == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(UserError, match=r"needs 'torch': pip install torch, then tagwright\[export\]"):
        exports.of("ram_plus")


def test_only_models_that_are_known_are_made(tmp_path, capsys):
    assert command(tmp_path, "export", "wd_vit_v3", tmp_path / "a.pth") == 2
    assert "'wd_vit_v3' is made of no checkpoint; these are: ram_plus" in capsys.readouterr().err


def test_a_file_that_says_something_else_is_told_and_not_left(tmp_path, torch, capsys, monkeypatch):
    from models.exports import ram_plus

    def written(network, size, target):
        with torch.inference_mode():
            network.fc.bias.add_(0.01)
        real(network, size, target)
        with torch.inference_mode():
            network.fc.bias.sub_(0.01)

    real = ram_plus.write
    monkeypatch.setattr(ram_plus, "write", written)
    path = saved(torch, tmp_path / "ram.pth", checkpoint())
    assert command(tmp_path, "export", "ram_plus", path, *lists(tmp_path)) == 2
    assert "says something else than the checkpoint" in capsys.readouterr().err
    left = {each.name for each in (tmp_path / "models" / "ram_plus").iterdir()}
    assert left == {"ram_tag_list.txt", "ram_tag_list_threshold.txt"}
