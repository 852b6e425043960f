"""Tiny ONNX files with the shapes of known models: their outputs are single numbers of the input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import models.manifest

SHAPES = {
    "wd_vit_v3": ([None, 448, 448, 3], 10861, 1 / 255),
    "wd_swinv2_v3": ([None, 448, 448, 3], 10861, 1 / 255),
    "wd_convnext_v3": ([None, 448, 448, 3], 10861, 1 / 255),
    "wd_eva02_large_v3": ([None, 448, 448, 3], 10861, 1 / 255),
    "deepdanbooru": ([None, 512, 512, 3], 6000, 1.0),
    "ram_plus": ([None, 3, 384, 384], 4585, 1.0),
    "camie": ([None, 3, 512, 512], 7000, 1.0),
}
"""Input, number of outputs, and what the numbers are multiplied with."""


def places(name: str) -> np.ndarray:
    """Which number of the input each output is: the four corners of the picture among them."""
    shape, count, _ = SHAPES[name]
    total = int(np.prod(shape[1:]))
    chosen = np.random.default_rng(len(name)).integers(0, total, count)
    row = shape[2] if shape[1] == 3 else shape[2] * 3
    chosen[[0, 1, 2, 3]] = [0, total - 1, row - 1, total - row]
    return chosen


def graph(path: Path, nodes, inputs, outputs, constants) -> None:
    """Write a model."""
    import onnx

    float_ = onnx.TensorProto.FLOAT
    kinds = {"int32": onnx.TensorProto.INT32, "int64": onnx.TensorProto.INT64}
    asked = [
        onnx.helper.make_tensor_value_info(name, kinds.get(kind, float_), shape) for name, kind, shape in inputs
    ]
    told = [onnx.helper.make_tensor_value_info(name, float_, shape) for name, shape in outputs]
    kept = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = onnx.helper.make_graph(
        [onnx.helper.make_node(*node[:3], **node[3]) for node in nodes], "g", asked, told, kept
    )
    onnx.save(
        onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), str(path)
    )


def tagger(folder: Path, name: str) -> Path:
    """The files of a model of this name in `folder`/`name`; gives `folder`."""
    shape, count, scale = SHAPES[name]
    about = models.manifest.find(name, None)
    home = folder / name
    home.mkdir(parents=True)
    out = about.output or "output"
    graph(
        home / about.model,
        [
            ("Flatten", ["input"], ["flat"], {"axis": 1}),
            ("Gather", ["flat", "places"], ["taken"], {"axis": 1}),
            ("Mul", ["taken", "scale"], [out], {}),
        ],
        [("input", "float", shape)],
        [(out, [None, count])],
        {"places": places(name), "scale": np.float32([scale])},
    )
    write_labels(home, about, count)
    return folder


def write_labels(home: Path, about: models.manifest.Manifest, count: int) -> None:
    """Labels `some_label_7`, with ratings and characters where the model has them."""
    names = [f"some_label_{number}" for number in range(count)]
    path = home / about.labels.file
    if about.labels.form == "csv":
        kinds = ["9"] * 4 + ["0"] * (count - 104) + ["4"] * 100
        names[:6] = ["general", "sensitive", "questionable", "explicit", ">_<", "long_hair"]
        rows = [f"{number},{name},{kinds[number]},1" for number, name in enumerate(names)]
        path.write_text("\n".join(["tag_id,name,category,count", *rows]) + "\n")
    elif about.labels.form == "json":
        kinds = ["rating", "general", "character", "artist"]
        body = {
            "idx_to_tag": {str(number): name for number, name in enumerate(names)},
            "tag_to_category": {name: kinds[number % 4] for number, name in enumerate(names)},
        }
        path.write_text(json.dumps(body))
    else:
        path.write_text("\n".join(names) + "\n")
    if about.labels.thresholds:
        own = np.random.default_rng(1).choice([0.45, 0.65, 0.8, 0.9, 1.0], count)
        (home / about.labels.thresholds).write_text("\n".join(f"{value:g}" for value in own))


COLOURS = {
    "red": (1, -1, -1),
    "green": (-1, 1, -1),
    "blue": (-1, -1, 1),
    "white": (1, 1, 1),
    "black": (-1, -1, -1),
}


def clip(folder: Path, *, pixels: int = 224, width: int = 512, batch=None) -> Path:
    """A CLIP in Immich's layout that knows colours: a picture's vector is its mean, a text's what it names."""
    import tokenizers

    (folder / "visual").mkdir(parents=True)
    (folder / "textual").mkdir()
    eye = np.eye(3, width, dtype=np.float32)
    graph(
        folder / "visual" / "model.onnx",
        [
            ("GlobalAveragePool", ["image"], ["mean"], {}),
            ("Flatten", ["mean"], ["flat"], {"axis": 1}),
            ("MatMul", ["flat", "eye"], ["embedding"], {}),
        ],
        [("image", "float", [batch, 3, pixels, pixels])],
        [("embedding", [batch, width])],
        {"eye": eye},
    )
    words = {"<pad>": 0, "<unk>": 1} | {name: place + 2 for place, name in enumerate(COLOURS)}
    table = np.zeros((len(words), width), np.float32)
    table[0, 5], table[1, 6] = 0.001, 0.01
    for name, place in words.items():
        table[place, :3] += COLOURS.get(name, (0, 0, 0))
    graph(
        folder / "textual" / "model.onnx",
        [
            ("Gather", ["table", "text"], ["rows"], {}),
            ("ReduceMean", ["rows"], ["embedding"], {"axes": [1], "keepdims": 0}),
        ],
        [("text", "int32", [batch, 77])],
        [("embedding", [batch, width])],
        {"table": table},
    )
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(folder / "textual" / "tokenizer.json"))
    (folder / "textual" / "tokenizer_config.json").write_text('{"pad_token": "<pad>"}')
    (folder / "config.json").write_text(json.dumps({"embed_dim": width, "text_cfg": {"context_length": 77}}))
    about = {"size": [pixels, pixels], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}
    (folder / "visual" / "preprocess_cfg.json").write_text(json.dumps({**about, "resize_mode": "shortest"}))
    return folder
