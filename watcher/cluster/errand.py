"""What is sent to a worker, and what the worker does with it: a batch of photos, and where they are found there.

Nothing secret travels, and no path of the first machine is opened: the worker has the folders, models and keys
that its own settings name. Where it reads no folder, it looks at Immich's previews; what only the file can tell is
then added by the first machine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from metadata.errors import PhotoError, TryAgain, UserError
from models.look import Item, Looked, LookJob, PlaceSpec, Spec, asked, captioner_of
from watcher.cluster import versions
from watcher.cluster.crew import Unable

if TYPE_CHECKING:
    from watcher.cluster.bench import Bench

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Whence:
    """Where a photo is found: its root and path below it, its size in bytes, and which asset of whom it is.

    `preview` is the path of Immich's small picture below its media folder.
    """

    root: str
    below: bytes
    size: int = -1
    asset: str = ""
    owner: str = ""
    preview: bytes = b""


@dataclass(frozen=True, slots=True)
class Errand:
    """A batch as the first machine has it; `whences` are its photos' places, in the same order.

    `local` are those of the sources that the first machine asks itself where a worker has seen previews only.
    """

    job: LookJob
    whences: tuple[Whence, ...]
    local: tuple[Spec, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out; `by_preview`: from Immich's preview, so that digest and facts are not the file's."""

    looked: Looked
    by_preview: bool = False


def run(errand: Errand) -> list[Answer] | Unable:
    """On the worker: look at the batch."""
    return done(errand, bench())


def done(errand: Errand, here: Bench) -> list[Answer] | Unable:
    """One answer a photo, in order; or why this worker can do nothing of the kind now."""
    found = [placed(item, whence, here) for item, whence in zip(errand.job.photos, errand.whences, strict=True)]
    if all(isinstance(each, Nowhere) for each in found):
        return Unable(here.address, found[0].reason if isinstance(found[0], Nowhere) else "")
    try:
        seen = _looked(errand, [each for each in found if isinstance(each, Item)], here)
    except UserError as error:
        return Unable(here.address, str(error))
    return [_answer(item, each, seen, here) for item, each in zip(errand.job.photos, found, strict=True)]


@dataclass(frozen=True, slots=True)
class Nowhere:
    """Why a photo is not found on this worker."""

    reason: str


def placed(item: Item, whence: Whence, here: Bench) -> Item | Nowhere:
    """The photo as it is found here: the file itself, else Immich's asset."""
    reason = f"the folder of root {whence.root} is not among its settings"
    folder = None if item.remote else here.roots.get(whence.root)
    if folder is not None:
        path = os.path.join(folder, whence.below)
        try:
            size = os.stat(path).st_size
        except OSError as error:
            reason = f"{os.fsdecode(path)}: {error.strerror}"
        else:
            if size == whence.size or whence.size < 0:
                return replace(item, path=path, preview=here.preview(whence.preview))
            reason = f"{os.fsdecode(path)} has {size} bytes here and {whence.size} on the first machine"
    if whence.asset and here.far is not None:
        path = os.path.join(b"/", whence.owner.encode(), whence.asset.encode() + b".jpeg")
        return replace(item, path=path, preview=b"", remote=whence.asset)
    return Nowhere(reason)


def _looked(errand: Errand, items: list[Item], here: Bench) -> dict[int, Looked]:
    """Files with all sources; previews, unless the photo is a preview everywhere, with models alone."""
    taggers = here.own(errand.job.taggers)
    local = {name for name, _ in errand.local}
    models = tuple(spec for spec in taggers if spec[0] not in local)
    born_far = {item.id for item in errand.job.photos if item.remote}
    parts = [
        ([item for item in items if not item.remote], taggers, errand.job.place),
        ([item for item in items if item.remote and item.id in born_far], taggers, errand.job.place),
        ([item for item in items if item.remote and item.id not in born_far], models, None),
    ]
    seen: dict[int, Looked] = {}
    for photos, specs, place in parts:
        if photos:
            job = replace(errand.job, photos=tuple(photos), taggers=specs, place=place, budget=here.budget)
            if job.vectors is not None:
                job = replace(job, vectors=here.own((job.vectors,))[0])
            seen |= {one.id: one for one in here.look(job)}
    return seen


def _answer(item: Item, placed: Item | Nowhere, seen: Mapping[int, Looked], here: Bench) -> Answer:
    """In the first machine's words: its own path."""
    if isinstance(placed, Nowhere):
        return Answer(Looked(item.id, error=TryAgain(item.path, f"{placed.reason} (on {here.name})")))
    looked = seen[item.id]
    error = looked.error
    if isinstance(error, TryAgain):
        error = TryAgain(item.path, f"{error.reason} (on {here.name})")
    elif error is not None:
        error = PhotoError(item.path if not item.remote else error.path, error.reason)
    inside = looked.embedded
    if inside is not None:
        inside = replace(inside, where=item.path)
    looked = replace(looked, error=error, embedded=inside)
    return Answer(looked, by_preview=bool(placed.remote) and not item.remote)


def exam(
    taggers: Iterable[Spec],
    place: PlaceSpec | None,
    captioner: Spec | None = None,
    vectors: Spec | None = None,
) -> dict[str, Any]:
    """On a worker, before its first batch: versions, what it can reach, and whether its models are there."""
    here = bench()
    says, fault = frozenset[str](), ""
    try:
        says = asked(here.own(taggers), place, here.own((vectors,))[0] if vectors is not None else None)
        if captioner is not None:
            captioner_of(captioner)
    except UserError as error:
        fault = str(error)
    except Exception as error:  # hostile model files must not look like a lost worker
        log.exception("a model could not be made")
        fault = f"{type(error).__name__}: {error}"
    return {
        "versions": versions.ours(),
        "threads": here.threads,
        "roots": [root for root in here.roots if here.folder(root) is not None],
        "immich": here.far is not None,
        "says": sorted(says),
        "fault": fault,
    }


def bench() -> Bench:
    """What this worker works with. Raises UserError in a process that `tagwright worker` did not start."""
    from watcher.cluster import plugin  # noqa: PLC0415 - needs Dask

    return plugin.of_this_worker()
