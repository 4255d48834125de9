"""An exercise: looking into a few clusters."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("approximate-search", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="Looking into a few clusters",
    difficulty="hard",
    minutes=20,
    statement="""
    A search that compares the query with every vector is exact and slow. An inverted file groups
    the vectors by the nearest of a few centroids, and looks only into the `nprobe` clusters that
    are nearest to the query. It is faster, and may miss some of the nearest. Write the search.
    """,
    hints=(
        "Three steps: the cluster of each vector, the clusters to look into, the nearest among "
        "their members.",
        "`(vectors @ centroids.T).argmax(axis=1)` gives clusters; `np.isin` tells which vectors "
        "are in one of those that you probe.",
        "You rank the candidates only, so `argsort` gives places among the candidates. Look up the "
        "rows: `candidates[order]`.",
    ),
)


@exercise.solution
def ivf_search(
    query: np.ndarray,
    vectors: np.ndarray,
    centroids: np.ndarray,
    k: int,
    nprobe: int,
) -> list[int]:
    """Search with an inverted file (IVF): only in the nearest clusters.

    All vectors have length 1, so the inner product is the cosine. Each vector
    belongs to the centroid with the largest inner product.

    Args:
        query: Shape (d,).
        vectors: Shape (N, d).
        centroids: Centers of the clusters, shape (C, d).
        k: How many to find.
        nprobe: How many clusters to look into: those whose centroids are
        nearest to the query.

    Returns:
        Rows of `vectors`, the nearest to the query first; fewer than k if the
        clusters that were looked into hold fewer.
    """
    clusters = (vectors @ centroids.T).argmax(axis=1)  # (N,)
    probed = np.argsort(-(centroids @ query))[:nprobe]
    candidates = np.flatnonzero(np.isin(clusters, probed))
    order = np.argsort(-(vectors[candidates] @ query))[:k]
    return candidates[order].tolist()


def _at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).round(4)


@exercise.cases
def _ivf_cases(rng: Random) -> Cases:
    turn = rng.randrange(360)
    vectors = _at(*(turn + angle for angle in (95, 49, 5, 38, 175)))
    centroids = _at(turn, turn + 90, turn + 180)
    query = _at(turn + 44)[0]
    yield Case(
        "one probe",
        (query, vectors, centroids, 2, 1),
        f"Take {turn} degrees off: the rows stand at 95, 49, 5, 38 and 175 degrees, the query at "
        "44. To which centroid (0, 90, 180) does each row belong?",
    )
    yield Case(
        "two probes",
        (query, vectors, centroids, 3, 2),
        "Now two clusters are searched. Are their rows ranked together?",
    )
    yield Case(
        "all clusters",
        (query, vectors, centroids, 5, 3),
        "With all clusters the search is exact. Is it yours?",
    )
    yield Case(
        "fewer than wanted",
        (_at(turn + 170)[0], vectors, centroids, 3, 1),
        "How many rows does the nearest cluster hold?",
    )
    degrees = rng.sample(range(0, 360, 7), 8)
    drawn = (_at(rng.randrange(1, 360, 7) + 0.5)[0], _at(*degrees), _at(20, 100, 190, 275), 3, 2)
    yield Case("random rows", drawn, "Do the numbers that you return count rows of `vectors`?")


@exercise.mistake(
    "All vectors were compared. The result is the best one can get, but no time is saved: with "
    "nprobe clusters, the others must not be looked at."
)
def _exact(query: Array, vectors: Array, centroids: Array, k: int, nprobe: int) -> list[int]:
    return np.argsort(-(vectors @ query))[:k].tolist()


@exercise.mistake(
    "Only the nearest cluster is searched, whatever nprobe says. Near the border between two "
    "clusters the nearest vector is often in the other one."
)
def _one_cluster(query: Array, vectors: Array, centroids: Array, k: int, nprobe: int) -> list[int]:
    return ivf_search(query, vectors, centroids, k, 1)


@exercise.mistake(
    "You return places in the list of candidates, not rows of `vectors`. The user would get other "
    "documents than the ones that were found."
)
def _places_of_candidates(
    query: Array, vectors: Array, centroids: Array, k: int, nprobe: int
) -> list[int]:
    rows = ivf_search(query, vectors, centroids, k, nprobe)
    candidates = sorted(ivf_search(query, vectors, centroids, len(vectors), nprobe))
    return [candidates.index(row) for row in rows]


@exercise.mistake(
    "You look into the clusters that are farthest away: `argsort` sorts upward, and for inner "
    "products larger is nearer."
)
def _farthest_clusters(
    query: Array, vectors: Array, centroids: Array, k: int, nprobe: int
) -> list[int]:
    candidates = ivf_search(-query, vectors, centroids, len(vectors), nprobe)
    return candidates[::-1][:k]


@exercise.mistake(
    "The clusters are ranked one after the other. All candidates have to be ranked together: a "
    "member of the second cluster may be nearer than one of the first."
)
def _cluster_by_cluster(
    query: Array, vectors: Array, centroids: Array, k: int, nprobe: int
) -> list[int]:
    rows: list[int] = []
    for probes in range(1, nprobe + 1):
        more = ivf_search(query, vectors, centroids, len(vectors), probes)
        rows += [row for row in more if row not in rows]
    return rows[:k]
