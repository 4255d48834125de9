"""An exercise: advantages brought to variance 1."""

import math
from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("ppo", __name__)

exercise = page.exercise(
    id="whiten-advantages",
    title="Whiten advantages",
    difficulty="medium",
    minutes=10,
    statement="""
    PPO brings the advantages of a batch to mean 0 and variance 1, so that a learning rate means the
    same whatever the unit of the reward. Write it with a mask: padding must not take part, and gets
    0.
    """,
    hints=(
        "`values[mask]` is a flat array of what counts, over all rows. Take mean and variance of "
        "that.",
        "Shift and scale the whole array with these two numbers, then put 0 where nothing counts.",
        "`kept.var(ddof=1)` is the unbiased variance; divide by `np.sqrt(... + 1e-8)`.",
    ),
)


@exercise.solution
def whiten(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Bring the advantages of a batch to mean 0 and variance 1.

    Args:
        values: Advantages of the tokens, shape (B, T). What stands in the
            padding means nothing.
        mask: True for tokens that count, shape (B, T); at least two do.

    Returns:
        (value - mean) / sqrt(variance + 1e-8) where the mask is True, 0
        elsewhere, shape (B, T). Mean and variance are over all tokens of the
        batch that count; the variance is the unbiased one, with N - 1 in the
        denominator.
    """
    kept = values[mask]
    whitened = (values - kept.mean()) / np.sqrt(kept.var(ddof=1) + 1e-8)
    return np.where(mask, whitened, 0.0)


@exercise.cases
def _whiten_cases(rng: Random) -> Cases:
    full = np.ones((1, 4), dtype=bool)
    a, b = rng.sample(range(-20, 20), 2)
    row = np.array([[a, b, a, b]]) / 2
    yield Case("one row", (row, full), "Which mean, which spread?")
    short = np.array([[True, True, True], [True, True, False]])
    ragged = np.array([[1.0, 2.0, 6.0], [-3.0, 0.0, 50.0]]) + numbers(rng, -2, 2, 2, 3)
    yield Case("padding", (ragged, short), "Is the last number an advantage? How many count?")
    flat = np.full((1, 3), rng.randint(-30, 30) / 10)
    yield Case("all equal", (flat, full[:, :3]), "What keeps 0 / 0 away?")
    near = np.array([[0.0, 1.0, 3.0]]) * rng.randint(2, 9) * 1e-5
    yield Case("nearly equal", (near, full[:, :3]), "Where exactly does 1e-8 stand?")
    other = np.round([[rng.gauss(2, 3) for _ in range(3)] for _ in range(2)], 1)
    yield Case("other advantages", (other, short), "Are the two rows treated as one set?")


@exercise.mistake(
    "Padding takes part in mean and variance. What happens to stand there then moves every "
    "advantage."
)
def _padding_in_mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, whiten(values, np.ones_like(mask)), 0.0)


@exercise.mistake("Padding should get 0. It is shifted and scaled like a token.")
def _padding_not_zero(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    kept = values[mask]
    return (values - kept.mean()) / np.sqrt(kept.var(ddof=1) + 1e-8)


@exercise.mistake(
    "Each answer was whitened on its own. Then a bad answer looks as good as a good one: each has "
    "mean 0."
)
def _row_by_row(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.stack([whiten(*row) for row in zip(values, mask, strict=True)])


@exercise.mistake(
    "You divided by the variance. The standard deviation is its root; after dividing by that, the "
    "variance is 1."
)
def _by_variance(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return whiten(values, mask) / np.sqrt(values[mask].var(ddof=1) + 1e-8)


@exercise.mistake("NumPy divides by N in a variance. Here N - 1 is asked for: `ddof=1`.")
def _biased(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return whiten(values, mask) * math.sqrt(mask.sum() / (mask.sum() - 1))


@exercise.mistake(
    "1e-8 is added to the standard deviation. It belongs to the variance, inside the root: with "
    "advantages that are nearly equal, that makes a difference."
)
def _outside_the_root(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    kept = values[mask]
    return np.where(mask, (values - kept.mean()) / (kept.std(ddof=1) + 1e-8), 0.0)
