"""`tagwright dedupe`: words that mean the same, in the library (watcher.duplicates) or in a file of words.

With `--tags`, in: `{"tags": {word: count}, "images": [[word, …], …]}`, `images` optional. Out: `{word: word}`; a
word that is not in it stands for itself. Nothing of a library is touched.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata.errors import TagwrightError, UserError
from watcher import aliasing
from watcher.asking import DONE, Arguments, command, count, known_settings

if TYPE_CHECKING:
    from models.dedupe.find import Options, Result
    from models.embedders._cache import Files, Shelf
    from watcher.census import Census

SPELLING_ONLY = "no text model, so spelling and dictionaries speak alone"


def add(commands: Any) -> None:
    """The command, as argparse has it."""
    says = "Find keywords that mean the same and write a report; nothing is changed without --apply."
    made = command(commands, "dedupe", _dedupe, says)
    made.add_argument(
        "--tags", metavar="FILE", type=Path, help="words and counts, as JSON, instead of the library"
    )
    made.add_argument(
        "--out", metavar="PATH", type=Path, help="the folder of the report; with --tags the file of the mapping"
    )
    made.add_argument(
        "--suggest", metavar="FILE", type=Path, help="with --tags: where pairs in doubt go, [word, word, score]"
    )
    made.add_argument(
        "--hierarchy", metavar="FILE", type=Path, help="with --tags: where possible parents go, [child, parent]"
    )
    says = "only the photos of this Immich user: a name, mail address or id; - for photos of no user"
    aliasing.user(made, says, default=None)
    made.add_argument("--apply", action="store_true", help="do what the report says, as it was shown")
    made.add_argument("--report", metavar="FILE", type=Path, help="with --apply: another report than the last one")
    made.add_argument(
        "--decisions", metavar="FILE", type=Path, help="with --apply: what was decided on the report's page"
    )
    made.add_argument(
        "--threshold", metavar="COSINE", type=_cosine, default=0.9, help="how near two words must be"
    )
    made.add_argument("--min-size", metavar="N", type=count, default=2, help="the least words of a group")
    made.add_argument("--method", choices=("agree", "dbscan", "hdbscan"), default="agree", help="how to group")
    made.add_argument(
        "--dry-run", action="store_true", help="change nothing, as without --apply; with --tags write no file"
    )
    made.add_argument(
        "--embedder",
        metavar="NAME",
        default="onnx",
        help="the text model: onnx, sentence_transformers, server, none",
    )
    made.add_argument("--url", metavar="URL", help="of the server")
    made.add_argument("--model", metavar="NAME", help="the text model's name or folder")
    made.add_argument("--batch", metavar="N", type=count, default=64, help="words embedded at a time")
    aliasing.add(made.add_subparsers(title="commands", metavar="COMMAND"))


def _cosine(text: str) -> float:
    import argparse

    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to 1")
    return value


@dataclass(frozen=True, slots=True)
class Words:
    """What a file of words holds."""

    counts: dict[str, int]
    photos: list[list[str]]


def read(path: Path) -> Words:
    """Words and counts out of a file. Raises UserError where it is not as the module says."""
    try:
        known = json.loads(path.read_bytes())
        counts = {str(word): int(number) for word, number in known["tags"].items()}
        photos = [[str(word) for word in photo] for photo in known.get("images", ())]
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{path} does not hold {{"tags": {{word: count}}, "images": [[word, …], …]}}') from error
    if any(not word.strip() for word in counts):
        raise UserError(f"{path} has an empty word")
    return Words(counts, photos)


def find(words: Words, embedder: Embed | None, options: Options, warn: Callable[[str], None]) -> Result:
    """Look for words that mean the same; where the text model cannot be had, `warn` is told why."""
    from models.dedupe import find as room

    if options.method != "agree" and embedder is None:
        raise UserError(f"--method {options.method} groups vectors, and needs a text model: --embedder")
    try:
        return room.find(words.counts, words.photos, embedder, options)
    except (TagwrightError, ImportError) as error:
        if options.method != "agree":
            raise
        warn(f"{error}; {SPELLING_ONLY}")
        return room.find(words.counts, words.photos, None, options)


Embed = Callable[[Sequence[str]], Any]


def _dedupe(arguments: Arguments) -> int:
    if arguments.tags is not None:
        return _of_file(arguments)
    if arguments.suggest or arguments.hierarchy:
        raise UserError("--suggest and --hierarchy go with --tags; the report of the library holds both lists")
    from watcher import duplicates

    if arguments.apply and not arguments.dry_run:
        return duplicates.apply(arguments)
    if arguments.report or arguments.decisions:
        raise UserError("--report and --decisions go with --apply, without --dry-run")
    return duplicates.search(arguments, lambda counted, options: _in_library(arguments, counted, options))


def _in_library(arguments: Arguments, counted: Census, options: Options) -> Result:
    from watcher import handing
    from watcher.texts import Texts

    settings = known_settings(arguments)

    def shelf(before: Files) -> Shelf:
        return Texts(settings.state, partial(handing.keep_texts, settings), before)

    return find(Words(counted.counts(), counted.together), _embedder(arguments, shelf), options, _warn)


def _of_file(arguments: Arguments) -> int:
    from models.dedupe.find import Options

    words = read(arguments.tags)
    options = Options(
        threshold=arguments.threshold,
        min_size=arguments.min_size,
        method=arguments.method,
        hierarchy=arguments.hierarchy is not None,
    )
    result = find(words, _embedder(arguments), options, _warn)
    if not arguments.dry_run:
        _write(arguments.out, result.mapping())
        _write(arguments.suggest, [[a, b, round(score, 4)] for a, b, score, _ in result.suggestions])
        _write(arguments.hierarchy, [[child, parent] for child, parent, _ in result.parents])
    return _say(arguments, summary(words, result))


def _warn(text: str) -> None:
    print(f"tagwright: {text}", file=sys.stderr)


def _embedder(arguments: Arguments, shelf: Callable[[Files], Shelf] = lambda files: files) -> Embed | None:
    """The text model by the flags, with its cache; None where there is none to be.

    `shelf` says where vectors are kept besides files.
    """
    if arguments.embedder == "none":
        return None
    from models import registry

    flags = {"url": arguments.url, "model": arguments.model}
    given = {name: value for name, value in flags.items() if value is not None}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tagwright"
    try:
        made = registry.embedder(arguments.embedder, batch=arguments.batch, cache=str(cache), **given)
    except UserError as error:
        if arguments.embedder != "onnx" or given:
            raise  # asked for by name
        _warn(f"{error}; {SPELLING_ONLY}")
        return None
    from models.embedders._cache import Cached, Files, marked

    return Cached(made, shelf(Files(cache)), marked(arguments.model or "", arguments.url or "")).embed


def summary(words: Words, result: Result) -> dict[str, int]:
    """The counts that are told."""
    merged = result.mapping()
    return {
        "words": len(words.counts),
        "groups": len(result.groups),
        "merged": len(merged),
        "uses_rewritten": sum(words.counts[word] for word in merged),
        "in_doubt": len(result.suggestions),
        "held_apart": len(result.vetoed),
        "possible_parents": len(result.parents),
    }


def _say(arguments: Arguments, told: Mapping[str, int]) -> int:
    if arguments.json:
        print(json.dumps(told, indent=2))
    else:
        for name, value in told.items():
            print(f"{name.replace('_', ' '):>16}  {value}")
    return DONE


def _write(path: Path | None, value: Any) -> None:
    """A JSON file, written beside and put in its place as a whole."""
    if path is None:
        return
    import tempfile

    text = json.dumps(value, ensure_ascii=False, indent=0)
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text + "\n")
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
