"""A server that answers `/v1/embeddings` as OpenAI's does: Ollama, LM Studio, llama.cpp, vLLM and others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metadata.errors import TryAgain, UserError
from models.embedders._prompts import prompt_for


class Server:
    """A text model behind HTTP. Raises TryAgain where the server does not answer, UserError where it refuses."""

    name = "server"

    def __init__(self, url: str, model: str, batch: int, seconds: float) -> None:
        base = url.rstrip("/").removesuffix("/v1/embeddings").removesuffix("/v1")
        self._url = f"{base}/v1/embeddings"
        self.version = model.replace("@", "-")
        self._model, self._batch, self._seconds = model, batch, seconds
        self._prompt = prompt_for(model)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, in batches."""
        import httpx  # noqa: PLC0415 - only where a server is asked

        rows: list[list[float]] = []
        with httpx.Client(timeout=self._seconds) as client:
            for start in range(0, len(texts), self._batch):
                rows += self._asked(client, texts[start : start + self._batch])
        made = np.asarray(rows, np.float32).reshape(len(texts), len(rows[0]) if rows else 1)
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        return np.asarray(made / np.where(lengths > 0, lengths, 1), np.float32)

    def _asked(self, client: object, texts: Sequence[str]) -> list[list[float]]:
        import httpx  # noqa: PLC0415

        asked = {"model": self._model, "input": [self._prompt + text for text in texts]}
        try:
            answer = client.post(self._url, json=asked)  # type: ignore[attr-defined]
        except httpx.HTTPError as error:
            raise TryAgain(self._url.encode(), f"does not answer: {error}") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise TryAgain(self._url.encode(), f"answers {answer.status_code}")
        if answer.status_code >= 400:
            raise UserError(f"{self._url} refuses: {answer.status_code} {answer.text[:200]}")
        return _rows(answer.text, len(texts), self._url)


def _rows(text: str, count: int, url: str) -> list[list[float]]:
    """The vectors in the order of their index, all finite and of one length."""
    import json  # noqa: PLC0415

    try:
        data = sorted(json.loads(text)["data"], key=lambda one: one["index"])
        rows = [[float(value) for value in one["embedding"]] for one in data]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{url} does not answer with vectors: {error}") from error
    if len(rows) != count or len({len(row) for row in rows}) != 1 or not np.isfinite(np.asarray(rows)).all():
        raise UserError(f"{url} gave {len(rows)} vectors for {count} texts, or unequal ones")
    return rows


def make(
    url: str = "http://127.0.0.1:11434",
    model: str = "nomic-embed-text",
    batch: int = 64,
    seconds: float = 60.0,
    cache: str = "",
) -> Server:
    """The embedder; the default is Ollama on this machine. `cache` is not used."""
    del cache
    return Server(url, model, batch, seconds)
