"""Exercises: small parts for a frozen model: LoRA merged into a weight, a bottleneck adapter."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("lora", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="Merge LoRA into the weight",
    difficulty="easy",
    minutes=5,
    statement=r"""
    After training, the two thin products need not stay: $W_0 + \frac{\alpha}{r} B A$ has the shape
    of $W_0$. Compute it, and leave $W_0$ itself as it is: another update may be merged into it
    tomorrow.
    """,
    hints=(
        "Which of B A and A B has the shape of the weight?",
        "r is the number of rows of A.",
        "One line: the weight plus `alpha / len(lora_a)` times the product. Do not use `+=`.",
    ),
)


@exercise.solution
def merge_lora(
    weight: np.ndarray, lora_a: np.ndarray, lora_b: np.ndarray, alpha: float
) -> np.ndarray:
    """Return the weight of a plain layer that does what one with LoRA does.

    Args:
        weight: Frozen weight W0, shape (outputs, inputs). It is not changed.
        lora_a: A, shape (r, inputs).
        lora_b: B, shape (outputs, r).
        alpha: Strength of the update.

    Returns:
        Array of shape (outputs, inputs).
    """
    return weight + alpha / len(lora_a) * (lora_b @ lora_a)


@exercise.run
def _run_merge(
    answer: object, weight: object, lora_a: object, lora_b: object, alpha: float
) -> dict:
    return {"merged": answer(weight, lora_a, lora_b, alpha), "weight afterwards": weight}


@exercise.cases
def _merge_cases(rng: Random) -> Cases:
    yield Case(
        "rank 1",
        (np.eye(2), numbers(rng, 1, 4, 1, 2), np.array([[rng.randint(2, 9)], [0.0]]), 2.0),
        "B A is a table of products: which row is empty?",
    )
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    weight, a, b = (np.round(draw(size=size), 1) for size in ((3, 4), (2, 4), (3, 2)))
    yield Case("rank 2", (weight, a, b, 8.0), "What is alpha / r? Which of the sizes is r?")
    zero = np.zeros((3, 2))
    yield Case("before training", (weight, a, zero, 8.0), "What is B A if B is 0?")


@exercise.mistake(
    "The factor alpha / r is missing. The merged layer would differ from the one that was trained."
)
def _merge_unscaled(w: Array, a: Array, b: Array, _alpha: float) -> Array:
    return w + b @ a


@exercise.mistake("You divided by the number of outputs. r is the rank.")
def _scale_by_outputs(w: Array, a: Array, b: Array, alpha: float) -> Array:
    return w + alpha / len(b) * (b @ a)


@exercise.mistake("That is the update alone. Add it to the frozen weight.")
def _update_alone(w: Array, a: Array, b: Array, alpha: float) -> Array:
    return alpha / len(a) * (b @ a)


@exercise.mistake(
    "The result is right, but `weight` was changed in place. Merging a second time would add the "
    "update twice, and the frozen weight is gone."
)
def _in_place(w: Array, a: Array, b: Array, alpha: float) -> Array:
    w += alpha / len(a) * (b @ a)
    return w


exercise = page.exercise(
    title="A bottleneck adapter",
    difficulty="easy",
    minutes=10,
    statement=r"""
    An adapter stands behind a frozen layer: down to $m$ values, a nonlinearity, up again to $d$
    values, and a path around all that: $h + U\,\mathrm{relu}(D h + b) + c$. Write it for a sequence
    of $T$ tokens. (The book's own adapter has GELU in place of ReLU.)
    """,
    hints=(
        "With U and c at 0, what comes out must be what came in.",
        "The rows of h are tokens, so D h becomes `h @ down.T`.",
        "ReLU is `np.maximum(..., 0.0)`, and it acts on the m values in the middle only.",
    ),
)


@exercise.solution
def bottleneck_adapter(
    h: np.ndarray,
    down: np.ndarray,
    down_bias: np.ndarray,
    up: np.ndarray,
    up_bias: np.ndarray,
) -> np.ndarray:
    """Return h + U relu(D h + b) + c: down, up again, and a path around.

    Args:
        h: What the frozen layer gave, shape (T, d).
        down: D, shape (m, d).
        down_bias: b, shape (m,).
        up: U, shape (d, m).
        up_bias: c, shape (d,).

    Returns:
        Array of shape (T, d).
    """
    hidden = np.maximum(h @ down.T + down_bias, 0.0)  # (T, m)
    return h + hidden @ up.T + up_bias


@exercise.cases
def _adapter_cases(rng: Random) -> Cases:
    h = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]]) + numbers(rng, -0.4, 0.4, 2, 3)
    down, b = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), numbers(rng, 0.1, 0.9, 2)
    yield Case(
        "at the start, U and c are 0",
        (h, down, b, np.zeros((3, 2)), np.zeros(3)),
        "What should a model with fresh adapters do?",
    )
    up, c = np.array([[1.0, 0.0], [0.0, 1.0], [-2.0, 0.0]]), np.array([0.1, 0.2, -0.3])
    yield Case("after training", (h, down, b, up, c), "Which values does the ReLU set to 0?")
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    sizes = ((1, 4), (2, 4), (2,), (4, 2), (4,))
    other = tuple(np.round(draw(size=size), 1) for size in sizes)
    yield Case("one token of four values", other, "Which shape has each product on the way?")


@exercise.mistake(
    "The path around is missing. At the start U is 0, so everything that the model knows would be "
    "wiped out; with h added, the adapter starts as the identity."
)
def _no_way_around(h: Array, *weights: Array) -> Array:
    return bottleneck_adapter(h, *weights) - h


@exercise.mistake(
    "The nonlinearity is missing. Two linear layers in a row are one, and the adapter could be "
    "merged into the layer before it."
)
def _linear(h: Array, down: Array, down_bias: Array, up: Array, up_bias: Array) -> Array:
    return h + (h @ down.T + down_bias) @ up.T + up_bias


@exercise.mistake(
    "The ReLU belongs in the middle, between down and up. Behind the second layer it lets the "
    "adapter only add and never subtract."
)
def _relu_last(h: Array, down: Array, down_bias: Array, up: Array, up_bias: Array) -> Array:
    return h + np.maximum((h @ down.T + down_bias) @ up.T + up_bias, 0.0)


@exercise.mistake("The ReLU was put around the sum. Negative values of h itself are lost.")
def _relu_around_all(h: Array, *weights: Array) -> Array:
    return np.maximum(bottleneck_adapter(h, *weights), 0.0)


@exercise.mistake("The biases b and c are missing.")
def _no_biases(h: Array, down: Array, b: Array, up: Array, c: Array) -> Array:
    return bottleneck_adapter(h, down, 0 * b, up, 0 * c)
