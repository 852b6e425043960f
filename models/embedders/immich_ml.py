"""Immich's machine-learning container: the vectors of texts and pictures that Immich itself works with.

`POST /predict` takes one text or one picture a call, as form data; the vector comes as JSON in a JSON string.
The container loads a model at its first call, which takes minutes where it has to be fetched, and ends its worker
after five idle ones: a 500 or a connection that breaks is tried again.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metadata.errors import TryAgain, UserError

if TYPE_CHECKING:
    import httpx
    from PIL.Image import Image

EDGE = 1440
"""Of Immich's own previews, from which it makes its vectors."""
PAUSES = (1.0, 4.0, 15.0)
"""Seconds before it is asked again."""
REST = 30.0
"""Seconds in which one that stayed away all that time is not asked at all: every photo would wait for it."""


class ImmichMl:
    """One container. Raises TryAgain where it does not answer, UserError where it refuses."""

    name = "immich_ml"
    edge = EDGE

    def __init__(
        self,
        url: str,
        model: str,
        language: str,
        seconds: float,
        *,
        wait: Callable[[float], object],
        clock: Callable[[], float],
    ) -> None:
        import httpx  # noqa: F401, PLC0415 - a missing library is told when the embedder is made

        from models.hosts import reach  # noqa: PLC0415 - as above

        base = url.rstrip("/")
        self._url = f"{base if '://' in base else f'http://{base}'}/predict"
        self.away = reach(self._url) != "here"
        self.version = model.replace("@", "-")
        self._model, self._language, self._seconds, self._wait = model, language, seconds, wait
        self._clock, self._rests, self._reason = clock, 0.0, ""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        what = {"clip": {"textual": {"modelName": self._model, "options": {"language": self._language}}}}
        entries = json.dumps(what)
        return self._rows([{"data": {"entries": entries, "text": text}} for text in texts])

    def images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """One row a picture."""
        entries = json.dumps({"clip": {"visual": {"modelName": self._model}}})
        return self._rows(
            [{"data": {"entries": entries}, "files": {"image": ("a.jpg", _jpeg(each))}} for each in pictures]
        )

    def _rows(self, asked: Sequence[dict[str, Any]]) -> NDArray[np.float32]:
        import httpx  # noqa: PLC0415 - as above

        if not asked:
            return np.empty((0, 1), np.float32)
        with httpx.Client(timeout=self._seconds) as client:
            rows = [self._vector(client, each) for each in asked]
        if len({len(row) for row in rows}) != 1 or not np.isfinite(rows).all():
            raise UserError(f"{self._url} gave vectors of unequal length, or of no numbers")
        made = np.asarray(rows, np.float32)
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        return np.asarray(made / np.where(lengths > 0, lengths, 1), np.float32)

    def _vector(self, client: httpx.Client, asked: dict[str, Any]) -> list[float]:
        answer = self._answer(client, asked)
        try:
            found = json.loads(answer.text)["clip"]
            return [float(value) for value in (json.loads(found) if isinstance(found, str) else found)]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self._url} does not answer as Immich's machine learning does: {error!r}") from error

    def _answer(self, client: httpx.Client, asked: dict[str, Any]) -> httpx.Response:
        import httpx  # noqa: PLC0415 - as above

        reason = self._reason
        if self._clock() < self._rests:
            raise TryAgain(self._url.encode(), reason)
        for pause in (*PAUSES, None):
            try:
                answer = client.post(self._url, **asked)
            except httpx.HTTPError as error:
                reason = f"does not answer: {error}"
            else:
                if answer.status_code < 400:
                    return answer
                reason = f"answers {answer.status_code}"
                if answer.status_code not in (429, 500, 502, 503, 504):
                    raise UserError(f"{self._url} refuses: {answer.status_code} {answer.text[:200]}")
            if pause is not None:
                self._wait(pause)
        self._rests, self._reason = self._clock() + REST, reason
        raise TryAgain(self._url.encode(), reason)


def _jpeg(picture: Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def make(
    url: str = "http://immich-machine-learning:3003",
    model: str = "ViT-B-32__openai",
    language: str = "en",
    seconds: float = 300.0,
    cache: str = "",
    *,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> ImmichMl:
    """The embedder. `model` is that of Immich's smart search; `seconds` is the patience with one call."""
    del cache
    return ImmichMl(url, model, language, seconds, wait=wait, clock=clock)
