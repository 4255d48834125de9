"""Exercises on scale: gradients clipped by their norm, advantages brought to variance 1."""

import math
import random
from collections.abc import Iterator

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- clipping -------------------------------------------------------------------------------------


def clip_gradients(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    """Scale gradients down if their norm over all weights together is too large.

    Args:
        grads: Gradient of each weight tensor, any shapes.
        max_norm: Largest norm allowed, above 0.

    Returns:
        The gradients in the same order, all scaled by the same factor. If the norm is at most
        ``max_norm``, they stay as they are.
    """
    norm = math.sqrt(sum(float((grad**2).sum()) for grad in grads))
    scale = max_norm / max(norm, max_norm)
    return [scale * grad for grad in grads]


def _each_tensor(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    return [clip_gradients([grad], max_norm)[0] for grad in grads]


def _each_entry(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    return [grad.clip(-max_norm, max_norm) for grad in grads]


def _always(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    norm = math.sqrt(sum(float((grad**2).sum()) for grad in grads))
    return [max_norm / norm * grad for grad in grads]


def _no_root(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    square = sum(float((grad**2).sum()) for grad in grads)
    return [max_norm / max(square, max_norm) * grad for grad in grads]


def _sum_of_norms(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    total = sum(float(np.linalg.norm(grad)) for grad in grads)
    return [max_norm / max(total, max_norm) * grad for grad in grads]


def _clip_cases(rng: random.Random) -> Iterator[Case]:
    small = [numbers(rng, -0.3, 0.3, 2, digits=2), numbers(rng, 0.1, 0.3, 1, 1, digits=2)]
    yield Case("below the limit", (small, 1.0), "Is there a reason to change anything?")
    k = rng.randint(2, 20) / 2
    pair = [np.array([3 * k, 0.0]), np.array([[0.0, -4 * k]])]
    yield Case("two tensors", (pair, 1.0), "What is the norm of all four numbers as one vector?")
    uneven = [np.array([6 * k, 8 * k]), numbers(rng, 0.1, 0.9, 1)]
    yield Case(
        "one large, one small",
        (uneven, 2.0),
        "Should the direction of the step change? What keeps it?",
    )
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    other = [np.round(3 * draw(size=size), 1) for size in ((2, 2), (3,))]
    yield Case("a matrix and a vector", (other, 1.5), "By which one factor is all multiplied?")


CLIP_GRADIENTS = CodeExercise(
    id="clip-gradients",
    title="Clip the gradient",
    section="training",
    page="training/pretraining",
    difficulty="easy",
    minutes=10,
    statement=(
        "One odd batch must not throw a model off. Write the usual clipping of gradients: if the "
        "norm of *all* gradients together, taken as one long vector, exceeds a limit, scale all "
        "of them down so that it equals the limit."
    ),
    hints=(
        "The norm of one long vector is the root of the sum of the squares of all its entries.",
        "There is one factor for all tensors. It is 1 if the norm is below the limit.",
        "`max_norm / max(norm, max_norm)` is such a factor.",
    ),
    solution=clip_gradients,
    cases=_clip_cases,
    wrong=(
        Wrong(
            _each_tensor,
            "Each tensor was clipped by its own norm. That changes the direction of the step: "
            "large gradients shrink, and small ones stay.",
        ),
        Wrong(
            _each_entry,
            "Each entry was limited. That is clipping by value: it bends the gradient towards a "
            "diagonal, and the norm may still exceed the limit.",
        ),
        Wrong(
            _always,
            "The gradients are always scaled to the limit. Small ones are blown up then, and near "
            "a minimum the steps never get smaller.",
        ),
        Wrong(_no_root, "The root is missing: you divided by the square of the norm."),
        Wrong(
            _sum_of_norms,
            "Norms of the tensors were added. The norm of all entries together is the root of the "
            "sum of their squares, and smaller than that.",
        ),
    ),
    uses=("math", "numpy"),
)

# -- whitening ------------------------------------------------------------------------------------


def whiten(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Bring the advantages of a batch to mean 0 and variance 1.

    Args:
        values: Advantages of the tokens, shape (B, T). What stands in the padding means nothing.
        mask: True for tokens that count, shape (B, T); at least two do.

    Returns:
        (value - mean) / sqrt(variance + 1e-8) where the mask is True, 0 elsewhere, shape (B, T).
        Mean and variance are over all tokens of the batch that count; the variance is the
        unbiased one, with N - 1 in the denominator.
    """
    kept = values[mask]
    whitened = (values - kept.mean()) / np.sqrt(kept.var(ddof=1) + 1e-8)
    return np.where(mask, whitened, 0.0)


def _padding_in_mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, whiten(values, np.ones_like(mask)), 0.0)


def _padding_not_zero(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    kept = values[mask]
    return (values - kept.mean()) / np.sqrt(kept.var(ddof=1) + 1e-8)


def _row_by_row(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.stack([whiten(*row) for row in zip(values, mask, strict=True)])


def _by_variance(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return whiten(values, mask) / np.sqrt(values[mask].var(ddof=1) + 1e-8)


def _biased(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return whiten(values, mask) * math.sqrt(mask.sum() / (mask.sum() - 1))


def _whiten_cases(rng: random.Random) -> Iterator[Case]:
    full = np.ones((1, 4), dtype=bool)
    a, b = rng.sample(range(-20, 20), 2)
    row = np.array([[a, b, a, b]]) / 2
    yield Case("one row", (row, full), "Which mean, which spread?")
    short = np.array([[True, True, True], [True, True, False]])
    ragged = np.array([[1.0, 2.0, 6.0], [-3.0, 0.0, 50.0]]) + numbers(rng, -2, 2, 2, 3)
    yield Case("padding", (ragged, short), "Is the last number an advantage? How many count?")
    flat = np.full((1, 3), rng.randint(-30, 30) / 10)
    yield Case("all equal", (flat, full[:, :3]), "What keeps 0 / 0 away?")
    other = np.round([[rng.gauss(2, 3) for _ in range(3)] for _ in range(2)], 1)
    yield Case("other advantages", (other, short), "Are the two rows treated as one set?")


WHITEN = CodeExercise(
    id="whiten-advantages",
    title="Whiten advantages",
    section="training",
    page="training/ppo",
    difficulty="medium",
    minutes=10,
    statement=(
        "PPO brings the advantages of a batch to mean 0 and variance 1, so that a learning rate "
        "means the same whatever the unit of the reward. Write it with a mask: padding must not "
        "take part, and gets 0."
    ),
    hints=(
        "`values[mask]` is a flat array of what counts, over all rows. Take mean and variance of "
        "that.",
        "Shift and scale the whole array with these two numbers, then put 0 where nothing counts.",
        "`kept.var(ddof=1)` is the unbiased variance; divide by `np.sqrt(... + 1e-8)`.",
    ),
    solution=whiten,
    cases=_whiten_cases,
    wrong=(
        Wrong(
            _padding_in_mean,
            "Padding takes part in mean and variance. What happens to stand there then moves every "
            "advantage.",
        ),
        Wrong(_padding_not_zero, "Padding should get 0. It is shifted and scaled like a token."),
        Wrong(
            _row_by_row,
            "Each answer was whitened on its own. Then a bad answer looks as good as a good one: "
            "each has mean 0.",
        ),
        Wrong(
            _by_variance,
            "You divided by the variance. The standard deviation is its root; after dividing by "
            "that, the variance is 1.",
        ),
        Wrong(
            _biased,
            "NumPy divides by N in a variance. Here N - 1 is asked for: `ddof=1`.",
        ),
    ),
    uses=("numpy",),
)

EXERCISES = (CLIP_GRADIENTS, WHITEN)
