"""What a worker works with: folders, models and keys out of the settings of its own machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.look import Looked, LookJob, Spec, look
from models.protocols import BUDGET
from watcher import zero_shot_settings
from watcher.far import Far
from watcher.settings import Settings


@dataclass(slots=True)
class Bench:
    """One worker process: `roots` are folders by the first machine's names, `budget` pixels decoded at once."""

    name: str
    address: str
    threads: int
    roots: Mapping[str, bytes]
    media: bytes
    own_specs: Mapping[str, Mapping[str, Any]]
    far: Far | None
    budget: int
    look: Callable[[LookJob], list[Looked]]
    close: Callable[[], object] = field(default=lambda: None)

    def folder(self, root: str) -> bytes | None:
        """Where a root's folder is here; None where it is not, or is empty as a folder without its disk is."""
        folder = self.roots.get(root)
        try:
            with os.scandir(folder) if folder is not None else _nothing() as entries:
                return folder if next(iter(entries), None) is not None else None
        except OSError:
            return None

    def preview(self, below: bytes) -> bytes:
        """Immich's small picture of a photo, by its path below the media folder; b"" where it is not here."""
        file = os.path.join(self.media, below) if below and self.media else b""
        return file if file and os.path.isfile(file) else b""

    def own(self, taggers: Iterable[Spec]) -> tuple[Spec, ...]:
        """The same sources with this machine's folders, threads and devices."""
        return tuple((name, _own(pairs, self._mine(name))) for name, pairs in taggers)

    def _mine(self, name: str) -> Mapping[str, Any]:
        return self.own_specs.get(name, self.own_specs[""])


class _nothing:  # noqa: N801 - a context manager as contextlib's are
    def __enter__(self) -> Iterable[object]:
        return ()

    def __exit__(self, *_: object) -> None:
        return None


def _own(pairs: Iterable[tuple[str, Any]], mine: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, mine.get(key) or value) for key, value in pairs)


def made(
    settings: Settings,
    environment: Mapping[str, str],
    *,
    name: str = "",
    address: str = "",
    threads: int = 1,
    memory: int = 0,
) -> Bench:
    """Of the settings of this machine; `memory` in bytes for all threads, 0 where it is not limited.

    Raises UserError for a key of Immich's that cannot be read.
    """
    from watcher.furnishing import Rare  # noqa: PLC0415 - the house is built of much

    rare = Rare()
    look_ = partial(look, fallback=rare.facts)
    far = _far(settings, environment)
    return Bench(
        name,
        address,
        threads,
        {root.name: os.fsencode(os.path.abspath(root.path)) for root in settings.roots if not root.immich},
        os.fsencode(settings.immich.upload_location or ""),
        _specs(settings),
        far,
        min(BUDGET, memory // 16 // threads) if memory else BUDGET,
        far.around(look_) if far is not None else look_,
        rare.close,
    )


def _far(settings: Settings, environment: Mapping[str, str]) -> Far | None:
    if not settings.immich.url:
        return None
    from watcher import connection  # noqa: PLC0415 - many have no Immich

    return Far(connection.keys(settings.immich, environment, warn=lambda _: None))


def _specs(settings: Settings) -> dict[str, dict[str, Any]]:
    """What this machine says about models: of zero shot, and of all others."""
    folder = str(settings.models_folder or settings.state / "models")
    zero = dict(zero_shot_settings.spec(settings.zero_shot, folder, "")[1])
    onnx = settings.onnx
    others = {"folder": folder, "threads": onnx.threads, "device": onnx.device, "batch": onnx.batch}
    kept: dict[str, Any] = {name: zero[name] for name in ("folder", "threads", "file", "model") if name in zero}
    set_url = {"url": zero["url"]} if "url" in settings.zero_shot.model_fields_set else {}
    return {"": others, "zero_shot": {**kept, **set_url}}
