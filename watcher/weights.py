"""`tagwright models`: which model files there are, how they come, and how they are made of a checkpoint."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata.errors import UserError
from watcher.asking import DONE, SOME_FAILED, Arguments, command, say, settings_of

if TYPE_CHECKING:
    from models.shelf import Known
    from watcher.settings import Settings


def add(commands: Any) -> None:
    """The commands, as argparse has them."""
    listed = command(commands, "models", _models, "List model files: what is known, what is there, and where.")
    listed.add_argument("--check", action="store_true", help="read the files, and compare their SHA-256")
    group = listed.add_subparsers(title="commands", metavar="COMMAND")
    fetched = command(group, "fetch", _fetch, "Fetch a model's files, and check what came.", machine=False)
    fetched.add_argument("name", metavar="NAME", help="as `models` has it")
    made = command(
        group, "export", _export, "Make a model's ONNX file of its published checkpoint.", machine=False
    )
    made.add_argument("name", metavar="NAME", help="ram_plus")
    made.add_argument("checkpoint", metavar="FILE.pth", type=Path, help="the checkpoint")
    made.add_argument(
        "--tags", metavar="FILE", type=Path, help="its labels; without, the published list is fetched"
    )
    made.add_argument(
        "--thresholds", metavar="FILE", type=Path, help="a number for each label; without, the published ones"
    )


def _places(settings: Settings) -> tuple[Path, Path]:
    """Where taggers' files lie, and where `dedupe` keeps its own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tagwright"
    return settings.models_folder or settings.state / "models", cache


def _models(arguments: Arguments) -> int:
    from models import shelf

    settings = settings_of(arguments)
    rows = [_shown(one, check=arguments.check) for one in shelf.known(*_places(settings))]
    rows += _asked(settings)
    say(arguments, rows, (line for row in rows for line in _listed(row)))
    return SOME_FAILED if any("damaged" in row["state"] for row in rows) else DONE


def _shown(one: Known, *, check: bool) -> dict[str, Any]:
    from models import shelf

    missing = one.missing
    state = "installed" if not missing else f"missing: {', '.join(missing)}" if one.there else "not installed"
    if check and (bad := [name for name, good in shelf.check(one).items() if not good]):
        state = f"damaged: {', '.join(bad)}; fetch it again"
    size = one.there or one.size
    return {
        "name": one.name, "kind": one.kind, "title": one.title, "licence": one.licence, "state": state,
        "bytes": size, "folder": str(one.folder), "source": one.source, "how": _how(one) if missing else "",
    }  # fmt: skip


def _how(one: Known) -> str:
    """How what is missing of a model comes."""
    if one.checkpoint:
        return f"`tagwright models export {one.name} FILE.pth` makes it of {one.checkpoint}"
    if one.source and one.files:
        return f"`tagwright models fetch {one.name}` gets it"
    return f"nobody hands it out in this form: put {', '.join(one.needed)} into its folder"


def _asked(settings: Settings) -> list[dict[str, Any]]:
    """The model that servers answer for, as each of them has it."""
    from models import look
    from watcher.furnishing import asked_of

    spec = asked_of(settings)
    if spec is None:
        return []
    made: Any = look.captioner_of(spec)
    model = dict(spec[1])["model"]
    rows = [
        {
            "name": model, "kind": "captioner", "title": f"asked by `captioner = {spec[0]!r}`", "licence": "",
            "state": state, "bytes": 0, "folder": url, "source": "", "how": "",
        }
        for url, state in made.installed()
    ]  # fmt: skip
    look.forget()
    return rows


def _listed(row: Mapping[str, Any]) -> Iterator[str]:
    size = f"{row['bytes'] / 1e6:,.0f} MB" if row["bytes"] else ""
    yield f"{row['name']:<28}{row['state']}"
    known = ", ".join(part for part in (size, row["licence"]) if part)
    yield f"    {row['title']}{'; ' if known else ''}{known}"
    yield f"    {row['folder']}"
    if row["how"]:
        yield f"    {row['how']}"


def _fetch(arguments: Arguments) -> int:
    from models import shelf

    one = shelf.find(arguments.name, *_places(settings_of(arguments)))
    came = shelf.fetch(one, _progress(sys.stderr))
    for path in came:
        print(f"{path}  {shelf.digest(path)}")
    print(f"{one.name} is there ({one.licence or 'licence not known'})" if not one.missing else _lacks(one))
    return SOME_FAILED if one.missing else DONE


def _lacks(one: Known) -> str:
    return f"{one.name} still lacks {', '.join(one.missing)} in {one.folder}: {_how(one)}"


def _export(arguments: Arguments) -> int:
    from models import exports, shelf

    export = exports.of(arguments.name)
    if not arguments.checkpoint.is_file():
        raise UserError(f"{arguments.checkpoint}: there is no such file")
    one = shelf.find(arguments.name, *_places(settings_of(arguments)))
    _lists(one, arguments.tags, arguments.thresholds)
    for path in export(arguments.checkpoint, one.folder, lambda line: print(line, file=sys.stderr, flush=True)):
        print(path)
    print(f'{one.name} is there ({one.licence}): `taggers = ["{one.name}"]`')
    return DONE


def _lists(one: Known, tags: Path | None, thresholds: Path | None) -> None:
    """Labels and their thresholds come into the model's folder: those that were named, else the published ones."""
    from models import manifest, shelf

    about = manifest.find(one.name, one.folder.parent)
    assert about is not None
    one.folder.mkdir(parents=True, exist_ok=True)
    for given, name in ((tags, about.labels.file), (thresholds, about.labels.thresholds)):
        if given is None:
            continue
        try:
            shutil.copyfile(given, one.folder / name)
        except shutil.SameFileError:
            pass
        except OSError as error:
            raise UserError(f"{error.filename or given}: {error.strerror}") from error
    wanted = [name for name in about.needed() if name != about.model]
    if all((one.folder / name).is_file() for name in wanted):
        return
    try:
        shelf.fetch(one, _progress(sys.stderr))
    except UserError as error:
        raise UserError(f"{error}; --tags and --thresholds name files that you have") from error


def _progress(stream: Any) -> Any:
    """A bar where somebody looks on, else a line at the end of each file."""
    shown: dict[str, int] = {}

    def tell(name: str, done: int, total: int) -> None:
        share = 100 * done // total if total else 0
        if stream.isatty():
            bar = "#" * (share * 30 // 100)
            print(f"\r{name:<24}[{bar:<30}] {share:3} %  {done / 1e6:,.0f} MB", end="", file=stream, flush=True)
        if total and done == total:
            lead = "\n" if stream.isatty() else f"{name}: {done} bytes\n"
            print(lead, end="", file=stream, flush=True)
        shown[name] = share

    return tell
