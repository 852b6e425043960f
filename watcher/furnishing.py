"""Makes of the settings what the house is furnished with: its places, its rules, and who looks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from metadata.errors import TagwrightError
from metadata.photo import Photo
from metadata.sinks import Sink
from models import registry
from models.look import PlaceSpec, Spec
from models.protocols import BUDGET
from watcher import (
    booking,
    model_settings,
    mounts,
    privacy,
    rooms,
    ruling,
    zero_shot_settings,
)
from watcher.beside import Beside, clock, in_immich
from watcher.desk import Looking
from watcher.hands import alone
from watcher.ledger.store import Ledger
from watcher.rooms import House
from watcher.settings import Root, Settings
from watcher.stable import Calm

if TYPE_CHECKING:
    from metadata.exiftool import Exiftool
    from watcher.mirrored import Mirrored

log = logging.getLogger(__name__)

PRINTS = 1 << 26
"""Bytes of small pictures that are kept for a model to be asked about, at most: some 500."""
SMALL = 2 << 30
"""Bytes of memory below which batches are small."""


class Rare:
    """Facts of the rare formats whose EXIF only exiftool finds; started by the first such file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tool: Exiftool | None = None
        self._writer: Exiftool | None = None

    def facts(self, path: bytes) -> Mapping[str, str]:
        """What exiftool says, by its names and as with `-n`; nothing where there is no exiftool."""
        from metadata.exiftool import Exiftool  # noqa: PLC0415 - hardly anybody needs it

        with self._lock:
            self._tool = self._tool or Exiftool()
            try:
                row = self._tool.read([path], ["EXIF:all", "Composite:all", "File:all"])[0]
            except TagwrightError as error:
                log.debug("exiftool says nothing of %s: %s", os.fsdecode(path), error)
                return {}
        return {name.rpartition(":")[2]: str(value) for name, value in row.items()}

    def writer(self) -> Exiftool:
        """The one that writes into photos, for the thread that reads and writes places."""
        from metadata.exiftool import Exiftool  # noqa: PLC0415 - as above

        self._writer = self._writer or Exiftool()
        return self._writer

    def close(self) -> None:
        """End exiftool, if it was started."""
        for tool in (self._tool, self._writer):
            if tool is not None:
                tool.close()


def calm_of(settings: Settings, root: Root) -> Calm:
    """How much quiet a root's files need; more where the file system answers from a cache."""
    network = mounts.is_network(mounts.fstype(os.fsencode(root.path)))
    cache = settings.cache_time if network else 0.0
    return Calm(settings.settle, settings.settle_max, settings.cooldown, cache)


