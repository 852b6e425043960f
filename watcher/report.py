"""The report of words that mean the same: what was found, with its evidence, as plain data with a digest.

`report.json` is this with the numbers of the photos that were counted; what is applied later is exactly that.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metadata import tags
from metadata.errors import UserError
from metadata.tags import Word
from watcher.census import Census, Use

if TYPE_CHECKING:
    from models.dedupe.find import Result
    from models.dedupe.library import Evidence

FORMAT = 1
MOST = 400
"""Rows of the lists of near misses and possible parents that the page shows; here they all stand."""
Report = dict[str, Any]


def made(census: Census, result: Result, about: Mapping[str, Any]) -> Report:
    """The report of one search. `about` says how it was made: the time, the ledger, the options."""
    counts = census.counts()
    groups = [_group(group) for group in result.groups]
    doubt = [
        {**_pair(a, b, evidence), "score": round(score, 3), "to": a if counts[a] >= counts[b] else b}
        for a, b, score, evidence in result.suggestions
    ]
    paths = _paths(census, {word for group in groups for word in group["words"]})
    decided = {word for group in groups for word in group["words"]}
    decided |= {word for pair in doubt for word in (pair["a"], pair["b"])} | {one["word"] for one in paths}
    parents = _parents(result, counts)
    decided |= {one["child"] for one in parents[:MOST]}
    rest = {word for a, b, _ in result.vetoed for word in (a, b)}
    rest |= {word for child, parent, _ in result.parents for word in (child, parent)}
    report = {
        "format": FORMAT,
        **about,
        "photos": census.photos,
        "keywords": len(census.uses),
        "groups": groups,
        "in_doubt": doubt,
        "paths": paths,
        "held_apart": [_pair(a, b, evidence) for a, b, evidence in result.vetoed],
        "could_be_a_hierarchy": parents,
        "words": {text: _use(census.uses[text], counted=text in decided) for text in sorted(decided | rest)},
    }
    return {"digest": digest(report), **report}


def _group(group: Any) -> dict[str, Any]:
    return {
        "words": list(group.words),
        "to": group.canonical,
        "why": group.reason,
        "pairs": [_pair(a, b, evidence) for a, b, evidence in group.pairs],
    }


def _pair(a: str, b: str, evidence: Evidence) -> dict[str, Any]:
    return {
        "a": a,
        "b": b,
        "score": round(evidence.score, 3),
        "for": list(evidence.reasons),
        "against": list(evidence.against),
    }


def _parents(result: Result, counts: Mapping[str, int]) -> list[dict[str, str]]:
    """What could stand below what, the most used words first."""
    found = sorted(result.parents, key=lambda one: (-counts[one[0]], one))
    return [{"child": child, "parent": parent, "why": why} for child, parent, why in found]


def _use(use: Use, *, counted: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "photos": len(use.photos) + len(use.shown),
        "agreed": len(use.photos),
        "by_persons": use.persons,
        "by_models": use.ours,
        "places": dict(sorted(use.places.items())),
        "as": sorted(tags.show(word) for word in use.words),
    }
    if counted:
        found["ids"] = sorted({*use.photos, *use.shown})
    return found


def _paths(census: Census, taken: set[str]) -> list[dict[str, str]]:
    """Plain words and the one path that ends in them: `dog` and `animals/dog`."""
    from models.dedupe import hierarchy  # noqa: PLC0415 - only a search needs the dictionaries

    words = [word for use in census.uses.values() for word in use.words]
    words = [word for word in words if not census.people & {*word}]
    pairs = hierarchy.leaves(words)
    return [
        {"word": plain[0], "to": tags.show(path)}
        for plain, path in pairs
        if plain[0] not in taken and plain != path
    ]


def digest(report: Mapping[str, Any]) -> str:
    """A digest of all that a report says, except itself."""
    said = {name: value for name, value in report.items() if name != "digest"}
    text = json.dumps(said, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read(path: Path) -> Report:
    """A report as it was shown. Raises UserError where it is none, or was edited."""
    found = _json(path, "a report; `tagwright dedupe` makes one")
    if not isinstance(found, dict) or found.get("format") != FORMAT or "words" not in found:
        raise UserError(f"{path} is no report of this version; `tagwright dedupe` makes one")
    if digest(found) != found.get("digest"):
        raise UserError(f"{path} was edited since it was made; edit a file of decisions instead (--decisions)")
    return found


def decisions(path: Path) -> dict[str, Any]:
    """What a person decided about a report. Raises UserError where it is not that."""
    found = _json(path, "a file of decisions; the page of the report makes one")
    try:
        return {
            "report": str(found["report"]),
            "merge": {str(word): str(to) for word, to in found.get("merge", {}).items()},
            "apart": [(str(a), str(b)) for a, b in found.get("apart", ())],
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f'{path} does not hold {{"report": digest, "merge": {{word: word}}}}') from error


def approved(report: Mapping[str, Any], decided: Mapping[str, Any] | None = None) -> dict[str, Word]:
    """What is to become what: as decided, else all groups as they were shown.

    Raises UserError where the decisions are about another report, or about words that it does not count.
    """
    if decided is None:
        return {
            word: (group["to"],) for group in report["groups"] for word in group["words"] if word != group["to"]
        }
    if decided["report"] != report["digest"]:
        raise UserError("these decisions are about another report; name it with --report")
    unknown = [word for word in decided["merge"] if "ids" not in report["words"].get(word, ())]
    if unknown:
        raise UserError(f"the report does not offer to merge: {', '.join(sorted(unknown))}")
    known = report["words"]  # `f/1.8` is one of these, and no path
    made = {
        word: (to,) if to in known else tags.clean(tags.typed(to)) or () for word, to in decided["merge"].items()
    }
    if empty := [word for word, to in made.items() if not to]:
        raise UserError(f"nothing is named that {', '.join(empty)} should become")
    return {word: to for word, to in made.items() if to != (word,)}


def _json(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; it should be {what}") from error
    except ValueError as error:
        raise UserError(f"{path} is not {what}") from error


def written(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Put files that only their owner may read into a folder, each as a whole. Raises UserError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [replaced(folder / name, text) for name, text in files.items()]
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror}") from error


def replaced(path: Path, text: str) -> Path:
    """Put a file that only its owner may read in its place, as a whole. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # for its owner alone
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path


def examples(report: Report, most: int) -> dict[str, Sequence[int]]:
    """Up to so many photos for each word that is offered to be merged, groups first."""
    order = [word for group in report["groups"] for word in group["words"]]
    order += [word for pair in report["in_doubt"] for word in (pair["a"], pair["b"])]
    order += [one["word"] for one in report["paths"]]
    return {word: report["words"][word]["ids"][:most] for word in dict.fromkeys(order)}
