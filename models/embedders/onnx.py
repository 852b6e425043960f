"""all-MiniLM-L6-v2 (Apache-2.0) on onnxruntime: 90 MB, no torch, 2,000 words a second on one core.

The files are fetched from Hugging Face at first use, at a pinned revision. `folder` names another model's folder
instead: `model.onnx` (or `onnx/model.onnx`) and `tokenizer.json`, as sentence-transformers exports them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metadata.errors import UserError
from models import runtime
from models.embedders._fetch import fetched
from models.embedders._prompts import prompt_for

_REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
_BASE = f"https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/{_REVISION}"
_FILES = {
    "onnx/model.onnx": "6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_LONGEST = 256
"""Tokens of a text that count, as the model was trained."""


class Onnx:
    """Mean of the last layer over a text's tokens, of length 1."""

    name = "onnx"

    def __init__(self, folder: Path | None, cache: Path, batch: int, threads: int) -> None:
        import onnxruntime  # noqa: F401, PLC0415 - a missing library is told when the embedder is made
        import tokenizers  # noqa: F401, PLC0415

        self.version = folder.name if folder else f"all-MiniLM-L6-v2-{_REVISION[:8]}"
        self._folder, self._cache = folder, cache
        self._batch, self._threads = batch, threads
        self._prompt = prompt_for(self.version)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text. Raises UserError where the model cannot be had."""
        session, tokenizer = self._model
        names = {one.name for one in session.get_inputs()}
        made = [np.empty((0, 1), np.float32)] if not texts else []
        for start in range(0, len(texts), self._batch):
            coded = tokenizer.encode_batch([self._prompt + text for text in texts[start : start + self._batch]])
            mask = np.array([one.attention_mask for one in coded], np.int64)
            fed = {"input_ids": np.array([one.ids for one in coded], np.int64), "attention_mask": mask}
            fed["token_type_ids"] = np.zeros_like(mask)
            (hidden, *_) = session.run(None, {name: value for name, value in fed.items() if name in names})
            made.append(_mean(hidden, mask))
        return np.concatenate(made)

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        from tokenizers import Tokenizer  # noqa: PLC0415

        folder = self._folder or fetched(self._cache / self.version, _BASE, _FILES)
        model = next((path for path in (folder / "model.onnx", folder / "onnx/model.onnx") if path.exists()), None)
        if model is None or not (folder / "tokenizer.json").exists():
            raise UserError(f"{folder} has no model.onnx with a tokenizer.json beside it")
        session = runtime.session(model, threads=self._threads, device="cpu")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(_LONGEST)
        tokenizer.enable_padding()
        return session, tokenizer


def _mean(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(1) / np.maximum(weights.sum(1), 1)
    lengths = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.asarray(mean / np.where(lengths > 0, lengths, 1), np.float32)


def make(
    folder: str | Path = "", cache: str | Path = "models-cache", batch: int = 64, threads: int = 1, model: str = ""
) -> Onnx:
    """The embedder. `cache` is where fetched files are kept; `model` is another word for `folder`."""
    chosen = folder or model
    return Onnx(Path(chosen) if chosen else None, Path(cache), batch, threads)
