"""Any model of sentence-transformers, by its name at Hugging Face or its folder; brings torch: `[models]`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metadata.errors import UserError
from models.embedders._prompts import prompt_for

if TYPE_CHECKING:
    from PIL.Image import Image


class SentenceTransformers:
    """A model of sentence-transformers."""

    name = "sentence_transformers"
    edge = 384
    """Longest edge of a picture that is looked at: CLIP and SigLIP cut out 224 to 256 pixels of it."""

    def __init__(self, model: str, batch: int, device: str, threads: int) -> None:
        from importlib.util import find_spec  # noqa: PLC0415

        if find_spec("sentence_transformers") is None:
            raise ImportError("no sentence_transformers", name="sentence_transformers")
        self.version = Path(model).name if Path(model).is_dir() else model.replace("@", "-")
        self._name, self._batch, self._device, self._threads = model, batch, device, threads

    @cached_property
    def _model(self) -> Any:
        import torch  # noqa: PLC0415
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415
        from tqdm import tqdm  # noqa: PLC0415
        from transformers.utils import logging  # noqa: PLC0415

        logging.disable_progress_bar()
        tqdm.monitor_interval = 0  # else a thread watches over bars that nobody sees
        torch.set_num_threads(self._threads)  # of the whole process: nothing else here uses torch
        try:
            return SentenceTransformer(self._name, device=self._device, local_files_only=Path(self._name).is_dir())
        except (OSError, ValueError) as error:
            raise UserError(f"sentence-transformers cannot load {self._name!r}: {error}") from error

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        if not texts:
            return np.empty((0, 1), np.float32)
        prompt = prompt_for(self._name)
        made = self._model.encode(
            [prompt + text for text in texts],
            batch_size=self._batch,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(made, np.float32)

    def images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """One row a picture (RGB), of a model that knows pictures."""
        if not pictures:
            return np.empty((0, 1), np.float32)
        made = self._model.encode(
            list(pictures), batch_size=self._batch, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(made, np.float32)


def make(
    model: str = "sentence-transformers/all-MiniLM-L6-v2",
    batch: int = 64,
    device: str = "cpu",
    threads: int = 1,
    cache: str = "",
) -> SentenceTransformers:
    """The embedder; the library keeps what it fetches where it always does, so `cache` is not used."""
    del cache
    return SentenceTransformers(model, batch, device, threads)
