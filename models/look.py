"""Looks at a batch of photos: digest, facts and what the taggers say. A plain function of plain data.

Runs on any `concurrent.futures.Executor`: jobs and answers pickle, and nothing here knows a ledger or
settings. Each file is opened and read once; its digest, its facts and its pixels share that read.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from metadata.errors import PhotoError, TryAgain
from metadata.photo import Facts, Stat
from metadata.sinks import Seen
from metadata.source import Opened, opened
from metadata.tags import Word, clean
from models import registry
from models.batch import Backend, Passing, ask, edge_of, key_of, of_file
from models.making import MADE, Maker
from models.prints import Print, taken
from models.protocols import BUDGET, FEW, PICTURES, UNKNOWN, Captioner, Hints, Scored, Tagger, Titled
from models.shown import Unready

if TYPE_CHECKING:
    from metadata.facts import Fallback
    from metadata.places import Place
    from models.taggers.zero_shot import ZeroShot

log = logging.getLogger(__name__)

Spec = tuple[str, tuple[tuple[str, Any], ...]]
"""A backend as data: its name and its settings as pairs, hashable."""
MOST = 256
"""Words kept of one source for one photo, the highest scores first."""
LONG = 300
"""Signs kept of each part of a word that cannot be written."""
PLACE = "place"


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger holds of a photo: its digest and the sources asked, as `source@version`."""

    digest: bytes
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Item:
    """One photo to look at: the ledger's id, the absolute path, and what is known of it.

    `preview` is a smaller, upright picture of it that will do for pixels. `remote` names a photo that lies in
    no folder here, for who fetches it; `facts` are then what somebody else has read from its file. `hints` may
    be told to a captioner; a `private` photo leaves this machine by none. A look makes prints of those that
    `wants` them; a captioner is given them as `prints`, with digest and facts, and the file is not opened.
    """

    id: int
    path: bytes
    known: Known | None = None
    preview: bytes = b""
    remote: str = ""
    facts: Facts | None = None
    hints: Hints = UNKNOWN
    private: bool = False
    wants: bool = False
    prints: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceSpec:
    """How places are said: nothing further away than `distance` km; words stand below `root` ("": nowhere)."""

    distance: float = 50.0
    root: str = "Places"


@dataclass(frozen=True, slots=True)
class LookJob:
    """A batch: the photos, who is asked, from which score on a word is kept, and how prints are made.

    The `captioner` is one that needs no server; `vectors` is a tagger by zero shot, whose model makes vectors.
    """

    photos: tuple[Item, ...]
    taggers: tuple[Spec, ...] = ()
    floor: float = 0.25
    place: PlaceSpec | None = None
    budget: int = BUDGET
    captioner: Spec | None = None
    prints: Print | None = None
    vectors: Spec | None = None


@dataclass(frozen=True, slots=True)
class DescribeJob:
    """A batch for one captioner; `prints` says how those were made that come with the photos."""

    photos: tuple[Item, ...]
    captioner: Spec
    budget: int = BUDGET
    prints: Print | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source said: words with scores, and texts as (field, text).

    `of_file`: said from the file's own metadata or name, not from its pixels. It belongs to this photo
    and not to every copy of the picture, and is asked anew each time, because an edit can change it.
    `vector`: what is said is this alone.
    """

    source: str
    version: str
    words: tuple[tuple[Word, float], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    of_file: bool = False
    vector: bytes = b""

    @property
    def key(self) -> str:
        """`source@version`, as `Known.sources` holds it."""
        return f"{self.source}@{self.version}"


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out about one photo; with an `error`, whatever was found out before it.

    `embedded` is what stands inside the file, or None where that could not be read whole. `note` is
    something odd that stopped nothing, as a name that ends in .png on a JPEG. `prints` are small pictures of it.
    """

    id: int
    digest: bytes | None = None
    facts: Facts | None = None
    stat: Stat | None = None
    evidence: tuple[Evidence, ...] = ()
    embedded: Seen | None = None
    error: PhotoError | TryAgain | None = None
    note: str | None = None
    prints: tuple[bytes, ...] = ()


def look(job: LookJob, *, fallback: Fallback | None = None) -> list[Looked]:
    """One answer a photo, in order. A bad photo never spoils the batch; UserError is about the settings.

    `fallback` reads the facts of the rare formats whose EXIF we cannot find ourselves.
    """
    taggers = [_tagger(spec) for spec in job.taggers]
    captioner = _captioner(job.captioner) if job.captioner is not None else None
    maker = _maker(job.vectors) if job.vectors is not None else None
    who: list[Backend] = [*taggers, *(each for each in (captioner, maker) if each is not None)]
    batch = [
        _read(item, who, job.budget, fallback, prints=job.prints if item.wants else None) for item in job.photos
    ]
    if job.place is not None:
        _places(batch, job.place)
    for tagger in taggers:
        ask(batch, tagger, tagger.tag, partial(_evidence, tagger, floor=job.floor))
    if maker is not None:
        version = maker.version
        ask(batch, maker, maker.make, lambda made: Evidence(MADE, version, vector=made))
    if captioner is not None:
        _describe(batch, captioner)
    return [seen.answer() for seen in batch]


