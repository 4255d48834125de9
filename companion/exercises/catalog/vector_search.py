"""Exercises on searching vectors: all of them, or a few clusters."""

import random
from collections.abc import Iterator

import numpy as np

from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- nearest vectors ------------------------------------------------------------------------------


def nearest(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    """Find the vectors that are most similar to a query by cosine.

    Args:
        query: Vector of the question, shape (d,), of any length.
        vectors: Vectors of the passages, shape (N, d), of any length.
        k: How many to find.

    Returns:
        Pairs of row and cosine, the largest cosine first; of equal ones the lower row first. All
        N if k is larger. A vector of zeros has the cosine 0 with everything.
    """
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    cosines = vectors @ query / np.where(lengths == 0, 1, lengths)
    order = np.argsort(-cosines, kind="stable")[:k]
    return [(int(row), float(cosines[row])) for row in order]


def _inner_product(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    products = vectors @ query
    return [(int(row), products[row]) for row in np.argsort(-products, kind="stable")[:k]]


def _reversed_order(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    cosines = np.array([score for _, score in sorted(nearest(query, vectors, len(vectors)))])
    return [(int(row), cosines[row]) for row in np.argsort(cosines, kind="stable")[::-1][:k]]


def _smallest_first(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    return [(row, -score) for row, score in nearest(-query, vectors, k)]


def _nan_of_zero(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    with np.errstate(all="ignore"):
        cosines = vectors @ query / lengths
    return [(int(row), cosines[row]) for row in np.argsort(-cosines, kind="stable")[:k]]


def _nearest_cases(rng: random.Random) -> Iterator[Case]:
    k = rng.randint(2, 40) / 4
    query = np.array([k, 0.0])
    lengths = np.array([[3.0 * k, 4.0 * k], [0.5, 0.1], [0.6, 0.9], [0.0, 9.0]])
    yield Case(
        "vectors of different lengths",
        (query, lengths, 2),
        "Which vector points most nearly the way of the query? May its length count?",
    )
    tie = np.array([[0.0, 1.0], [2.0, 0.0], [-1.0, 0.0], [2.0, 0.0]]) * k
    yield Case("a tie", (query, tie, 2), "Two rows are equal. Which of them comes first?")
    zero = np.array([[0.0, 0.0], [k, 1.0], [-1.0, k]])
    yield Case("a vector of zeros", (query, zero, 3), "What is the length of the first row?")
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    some = (3 * draw(size=3), draw(size=(6, 3)), 3)
    yield Case("random vectors", some, "Can a cosine be larger than 1?")
    few = (draw(size=3), draw(size=(2, 3)), 5)
    yield Case("more wanted than there are", few, "How many can you return at most?")


NEAREST = CodeExercise(
    id="nearest-vectors",
    title="Search by meaning",
    section="applications",
    page="applications/embeddings",
    difficulty="easy",
    minutes=10,
    statement=(
        "The core of a search by meaning: given the vector of a question and those of the "
        "passages, find the $k$ passages with the largest cosine "
        "$\\frac{q \\cdot v}{\\lVert q \\rVert \\lVert v \\rVert}$, best first."
    ),
    hints=(
        "All inner products are one product of a matrix and a vector. Then divide by the lengths.",
        "`np.argsort` sorts upward. To sort downward and keep ties in their order, sort something "
        "else than the cosines.",
        "`np.argsort(-cosines, kind='stable')[:k]`. For zeros, divide by 1 instead of 0.",
    ),
    solution=nearest,
    cases=_nearest_cases,
    wrong=(
        Wrong(
            _inner_product,
            "The vectors are not divided by their lengths. A long vector then wins although "
            "another one points more exactly toward the question.",
        ),
        Wrong(
            _reversed_order,
            "Turning a sorted list around also turns ties around: of two equal passages the later "
            "one comes first. Sort the negative cosines instead.",
        ),
        Wrong(
            _smallest_first,
            "You return the smallest cosines. That would be right for distances; for cosines, "
            "larger is nearer.",
        ),
        Wrong(
            _nan_of_zero,
            "A vector of zeros gives 0 / 0, which is not a number (nan), and nan can't be ranked.",
        ),
    ),
    uses=("numpy",),
)

# -- an inverted file -----------------------------------------------------------------------------


def ivf_search(
    query: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, k: int, nprobe: int
) -> list[int]:
    """Search with an inverted file (IVF): only in the clusters nearest to the query.

    All vectors have length 1, so the inner product is the cosine. Each vector belongs to the
    centroid with the largest inner product.

    Args:
        query: Shape (d,).
        vectors: Shape (N, d).
        centroids: Centers of the clusters, shape (C, d).
        k: How many to find.
        nprobe: How many clusters to look into: those whose centroids are nearest to the query.

    Returns:
        Rows of `vectors`, the nearest to the query first; fewer than k if the clusters that were
        looked into hold fewer.
    """
    clusters = (vectors @ centroids.T).argmax(axis=1)  # (N,)
    probed = np.argsort(-(centroids @ query))[:nprobe]
    candidates = np.flatnonzero(np.isin(clusters, probed))
    order = np.argsort(-(vectors[candidates] @ query))[:k]
    return candidates[order].tolist()


def _exact(
    query: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, k: int, nprobe: int
) -> list[int]:
    return np.argsort(-(vectors @ query))[:k].tolist()


def _one_cluster(
    query: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, k: int, nprobe: int
) -> list[int]:
    return ivf_search(query, vectors, centroids, k, 1)


def _places_of_candidates(
    query: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, k: int, nprobe: int
) -> list[int]:
    found = ivf_search(query, vectors, centroids, k, nprobe)
    candidates = sorted(ivf_search(query, vectors, centroids, len(vectors), nprobe))
    return [candidates.index(row) for row in found]


def _farthest_clusters(
    query: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, k: int, nprobe: int
) -> list[int]:
    candidates = ivf_search(-query, vectors, centroids, len(vectors), nprobe)
    return candidates[::-1][:k]


def _cluster_by_cluster(
    query: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, k: int, nprobe: int
) -> list[int]:
    found: list[int] = []
    for probes in range(1, nprobe + 1):
        more = ivf_search(query, vectors, centroids, len(vectors), probes)
        found += [row for row in more if row not in found]
    return found[:k]


def _at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).round(4)


def _ivf_cases(rng: random.Random) -> Iterator[Case]:
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


IVF = CodeExercise(
    id="ivf-search",
    title="Looking into a few clusters",
    section="applications",
    page="applications/approximate-search",
    difficulty="hard",
    minutes=20,
    statement=(
        "A search that compares the query with every vector is exact and slow. An inverted file "
        "groups the vectors by the nearest of a few centroids, and looks only into the `nprobe` "
        "clusters that are nearest to the query. It is faster, and may miss some of the nearest. "
        "Write the search."
    ),
    hints=(
        "Three steps: the cluster of each vector, the clusters to look into, the nearest among "
        "their members.",
        "`(vectors @ centroids.T).argmax(axis=1)` gives clusters; `np.isin` tells which vectors "
        "are in one of those that you probe.",
        "You rank the candidates only, so `argsort` gives places among the candidates. Look up "
        "the rows: `candidates[order]`.",
    ),
    solution=ivf_search,
    cases=_ivf_cases,
    wrong=(
        Wrong(
            _exact,
            "All vectors were compared. The result is the best one can get, but no time is saved: "
            "with nprobe clusters, the others must not be looked at.",
        ),
        Wrong(
            _one_cluster,
            "Only the nearest cluster is searched, whatever nprobe says. Near the border between "
            "two clusters the nearest vector is often in the other one.",
        ),
        Wrong(
            _places_of_candidates,
            "You return places in the list of candidates, not rows of `vectors`. The user would "
            "get other documents than the ones that were found.",
        ),
        Wrong(
            _farthest_clusters,
            "You look into the clusters that are farthest away: `argsort` sorts upward, and for "
            "inner products larger is nearer.",
        ),
        Wrong(
            _cluster_by_cluster,
            "The clusters are ranked one after the other. All candidates have to be ranked "
            "together: a member of the second cluster may be nearer than one of the first.",
        ),
    ),
    uses=("numpy",),
)

EXERCISES = (NEAREST, IVF)
