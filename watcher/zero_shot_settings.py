"""What a person may set about taggers that are models: in ONNX files, or of pictures and texts (zero shot)."""

from __future__ import annotations

from typing import Any, Literal

from watcher.keys import FOLDER, Count, Folder, Part, Seconds, key, period


class ZeroShot(Part):
    """Any vocabulary, no training."""

    embedder: Literal["immich_ml", "clip_onnx", "sentence_transformers"] = key(
        "immich_ml",
        "Who makes the vectors of texts, and of pictures where Immich's cannot be read.",
        expected='"immich_ml", "clip_onnx" or "sentence_transformers"',
    )
    url: str = key(
        "http://immich-machine-learning:3003",
        "Where Immich's machine learning answers; with `immich_ml`.",
        expected="an address such as nas:3003",
        min_length=1,
    )
    model: str = key(
        "",
        "The model; with `clip_onnx` its folder. It has to be that of Immich's smart search.",
        expected="a name or folder",
        shown="that of Immich's smart search",
    )
    file: Folder | None = key(
        None, "A vocabulary of your own (docs/models.md).", expected=f"{FOLDER} of a file", shown="ours"
    )
    words: tuple[str, ...] = key((), "Or a few words of your own, in place of it.", expected="a list of keywords")
    threads: Count = key(
        1,
        "How many threads one model takes; with `clip_onnx` and `sentence_transformers`.",
        expected="a whole number from 1 to 64",
        ge=1,
        le=64,
    )
    timeout: Seconds = period(
        300.0, "How long one answer may take; a model is fetched at the first one.", least="1s", most="1h"
    )


class Onnx(Part):
    """How taggers in ONNX files are asked."""

    device: Literal["auto", "cpu", "cuda"] = key(
        "auto", "Where models work; auto takes CUDA where it is.", expected='"auto", "cpu" or "cuda"'
    )
    threads: Count = key(
        1, "How many threads each model takes.", expected="a whole number from 1 to 64", ge=1, le=64
    )
    batch: Count = key(
        8, "How many photos a model is given at once.", expected="a whole number from 1 to 256", ge=1, le=256
    )
    categories: dict[str, dict[str, str]] = key(
        {},
        'What becomes of a model\'s kinds of words: "keep", "drop", or the keyword that they stand below.',
        expected='a table for each model, such as {wd_vit_v3 = {rating = "keep", character = "Anime"}}',
    )


def model_spec(given: Onnx, name: str, folder: str) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """A tagger that a manifest describes, as data."""
    kinds = tuple(sorted(given.categories.get(name, {}).items()))
    values = {"batch": given.batch, "categories": kinds, "device": given.device, "folder": folder}
    return name, tuple(sorted({**values, "threads": given.threads}.items()))


def spec(given: ZeroShot, folder: str, model: str) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """The tagger as data; `model` is Immich's, where none is set."""
    values: dict[str, Any] = {"embedder": given.embedder, "folder": folder, "words": given.words}
    values["file"] = str(given.file or "")
    if given.embedder == "immich_ml":
        values |= {"url": given.url, "seconds": given.timeout}
    if given.embedder in ("clip_onnx", "sentence_transformers"):
        values["threads"] = given.threads
    if given.model or model:
        values["model"] = given.model or model
    return "zero_shot", tuple(sorted(values.items()))
