"""The model files that are known: what each is, how large, under which licence, where its files go, what is there.

Taggers and their files are told by manifests (models/manifest.py), the light text model by its embedder. Each
model has a folder of its own, in which `checksums` keeps the SHA-256 of what was fetched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from metadata.errors import UserError
from models import fetching, manifest

SUMS = "checksums"
"""The file of SHA-256 and names, as `sha256sum` writes it."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Known:
    """One model: `files` by their path below `source`, each with its SHA-256 ("": told by who hands it out)."""

    name: str
    title: str
    licence: str
    folder: Path
    files: Mapping[str, str]
    source: str = ""
    size: int = 0
    kind: str = "tagger"
    needed: tuple[str, ...] = field(default=())
    checkpoint: str = ""
    """What its model file is made of, by `tagwright models export`."""

    @property
    def missing(self) -> list[str]:
        """The names of files that are needed and not there."""
        return [name for name in self.needed if not (self.folder / name).is_file()]

    @property
    def there(self) -> int:
        """Bytes of its files that are there."""
        found = (self.folder / name for name in self.needed)
        return sum(path.stat().st_size for path in found if path.is_file())


def known(folder: Path, cache: Path) -> list[Known]:
    """All of them by name; `folder` holds taggers, a person's own too, `cache` what `dedupe` fetches by itself."""
    names = sorted({*manifest.names(), *(manifest.own(folder) if folder.is_dir() else ())})
    found = [_tagger(name, folder) for name in names]
    return sorted([*found, _texts(cache)], key=lambda one: one.name)


def _tagger(name: str, folder: Path) -> Known:
    about = manifest.find(name, folder)
    assert about is not None
    return Known(
        name, about.title, about.licence, folder / name, about.files, about.source, about.bytes,
        needed=tuple(about.needed()), checkpoint=about.checkpoint,
    )  # fmt: skip


def _texts(cache: Path) -> Known:
    from models.embedders import onnx  # noqa: PLC0415 - numpy, which only a list of models needs

    name = f"all-MiniLM-L6-v2-{onnx._REVISION[:8]}"  # noqa: SLF001 - one model, told in one place
    files = onnx._FILES  # noqa: SLF001 - as above
    return Known(
        name, "all-MiniLM-L6-v2: nearness of words, for dedupe", "Apache-2.0", cache / name, files,
        onnx._BASE, 90_900_000, "embedder", tuple(Path(each).name for each in files),  # noqa: SLF001 - as above
    )  # fmt: skip


def find(name: str, folder: Path, cache: Path) -> Known:
    """The model of this name. Raises UserError for another."""
    all_ = known(folder, cache)
    found = next((one for one in all_ if one.name == name), None)
    if found is None:
        raise UserError(f"no model is called {name!r}; there are: {', '.join(one.name for one in all_)}")
    return found


def fetch(one: Known, progress: Progress) -> list[Path]:
    """Fetch what is missing of a model, or no longer what it was; the files that came.

    Raises UserError where it cannot be had, or what came is something else.
    """
    if not one.source or not one.files:
        wanted = ", ".join(one.needed)
        raise UserError(f"{one.name} is not handed out anywhere we know: put {wanted} into {one.folder}")
    sums = read_sums(one.folder)
    came: list[Path] = []
    for path, given in one.files.items():
        target = one.folder / Path(path).name
        expected = given or sums.get(target.name, "")
        if target.is_file() and expected and digest(target) == expected:
            continue
        url = f"{one.source.rstrip('/')}/{path}"
        got = fetching.fetch(url, target, given, partial(progress, target.name))
        sums[target.name] = got
        write_sums(one.folder, sums)
        came.append(target)
    return came


def check(one: Known) -> dict[str, bool]:
    """Whether each file that is there is still the one that was fetched, where a sum of it is known."""
    sums = read_sums(one.folder) | {Path(path).name: given for path, given in one.files.items() if given}
    there = [name for name in one.needed if (one.folder / name).is_file() and sums.get(name)]
    return {name: digest(one.folder / name) == sums[name] for name in there}


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sums(folder: Path) -> dict[str, str]:
    """What was fetched into a folder: SHA-256 by name."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("  ") for line in lines)
    return {name: given for given, mark, name in pairs if mark}


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Remember them."""
    text = "".join(f"{given}  {name}\n" for name, given in sorted(sums.items()))
    (folder / SUMS).write_text(text, encoding="utf-8")
