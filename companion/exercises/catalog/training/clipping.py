"""An exercise: gradients clipped by their norm."""

import math
from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("pretraining", __name__)

exercise = page.exercise(
    title="Clip the gradient",
    difficulty="easy",
    minutes=10,
    statement="""
    One odd batch must not throw a model off. Write the usual clipping of gradients: if the norm of
    *all* gradients together, taken as one long vector, exceeds a limit, scale all of them down so
    that it equals the limit.
    """,
    hints=(
        "The norm of one long vector is the root of the sum of the squares of all its entries.",
        "There is one factor for all tensors. It is 1 if the norm is below the limit.",
        "`max_norm / max(norm, max_norm)` is such a factor.",
    ),
)


@exercise.solution
def clip_gradients(
    grads: list[np.ndarray],
    max_norm: float,
) -> list[np.ndarray]:
    """Scale gradients down if their norm over all weights is too large.

    Args:
        grads: Gradient of each weight tensor, any shapes.
        max_norm: Largest norm allowed, above 0.

    Returns:
        The gradients in the same order, all scaled by the same factor. If the
        norm is at most ``max_norm``, they stay as they are.
    """
    norm = math.sqrt(sum(float((grad**2).sum()) for grad in grads))
    scale = max_norm / max(norm, max_norm)
    return [scale * grad for grad in grads]


@exercise.cases
def _clip_cases(rng: Random) -> Cases:
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


@exercise.mistake(
    "Each tensor was clipped by its own norm. That changes the direction of the step: large "
    "gradients shrink, and small ones stay."
)
def _each_tensor(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    return [clip_gradients([grad], max_norm)[0] for grad in grads]


@exercise.mistake(
    "Each entry was limited. That is clipping by value: it bends the gradient towards a diagonal, "
    "and the norm may still exceed the limit."
)
def _each_entry(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    return [grad.clip(-max_norm, max_norm) for grad in grads]


@exercise.mistake(
    "The gradients are always scaled to the limit. Small ones are blown up then, and near a "
    "minimum the steps never get smaller."
)
def _always(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    norm = math.sqrt(sum(float((grad**2).sum()) for grad in grads))
    return [max_norm / norm * grad for grad in grads]


@exercise.mistake("The root is missing: you divided by the square of the norm.")
def _no_root(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    square = sum(float((grad**2).sum()) for grad in grads)
    return [max_norm / max(square, max_norm) * grad for grad in grads]


@exercise.mistake(
    "Norms of the tensors were added. The norm of all entries together is the root of the sum of "
    "their squares, and smaller than that."
)
def _sum_of_norms(grads: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    total = sum(float(np.linalg.norm(grad)) for grad in grads)
    return [max_norm / max(total, max_norm) * grad for grad in grads]
