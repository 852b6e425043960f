"""The ports of this layer: what a tagger, a captioner and an embedder promise, and the View they look at.

One answer an item, the same answer alone or in a batch. A backend is one module with `make(**settings)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from metadata.photo import Facts
from metadata.tags import Word

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

BUDGET = 120_000_000
"""Pixels that may be decoded at once: 360 MB of RGB. A baseline JPEG counts after its reduction by 2, 4 or 8."""
EDGE = 256
"""The longest edge that taggers share unless one of them asks for more."""
PICTURES = 8
"""Pictures of a film that taggers see."""
FEW = 3
"""Pictures of a film that a captioner is asked about, which costs seconds each."""

Scored = tuple[Word, float]


class Hints(NamedTuple):
    """What the ledger knows of a photo besides its pixels: who is in it, and keywords that people gave it."""

    people: tuple[str, ...] = ()
    keywords: tuple[Word, ...] = ()


UNKNOWN = Hints()


class View(Protocol):
    """One photo as a model may look at it; pixels are made on demand and once."""

    @property
    def facts(self) -> Facts:
        """What the file says about itself."""
        ...

    @property
    def name(self) -> str:
        """The file's name, for rules about names; bytes that are not UTF-8 come as surrogate escapes."""
        ...

    @property
    def path(self) -> bytes:
        """Where the file is, for errors."""
        ...

    @property
    def hints(self) -> Hints:
        """What is known besides."""
        ...

    @property
    def private(self) -> bool:
        """Whether no other machine may see it."""
        ...

    def pixels(self, edge: int) -> Image:
        """Upright RGB, longest edge at most `edge` pixels, never enlarged.

        Raises PhotoError when the file cannot be decoded.
        """
        ...

    def jpeg(self, edge: int, quality: int) -> bytes:
        """The same as a JPEG, for whom it is sent to; raises as above."""
        ...


class Tagger(Protocol):
    """Says words about photos, each with a score in 0..1.

    Of a film it is asked about several pictures. One with `every` says what is true of a film only where it is
    true of all of them.
    """

    name: str
    version: str

    def tag(self, views: Sequence[View]) -> list[list[Scored]]:
        """A list of (keyword path, score) a view."""
        ...


class Titled(NamedTuple):
    """A caption with a title, of a captioner that gives both, and keywords where it gives those too."""

    caption: str
    title: str
    words: tuple[Scored, ...] = ()


class Captioner(Protocol):
    """Says a sentence about photos; an empty string where it has nothing to say.

    One that asks servers has `slots`: how many photos it wants to be asked about side by side, each by a call
    of its own. `away` says that whatever it is asked leaves this machine. `close()` ends what is under way.
    `print` says which JPEG it sends (`models.prints`): the look of a photo makes it then, for a question later.
    """

    name: str
    version: str

    def caption(self, views: Sequence[View]) -> Sequence[str | Titled]:
        """One caption a view, with a title where there is one."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors whose cosine says how near two meanings are."""

    name: str
    version: str

    def embed(self, texts: Sequence[str]) -> numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]:
        """An array (len(texts), dimensions), float32, rows of length 1."""
        ...
