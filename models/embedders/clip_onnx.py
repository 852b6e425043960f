"""CLIP, SigLIP and their kin in ONNX files, laid out as Immich publishes them: `visual/` and `textual/`.

A folder holds `config.json`, `visual/model.onnx` with `preprocess_cfg.json`, and `textual/model.onnx` with
`tokenizer.json` and `tokenizer_config.json`. The vectors are those that Immich keeps for the same model.
"""

from __future__ import annotations

import json
import string
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metadata.errors import UserError
from models import runtime

if TYPE_CHECKING:
    from PIL.Image import Image

    from models.pixels import Input

_CONTEXT = 77
"""Tokens of a text, where the model's own configuration says nothing else."""
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class ClipOnnx:
    """One folder; each half is loaded when it is first needed."""

    name = "clip_onnx"

    def __init__(self, folder: Path, batch: int, threads: int, device: str) -> None:
        import onnxruntime  # noqa: F401, PLC0415 - a missing library is told when the embedder is made
        import tokenizers  # noqa: F401, PLC0415

        needed = ("config.json", "visual/model.onnx", "visual/preprocess_cfg.json", "textual/model.onnx")
        missing = [name for name in (*needed, "textual/tokenizer.json") if not (folder / name).is_file()]
        if missing:
            raise UserError(f"{folder} is no CLIP model as Immich publishes them: {', '.join(missing)} is missing")
        runtime.providers(device)
        self.version = folder.name
        self._folder, self._batch, self._threads, self._device = folder, batch, threads, device
        self._lock = threading.Lock()

    @property
    def edge(self) -> int:
        """The longest edge that is looked at."""
        return self._input.wanted

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        made = [np.empty((0, 1), np.float32)] if not texts else []
        with self._lock:
            session = self._textual
        batch = _size(session, self._batch)
        for start in range(0, len(texts), batch):
            coded = self._tokenizer.encode_batch([self._clean(text) for text in texts[start : start + batch]])
            ids = np.array([one.ids for one in coded], np.int32)
            mask = np.array([one.attention_mask for one in coded], np.int32)
            fed = {"text": ids, "input_ids": ids, "attention_mask": mask}
            made.append(_run(session, {one.name: fed[one.name] for one in session.get_inputs()}))
        return np.concatenate(made)

    def images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """One row a picture (RGB)."""
        from models.pixels import numbers  # noqa: PLC0415 - texts alone need no Pillow

        made = [np.empty((0, 1), np.float32)] if not pictures else []
        with self._lock:
            session = self._visual
        (asked,) = session.get_inputs()
        batch = _size(session, self._batch)
        for start in range(0, len(pictures), batch):
            some = np.stack([numbers(each, self._input) for each in pictures[start : start + batch]])
            made.append(_run(session, {asked.name: some}))
        return np.concatenate(made)

    def _clean(self, text: str) -> str:
        """As Immich cleans it."""
        text = " ".join(text.split())
        kwargs = self._config.get("text_cfg", {}).get("tokenizer_kwargs") or {}
        return text.translate(_PUNCTUATION).lower() if kwargs.get("clean") == "canonicalize" else text

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return _read(self._folder / "config.json")

    @cached_property
    def _input(self) -> Input:
        from models.pixels import Input  # noqa: PLC0415 - as above

        about = _read(self._folder / "visual" / "preprocess_cfg.json")
        try:
            size = about["size"]
            mode = about.get("resize_mode", "shortest")
            return Input(
                size[0] if isinstance(size, list) else int(size),
                mean=tuple(about["mean"]),
                std=tuple(about["std"]),
                fit={"shortest": "crop", "squash": "stretch"}[mode],
                resample=str(about["interpolation"]).lower(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{self._folder}/visual/preprocess_cfg.json is none that we know: {error!r}"
            ) from error

    @cached_property
    def _visual(self) -> Any:
        return runtime.session(self._folder / "visual" / "model.onnx", threads=self._threads, device=self._device)

    @cached_property
    def _textual(self) -> Any:
        return runtime.session(self._folder / "textual" / "model.onnx", threads=self._threads, device=self._device)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer  # noqa: PLC0415

        folder = self._folder / "textual"
        made = Tokenizer.from_file(str(folder / "tokenizer.json"))
        about = _read(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
        pad = about.get("pad_token", "<|endoftext|>")
        pad = pad["content"] if isinstance(pad, dict) else pad
        length = int(self._config.get("text_cfg", {}).get("context_length", _CONTEXT))
        made.enable_padding(length=length, pad_token=pad, pad_id=made.token_to_id(pad) or 0)
        made.enable_truncation(max_length=length)
        return made


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error


def _size(session: Any, most: int) -> int:
    fixed = session.get_inputs()[0].shape[0]
    return fixed if isinstance(fixed, int) and fixed > 0 else most


def _run(session: Any, fed: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The vectors of a batch, of length 1; a short one is filled up where the file demands a number."""
    count = len(next(iter(fed.values())))
    fixed = _size(session, count)
    full = {name: np.concatenate([each, *([each[-1:]] * (fixed - count))]) for name, each in fed.items()}
    with runtime.memory_told():
        made = np.asarray(session.run(None, full)[0], np.float32)[:count]
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    if not np.isfinite(made).all():
        raise ValueError("the model says numbers that are none")
    return np.asarray(made / np.where(lengths > 0, lengths, 1), np.float32)


def make(
    folder: str | Path = "",
    batch: int = 16,
    threads: int = 1,
    device: str = "auto",
    cache: str = "",
    model: str = "",
) -> ClipOnnx:
    """The embedder. `model` is another word for `folder`. Raises UserError where files are missing."""
    del cache
    chosen = folder or model
    if not chosen:
        raise UserError("clip_onnx needs the folder of a model, as Immich publishes them (docs/models.md)")
    return ClipOnnx(Path(chosen), batch, threads, device)
