"""An exercise: search by meaning."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("embeddings", __name__)

exercise = page.exercise(
    id="nearest-vectors",
    title="Search by meaning",
    difficulty="easy",
    minutes=10,
    statement=r"""
    The core of a search by meaning: given the vector of a question and those of the passages, find
    the $k$ passages with the largest cosine $\frac{q \cdot v}{\lVert q \rVert \lVert v \rVert}$,
    best first.
    """,
    hints=(
        "All inner products are one product of a matrix and a vector. Then divide by the lengths.",
        "`np.argsort` sorts upward. To sort downward and keep ties in their order, sort something "
        "else than the cosines.",
        "`np.argsort(-cosines, kind='stable')[:k]`. For zeros, divide by 1 instead of 0.",
    ),
)


@exercise.solution
def nearest(
    query: np.ndarray,
    vectors: np.ndarray,
    k: int,
) -> list[tuple[int, float]]:
    """Find the vectors that are most similar to a query by cosine.

    Args:
        query: Vector of the question, shape (d,), of any length.
        vectors: Vectors of the passages, shape (N, d), of any length.
        k: How many to find.

    Returns:
        Pairs of row and cosine, the largest cosine first; of equal ones the
        lower row first. All N if k is larger. A vector of zeros has the cosine
        0 with everything.
    """
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    cosines = vectors @ query / np.where(lengths == 0, 1, lengths)
    order = np.argsort(-cosines, kind="stable")[:k]
    return [(int(row), float(cosines[row])) for row in order]


@exercise.cases
def _nearest_cases(rng: Random) -> Cases:
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
    nothing = (np.zeros(2), lengths, 2)
    yield Case("a question of zeros", nothing, "All cosines are equal. Which rows come first?")
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    some = (3 * draw(size=3), draw(size=(6, 3)), 3)
    yield Case("random vectors", some, "Can a cosine be larger than 1?")
    few = (draw(size=3), draw(size=(2, 3)), 5)
    yield Case("more wanted than there are", few, "How many can you return at most?")


@exercise.mistake(
    "The vectors are not divided by their lengths. A long vector then wins although another one "
    "points more exactly toward the question."
)
def _inner_product(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    products = vectors @ query
    return [(int(row), products[row]) for row in np.argsort(-products, kind="stable")[:k]]


@exercise.mistake(
    "Turning a sorted list around also turns ties around: of two equal passages the later one "
    "comes first. Sort the negative cosines instead."
)
def _reversed_order(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    cosines = np.array([score for _, score in sorted(nearest(query, vectors, len(vectors)))])
    return [(int(row), cosines[row]) for row in np.argsort(cosines, kind="stable")[::-1][:k]]


@exercise.mistake(
    "You return the smallest cosines. That would be right for distances; for cosines, larger is "
    "nearer."
)
def _smallest_first(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    return [(row, -score) for row, score in nearest(-query, vectors, k)]


@exercise.mistake(
    "A vector of zeros gives 0 / 0, which is not a number (nan), and nan can't be ranked."
)
def _nan_of_zero(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    with np.errstate(all="ignore"):
        cosines = vectors @ query / lengths
    return [(int(row), cosines[row]) for row in np.argsort(-cosines, kind="stable")[:k]]


@exercise.mistake(
    "Rows of zeros are taken care of, and a *question* of zeros is not: its length is 0, too, and "
    "0 / 0 is not a number."
)
def _nan_of_zero_query(query: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    if query.any():
        return nearest(query, vectors, k)
    return [(row, float("nan")) for row in range(min(k, len(vectors)))]