def looking(settings: Settings) -> Looking:
    """Who is asked about photos, in batches that fit this machine."""
    nowhere = {"place", "zero_shot"} if fed(settings) or made_here(settings) else {"place"}
    taggers = tuple(_spec(settings, name) for name in (*settings.facts, *settings.taggers) if name not in nowhere)
    asked, table = asked_of(settings), _table(settings)
    return Looking(
        taggers=taggers,
        local=tuple(spec for spec in taggers if spec[0] in settings.facts),
        captioner=(settings.captioner, ()) if settings.captioner and asked is None else None,
        asked=asked,
        private=privacy.of(settings.private),
        place=PlaceSpec(settings.place_distance, settings.place_root) if "place" in settings.facts else None,
        floor=settings.floor,
        batch=32 if memory_of(settings) >= SMALL else 8,
        workers=workers_of(settings),
        budget=min(BUDGET, memory_of(settings) // 16 // workers_of(settings)),
        prints=min(PRINTS, memory_of(settings) // 32),
        spool=table.spool if table is not None else 0,
        vectors=zero_shot(settings) if made_here(settings) else None,
    )


def fed(settings: Settings) -> bool:
    """Whether words come out of Immich's own vectors, and no picture is looked at for them."""
    return "zero_shot" in settings.taggers and bool(settings.immich.url and settings.immich.database.host)


def made_here(settings: Settings) -> bool:
    """Whether looks make vectors of pictures, which are compared with words later, by what the library taught."""
    return "zero_shot" in settings.taggers and not fed(settings)


def zero_shot(settings: Settings, model: str = "") -> Spec:
    """The tagger that works on Immich's vectors, as data."""
    folder = settings.models_folder or settings.state / "models"
    return zero_shot_settings.spec(settings.zero_shot, str(folder), model or settings.immich.model)


def _spec(settings: Settings, name: str) -> Spec:
    """A tagger as data; one that a manifest describes is told where its files lie."""
    if name == "zero_shot":
        return zero_shot(settings)
    folder = settings.models_folder or settings.state / "models"
    if name in settings.facts or not registry.described(name, folder):
        return name, ()
    return zero_shot_settings.model_spec(settings.onnx, name, str(folder))


def asked_of(settings: Settings) -> Spec | None:
    """The captioner that servers answer for, with its settings; None where there is none, or another."""
    table = _table(settings)
    return None if table is None else model_settings.spec(settings.captioner, table)


def _table(settings: Settings) -> model_settings.VisionModel | None:
    tables = {"ollama": settings.ollama, "openai_compatible": settings.openai_compatible}
    return tables.get(settings.captioner)


def workers_of(settings: Settings) -> int:
    """How many look at once."""
    if settings.workers != "auto":
        return settings.workers
    return max(1, min(len(os.sched_getaffinity(0)), memory_of(settings) // (SMALL // 2)))


def memory_of(settings: Settings) -> int:
    """Bytes we may think with: as set, or the machine's, or the container's if that is less."""
    if settings.memory != "auto":
        return settings.memory
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdecimal() else total


def suspects() -> Executor:
    """Who looks at a photo in which a process died."""
    return alone()


def sinks_of(settings: Settings, rare: Rare | None = None, mirrored: Mirrored | None = None) -> dict[str, Sink]:
    """The places of these settings, by name; `rare` ends the exiftool that writes into photos."""
    made: dict[str, Sink] = {"sidecar": sidecars_of(settings, mirrored)}
    if any(root.embed for root in settings.roots):
        made[rooms.EMBEDDED] = _embedded(settings, rare or Rare())
    return mirrored.sinks(made) if mirrored is not None else made


def beside_of(settings: Settings) -> Beside:
    """What is said of sidecars."""
    return Beside(
        durability=settings.durability,
        zone=settings.zone(),
        provenance=settings.provenance,
        free=frozenset(root.name for root in settings.roots if root.sidecar_style != "immich"),
        embedding=frozenset(root.name for root in settings.roots if root.embed),
        styles={root.name: root.sidecar_style for root in settings.roots},
    )


def sidecars_of(settings: Settings, mirrored: Mirrored | None) -> Sink:
    """The place beside each photo."""
    return beside_of(settings).place(mirrored.registered if mirrored is not None else None)


def _embedded(settings: Settings, rare: Rare) -> Sink:
    from metadata.embed import Wishes  # noqa: PLC0415 - hardly anybody embeds
    from metadata.sinks.embedded import EmbeddedSink  # noqa: PLC0415 - as above

    asked = {
        root.name: Wishes(root.exif_keywords, root.exif_comment, root.keep_original) for root in settings.roots
    }
    return EmbeddedSink(
        exiftool=rare.writer(),
        clock=clock(settings.zone()),
        durability=settings.durability,
        provenance=settings.provenance,
        closed=in_immich(),
        wishes=lambda photo: asked[photo.root],
    )


def _embeds(settings: Settings, sinks: Mapping[str, Sink]) -> Callable[[Photo], bool]:
    """Which photos are written themselves."""
    immich = in_immich()
    roots = frozenset(root.name for root in settings.roots if root.embed and rooms.EMBEDDED in sinks)
    return lambda photo: photo.root in roots and not immich(photo)


def house_of(settings: Settings, ledger: Ledger, sinks: dict[str, Sink]) -> House:
    """What decisions are made with."""
    made = ruling.rules(settings, ledger)
    own = ruling.own(settings, ledger, made)
    places = {root.name: tuple(dict.fromkeys((*sinks, rooms.EMBEDDED))) for root in settings.roots}
    stopped = booking.stopped(ledger.db)
    return House(
        sinks,
        places,
        made,
        ruling.stamp(settings, made, own),
        stopped=stopped,
        own=own,
        provenance=settings.provenance,
        embeds=_embeds(settings, sinks),
        wishes={root.name: root.people for root in settings.roots},
    )
