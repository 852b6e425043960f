"""Words for pictures by a model that knows pictures and texts (CLIP, SigLIP): no training, any vocabulary.

Vectors of pictures are made here, or handed over where somebody made them already (`score`): Immich's, for a
whole library in minutes. Vectors of texts come from the same model, and are kept by model and text.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from metadata.errors import UserError
from metadata.tags import Word
from models import vocabulary
from models.protocols import Embedder, Scored, View
from models.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from models.embedders._cache import Files, Shelf
    from models.nearness import Calibration, Scorer, Space

CHUNK = 1024
"""Texts that are asked for at once, and kept before the next: what was asked stays when we are stopped."""
CALIBRATION = "calibration.npz"


class Pictures(Embedder, Protocol):
    """A model whose vectors of pictures and of texts can be compared; it looks at `edge` pixels."""

    edge: int

    def images(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """A row a picture (RGB), float32."""
        ...


class ZeroShot:
    """The vocabulary, the model, and what the library has taught about both."""

    name = "zero_shot"
    of_file = False

    away: bool
    """Whether pictures go to another machine, when they are looked at."""

    shelf: Shelf | None = None
    """Where vectors of texts are kept, set by who has a ledger; else in files."""

    def __init__(self, embedder: Pictures, words: Vocabulary, folder: Path, batch: int, model: str = "") -> None:
        """`model` is the model's folder, where it lies in one."""
        self.vocabulary, self._embedder, self._folder, self._batch = words, embedder, folder, batch
        self.edge, self._model = embedder.edge, model
        self.away = bool(getattr(embedder, "away", False))
        self._lock = threading.Lock()
        self._taught: Calibration | None = self._read()
        self._stamp = self._taught.stamp if self._taught is not None else ""
        self._made: Scorer | None = None

    @property
    def version(self) -> str:
        """Changes with the model, the vocabulary, and what the library has taught."""
        made = f"{self._embedder.version}-{self.vocabulary.stamp}"
        return (f"{made}-{self._stamp}" if self._stamp else made).replace("@", "-")

    @property
    def model(self) -> str:
        """What made its vectors: those of one model can be compared."""
        return f"{self._embedder.name}:{self._embedder.version}".replace("@", "-")

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """The few words that each picture is near to."""
        from models import runtime  # noqa: PLC0415 - a service starts without numpy

        vectors = self.vectors(views)
        if not len(vectors):
            return []
        with runtime.threads(1):
            return list(self.score(vectors))

    def vectors(self, views: Sequence[View]) -> NDArray[np.floating]:
        """A row a picture."""
        import numpy as np  # noqa: PLC0415 - as above

        from models import runtime  # noqa: PLC0415

        rows = []
        for start in range(0, len(views), self._batch):
            pictures = [view.pixels(self.edge) for view in views[start : start + self._batch]]
            with runtime.threads(1):
                rows.append(np.asarray(self._embedder.images(pictures), np.float32))
        return np.concatenate(rows) if rows else np.empty((0, 0), np.float32)

    def score(self, vectors: NDArray[np.floating]) -> Iterator[list[Scored]]:
        """The same for vectors of this model, a row a picture. Raises UserError for those of another."""
        scorer = self._scorer()
        if len(vectors) and vectors.shape[1] != self._space.words.shape[1]:
            raise UserError(
                f"{self._embedder.name} makes vectors of {self._space.words.shape[1]} numbers, and those of the "
                f"pictures have {vectors.shape[1]}: another model made them"
            )
        words = self.vocabulary.words
        for found in scorer.score(vectors):
            yield [(words[place], score) for place, score in found]

    def teach(self, sample: NDArray[np.floating], tagged: Mapping[Word, Sequence[int]] | None = None) -> None:
        """Take the measure of each word from a sample of the library; `tagged`: rows that a person gave a word."""
        from models import nearness  # noqa: PLC0415 - a service starts without numpy

        places = {word: place for place, word in enumerate(self.vocabulary.words)}
        leaves = {word[-1]: place for word, place in places.items()}
        named = {places.get(word, leaves.get(word[-1])): rows for word, rows in (tagged or {}).items() if word}
        examples = {place: rows for place, rows in named.items() if place is not None}
        self._taught = nearness.calibrate(nearness.unit(sample), self._space, examples)
        self._made, self._stamp = None, self._taught.stamp
        self._write(self._taught)

    @property
    def taught(self) -> int:
        """How many pictures the measure was taken from; 0 where there is none yet."""
        return self._taught.pictures if self._taught is not None else 0

    def _scorer(self) -> Scorer:
        from models.nearness import Scorer  # noqa: PLC0415 - as above

        with self._lock:
            if self._made is None:
                self._made = Scorer(self._space, self._taught)
            return self._made

    @cached_property
    def _space(self) -> Space:
        import numpy as np  # noqa: PLC0415 - as above

        from models import nearness  # noqa: PLC0415
        from models.embedders._cache import Cached, marked  # noqa: PLC0415

        texts = [text for own in self.vocabulary.texts for text in own]
        kept = Cached(self._embedder, self.shelf or self.files(), marked(self._model))
        rows = [kept.embed(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK)]
        anchors = kept.embed(vocabulary.ANCHORS)
        return nearness.space(np.concatenate(rows), [len(own) for own in self.vocabulary.texts], anchors)

    def files(self) -> Files:
        """Where vectors of texts are kept by who has no ledger."""
        from models.embedders._cache import Files  # noqa: PLC0415 - as above

        return Files(self._folder)

    # What the library has taught

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._embedder.version}-{self.vocabulary.stamp}-{CALIBRATION}".replace("/", "-")

    def _read(self) -> Calibration | None:
        if not self._file.is_file():
            return None
        from models import arrays  # noqa: PLC0415 - as above
        from models.nearness import Calibration  # noqa: PLC0415

        kept = arrays.load(self._file) or {}
        if not kept.keys() >= {"middle", "spread", "sure", "pictures"}:
            return None  # broken: taken anew
        made = Calibration(kept["middle"], kept["spread"], kept["sure"], int(kept["pictures"]))
        return made if len(made.middle) == len(self.vocabulary.words) else None

    def _write(self, taught: Calibration) -> None:
        from models import arrays  # noqa: PLC0415 - as above

        arrays.save(
            self._file, middle=taught.middle, spread=taught.spread, sure=taught.sure, pictures=taught.pictures
        )


def make(
    embedder: str = "immich_ml",
    file: str = "",
    words: Sequence[str] = (),
    folder: str | Path = "models-cache",
    batch: int = 16,
    **settings: Any,
) -> ZeroShot:
    """The tagger. `embedder` makes the vectors and takes the other settings; `words` or `file` say which words."""
    from models import registry  # noqa: PLC0415 - it knows this module

    made = registry.embedder(embedder, **settings)
    if not hasattr(made, "images"):
        raise UserError(f"{embedder} knows texts alone; zero_shot needs one that knows pictures, too")
    return ZeroShot(
        cast("Pictures", made),
        vocabulary.chosen(file, words),
        Path(folder) / "zero_shot",
        batch,
        str(settings.get("model", "")),
    )
