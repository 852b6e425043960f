"""Pictures by sentence-transformers: a tiny CLIP that the test makes, beside the same sums by its own parts."""

import json

import numpy as np
import pytest
from PIL import Image

from metadata.photo import Facts
from models import registry
from models.image import FileView

WORDS = ["red", "green", "blue", "a", "photo", "of", "."]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A CLIP with random numbers, as `save` leaves it; its folder."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("sentence_transformers")
    transformers.utils.logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(1)
    signs = ["<|startoftext|>", "<|endoftext|>", *(f"{word}</w>" for word in WORDS)]
    letters = sorted({sign for word in WORDS for sign in word} | {f"{word[-1]}</w>" for word in WORDS})
    vocabulary = {sign: number for number, sign in enumerate(dict.fromkeys([*signs, *letters]))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={
            **small,
            "vocab_size": len(vocabulary),
            "eos_token_id": 1,
            "bos_token_id": 0,
            "pad_token_id": 1,
        },
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=12,
    )
    model = transformers.CLIPModel(config).eval()
    model.save_pretrained(folder)
    tokenizer = transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    pictures = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    transformers.CLIPProcessor(pictures, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def made(clip):
    return registry.embedder("sentence_transformers", model=str(clip))


PICTURES = [
    Image.fromarray(np.random.default_rng(number).integers(0, 256, size, np.uint8))
    for number, size in enumerate([(48, 64, 3), (64, 48, 3), (32, 32, 3)])
]


def reference(folder, picture):
    """The shorter edge becomes 32 pixels, the middle is cut out; the model's own vector of it, of length 1."""
    import torch
    import transformers

    shrunk = 32 / min(picture.size)
    width, height = (int(shrunk * edge) for edge in picture.size)
    left, top = (width - 32) // 2, (height - 32) // 2
    cut = picture.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + 32, top + 32))
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    numbers = ((np.asarray(cut, np.float64) / 255 - mean) / std).transpose(2, 0, 1)
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        seen = model.vision_model(torch.from_numpy(numbers[None]).float()).pooler_output
        row = model.visual_projection(seen)[0].numpy()
    return row / np.linalg.norm(row)


def test_a_picture_s_vector_is_the_model_s_own(clip, made):
    rows = made.images(PICTURES)
    assert rows.shape == (3, 12)
    assert rows.dtype == np.float32
    for row, picture in zip(rows, PICTURES, strict=True):
        assert np.allclose(row, reference(clip, picture), atol=1e-4)
    assert not np.allclose(rows[0], rows[1], atol=1e-2)


def test_a_picture_is_the_same_alone_and_among_others(made):
    alone = np.concatenate([made.images([picture]) for picture in PICTURES])
    assert np.allclose(made.images(PICTURES), alone, atol=1e-5)
    assert len(made.images([])) == 0


def test_texts_lie_in_the_same_space(made):
    texts = made.embed(["a photo of red.", "blue", "blue"])
    assert texts.shape == (3, 12)
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert np.allclose(texts[1], texts[2], atol=1e-6)
    assert not np.allclose(texts[0], texts[1], atol=1e-3)


def test_it_takes_as_many_threads_as_it_may(made):
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        made.images(PICTURES[:1])
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_zero_shot_looks_through_it(clip, tmp_path):
    words = ["colours/red", "colours/green", "colours/blue"]
    tagger = registry.tagger(
        "zero_shot", embedder="sentence_transformers", model=str(clip), words=words, folder=tmp_path
    )
    views = [FileView(b"a.jpg", Facts("JPEG", *each.size), image=each, edge=1000) for each in PICTURES]
    vectors = registry.embedder("sentence_transformers", model=str(clip)).images(PICTURES)
    assert tagger.tag(views) == list(tagger.score(vectors))