def describe(job: DescribeJob, *, gate: AbstractContextManager[object] | None = None) -> list[Looked]:
    """One answer a photo, in order; in `texts` a caption is "dc:description", a title "dc:title".

    `gate` is held while photos are read and decoded, and not while the captioner is waited for.
    """
    captioner = _captioner(job.captioner)
    with gate or nullcontext():
        batch = [
            _printed(item, job.prints) or _read(item, [captioner], job.budget, most=FEW) for item in job.photos
        ]
    for seen in batch:
        if seen.view is not None and isinstance(seen.view.error, Unready):
            seen.fail(TryAgain(seen.item.path, seen.view.error.reason))
    ask(batch, captioner, captioner.caption, lambda said: _caption(captioner, said))
    return [seen.answer() for seen in batch]


def _describe(batch: Sequence[Passing], captioner: Captioner) -> None:
    """A caption that fails leaves everything else alone; the log says why."""
    before = [seen.looked.error for seen in batch]
    ask(batch, captioner, captioner.caption, partial(_caption, captioner))
    for seen, error in zip(batch, before, strict=True):
        if seen.looked.error is not error:
            log.warning("not described: %s", seen.looked.error)
            seen.looked = replace(seen.looked, error=error)


def _printed(item: Item, wish: Print | None) -> Passing | None:
    """A photo of which there are prints; its file need not be opened."""
    if not item.prints or wish is None or item.known is None or item.facts is None:
        return None
    from models.image import FileView  # noqa: PLC0415 - a service starts without Pillow and numpy

    views = [
        FileView(item.path, item.facts, print_=(wish, data), hints=item.hints, private=item.private)
        for data in item.prints
    ]
    looked = Looked(item.id, digest=item.known.digest, facts=item.facts)
    return Passing(item, looked, views[len(views) // 2], views)


def asked(taggers: Iterable[Spec], place: PlaceSpec | None = None, vectors: Spec | None = None) -> frozenset[str]:
    """`source@version` of all that such a job would ask; makes the taggers."""
    keys = {f"{tagger.name}@{tagger.version}" for tagger in map(_tagger, taggers)}
    keys |= {f"{MADE}@{_maker(vectors).version}"} if vectors is not None else set()
    return frozenset(keys if place is None else keys | {f"{PLACE}@{_place_version(place)}"})


def captioner_of(spec: Spec) -> Captioner:
    """The captioner of a spec, made once."""
    return _captioner(spec)


def forget() -> None:
    """End what captioners ask servers for, and close their connections; whoever wants one gets a new one."""
    with _LOCK:
        _made_captioner.cache_clear()
        while _OPEN:
            _OPEN.pop()()


def tagger_of(spec: Spec) -> Tagger:
    """The tagger of a spec, made once."""
    return _tagger(spec)


_LOCK = threading.RLock()
_OPEN: list[Callable[[], object]] = []
"""How captioners are closed that were made."""


def _tagger(spec: Spec) -> Tagger:
    with _LOCK:  # two threads would otherwise load a model twice
        return _made_tagger(spec)


def _maker(spec: Spec) -> Maker:
    return Maker(cast("ZeroShot", _tagger(spec)))


def _captioner(spec: Spec) -> Captioner:
    with _LOCK:
        return _made_captioner(spec)


@lru_cache(maxsize=64)
def _made_tagger(spec: Spec) -> Tagger:
    return registry.tagger(spec[0], **dict(spec[1]))


@lru_cache(maxsize=8)
def _made_captioner(spec: Spec) -> Captioner:
    made = registry.captioner(spec[0], **dict(spec[1]))
    if hasattr(made, "close"):
        _OPEN.append(made.close)
    return made


def _read(
    item: Item,
    backends: Sequence[Backend],
    budget: int,
    fallback: Fallback | None = None,
    most: int = PICTURES,
    *,
    prints: Print | None = None,
) -> Passing:
    """Open, read and decode one photo once (of a film `most` pictures); what goes wrong becomes its error."""
    seen = Passing(item, Looked(item.id))
    try:
        with opened(item.path) as file:
            _take(seen, file, backends, budget, fallback, most, prints=prints)
            file.unchanged()
    except TryAgain as error:
        seen.view, seen.looked = None, Looked(item.id, error=error)
    except PhotoError as error:
        seen.fail(error)
    except OSError as error:
        seen.fail(_system(item.path, error))
    except MemoryError:
        seen.fail(TryAgain(item.path, "not enough memory"))
    except Exception as error:  # hostile bytes must not take the batch with them
        log.exception("reading failed on %r", item.path)
        seen.fail(PhotoError(item.path, f"cannot be read: {type(error).__name__}: {error}"))
    return seen


def _take(
    seen: Passing,
    file: Opened,
    backends: Sequence[Backend],
    budget: int,
    fallback: Fallback | None,
    most: int,
    *,
    prints: Print | None,
) -> None:
    # A service starts without Pillow and numpy, and without what reads photos.
    from metadata.container import dissect  # noqa: PLC0415
    from metadata.digest import digest  # noqa: PLC0415
    from metadata.embedded import read_embedded  # noqa: PLC0415
    from metadata.facts import gather, read_facts  # noqa: PLC0415
    from models.image import FileView, mismatch  # noqa: PLC0415

    anatomy = dissect(file.source)
    mark = digest(file.source, anatomy)
    seen.looked = Looked(seen.item.id, stat=file.stat, digest=mark)
    tags = gather(anatomy)
    own = read_facts(file.source, anatomy, path=file.path, fallback=fallback, tags=tags)
    facts = seen.item.facts or own
    inside = read_embedded(file.source, anatomy, path=file.path, tags=tags)
    note = mismatch(os.fsdecode(os.path.basename(file.path)), facts.format)
    within = None if inside.fault else inside.seen
    seen.looked = Looked(seen.item.id, stat=file.stat, digest=mark, facts=facts, note=note, embedded=within)
    edges = [edge_of(backend) for backend in backends if of_file(backend) or not seen.known(key_of(backend))]
    edge = max(edges, default=0)
    item = seen.item
    images, error, made = taken(file, item.preview, own, edge, most, budget, wish=prints)
    seen.looked = replace(seen.looked, prints=made)
    views = [
        FileView(
            *(file.path, facts),
            image=image,
            edge=edge,
            error=error,
            budget=budget,
            hints=item.hints,
            private=item.private,
        )
        for image in images or (None,)
    ]
    seen.view, seen.views = views[len(views) // 2], views
    if isinstance(error, Unready):
        seen.looked = replace(seen.looked, note=error.reason)
    elif error is not None:
        seen.fail(error)


def _system(path: bytes, error: OSError) -> PhotoError | TryAgain:
    """A file that is gone or may not be read is a matter of the moment; so is a disk that fails to answer."""
    reason = error.strerror or str(error)
    return PhotoError(path, reason) if error.errno == errno.ENAMETOOLONG else TryAgain(path, reason)


def _places(batch: Sequence[Passing], spec: PlaceSpec) -> None:
    """Empty where there is no place, so that what an earlier position said does not stay."""
    from metadata import places  # noqa: PLC0415 - as above

    known = [(seen, seen.looked.facts.position) for seen in batch if seen.looked.facts is not None]
    located = [position for _, position in known if position is not None]
    found = iter(places.nearest_all(located, limit_km=spec.distance))
    for seen, position in known:
        seen.say(_place(next(found) if position is not None else None, spec))


def _place_version(spec: PlaceSpec) -> str:
    return f"1:{spec.distance:g}:{spec.root}"


def _place(place: Place | None, spec: PlaceSpec) -> Evidence:
    from metadata import places  # noqa: PLC0415 - as above

    version = _place_version(spec)
    if place is None:
        return Evidence(PLACE, version, of_file=True)
    word = places.words(place, root=spec.root)
    said = ((word, 1.0),) if word else ()
    return Evidence(PLACE, version, words=said, texts=tuple(places.fields(place).items()), of_file=True)


def _evidence(tagger: Tagger, said: Sequence[Scored], *, floor: float) -> Evidence:
    return Evidence(tagger.name, tagger.version, words=_best(said, floor), of_file=of_file(tagger))


def _best(said: Sequence[Scored], floor: float) -> tuple[Scored, ...]:
    """The highest score of each word at or above the floor, at most MOST, highest first.

    A word that nobody could write is kept as it was said, so that `show` can tell why it is none.
    """
    best: dict[Word, float] = {}
    for word, score in said:
        tidy = clean(word) or tuple(part[:LONG] for part in word)
        if any(part.strip() for part in tidy) and floor <= score <= 1 and score > best.get(tidy, -1):
            best[tidy] = float(score)
    return tuple(sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST])


def _caption(captioner: Captioner, said: str | Titled) -> Evidence:
    caption, title, words = said if isinstance(said, tuple) else (said, "", ())
    texts = (("dc:description", " ".join(caption.split())), ("dc:title", " ".join(title.split())))
    spoken = tuple(each for each in texts if each[1])
    return Evidence(captioner.name, captioner.version, words=_best(words, 0.0), texts=spoken)
