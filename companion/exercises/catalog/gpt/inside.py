"""An exercise: how much a head is an induction head."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("inside", __name__)

exercise = page.exercise(
    title="The score of an induction head",
    difficulty="medium",
    minutes=12,
    statement="""
    To find induction heads, a model is shown a row of `period` random tokens, twice. In the second
    half, an induction head looks at the token that came *after* the present one in the first half:
    there stands what comes next. Compute, for each head, the mean weight that it gives to that
    place.
    """,
    hints=(
        "The rows are A B C A B C. Where should the second A look? At which index does it stand?",
        "Position i of the second half stood at i - period before. One further is the place.",
        "`weights[:, i, i - period + 1]` for i from period to the end, then the mean.",
    ),
)


@exercise.solution
def induction_scores(weights: np.ndarray, period: int) -> np.ndarray:
    """Return how much each head looks at what came after the same token before.

    Args:
        weights: Attention of each head, shape (H, T, T) with T = 2 * period.
            Row i of a head says where position i looks.
        period: Length of the row of tokens that is read twice, at least 2.

    Returns:
        Mean weight over the positions of the second half, shape (H,).
    """
    second = np.arange(period, 2 * period)
    return weights[:, second, second - period + 1].mean(axis=1)


def _heads(rng: Random, count: int, period: int) -> np.ndarray:
    """Draw attention weights in hundredths: rows that sum to 1 and see no future."""
    heads = np.zeros((count, 2 * period, 2 * period))
    for head in heads:
        for place, row in enumerate(head):
            parts = np.array([rng.randint(1, 9) for _ in range(place + 1)])
            row[: place + 1] = np.round(parts / parts.sum(), 2)
            row[0] += 1 - row.sum()
    return np.round(heads, 2)


@exercise.cases
def _induction_cases(rng: Random) -> Cases:
    yield Case("one head", (_heads(rng, 1, 2), 2), "Which positions belong to the second half?")
    perfect = np.zeros((1, 6, 6))
    perfect[0, range(6), [0, 0, 1, 1, 2, 3]] = 1
    blurred = np.round(0.9 * perfect + 0.1 * np.tril(_heads(rng, 1, 3)), 2)
    yield Case("nearly perfect", (blurred, 3), "Where does the second A of A B C A B C look?")
    yield Case("two heads", (_heads(rng, 2, 2), 2), "Has each head a number of its own?")


@exercise.mistake(
    "That is the place of the same token. A head that looks there finds what it has already; what "
    "comes next stands one further."
)
def _same_token(weights: np.ndarray, period: int) -> np.ndarray:
    second = np.arange(period, 2 * period)
    return weights[:, second, second - period].mean(axis=1)


@exercise.mistake(
    "That measures a previous-token head, which looks one back. An induction head looks far back, "
    "at what followed the same token."
)
def _one_back(weights: np.ndarray, period: int) -> np.ndarray:
    second = np.arange(period, 2 * period)
    return weights[:, second, second - 1].mean(axis=1)


@exercise.mistake(
    "The first position of the second half is left out. It stands at index `period`, and its token "
    "has come before as well."
)
def _starts_late(weights: np.ndarray, period: int) -> np.ndarray:
    second = np.arange(period + 1, 2 * period)
    return weights[:, second, second - period + 1].mean(axis=1)


@exercise.mistake(
    "Rows and columns are exchanged. Row i says where position i looks, and nobody looks ahead."
)
def _exchanged(weights: np.ndarray, period: int) -> np.ndarray:
    return induction_scores(weights.transpose(0, 2, 1), period)


@exercise.mistake(
    "The weights were added. The mean lies between 0 and 1, so that texts of any length compare."
)
def _summed(weights: np.ndarray, period: int) -> np.ndarray:
    return induction_scores(weights, period) * period


@exercise.mistake(
    "The mean is over all positions. In the first half nothing has come before, so that no head "
    "can do it there."
)
def _over_all(weights: np.ndarray, period: int) -> np.ndarray:
    return induction_scores(weights, period) / 2
