"""Asks backends about single photos for somebody who looks on: answers and times, and nothing is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from metadata.errors import PhotoError, TagwrightError, TryAgain
from metadata.film import FILMS
from metadata.photo import Facts
from metadata.source import opened
from models import look
from models.look import Item, LookJob, PlaceSpec, Spec
from models.protocols import BUDGET, EDGE, PICTURES, Captioner, Scored, Tagger, Titled, View
from models.shown import pictures

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What one backend said of one photo, in so many seconds; or why not."""

    name: str
    seconds: float = 0.0
    version: str = ""
    words: tuple[Scored, ...] = ()
    title: str = ""
    caption: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """Who is asked."""

    taggers: tuple[Spec, ...] = ()
    captioner: Spec | None = None
    place: PlaceSpec | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """All that was said of one photo; reading and decoding stand first. `error`: it could not be read."""

    path: bytes
    said: tuple[Said, ...] = field(default=())
    error: str = ""


def trial(path: bytes, who: Who, *, private: bool = False) -> Trial:
    """Every backend's answer, each timed alone on pixels that are decoded already."""
    start = time.perf_counter()
    (looked,) = look.look(LookJob((Item(0, path),), place=who.place))
    if looked.facts is None:
        return Trial(path, error=looked.error.reason if looked.error else "nothing can be read from it")
    found = [Said("reading", time.perf_counter() - start)]
    found += [Said(one.source, 0.0, one.version, one.words) for one in looked.evidence]
    backends = [_made(spec, "tagger") for spec in who.taggers]
    backends += [_made(who.captioner, "captioner")] if who.captioner is not None else []
    edges = [int(getattr(each, "edge", EDGE)) for each in backends if not isinstance(each, Said)]
    start = time.perf_counter()
    try:
        views = _views(path, looked.facts, max(edges, default=EDGE), private=private)
    except PhotoError as error:
        return Trial(path, tuple(found), error.reason)
    found.append(Said("decoding", time.perf_counter() - start))
    return Trial(path, (*found, *(each if isinstance(each, Said) else _asked(each, views) for each in backends)))


def pace(paths: Sequence[bytes], captioner: Spec) -> tuple[float, str]:
    """Photos a second that a captioner does of these, as many side by side as it takes; and why some failed."""
    made = look.captioner_of(captioner)
    slots = int(getattr(made, "slots", 1))
    start = time.perf_counter()
    with ThreadPoolExecutor(max(1, min(slots + 2, len(paths)))) as threads:
        answers = list(
            threads.map(lambda path: look.describe(look.DescribeJob((Item(0, path),), captioner)), paths)
        )
    seconds = time.perf_counter() - start
    errors = [answer.error for (answer,) in answers if answer.error is not None]
    reason = str(errors[0]) if errors else ""
    return (len(paths) - len(errors)) / seconds if seconds else 0.0, reason


def _views(path: bytes, facts: Facts, edge: int, *, private: bool) -> list[View]:
    """A photo, or pictures of a film, decoded. Raises PhotoError where that cannot be."""
    from models.image import FileView  # noqa: PLC0415 - Pillow, which `--help` does without

    if facts.format not in FILMS:
        view = FileView(path, facts, private=private)
        view.pixels(edge)
        return [view]
    with opened(path) as file:
        images, error = pictures(file, b"", facts, edge, PICTURES, BUDGET)
    if error is not None:
        raise error
    return [FileView(path, facts, image=image, edge=edge, private=private) for image in images]


def _made(spec: Spec, kind: str) -> Tagger | Captioner | Said:
    try:
        return look.tagger_of(spec) if kind == "tagger" else look.captioner_of(spec)
    except TagwrightError as error:
        return Said(spec[0], error=str(error))


def _asked(backend: Tagger | Captioner, views: Sequence[View]) -> Said:
    """A tagger is asked about all pictures of a film, a captioner about the one in the middle."""
    start, view = time.perf_counter(), views[len(views) // 2]
    try:
        if view.private and getattr(backend, "away", False):
            return Said(backend.name, error="the photo is private, and no host of this model is this machine")
        if hasattr(backend, "caption"):
            answer = backend.caption([view])[0]
            titled = (
                answer if isinstance(answer, Titled) else Titled(*answer) if isinstance(answer, tuple) else None
            )
            caption, title, words = titled or Titled(str(answer), "")
            return Said(backend.name, time.perf_counter() - start, backend.version, tuple(words), title, caption)
        asked = views if not getattr(backend, "of_file", False) else [view]
        said = _merged(backend.tag(asked), backend)
    except (PhotoError, TryAgain) as error:
        told = error.reason if error.path == view.path else str(error)
        return Said(backend.name, time.perf_counter() - start, backend.version, error=told)
    except TagwrightError as error:
        return Said(backend.name, time.perf_counter() - start, backend.version, error=str(error))
    except Exception as error:
        log.exception("%s failed", backend.name)
        return Said(backend.name, time.perf_counter() - start, backend.version, error=f"internal error: {error!r}")
    ranked = tuple(sorted(said, key=lambda pair: (-pair[1], pair[0])))
    return Said(backend.name, time.perf_counter() - start, backend.version, ranked)


def _merged(said: Sequence[Sequence[Scored]], backend: Tagger) -> Sequence[Scored]:
    if len(said) == 1:
        return said[0]
    from models import film  # noqa: PLC0415 - as above

    return film.merged(said, every=bool(getattr(backend, "every", False)))
