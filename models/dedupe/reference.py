"""Other ways to group vectors, to compare with: they chain, or take siblings for synonyms (docs/dedupe.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from models.dedupe.meaning import Vectors, near


def dbscan(vectors: Vectors, threshold: float) -> list[list[int]]:
    """DBSCAN with min_samples 2 over cosine distance: the components of all pairs as near as that.

    With two samples every point that has a neighbour is a core point, so that components are exactly its
    clusters, and
    no distance matrix is needed.
    """
    from scipy.sparse import coo_matrix  # noqa: PLC0415 - only for comparison
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    pairs = near(vectors, threshold)
    links = coo_matrix((np.ones(len(pairs.a), np.int8), (pairs.a, pairs.b)), shape=(len(vectors), len(vectors)))
    return _groups(connected_components(links, directed=False)[1])


def hdbscan(vectors: Vectors, threshold: float) -> list[list[int]]:
    """HDBSCAN with groups of two and more, by its own densities; groups looser than the threshold fall away.

    Loose means: the mean cosine of the members to their middle. (Its own limit, cluster_selection_epsilon, fails
    in scikit-learn 1.9 beside numpy 2.4.)
    """
    from sklearn.cluster import HDBSCAN  # noqa: PLC0415 - only for comparison

    rows = np.asarray(vectors, np.float64)
    found = _groups(HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit_predict(rows))
    return [group for group in found if np.linalg.norm(rows[group].mean(0)) >= threshold]


def _groups(labels: Iterable[int]) -> list[list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        if label >= 0:
            found[int(label)].append(place)
    return sorted(group for group in found.values() if len(group) > 1)


METHODS: dict[str, Callable[[Vectors, float], list[list[int]]]] = {"dbscan": dbscan, "hdbscan": hdbscan}
